package mailbox

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"slices"

	"github.com/emersion/go-smtp"

	"rollcall/internal/failpoint"
	"rollcall/internal/fault"
)

// The answers.
var (
	unknownRecipient = &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such mailbox here"}
	tryAgain         = &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "cannot be stored now; try again"}
	tooManyMisses    = &smtp.SMTPError{Code: 421, EnhancedCode: smtp.EnhancedCode{4, 7, 0}, Message: "too many unknown recipients; come again later"}
	tooManyMails     = &smtp.SMTPError{Code: 421, EnhancedCode: smtp.EnhancedCode{4, 7, 0}, Message: "too many mails; come again later"}
	badHello         = &smtp.SMTPError{Code: 501, EnhancedCode: smtp.EnhancedCode{5, 5, 2}, Message: "that is no host name"}
	lineTooLong      = &smtp.SMTPError{Code: 500, EnhancedCode: smtp.EnhancedCode{5, 5, 2}, Message: "a line is too long"}
	tooSlow          = &smtp.SMTPError{Code: 421, EnhancedCode: smtp.EnhancedCode{4, 4, 2}, Message: "too slow; come again later"}
	notArrived       = &smtp.SMTPError{Code: 421, EnhancedCode: smtp.EnhancedCode{4, 4, 2}, Message: "the mail did not arrive"}
	// The library takes a 250 for its answer like any other.
	stored = &smtp.SMTPError{Code: 250, EnhancedCode: smtp.EnhancedCode{2, 0, 0}, Message: "stored"}
)

// session is what one client says.
type session struct {
	m    *Mailbox
	conn *conn
	from string
	to   []recipient
}

func (m *Mailbox) session(c *smtp.Conn) (smtp.Session, error) {
	if name := c.Hostname(); len(name) > HelloLimit || slices.ContainsFunc([]byte(name), func(b byte) bool { return b <= ' ' || b == 0x7f }) {
		return nil, badHello
	}
	inner := c.Conn()
	if secure, ok := inner.(*tls.Conn); ok {
		inner = secure.NetConn()
	}
	return &session{m: m, conn: inner.(*conn)}, nil
}

// Reset implements smtp.Session.
func (s *session) Reset() { s.from, s.to = "", nil }

// Logout implements smtp.Session.
func (s *session) Logout() error { return nil }

// Mail implements smtp.Session.
func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	if !s.m.mails.take(s.conn.network, s.m.Now()) {
		return s.limited(tooManyMails)
	}
	s.from = from
	return nil
}

// limited refuses what is beyond a limit, and ends the session.
func (s *session) limited(answer error) error {
	s.m.stats.Limited.Add(1)
	s.conn.hangUp()
	return answer
}

// Rcpt implements smtp.Session. It takes addresses of checks that exist, and slows
// down who guesses.
func (s *session) Rcpt(address string, _ *smtp.RcptOptions) error {
	to, ok := s.m.address(address)
	if !ok {
		return s.miss()
	}
	if slices.ContainsFunc(s.to, func(other recipient) bool { return other.mailbox == to.mailbox }) {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), lookupLimit)
	defer cancel()
	err := s.m.Archive.Known(ctx, to.ref)
	switch {
	case errors.Is(err, fault.NotFound):
		return s.miss()
	case err != nil:
		return s.m.later(err)
	}
	s.to = append(s.to, to)
	return nil
}

func (s *session) miss() error {
	if !s.m.misses.take(s.conn.network, s.m.Now()) {
		return s.limited(tooManyMisses)
	}
	s.m.stats.Unknown.Add(1)
	return unknownRecipient
}

// later answers what our own trouble keeps us from doing.
func (m *Mailbox) later(err error) error {
	m.stats.Deferred.Add(1)
	m.Log.Warn("mail is to come again", "err", err)
	return tryAgain
}

// Data implements smtp.Session. The library may call it while it reads on, so the
// session is looked at only when the mail is complete: then it waits for us.
func (s *session) Data(r io.Reader) error {
	defer s.conn.take()()
	letter, err := Read(r)
	var refused *smtp.SMTPError
	switch {
	case errors.As(err, &refused): // it is too large, or too slow
		return refused
	case errors.Is(err, smtp.ErrTooLongLine):
		return lineTooLong
	case err != nil, s.conn.cut():
		// In a BDAT whose last chunk is short, the library takes the end of the
		// connection for the end of the mail.
		return notArrived
	}
	failpoint.Here("mail.after_data")
	answer := s.m.deliver(letter, s.from, hostOf(s.conn.RemoteAddr()), s.to)
	failpoint.Here("mail.before_250")
	return answer
}
