package smoke

import (
	"strings"
	"testing"
	"time"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// services: pods on both hosts answer behind one name, asked from a third node.
func (c *cluster) services(t *testing.T) {
	defer c.remove(t, "default")
	servers := []*core.Pod{pod("web-0", "n0-1", core.ResourceRequirements{}, "serve", "8080"), pod("web-1", "n1-1", core.ResourceRequirements{}, "serve", "8080")}
	for _, server := range servers {
		server.Labels = map[string]string{"app": "web"}
	}
	c.run(t, "default", append(servers, pod("asker", "n0-0", core.ResourceRequirements{}, "pause"))...)
	service := &core.Service{
		ObjectMeta: meta.ObjectMeta{Name: "web"},
		Spec:       core.ServiceSpec{Selector: map[string]string{"app": "web"}, Ports: []core.ServicePort{{Port: 80, TargetPort: intstr.FromInt32(8080)}}},
	}
	if _, err := c.client.CoreV1().Services("default").Create(t.Context(), service, meta.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	answered := map[string]bool{}
	eventually(t, 30*time.Second, "both pods to answer behind the name", func() (bool, string) {
		done := run(t, "kubectl", "--name", c.name, "exec", "asker", "--", "/bin/probe", "get", "http://web.default.svc.cluster.local/")
		if done.code == 0 {
			answered[strings.TrimSpace(done.text)] = true
		}
		return answered["web-0"] && answered["web-1"], done.text
	})
	if text := c.kubectl(t, "exec", "asker", "--", "/bin/probe", "resolve", "kubernetes.default.svc.cluster.local"); !strings.Contains(text, "198.19.255.1") {
		t.Errorf("kubernetes.default is %s", text)
	}
}
