package cli

import (
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"jostle.dev/cluster/internal/cgroup"
	"jostle.dev/cluster/internal/preflight"
	"jostle.dev/cluster/internal/shape"
	"jostle.dev/cluster/internal/state"
	"jostle.dev/cluster/internal/teardown"
)

func down() *cobra.Command {
	command := &cobra.Command{Use: "down", Short: "End a cluster and remove everything that is left of it, in whatever state", Args: cobra.NoArgs}
	name := named(command)
	all := command.Flags().Bool("all", false, "every cluster of this machine")
	command.RunE = func(*cobra.Command, []string) error {
		if err := preflight.Root(); err != nil {
			return refuse(err)
		}
		groups, err := cgroup.Open()
		if err != nil {
			return refuse(err)
		}
		names := []string{*name}
		if *all {
			names = state.Names()
			for _, group := range groups.Children(state.Groups) {
				if !slices.Contains(names, group) {
					names = append(names, group)
				}
			}
		}
		for _, name := range names {
			if err := takeDown(groups, name); err != nil {
				return err
			}
		}
		return nil
	}
	return command
}

func takeDown(groups *cgroup.Tree, name string) error {
	if err := shape.CheckName(name); err != nil {
		return refuse(err)
	}
	dir := state.Of(name)
	// A start that is under way is ended by its supervisor's end, and frees the lock then.
	begun := time.Now()
	lock, err := dir.Lock(0)
	if err != nil {
		if pid := teardown.Supervisor(groups, dir); pid != 0 {
			_ = groups.Clear(dir.Group()+"/"+teardown.SupervisorGroup, time.Second, teardown.Kill)
		}
		if lock, err = dir.Lock(time.Minute); err != nil {
			return refuse(err)
		}
	}
	defer lock.Release()
	if !teardown.Left(groups, dir) {
		fmt.Printf("cluster %s: nothing is there\n", name)
		return nil
	}
	if err := teardown.Down(groups, dir); err != nil {
		return fail(err)
	}
	fmt.Printf("cluster %s is gone after %.1f s\n", name, time.Since(begun).Seconds())
	return nil
}
