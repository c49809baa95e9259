// Package cgroup makes, fills and removes control groups of both versions. A group is one path, present below every mount: a version 1
// machine has a mount for each controller (or several together), a version 2 machine one for all, a hybrid one both. Nothing outside
// this package asks which it is.
//
// Files: Documentation/admin-guide/cgroup-v1, scheduler/sched-bwc.rst and admin-guide/cgroup-v2.rst of the Linux kernel.
package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"jostle.dev/cluster/internal/hosts"
)

// needed by the kubelet; without one of them it does not start.
var needed = []string{"cpu", "cpuset", "memory", "pids"}

// mount is one mounted hierarchy.
type mount struct {
	root        string
	unified     bool
	controllers []string
}

// Tree is everything that is mounted.
type Tree struct{ mounts []mount }

// Open finds the mounts of this machine, and refuses one that lacks a controller.
func Open() (*Tree, error) {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	return open(string(text))
}

func open(mountinfo string) (*Tree, error) {
	tree := &Tree{}
	held := map[string]bool{}
	for line := range strings.Lines(mountinfo) {
		before, after, found := strings.Cut(strings.TrimSpace(line), " - ")
		fields, kind := strings.Fields(before), strings.Fields(after)
		// A part of a hierarchy that is mounted elsewhere, as containers have it, is no place to make groups in.
		if !found || len(fields) < 5 || len(kind) < 3 || fields[3] != "/" {
			continue
		}
		m := mount{root: fields[4], unified: kind[0] == "cgroup2"}
		switch kind[0] {
		case "cgroup2":
			text, err := os.ReadFile(filepath.Join(m.root, "cgroup.controllers"))
			if err != nil {
				return nil, err
			}
			m.controllers = strings.Fields(string(text))
		case "cgroup":
			m.controllers = strings.Split(kind[2], ",")
		default:
			continue
		}
		if slices.ContainsFunc(tree.mounts, func(seen mount) bool { return seen.root == m.root }) {
			continue
		}
		tree.mounts = append(tree.mounts, m)
		for _, controller := range m.controllers {
			held[controller] = true
		}
	}
	var missing []string
	for _, controller := range needed {
		if !held[controller] {
			missing = append(missing, controller)
		}
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("no cgroup controller %s is mounted here: accepted: cgroup v2 at /sys/fs/cgroup, or every controller of v1 below it", strings.Join(missing, ", "))
	}
	return tree, nil
}

// Version in words: v1, v2 or hybrid, after the controller of CPU time.
func (t *Tree) Version() string {
	unified := t.with("cpu").unified
	for _, m := range t.mounts {
		if m.unified != unified {
			return "hybrid, cpu on " + version(unified)
		}
	}
	return version(unified)
}

func version(unified bool) string {
	if unified {
		return "v2"
	}
	return "v1"
}

func (t *Tree) with(controller string) mount {
	for _, m := range t.mounts {
		if slices.Contains(m.controllers, controller) {
			return m
		}
	}
	return mount{}
}

func (m mount) path(group string) string { return filepath.Join(m.root, group) }

func write(path, value string) error {
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = file.WriteString(value)
	return err
}

// Create the group, and those above it. One that is there stays as it is.
func (t *Tree) Create(group string) error {
	for _, m := range t.mounts {
		if err := m.create(group); err != nil {
			return fmt.Errorf("control group %s: %w", m.path(group), err)
		}
	}
	return nil
}

func (m mount) create(group string) error {
	at := ""
	for part := range strings.SplitSeq(strings.Trim(group, "/"), "/") {
		parent := at
		at = filepath.Join(at, part)
		if m.unified {
			if err := m.delegate(parent); err != nil {
				return err
			}
		}
		err := os.Mkdir(m.path(at), 0o755)
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		if err == nil && slices.Contains(m.controllers, "cpuset") && !m.unified {
			if err := m.inherit(parent, at); err != nil {
				return err
			}
		}
	}
	return nil
}

// delegate hands the controllers that this cluster wants on to a group's children.
func (m mount) delegate(group string) error {
	text, err := os.ReadFile(filepath.Join(m.path(group), "cgroup.subtree_control"))
	if err != nil {
		return err
	}
	enabled := strings.Fields(string(text))
	for _, controller := range m.controllers {
		if !slices.Contains([]string{"cpu", "cpuset", "memory", "pids", "io", "hugetlb"}, controller) || slices.Contains(enabled, controller) {
			continue
		}
		if err := write(filepath.Join(m.path(group), "cgroup.subtree_control"), "+"+controller); err != nil {
			return fmt.Errorf("hand on %s: %w (a group that holds processes cannot: run this outside a container, or at its root)", controller, err)
		}
	}
	return nil
}

// inherit fills a new cpuset of version 1: without CPUs and memory nodes it takes no process.
func (m mount) inherit(parent, group string) error {
	for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
		value, err := os.ReadFile(filepath.Join(m.path(parent), file))
		if err != nil {
			return err
		}
		if err := write(filepath.Join(m.path(group), file), strings.TrimSpace(string(value))); err != nil {
			return err
		}
	}
	return nil
}

// SetShares weighs the group among its siblings.
func (t *Tree) SetShares(group string, shares uint64) error {
	if m := t.with("cpu"); m.unified {
		return write(filepath.Join(m.path(group), "cpu.weight"), strconv.FormatUint(hosts.Weight(shares), 10))
	} else {
		return write(filepath.Join(m.path(group), "cpu.shares"), strconv.FormatUint(shares, 10))
	}
}

// SetQuota bounds the group's CPU time in every period, in microseconds.
func (t *Tree) SetQuota(group string, us uint64) error {
	m, period := t.with("cpu"), hosts.Shared.PeriodUS
	if m.unified {
		return write(filepath.Join(m.path(group), "cpu.max"), fmt.Sprintf("%d %d", us, period))
	}
	if err := write(filepath.Join(m.path(group), "cpu.cfs_period_us"), strconv.FormatUint(period, 10)); err != nil {
		return err
	}
	return write(filepath.Join(m.path(group), "cpu.cfs_quota_us"), strconv.FormatUint(us, 10))
}

// SetCPUs pins the group.
func (t *Tree) SetCPUs(group string, cpus []int) error {
	return write(filepath.Join(t.with("cpuset").path(group), "cpuset.cpus"), List(cpus))
}

// List of CPUs as the kernel reads it.
func List(cpus []int) string {
	var parts []string
	for _, cpu := range cpus {
		parts = append(parts, strconv.Itoa(cpu))
	}
	return strings.Join(parts, ",")
}

// Add a process, by its number as this process sees it.
func (t *Tree) Add(group string, pid int) error {
	for _, m := range t.mounts {
		if err := write(filepath.Join(m.path(group), "cgroup.procs"), strconv.Itoa(pid)); err != nil {
			return fmt.Errorf("control group %s: %w", m.path(group), err)
		}
	}
	return nil
}

// Exists says whether any part of the group is there.
func (t *Tree) Exists(group string) bool {
	return slices.ContainsFunc(t.mounts, func(m mount) bool {
		_, err := os.Stat(m.path(group))
		return err == nil
	})
}
