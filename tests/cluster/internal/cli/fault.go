package cli

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"jostle.dev/cluster/internal/preflight"
	"jostle.dev/cluster/internal/remote"
)

func fault() *cobra.Command {
	command := &cobra.Command{Use: "fault", Short: "Break something, and mend it again (`up` mends all that it can)"}
	// kubelet is the component of a node, or any that `status` names.
	component := func(name string, start, hard bool) order {
		return order{"Signal", remote.Signal{Component: name, Start: start, Hard: hard}}
	}
	command.AddCommand(
		pair("kubelet NODE", "A node's kubelet", "stop", "start", func(node string, broken bool) order {
			return component(node+"/kubelet", !broken, false)
		}),
		pair("process COMPONENT", "Any process that `status` names, by kill -9", "kill", "start", func(name string, broken bool) order {
			return component(name, !broken, true)
		}),
		pair("node NODE", "Everything of a node: pods, kubelet, container runtime", "freeze", "thaw", func(node string, broken bool) order {
			return order{"Freeze", remote.NodeFault{Node: node, Made: broken}}
		}),
		pair("network NODE", "A node's cable", "cut", "join", func(node string, broken bool) order {
			return order{"Cut", remote.NodeFault{Node: node, Made: broken}}
		}),
		pair("quota NAMESPACE", "A namespace that takes no more pods", "fill", "free", func(namespace string, broken bool) order {
			return order{"Quota", remote.Quota{Namespace: namespace, Full: broken}}
		}),
		restartAPI(), clock(),
	)
	return command
}

// order to a supervisor: a method and its argument.
type order struct {
	method   string
	argument any
}

func (o order) give(name string, answer any) error {
	if err := preflight.Root(); err != nil {
		return refuse(err)
	}
	dir, _, err := running(name)
	if err != nil {
		return err
	}
	return fail(remote.Call(dir.Socket(), o.method, o.argument, answer))
}

// pair is a fault and its end.
func pair(use, short, breaks, mends string, of func(what string, broken bool) order) *cobra.Command {
	command := &cobra.Command{
		Use: fmt.Sprintf("%s %s|%s", use, breaks, mends), Short: fmt.Sprintf("%s: %s or %s", short, breaks, mends), Args: cobra.ExactArgs(2),
	}
	name := named(command)
	command.RunE = func(_ *cobra.Command, args []string) error {
		if args[1] != breaks && args[1] != mends {
			return refuse(fmt.Errorf("%q: accepted: %s or %s", args[1], breaks, mends))
		}
		return of(args[0], args[1] == breaks).give(*name, &remote.Nothing{})
	}
	return command
}

func restartAPI() *cobra.Command {
	command := &cobra.Command{Use: "api restart", Short: "Restart the API server, and wait until it is ready", Args: cobra.ExactArgs(1), ValidArgs: []string{"restart"}}
	name := named(command)
	command.RunE = func(_ *cobra.Command, args []string) error {
		if args[0] != "restart" {
			return refuse(fmt.Errorf("%q: accepted: restart", args[0]))
		}
		var took time.Duration
		if err := (order{"RestartAPI", remote.Nothing{}}).give(*name, &took); err != nil {
			return err
		}
		fmt.Printf("the API server is ready again after %.1f s\n", took.Seconds())
		return nil
	}
	return command
}

func clock() *cobra.Command {
	command := &cobra.Command{
		Use:   "clock NODE tell|stop",
		Short: "Metrics of a node's agent with another time, at a port beside its own; nobody's clock is touched",
		Args:  cobra.ExactArgs(2),
	}
	name := named(command)
	wanted := remote.Clock{}
	flags := command.Flags()
	flags.IntVar(&wanted.Agent, "agent", 9099, "the port of the node that the agent serves")
	flags.IntVar(&wanted.Listen, "listen", 9098, "the port of the node where its metrics are told with the offset")
	flags.DurationVar(&wanted.Offset, "offset", 5*time.Second, "how far the reported clock is ahead; negative: behind")
	flags.StringVar(&wanted.Metric, "metric", "jostle_agent_read_time_seconds", "the metric that holds the time, in seconds")
	command.RunE = func(_ *cobra.Command, args []string) error {
		if args[1] != "tell" && args[1] != "stop" {
			return refuse(fmt.Errorf("%q: accepted: tell or stop", args[1]))
		}
		for _, port := range []int{wanted.Agent, wanted.Listen} {
			if port < 1 || port > 65535 {
				return refuse(fmt.Errorf("port %d: accepted: 1 to 65535", port))
			}
		}
		if wanted.Agent == wanted.Listen {
			return refuse(fmt.Errorf("both ports are %d: accepted: a port beside the agent's", wanted.Agent))
		}
		wanted.Node, wanted.Stop = args[0], args[1] == "stop"
		return order{"Clock", wanted}.give(*name, &remote.Nothing{})
	}
	return command
}
