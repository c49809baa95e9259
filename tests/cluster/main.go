// Cluster is a real Kubernetes on one machine, for tests: hosts with a budget of CPU that their nodes share, nodes that are network
// namespaces with a kubelet and a containerd of their own. One program is all of Kubernetes' components, etcd, a DNS server, and the
// commands that bring a cluster up, break it and take it down. See README.md.
package main

import (
	"os"
	"path/filepath"
	"runtime"

	"jostle.dev/cluster/internal/cli"
	"jostle.dev/cluster/internal/components"
)

func init() {
	// The commands enter namespaces on other threads; the first one, whose namespaces the process shows, must stay where it is.
	if len(os.Args) > 1 && !isComponent(os.Args[1]) {
		runtime.LockOSThread()
	}
}

func isComponent(name string) bool {
	return name != components.Kubectl && components.Main(name) != nil
}

func main() {
	switch {
	// As kubectl this program is run by that name; the components are commands of it.
	case filepath.Base(os.Args[0]) == components.Kubectl:
		components.Main(components.Kubectl)()
	case len(os.Args) > 1 && isComponent(os.Args[1]):
		os.Args = os.Args[1:]
		components.Main(os.Args[0])()
	default:
		os.Exit(cli.Main(os.Args[1:]))
	}
}
