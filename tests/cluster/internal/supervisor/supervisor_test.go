package supervisor

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	kubelet "k8s.io/kubelet/config/v1beta1"
	"sigs.k8s.io/yaml"
)

// One metric is shifted, whatever labels and times it has; all else is as it was.
func TestShiftedMetrics(t *testing.T) {
	in := "# HELP at x\n# TYPE at gauge\nat 100.5\nat{node=\"a b\"} 100 1700000000000\natom 7\nat{x=\"}\"} 1e2\nother{at=\"1\"} 2\nat NaN?\n"
	want := "# HELP at x\n# TYPE at gauge\nat 98\nat{node=\"a b\"} 97.5 1700000000000\natom 7\nat{x=\"}\"} 97.5\nother{at=\"1\"} 2\nat NaN?\n"
	var out strings.Builder
	if err := shifted(&out, strings.NewReader(in), "at", -2500*time.Millisecond); err != nil || out.String() != want {
		t.Errorf("%v\n%s\nwanted\n%s", err, out.String(), want)
	}
}

// Every template is filled from the values that are given, with and without what is an option; the kubelet's is one that a kubelet reads.
func TestConfigurations(t *testing.T) {
	dir := t.TempDir()
	read := func(name string, values any) string {
		t.Helper()
		file := filepath.Join(dir, name)
		if err := render(file, name, values); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "<no value>") {
			t.Errorf("%s: %s", name, text)
		}
		return string(text)
	}
	values := map[string]any{"Address": "198.18.0.10", "Group": "a/b", "Lease": lease, "ReservedCPU": "910m", "ReservedMemory": "1024"}
	for _, dns := range []any{nil, netip.MustParseAddr("198.18.0.1")} {
		if dns != nil {
			values["DNS"] = dns
		}
		var parsed kubelet.KubeletConfiguration
		if err := yaml.UnmarshalStrict([]byte(read("kubelet.yaml", values)), &parsed); err != nil {
			t.Fatal(err)
		}
		if parsed.CgroupRoot != "/a/b" || parsed.KubeReserved["memory"] != "1024" || len(parsed.ClusterDNS) != map[bool]int{true: 1}[dns != nil] {
			t.Errorf("%+v", parsed)
		}
	}
	read("containerd.toml", map[string]any{"Pause": "p", "Plugins": "/usr/lib/cni"})
	read("store.toml", map[string]any{"Root": "/r", "State": "/s", "Socket": "/k"})
	read("cni.conflist", map[string]any{"Pods": "198.19.0.0/24"})
	read("Corefile", map[string]any{"Address": "198.18.0.1", "Kubeconfig": "/k"})
}

// Faults that were made are told until they are undone, each once.
func TestFaultsAreNoted(t *testing.T) {
	var f faults
	f.note("n0-0", "frozen", true)
	f.note("n0-0", "frozen", true)
	f.note("n0-0", "cut off", true)
	if got := strings.Join(f.of("n0-0"), ", "); got != "frozen, cut off" {
		t.Error(got)
	}
	f.note("n0-0", "frozen", false)
	if got := strings.Join(f.of("n0-0"), ", "); got != "cut off" || len(f.of("n0-1")) != 0 {
		t.Error(got)
	}
}
