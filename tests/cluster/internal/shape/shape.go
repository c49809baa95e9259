// Package shape says what a cluster looks like: its name, its hosts and nodes, its options, and the addresses that follow. It
// touches nothing.
package shape

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"regexp"
)

// Schema is written into every state directory; a file of another one is not read.
const Schema = "jostle-cluster/1"

// Most nodes of one cluster: each has an address in 198.18.0.0/24 and a range of 198.19.0.0/16.
const Most = 200

// Addresses are those set aside for benchmarks (RFC 2544), so they are nobody's on any network; and they are seen in the cluster's own
// network namespaces alone.
var (
	Control  = netip.MustParseAddr("198.18.0.1")
	Services = netip.MustParsePrefix("198.19.255.0/24")
	// APIService is the first address of Services, which the API server takes for `kubernetes.default`.
	APIService = netip.MustParseAddr("198.19.255.1")
	Pods       = netip.MustParsePrefix("198.19.0.0/16")
)

// Prefix is the length of the network that control plane and nodes are in.
const Prefix = 24

// APIPort is where the API server listens, on Control.
const APIPort = 6443

// Shape of a cluster, as `up` was asked for it.
type Shape struct {
	Schema string `json:"schema"`
	Name   string `json:"name"`
	// Hosts, and nodes of each.
	Hosts int `json:"hosts"`
	Nodes int `json:"nodes"`
	// DNS is a CoreDNS that pods ask; Proxy a kube-proxy on every node, for Services.
	DNS   bool `json:"dns"`
	Proxy bool `json:"proxy"`
}

var name = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,28}[a-z0-9])?$`)

// CheckName refuses what could not be a directory, a control group and a context of a kubeconfig.
func CheckName(given string) error {
	if !name.MatchString(given) {
		return fmt.Errorf("name %q: accepted: up to 30 lower-case letters, digits and '-', such as dev", given)
	}
	return nil
}

// Check refuses what cannot be.
func (s Shape) Check() error {
	if err := CheckName(s.Name); err != nil {
		return err
	}
	if s.Hosts < 1 || s.Nodes < 1 || s.Hosts > Most || s.Nodes > Most || s.Hosts*s.Nodes > Most {
		return fmt.Errorf("%d hosts of %d nodes: accepted: at least 1 of each, at most %d nodes in all, such as --hosts 4 --nodes 4", s.Hosts, s.Nodes, Most)
	}
	return nil
}

func (s Shape) String() string {
	text := fmt.Sprintf("%d x %d", s.Hosts, s.Nodes)
	if s.DNS {
		text += " with DNS"
	}
	if s.Proxy {
		text += " with kube-proxy"
	}
	return text
}

// Encode as a state directory holds it.
func (s Shape) Encode() ([]byte, error) {
	s.Schema = Schema
	text, err := json.MarshalIndent(s, "", "  ")
	return append(text, '\n'), err
}

// Decode what Encode wrote.
func Decode(text []byte) (Shape, error) {
	var read Shape
	if err := json.Unmarshal(text, &read); err != nil {
		return Shape{}, err
	}
	if read.Schema != Schema {
		return Shape{}, fmt.Errorf("schema %q: accepted: %q", read.Schema, Schema)
	}
	return read, read.Check()
}

// Node is one node of a shape.
type Node struct {
	Host, Index int
	// Number counts all nodes of the cluster from 0.
	Number int
}

// HostName is what the node's labels call its host.
func HostName(host int) string { return fmt.Sprintf("host-%d", host) }

// Name of the node, in Kubernetes and in its host name.
func (n Node) Name() string { return fmt.Sprintf("n%d-%d", n.Host, n.Index) }

// Address of the node.
func (n Node) Address() netip.Addr {
	return netip.AddrFrom4([4]byte{198, 18, 0, byte(10 + n.Number)})
}

// Pods are the addresses of the node's pods.
func (n Node) Pods() netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{198, 19, byte(n.Number), 0}), 24)
}

// All nodes, host by host.
func (s Shape) All() []Node {
	var nodes []Node
	for host := range s.Hosts {
		for index := range s.Nodes {
			nodes = append(nodes, Node{host, index, len(nodes)})
		}
	}
	return nodes
}

// Find the node of this name.
func (s Shape) Find(name string) (Node, error) {
	for _, node := range s.All() {
		if node.Name() == name {
			return node, nil
		}
	}
	last := Node{Host: s.Hosts - 1, Index: s.Nodes - 1}
	return Node{}, fmt.Errorf("there is no node %q: accepted: n0-0 to %s", name, last.Name())
}
