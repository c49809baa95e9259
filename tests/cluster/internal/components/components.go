// Package components is Kubernetes: every program of it as a command of this one, so that all of them share one file's pages in memory.
package components

import (
	"context"
	"os"

	// The DNS server's plugins register themselves; the configuration below uses these and no others.
	_ "github.com/coredns/coredns/plugin/bind"
	_ "github.com/coredns/coredns/plugin/cache"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/health"
	_ "github.com/coredns/coredns/plugin/kubernetes"
	_ "github.com/coredns/coredns/plugin/ready"

	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/coremain"
	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	kubectl "k8s.io/kubectl/pkg/cmd"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"

	// Metrics of clients, and of the version.
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
)

// DNSPlugins in the order in which a query meets them.
var DNSPlugins = []string{"bind", "health", "ready", "errors", "cache", "kubernetes"}

// Kubectl is the administrator's client, and no component: it is run under this name.
const Kubectl = "kubectl"

// Main is the component of this name, run with the arguments of this process, of which the first is that name; nil for no component.
func Main(name string) func() {
	switch name {
	case "etcd":
		return func() { etcdmain.Main(os.Args) }
	case "coredns":
		return func() {
			dnsserver.Directives = DNSPlugins
			coremain.Run()
		}
	case "kube-apiserver":
		return command(apiserver.NewAPIServerCommand)
	case "kube-controller-manager":
		return command(controllers.NewControllerManagerCommand)
	case "kube-scheduler":
		return command(func() *cobra.Command { return scheduler.NewSchedulerCommand() })
	case "kube-proxy":
		return command(proxy.NewProxyCommand)
	case "kubelet":
		return command(func() *cobra.Command { return kubelet.NewKubeletCommand(context.Background()) })
	case Kubectl:
		return command(kubectl.NewDefaultKubectlCommand)
	}
	return nil
}

func command(make func() *cobra.Command) func() {
	return func() { os.Exit(cli.Run(make())) }
}
