package mailbox_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/internal/mailbox"
	"rollcall/internal/store"
)

// from opens a connection from an address of this machine and returns the greeting.
func (o *office) from(ip string) (*client, string) {
	o.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}}
	conn, err := dialer.DialContext(o.Context(), "tcp", o.addr)
	if err != nil {
		o.Fatal(err)
	}
	c := o.clientOf(conn)
	return c, c.answer()
}

func TestTooManySessions(t *testing.T) {
	o := newOffice(t)
	var one *client
	for network := range mailbox.SessionLimit / mailbox.ClientSessions {
		for range mailbox.ClientSessions {
			c, got := o.from(fmt.Sprintf("127.0.0.%d", network+1))
			if !strings.HasPrefix(got, "220 ") {
				t.Fatalf("network %d: %s", network, got)
			}
			one = c
		}
		c, got := o.from(fmt.Sprintf("127.0.0.%d", network+1))
		if got != "421 4.7.0 too many connections; come again later" || c.answer() != "closed" {
			t.Errorf("one more of network %d: %s", network, got)
		}
	}
	if n := o.box.Stats().Sessions.Load(); n != mailbox.SessionLimit {
		t.Errorf("%d sessions", n)
	}
	if _, got := o.from("127.0.0.200"); !strings.HasPrefix(got, "421 4.7.0 ") {
		t.Errorf("a new client: %s", got)
	}
	one.tell("QUIT", "221")
	one.leave()
	if _, got := o.from("127.0.0.200"); !strings.HasPrefix(got, "220 ") {
		t.Errorf("when somebody has left: %s", got)
	}
}

func TestGuessingIsSlowedDown(t *testing.T) {
	o := newOffice(t)
	misses := 0
	for {
		s := o.dial()
		s.tell("EHLO job.example", "250")
		s.tell("MAIL FROM:<>", "250")
		var got string
		for range 10 {
			if got = s.say("RCPT TO:<00000000-0000-4000-8000-000000000000@%domain>"); !strings.HasPrefix(got, "550 ") {
				break
			}
			misses++
		}
		if !strings.HasPrefix(got, "550 ") {
			if got != "421 4.7.0 too many unknown recipients; come again later" || s.answer() != "closed" {
				t.Errorf("after %d: %s", misses, got)
			}
			break
		}
	}
	if misses != mailbox.MissesPerMinute {
		t.Errorf("%d unknown recipients were answered", misses)
	}
	if got := o.mail(nightly, "%uuid"); got != "250 2.0.0 stored" {
		t.Errorf("a known one: %s", got)
	}
	o.wait(time.Minute)
	s := o.dial()
	s.tell("EHLO job.example", "250")
	s.tell("MAIL FROM:<>", "250")
	s.tell("RCPT TO:<x@%domain>", "550")
}

func TestTooManyMails(t *testing.T) {
	o := newOffice(t)
	s := o.dial()
	s.tell("EHLO job.example", "250")
	for range mailbox.MailsPerMinute {
		s.tell("MAIL FROM:<>", "250")
		s.tell("RSET", "250")
	}
	s.tell("MAIL FROM:<>", "421 4.7.0 too many mails")
	s.expect("closed")
	if other, got := o.from("127.0.0.2"); got[:3] != "220" || other.say("EHLO a")[:3] != "250" || other.say("MAIL FROM:<>")[:3] != "250" {
		t.Error("another client is refused")
	}
	o.wait(time.Minute)
	s = o.dial()
	s.tell("EHLO job.example", "250")
	s.tell("MAIL FROM:<>", "250")
}

// pipes is a listener on connections in memory, which know virtual time.
type pipes struct {
	conns chan net.Conn
	once  sync.Once
	ended chan struct{}
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), ended: make(chan struct{})} }

// Accept implements net.Listener.
func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.ended:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (p *pipes) Close() error {
	p.once.Do(func() { close(p.ended) })
	return nil
}

// Addr implements net.Listener.
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// seat is one end of a pipe with an address of its own.
type seat struct {
	net.Conn
	ip net.IP
}

// RemoteAddr implements net.Conn.
func (s seat) RemoteAddr() net.Addr { return &net.TCPAddr{IP: s.ip, Port: 25} }

// dial returns a connection from the given address.
func (p *pipes) dial(ip net.IP) net.Conn {
	here, there := net.Pipe()
	p.conns <- seat{there, ip}
	return here
}

// timeless is an archive that nobody asks.
type timeless struct{ mailbox.Archive }

func (timeless) Known(context.Context, store.Ref) error { return nil }

