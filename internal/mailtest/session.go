package mailtest

import (
	"bytes"
	"io"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// session is one client.
type session struct {
	in       *Inbox
	conn     *smtp.Conn
	loggedIn bool
	from     string
	to       []string
}

func (in *Inbox) session(c *smtp.Conn) (smtp.Session, error) {
	if err := in.treats().Hello; err != nil {
		return nil, err
	}
	s := &session{in: in, conn: c}
	if in.options.User == "" {
		return s, nil
	}
	return guarded{s}, nil
}

// Reset implements smtp.Session.
func (s *session) Reset() { s.from, s.to = "", nil }

// Logout implements smtp.Session.
func (s *session) Logout() error { return nil }

// Mail implements smtp.Session.
func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	if s.in.options.User != "" && !s.loggedIn {
		return smtp.ErrAuthRequired
	}
	s.from = from
	return s.in.treats().Mail
}

// Rcpt implements smtp.Session.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = append(s.to, to)
	return s.in.treats().Rcpt
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
	m, err := parse(bytes.NewReader(raw))
	if err != nil {
		return Reply(554, "not a mail: "+err.Error())
	}
	m.From, m.To, m.Raw = s.from, s.to, raw
	s.in.keep(m)
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
