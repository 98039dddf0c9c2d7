package mailbox

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"
)

// doorkeeper is a listener that lets in as many clients as may be served.
type doorkeeper struct {
	net.Listener
	now   func() time.Time
	stats *Stats

	mu       sync.Mutex // guards what follows
	inside   map[*conn]bool
	clients  map[string]int // sessions by client network
	stopping bool
}

const tooManySessions = "421 4.7.0 too many connections; come again later\r\n"

// Accept implements net.Listener. Who is one too many is told so.
func (d *doorkeeper) Accept() (net.Conn, error) {
	for {
		c, err := d.Listener.Accept()
		if err != nil {
			return nil, err
		}
		now := d.now()
		if accepted := d.enter(c, now); accepted != nil {
			return accepted, nil
		}
		d.stats.Limited.Add(1)
		// A few bytes on a new connection need no waiting.
		_ = c.SetWriteDeadline(now.Add(time.Second))
		_, _ = io.WriteString(c, tooManySessions)
		_ = c.Close()
	}
}

func (d *doorkeeper) enter(c net.Conn, now time.Time) *conn {
	d.mu.Lock()
	defer d.mu.Unlock()
	network := networkOf(c.RemoteAddr())
	if len(d.inside) >= SessionLimit || d.clients[network] >= ClientSessions {
		return nil
	}
	if d.inside == nil {
		d.inside, d.clients = map[*conn]bool{}, map[string]int{}
	}
	entered := &conn{Conn: c, network: network, now: d.now, until: now.Add(SessionTime), leave: d.leave, stopping: d.stopping}
	d.inside[entered] = true
	d.clients[network]++
	d.stats.Sessions.Store(int64(len(d.inside)))
	return entered
}

func (d *doorkeeper) leave(c *conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.inside[c] {
		return // closed before
	}
	delete(d.inside, c)
	if d.clients[c.network]--; d.clients[c.network] == 0 {
		delete(d.clients, c.network)
	}
	d.stats.Sessions.Store(int64(len(d.inside)))
}

// finish ends every session, also of those who are let in just now.
func (d *doorkeeper) finish() {
	d.mu.Lock()
	d.stopping = true
	d.mu.Unlock()
	d.each((*conn).finish)
}

// each does something to every connection.
func (d *doorkeeper) each(do func(*conn)) {
	d.mu.Lock()
	all := make([]*conn, 0, len(d.inside))
	for c := range d.inside {
		all = append(all, c)
	}
	d.mu.Unlock()
	for _, c := range all {
		do(c)
	}
}

// conn is a client's connection. The library would let a client stay for ever that
// says something now and then; here a session ends.
type conn struct {
	net.Conn
	network string
	now     func() time.Time
	until   time.Time // the end of the session
	leave   func(*conn)

	mu       sync.Mutex // guards what follows
	taking   bool       // a mail is being taken
	stopping bool       // the server stops: nothing but that mail is heard
	over     bool       // nothing more is heard
	broken   bool       // the client's side has ended
}

// Read implements net.Conn. It waits for the client no longer than the limits.
func (c *conn) Read(p []byte) (int, error) {
	if err := c.await(); err != nil {
		return 0, err
	}
	n, err := c.Conn.Read(p)
	if err == nil {
		return n, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.broken = true
	var failure net.Error
	if c.taking && errors.As(err, &failure) && failure.Timeout() {
		// The library would wait for the rest of the mail once more, and answer 554.
		c.over, err = true, tooSlow
	}
	return n, err
}

// longAgo as a deadline ends the waiting at once, with a timeout, to which the
// library says 421.
var longAgo = time.Unix(1, 0)

func (c *conn) await() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	deadline := c.now().Add(IdleLimit)
	switch {
	case c.over:
		return net.ErrClosed
	case c.stopping && !c.taking:
		deadline = longAgo
	case c.until.Before(deadline):
		deadline = c.until
	}
	return c.SetReadDeadline(deadline)
}

// take notes that a mail is being taken; done is to be called after it.
func (c *conn) take() (done func()) {
	set := func(taking bool) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.taking = taking
	}
	set(true)
	return func() { set(false) }
}

// finish ends the session, after the mail that is being taken.
func (c *conn) finish() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopping = true
	if !c.taking {
		_ = c.SetReadDeadline(longAgo)
	}
}

// hangUp ends the session after the next answer.
func (c *conn) hangUp() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
}

// cut reports whether the client's side has ended, so that what was read last may
// be half of it.
func (c *conn) cut() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.broken
}

// Close implements net.Conn.
func (c *conn) Close() error {
	c.leave(c)
	return c.Conn.Close()
}

// networkOf is whom an address belongs to: in IPv6 everybody has a /64.
func networkOf(addr net.Addr) string {
	at, err := netip.ParseAddrPort(addr.String())
	if err != nil {
		return addr.String()
	}
	ip := at.Addr().Unmap().WithZone("")
	if ip.Is4() {
		return ip.String()
	}
	return netip.PrefixFrom(ip, 64).Masked().String()
}

// hostOf is the address without its port.
func hostOf(addr net.Addr) string {
	if at, err := netip.ParseAddrPort(addr.String()); err == nil {
		return at.Addr().Unmap().WithZone("").String()
	}
	return addr.String()
}

// tally counts what clients do within a minute, by network.
type tally struct {
	limit int

	mu     sync.Mutex // guards what follows
	began  time.Time
	counts map[string]int // at most tallyKeys
}

// tallyKeys bounds how many networks a tally knows. A flood of them must not fill
// the memory; when there are more, it begins anew.
const tallyKeys = 10_000

// take counts once and reports whether that was within the limit.
func (t *tally) take(network string, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if age := now.Sub(t.began); t.counts == nil || age < 0 || age >= time.Minute || len(t.counts) >= tallyKeys {
		t.began, t.counts = now, map[string]int{}
	}
	t.counts[network]++
	return t.counts[network] <= t.limit
}
