package smoke

import (
	"fmt"
	"math"
	"testing"
	"time"

	core "k8s.io/api/core/v1"

	"jostle.dev/cluster/internal/hosts"
)

// Windows of CPU time, and how far a share may be off, in percent points of what the node or host may use.
const (
	window    = 15 * time.Second
	tolerance = 2.0
)

// milli is the CPU that each group uses over one window, in milli-CPUs.
func (c *cluster) milli(t *testing.T, groups ...string) []float64 {
	t.Helper()
	read := func() (used []time.Duration, at time.Time) {
		at = time.Now()
		for _, group := range groups {
			time, err := c.groups.CPUTime(group)
			if err != nil {
				t.Fatal(err)
			}
			used = append(used, time)
		}
		return used, at
	}
	before, from := read()
	time.Sleep(window)
	after, to := read()
	milli := make([]float64, len(groups))
	for i := range groups {
		milli[i] = (after[i] - before[i]).Seconds() / to.Sub(from).Seconds() * 1000
	}
	return milli
}

// group of a pod that runs, by the kubelet's rules.
func (c *cluster) group(t *testing.T, of *core.Pod) string {
	t.Helper()
	for _, node := range nodes {
		if node.Name() != of.Spec.NodeName {
			continue
		}
		class := map[core.PodQOSClass]string{core.PodQOSGuaranteed: "", core.PodQOSBurstable: "burstable/", core.PodQOSBestEffort: "besteffort/"}
		group := fmt.Sprintf("%s/%s/kubepods/%spod%s", c.dir.Group(), hosts.NodeGroup(node), class[of.Status.QOSClass], of.UID)
		if !c.groups.Exists(group) {
			t.Fatalf("pod %s has no control group %s", of.Name, group)
		}
		return group
	}
	t.Fatalf("pod %s is on no node", of.Name)
	return ""
}

func (c *cluster) shares(t *testing.T) {
	told := c.status(t)
	node, host := told.NodeBudget, told.HostBudget
	near := func(what string, got, want, of float64) {
		t.Helper()
		t.Logf("%s: %.1fm, wanted %.1fm (%+.2f points)", what, got, want, (got-want)/of*100)
		if math.Abs(got-want)/of*100 > tolerance {
			t.Errorf("%s: %.1fm, wanted %.1fm, within %g points of %gm", what, got, want, tolerance, of)
		}
	}
	onNode := func(name string) string { return c.dir.Group() + "/host-0/" + name }
	part := func(share float64) string { return fmt.Sprintf("%dm", int(node*share)) }

	t.Run("limits", func(t *testing.T) {
		defer c.remove(t, "default")
		limit := amounts(part(0.3), "32Mi")
		pods := c.run(t, "default",
			pod("limited", "n0-0", core.ResourceRequirements{Limits: limit, Requests: limit}, "burn"),
			pod("rest", "n0-0", core.ResourceRequirements{}, "burn"))
		got := c.milli(t, c.group(t, pods[0]), c.group(t, pods[1]), onNode("n0-0"))
		asked := float64(limit.Cpu().MilliValue())
		near("a pod with a limit", got[0], asked, node)
		near("a BestEffort pod, the rest", got[1], node-asked, node)
		near("the node, its budget", got[2], node, node)
	})
	t.Run("requests", func(t *testing.T) {
		defer c.remove(t, "default")
		pods := c.run(t, "default",
			pod("three", "n0-0", core.ResourceRequirements{Requests: amounts(part(0.6), "")}, "burn"),
			pod("one", "n0-0", core.ResourceRequirements{Requests: amounts(part(0.2), "")}, "burn"))
		got := c.milli(t, c.group(t, pods[0]), c.group(t, pods[1]))
		near("a pod that asks for three parts", got[0], node*0.75, node)
		near("a pod that asks for one", got[1], node*0.25, node)
	})
	t.Run("hosts", func(t *testing.T) {
		defer c.remove(t, "default")
		c.run(t, "default", pod("first", "n0-0", core.ResourceRequirements{}, "burn"), pod("second", "n0-1", core.ResourceRequirements{}, "burn"))
		got := c.milli(t, c.dir.Group()+"/host-0", onNode("n0-0"), onNode("n0-1"), c.dir.Group()+"/host-1")
		near("a full host, its budget", got[0], host, host)
		near("a node of it", got[1], node, host)
		near("the other node", got[2], node, host)
		near("the other host, nothing", got[3], 0, host)
	})
}
