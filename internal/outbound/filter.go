package outbound

import (
	"fmt"
	"net/netip"
	"slices"
	"syscall"

	"code.dny.dev/ssrf"
)

// blocked is the error of a connection that was refused before it was opened.
type blocked string

func (b blocked) Error() string { return "blocked: " + string(b) }

// userPorts are the ports on which users may have messages sent.
func userPorts() []uint16 { return []uint16{80, 443, 8080, 8443} }

// newGuard knows the private and special networks. The address added to them is
// public by the registries and yet local: the host agent of a cloud, which hands
// out the secrets of the machine.
func newGuard() *ssrf.Guardian {
	return ssrf.New(ssrf.WithDeniedV4Prefixes(netip.MustParsePrefix("168.63.129.16/32")))
}

// control is a net.Dialer's Control: it sees the address that is really dialled.
func (o *Out) control(_, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return blocked(fmt.Sprintf("%q is no address", address))
	}
	return o.Check(to)
}

// Check returns why an address may not be reached, or nil. A zone or the mapped
// form of an IPv4 address would slip past every prefix, so both are taken off first.
func (o *Out) Check(to netip.AddrPort) error {
	addr := to.Addr().Unmap().WithZone("")
	if slices.ContainsFunc(o.allow, func(p netip.Prefix) bool { return p.Contains(addr) }) ||
		slices.Contains(o.exact, netip.AddrPortFrom(addr, to.Port())) {
		return nil
	}
	if o.guard.SafeAddr(addr) != nil {
		return blocked(addr.String() + " is a private or special address; --egress-allow opens it")
	}
	if !slices.Contains(userPorts(), to.Port()) {
		return blocked(fmt.Sprintf("port %d is none of %v", to.Port(), userPorts()))
	}
	return nil
}
