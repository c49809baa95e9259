// Package space gives a node what a machine of its own would have: a network, a host name, and a root directory whose /var, /run and
// /tmp are nobody else's. Everything else of that root is the machine's, so its programs and libraries are there.
//
// Namespaces belong to threads. Whatever is done in one is done on a thread that is thrown away afterwards.
package space

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// Space holds a node's namespaces open; they are gone with the last process in them and this.
type Space struct {
	// Net may be asked for by whoever configures links.
	Net   *os.File
	mount *os.File
	host  *os.File
}

// Root of a node, as New is to make it.
type Root struct {
	// Hostname of the node.
	Hostname string
	// Var and Tmp are directories that become /var and /tmp.
	Var, Tmp string
	// Mountpoint is an empty directory; what is mounted on it is seen by the node alone.
	Mountpoint string
	// Programs is a directory that is seen at Bin.
	Programs string
	// Files of the kernel that the node reads so, and that take no change: what is the machine's stays the machine's.
	Files map[string]string
}

// Bin is where a node sees the programs of this cluster.
const Bin = "/run/jostle/bin"

// onThread runs something on a thread of its own, which ends with it: what it did to its namespaces stays there.
func onThread(do func() error) error {
	result := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: so the thread is not used again
		result <- do()
	}()
	return <-result
}

// New makes the namespaces and the root.
func New(root Root) (*Space, error) {
	made := &Space{}
	err := onThread(func() error {
		if err := unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS | unix.CLONE_NEWNET | unix.CLONE_NEWUTS); err != nil {
			return fmt.Errorf("namespaces of %s: %w", root.Hostname, err)
		}
		if err := unix.Sethostname([]byte(root.Hostname)); err != nil {
			return err
		}
		if err := root.build(); err != nil {
			return fmt.Errorf("root of %s: %w", root.Hostname, err)
		}
		for kind, file := range map[string]**os.File{"net": &made.Net, "mnt": &made.mount, "uts": &made.host} {
			opened, err := os.Open("/proc/thread-self/ns/" + kind)
			if err != nil {
				return err
			}
			*file = opened
		}
		return nil
	})
	return made, err
}

// Do something inside: files are the node's, as are new sockets, and processes that are started.
func (s *Space) Do(do func() error) error {
	return onThread(func() error {
		if err := unix.Unshare(unix.CLONE_FS); err != nil {
			return err
		}
		for file, kind := range map[*os.File]int{s.Net: unix.CLONE_NEWNET, s.host: unix.CLONE_NEWUTS, s.mount: unix.CLONE_NEWNS} {
			if err := unix.Setns(int(file.Fd()), kind); err != nil {
				return fmt.Errorf("enter a node: %w", err)
			}
		}
		return do()
	})
}

// bind shows a directory or a file at another place.
func bind(from, to string, flags uintptr) error {
	if err := unix.Mount(from, to, "", unix.MS_BIND|flags, ""); err != nil {
		return fmt.Errorf("bind %s on %s: %w", from, to, err)
	}
	return nil
}

func (r Root) build() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	at := r.Mountpoint
	if err := unix.Mount("tmpfs", at, "tmpfs", 0, "size=1m,mode=755"); err != nil {
		return err
	}
	if err := r.machine(at); err != nil {
		return err
	}
	for _, dir := range []string{"var", "run", "tmp", "proc"} {
		if err := os.Mkdir(filepath.Join(at, dir), 0o755); err != nil {
			return err
		}
	}
	if err := bind(r.Var, filepath.Join(at, "var"), 0); err != nil {
		return err
	}
	if err := bind(r.Tmp, filepath.Join(at, "tmp"), 0); err != nil {
		return err
	}
	if err := unix.Mount("tmpfs", filepath.Join(at, "run"), "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=755"); err != nil {
		return err
	}
	if err := unix.Mount("proc", filepath.Join(at, "proc"), "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return err
	}
	if err := r.own(at); err != nil {
		return err
	}
	// The old root is put where the new one is, below it, and let go of.
	if err := unix.Chdir(at); err != nil {
		return err
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("pivot_root: %w", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return err
	}
	if err := unix.Chdir("/"); err != nil {
		return err
	}
	// As systemd has it: a pod may ask that mounts of the node reach it.
	return unix.Mount("", "/", "", unix.MS_REC|unix.MS_SHARED, "")
}

// machine shows what is the machine's, as this process sees it: see ReadOnly.
func (r Root) machine(at string) error {
	entries, err := os.ReadDir("/")
	if err != nil {
		return err
	}
	own := map[string]bool{"var": true, "run": true, "tmp": true, "proc": true, "lost+found": true}
	for _, entry := range entries {
		from, to := filepath.Join("/", entry.Name()), filepath.Join(at, entry.Name())
		switch {
		case own[entry.Name()]:
		case entry.Type()&os.ModeSymlink != 0:
			target, err := os.Readlink(from)
			if err != nil {
				return err
			}
			if err := os.Symlink(target, to); err != nil {
				return err
			}
		case entry.IsDir():
			if err := os.Mkdir(to, 0o755); err != nil {
				return err
			}
			if err := bind(from, to, unix.MS_REC); err != nil {
				return err
			}
		}
	}
	return nil
}

// own adds what is this node's: programs, usual directories, and what it is to read of the kernel.
func (r Root) own(at string) error {
	bin := filepath.Join(at, Bin)
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return err
	}
	if err := bind(r.Programs, bin, 0); err != nil {
		return err
	}
	for _, dir := range []string{"run/netns", "run/lock", "run/jostle/files", "var/lib", "var/log", "var/cache", "var/tmp"} {
		if err := os.MkdirAll(filepath.Join(at, dir), 0o755); err != nil {
			return err
		}
	}
	if err := os.Chmod(filepath.Join(at, "var/tmp"), 0o1777); err != nil {
		return err
	}
	if err := os.Symlink("../run", filepath.Join(at, "var/run")); err != nil {
		return err
	}
	for name, value := range r.Files {
		target := filepath.Join(at, name)
		if _, err := os.Stat(target); err != nil {
			continue // this kernel has no such file, and nobody reads it then
		}
		file := filepath.Join(at, "run/jostle/files", strings.ReplaceAll(strings.Trim(name, "/"), "/", "."))
		if err := os.WriteFile(file, []byte(value+"\n"), 0o444); err != nil {
			return err
		}
		if err := bind(file, target, 0); err != nil {
			return err
		}
	}
	return nil
}
