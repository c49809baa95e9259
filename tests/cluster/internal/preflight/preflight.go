// Package preflight asks, before anything is made, whether this machine can carry a cluster. Every refusal says what would be accepted.
package preflight

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"jostle.dev/cluster/internal/cgroup"
	"jostle.dev/cluster/internal/hosts"
	"jostle.dev/cluster/internal/shape"
	"jostle.dev/cluster/internal/state"
)

// What a cluster takes: with 16 nodes and nothing running in them, seen to be below this.
const (
	memoryOfControl = 700 << 20
	memoryOfNode    = 90 << 20
	memoryOfProxy   = 30 << 20
	diskOfCluster   = 1 << 30
	diskOfNode      = 20 << 20
)

// A socket's path may have 107 bytes; the longest below a cluster's directory has these.
const longestSocket = 107 - len("/supervisor.sock")

// Machine is what was found.
type Machine struct {
	Groups *cgroup.Tree
	Layout hosts.Layout
	// Plugins is the directory of CNI's plugins.
	Plugins string
}

// Root says that only root can.
func Root() error {
	if os.Geteuid() != 0 {
		return errors.New("only root can make namespaces, links and control groups: accepted: root, for example by sudo")
	}
	return nil
}

// Check everything.
func Check(asked shape.Shape, dir state.Dir) (Machine, error) {
	var found Machine
	var err error
	if found.Layout, err = hosts.OfThisMachine(asked.Hosts, asked.Nodes); err != nil {
		return found, err
	}
	if found.Plugins, err = programs(); err != nil {
		return found, err
	}
	if len(dir.Path()) > longestSocket {
		return found, fmt.Errorf("%s is too long for sockets: accepted: a shorter %s, of up to %d bytes with the name", dir.Path(), state.Variable, longestSocket)
	}
	if found.Groups, err = cgroup.Open(); err != nil {
		return found, err
	}
	if err := memory(asked); err != nil {
		return found, err
	}
	if err := disk(asked, dir.Base()); err != nil {
		return found, err
	}
	return found, kernel(dir.Base())
}

// Programs that are needed, and the Debian packages that hold them.
var needed = []struct{ path, pack string }{
	{"/usr/bin/containerd", "containerd"}, {"/usr/bin/ctr", "containerd"}, {"/usr/bin/containerd-shim-runc-v2", "containerd"},
	{"runc", "runc"}, {"iptables", "iptables"}, {"/bin/cp", "coreutils"},
}

// Where distributions put CNI's plugins.
var pluginPlaces = []string{"/usr/lib/cni", "/opt/cni/bin", "/usr/libexec/cni"}

func programs() (string, error) {
	var missing, packs []string
	miss := func(what, pack string) {
		missing = append(missing, what)
		if len(packs) == 0 || packs[len(packs)-1] != pack {
			packs = append(packs, pack)
		}
	}
	for _, each := range needed {
		if !there(each.path) {
			miss(filepath.Base(each.path), each.pack)
		}
	}
	plugins := ""
	for _, place := range pluginPlaces {
		if there(place+"/bridge") && there(place+"/host-local") && there(place+"/portmap") {
			plugins = place
			break
		}
	}
	if plugins == "" {
		miss("CNI's plugins", "containernetworking-plugins")
	}
	if len(missing) > 0 {
		return "", fmt.Errorf("missing: %s: accepted: apt-get install %s", strings.Join(missing, ", "), strings.Join(packs, " "))
	}
	return plugins, nil
}

func there(program string) bool {
	places := []string{""}
	if !filepath.IsAbs(program) {
		places = []string{"/usr/local/sbin/", "/usr/local/bin/", "/usr/sbin/", "/usr/bin/", "/sbin/", "/bin/"}
	}
	for _, place := range places {
		if info, err := os.Stat(place + program); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return true
		}
	}
	return false
}

func memory(asked shape.Shape) error {
	_, available, err := hosts.Memory()
	if err != nil {
		return err
	}
	nodes := uint64(asked.Hosts * asked.Nodes)
	wanted := memoryOfControl + nodes*memoryOfNode
	if asked.Proxy {
		wanted += nodes * memoryOfProxy
	}
	if available < wanted {
		return fmt.Errorf("%d nodes want %d MiB of memory, and %d MiB are available: accepted: fewer nodes, or less else running", nodes, wanted>>20, available>>20)
	}
	return nil
}

func disk(asked shape.Shape, base string) error {
	at := existing(base)
	var found unix.Statfs_t
	if err := unix.Statfs(at, &found); err != nil {
		return fmt.Errorf("%s: %w", at, err)
	}
	free, wanted := found.Bavail*uint64(found.Bsize), uint64(diskOfCluster+asked.Hosts*asked.Nodes*diskOfNode)
	if free < wanted {
		return fmt.Errorf("%d MiB are wanted below %s, and %d MiB are free: accepted: more room, or another place by %s", wanted>>20, at, free>>20, state.Variable)
	}
	return nil
}

// existing is the nearest directory that is there.
func existing(path string) string {
	for path != "/" {
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			return path
		}
		path = filepath.Dir(path)
	}
	return path
}

// kernel tries what a node wants, in namespaces that are gone at once.
func kernel(base string) error {
	result := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends, and its namespaces with it
		result <- try(existing(base))
	}()
	return <-result
}

func try(at string) error {
	if err := unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS | unix.CLONE_NEWNET | unix.CLONE_NEWUTS); err != nil {
		return fmt.Errorf("no namespaces: %w: accepted: root with CAP_SYS_ADMIN, as `docker run --privileged` has", err)
	}
	if err := netlink.LinkAdd(&netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "try0"}}); err != nil {
		return fmt.Errorf("no bridge: %w: accepted: a kernel with CONFIG_BRIDGE (modprobe bridge), and CAP_NET_ADMIN", err)
	}
	if err := netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "try1"}, PeerName: "try2"}); err != nil {
		return fmt.Errorf("no veth: %w: accepted: a kernel with CONFIG_VETH (modprobe veth)", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("no mounts: %w: accepted: root with CAP_SYS_ADMIN", err)
	}
	dir, err := os.MkdirTemp(at, ".jostle-try-")
	if err != nil {
		return fmt.Errorf("%s cannot be written: %w: accepted: another place by %s", at, err, state.Variable)
	}
	defer os.RemoveAll(dir)
	for _, sub := range []string{"lower", "upper", "work", "merged"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o700); err != nil {
			return err
		}
	}
	options := fmt.Sprintf("lowerdir=%[1]s/lower,upperdir=%[1]s/upper,workdir=%[1]s/work", dir)
	if err := unix.Mount("overlay", dir+"/merged", "overlay", 0, options); err != nil {
		return fmt.Errorf("no overlay below %s: %w: accepted: a kernel with CONFIG_OVERLAY_FS (modprobe overlay), and a place on ext4 or xfs by %s", at, err, state.Variable)
	}
	return unix.Unmount(dir+"/merged", 0)
}
