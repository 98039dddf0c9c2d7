package outbound_test

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"rollcall/internal/outbound"
)

func at(addr netip.Addr) netip.AddrPort { return netip.AddrPortFrom(addr, 443) }

// last returns the last address of a prefix.
func last(p netip.Prefix) netip.Addr {
	bytes := p.Masked().Addr().AsSlice()
	for bit := p.Bits(); bit < len(bytes)*8; bit++ {
		bytes[bit/8] |= 0x80 >> (bit % 8)
	}
	addr, _ := netip.AddrFromSlice(bytes)
	return addr
}

// forms returns the ways in which an IPv4 address can hide in an IPv6 one:
// mapped, with a zone, in NAT64, in 6to4 and compatible.
func forms(addr netip.Addr) map[string]netip.Addr {
	v4 := addr.As4()
	in := func(at int, text string) netip.Addr {
		bytes := netip.MustParseAddr(text).As16()
		copy(bytes[at:], v4[:])
		return netip.AddrFrom16(bytes)
	}
	return map[string]netip.Addr{
		"mapped":     netip.AddrFrom16(addr.As16()),
		"zoned":      netip.AddrFrom16(addr.As16()).WithZone("eth0"),
		"NAT64":      in(12, "64:ff9b::"),
		"6to4":       in(2, "2002::"),
		"compatible": in(12, "::"),
	}
}

func TestFilterAtEveryEdge(t *testing.T) {
	// Of the neighbours before and behind, open says which can be reached.
	tests := []struct {
		prefix          string
		before, behind  bool
		beforeIsNoSpace bool
	}{
		{prefix: "0.0.0.0/8", behind: true, beforeIsNoSpace: true},
		{prefix: "10.0.0.0/8", before: true, behind: true},
		{prefix: "100.64.0.0/10", before: true, behind: true},
		{prefix: "127.0.0.0/8", before: true, behind: true},
		{prefix: "168.63.129.16/32", before: true, behind: true},
		{prefix: "169.254.0.0/16", before: true, behind: true},
		{prefix: "172.16.0.0/12", before: true, behind: true},
		{prefix: "192.0.0.0/24", before: true, behind: true},
		{prefix: "192.0.2.0/24", before: true, behind: true},
		{prefix: "192.31.196.0/24", before: true, behind: true},
		{prefix: "192.52.193.0/24", before: true, behind: true},
		{prefix: "192.88.99.0/24", before: true, behind: true},
		{prefix: "192.168.0.0/16", before: true, behind: true},
		{prefix: "192.175.48.0/24", before: true, behind: true},
		{prefix: "198.18.0.0/15", before: true, behind: true},
		{prefix: "198.51.100.0/24", before: true, behind: true},
		{prefix: "203.0.113.0/24", before: true, behind: true},
		{prefix: "224.0.0.0/4", before: true},
		{prefix: "240.0.0.0/4", beforeIsNoSpace: true},
		{prefix: "2001::/23", before: true, behind: true},
		{prefix: "2001:db8::/32", before: true, behind: true},
		{prefix: "2002::/16", before: true, behind: true},
		{prefix: "2620:4f:8000::/48", before: true, behind: true},
		{prefix: "3fff::/20", before: true, behind: true},
		{prefix: "::/96"},
		{prefix: "64:ff9b::/96"},
		{prefix: "64:ff9b:1::/48"},
		{prefix: "100::/64"},
		{prefix: "5f00::/16"},
		{prefix: "fc00::/7"},
		{prefix: "fe80::/10"},
		{prefix: "fec0::/10"},
		{prefix: "ff00::/8"},
	}
	out := outbound.New(outbound.Config{})
	for _, test := range tests {
		prefix := netip.MustParsePrefix(test.prefix)
		edges := map[netip.Addr]bool{prefix.Addr(): false, last(prefix): false}
		if before := prefix.Addr().Prev(); before.IsValid() && !test.beforeIsNoSpace {
			edges[before] = test.before
		}
		if behind := last(prefix).Next(); behind.IsValid() {
			edges[behind] = test.behind
		}
		for addr, open := range edges {
			if err := out.Check(at(addr)); (err == nil) != open {
				t.Errorf("%s, edge %s: %v, want open %v", test.prefix, addr, err, open)
			}
			if !addr.Is4() {
				continue
			}
			for form, hidden := range forms(addr) {
				wantOpen := open && (form == "mapped" || form == "zoned") // the others are no way to anywhere
				if err := out.Check(at(hidden)); (err == nil) != wantOpen {
					t.Errorf("%s, edge %s as %s %s: %v, want open %v", test.prefix, addr, form, hidden, err, wantOpen)
				}
			}
		}
	}
}

func TestFilterOfSingleAddresses(t *testing.T) {
	out := outbound.New(outbound.Config{})
	for text, open := range map[string]bool{
		"1.1.1.1": true, "2606:4700::1111": true, "2000::": true, "93.184.216.34": true,
		"169.254.169.254": false, "fd00:ec2::254": false, "fd20:ce::254": false, "255.255.255.255": false,
		"192.0.0.192": false, "::": false, "::1": false, "fe80::1%eth0": false, "4000::": false,
	} {
		if err := out.Check(at(netip.MustParseAddr(text))); (err == nil) != open {
			t.Errorf("%s: %v, want open %v", text, err, open)
		}
	}
}

func TestPorts(t *testing.T) {
	out := outbound.New(outbound.Config{
		Allow:      []netip.Prefix{netip.MustParsePrefix("192.168.7.0/24")},
		AllowExact: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:9000")},
	})
	for text, open := range map[string]bool{
		"1.1.1.1:80": true, "1.1.1.1:443": true, "1.1.1.1:8080": true, "1.1.1.1:8443": true,
		"1.1.1.1:25": false, "1.1.1.1:22": false, "1.1.1.1:6379": false, "1.1.1.1:0": false,
		"192.168.7.9:9000": true, "[::ffff:192.168.7.9]:9000": true, "192.168.8.9:443": false,
		"127.0.0.1:9000": true, "[::ffff:127.0.0.1]:9000": true, "127.0.0.1:9001": false, "127.0.0.1:443": false, "127.0.0.2:9000": false,
	} {
		if err := out.Check(netip.MustParseAddrPort(text)); (err == nil) != open {
			t.Errorf("%s: %v, want open %v", text, err, open)
		}
	}
}

func FuzzCheckNeverLetsALocalAddressThrough(f *testing.F) {
	f.Add(uint32(0x7f000001))
	f.Fuzz(func(t *testing.T, bits uint32) {
		addr := netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, bits)))
		err := outbound.New(outbound.Config{}).Check(at(addr))
		if local := addr.IsPrivate() || addr.IsLoopback() || !addr.IsGlobalUnicast(); local && err == nil {
			t.Errorf("%s can be reached", addr)
		}
	})
}
