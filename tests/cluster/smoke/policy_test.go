package smoke

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	authentication "k8s.io/api/authentication/v1"
	authorization "k8s.io/api/authorization/v1"
	core "k8s.io/api/core/v1"
	rbac "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// logged is how long a line may take from a pod into its log.
const logged = 10 * time.Second

// restricted makes a pod that the strictest profile lets pass.
func restricted(of *core.Pod) *core.Pod {
	yes, no, nobody := true, false, int64(65534)
	of.Spec.SecurityContext = &core.PodSecurityContext{
		RunAsNonRoot: &yes, RunAsUser: &nobody, SeccompProfile: &core.SeccompProfile{Type: core.SeccompProfileTypeRuntimeDefault},
	}
	of.Spec.Containers[0].SecurityContext = &core.SecurityContext{
		AllowPrivilegeEscalation: &no, ReadOnlyRootFilesystem: &yes, Capabilities: &core.Capabilities{Drop: []core.Capability{"ALL"}},
	}
	return of
}

// refused pods say why.
func (c *cluster) refused(t *testing.T, namespace string, of *core.Pod, why string) {
	t.Helper()
	_, err := c.client.CoreV1().Pods(namespace).Create(t.Context(), of, meta.CreateOptions{})
	if !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), why) {
		t.Errorf("pod %s in %s: %v, wanted %q", of.Name, namespace, err, why)
	}
}

func (c *cluster) policy(t *testing.T) {
	c.namespace(t, "strict", map[string]string{"pod-security.kubernetes.io/enforce": "restricted"})
	c.refused(t, "strict", pod("loose", "", core.ResourceRequirements{}, "pause"), `violates PodSecurity "restricted:latest"`)
	c.run(t, "strict", restricted(pod("tight", "", core.ResourceRequirements{}, "pause")))
	c.remove(t, "strict")

	c.namespace(t, "bounded", nil)
	api := c.client.CoreV1()
	if _, err := api.LimitRanges("bounded").Create(t.Context(), &core.LimitRange{
		ObjectMeta: meta.ObjectMeta{Name: "range"},
		Spec: core.LimitRangeSpec{Limits: []core.LimitRangeItem{{
			Type: core.LimitTypeContainer, Max: amounts("50m", ""), Default: amounts("20m", "32Mi"), DefaultRequest: amounts("10m", "16Mi"),
		}}},
	}, meta.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	c.refused(t, "bounded", pod("large", "", core.ResourceRequirements{Limits: amounts("60m", "")}, "pause"), "maximum cpu usage per Container is 50m")
	filled := c.run(t, "bounded", pod("filled", "", core.ResourceRequirements{}, "pause"))[0]
	if got := filled.Spec.Containers[0].Resources.Limits.Cpu().String(); got != "20m" {
		t.Errorf("the LimitRange gave a limit of %s", got)
	}
	if filled.Spec.Priority == nil || *filled.Spec.Priority != 0 {
		t.Errorf("priority %v", filled.Spec.Priority)
	}
	if _, err := api.ResourceQuotas("bounded").Create(t.Context(), &core.ResourceQuota{
		ObjectMeta: meta.ObjectMeta{Name: "quota"}, Spec: core.ResourceQuotaSpec{Hard: core.ResourceList{core.ResourceRequestsCPU: resource.MustParse("15m")}},
	}, meta.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, 20*time.Second, "the quota to count", func() (bool, string) {
		quota, err := api.ResourceQuotas("bounded").Get(t.Context(), "quota", meta.GetOptions{})
		used := ""
		if err == nil {
			used = quota.Status.Used.Name(core.ResourceRequestsCPU, resource.DecimalSI).String()
		}
		return used == "10m", used
	})
	c.refused(t, "bounded", pod("more", "", core.ResourceRequirements{}, "pause"), "exceeded quota: quota, requested: requests.cpu=10m, used: requests.cpu=10m, limited: requests.cpu=15m")
	c.remove(t, "bounded")
}

// identity: a node may do what is its own, and nothing else; who has no certificate and no token is nobody.
func (c *cluster) identity(t *testing.T) {
	as := rest.CopyConfig(c.config)
	as.Impersonate = rest.ImpersonationConfig{UserName: "system:node:n0-0", Groups: []string{"system:nodes", "system:authenticated"}}
	node, err := kubernetes.NewForConfig(as)
	if err != nil {
		t.Fatal(err)
	}
	label := []byte(`{"metadata":{"labels":{"mine":"yes"}}}`)
	if _, err := node.CoreV1().Nodes().Patch(t.Context(), "n0-0", types.StrategicMergePatchType, label, meta.PatchOptions{}); err != nil {
		t.Errorf("a node may not change itself: %v", err)
	}
	if _, err := node.CoreV1().Nodes().Patch(t.Context(), "n1-0", types.StrategicMergePatchType, label, meta.PatchOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("a node may change another: %v", err)
	}
	review, err := node.AuthorizationV1().SelfSubjectAccessReviews().Create(t.Context(), &authorization.SelfSubjectAccessReview{
		Spec: authorization.SelfSubjectAccessReviewSpec{ResourceAttributes: &authorization.ResourceAttributes{Namespace: "default", Verb: "get", Resource: "secrets", Name: "other"}},
	}, meta.CreateOptions{})
	if err != nil || review.Status.Allowed {
		t.Errorf("a node may read a secret of no pod of its own: %v, %v", review, err)
	}
	for url, want := range map[string]int{c.config.Host + "/api": http.StatusUnauthorized, "https://198.18.0.10:10250/metrics": http.StatusUnauthorized} {
		if code, text := c.get(t, url, ""); code != want {
			t.Errorf("%s without a token: %d %s", url, code, text)
		}
	}
}

// get over TLS that the cluster's authority vouches for.
func (c *cluster) get(t *testing.T, url, token string) (int, string) {
	t.Helper()
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(c.config.CAData) {
		t.Fatal("no authority in the kubeconfig")
	}
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DialContext: c.dial, TLSClientConfig: &tls.Config{RootCAs: roots}}}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

