package hosts

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"jostle.dev/cluster/internal/shape"
)

// ReserveGroup is the control group, below the cluster's, of what is no host's.
const ReserveGroup = "reserve"

// Grouper makes control groups.
type Grouper interface {
	Create(group string) error
	SetShares(group string, shares uint64) error
	SetQuota(group string, us uint64) error
	SetCPUs(group string, cpus []int) error
}

// OfThisMachine draws the map for the CPUs that this process may use.
func OfThisMachine(hosts, nodes int) (Layout, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return Layout{}, fmt.Errorf("CPUs of this machine: %w", err)
	}
	var cpus []int
	for cpu := range len(set) * 64 {
		if set.IsSet(cpu) {
			cpus = append(cpus, cpu)
		}
	}
	return Draw(cpus, hosts, nodes, Shared.LocalReserve+ClusterReserve)
}

// NodeGroup is the control group of a node, below the cluster's.
func NodeGroup(node shape.Node) string { return shape.HostName(node.Host) + "/" + node.Name() }

// Make the control groups of reserve, hosts and nodes. Parents come before children: a child's quota may not exceed its parent's, its
// CPUs are a part of its parent's.
func (l Layout) Make(groups Grouper, above, cluster string) error {
	if err := groups.Create(cluster); err != nil {
		return err
	}
	for _, group := range []string{above, cluster} {
		if err := groups.SetShares(group, Shared.TreeShares); err != nil {
			return err
		}
	}
	reserve := cluster + "/" + ReserveGroup
	if err := groups.Create(reserve); err != nil {
		return err
	}
	if err := groups.SetShares(reserve, Shared.ReserveShares); err != nil {
		return err
	}
	if err := groups.SetCPUs(reserve, l.ReserveCPUs); err != nil {
		return err
	}
	for host, pins := range l.Hosts {
		group := cluster + "/" + shape.HostName(host)
		if err := bounded(groups, group, l.Budget, pins); err != nil {
			return err
		}
		for index, pins := range l.Nodes[host] {
			node := shape.Node{Host: host, Index: index}
			if err := bounded(groups, cluster+"/"+NodeGroup(node), l.Capacity, pins); err != nil {
				return err
			}
		}
	}
	return nil
}

// bounded is a host or a node: quota, weight and CPUs.
func bounded(groups Grouper, group string, milli float64, cpus []int) error {
	if err := groups.Create(group); err != nil {
		return err
	}
	if err := groups.SetQuota(group, Quota(milli)); err != nil {
		return err
	}
	if err := groups.SetShares(group, Shares(milli)); err != nil {
		return err
	}
	return groups.SetCPUs(group, cpus)
}

// Memory of this machine: all of it, and what is available now, in bytes.
func Memory() (total, available uint64, err error) {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, 0, err
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		kib, err := strconv.ParseUint(fields[1], 10, 64)
		if err != nil {
			continue
		}
		switch fields[0] {
		case "MemTotal:":
			total = kib << 10
		case "MemAvailable:":
			available = kib << 10
		}
	}
	if total == 0 || available == 0 {
		return 0, 0, fmt.Errorf("/proc/meminfo does not tell MemTotal and MemAvailable")
	}
	return total, available, nil
}
