// Package smoke brings real clusters up, does with them what they are for, and proves that nothing stays. It wants root and the built
// program, in JOSTLE_CLUSTER; `make test-cluster` gives both. What is missing makes it fail.
package smoke

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"jostle.dev/cluster/internal/cgroup"
	"jostle.dev/cluster/internal/remote"
	"jostle.dev/cluster/internal/shape"
	"jostle.dev/cluster/internal/state"
	"jostle.dev/cluster/internal/teardown"
)

// image of probe, as the tests load it.
const image = "localhost/probe:1"

func init() {
	// Tests enter a cluster's network on other threads; the first one, whose network /proc shows, stays where it is.
	runtime.LockOSThread()
}

// program that was built.
func program(t *testing.T) string {
	t.Helper()
	path := os.Getenv("JOSTLE_CLUSTER")
	if path == "" || os.Geteuid() != 0 {
		t.Fatal("these tests want root, and JOSTLE_CLUSTER: make test-cluster")
	}
	return path
}

// result of a command.
type result struct {
	code int
	text string
}

func run(t *testing.T, args ...string) result {
	t.Helper()
	return finish(t, exec.Command(program(t), args...))
}

func finish(t *testing.T, command *exec.Cmd) result {
	t.Helper()
	var out bytes.Buffer
	command.Stdout, command.Stderr = &out, &out
	err := command.Run()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		t.Fatal(err)
	}
	return result{command.ProcessState.ExitCode(), out.String()}
}

// must run well.
func must(t *testing.T, args ...string) string {
	t.Helper()
	done := run(t, args...)
	if done.code != 0 {
		t.Fatalf("cluster %s: exit code %d\n%s", strings.Join(args, " "), done.code, done.text)
	}
	return done.text
}

// cluster that is up.
type cluster struct {
	name   string
	dir    state.Dir
	groups *cgroup.Tree
	config *rest.Config
	client *kubernetes.Clientset
}

// start a cluster that ends with the test.
func start(t *testing.T, name string, args ...string) *cluster {
	t.Helper()
	t.Cleanup(func() {
		if t.Failed() {
			for _, pattern := range []string{"supervisor.log", "*kubelet.log"} {
				logs, _ := filepath.Glob(state.Of(name).Path("log", pattern))
				for _, log := range logs {
					text, _ := os.ReadFile(log)
					lines := strings.Split(strings.TrimSpace(string(text)), "\n")
					t.Logf("%s:\n%s", log, strings.Join(lines[max(0, len(lines)-10):], "\n"))
				}
			}
		}
		run(t, "down", "--name", name)
	})
	t.Log(must(t, append([]string{"up", "--name", name}, args...)...))
	groups, err := cgroup.Open()
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{name: name, dir: state.Of(name), groups: groups}
	if c.config, err = clientcmd.BuildConfigFromFlags("", c.dir.Kubeconfig()); err != nil {
		t.Fatal(err)
	}
	c.config.Dial, c.config.QPS, c.config.Burst = c.dial, 100, 100
	if c.client, err = kubernetes.NewForConfig(c.config); err != nil {
		t.Fatal(err)
	}
	return c
}

// dial inside the control plane's network, from a thread that is thrown away.
func (c *cluster) dial(_ context.Context, network, address string) (conn net.Conn, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		var file *os.File
		if file, err = os.Open(fmt.Sprintf("/proc/%d/ns/net", teardown.Supervisor(c.groups, c.dir))); err != nil {
			return
		}
		defer file.Close()
		if err = unix.Setns(int(file.Fd()), unix.CLONE_NEWNET); err != nil {
			return
		}
		conn, err = net.DialTimeout(network, address, 5*time.Second)
	}()
	<-done
	return conn, err
}

// status as the command tells it.
func (c *cluster) status(t *testing.T) (told struct {
	HostBudget, NodeBudget, Reserve float64
	Group                           string
	Status                          remote.Status
}) {
	t.Helper()
	text := must(t, "status", "--name", c.name, "--json")
	if err := json.Unmarshal([]byte(text), &told); err != nil {
		t.Fatal(err)
	}
	return told
}

// kubectl, which must work.
func (c *cluster) kubectl(t *testing.T, args ...string) string {
	t.Helper()
	return must(t, append([]string{"kubectl", "--name", c.name}, args...)...)
}

