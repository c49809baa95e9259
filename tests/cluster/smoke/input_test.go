package smoke

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func startOf(t *testing.T, name string, hosts, nodes int) *exec.Cmd {
	t.Helper()
	command := exec.Command(program(t), "up", "--name", name, "--hosts", fmt.Sprint(hosts), "--nodes", fmt.Sprint(nodes))
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	return command
}

// Everything that cannot be is said before anything is made, with what would be accepted and exit code 2.
func TestBadInput(t *testing.T) {
	tool := program(t)
	before := look(t)
	check := func(what string, done result, want string) {
		t.Helper()
		if done.code != 2 || !strings.Contains(done.text, want) || !strings.Contains(done.text, "accepted: ") {
			t.Errorf("%s: exit code %d, %q; wanted %q", what, done.code, done.text, want)
		}
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"up", "--hosts", "0"}, "0 hosts of 4 nodes: accepted: at least 1 of each"},
		{[]string{"up", "--hosts", "100", "--nodes", "100"}, "at most 200 nodes in all"},
		{[]string{"up", "--name", "../etc"}, `name "../etc": accepted: up to 30 lower-case letters`},
		{[]string{"down", "--name", "/"}, `name "/": accepted:`},
		{[]string{"status", "--name", "nobody"}, "accepted: "},
		{[]string{"fault", "node", "--name", "nobody", "n0-0", "freeze"}, "accepted: "},
		{[]string{"fault", "node", "n0-0", "melt"}, `"melt": accepted: freeze or thaw`},
		{[]string{"image", "build", "--name", "probe", "--out", "x.tar", tool}, `name "probe": accepted: a registry, a name and a tag, such as localhost/probe:1`},
		{[]string{"image", "build", "--name", "localhost/p:1", "--out", "x.tar", tool + "=bin"}, "accepted: FILE=PLACE with an absolute place"},
		{[]string{"image", "build", "--name", "localhost/p:1", "--out", "x.tar", "/"}, "accepted: "},
	} {
		check(strings.Join(c.args, " "), run(t, c.args...), c.want)
	}
	if done := run(t, "up", "--hosts", "four"); done.code != 2 {
		t.Errorf("a number in words: %d %s", done.code, done.text)
	}

	// Who is not root may run the program, where it may read it.
	public := filepath.Join(t.TempDir(), "cluster")
	for dir := public; dir != "/"; dir = filepath.Dir(dir) {
		_ = os.Chmod(filepath.Dir(dir), 0o755)
		if filepath.Dir(dir) == os.TempDir() {
			break
		}
	}
	if err := os.Link(tool, public); err != nil {
		if text, err := exec.Command("cp", tool, public).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
	}
	for _, verb := range []string{"up", "status", "down"} {
		other := exec.Command(public, verb)
		other.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		check("not root: "+verb, finish(t, other), "only root can make namespaces, links and control groups: accepted: root")
	}

	// What the machine may lack, in a view of it that lacks it.
	for want, lack := range map[string]string{
		"missing: containerd: accepted: apt-get install containerd":                                "mount --bind /dev/null /usr/bin/containerd",
		"missing: runc, CNI's plugins: accepted: apt-get install runc containernetworking-plugins": "mount --bind /dev/null $(command -v runc); mount -t tmpfs none /usr/lib/cni",
		"MiB are wanted below /mnt, and 10 MiB are free: accepted: more room":                      "mount -t tmpfs -o size=10m none /mnt; export JOSTLE_CLUSTERS=/mnt/clusters",
		"16 nodes want 2140 MiB of memory, and 488 MiB are available: accepted: fewer nodes":       "printf 'MemTotal: 8000000 kB\\nMemAvailable: 500000 kB\\n' >/mnt/m; mount --bind /mnt/m /proc/meminfo",
		"no overlay below /mnt/over": "mkdir /mnt/a /mnt/b /mnt/c /mnt/over; mount -t overlay -o lowerdir=/mnt/a,upperdir=/mnt/b,workdir=/mnt/c o /mnt/over; export JOSTLE_CLUSTERS=/mnt/over/clusters",
		"no cgroup controller cpu, cpuset, memory, pids is mounted here: accepted: cgroup v2": "umount -R /sys/fs/cgroup; umount -R /sys/fs/cgroup || true",
	} {
		room := "mount -t tmpfs none /mnt; "
		if strings.Contains(want, "below /mnt, ") {
			room = ""
		}
		view := exec.Command("unshare", "--mount", "sh", "-c", room+lack+"; exec "+tool+" up --name lacking")
		check(lack, finish(t, view), want)
	}
	long := exec.Command(tool, "up")
	long.Env = append(os.Environ(), "JOSTLE_CLUSTERS=/"+strings.Repeat("long", 30))
	check("a long path", finish(t, long), "is too long for sockets: accepted: a shorter JOSTLE_CLUSTERS")

	c := start(t, "input", "--hosts", "1", "--nodes", "1")
	check("no such node", run(t, "exec", "--name", c.name, "--node", "n7-7", "true"), `there is no node "n7-7": accepted: n0-0 to n0-0`)
	broken := filepath.Join(t.TempDir(), "image.tar")
	if err := os.WriteFile(broken, []byte("no archive"), 0o600); err != nil {
		t.Fatal(err)
	}
	if done := run(t, "image", "load", "--name", c.name, broken); done.code != 2 || !strings.Contains(done.text, "no archive of images") {
		t.Errorf("a broken archive: %d %s", done.code, done.text)
	}
	if done := run(t, "fault", "process", "--name", c.name, "nothing", "kill"); done.code != 3 || !strings.Contains(done.text, `there is no component "nothing"`) {
		t.Errorf("no such component: %d %s", done.code, done.text)
	}
	must(t, "down", "--name", c.name)
	before.left(t)
}
