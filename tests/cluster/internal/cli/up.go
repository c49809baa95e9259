package cli

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"jostle.dev/cluster/internal/preflight"
	"jostle.dev/cluster/internal/remote"
	"jostle.dev/cluster/internal/shape"
	"jostle.dev/cluster/internal/state"
	"jostle.dev/cluster/internal/supervisor"
	"jostle.dev/cluster/internal/teardown"
)

// Supervise is the hidden command that a cluster lives under.
const Supervise = "supervise"

func supervise() *cobra.Command {
	return &cobra.Command{
		Use: Supervise + " NAME PLUGINS PATIENCE", Hidden: true, Args: cobra.ExactArgs(3),
		RunE: func(_ *cobra.Command, args []string) error {
			patience, err := time.ParseDuration(args[2])
			if err != nil {
				return refuse(err)
			}
			return fail(supervisor.Main(args[0], args[1], patience))
		},
	}
}

func up() *cobra.Command {
	asked := shape.Shape{}
	command := &cobra.Command{Use: "up", Short: "Bring a cluster up, and wait until all its nodes are ready", Args: cobra.NoArgs}
	name := named(command)
	command.Flags().IntVar(&asked.Hosts, "hosts", 4, "how many hosts share the machine's CPUs")
	command.Flags().IntVar(&asked.Nodes, "nodes", 4, "how many nodes share each host")
	command.Flags().BoolVar(&asked.DNS, "dns", false, "with cluster DNS")
	command.Flags().BoolVar(&asked.Proxy, "proxy", false, "with kube-proxy on every node, for Services")
	patience := command.Flags().Duration("patience", 3*time.Minute, "how long every node may take to be ready, all in all")
	command.RunE = func(*cobra.Command, []string) error {
		asked.Name = *name
		return bringUp(asked, *patience)
	}
	return command
}

func bringUp(asked shape.Shape, patience time.Duration) error {
	if err := asked.Check(); err != nil {
		return refuse(err)
	}
	if err := preflight.Root(); err != nil {
		return refuse(err)
	}
	dir := state.Of(asked.Name)
	lock, err := dir.Lock(time.Minute)
	if err != nil {
		return refuse(err)
	}
	defer lock.Release()
	there, err := dir.Read()
	switch {
	case errors.Is(err, state.ErrNone):
	case err != nil:
		return refuse(fmt.Errorf("%w: accepted: `make cluster-down NAME=%s` removes it", err, asked.Name))
	default:
		there.Schema = ""
		if there != asked {
			return refuse(fmt.Errorf("cluster %s is there as %s, not as %s: accepted: `make cluster-down NAME=%s` first, or another NAME", asked.Name, there, asked, asked.Name))
		}
		if done, err := restore(dir); done {
			return err
		}
	}
	machine, err := preflight.Check(asked, dir)
	if err != nil {
		return refuse(err)
	}
	if teardown.Left(machine.Groups, dir) {
		fmt.Println("removing what is left of an earlier start")
		if err := teardown.Down(machine.Groups, dir); err != nil {
			return fail(err)
		}
	}
	begun := time.Now()
	if err := start(asked, dir, machine, patience); err != nil {
		if left := teardown.Down(machine.Groups, dir); left != nil {
			err = fmt.Errorf("%w; and removing what was made failed: %w", err, left)
		}
		return fail(err)
	}
	fmt.Printf("cluster %s is up: %s, every node ready after %.1f s\n", asked.Name, asked, time.Since(begun).Seconds())
	fmt.Printf("KUBECONFIG=%s, inside its network: make cluster-kubectl ARGS='get nodes', make cluster-exec ARGS='COMMAND'\n", dir.Kubeconfig())
	return nil
}

// restore a cluster of this shape that is up; not done if its supervisor is gone.
func restore(dir state.Dir) (bool, error) {
	var now remote.Status
	if err := remote.Call(dir.Socket(), "Status", remote.Nothing{}, &now); err != nil {
		return false, nil
	}
	var restarted []string
	if err := remote.Call(dir.Socket(), "Restore", remote.Nothing{}, &restarted); err != nil {
		return true, fail(err)
	}
	fmt.Println("the cluster is up already; every node is ready")
	if len(restarted) > 0 {
		fmt.Printf("started again: %s\n", strings.Join(restarted, ", "))
	}
	return true, nil
}

// start the supervisor in a process, mount and network namespace of its own, and follow what it tells until the cluster is ready.
func start(asked shape.Shape, dir state.Dir, machine preflight.Machine, patience time.Duration) error {
	if err := dir.Create(asked); err != nil {
		return err
	}
	group := dir.Group() + "/" + teardown.SupervisorGroup
	if err := machine.Layout.Make(machine.Groups, state.Groups, dir.Group()); err != nil {
		return err
	}
	if err := machine.Groups.Create(group); err != nil {
		return err
	}
	child, told, gate, err := spawn(asked, dir, machine, patience)
	if err != nil {
		return err
	}
	defer told.Close()
	defer gate.Close()
	// A signal ends the supervisor, and with it all there is; then this start fails, and removes the rest.
	stopped := make(chan os.Signal, 1)
	signal.Notify(stopped, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(stopped)
	go func() {
		if _, signalled := <-stopped; signalled {
			_ = child.Kill()
		}
	}()
	if err := machine.Groups.Add(group, child.Pid); err != nil {
		_ = child.Kill()
		return err
	}
	if _, err := gate.Write([]byte{1}); err != nil {
		return fmt.Errorf("the supervisor ended: %w", err)
	}
	return follow(told, dir)
}

// spawn the supervisor. It reads the gate's first byte before it does anything, and ends with the gate until it is ready.
func spawn(asked shape.Shape, dir state.Dir, machine preflight.Machine, patience time.Duration) (child *os.Process, told, gate *os.File, err error) {
	program, err := os.Executable()
	if err != nil {
		return nil, nil, nil, err
	}
	told, tell, err := os.Pipe()
	if err != nil {
		return nil, nil, nil, err
	}
	defer tell.Close()
	pass, gate, err := os.Pipe()
	if err != nil {
		return nil, nil, nil, err
	}
	defer pass.Close()
	log, err := os.OpenFile(dir.Log("supervisor"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nil, nil, err
	}
	defer log.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, nil, nil, err
	}
	defer null.Close()
	child, err = os.StartProcess(program, []string{program, Supervise, asked.Name, machine.Plugins, patience.String()}, &os.ProcAttr{
		Dir:   "/",
		Env:   []string{"PATH=" + os.Getenv("PATH"), "HOME=/root", state.Variable + "=" + dir.Base(), "GOMAXPROCS=2"},
		Files: []*os.File{null, log, log, tell, pass},
		Sys:   &syscall.SysProcAttr{Setsid: true, Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWNET},
	})
	return child, told, gate, err
}

// follow the supervisor's lines to the end of its start.
func follow(told *os.File, dir state.Dir) error {
	begun := time.Now()
	lines := bufio.NewScanner(told)
	for lines.Scan() {
		line := lines.Text()
		if line == supervisor.Ready {
			return nil
		}
		if why, found := strings.CutPrefix(line, supervisor.Failed); found {
			if plain, err := strconv.Unquote(why); err == nil {
				why = plain
			}
			return errors.New(why)
		}
		fmt.Printf("%5.1f s  %s\n", time.Since(begun).Seconds(), strings.TrimPrefix(line, supervisor.Step))
	}
	text, _ := os.ReadFile(dir.Log("supervisor"))
	return fmt.Errorf("the supervisor ended before the cluster was ready: %s", strings.TrimSpace(string(text)))
}