// load the image of probe.
func (c *cluster) load(t *testing.T) {
	t.Helper()
	archive := filepath.Join(t.TempDir(), "probe.tar")
	probe := filepath.Join(filepath.Dir(program(t)), "probe")
	must(t, "image", "build", "--name", image, "--out", archive, "--entrypoint", "/bin/probe", probe)
	must(t, "image", "load", "--name", c.name, archive)
}

// pod of probe on a node, in the namespace.
func pod(name, node string, resources core.ResourceRequirements, args ...string) *core.Pod {
	soon := int64(0)
	return &core.Pod{
		ObjectMeta: meta.ObjectMeta{Name: name, Labels: map[string]string{"app": name}},
		Spec: core.PodSpec{
			NodeName: node, TerminationGracePeriodSeconds: &soon, RestartPolicy: core.RestartPolicyNever,
			Containers: []core.Container{{Name: "probe", Image: image, ImagePullPolicy: core.PullNever, Args: args, Resources: resources}},
		},
	}
}

// run pods and wait until they do.
func (c *cluster) run(t *testing.T, namespace string, pods ...*core.Pod) []*core.Pod {
	t.Helper()
	api := c.client.CoreV1().Pods(namespace)
	for _, wanted := range pods {
		// The namespace's account may be a moment younger than the namespace.
		eventually(t, 10*time.Second, "pod "+wanted.Name+" to be taken", func() (bool, string) {
			_, err := api.Create(t.Context(), wanted, meta.CreateOptions{})
			return err == nil, fmt.Sprint(err)
		})
	}
	running := make([]*core.Pod, len(pods))
	eventually(t, 60*time.Second, "pods to run", func() (bool, string) {
		for i, wanted := range pods {
			found, err := api.Get(t.Context(), wanted.Name, meta.GetOptions{})
			if err != nil || found.Status.Phase != core.PodRunning {
				events, _ := c.client.CoreV1().Events(namespace).List(t.Context(), meta.ListOptions{FieldSelector: "involvedObject.name=" + wanted.Name})
				last := ""
				if events != nil && len(events.Items) > 0 {
					last = events.Items[len(events.Items)-1].Message
				}
				return false, fmt.Sprintf("%s: %v, %v, %s", wanted.Name, found.Status.Phase, err, last)
			}
			running[i] = found
		}
		return true, ""
	})
	return running
}

// remove all pods of a namespace, and wait until they are gone.
func (c *cluster) remove(t *testing.T, namespace string) {
	t.Helper()
	api, now := c.client.CoreV1().Pods(namespace), int64(0)
	if err := api.DeleteCollection(t.Context(), meta.DeleteOptions{GracePeriodSeconds: &now}, meta.ListOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, 30*time.Second, "pods to go", func() (bool, string) {
		list, err := api.List(t.Context(), meta.ListOptions{})
		return err == nil && len(list.Items) == 0, fmt.Sprint(err)
	})
}

// namespace that is new, with labels.
func (c *cluster) namespace(t *testing.T, name string, labels map[string]string) {
	t.Helper()
	wanted := &core.Namespace{ObjectMeta: meta.ObjectMeta{Name: name, Labels: labels}}
	if _, err := c.client.CoreV1().Namespaces().Create(t.Context(), wanted, meta.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// ready says of each node whether it is.
func (c *cluster) ready(t *testing.T) map[string]bool {
	t.Helper()
	list, err := c.client.CoreV1().Nodes().List(t.Context(), meta.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	ready := map[string]bool{}
	for _, node := range list.Items {
		for _, condition := range node.Status.Conditions {
			if condition.Type == core.NodeReady {
				ready[node.Name] = condition.Status == core.ConditionTrue
			}
		}
	}
	return ready
}

// eventually something is so.
func eventually(t *testing.T, within time.Duration, what string, so func() (bool, string)) {
	t.Helper()
	until := time.Now().Add(within)
	for {
		yes, why := so()
		if yes {
			return
		}
		if time.Now().After(until) {
			t.Fatalf("waited %s in vain for %s: %s", within, what, why)
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// nodes of 2 x 2.
var nodes = shape.Shape{Hosts: 2, Nodes: 2}.All()
