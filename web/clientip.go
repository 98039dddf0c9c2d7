package web

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// clientIP returns the address a request came from: the peer, or, when the peer
// is a trusted proxy, the rightmost address of X-Forwarded-For that is none. What
// a stranger writes into that header never counts.
func clientIP(r *http.Request, trusted []netip.Prefix) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	if len(trusted) == 0 || !isTrusted(host, trusted) {
		return host
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		hop = strings.TrimSpace(hop)
		if withoutPort, _, err := net.SplitHostPort(hop); err == nil {
			hop = withoutPort
		}
		addr, err := netip.ParseAddr(strings.Trim(hop, "[]"))
		if err != nil {
			return host // what is left of here cannot be believed
		}
		host = addr.Unmap().WithZone("").String()
		if !isTrusted(host, trusted) {
			return host
		}
	}
	return host
}

func isTrusted(host string, trusted []netip.Prefix) bool {
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return false
	}
	addr = addr.Unmap().WithZone("")
	return slices.ContainsFunc(trusted, func(p netip.Prefix) bool { return p.Contains(addr) })
}
