// Package state is a cluster's directory: the only place on disk where it leaves anything. The file `shape` is written first and removed
// last, so that whatever an interrupted start leaves is known to belong to a cluster.
package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"jostle.dev/cluster/internal/shape"
)

// Default is where clusters are kept, unless the environment's Variable says otherwise.
const (
	Default  = "/var/lib/jostle/clusters"
	Variable = "JOSTLE_CLUSTERS"
)

// Dir is one cluster's directory.
type Dir struct{ base, name string }

// Of the cluster of this name.
func Of(name string) Dir {
	base := os.Getenv(Variable)
	if base == "" {
		base = Default
	}
	if absolute, err := filepath.Abs(base); err == nil {
		base = absolute
	}
	return Dir{base, name}
}

// Names of all clusters that have a directory.
func Names() []string {
	entries, err := os.ReadDir(Of("").base)
	if err != nil {
		return nil
	}
	var names []string
	for _, entry := range entries {
		if entry.IsDir() && shape.CheckName(entry.Name()) == nil {
			names = append(names, entry.Name())
		}
	}
	return names
}

// Base is the directory that holds it.
func (d Dir) Base() string { return d.base }

// Path of the directory, or of something in it.
func (d Dir) Path(parts ...string) string {
	return filepath.Join(append([]string{d.base, d.name}, parts...)...)
}

// Kubeconfig is the administrator's.
func (d Dir) Kubeconfig() string { return d.Path("kubeconfig") }

// Socket is where the supervisor answers.
func (d Dir) Socket() string { return d.Path("supervisor.sock") }

// Log of a component, such as n0-0/kubelet.
func (d Dir) Log(component string) string {
	return d.Path("log", strings.ReplaceAll(component, "/", "-")+".log")
}

// Node is the directory of a node.
func (d Dir) Node(name string, parts ...string) string {
	return d.Path(append([]string{"nodes", name}, parts...)...)
}

// Group is the cluster's control group, below every mount.
func (d Dir) Group() string { return Groups + "/" + d.name }

// Groups is the control group above all clusters'.
const Groups = "jostle-cluster"

// ErrNone says that there is no such cluster.
var ErrNone = errors.New("there is no such cluster")

// Read the shape. ErrNone where there is no directory; any other error means that it is not what `up` wrote.
func (d Dir) Read() (shape.Shape, error) {
	if _, err := os.Stat(d.Path()); errors.Is(err, fs.ErrNotExist) {
		return shape.Shape{}, ErrNone
	}
	text, err := os.ReadFile(d.Path("shape"))
	if err != nil {
		return shape.Shape{}, d.corrupt(err)
	}
	read, err := shape.Decode(text)
	if err == nil && read.Name != d.name {
		err = fmt.Errorf("it names %q", read.Name)
	}
	if err != nil {
		return shape.Shape{}, d.corrupt(err)
	}
	return read, nil
}

func (d Dir) corrupt(err error) error {
	return fmt.Errorf("%s is not the directory of a cluster, or a broken one: %w", d.Path(), err)
}

// Create the directory, with its shape.
func (d Dir) Create(s shape.Shape) error {
	if err := os.MkdirAll(d.Path(), 0o700); err != nil {
		return err
	}
	text, err := s.Encode()
	if err != nil {
		return err
	}
	if err := os.WriteFile(d.Path("shape"), text, 0o600); err != nil {
		return err
	}
	return os.Mkdir(d.Path("log"), 0o700)
}

// Remove it and, where they are empty, the directories that were made for it.
func (d Dir) Remove() error {
	if err := os.RemoveAll(d.Path()); err != nil {
		return err
	}
	_ = os.Remove(d.base)
	if d.base == Default {
		_ = os.Remove(filepath.Dir(d.base))
	}
	return nil
}

// Lock keeps commands that change a cluster apart. The kernel frees it when the process ends.
type Lock struct{ file *os.File }

// Lock the name, waiting for another command to end.
func (d Dir) Lock(wait time.Duration) (*Lock, error) {
	path := "/run/jostle-cluster-" + d.name + ".lock"
	until := time.Now().Add(wait)
	for {
		file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|unix.O_NOFOLLOW, 0o600)
		if err != nil {
			return nil, err
		}
		if unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil {
			// The file may have been removed by whoever held it.
			if same(file, path) {
				return &Lock{file}, nil
			}
		}
		file.Close()
		if time.Now().After(until) {
			return nil, fmt.Errorf("another command is changing cluster %s: wait for it", d.name)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func same(file *os.File, path string) bool {
	held, err := file.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(path)
	return err == nil && os.SameFile(held, there)
}

// Release it, and remove its file.
func (l *Lock) Release() {
	_ = os.Remove(l.file.Name())
	l.file.Close()
}
