package supervisor

import (
	"fmt"
	"os"
	"os/signal"
	"slices"
	"sort"
	"sync"
	"syscall"
	"time"

	"jostle.dev/cluster/internal/remote"
	"jostle.dev/cluster/internal/space"
)

// program is what a component runs.
type program struct {
	name string
	path string
	args []string
	env  []string
	// inside is the node that it runs in; nil for the control plane.
	inside *space.Space
	// group is its control group.
	group string
	// log is its file of output; empty for one that is not kept.
	log string
}

// process is a component that was started.
type process struct {
	program
	pid   int
	since time.Time
	ended string
	done  chan struct{}
}

// processes are all children of this one. It is the first of its process namespace, so orphans of its children become its own, and it
// must wait for them too; therefore nobody else here may wait for a child (`os/exec` would).
type processes struct {
	mutex sync.Mutex
	byPID map[int]*process
	named map[string]*process
	add   func(group string, pid int) error
}

func newProcesses(add func(group string, pid int) error) *processes {
	p := &processes{byPID: map[int]*process{}, named: map[string]*process{}, add: add}
	died := make(chan os.Signal, 16)
	signal.Notify(died, syscall.SIGCHLD)
	go func() {
		for range died {
			p.reap()
		}
	}()
	return p
}

func (p *processes) reap() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
		if child := p.byPID[pid]; child != nil {
			delete(p.byPID, pid)
			child.pid, child.since = 0, time.Now()
			if child.ended = fmt.Sprintf("exit status %d", status.ExitStatus()); status.Signaled() {
				child.ended = fmt.Sprintf("signal: %s", status.Signal())
			}
			close(child.done)
		}
	}
}

// start the program, unless it runs.
func (p *processes) start(what program) (*process, error) {
	log, err := os.OpenFile(what.output(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	var child *process
	fork := func() error {
		p.mutex.Lock()
		defer p.mutex.Unlock()
		if running := p.named[what.name]; running != nil && running.pid != 0 {
			child = running
			return nil
		}
		// From here a child of this thread is born in the thread's namespaces.
		pid, err := syscall.ForkExec(what.path, append([]string{what.path}, what.args...), &syscall.ProcAttr{
			Dir:   "/",
			Env:   append(slices.Clone(common), what.env...),
			Files: []uintptr{null.Fd(), log.Fd(), log.Fd()},
			Sys:   &syscall.SysProcAttr{Setsid: true},
		})
		if err != nil {
			return fmt.Errorf("%s: %s: %w", what.name, what.path, err)
		}
		child = &process{program: what, pid: pid, since: time.Now(), done: make(chan struct{})}
		p.byPID[pid] = child
		p.named[what.name] = child
		if what.group == "" {
			return nil
		}
		return p.add(what.group, pid)
	}
	if what.inside != nil {
		err = what.inside.Do(fork)
	} else {
		err = fork()
	}
	return child, err
}

func (p program) output() string {
	if p.log == "" {
		return os.DevNull
	}
	return p.log
}

// run a program to its end.
func (p *processes) run(what program) error {
	child, err := p.start(what)
	if err != nil {
		return err
	}
	<-child.done
	p.mutex.Lock()
	defer p.mutex.Unlock()
	delete(p.named, what.name)
	if child.ended != "exit status 0" {
		return fmt.Errorf("%s: %s (see %s)", what.name, child.ended, what.output())
	}
	return nil
}

// stop it and wait; after the patience with a kill.
func (p *processes) stop(name string, how syscall.Signal, patience time.Duration) error {
	p.mutex.Lock()
	child := p.named[name]
	if child == nil {
		p.mutex.Unlock()
		return fmt.Errorf("there is no component %q: accepted: those of cluster-status", name)
	}
	running := child.pid != 0
	if running {
		_ = syscall.Kill(child.pid, how)
	}
	p.mutex.Unlock()
	if !running {
		return nil
	}
	select {
	case <-child.done:
		return nil
	case <-time.After(patience):
	}
	p.mutex.Lock()
	if child.pid != 0 {
		_ = syscall.Kill(child.pid, syscall.SIGKILL)
	}
	p.mutex.Unlock()
	<-child.done
	return nil
}

// again starts what was started before and does not run.
func (p *processes) again(name string) error {
	p.mutex.Lock()
	child := p.named[name]
	p.mutex.Unlock()
	if child == nil {
		return fmt.Errorf("there is no component %q: accepted: those of cluster-status", name)
	}
	_, err := p.start(child.program)
	return err
}

// forget a component that has ended and is not wanted.
func (p *processes) forget(name string) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if child := p.named[name]; child != nil && child.pid == 0 {
		delete(p.named, name)
	}
}

// list of all components, by name.
func (p *processes) list() []remote.Component {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	var all []remote.Component
	for _, child := range p.named {
		all = append(all, remote.Component{Name: child.name, PID: child.pid, Since: child.since, Ended: child.ended})
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Name < all[j].Name })
	return all
}

// fallen are the components that ended.
func (p *processes) fallen() []remote.Component {
	var fallen []remote.Component
	for _, component := range p.list() {
		if component.PID == 0 {
			fallen = append(fallen, component)
		}
	}
	return fallen
}
