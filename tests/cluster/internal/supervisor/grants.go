package supervisor

import (
	"context"

	rbac "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// kubeletClient is who the API server is to kubelets.
const kubeletClient = "kube-apiserver-kubelet-client"

// grant what the built-in roles do not: that the API server may speak to kubelets (logs, exec), and that the DNS server may read what
// it tells.
func (s *supervisor) grant(ctx context.Context) error {
	roles := s.client.RbacV1()
	if _, err := roles.ClusterRoleBindings().Create(ctx, binding(kubeletClient, "system:kubelet-api-admin"), meta.CreateOptions{}); known(err) != nil {
		return err
	}
	if !s.shape.DNS {
		return nil
	}
	reads := []string{"list", "watch"}
	if _, err := roles.ClusterRoles().Create(ctx, &rbac.ClusterRole{
		ObjectMeta: meta.ObjectMeta{Name: "coredns"},
		Rules: []rbac.PolicyRule{
			{Verbs: reads, APIGroups: []string{""}, Resources: []string{"services", "pods", "namespaces"}},
			{Verbs: reads, APIGroups: []string{"discovery.k8s.io"}, Resources: []string{"endpointslices"}},
		},
	}, meta.CreateOptions{}); known(err) != nil {
		return err
	}
	_, err := roles.ClusterRoleBindings().Create(ctx, binding("coredns", "coredns"), meta.CreateOptions{})
	return known(err)
}

func binding(user, role string) *rbac.ClusterRoleBinding {
	return &rbac.ClusterRoleBinding{
		ObjectMeta: meta.ObjectMeta{Name: user},
		Subjects:   []rbac.Subject{{Kind: rbac.UserKind, APIGroup: rbac.GroupName, Name: user}},
		RoleRef:    rbac.RoleRef{APIGroup: rbac.GroupName, Kind: "ClusterRole", Name: role},
	}
}

// known is the error, unless it says that the object is there already.
func known(err error) error {
	if errors.IsAlreadyExists(err) {
		return nil
	}
	return err
}