// inBubble runs a mailbox in virtual time. No mail to it is ever complete.
func inBubble(t *testing.T, run func(t *testing.T, p *pipes)) {
	synctest.Test(t, func(t *testing.T) {
		box := mailbox.New(mailbox.Config{
			Domain: domain, Archive: timeless{}, Now: time.Now, Log: slog.New(slog.DiscardHandler),
		})
		ctx, cancel := context.WithCancel(t.Context())
		p, done := newPipes(), make(chan error)
		go func() { done <- box.Serve(ctx, p) }()
		run(t, p)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// heard reads all that is said until the connection ends, and tells after how long.
func heard(conn net.Conn) (text string, took time.Duration) {
	began := time.Now()
	var b bytes.Buffer
	_, _ = io.Copy(&b, conn)
	return b.String(), time.Since(began)
}

// However a client spends its time, the session ends.
func TestSlowClients(t *testing.T) {
	const hello = "EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<5f0b6a3e-8c1d-4e57-9a44-2d1f6c0b7e91@" + domain + ">\r\n"
	for _, c := range []struct {
		name  string
		first string
		then  string // again and again
		every time.Duration
		end   time.Duration
		last  string
	}{
		{"silent from the beginning", "", "", 0, mailbox.IdleLimit, "421 "},
		{"silent after a command", "EHLO a\r\n", "", 0, mailbox.IdleLimit, "421 "},
		{"silent in a mail", hello + "DATA\r\nSubject:", "", 0, mailbox.IdleLimit, "421 4.4.2 too slow"},
		{"silent in a chunk", hello + "BDAT 100\r\nSubject:", "", 0, mailbox.IdleLimit, "421 4.4.2 too slow"},
		{"NOOP every 50 s", "EHLO a\r\n", "NOOP\r\n", 50 * time.Second, mailbox.SessionTime, "421 "},
		{"a byte every 10 s in a command", "EHLO ", "a", 10 * time.Second, mailbox.SessionTime, "421 "},
		{"a byte every second in a mail", hello + "DATA\r\n", "a", time.Second, mailbox.SessionTime, "421 4.4.2 too slow"},
		{"a byte every 10 s in a chunk", hello + "BDAT 1000\r\n", "a", 10 * time.Second, mailbox.SessionTime, "421 4.4.2 too slow"},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, p *pipes) {
				conn := p.dial(net.IPv4(192, 0, 2, 1))
				var writing sync.WaitGroup
				writing.Go(func() {
					_, err := io.WriteString(conn, c.first)
					for err == nil && c.every > 0 {
						time.Sleep(c.every) // virtual
						_, err = io.WriteString(conn, c.then)
					}
				})
				text, took := heard(conn)
				_ = conn.Close()
				writing.Wait()
				lines := strings.Split(strings.TrimSpace(text), "\r\n")
				if last := lines[len(lines)-1]; !strings.HasPrefix(last, c.last) || took != c.end {
					t.Errorf("ended after %s with %q, want %s and %q", took, last, c.end, c.last)
				}
			})
		})
	}
}

// Two hundred clients that take their time keep others out for no longer than a session.
func TestSlowClientsLeave(t *testing.T) {
	inBubble(t, func(t *testing.T, p *pipes) {
		var all sync.WaitGroup
		for i := range mailbox.SessionLimit {
			conn := p.dial(net.IPv4(192, 0, 2, byte(i)))
			all.Go(func() {
				for {
					time.Sleep(10 * time.Second) // virtual
					if _, err := io.WriteString(conn, "x"); err != nil {
						break
					}
				}
				_ = conn.Close()
			})
			all.Go(func() { _, _ = heard(conn) })
		}
		if text, _ := heard(p.dial(net.IPv4(198, 51, 100, 1))); !strings.HasPrefix(text, "421 ") {
			t.Errorf("one more is told %q", text)
		}
		time.Sleep(mailbox.SessionTime + time.Second) // virtual
		conn := p.dial(net.IPv4(198, 51, 100, 1))
		greeting := make([]byte, 4)
		if _, err := io.ReadFull(conn, greeting); err != nil || string(greeting) != "220 " {
			t.Errorf("then it is told %q, %v", greeting, err)
		}
		all.Go(func() { _, _ = io.Copy(io.Discard, conn) })
		time.Sleep(time.Second)
		_ = conn.Close()
		all.Wait()
	})
}

// In IPv6 a client has a whole network of addresses.
func TestNetworksOfIPv6(t *testing.T) {
	inBubble(t, func(t *testing.T, p *pipes) {
		var all sync.WaitGroup
		greet := func(ip string) string {
			conn := p.dial(net.ParseIP(ip))
			t.Cleanup(func() { _ = conn.Close() })
			text := make([]byte, 4)
			if _, err := io.ReadFull(conn, text); err != nil {
				t.Fatal(err)
			}
			all.Go(func() { _, _ = io.Copy(io.Discard, conn) })
			return string(text)
		}
		for i := range mailbox.ClientSessions {
			if got := greet(fmt.Sprintf("2001:db8:0:1::%x", i+1)); got != "220 " {
				t.Fatalf("%d: %s", i, got)
			}
		}
		if got := greet("2001:db8:0:1:ffff::1"); got != "421 " {
			t.Errorf("one more of the network: %s", got)
		}
		if got := greet("2001:db8:0:2::1"); got != "220 " {
			t.Errorf("its neighbour: %s", got)
		}
		time.Sleep(mailbox.IdleLimit) // virtual
		all.Wait()
	})
}
