package space

import (
	"fmt"
	"net"
	"net/netip"
	"os"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// Bridge joins the nodes of a cluster; it is in the control plane's network.
const Bridge = "jostle0"

// A bridge takes the lowest address of its ports, unless it has one of its own: then neighbours' tables would be wrong whenever a node
// joins.
var hardware = net.HardwareAddr{0x02, 0x6a, 0, 0, 0, 1}

// forwarding between links, of the network that this thread is in.
func forwarding() error {
	return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644)
}

func address(at netip.Addr, bits int) *netlink.Addr {
	return &netlink.Addr{IPNet: &net.IPNet{IP: at.AsSlice(), Mask: net.CIDRMask(bits, 32)}}
}

func network(prefix netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: prefix.Addr().AsSlice(), Mask: net.CIDRMask(prefix.Bits(), 32)}
}

// Center makes the bridge in the network of this process.
func Center(at netip.Addr, bits int) error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	if err := netlink.LinkSetUp(lo); err != nil {
		return err
	}
	bridge := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: Bridge, HardwareAddr: hardware}}
	if err := netlink.LinkAdd(bridge); err != nil {
		return fmt.Errorf("bridge: %w", err)
	}
	if err := netlink.AddrAdd(bridge, address(at, bits)); err != nil {
		return err
	}
	if err := netlink.LinkSetUp(bridge); err != nil {
		return err
	}
	return forwarding()
}

// Port is one node's place at the bridge.
type Port struct {
	// Link is the name of the bridge's end; the node's is eth0.
	Link string
	// Address of the node, Gateway out of its network, of Bits.
	Address, Gateway netip.Addr
	Bits             int
	// Pods are the addresses behind the node.
	Pods netip.Prefix
}

// Join the node to the bridge. Its pods are reached through it from the control plane, and from other nodes by way of that.
func (s *Space) Join(port Port) error {
	bridge, err := netlink.LinkByName(Bridge)
	if err != nil {
		return err
	}
	pair := &netlink.Veth{
		LinkAttrs:     netlink.LinkAttrs{Name: port.Link, MasterIndex: bridge.Attrs().Index},
		PeerName:      "eth0",
		PeerNamespace: netlink.NsFd(s.Net.Fd()),
	}
	if err := netlink.LinkAdd(pair); err != nil {
		return fmt.Errorf("link %s: %w", port.Link, err)
	}
	if err := netlink.LinkSetUp(pair); err != nil {
		return err
	}
	if err := s.configure(port); err != nil {
		return fmt.Errorf("network behind %s: %w", port.Link, err)
	}
	return netlink.RouteReplace(&netlink.Route{Dst: network(port.Pods), Gw: port.Address.AsSlice()})
}

func (s *Space) configure(port Port) error {
	inside, err := netlink.NewHandleAt(netns.NsHandle(s.Net.Fd()), unix.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	defer inside.Close()
	for _, name := range []string{"lo", "eth0"} {
		link, err := inside.LinkByName(name)
		if err != nil {
			return err
		}
		if name == "eth0" {
			if err := inside.AddrAdd(link, address(port.Address, port.Bits)); err != nil {
				return err
			}
		}
		if err := inside.LinkSetUp(link); err != nil {
			return err
		}
	}
	if err := inside.RouteAdd(&netlink.Route{Gw: port.Gateway.AsSlice()}); err != nil {
		return err
	}
	return s.Do(forwarding)
}

// SetCable connects or cuts a node, at the bridge's end.
func SetCable(link string, connected bool) error {
	found, err := netlink.LinkByName(link)
	if err != nil {
		return err
	}
	if connected {
		return netlink.LinkSetUp(found)
	}
	return netlink.LinkSetDown(found)
}
