package supervisor

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"text/template"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"

	"jostle.dev/cluster/internal/cgroup"
	"jostle.dev/cluster/internal/hosts"
	"jostle.dev/cluster/internal/images"
	"jostle.dev/cluster/internal/pki"
	"jostle.dev/cluster/internal/shape"
	"jostle.dev/cluster/internal/space"
)

//go:embed config
var config embed.FS

// fixed are the settings of the machine that every kubelet wants to be so, and sets: with them, the nodes read them as they want them,
// and the machine's stay.
// Source: setupKernelTunables in pkg/kubelet/cm/container_manager_linux.go.
var fixed = map[string]string{
	"vm/overcommit_memory": "1", "vm/panic_on_oom": "0", "kernel/panic": "10", "kernel/panic_on_oops": "1",
	"kernel/keys/root_maxkeys": "1000000", "kernel/keys/root_maxbytes": "25000000",
}

// kernelFiles of a node: its settings, and the CPUs that it is pinned to, which are the capacity that its kubelet tells.
func (s *supervisor) kernelFiles(n *node) map[string]string {
	files := map[string]string{"/sys/devices/system/cpu/online": cgroup.List(s.cpus(n))}
	for name, value := range fixed {
		files["/proc/sys/"+name] = value
	}
	return files
}

// cpus that the node is pinned to.
func (s *supervisor) cpus(n *node) []int { return s.layout.Nodes[n.Host][n.Index] }

// memoryReserve is what nodes do not offer of the machine's memory: the cluster's own, and the machine's.
const memoryReserve = 3 << 30

// node is one node, made or running.
type node struct {
	shape.Node
	space *space.Space
	// dir is its directory, of which /var is a part.
	dir string
}

func (n *node) link() string                 { return "v" + n.Name() }
func (n *node) component(what string) string { return n.Name() + "/" + what }

// render a file of package config.
func render(to, name string, values any) error {
	text, err := config.ReadFile("config/" + name)
	if err != nil {
		return err
	}
	parsed, err := template.New(name).Parse(string(text))
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if err := parsed.Execute(&out, values); err != nil {
		return err
	}
	return os.WriteFile(to, out.Bytes(), 0o600)
}

// makeNodes makes directories, files, namespaces and links, and starts the container runtimes.
func (s *supervisor) makeNodes(id identities) error {
	for _, each := range s.shape.All() {
		made := &node{Node: each, dir: s.dir.Node(each.Name())}
		if err := s.makeNode(made, id); err != nil {
			return fmt.Errorf("node %s: %w", each.Name(), err)
		}
		s.nodes = append(s.nodes, made)
	}
	return nil
}

func (s *supervisor) makeNode(n *node, id identities) error {
	for _, dir := range []string{"root", "tmp", "var/lib/kubelet/pki", "var/lib/containerd", "var/lib/cni/net.d"} {
		if err := os.MkdirAll(filepath.Join(n.dir, dir), 0o755); err != nil {
			return err
		}
	}
	if err := os.Chmod(filepath.Join(n.dir, "tmp"), 0o1777); err != nil {
		return err
	}
	if err := s.configure(n, id); err != nil {
		return err
	}
	var err error
	if n.space, err = space.New(space.Root{
		Hostname: n.Name(), Var: n.dir + "/var", Tmp: n.dir + "/tmp", Mountpoint: n.dir + "/root", Programs: s.programs, Files: s.kernelFiles(n),
	}); err != nil {
		return err
	}
	if err := n.space.Join(space.Port{Link: n.link(), Address: n.Address(), Gateway: shape.Control, Bits: shape.Prefix, Pods: n.Pods()}); err != nil {
		return err
	}
	if err := s.groups.Create(s.group(n.Name())); err != nil {
		return err
	}
	return s.inside(n, "containerd", "/usr/bin/containerd", "--config", "/var/lib/containerd.toml")
}

// configure writes what the node's programs read.
func (s *supervisor) configure(n *node, id identities) error {
	lib := filepath.Join(n.dir, "var/lib")
	pair := id.nodes[n.Name()]
	if err := pair.Write(lib+"/kubelet/pki", "kubelet"); err != nil {
		return err
	}
	if err := os.WriteFile(lib+"/kubelet/pki/ca.crt", s.authority.PEM, 0o644); err != nil {
		return err
	}
	kubeconfig, err := pki.Kubeconfig(s.shape.Name, s.authority, n.Name(), pair)
	if err != nil {
		return err
	}
	if err := os.WriteFile(lib+"/kubelet/kubeconfig", kubeconfig, 0o600); err != nil {
		return err
	}
	if s.shape.Proxy {
		if err := os.WriteFile(lib+"/kube-proxy.conf", id.kubeconfigs["kube-proxy"], 0o600); err != nil {
			return err
		}
	}
	total, _, err := hosts.Memory()
	if err != nil {
		return err
	}
	values := map[string]any{
		"Address": n.Address(), "Group": s.dir.Group() + "/" + hosts.NodeGroup(n.Node), "Lease": lease,
		"ReservedCPU":    fmt.Sprintf("%dm", len(s.cpus(n))*1000-int(s.layout.Capacity)),
		"ReservedMemory": fmt.Sprintf("%d", total-(total-min(memoryReserve, total/2))/uint64(len(s.shape.All()))),
	}
	if s.shape.DNS {
		values["DNS"] = shape.Control
	}
	if err := render(lib+"/kubelet/config.yaml", "kubelet.yaml", values); err != nil {
		return err
	}
	if err := render(lib+"/containerd.toml", "containerd.toml", map[string]any{"Pause": images.Pause, "Plugins": s.plugins}); err != nil {
		return err
	}
	return render(lib+"/cni/net.d/10-jostle.conflist", "cni.conflist", map[string]any{"Pods": n.Pods()})
}

