// Package outbound is the only way out: every connection that Rollcall opens to
// an address somebody typed is dialled here.
//
// It owns which addresses may be reached, how long anything may take, how much
// of an answer is read, and how a failure is put into words that hold no secret.
// It refuses private and special addresses at the moment of dialling, so that
// neither the spelling of a host nor a name server's second answer gets around
// it. It never follows a redirect, never uses a proxy from the environment, and
// knows nothing of checks or channels.
package outbound

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"code.dny.dev/ssrf"
)

// Limits of one exchange.
const (
	TotalLimit   = 15 * time.Second // of an HTTP exchange
	lookupLimit  = 3 * time.Second
	connectLimit = 5 * time.Second
	tlsLimit     = 5 * time.Second
	headerLimit  = 10 * time.Second // until the answer begins
	HeaderBytes  = 16 << 10         // of an answer's header
	BodyBytes    = 16 << 10         // of an answer's body; the rest is not read

	documentBytes = 512 << 10 // of what the operator's own server answers, such as its keys
)

// Config says what may be reached.
type Config struct {
	// Allow opens exact networks although they are private or special, on any port.
	Allow []netip.Prefix
	// AllowExact opens single private addresses, each on its one port.
	AllowExact []netip.AddrPort
	// Lookup resolves a host name; nil uses the system's resolver.
	Lookup func(ctx context.Context, host string) ([]netip.Addr, error)
}

// Out opens connections. Make one with New.
type Out struct {
	allow  []netip.Prefix
	exact  []netip.AddrPort
	guard  *ssrf.Guardian
	lookup func(ctx context.Context, host string) ([]netip.Addr, error)
}

// New returns the way out that a configuration describes.
func New(c Config) *Out {
	lookup := c.Lookup
	if lookup == nil {
		lookup = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	return &Out{allow: c.Allow, exact: c.AllowExact, guard: newGuard(), lookup: lookup}
}

// Client returns an HTTP client for addresses that users choose. Each request is
// resolved, checked and connected anew: a connection that was kept could have
// been closed by the other side, and a lost race would look like a failed alert.
func (o *Out) Client() *http.Client { return client(o.dialChecked, BodyBytes) }

// ClientTo returns an HTTP client for a server that the operator has set, and for
// others that it names. The operator may well mean a private address, so that of
// the server itself is not filtered; what it names is, like all else.
func (o *Out) ClientTo(server *url.URL) *http.Client {
	port := server.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[server.Scheme]
	}
	set := net.JoinHostPort(server.Hostname(), port)
	return client(func(ctx context.Context, network, address string) (net.Conn, error) {
		if strings.EqualFold(address, set) {
			return o.dial(ctx, &net.Dialer{}, network, address)
		}
		return o.dialChecked(ctx, network, address)
	}, documentBytes)
}

// ClientOver returns a client with the limits of Client over connections that the
// caller opens, and answers for: a simulated network has no addresses to check.
func ClientOver(dial Dial) *http.Client { return client(dial, BodyBytes) }

// Dial opens a connection, as net.Dialer's DialContext does.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

func client(dial Dial, body int64) *http.Client {
	return &http.Client{
		Timeout:       TotalLimit,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: shortBodies{limit: body, next: &http.Transport{
			Proxy:                  nil, // one from the environment would be dialled instead of the address that is checked
			DialContext:            dial,
			TLSHandshakeTimeout:    tlsLimit,
			ResponseHeaderTimeout:  headerLimit,
			MaxResponseHeaderBytes: HeaderBytes,
			DisableCompression:     true, // a compressed answer could grow without limit
			DisableKeepAlives:      true,
			ForceAttemptHTTP2:      true,
		}},
	}
}

// dialChecked connects to an address that a user chose.
func (o *Out) dialChecked(ctx context.Context, network, address string) (net.Conn, error) {
	return o.dial(ctx, &net.Dialer{Control: o.control}, network, address)
}

// DialRelay connects to the mail server that the operator has set. The operator
// may well mean a private address, so the address is not filtered.
func (o *Out) DialRelay(ctx context.Context, network, address string) (net.Conn, error) {
	return o.dial(ctx, &net.Dialer{}, network, address)
}

// mostAddresses is how many addresses of one host are tried.
const mostAddresses = 4

// dial resolves the host once and tries its addresses in turn, each for its
// share of the time that a connection may take.
func (o *Out) dial(ctx context.Context, dialer *net.Dialer, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	addrs, err := o.resolve(ctx, host)
	if err != nil {
		return nil, err
	}
	addrs = addrs[:min(len(addrs), mostAddresses)]
	dialer.Timeout = connectLimit / time.Duration(len(addrs))
	var failures []error
	for _, addr := range addrs {
		conn, err := dialer.DialContext(ctx, network, net.JoinHostPort(addr.String(), port))
		if err == nil {
			return conn, nil
		}
		failures = append(failures, err)
	}
	return nil, errors.Join(failures...)
}

func (o *Out) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{addr}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, lookupLimit)
	defer cancel()
	addrs, err := o.lookup(ctx, host)
	if err == nil && len(addrs) == 0 {
		err = &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	if err != nil {
		return nil, fmt.Errorf("look up: %w", err)
	}
	return addrs, nil
}

// shortBodies bounds the body of every answer.
type shortBodies struct {
	next  http.RoundTripper
	limit int64
}

// RoundTrip implements http.RoundTripper.
func (s shortBodies) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := s.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	resp.Body = shortBody{io.LimitReader(resp.Body, s.limit), resp.Body}
	return resp, nil
}

type shortBody struct {
	io.Reader
	io.Closer
}
