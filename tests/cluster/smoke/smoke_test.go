package smoke

import (
	"strings"
	"testing"

	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// One cluster of 2 x 2 with everything, from `up` to `down`: the machine is compared before, meanwhile and after.
func TestCluster(t *testing.T) {
	program(t)
	before := look(t)
	c := start(t, "smoke", "--hosts", "2", "--nodes", "2", "--dns", "--proxy")
	c.load(t)
	t.Run("nodes have their host's label and their budget", c.labels)
	t.Run("pods share as they ask", c.shares)
	t.Run("policy is enforced", c.policy)
	t.Run("everybody is who they say", c.identity)
	t.Run("logs and exec", c.logs)
	t.Run("services and names", c.services)
	t.Run("metrics with a token", c.metrics)
	t.Run("a full namespace", c.quota)
	t.Run("another clock", c.clock)
	t.Run("lost nodes are seen", c.losses)
	t.Run("the API server restarts", c.restart)
	t.Run("up again is the same", c.again)
	t.Run("another beside it", c.beside)
	before.untouched(t, "while the cluster is up")
	t.Log(must(t, "down", "--name", c.name))
	before.left(t)
}

func (c *cluster) labels(t *testing.T) {
	told := c.status(t)
	list, err := c.client.CoreV1().Nodes().List(t.Context(), meta.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(list.Items) != len(nodes) {
		t.Fatalf("%d nodes", len(list.Items))
	}
	hosts := map[string]int{}
	for _, node := range list.Items {
		host := node.Labels["jostle.dev/host"]
		hosts[host]++
		if zone := node.Labels["topology.kubernetes.io/zone"]; zone != host || !strings.HasPrefix(node.Name, strings.Replace(host, "host-", "n", 1)+"-") {
			t.Errorf("node %s is on host %q, in zone %q", node.Name, host, zone)
		}
		if got := node.Status.Allocatable.Cpu().MilliValue(); got != int64(told.NodeBudget) {
			t.Errorf("node %s offers %dm, its budget is %gm", node.Name, got, told.NodeBudget)
		}
		if node.Status.NodeInfo.KubeletVersion == "" || !strings.HasPrefix(node.Status.NodeInfo.ContainerRuntimeVersion, "containerd://") {
			t.Errorf("node %s: %+v", node.Name, node.Status.NodeInfo)
		}
	}
	if hosts["host-0"] != 2 || hosts["host-1"] != 2 {
		t.Errorf("nodes by host: %v", hosts)
	}
	if told.Reserve < 500 || told.HostBudget != 2*told.NodeBudget {
		t.Errorf("%+v", told)
	}
}

func (c *cluster) logs(t *testing.T) {
	defer c.remove(t, "default")
	c.run(t, "default", pod("sayer", "", core.ResourceRequirements{}, "say", "a word"))
	eventually(t, logged, "a line in the log", func() (bool, string) {
		done := run(t, "kubectl", "--name", c.name, "logs", "sayer")
		return done.code == 0 && done.text == "a word\n", done.text
	})
	if text := c.kubectl(t, "exec", "sayer", "--", "/bin/probe", "resolve", "127.0.0.1"); text != "[127.0.0.1]\n" {
		t.Errorf("exec: %q", text)
	}
}

func amounts(cpu, memory string) core.ResourceList {
	list := core.ResourceList{}
	if cpu != "" {
		list[core.ResourceCPU] = resource.MustParse(cpu)
	}
	if memory != "" {
		list[core.ResourceMemory] = resource.MustParse(memory)
	}
	return list
}