// metrics of every kubelet are for an account that may read them, by a bound token of its own.
func (c *cluster) metrics(t *testing.T) {
	defer c.remove(t, "default")
	c.run(t, "default", pod("seen", "n1-1", core.ResourceRequirements{}, "burn"))
	url, tokens := "https://198.18.0.13:10250/metrics/resource", map[string]string{}
	for _, name := range []string{"scraper", "stranger"} {
		accounts := c.client.CoreV1().ServiceAccounts("default")
		if _, err := accounts.Create(t.Context(), &core.ServiceAccount{ObjectMeta: meta.ObjectMeta{Name: name}}, meta.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		token, err := accounts.CreateToken(t.Context(), name, &authentication.TokenRequest{}, meta.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if left := time.Until(token.Status.ExpirationTimestamp.Time); left < time.Minute || left > 2*time.Hour {
			t.Errorf("the token is good for %s", left)
		}
		tokens[name] = token.Status.Token
	}
	if code, text := c.get(t, url, tokens["stranger"]); code != http.StatusForbidden {
		t.Errorf("who may not: %d %s", code, text)
	}
	if _, err := c.client.RbacV1().ClusterRoles().Create(t.Context(), &rbac.ClusterRole{
		ObjectMeta: meta.ObjectMeta{Name: "scraper"}, Rules: []rbac.PolicyRule{{Verbs: []string{"get"}, APIGroups: []string{""}, Resources: []string{"nodes/metrics"}}},
	}, meta.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.client.RbacV1().ClusterRoleBindings().Create(t.Context(), &rbac.ClusterRoleBinding{
		ObjectMeta: meta.ObjectMeta{Name: "scraper"}, RoleRef: rbac.RoleRef{APIGroup: rbac.GroupName, Kind: "ClusterRole", Name: "scraper"},
		Subjects: []rbac.Subject{{Kind: rbac.ServiceAccountKind, Name: "scraper", Namespace: "default"}},
	}, meta.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, 30*time.Second, "the pod's CPU in the metrics", func() (bool, string) {
		code, text := c.get(t, url, tokens["scraper"])
		return code == http.StatusOK && strings.Contains(text, `container_cpu_usage_seconds_total{container="probe",namespace="default",pod="seen"}`), text
	})
}
