// Package hosts maps hosts and nodes onto the machine's CPUs: who is pinned where, with which budget. It is the arithmetic of jostle's
// local backend (`src/plan/layout.rs`, `src/backend/local/kubelet.rs`), so that a result found there and one found here are about the
// same hosts. `model.json` holds constants and cases; a test on either side holds its own code against that file.
package hosts

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"math"
)

//go:embed model.json
var model []byte

// Model is what both sides share.
type Model struct {
	// LocalReserve is left out of all budgets for jostle's own parts, in milli-CPUs.
	LocalReserve float64 `json:"local_reserve"`
	// SmallestQuota is the least that a node may have, in milli-CPUs.
	SmallestQuota float64 `json:"smallest_quota"`
	// Weights of the whole tree against the machine, and of the reserve against the hosts.
	TreeShares    uint64 `json:"tree_shares"`
	ReserveShares uint64 `json:"reserve_shares"`
	// Limits of shares, and of quotas in a period, in microseconds.
	MinShares  uint64 `json:"min_shares"`
	MaxShares  uint64 `json:"max_shares"`
	PeriodUS   uint64 `json:"period_us"`
	MinQuotaUS uint64 `json:"min_quota_us"`
	// Weights of cgroup v2 for shares.
	Weights []struct {
		Shares uint64 `json:"shares"`
		Weight uint64 `json:"weight"`
	} `json:"weights"`
	// Maps that both sides must draw.
	Maps []Map `json:"maps"`
}

// Map is one case of the shared file.
type Map struct {
	CPUs        int     `json:"cpus"`
	Hosts       int     `json:"hosts"`
	Nodes       int     `json:"nodes"`
	Budget      float64 `json:"budget"`
	Capacity    float64 `json:"capacity"`
	Pins        [][]int `json:"pins"`
	ReserveCPUs []int   `json:"reserve_cpus"`
}

// Shared is the model.
var Shared = func() Model {
	var read Model
	if err := json.Unmarshal(model, &read); err != nil {
		panic("model.json: " + err.Error())
	}
	return read
}()

// ClusterReserve is what the control plane, the kubelets and the container runtimes get, in milli-CPUs, beside jostle's own
// LocalReserve. Idle, 16 nodes use about two thirds of it.
const ClusterReserve = 360.0

// What differs by less is the same: budgets are sums and quotients.
const rounding = 1e-6

// Layout of a cluster on this machine.
type Layout struct {
	// Budget of each host, Capacity of each node, Reserve of what is no host's; in milli-CPUs.
	Budget, Capacity, Reserve float64
	// CPUs of each host; of each node of each host; of the reserve.
	Hosts       [][]int
	Nodes       [][][]int
	ReserveCPUs []int
}

// Draw the map. Hosts get whole CPUs of their own where there are enough, else one CPU that they share under quotas; every node gets
// whole CPUs of its host, or shares one of them with as many nodes as each other CPU of the host carries.
func Draw(cpus []int, hosts, nodes int, reserve float64) (Layout, error) {
	if len(cpus) == 0 {
		return Layout{}, fmt.Errorf("the machine shows no CPU")
	}
	fair := (float64(len(cpus))*1000 - reserve) / float64(hosts)
	own, budget := 0, 0.0
	if len(cpus) < hosts {
		// The fullest CPU decides for all, so that hosts stay equal.
		fullest := (hosts + len(cpus) - 1) / len(cpus)
		budget = math.Min(fair, 1000/float64(fullest))
	} else {
		// A CPU more than can be shared evenly by equal nodes would be nobody's.
		own = 1
		for n := 1; n <= len(cpus)/hosts; n++ {
			if n%nodes == 0 || nodes%n == 0 {
				own = n
			}
		}
		budget = math.Min(fair, float64(own)*1000)
	}
	layout := Layout{Budget: budget, Capacity: budget / float64(nodes), Reserve: reserve}
	if layout.Capacity < Shared.SmallestQuota {
		accepted := "fewer hosts"
		if most := math.Floor(budget / Shared.SmallestQuota); most >= 1 {
			accepted = fmt.Sprintf("at most %.0f nodes a host here, or fewer hosts", most)
		}
		return Layout{}, fmt.Errorf("each of %d nodes would have %.3gm of its host's %.4gm, less than the kernel's smallest quota, %.0fm: accepted: %s",
			nodes, math.Max(layout.Capacity, 0), math.Max(budget, 0), Shared.SmallestQuota, accepted)
	}
	for host := range hosts {
		pins := []int{cpus[host%len(cpus)]}
		if own > 0 {
			pins = cpus[host*own : (host+1)*own]
		}
		layout.Hosts = append(layout.Hosts, pins)
		var parts [][]int
		for node := range nodes {
			parts = append(parts, part(pins, node, nodes))
		}
		layout.Nodes = append(layout.Nodes, parts)
	}
	layout.ReserveCPUs = layout.withRoom(cpus)
	return layout, nil
}

// part is one of so many equal parts: CPUs of its own, or the one that it shares.
func part(cpus []int, index, parts int) []int {
	if own := len(cpus) / parts; own > 0 {
		return cpus[index*own : (index+1)*own]
	}
	return []int{cpus[index*len(cpus)/parts]}
}

// withRoom are the CPUs for the reserve: those without a host, or else those that the hosts do not fill.
func (l Layout) withRoom(cpus []int) []int {
	used := map[int]float64{}
	for _, pins := range l.Hosts {
		for _, cpu := range pins {
			used[cpu] += l.Budget / float64(len(pins))
		}
	}
	var free, room []int
	for _, cpu := range cpus {
		if used[cpu] == 0 {
			free = append(free, cpu)
		}
		if used[cpu] < 1000-rounding {
			room = append(room, cpu)
		}
	}
	if len(free) > 0 {
		return free
	}
	return room
}

// Shares for so many milli-CPUs, as the kubelet has it.
func Shares(milli float64) uint64 {
	return min(max(uint64(milli*1024/1000), Shared.MinShares), Shared.MaxShares)
}

// Quota in each period, in microseconds, for so many milli-CPUs; rounded down, so that children's never exceed their parent's.
func Quota(milli float64) uint64 {
	return max(uint64(milli*float64(Shared.PeriodUS)/1000), Shared.MinQuotaUS)
}

// Weight of cgroup v2 for shares: a quadratic in the logarithm through (2, 1), (1024, 100) and (262 144, 10 000).
// Source: ConvertCPUSharesToCgroupV2Value of opencontainers/cgroups since 0.0.3.
func Weight(shares uint64) uint64 {
	if shares <= Shared.MinShares {
		return 1
	}
	if shares >= Shared.MaxShares {
		return 10_000
	}
	log := math.Log2(float64(shares))
	return uint64(math.Ceil(math.Pow(10, (log*log+125*log)/612-7.0/34)))
}
