// Package remote is what the commands and a cluster's supervisor say to each other, over a socket in the cluster's directory that root
// alone may open.
package remote

import (
	"fmt"
	"net"
	"net/rpc"
	"time"
)

// Service is the name under which a supervisor answers.
const Service = "Cluster"

// Nothing is the argument or the answer of what needs none.
type Nothing struct{}

// Component is one process of the cluster.
type Component struct {
	Name string `json:"name"`
	// PID as the cluster sees it, 0 if it does not run; Ended says how it ended.
	PID   int       `json:"pid"`
	Since time.Time `json:"since"`
	Ended string    `json:"ended,omitempty"`
}

// Node as the API server knows it.
type Node struct {
	Name    string `json:"name"`
	Host    string `json:"host"`
	Address string `json:"address"`
	CPUs    string `json:"cpus"`
	Ready   bool   `json:"ready"`
	// Allocatable CPU and memory, as Kubernetes writes amounts.
	CPU    string `json:"cpu"`
	Memory string `json:"memory"`
	Pods   int    `json:"pods"`
	// Faults that were made and not undone.
	Faults []string `json:"faults,omitempty"`
}

// Status of the cluster.
type Status struct {
	Components []Component `json:"components"`
	Nodes      []Node      `json:"nodes"`
	Images     []string    `json:"images"`
	// API is empty if the API server answers, else what it said.
	API string `json:"api,omitempty"`
}

// Signal is an order to a component.
type Signal struct {
	Component string
	// Start it, or else end it: with a kill where Hard.
	Start, Hard bool
}

// NodeFault is made, or undone, on a node.
type NodeFault struct {
	Node string
	Made bool
}

// Quota is filled in a namespace, or removed.
type Quota struct {
	Namespace string
	Full      bool
}

// Clock makes metrics of a node's agent tell another time.
type Clock struct {
	Node string
	// Agent is the port that the agent serves; Listen the port of the node where its metrics are told with the offset.
	Agent, Listen int
	Offset        time.Duration
	// Metric holds the time, in seconds.
	Metric string
	// Stop telling.
	Stop bool
}

// Image archive to load into every node.
type Image struct{ Archive string }

// Loaded says what was loaded.
type Loaded struct {
	Images []string
	// Import into the first store, Share with all nodes.
	Import, Share time.Duration
	Nodes         int
}

// Call the supervisor behind this socket.
func Call(socket, method string, argument, answer any) error {
	connection, err := net.DialTimeout("unix", socket, 5*time.Second)
	if err != nil {
		return fmt.Errorf("the cluster does not answer: %w", err)
	}
	client := rpc.NewClient(connection)
	defer client.Close()
	return client.Call(Service+"."+method, argument, answer)
}
