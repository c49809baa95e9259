package supervisor

import (
	"context"
	"fmt"
	"slices"
	"syscall"
	"time"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"

	"jostle.dev/cluster/internal/cgroup"
	"jostle.dev/cluster/internal/remote"
	"jostle.dev/cluster/internal/shape"
)

// service is what the commands may ask; its methods are those that net/rpc wants.
type service struct{ s *supervisor }

// Status of components and nodes.
func (r *service) Status(_ remote.Nothing, answer *remote.Status) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	answer.Components = r.s.processes.list()
	answer.Images = r.s.images.Refs()
	ready, list := map[string]*core.Node{}, (*core.NodeList)(nil)
	pods := map[string]int{}
	var err error
	if list, err = r.s.client.CoreV1().Nodes().List(ctx, meta.ListOptions{}); err != nil {
		answer.API = err.Error()
		list = &core.NodeList{}
	} else if all, err := r.s.client.CoreV1().Pods("").List(ctx, meta.ListOptions{}); err != nil {
		answer.API = err.Error()
	} else {
		for i := range all.Items {
			pods[all.Items[i].Spec.NodeName]++
		}
	}
	for i := range list.Items {
		ready[list.Items[i].Name] = &list.Items[i]
	}
	for _, n := range r.s.nodes {
		node := remote.Node{
			Name: n.Name(), Host: shape.HostName(n.Host), Address: n.Address().String(), Pods: pods[n.Name()],
			CPUs: cgroup.List(r.s.cpus(n)), Faults: r.s.faults.of(n.Name()),
		}
		if known := ready[n.Name()]; known != nil {
			node.Ready = isReady(known)
			node.CPU, node.Memory = known.Status.Allocatable.Cpu().String(), known.Status.Allocatable.Memory().String()
		}
		answer.Nodes = append(answer.Nodes, node)
	}
	return nil
}

// Restore what ended, and wait until the nodes are ready: what `up` means for a cluster that is there.
func (r *service) Restore(_ remote.Nothing, restarted *[]string) error {
	ctx, cancel := context.WithTimeout(context.Background(), r.s.patience)
	defer cancel()
	for _, fallen := range r.s.processes.fallen() {
		if err := r.s.processes.again(fallen.Name); err != nil {
			return err
		}
		*restarted = append(*restarted, fallen.Name)
	}
	for _, n := range r.s.nodes {
		for _, undo := range []func(*node, bool) error{r.s.freeze, r.s.cut} {
			if err := undo(n, false); err != nil {
				return err
			}
		}
	}
	return r.s.awaitNodes(ctx)
}

// Signal starts or ends a component.
func (r *service) Signal(order remote.Signal, _ *remote.Nothing) error {
	if order.Start {
		return r.s.processes.again(order.Component)
	}
	how := syscall.SIGTERM
	if order.Hard {
		how = syscall.SIGKILL
	}
	return r.s.processes.stop(order.Component, how, 10*time.Second)
}

// RestartAPI ends the API server and waits until a new one is ready.
func (r *service) RestartAPI(_ remote.Nothing, took *time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	begun := time.Now()
	const name = "kube-apiserver"
	if err := r.s.processes.stop(name, syscall.SIGTERM, 5*time.Second); err != nil {
		return err
	}
	if err := r.s.processes.again(name); err != nil {
		return err
	}
	err := r.s.awaitAPI(ctx)
	*took = time.Since(begun)
	return err
}

// Freeze or thaw a node: pods, kubelet and container runtime.
func (r *service) Freeze(fault remote.NodeFault, _ *remote.Nothing) error {
	n, err := r.s.find(fault.Node)
	if err != nil {
		return err
	}
	return r.s.freeze(n, fault.Made)
}

// Cut or join a node's network.
func (r *service) Cut(fault remote.NodeFault, _ *remote.Nothing) error {
	n, err := r.s.find(fault.Node)
	if err != nil {
		return err
	}
	return r.s.cut(n, fault.Made)
}

// Quota of a namespace is filled, or the filler removed.
func (r *service) Quota(order remote.Quota, _ *remote.Nothing) error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	return r.s.fill(ctx, order)
}

// Clock of a node's agent.
func (r *service) Clock(order remote.Clock, _ *remote.Nothing) error {
	n, err := r.s.find(order.Node)
	if err != nil {
		return err
	}
	return r.s.clock(n, order)
}

// Load an archive of images into every node.
func (r *service) Load(image remote.Image, answer *remote.Loaded) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	loaded, err := r.s.load(ctx, image.Archive)
	*answer = loaded
	return err
}

func (s *supervisor) find(name string) (*node, error) {
	if _, err := s.shape.Find(name); err != nil {
		return nil, err
	}
	i := slices.IndexFunc(s.nodes, func(n *node) bool { return n.Name() == name })
	if i < 0 {
		return nil, fmt.Errorf("node %s was not made", name)
	}
	return s.nodes[i], nil
}
