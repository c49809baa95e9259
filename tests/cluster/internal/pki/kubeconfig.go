package pki

import (
	"fmt"

	"jostle.dev/cluster/internal/shape"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// Kubeconfig of one user of the cluster, complete in itself.
func Kubeconfig(cluster string, authority *Authority, user string, pair Pair) ([]byte, error) {
	return clientcmd.Write(api.Config{
		Clusters: map[string]*api.Cluster{cluster: {
			Server:                   fmt.Sprintf("https://%s:%d", shape.Control, shape.APIPort),
			CertificateAuthorityData: authority.PEM,
		}},
		AuthInfos:      map[string]*api.AuthInfo{user: {ClientCertificateData: pair.Certificate, ClientKeyData: pair.Key}},
		Contexts:       map[string]*api.Context{cluster: {Cluster: cluster, AuthInfo: user}},
		CurrentContext: cluster,
	})
}
