package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"jostle.dev/cluster/internal/cgroup"
	"jostle.dev/cluster/internal/hosts"
	"jostle.dev/cluster/internal/preflight"
	"jostle.dev/cluster/internal/remote"
	"jostle.dev/cluster/internal/shape"
	"jostle.dev/cluster/internal/state"
	"jostle.dev/cluster/internal/usage"
)

// report is what `status` says, also as JSON.
type report struct {
	Shape      shape.Shape `json:"shape"`
	Kubeconfig string      `json:"kubeconfig"`
	Cgroups    string      `json:"cgroups"`
	Group      string      `json:"group"`
	// Milli-CPUs.
	HostBudget  float64       `json:"hostBudget"`
	NodeBudget  float64       `json:"nodeBudget"`
	Reserve     float64       `json:"reserve"`
	ReserveCPUs []int         `json:"reserveCPUs"`
	Status      remote.Status `json:"status"`
	// Use, where it was asked for.
	Use *usage.Use `json:"use,omitempty"`
}

func status() *cobra.Command {
	command := &cobra.Command{Use: "status", Short: "Hosts, nodes, budgets and processes of a cluster", Args: cobra.NoArgs}
	name := named(command)
	asJSON := command.Flags().Bool("json", false, "as JSON")
	measure := command.Flags().Duration("measure", 0, "measure for so long what the cluster uses, such as 30s")
	command.RunE = func(*cobra.Command, []string) error {
		if err := preflight.Root(); err != nil {
			return refuse(err)
		}
		dir, asked, err := running(*name)
		if err != nil {
			return err
		}
		found, err := inspect(dir, asked, *measure)
		if err != nil {
			return fail(err)
		}
		if *asJSON {
			return json.NewEncoder(os.Stdout).Encode(found)
		}
		return found.print()
	}
	return command
}

func inspect(dir state.Dir, asked shape.Shape, measure time.Duration) (report, error) {
	groups, err := cgroup.Open()
	if err != nil {
		return report{}, err
	}
	layout, err := hosts.OfThisMachine(asked.Hosts, asked.Nodes)
	if err != nil {
		return report{}, err
	}
	found := report{
		Shape: asked, Kubeconfig: dir.Kubeconfig(), Cgroups: groups.Version(), Group: dir.Group(),
		HostBudget: layout.Budget, NodeBudget: layout.Capacity, Reserve: layout.Reserve, ReserveCPUs: layout.ReserveCPUs,
	}
	if err := remote.Call(dir.Socket(), "Status", remote.Nothing{}, &found.Status); err != nil {
		return found, fmt.Errorf("%w: `make cluster-up` starts it anew, `make cluster-down` removes it", err)
	}
	if measure > 0 {
		use, err := usage.Measure(groups, dir.Group(), measure)
		if err != nil {
			return found, err
		}
		found.Use = &use
	}
	return found, nil
}

func (r report) print() error {
	fmt.Printf("cluster %s: %s, cgroups %s in %s\n", r.Shape.Name, r.Shape, r.Cgroups, r.Group)
	fmt.Printf("hosts of %.4gm with nodes of %.4gm; reserve of %.4gm on CPUs %s: %.4gm for the cluster, %.4gm for jostle\n\n",
		r.HostBudget, r.NodeBudget, r.Reserve, cgroup.List(r.ReserveCPUs), hosts.ClusterReserve, hosts.Shared.LocalReserve)
	out := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(out, "NODE\tHOST\tCPUS\tADDRESS\tREADY\tALLOCATABLE\tPODS\tFAULTS")
	for _, n := range r.Status.Nodes {
		fmt.Fprintf(out, "%s\t%s\t%s\t%s\t%v\t%s, %s\t%d\t%s\n", n.Name, n.Host, n.CPUs, n.Address, n.Ready, n.CPU, n.Memory, n.Pods, strings.Join(n.Faults, ", "))
	}
	fmt.Fprintln(out, "\nPROCESS\tSTATE\t\t\t\t\t\t")
	for _, c := range r.Status.Components {
		state := fmt.Sprintf("running for %s", time.Since(c.Since).Round(time.Second))
		if c.PID == 0 {
			state = fmt.Sprintf("ended %s ago: %s", time.Since(c.Since).Round(time.Second), c.Ended)
		}
		fmt.Fprintf(out, "%s\t%s\t\t\t\t\t\t\n", c.Name, state)
	}
	if err := out.Flush(); err != nil {
		return err
	}
	fmt.Printf("\nimages: %s\n", strings.Join(r.Status.Images, ", "))
	if r.Status.API != "" {
		fmt.Printf("the API server does not answer: %s\n", r.Status.API)
	}
	if r.Use != nil {
		r.Use.Print()
	}
	fmt.Printf("kubeconfig: %s, used inside the cluster's network:\n  make cluster-kubectl ARGS='get nodes'\n  make cluster-exec ARGS='COMMAND'\n", r.Kubeconfig)
	return nil
}
