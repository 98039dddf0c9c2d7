// Package mailtest is a mail server for tests: it takes real SMTP on the loopback
// interface, keeps what arrives, and misbehaves when it is told to.
//
// It is imported by tests only, and knows nothing of the product.
package mailtest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"rollcall/internal/mailcatch"
)

// Message is a mail that arrived.
type Message = mailcatch.Message

// Behaviour is how an Inbox treats its clients. The zero value takes everything.
type Behaviour struct {
	Hello error // answered to EHLO and HELO, such as Reply(421, "busy")
	Mail  error // answered to MAIL
	Rcpt  error // answered to RCPT
	Data  error // answered after the message, which is not kept
	Cut   bool  // the message is kept, and the connection ends before the answer
	Stall bool  // nothing is answered after the message until the client is gone
}

// Reply is an SMTP answer with the given code.
func Reply(code int, text string) error { return mailcatch.Reply(code, text) }

// Security is how an Inbox speaks TLS.
type Security int

// The ways to speak TLS.
const (
	Plain    Security = iota
	StartTLS          // offered after EHLO
	Implicit          // from the first byte
)

// Options configure an Inbox. The zero value takes mail in the clear from anybody.
type Options struct {
	Security Security
	User     string // offers AUTH PLAIN; "" offers none
	Password string
}

// Inbox is a running mail server.
type Inbox struct {
	Addr    string         // host:port
	Roots   *x509.CertPool // that verify its certificate
	options Options

	mu        sync.Mutex // guards the fields below
	arrived   *sync.Cond
	behaviour Behaviour
	messages  []Message
	logins    int
}

// Start runs an Inbox until the test ends.
func Start(tb testing.TB, options Options) *Inbox {
	tb.Helper()
	in := &Inbox{options: options, Roots: x509.NewCertPool()}
	in.arrived = sync.NewCond(&in.mu)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	in.Addr = listener.Addr().String()

	lender := httptest.NewTLSServer(http.NotFoundHandler()) // has a certificate for 127.0.0.1
	lender.Close()
	in.Roots.AddCert(lender.Certificate())
	secure := &tls.Config{Certificates: lender.TLS.Certificates}

	server := mailcatch.NewServer("inbox.test", in.session)
	switch options.Security {
	case StartTLS:
		server.TLSConfig = secure
	case Implicit:
		listener = tls.NewListener(listener, secure)
	}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(listener) })
	tb.Cleanup(func() {
		_ = server.Close()
		_ = listener.Close() // the server may not have begun, and then does not know of it
		serving.Wait()
	})
	return in
}

// Behave changes how clients are treated from now on.
func (in *Inbox) Behave(b Behaviour) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.behaviour = b
}

// Messages returns what has arrived, the oldest first.
func (in *Inbox) Messages() []Message {
	in.mu.Lock()
	defer in.mu.Unlock()
	return slices.Clone(in.messages)
}

// Await waits until at least n messages have arrived, or ctx ends, and returns
// what has arrived.
func (in *Inbox) Await(ctx context.Context, n int) []Message {
	stop := context.AfterFunc(ctx, func() {
		in.mu.Lock()
		defer in.mu.Unlock()
		in.arrived.Broadcast()
	})
	defer stop()
	in.mu.Lock()
	defer in.mu.Unlock()
	for len(in.messages) < n && ctx.Err() == nil {
		in.arrived.Wait()
	}
	return slices.Clone(in.messages)
}

// Logins returns how often somebody has logged in.
func (in *Inbox) Logins() int {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.logins
}

func (in *Inbox) treats() Behaviour {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.behaviour
}

func (in *Inbox) keep(m Message) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.messages = append(in.messages, m)
	in.arrived.Broadcast()
}
