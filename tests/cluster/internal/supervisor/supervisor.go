// Package supervisor is the process that a cluster lives under. It is the first process of the cluster's process namespace: when it
// ends, however it ends, the kernel ends everything in that namespace, and with the last process go namespaces, links and mounts. What
// remains then are control groups and one directory, and package teardown removes those.
//
// It makes the network, the nodes and the certificates, starts every component in order, waits until the nodes are ready, and from then
// on answers the commands.
package supervisor

import (
	"context"
	"fmt"
	"net"
	"net/rpc"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"k8s.io/client-go/kubernetes"

	"jostle.dev/cluster/internal/cgroup"
	"jostle.dev/cluster/internal/hosts"
	"jostle.dev/cluster/internal/images"
	"jostle.dev/cluster/internal/pki"
	"jostle.dev/cluster/internal/remote"
	"jostle.dev/cluster/internal/shape"
	"jostle.dev/cluster/internal/space"
	"jostle.dev/cluster/internal/state"
)

// Files that the starter hands on: where to tell, and whose end means that the starter is gone.
const (
	tell    = 3
	starter = 4
)

// What the lines on `tell` begin with; what comes after Failed is the reason.
const (
	Step   = "step "
	Ready  = "ready"
	Failed = "failed "
)

// supervisor holds a running cluster.
type supervisor struct {
	dir    state.Dir
	shape  shape.Shape
	layout hosts.Layout
	groups *cgroup.Tree
	// programs is the directory of this program; plugins that of CNI's.
	programs, plugins string
	// patience with a whole start.
	patience  time.Duration
	processes *processes
	nodes     []*node
	images    *images.Store
	client    *kubernetes.Clientset
	authority *pki.Authority

	// loading: one image at a time.
	loading sync.Mutex
	faults  faults
}

// Main of the process; it gives up when the patience with its start is over. The main goroutine must be locked to the main thread already: tools that enter the cluster's namespaces take
// those of that thread.
func Main(name, plugins string, patience time.Duration) error {
	out := os.NewFile(tell, "tell")
	signal.Ignore(syscall.SIGPIPE)
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		<-end
		os.Exit(0)
	}()
	// The starter says when this process is in its control group. Until the cluster is ready it is the starter's; then its own.
	alive := os.NewFile(starter, "starter")
	if _, err := alive.Read(make([]byte, 1)); err != nil {
		return fmt.Errorf("the starter is gone: %w", err)
	}
	var ready sync.Once
	go func() {
		_, _ = alive.Read(make([]byte, 1))
		ready.Do(func() { os.Exit(1) })
	}()
	s, err := open(name, plugins, patience)
	if err == nil {
		err = s.up(func(step string) { fmt.Fprintln(out, Step+step) })
	}
	if err != nil {
		fmt.Fprintf(out, "%s%q\n", Failed, err.Error())
		return err
	}
	ready.Do(func() { fmt.Fprintln(out, Ready) })
	out.Close()
	select {}
}

func open(name, plugins string, patience time.Duration) (*supervisor, error) {
	dir := state.Of(name)
	asked, err := dir.Read()
	if err != nil {
		return nil, err
	}
	groups, err := cgroup.Open()
	if err != nil {
		return nil, err
	}
	layout, err := hosts.OfThisMachine(asked.Hosts, asked.Nodes)
	if err != nil {
		return nil, err
	}
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	s := &supervisor{dir: dir, shape: asked, layout: layout, groups: groups, programs: filepath.Dir(program), plugins: plugins, patience: patience}
	if err := space.ReadOnly(dir.Path()); err != nil {
		return nil, err
	}
	s.processes = newProcesses(groups.Add)
	return s, os.Mkdir(dir.Path("tmp"), 0o700)
}

// up reads like the list of what a cluster consists of. Control plane and nodes come up side by side; kubelets wait for both.
func (s *supervisor) up(step func(string)) error {
	ctx, cancel := context.WithTimeout(context.Background(), s.patience)
	defer cancel()
	if err := space.Center(shape.Control, shape.Prefix); err != nil {
		return err
	}
	identities, err := s.certify()
	if err != nil {
		return err
	}
	if err := s.startAPI(identities); err != nil {
		return err
	}
	step("API server starts")
	stored := make(chan error, 1)
	go func() { stored <- s.openStore(ctx) }()
	if err := s.makeNodes(identities); err != nil {
		return err
	}
	step(fmt.Sprintf("%d nodes made", len(s.nodes)))
	if err := <-stored; err != nil {
		return err
	}
	if err := s.awaitAPI(ctx); err != nil {
		return err
	}
	step("API server ready")
	if err := s.startControl(ctx, identities); err != nil {
		return err
	}
	if err := s.startNodes(ctx); err != nil {
		return err
	}
	step("kubelets started")
	if err := s.restStore(); err != nil {
		return err
	}
	if err := s.awaitNodes(ctx); err != nil {
		return err
	}
	if err := s.awaitAccount(ctx); err != nil {
		return err
	}
	return s.serve()
}

// serve answers the commands from here on.
func (s *supervisor) serve() error {
	server := rpc.NewServer()
	if err := server.RegisterName(remote.Service, &service{s}); err != nil {
		return err
	}
	listener, err := net.Listen("unix", s.dir.Socket())
	if err != nil {
		return err
	}
	if err := os.Chmod(s.dir.Socket(), 0o600); err != nil {
		return err
	}
	go server.Accept(listener)
	return nil
}

// group of a part of the reserve.
func (s *supervisor) group(component string) string {
	return s.dir.Group() + "/" + hosts.ReserveGroup + "/" + component
}
