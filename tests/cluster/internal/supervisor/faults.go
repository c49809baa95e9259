package supervisor

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"

	"jostle.dev/cluster/internal/hosts"
	"jostle.dev/cluster/internal/remote"
	"jostle.dev/cluster/internal/space"
)

// faults that were made and not undone.
type faults struct {
	mutex  sync.Mutex
	made   map[string][]string
	clocks map[string]*http.Server
}

func (f *faults) note(node, fault string, made bool) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if f.made == nil {
		f.made = map[string][]string{}
	}
	rest := slices.DeleteFunc(f.made[node], func(known string) bool { return known == fault })
	if made {
		rest = append(rest, fault)
	}
	f.made[node] = rest
}

func (f *faults) of(node string) []string {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return slices.Clone(f.made[node])
}

// freeze or thaw everything of a node: its pods, and what runs them.
func (s *supervisor) freeze(n *node, frozen bool) error {
	for _, group := range []string{s.dir.Group() + "/" + hosts.NodeGroup(n.Node), s.group(n.Name())} {
		if err := s.groups.Freeze(group, frozen); err != nil {
			return err
		}
	}
	s.faults.note(n.Name(), "frozen", frozen)
	return nil
}

// cut or join the node's cable.
func (s *supervisor) cut(n *node, cut bool) error {
	if err := space.SetCable(n.link(), !cut); err != nil {
		return err
	}
	s.faults.note(n.Name(), "cut off", cut)
	return nil
}

// filler is the quota by which a namespace is full.
const filler = "jostle-full"

// fill a namespace: a quota that allows as many pods as there are. The API server refuses the next one.
func (s *supervisor) fill(ctx context.Context, order remote.Quota) error {
	quotas := s.client.CoreV1().ResourceQuotas(order.Namespace)
	err := quotas.Delete(ctx, filler, meta.DeleteOptions{})
	if err != nil && !errors.IsNotFound(err) {
		return err
	}
	if !order.Full {
		return nil
	}
	if _, err := s.client.CoreV1().Namespaces().Get(ctx, order.Namespace, meta.GetOptions{}); err != nil {
		return err
	}
	pods, err := s.client.CoreV1().Pods(order.Namespace).List(ctx, meta.ListOptions{})
	if err != nil {
		return err
	}
	there := 0
	for i := range pods.Items {
		// Those that ended do not count against a quota.
		if phase := pods.Items[i].Status.Phase; phase != core.PodSucceeded && phase != core.PodFailed {
			there++
		}
	}
	hard := core.ResourceList{core.ResourcePods: *resource.NewQuantity(int64(there), resource.DecimalSI)}
	_, err = quotas.Create(ctx, &core.ResourceQuota{ObjectMeta: meta.ObjectMeta{Name: filler}, Spec: core.ResourceQuotaSpec{Hard: hard}}, meta.CreateOptions{})
	return err
}

// clock tells a node's metrics with another time, at a port of the node beside the agent's own. Nobody's clock is touched.
func (s *supervisor) clock(n *node, order remote.Clock) error {
	key := fmt.Sprintf("%s:%d", n.Name(), order.Listen)
	fault := fmt.Sprintf("clock at port %d", order.Listen)
	s.faults.mutex.Lock()
	if s.faults.clocks == nil {
		s.faults.clocks = map[string]*http.Server{}
	}
	running := s.faults.clocks[key]
	delete(s.faults.clocks, key)
	s.faults.mutex.Unlock()
	if running != nil {
		running.Close()
		s.faults.note(n.Name(), fault, false)
	}
	if order.Stop {
		if running == nil {
			return fmt.Errorf("no clock is told at port %d of %s", order.Listen, n.Name())
		}
		return nil
	}
	var listener net.Listener
	err := n.space.Do(func() (err error) {
		listener, err = net.Listen("tcp", net.JoinHostPort(n.Address().String(), strconv.Itoa(order.Listen)))
		return err
	})
	if err != nil {
		return err
	}
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(_ context.Context, _, address string) (conn net.Conn, err error) {
			err = n.space.Do(func() error {
				conn, err = net.DialTimeout("tcp", address, 5*time.Second)
				return err
			})
			return conn, err
		},
	}}
	agent := "http://" + net.JoinHostPort(n.Address().String(), strconv.Itoa(order.Agent))
	server := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
		answer, err := client.Get(agent + in.URL.RequestURI())
		if err != nil {
			http.Error(out, err.Error(), http.StatusBadGateway)
			return
		}
		defer answer.Body.Close()
		out.Header().Set("Content-Type", answer.Header.Get("Content-Type"))
		out.WriteHeader(answer.StatusCode)
		_ = shifted(out, answer.Body, order.Metric, order.Offset)
	})}
	s.faults.mutex.Lock()
	s.faults.clocks[key] = server
	s.faults.mutex.Unlock()
	s.faults.note(n.Name(), fault, true)
	go func() { _ = server.Serve(listener) }()
	return nil
}

// shifted copies metrics in Prometheus' text format, and adds the offset to one of them, in seconds.
func shifted(out io.Writer, in io.Reader, metric string, offset time.Duration) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		if rest, found := strings.CutPrefix(line, metric); found && rest != "" && (rest[0] == ' ' || rest[0] == '{') {
			// Labels may hold blanks; what follows them is the value, and perhaps the time of the sample.
			end := len(metric) + strings.LastIndex(rest, "}") + 1
			if fields := strings.Fields(line[end:]); len(fields) > 0 {
				if value, err := strconv.ParseFloat(fields[0], 64); err == nil {
					fields[0] = strconv.FormatFloat(value+offset.Seconds(), 'f', -1, 64)
					line = line[:end] + " " + strings.Join(fields, " ")
				}
			}
		}
		if _, err := fmt.Fprintln(out, line); err != nil {
			return err
		}
	}
	return lines.Err()
}
