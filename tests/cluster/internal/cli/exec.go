package cli

import (
	"fmt"
	"os"
	goexec "os/exec"
	"runtime"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"jostle.dev/cluster/internal/cgroup"
	"jostle.dev/cluster/internal/hosts"
	"jostle.dev/cluster/internal/preflight"
	"jostle.dev/cluster/internal/state"
	"jostle.dev/cluster/internal/teardown"
)

func exec() *cobra.Command {
	command := &cobra.Command{
		Use:   "exec [flags] -- COMMAND...",
		Short: "Run a command in the control plane's network, or on a node",
		Long: `Run a command in the control plane's network, with KUBECONFIG set. Files, processes and control groups are the machine's.
With --node it sees the node's network, host name and files instead.`,
		Args: cobra.MinimumNArgs(1),
	}
	name := named(command)
	node := command.Flags().String("node", "", "the node, such as n0-0")
	command.Flags().SetInterspersed(false)
	command.RunE = func(_ *cobra.Command, args []string) error { return enter(*name, *node, args) }
	return command
}

func kubectl() *cobra.Command {
	return &cobra.Command{
		Use: "kubectl [--name NAME] ARGUMENTS...", Short: "kubectl as the cluster's administrator",
		// Every other flag is kubectl's.
		DisableFlagParsing: true,
		RunE: func(_ *cobra.Command, args []string) error {
			name := usual
			if len(args) > 1 && args[0] == "--name" {
				name, args = args[1], args[2:]
			}
			return enter(name, "", append([]string{self}, args...))
		},
	}
}

// self is this program, run as kubectl.
const self = "kubectl"

func find(name string) (string, error) {
	if name == self {
		return "/proc/self/exe", nil
	}
	return goexec.LookPath(name)
}

// enter becomes the command, inside.
func enter(name, node string, args []string) error {
	if err := preflight.Root(); err != nil {
		return refuse(err)
	}
	dir, known, err := running(name)
	if err != nil {
		return err
	}
	groups, err := cgroup.Open()
	if err != nil {
		return refuse(err)
	}
	pid, kinds := teardown.Supervisor(groups, dir), []string{"net"}
	if node != "" {
		if _, err := known.Find(node); err != nil {
			return refuse(err)
		}
		inside := groups.Processes(dir.Group() + "/" + hosts.ReserveGroup + "/" + node)
		if len(inside) == 0 {
			return refuse(fmt.Errorf("nothing runs on node %s: accepted: `make cluster-up` starts it again", node))
		}
		pid, kinds = inside[0], []string{"net", "uts", "mnt"}
	}
	if pid == 0 {
		return refuse(fmt.Errorf("cluster %s has lost its supervisor, and is gone: accepted: `make cluster-up` or `make cluster-down`", name))
	}
	program := ""
	if node == "" {
		if program, err = find(args[0]); err != nil {
			return refuse(err)
		}
	}
	// A program is executed in the namespaces of the thread that asks for it.
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return fail(err)
	}
	for _, kind := range kinds {
		file, err := os.Open(fmt.Sprintf("/proc/%d/ns/%s", pid, kind))
		if err != nil {
			return fail(err)
		}
		if err := unix.Setns(int(file.Fd()), 0); err != nil {
			return fail(fmt.Errorf("enter: %w", err))
		}
		file.Close()
	}
	if node != "" {
		if program, err = find(args[0]); err != nil {
			return refuse(err)
		}
	}
	environment := append(os.Environ(), "KUBECONFIG="+dir.Kubeconfig(), state.Variable+"="+dir.Base())
	return fail(fmt.Errorf("%s: %w", program, syscall.Exec(program, args, environment)))
}
