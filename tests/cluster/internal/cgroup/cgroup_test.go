package cgroup

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"jostle.dev/cluster/internal/hosts"
)

// fixture is a tree of plain files that looks like the mounts of a machine.
func fixture(t *testing.T, kinds ...string) (*Tree, string) {
	t.Helper()
	root := t.TempDir()
	var lines []string
	for _, kind := range kinds {
		dir := filepath.Join(root, kind)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		files := map[string]string{"cgroup.procs": ""}
		line := "1 1 0:1 / " + dir + " rw - cgroup cgroup rw," + kind
		switch kind {
		case "unified", "empty":
			line = "1 1 0:1 / " + dir + " rw - cgroup2 cgroup2 rw"
			files["cgroup.controllers"], files["cgroup.subtree_control"] = "", ""
			if kind == "unified" {
				files["cgroup.controllers"] = "cpuset cpu io memory hugetlb pids rdma"
			}
		case "cpuset":
			files["cpuset.cpus"], files["cpuset.mems"] = "0-3", "0"
		}
		for name, text := range files {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		lines = append(lines, line)
	}
	tree, err := open(strings.Join(append(lines, "2 1 8:1 / / rw - ext4 /dev/sda rw"), "\n"))
	if err != nil {
		t.Fatal(err)
	}
	return tree, root
}

var versionOne = []string{"cpu", "cpuacct", "cpuset", "memory", "pids", "freezer"}

func TestVersions(t *testing.T) {
	for want, kinds := range map[string][]string{
		"v1": versionOne, "v2": {"unified"}, "hybrid, cpu on v1": append(slices.Clone(versionOne), "empty"),
	} {
		if tree, _ := fixture(t, kinds...); tree.Version() != want {
			t.Errorf("%v are %q, not %q", kinds, tree.Version(), want)
		}
	}
}

func TestMissingControllers(t *testing.T) {
	_, err := open("1 1 0:1 / /x rw - cgroup cgroup rw,cpu,cpuacct\n1 1 0:1 /docker/1 /y rw - cgroup cgroup rw,memory\n")
	if err == nil || !strings.Contains(err.Error(), "no cgroup controller cpuset, memory, pids is mounted here: accepted: cgroup v2") {
		t.Error(err)
	}
}

// values that were written below a mount; on plain files each is the last.
func value(t *testing.T, parts ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(parts...))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return string(text)
}

// touch makes the kernel's files of a group: writers here do not create any.
func touch(t *testing.T, files ...string) {
	t.Helper()
	for _, file := range files {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestVersion1Values(t *testing.T) {
	tree, root := fixture(t, versionOne...)
	touch(t, root+"/cpuset/a/cpuset.cpus", root+"/cpuset/a/cpuset.mems", root+"/cpu/a/cpu.shares", root+"/cpu/a/cpu.cfs_period_us", root+"/cpu/a/cpu.cfs_quota_us", root+"/freezer/a/freezer.state")
	for _, err := range []error{tree.Create("a"), tree.SetShares("a", 72), tree.SetQuota("a", 9000), tree.SetCPUs("a", []int{1, 3}), tree.Freeze("a", true)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for file, want := range map[string]string{
		"cpu/a/cpu.shares": "72", "cpu/a/cpu.cfs_period_us": "100000", "cpu/a/cpu.cfs_quota_us": "9000", "cpuset/a/cpuset.cpus": "1,3", "freezer/a/freezer.state": "FROZEN",
	} {
		if got := value(t, root, file); got != want {
			t.Errorf("%s is %q, not %q", file, got, want)
		}
	}
	for _, controller := range versionOne {
		if _, err := os.Stat(filepath.Join(root, controller, "a")); err != nil {
			t.Error(err)
		}
	}
}

// Version 2: controllers are handed on above, not in the group itself, and only those that are not yet.
func TestVersion2Values(t *testing.T) {
	tree, root := fixture(t, "unified")
	top := root + "/unified/"
	touch(t, top+"a/cgroup.subtree_control", top+"a/b/cpu.weight", top+"a/b/cpu.max", top+"a/b/cpuset.cpus", top+"a/b/cgroup.freeze", top+"a/b/cgroup.subtree_control")
	for _, err := range []error{tree.Create("a/b"), tree.SetShares("a/b", 72), tree.SetQuota("a/b", 9000), tree.SetCPUs("a/b", []int{1, 3}), tree.Freeze("a/b", true)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for file, want := range map[string]string{
		"a/b/cpu.weight": "14", "a/b/cpu.max": "9000 100000", "a/b/cpuset.cpus": "1,3", "a/b/cgroup.freeze": "1", "a/b/cgroup.subtree_control": "",
	} {
		if got := value(t, top, file); got != want {
			t.Errorf("%s is %q, not %q", file, got, want)
		}
	}
	// On plain files one write overwrites the other; the last controller that is wanted is there, and no other kind.
	if got := value(t, top, "a/cgroup.subtree_control"); !strings.Contains(got, "+pids") || strings.Contains(got, "rdma") {
		t.Errorf("handed on: %q", got)
	}
}

// The kernel of this machine, whichever version it has: a budget is written, a process held, frozen, killed, and nothing stays.
func TestThisMachine(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Fatal("this test wants root: make test-cluster")
	}
	tree, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	const top = "jostle-cluster-test"
	group := top + "/c/reserve/x"
	t.Cleanup(func() { _ = tree.Clear(top, 5*time.Second, func(int) {}) })
	layout, err := hosts.OfThisMachine(1, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := layout.Make(tree, top, top+"/c"); err != nil {
		t.Fatal(err)
	}
	if err := tree.Create(group); err != nil {
		t.Fatal(err)
	}
	child, err := os.StartProcess("/bin/sh", []string{"sh", "-c", "while :; do :; done"}, &os.ProcAttr{})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _, _ = child.Wait(); close(ended) }()
	if err := tree.Add(group, child.Pid); err != nil {
		t.Fatal(err)
	}
	if pids := tree.Processes(top); !slices.Equal(pids, []int{child.Pid}) {
		t.Errorf("processes %v, not %d", pids, child.Pid)
	}
	used := func() time.Duration {
		time, err := tree.CPUTime(top)
		if err != nil {
			t.Fatal(err)
		}
		return time
	}
	from := used()
	time.Sleep(300 * time.Millisecond)
	if burnt := used() - from; burnt < 50*time.Millisecond {
		t.Errorf("a busy process used %s in 300 ms", burnt)
	}
	if err := tree.Freeze(group, true); err != nil {
		t.Fatal(err)
	}
	time.Sleep(100 * time.Millisecond)
	from = used()
	time.Sleep(200 * time.Millisecond)
	if burnt := used() - from; burnt > 10*time.Millisecond {
		t.Errorf("a frozen process used %s", burnt)
	}
	if err := tree.Clear(top, 5*time.Second, func(pid int) {
		if pid == child.Pid {
			_ = child.Kill()
		}
	}); err != nil {
		t.Fatal(err)
	}
	<-ended
	if tree.Exists(top) {
		t.Error("the groups are still there")
	}
}