// inside starts a program of the node, in the reserve.
func (s *supervisor) inside(n *node, what, path string, args ...string) error {
	_, err := s.processes.start(program{
		name: n.component(what), path: path, args: args, inside: n.space,
		group: s.group(n.Name()), log: s.dir.Log(n.component(what)),
	})
	return err
}

// startNodes gives every node the images that there are and starts its kubelet, and the proxy where it is asked for.
func (s *supervisor) startNodes(ctx context.Context) error {
	if _, err := s.share(ctx, s.images.Refs()); err != nil {
		return err
	}
	for _, n := range s.nodes {
		if err := s.inside(n, "kubelet", space.Bin+"/cluster", "kubelet",
			"--config=/var/lib/kubelet/config.yaml", "--kubeconfig=/var/lib/kubelet/kubeconfig",
			"--hostname-override="+n.Name(), "--node-ip="+n.Address().String(),
			fmt.Sprintf("--node-labels=jostle.dev/host=%[1]s,topology.kubernetes.io/zone=%[1]s", shape.HostName(n.Host)),
			"--housekeeping-interval=1m",
		); err != nil {
			return err
		}
		if !s.shape.Proxy {
			continue
		}
		if err := s.inside(n, "kube-proxy", space.Bin+"/cluster", "kube-proxy",
			"--kubeconfig=/var/lib/kube-proxy.conf", "--hostname-override="+n.Name(),
			"--proxy-mode=iptables", "--cluster-cidr="+shape.Pods.String(),
			// The machine's limits on connections stay as they are.
			"--conntrack-max-per-core=0", "--conntrack-tcp-timeout-established=0s", "--conntrack-tcp-timeout-close-wait=0s",
			"--healthz-bind-address="+n.Address().String()+":10256", "--metrics-bind-address="+n.Address().String()+":10249",
			"--oom-score-adj=0",
		); err != nil {
			return err
		}
	}
	return nil
}

// share images of the store with all nodes, side by side.
func (s *supervisor) share(ctx context.Context, refs []string) (int, error) {
	var group sync.WaitGroup
	failed := make([]error, len(s.nodes))
	width := make(chan struct{}, 4)
	for i, n := range s.nodes {
		group.Go(func() {
			width <- struct{}{}
			defer func() { <-width }()
			to := images.Target{Root: n.dir + "/var/lib/containerd", Seen: "/var/lib/containerd", Dial: n.socket()}
			failed[i] = s.images.Share(ctx, refs, to, s.link)
		})
	}
	group.Wait()
	for i, err := range failed {
		if err != nil {
			return i, fmt.Errorf("images of node %s: %w", s.nodes[i].Name(), err)
		}
	}
	return len(s.nodes), nil
}

// awaitNodes until all of them are ready.
func (s *supervisor) awaitNodes(ctx context.Context) error {
	return s.until(ctx, "the nodes to be ready", func() (bool, string) {
		list, err := s.client.CoreV1().Nodes().List(ctx, meta.ListOptions{ResourceVersion: "0"})
		if err != nil {
			return false, err.Error()
		}
		var missing []string
		ready := map[string]bool{}
		for i := range list.Items {
			ready[list.Items[i].Name] = isReady(&list.Items[i])
		}
		for _, n := range s.nodes {
			if !ready[n.Name()] {
				missing = append(missing, n.Name())
			}
		}
		return len(missing) == 0, "not ready: " + strings.Join(missing, ", ")
	})
}

// awaitAccount until pods are taken: they run as the namespace's account, which a controller makes.
func (s *supervisor) awaitAccount(ctx context.Context) error {
	return s.until(ctx, "the default account", func() (bool, string) {
		_, err := s.client.CoreV1().ServiceAccounts(meta.NamespaceDefault).Get(ctx, "default", meta.GetOptions{})
		return err == nil, fmt.Sprint(err)
	})
}

func isReady(n *core.Node) bool {
	for _, condition := range n.Status.Conditions {
		if condition.Type == core.NodeReady {
			return condition.Status == core.ConditionTrue
		}
	}
	return false
}
