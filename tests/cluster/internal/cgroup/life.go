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
)

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
