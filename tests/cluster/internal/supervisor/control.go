package supervisor

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"jostle.dev/cluster/internal/pki"
	"jostle.dev/cluster/internal/shape"
)

// Nodes tell that they are alive four times in this time, in seconds; grace is how long they may be silent.
const (
	lease = 20
	grace = "20s"
)

// identities are files of certificates, by whose they are.
type identities struct {
	dir string
	// kubeconfigs of components, by name.
	kubeconfigs map[string][]byte
	// nodes' serving and client certificates, by node.
	nodes map[string]pki.Pair
}

func (i identities) file(name string) string { return i.dir + "/" + name }

// certify makes every certificate, and the kubeconfigs.
func (s *supervisor) certify() (identities, error) {
	made := identities{dir: s.dir.Path("pki"), kubeconfigs: map[string][]byte{}, nodes: map[string]pki.Pair{}}
	if err := os.Mkdir(made.dir, 0o700); err != nil {
		return made, err
	}
	var err error
	if s.authority, err = pki.NewAuthority("jostle-cluster-" + s.shape.Name); err != nil {
		return made, err
	}
	pair, err := s.authority.Pair()
	if err != nil {
		return made, err
	}
	if err := pair.Write(made.dir, "ca"); err != nil {
		return made, err
	}
	// etcd has an authority of its own: no certificate of the cluster opens it.
	store, err := pki.NewAuthority("etcd")
	if err != nil {
		return made, err
	}
	if err := os.WriteFile(made.file("etcd-ca.crt"), store.PEM, 0o600); err != nil {
		return made, err
	}
	loopback := netip.MustParseAddr("127.0.0.1")
	local := []netip.Addr{loopback, shape.Control}
	for _, issue := range []struct {
		file    string
		by      *pki.Authority
		subject pki.Subject
	}{
		{"etcd", store, pki.Subject{Name: "etcd", Addresses: []netip.Addr{loopback}}},
		{"apiserver-etcd", store, pki.Subject{Name: "kube-apiserver"}},
		{"apiserver", s.authority, pki.Subject{
			Name:      "kube-apiserver",
			Addresses: append(local, shape.APIService),
			Names:     []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"},
		}},
		{"apiserver-kubelet", s.authority, pki.Subject{Name: kubeletClient}},
		{"kube-controller-manager", s.authority, pki.Subject{Name: "system:kube-controller-manager", Addresses: local}},
		{"kube-scheduler", s.authority, pki.Subject{Name: "system:kube-scheduler", Addresses: local}},
		{"kube-proxy", s.authority, pki.Subject{Name: "system:kube-proxy"}},
		{"coredns", s.authority, pki.Subject{Name: "coredns"}},
		{"admin", s.authority, pki.Subject{Name: "admin", Groups: []string{"system:masters"}}},
	} {
		pair, err := issue.by.Issue(issue.subject)
		if err != nil {
			return made, err
		}
		if err := pair.Write(made.dir, issue.file); err != nil {
			return made, err
		}
		if issue.by == s.authority {
			if made.kubeconfigs[issue.file], err = pki.Kubeconfig(s.shape.Name, s.authority, issue.file, pair); err != nil {
				return made, err
			}
			if err := os.WriteFile(made.file(issue.file+".conf"), made.kubeconfigs[issue.file], 0o600); err != nil {
				return made, err
			}
		}
	}
	for _, node := range s.shape.All() {
		pair, err := s.authority.Issue(pki.Subject{
			Name:      "system:node:" + node.Name(),
			Groups:    []string{"system:nodes"},
			Addresses: []netip.Addr{node.Address()},
			Names:     []string{node.Name()},
		})
		if err != nil {
			return made, err
		}
		made.nodes[node.Name()] = pair
	}
	private, public, err := pki.SigningKey()
	if err != nil {
		return made, err
	}
	if err := os.WriteFile(made.file("tokens.key"), private, 0o600); err != nil {
		return made, err
	}
	if err := os.WriteFile(made.file("tokens.pub"), public, 0o600); err != nil {
		return made, err
	}
	return made, os.WriteFile(s.dir.Kubeconfig(), made.kubeconfigs["admin"], 0o600)
}

// component of the control plane.
func (s *supervisor) component(name string, args ...string) error {
	group := s.group(name)
	if err := s.groups.Create(group); err != nil {
		return err
	}
	_, err := s.processes.start(program{
		name: name, path: s.programs + "/cluster", args: append([]string{name}, args...), env: s.beside(),
		group: group, log: s.dir.Log(name),
	})
	return err
}

