// Package usage measures what a cluster takes of the machine: CPU time by its control groups, memory by the pages of its processes.
package usage

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"jostle.dev/cluster/internal/cgroup"
	"jostle.dev/cluster/internal/hosts"
)

// Use of a cluster over some time.
type Use struct {
	Seconds float64 `json:"seconds"`
	// Processes at the end, and the memory that is theirs: pages that several share are counted in parts (PSS). Bytes.
	Processes int    `json:"processes"`
	Memory    uint64 `json:"memory"`
	// CPU in milli-CPUs: of everything, and of each part of the reserve. The rest is pods.
	CPU   float64            `json:"cpu"`
	Parts map[string]float64 `json:"parts"`
	// Load is the machine's load average over the last minute.
	Load float64 `json:"load"`
}

// Measure for so long.
func Measure(groups *cgroup.Tree, group string, long time.Duration) (Use, error) {
	reserve := group + "/" + hosts.ReserveGroup
	parts := groups.Children(reserve)
	read := func() (map[string]time.Duration, time.Time, error) {
		at, used := time.Now(), map[string]time.Duration{}
		all, err := groups.CPUTime(group)
		if err != nil {
			return nil, at, err
		}
		used[""] = all
		for _, part := range parts {
			if used[part], err = groups.CPUTime(reserve + "/" + part); err != nil {
				return nil, at, err
			}
		}
		return used, at, nil
	}
	before, from, err := read()
	if err != nil {
		return Use{}, err
	}
	time.Sleep(long)
	after, to, err := read()
	if err != nil {
		return Use{}, err
	}
	seconds := to.Sub(from).Seconds()
	use := Use{Seconds: seconds, Parts: map[string]float64{}}
	for part, used := range after {
		milli := (used - before[part]).Seconds() / seconds * 1000
		if part == "" {
			use.CPU = milli
		} else {
			use.Parts[part] = milli
		}
	}
	for _, pid := range groups.Processes(group) {
		if bytes, err := pss(pid); err == nil {
			use.Processes++
			use.Memory += bytes
		}
	}
	use.Load, err = load()
	return use, err
}

// pss is a process's part of the memory that it shares, and all of what it does not.
func pss(pid int) (uint64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "Pss:" {
			kib, err := strconv.ParseUint(fields[1], 10, 64)
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("process %d: no Pss", pid)
}

func load() (float64, error) {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return 0, err
	}
	first, _, _ := strings.Cut(string(text), " ")
	return strconv.ParseFloat(first, 64)
}

// Print it.
func (u Use) Print() {
	var nodes, control float64
	for part, milli := range u.Parts {
		if strings.HasPrefix(part, "n") {
			nodes += milli
		} else {
			control += milli
		}
	}
	fmt.Printf("over %.0f s: %.0fm of CPU (control plane %.0fm, nodes' kubelets and runtimes %.0fm, pods %.0fm); %d processes, %d MiB of memory (PSS); the machine's load is %.2f\n",
		u.Seconds, u.CPU, control, nodes, u.CPU-control-nodes, u.Processes, u.Memory>>20, u.Load)
}
