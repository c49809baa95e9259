package shape

import (
	"strings"
	"testing"
)

// No two nodes of the largest cluster share an address, a range of pods or a name, and none takes what is the control plane's.
func TestAddressesAreDistinct(t *testing.T) {
	seen := map[string]bool{Control.String(): true}
	all := Shape{Name: "x", Hosts: 20, Nodes: 10}.All()
	if len(all) != Most {
		t.Fatalf("%d nodes", len(all))
	}
	for _, node := range all {
		for _, what := range []string{node.Name(), node.Address().String(), node.Pods().String()} {
			if seen[what] {
				t.Errorf("%s is there twice", what)
			}
			seen[what] = true
		}
		if node.Pods().Overlaps(Services) || !Pods.Overlaps(node.Pods()) {
			t.Errorf("pods of %s are at %s", node.Name(), node.Pods())
		}
	}
}

func TestShapesRoundTrip(t *testing.T) {
	want := Shape{Name: "dev", Hosts: 4, Nodes: 4, DNS: true}
	text, err := want.Encode()
	if err != nil {
		t.Fatal(err)
	}
	want.Schema = Schema
	if got, err := Decode(text); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	for broken, why := range map[string]string{
		"":   "unexpected end of JSON input",
		"{}": `schema "": accepted: "jostle-cluster/1"`,
		strings.Replace(string(text), `"hosts": 4`, `"hosts": -1`, 1):       "-1 hosts of 4 nodes: accepted: at least 1",
		strings.Replace(string(text), `"name": "dev"`, `"name": "../x"`, 1): `name "../x": accepted:`,
	} {
		if _, err := Decode([]byte(broken)); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%q: %v", broken, err)
		}
	}
}