// startAPI starts etcd and the API server, which waits for it.
func (s *supervisor) startAPI(id identities) error {
	const etcd = "https://127.0.0.1:2379"
	if err := s.component("etcd",
		"--name="+s.shape.Name,
		"--data-dir="+s.dir.Path("etcd"),
		"--listen-client-urls="+etcd, "--advertise-client-urls="+etcd,
		// Nobody else will ever be a peer.
		"--listen-peer-urls=http://127.0.0.1:2380",
		"--cert-file="+id.file("etcd.crt"), "--key-file="+id.file("etcd.key"),
		"--trusted-ca-file="+id.file("etcd-ca.crt"), "--client-cert-auth",
		// What a crash of the machine would lose is a cluster for tests.
		"--unsafe-no-fsync",
		"--log-level=warn",
	); err != nil {
		return err
	}
	return s.component("kube-apiserver",
		"--etcd-servers="+etcd, "--etcd-cafile="+id.file("etcd-ca.crt"),
		"--etcd-certfile="+id.file("apiserver-etcd.crt"), "--etcd-keyfile="+id.file("apiserver-etcd.key"),
		"--bind-address="+shape.Control.String(), "--advertise-address="+shape.Control.String(), fmt.Sprintf("--secure-port=%d", shape.APIPort),
		"--tls-cert-file="+id.file("apiserver.crt"), "--tls-private-key-file="+id.file("apiserver.key"),
		"--client-ca-file="+id.file("ca.crt"),
		"--kubelet-certificate-authority="+id.file("ca.crt"),
		"--kubelet-client-certificate="+id.file("apiserver-kubelet.crt"), "--kubelet-client-key="+id.file("apiserver-kubelet.key"),
		"--kubelet-preferred-address-types=InternalIP",
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-signing-key-file="+id.file("tokens.key"), "--service-account-key-file="+id.file("tokens.pub"),
		"--service-cluster-ip-range="+shape.Services.String(),
		"--authorization-mode=Node,RBAC",
		// Beside the default chain: ResourceQuota, LimitRanger, PodSecurity, Priority, ServiceAccount and the rest.
		"--enable-admission-plugins=NodeRestriction",
		"--anonymous-auth=false",
		"--allow-privileged",
		"--profiling=false",
	)
}

// awaitAPI until it says that it is ready.
func (s *supervisor) awaitAPI(ctx context.Context) error {
	config, err := clientcmd.BuildConfigFromFlags("", s.dir.Kubeconfig())
	if err != nil {
		return err
	}
	config.QPS, config.Burst = 100, 200
	if s.client, err = kubernetes.NewForConfig(config); err != nil {
		return err
	}
	return s.until(ctx, "the API server to be ready", func() (bool, string) {
		answer, err := s.client.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(ctx)
		if err != nil {
			return false, err.Error()
		}
		return string(answer) == "ok", string(answer)
	})
}

// until something is so; meanwhile no component may end.
func (s *supervisor) until(ctx context.Context, what string, so func() (bool, string)) error {
	last := ""
	for {
		var yes bool
		if yes, last = so(); yes {
			return nil
		}
		for _, fallen := range s.processes.fallen() {
			return fmt.Errorf("%s ended (%s) while waiting for %s: %s", fallen.Name, fallen.Ended, what, tail(s.dir.Log(fallen.Name)))
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waited in vain for %s: %s", what, last)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// tail of a log, for a message.
func tail(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return path + ":\n" + strings.Join(lines[max(0, len(lines)-5):], "\n")
}

// startControl starts the rest of the control plane.
func (s *supervisor) startControl(ctx context.Context, id identities) error {
	if err := s.component("kube-controller-manager",
		"--kubeconfig="+id.file("kube-controller-manager.conf"),
		"--bind-address=127.0.0.1",
		"--tls-cert-file="+id.file("kube-controller-manager.crt"), "--tls-private-key-file="+id.file("kube-controller-manager.key"),
		"--root-ca-file="+id.file("ca.crt"),
		"--service-account-private-key-file="+id.file("tokens.key"),
		"--cluster-signing-cert-file="+id.file("ca.crt"), "--cluster-signing-key-file="+id.file("ca.key"),
		"--use-service-account-credentials",
		"--node-monitor-grace-period="+grace,
		// It makes the directory; the usual place is one of the machine's.
		"--flex-volume-plugin-dir="+s.dir.Path("volume-plugins"),
		"--leader-elect=false",
		"--profiling=false",
	); err != nil {
		return err
	}
	if err := s.component("kube-scheduler",
		"--kubeconfig="+id.file("kube-scheduler.conf"),
		"--bind-address=127.0.0.1",
		"--tls-cert-file="+id.file("kube-scheduler.crt"), "--tls-private-key-file="+id.file("kube-scheduler.key"),
		"--leader-elect=false",
		"--profiling=false",
	); err != nil {
		return err
	}
	if err := s.grant(ctx); err != nil {
		return err
	}
	if !s.shape.DNS {
		return nil
	}
	file := s.dir.Path("Corefile")
	if err := render(file, "Corefile", map[string]any{"Address": shape.Control, "Kubeconfig": id.file("coredns.conf")}); err != nil {
		return err
	}
	return s.component("coredns", "-conf", file)
}
