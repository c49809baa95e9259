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
	"time"

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

// Processes in the group and below it, in whichever hierarchy. Their numbers are those that this process sees.
func (t *Tree) Processes(group string) []int {
	seen := map[int]bool{}
	for _, m := range t.mounts {
		for _, dir := range m.below(group) {
			text, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
			if err != nil {
				continue
			}
			for field := range strings.FieldsSeq(string(text)) {
				// A process outside this one's view is told as 0, and cannot be spoken to.
				if pid, err := strconv.Atoi(field); err == nil && pid > 0 {
					seen[pid] = true
				}
			}
		}
	}
	pids := make([]int, 0, len(seen))
	for pid := range seen {
		pids = append(pids, pid)
	}
	slices.Sort(pids)
	return pids
}

// below are the directories of the group and everything in it, the deepest last.
func (m mount) below(group string) []string {
	var dirs []string
	_ = filepath.WalkDir(m.path(group), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			dirs = append(dirs, path)
		}
		return nil
	})
	return dirs
}

// Freeze or thaw everything in the group.
func (t *Tree) Freeze(group string, frozen bool) error {
	file, value := "freezer.state", "THAWED"
	m := t.with("freezer")
	if m.root == "" {
		// Version 2 has it in every group, without a controller.
		m, file, value = t.with("cpu"), "cgroup.freeze", "0"
	}
	if frozen {
		value = map[string]string{"freezer.state": "FROZEN", "cgroup.freeze": "1"}[file]
	}
	return write(filepath.Join(m.path(group), file), value)
}

// thaw every group: a frozen process of version 1 does not die.
func (t *Tree) thaw(group string) {
	m := t.with("freezer")
	if m.root == "" {
		return
	}
	for _, dir := range m.below(group) {
		_ = write(filepath.Join(dir, "freezer.state"), "THAWED")
	}
}

// Clear kills what is in the group and removes it and all below it. It names what stays when the time is over.
func (t *Tree) Clear(group string, within time.Duration, kill func(pid int)) error {
	until := time.Now().Add(within)
	for {
		t.thaw(group)
		pids := t.Processes(group)
		for _, pid := range pids {
			kill(pid)
		}
		if len(pids) == 0 {
			if left := t.remove(group); left == nil {
				return nil
			} else if time.Now().After(until) {
				return left
			}
		}
		if time.Now().After(until) {
			return fmt.Errorf("processes %v in control group %s do not end", pids, group)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (t *Tree) remove(group string) error {
	var failed error
	for _, m := range t.mounts {
		dirs := m.below(group)
		for _, dir := range slices.Backward(dirs) {
			if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
				failed = err
			}
		}
	}
	return failed
}

// RemoveEmpty removes the group if nothing is in it.
func (t *Tree) RemoveEmpty(group string) {
	for _, m := range t.mounts {
		_ = os.Remove(m.path(group))
	}
}

// Children are the names of the groups directly inside, in any hierarchy.
func (t *Tree) Children(group string) []string {
	var names []string
	for _, m := range t.mounts {
		entries, err := os.ReadDir(m.path(group))
		if err != nil {
			continue
		}
		for _, entry := range entries {
			if entry.IsDir() && !slices.Contains(names, entry.Name()) {
				names = append(names, entry.Name())
			}
		}
	}
	slices.Sort(names)
	return names
}

// CPUTime that the group has used, and so all in it.
func (t *Tree) CPUTime(group string) (time.Duration, error) {
	if m := t.with("cpuacct"); m.root != "" {
		text, err := os.ReadFile(filepath.Join(m.path(group), "cpuacct.usage"))
		if err != nil {
			return 0, err
		}
		ns, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
		return time.Duration(ns), err
	}
	file := filepath.Join(t.with("cpu").path(group), "cpu.stat")
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if value, found := strings.CutPrefix(line, "usage_usec "); found {
			us, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
			return time.Duration(us) * time.Microsecond, err
		}
	}
	return 0, fmt.Errorf("%s: no usage_usec", file)
}
