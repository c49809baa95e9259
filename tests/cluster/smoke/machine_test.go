package smoke

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"jostle.dev/cluster/internal/state"
)

// machine is what a cluster must not change.
type machine struct {
	sysctls                 map[string]string
	links, routes, firewall string
	mounts                  []string
	// places are what containers, kubelets and clusters could have left.
	places    []string
	processes []string
	// ahead is how far the clock is ahead of the time since boot.
	ahead time.Duration
}

// moving are settings that tell how things are, and change by themselves.
var moving = regexp.MustCompile(`^(fs/(dentry-state|file-nr|inode-nr|inode-state|aio-nr|quota/)|kernel/(random/|ns_last_pid|pty/nr|pid_max)|net/netfilter/nf_conntrack_count|kernel/perf_event_max_sample_rate|vm/.*stat.*)`)

func look(t *testing.T) machine {
	t.Helper()
	seen := machine{sysctls: map[string]string{}}
	_ = filepath.WalkDir("/proc/sys", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return nil
		}
		name := strings.TrimPrefix(path, "/proc/sys/")
		if moving.MatchString(name) {
			return nil
		}
		if text, err := os.ReadFile(path); err == nil {
			seen.sysctls[name] = string(text)
		}
		return nil
	})
	seen.links = said(t, "/sys/class/net")
	for _, file := range []string{"/proc/net/route", "/proc/net/ipv6_route"} {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(text)) {
			// How often a route was used is no setting.
			if fields := strings.Fields(line); file == "/proc/net/route" && len(fields) > 7 {
				seen.routes += strings.Join(append(fields[:4:4], fields[7]), " ") + "\n"
			} else if file == "/proc/net/ipv6_route" && len(fields) > 9 {
				seen.routes += fields[0] + " " + fields[1] + " " + fields[4] + " " + fields[9] + "\n"
			}
		}
	}
	for _, tool := range []string{"iptables-save", "ip6tables-save"} {
		if text, err := exec.Command(tool).Output(); err == nil {
			for line := range strings.Lines(string(text)) {
				if !strings.HasPrefix(line, "#") {
					seen.firewall += regexp.MustCompile(`\[\d+:\d+\]`).ReplaceAllString(line, "")
				}
			}
		}
	}
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 4 && ours(fields[4]) {
			seen.mounts = append(seen.mounts, fields[4])
		}
	}
	for _, place := range []string{
		"/var/lib/cni", "/var/lib/kubelet", "/var/lib/containerd", "/run/containerd", "/run/netns", "/run/cni-addresses",
		"/var/log/pods", "/var/log/containers", "/etc/cni", "/etc/kubernetes", "/usr/libexec/kubernetes", "/opt/cni", "/opt/containerd",
	} {
		_ = filepath.WalkDir(place, func(path string, _ fs.DirEntry, err error) error {
			if err == nil {
				seen.places = append(seen.places, path)
			}
			return nil
		})
	}
	for _, pattern := range []string{state.Default + "/*", "/run/jostle-cluster-*", "/var/lib/.jostle*", "/sys/fs/cgroup/jostle-cluster*", "/sys/fs/cgroup/*/jostle-cluster*", "/tmp/containerd*"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		seen.places = append(seen.places, found...)
	}
	seen.processes = processes()
	var real, boot unix.Timespec
	if unix.ClockGettime(unix.CLOCK_REALTIME, &real) != nil || unix.ClockGettime(unix.CLOCK_BOOTTIME, &boot) != nil {
		t.Fatal("no clock")
	}
	seen.ahead = time.Duration(real.Nano() - boot.Nano())
	return seen
}

func ours(path string) bool {
	return strings.Contains(path, "jostle") || strings.Contains(path, "containerd") || strings.Contains(path, "kubelet") || strings.HasPrefix(path, "/run/netns")
}

// processes of clusters and of container runtimes, by number and program.
func processes() []string {
	var found []string
	entries, _ := filepath.Glob("/proc/[0-9]*/exe")
	for _, entry := range entries {
		program, err := os.Readlink(entry)
		if err != nil {
			continue
		}
		name := filepath.Base(strings.TrimSuffix(program, " (deleted)"))
		if slices.Contains([]string{"cluster", "probe", "containerd", "containerd-shim-runc-v2", "runc"}, name) {
			found = append(found, fmt.Sprintf("%s of process %s", name, strings.Split(entry, "/")[2]))
		}
	}
	return found
}

func said(t *testing.T, dir string) string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return strings.Join(names, " ")
}

// untouched compares what is the machine's own: settings, network and clock. While a cluster is up, too.
func (before machine) untouched(t *testing.T, when string) {
	t.Helper()
	now := look(t)
	for name, value := range before.sysctls {
		if now.sysctls[name] != value {
			t.Errorf("%s: sysctl %s was %q and is %q", when, name, value, now.sysctls[name])
		}
	}
	if now.links != before.links {
		t.Errorf("%s: links were %s and are %s", when, before.links, now.links)
	}
	if now.routes != before.routes {
		t.Errorf("%s: routes were\n%sand are\n%s", when, before.routes, now.routes)
	}
	if now.firewall != before.firewall {
		t.Errorf("%s: the firewall was\n%sand is\n%s", when, before.firewall, now.firewall)
	}
	if !slices.Equal(now.mounts, before.mounts) {
		t.Errorf("%s: mounts were %v and are %v", when, before.mounts, now.mounts)
	}
	if moved := (now.ahead - before.ahead).Abs(); moved > time.Second {
		t.Errorf("%s: the clock was set by %s", when, moved)
	}
}

// left is what is there now and was not: nothing, after `down`. The kernel ends processes and namespaces a little later than it says.
func (before machine) left(t *testing.T) {
	t.Helper()
	before.untouched(t, "after down")
	for until := time.Now().Add(5 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		now := look(t)
		added := slices.DeleteFunc(append(now.places, now.processes...), func(what string) bool {
			return slices.Contains(before.places, what) || slices.Contains(before.processes, what)
		})
		if len(added) == 0 {
			return
		}
		if time.Now().After(until) {
			t.Errorf("left: %v", added)
			return
		}
	}
}
