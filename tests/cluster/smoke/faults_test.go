package smoke

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	core "k8s.io/api/core/v1"

	"jostle.dev/cluster/internal/state"
	"jostle.dev/cluster/internal/teardown"
)

func (c *cluster) quota(t *testing.T) {
	c.namespace(t, "full", nil)
	c.run(t, "full", pod("there", "", core.ResourceRequirements{}, "pause"))
	must(t, "fault", "quota", "--name", c.name, "full", "fill")
	eventually(t, 20*time.Second, "the quota to count", func() (bool, string) {
		text := c.kubectl(t, "-n", "full", "get", "quota", "jostle-full", "-o", "jsonpath={.status.used.pods}")
		return text == "1", text
	})
	c.refused(t, "full", pod("more", "", core.ResourceRequirements{}, "pause"), "exceeded quota: jostle-full")
	must(t, "fault", "quota", "--name", c.name, "full", "free")
	c.run(t, "full", pod("more", "", core.ResourceRequirements{}, "pause"))
	c.remove(t, "full")
}

// clock: an agent on the node's network tells the time; beside it, the same metrics tell another, and the rest as it is.
func (c *cluster) clock(t *testing.T) {
	defer c.remove(t, "default")
	agent := pod("agent", "n1-0", core.ResourceRequirements{}, "metrics", "9099")
	agent.Spec.HostNetwork = true
	c.run(t, "default", agent)
	must(t, "fault", "clock", "--name", c.name, "n1-0", "tell", "--offset", "-90s")
	metric := regexp.MustCompile(`(?m)^jostle_agent_read_time_seconds ([0-9.]+)$`)
	read := func(port string) float64 {
		code, text := c.get(t, "http://198.18.0.12:"+port+"/metrics", "")
		found := metric.FindStringSubmatch(text)
		if code != 200 || found == nil || !strings.Contains(text, "\nother 7\n") {
			t.Fatalf("port %s: %d %s", port, code, text)
		}
		value, err := strconv.ParseFloat(found[1], 64)
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
	if ahead := read("9098") - read("9099"); ahead < -92 || ahead > -88 {
		t.Errorf("the other clock is %g s ahead, wanted -90", ahead)
	}
	must(t, "fault", "clock", "--name", c.name, "n1-0", "stop")
	if done := run(t, "fault", "clock", "--name", c.name, "n1-0", "stop"); done.code != 3 {
		t.Errorf("stopped twice: %d %s", done.code, done.text)
	}
}

// losses: a node without kubelet, one that is frozen and one that is cut off are lost, and come back.
func (c *cluster) losses(t *testing.T) {
	defer c.remove(t, "default")
	frozen := c.run(t, "default", pod("frozen", "n1-0", core.ResourceRequirements{}, "burn"))[0]
	group := c.group(t, frozen)
	broken := map[string][3]string{"n0-1": {"network", "cut", "join"}, "n1-0": {"node", "freeze", "thaw"}, "n1-1": {"kubelet", "stop", "start"}}
	for node, how := range broken {
		must(t, "fault", how[0], "--name", c.name, node, how[1])
	}
	if used := c.milli(t, group); used[0] > 1 {
		t.Errorf("a pod on a frozen node uses %gm", used[0])
	}
	eventually(t, 90*time.Second, "three nodes to be lost, and one not", func() (bool, string) {
		ready := c.ready(t)
		return ready["n0-0"] && !ready["n0-1"] && !ready["n1-0"] && !ready["n1-1"], ""
	})
	told := c.status(t)
	if faults := told.Status.Nodes[1].Faults; len(faults) != 1 || faults[0] != "cut off" {
		t.Errorf("status tells faults %v", faults)
	}
	for node, how := range broken {
		must(t, "fault", how[0], "--name", c.name, node, how[2])
	}
	eventually(t, 60*time.Second, "every node to be back", func() (bool, string) {
		ready := c.ready(t)
		return ready["n0-0"] && ready["n0-1"] && ready["n1-0"] && ready["n1-1"], ""
	})
}

func (c *cluster) restart(t *testing.T) {
	defer c.remove(t, "default")
	c.run(t, "default", pod("lasting", "n0-0", core.ResourceRequirements{}, "pause"))
	t.Log(must(t, "fault", "api", "--name", c.name, "restart"))
	if phase := c.kubectl(t, "get", "pod", "lasting", "-o", "jsonpath={.status.phase}"); phase != "Running" {
		t.Errorf("the pod is %s", phase)
	}
}

// again: up on what is up changes nothing, mends what is broken, and refuses another shape.
func (c *cluster) again(t *testing.T) {
	same := []string{"up", "--name", c.name, "--hosts", "2", "--nodes", "2", "--dns", "--proxy"}
	pid := teardown.Supervisor(c.groups, c.dir)
	must(t, "fault", "process", "--name", c.name, "n0-0/kubelet", "kill")
	must(t, "fault", "process", "--name", c.name, "kube-scheduler", "kill")
	if text := must(t, same...); !strings.Contains(text, "up already") || !strings.Contains(text, "started again: kube-scheduler, n0-0/kubelet") {
		t.Errorf("up again: %s", text)
	}
	if now := teardown.Supervisor(c.groups, c.dir); now != pid {
		t.Errorf("the supervisor was %d and is %d", pid, now)
	}
	done := run(t, "up", "--name", c.name, "--hosts", "2", "--nodes", "1")
	if done.code != 2 || !strings.Contains(done.text, "cluster smoke is there as 2 x 2 with DNS with kube-proxy, not as 2 x 1: accepted: `make cluster-down NAME=smoke` first") {
		t.Errorf("another shape: %d %s", done.code, done.text)
	}
}

// beside: a second cluster has the same addresses, and its end is nobody else's.
func (c *cluster) beside(t *testing.T) {
	other := start(t, "beside", "--hosts", "1", "--nodes", "1")
	if ready := other.ready(t); len(ready) != 1 || !ready["n0-0"] {
		t.Errorf("%v", ready)
	}
	if ready := c.ready(t); len(ready) != 4 {
		t.Errorf("%v", ready)
	}
	must(t, "down", "--name", "beside")
	for node, ready := range c.ready(t) {
		if !ready {
			t.Errorf("%s is not ready any more", node)
		}
	}
}

// Whatever is killed, and whenever, `down` leaves nothing.
func TestNothingStays(t *testing.T) {
	program(t)
	before := look(t)
	t.Run("after kill -9 of anything", func(t *testing.T) {
		c := start(t, "killed", "--hosts", "1", "--nodes", "2")
		c.load(t)
		c.run(t, "default", pod("left", "n0-0", core.ResourceRequirements{}, "burn"), pod("too", "n0-1", core.ResourceRequirements{}, "burn"))
		for _, name := range []string{"n0-0/containerd", "n0-1/kubelet", "etcd"} {
			must(t, "fault", "process", "--name", c.name, name, "kill")
		}
		must(t, "fault", "node", "--name", c.name, "n0-1", "freeze")
		must(t, "down", "--name", c.name)
		before.left(t)
	})
	t.Run("after kill -9 of the supervisor", func(t *testing.T) {
		c := start(t, "killed", "--hosts", "1", "--nodes", "1")
		if err := syscall.Kill(teardown.Supervisor(c.groups, c.dir), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		eventually(t, 10*time.Second, "every process to end with it", func() (bool, string) {
			return len(c.groups.Processes(c.dir.Group())) == 0, ""
		})
		if done := run(t, "status", "--name", c.name); done.code != 3 || !strings.Contains(done.text, "does not answer") {
			t.Errorf("status: %d %s", done.code, done.text)
		}
		if text := must(t, "up", "--name", c.name, "--hosts", "1", "--nodes", "1"); !strings.Contains(text, "removing what is left of an earlier start") {
			t.Errorf("up: %s", text)
		}
		must(t, "down", "--name", c.name)
		before.left(t)
	})
	for _, age := range []time.Duration{20 * time.Millisecond, 300 * time.Millisecond, time.Second, 3 * time.Second} {
		t.Run("after kill -9 of a start of "+age.String(), func(t *testing.T) {
			begun := startOf(t, "half", 2, 2)
			time.Sleep(age)
			if err := begun.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = begun.Wait()
			must(t, "down", "--name", "half")
			before.left(t)
		})
	}
	t.Run("after an interrupted start", func(t *testing.T) {
		begun := startOf(t, "half", 1, 1)
		time.Sleep(time.Second)
		if err := begun.Process.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		if err := begun.Wait(); err == nil || begun.ProcessState.ExitCode() != 3 {
			t.Errorf("an interrupted start: %v", err)
		}
		before.left(t)
	})
	t.Run("after a broken directory", func(t *testing.T) {
		dir := state.Of("broken")
		if err := os.MkdirAll(dir.Path(), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir.Path(), "shape"), []byte("{"), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, command := range []string{"up", "status"} {
			done := run(t, command, "--name", "broken")
			if done.code != 2 || !strings.Contains(done.text, "a broken one: unexpected end of JSON input: accepted: `make cluster-down NAME=broken` removes it") {
				t.Errorf("%s: %d %s", command, done.code, done.text)
			}
		}
		must(t, "down", "--name", "broken")
		before.left(t)
	})
	if text := must(t, "down", "--name", "nobody"); !strings.Contains(text, "nothing is there") {
		t.Errorf("down of nothing: %s", text)
	}
}
