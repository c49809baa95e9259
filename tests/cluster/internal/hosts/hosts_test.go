package hosts

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func first(n int) []int {
	cpus := make([]int, n)
	for i := range cpus {
		cpus[i] = i
	}
	return cpus
}

// Every map of the shared file is drawn here as jostle's local backend draws it; its own test holds the file against that.
func TestMapsAreTheLocalBackends(t *testing.T) {
	if len(Shared.Maps) < 10 {
		t.Fatalf("only %d maps are shared", len(Shared.Maps))
	}
	for _, want := range Shared.Maps {
		got, err := Draw(first(want.CPUs), want.Hosts, want.Nodes, Shared.LocalReserve)
		if err != nil {
			t.Errorf("%+v: %v", want, err)
			continue
		}
		pins := slices.Concat(got.Nodes...)
		if got.Budget != want.Budget || got.Capacity != want.Capacity || !reflect.DeepEqual(pins, want.Pins) || !reflect.DeepEqual(got.ReserveCPUs, want.ReserveCPUs) {
			t.Errorf("%d CPUs, %d x %d: %+v, want %+v", want.CPUs, want.Hosts, want.Nodes, got, want)
		}
	}
}

func TestWeightsAreTheLocalBackends(t *testing.T) {
	for _, want := range Shared.Weights {
		if got := Weight(want.Shares); got != want.Weight {
			t.Errorf("%d shares weigh %d, want %d", want.Shares, got, want.Weight)
		}
	}
}

// Two CPUs, of which the cluster's reserve is left out: four hosts of 360m.
func TestTheClustersOwnReserve(t *testing.T) {
	got, err := Draw(first(2), 4, 4, Shared.LocalReserve+ClusterReserve)
	if err != nil || got.Budget != 360 || got.Capacity != 90 || got.Reserve != 560 {
		t.Fatalf("%+v, %v", got, err)
	}
}

func TestWhatCannotBeDrawnSaysWhatCould(t *testing.T) {
	for _, c := range []struct {
		cpus, hosts, nodes int
		want               string
	}{
		{0, 1, 1, "the machine shows no CPU"},
		{2, 1, 200, "each of 200 nodes would have 7.2m of its host's 1440m, less than the kernel's smallest quota, 10m: accepted: at most 144 nodes a host here, or fewer hosts"},
		{1, 100, 1, "each of 1 nodes would have 4.4m of its host's 4.4m, less than the kernel's smallest quota, 10m: accepted: fewer hosts"},
	} {
		if _, err := Draw(first(c.cpus), c.hosts, c.nodes, 560); err == nil || err.Error() != c.want {
			t.Errorf("%d CPUs, %d x %d: %v", c.cpus, c.hosts, c.nodes, err)
		}
	}
}

// made notes what would be written.
type made struct{ said []string }

func (m *made) Create(group string) error              { m.note("make", group); return nil }
func (m *made) SetShares(group string, n uint64) error { m.note("shares", group, n); return nil }
func (m *made) SetQuota(group string, us uint64) error { m.note("quota", group, us); return nil }
func (m *made) SetCPUs(group string, cpus []int) error { m.note("cpus", group, cpus); return nil }
func (m *made) note(what ...any)                       { m.said = append(m.said, strings.TrimSpace(fmt.Sprintln(what...))) }

// Parents come before children, the reserve weighs most, and nothing but hosts and nodes has a quota.
func TestGroupsOfALayout(t *testing.T) {
	layout, err := Draw(first(2), 2, 1, 560)
	if err != nil {
		t.Fatal(err)
	}
	got := &made{}
	if err := layout.Make(got, "all", "all/c"); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"make all/c", "shares all 65536", "shares all/c 65536",
		"make all/c/reserve", "shares all/c/reserve 65536", "cpus all/c/reserve [0 1]",
		"make all/c/host-0", "quota all/c/host-0 72000", "shares all/c/host-0 737", "cpus all/c/host-0 [0]",
		"make all/c/host-0/n0-0", "quota all/c/host-0/n0-0 72000", "shares all/c/host-0/n0-0 737", "cpus all/c/host-0/n0-0 [0]",
		"make all/c/host-1", "quota all/c/host-1 72000", "shares all/c/host-1 737", "cpus all/c/host-1 [1]",
		"make all/c/host-1/n1-0", "quota all/c/host-1/n1-0 72000", "shares all/c/host-1/n1-0 737", "cpus all/c/host-1/n1-0 [1]",
	}
	if !reflect.DeepEqual(got.said, want) {
		t.Errorf("got  %q\nwant %q", got.said, want)
	}
}
