package mailtest

import (
	"bytes"
	"cmp"
	"io"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"rollcall/internal/mailcatch"
)

// session is one client.
type session struct {
	mailcatch.Session
	in       *Inbox
	conn     *smtp.Conn
	loggedIn bool
}

func (in *Inbox) session(c *smtp.Conn) (smtp.Session, error) {
	if err := in.treats().Hello; err != nil {
		return nil, err
	}
	s := &session{Session: mailcatch.Session{Keep: in.keep}, in: in, conn: c}
	if in.options.User == "" {
		return s, nil
	}
	return guarded{s}, nil
}

// Mail implements smtp.Session.
func (s *session) Mail(from string, options *smtp.MailOptions) error {
	if s.in.options.User != "" && !s.loggedIn {
		return smtp.ErrAuthRequired
	}
	return cmp.Or(s.in.treats().Mail, s.Session.Mail(from, options))
}

// Rcpt implements smtp.Session.
func (s *session) Rcpt(to string, options *smtp.RcptOptions) error {
	return cmp.Or(s.in.treats().Rcpt, s.Session.Rcpt(to, options))
}

// Data implements smtp.Session.
func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	b := s.in.treats()
	if b.Stall {
		_, _ = io.Copy(io.Discard, s.conn.Conn()) // until the client hangs up
	}
	if b.Data != nil {
		return b.Data
	}
	if err := s.Session.Data(bytes.NewReader(raw)); err != nil {
		return err
	}
	if b.Cut {
		_ = s.conn.Conn().Close()
	}
	return nil
}

// guarded is a session that asks for a login.
type guarded struct{ *session }

// AuthMechanisms implements smtp.AuthSession.
func (g guarded) AuthMechanisms() []string { return []string{sasl.Plain} }

// Auth implements smtp.AuthSession.
func (g guarded) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != g.in.options.User || password != g.in.options.Password {
			return smtp.ErrAuthFailed
		}
		g.loggedIn = true
		g.in.mu.Lock()
		defer g.in.mu.Unlock()
		g.in.logins++
		return nil
	}), nil
}
