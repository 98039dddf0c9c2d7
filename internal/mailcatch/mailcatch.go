// Package mailcatch is a mail server that delivers nothing: it takes real SMTP and
// hands over what it understood of each mail.
//
// The demo shows what it catches as an inbox, and the mail server of the tests is
// made of it. It owns the limits of a mail and what is read of one. It refuses to
// relay, to keep anything, and what is no mail of inline text and HTML; it knows
// nothing of the product.
package mailcatch

import (
	"context"
	"io"
	"log"
	"net"
	"time"

	"github.com/emersion/go-smtp"
)

// Limits of a mail and of a session.
const (
	MessageLimit   = 256 << 10 // bytes of a mail; 552 beyond
	RecipientLimit = 10        // of one mail; 452 beyond
	idleLimit      = time.Minute
	stopLimit      = 5 * time.Second // for a mail that is being sent when the server stops
)

// NewServer returns a server that presents itself by a domain and hands its clients
// to a backend; one that only catches makes a Session of each.
func NewServer(domain string, backend smtp.BackendFunc) *smtp.Server {
	server := smtp.NewServer(backend)
	server.Domain = domain
	server.MaxMessageBytes, server.MaxRecipients = MessageLimit, RecipientLimit
	server.ReadTimeout, server.WriteTimeout = idleLimit, idleLimit
	server.ErrorLog = log.New(io.Discard, "", 0)
	return server
}

// Serve catches mails until ctx ends.
func Serve(ctx context.Context, l net.Listener, domain string, keep func(Message)) error {
	server := NewServer(domain, func(*smtp.Conn) (smtp.Session, error) { return &Session{Keep: keep}, nil })
	closed := make(chan struct{})
	unwatch := context.AfterFunc(ctx, func() {
		defer close(closed)
		limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopLimit)
		defer cancel()
		_ = l.Close() // the library does not when it was stopped before it began
		if server.Shutdown(limit) != nil {
			_ = server.Close()
		}
	})
	err := server.Serve(l)
	if unwatch() {
		return err
	}
	<-closed
	return nil
}

// Session is one client, whose mails are all taken.
type Session struct {
	Keep func(Message)
	from string
	to   []string
}

// Reset implements smtp.Session.
func (s *Session) Reset() { s.from, s.to = "", nil }

// Logout implements smtp.Session.
func (s *Session) Logout() error { return nil }

// Mail implements smtp.Session.
func (s *Session) Mail(from string, _ *smtp.MailOptions) error {
	s.from = from
	return nil
}

// Rcpt implements smtp.Session.
func (s *Session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = append(s.to, to)
	return nil
}

// Data implements smtp.Session.
func (s *Session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	m, err := parse(raw)
	if err != nil {
		return Reply(554, "not a mail: "+err.Error())
	}
	m.From, m.To = s.from, s.to
	s.Keep(m)
	return nil
}

// Reply is an SMTP answer with the given code.
func Reply(code int, text string) error {
	return &smtp.SMTPError{Code: code, EnhancedCode: smtp.NoEnhancedCode, Message: text}
}
