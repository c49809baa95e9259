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
	// The supervisor enters nodes' namespaces on other threads; its first one must stay where the process is.
	if len(os.Args) > 1 && os.Args[1] == cli.Supervise {
		runtime.LockOSThread()
	}
}

func main() {
	// As kubectl this program is run by that name; the components are commands of it.
	if filepath.Base(os.Args[0]) == components.Kubectl {
		components.Main(components.Kubectl)()
		return
	}
	if len(os.Args) > 1 && os.Args[1] != components.Kubectl {
		if component := components.Main(os.Args[1]); component != nil {
			os.Args = os.Args[1:]
			component()
			return
		}
	}
	os.Exit(cli.Main(os.Args[1:]))
}
