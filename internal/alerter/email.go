package alerter

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"

	"github.com/google/uuid"
	gomail "github.com/wneessen/go-mail"

	"rollcall/internal/monitor"
	"rollcall/internal/outbound"
	"rollcall/templates"
)

// Dial opens a connection, as outbound.Out's DialRelay does.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// Email returns the Sender of e-mail through the given server. One mail goes to
// one mailbox; every attempt and replay is the same mail to the last byte, so a
// receiver that sees it twice can drop the second.
func Email(server SMTPConfig, dial Dial) Sender { return email{server, dial} }

type email struct {
	server SMTPConfig
	dial   Dial
}

// Send implements Sender.
func (e email) Send(ctx context.Context, m Message) Outcome {
	msg, err := e.compose(ctx, m)
	if err != nil {
		return ours(doubt(outbound.Clean("the mail could not be composed: " + err.Error())))
	}
	return e.hand(ctx, msg)
}

// hand gives a mail to the server and says what became of it.
func (e email) hand(ctx context.Context, msg *gomail.Msg) Outcome {
	if e.server.Host == "" {
		return ours(doubt("no mail server is set; start with --smtp"))
	}
	ctx, cancel := context.WithCancel(ctx) // ends the connection, too
	defer cancel()
	client, err := e.client(ctx)
	if err != nil {
		return ours(doubt(outbound.Clean(err.Error(), e.server.Password)))
	}
	session, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return e.refused(ctx, err)
	}
	err = client.SendWithSMTPClient(session, msg)
	if !msg.IsDelivered() {
		return e.unsent(ctx, err)
	}
	_ = client.CloseWithSMTPClient(session) // it is delivered, whatever is said to QUIT
	code := replyOK
	return Outcome{monitor.Result{Verdict: monitor.Done, Code: &code, Answer: outbound.Clean("250 " + msg.ServerResponse())}, classOK}
}

// replyOK is the SMTP reply to a message that was taken.
const replyOK = 250

// client prepares one session with the server.
func (e email) client(ctx context.Context) (*gomail.Client, error) {
	s := e.server
	secure := &tls.Config{ServerName: s.Host, RootCAs: s.Roots, MinVersion: tls.VersionTLS12}
	policy := gomail.TLSOpportunistic
	if s.User != "" && !s.Implicit && !isLoopback(s.Host) {
		policy = gomail.TLSMandatory // whoever strips STARTTLS is not given the password
	}
	options := []gomail.Option{
		gomail.WithPort(s.Port), gomail.WithTLSConfig(secure), gomail.WithTLSPolicy(policy),
		gomail.WithTimeout(emailLimit), gomail.WithHELO(domain(s.From.Address)),
		gomail.WithoutNoop(), gomail.WithoutRset(),
		gomail.WithDialContextFunc(func(dialing context.Context, network, address string) (net.Conn, error) {
			conn, err := e.dial(dialing, network, address)
			if err != nil {
				return nil, err
			}
			// The library knows deadlines only, so the end of ctx ends the connection.
			context.AfterFunc(ctx, func() { _ = conn.Close() })
			if !s.Implicit {
				return conn, nil
			}
			encrypted := tls.Client(conn, secure)
			return encrypted, encrypted.HandshakeContext(dialing)
		}),
	}
	if s.User != "" {
		options = append(options, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover),
			gomail.WithUsername(s.User), gomail.WithPassword(s.Password))
	}
	return gomail.NewClient(s.Host, options...)
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// domain is what follows the last @ of an address.
func domain(address string) string { return address[strings.LastIndexByte(address, '@')+1:] }

// compose builds the mail out of what was decided alone, so that each attempt
// builds the same.
func (e email) compose(ctx context.Context, m Message) (*gomail.Msg, error) {
	in := templates.MailInput{
		ID: m.ID, Project: m.Project.Name, Channel: m.Channel.Name,
		Flip: m.Flip, Alarm: m.Ends, Roundup: m.Roundup, Ping: m.Ping,
		CheckPage: m.CheckPage(), DigestPage: m.DigestPage(), ChannelPage: m.ChannelPage(),
	}
	if m.Check != uuid.Nil {
		in.Secret = m.Check.String()
	}
	page := templates.NewMail(in)
	switch {
	case m.Digest != nil:
		page = digestMail(m, *m.Digest)
	case m.Failing != nil:
		page = failingMail(m, *m.Failing)
	}
	msg, err := e.mail(ctx, page, m.Channel.Settings.Address, m.ID, m.BaseURL)
	if err != nil {
		return nil, err
	}
	msg.SetDateWithValue(m.DecidedAt())
	if f := m.Flip; f != nil && f.New == monitor.Up && f.Old == monitor.Down {
		down := m.Delivery
		down.Rev-- // the flip before this one: mail programs show both together
		id := "<" + e.messageID(m.BaseURL, monitor.MessageID(m.Check, down)) + ">"
		msg.SetGenHeader(gomail.HeaderInReplyTo, id)
		msg.SetGenHeader(gomail.HeaderReferences, id)
	}
	return msg, nil
}

// mail puts a page into an envelope. The id is that of the message, the same for
// every attempt.
func (e email) mail(ctx context.Context, page templates.Mail, address, id, baseURL string) (*gomail.Msg, error) {
	html, err := page.HTML(ctx)
	if err != nil {
		return nil, err
	}
	to, err := mail.ParseAddress(address)
	if err != nil {
		return nil, err
	}
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent(), gomail.WithBoundary(id))
	msg.FromMailAddress(&e.server.From)
	msg.ToMailAddress(to)
	msg.Subject(outbound.Clean(page.Subject))
	msg.SetMessageIDWithValue(e.messageID(baseURL, id))
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetGenHeader("X-Auto-Response-Suppress", "All")
	if page.StopPage != "" {
		msg.SetListUnsubscribe("<" + page.StopPage + ">")
	}
	if page.OneClick {
		msg.SetGenHeader("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")
	}
	msg.SetBodyString(gomail.TypeTextPlain, page.Text())
	msg.AddAlternativeString(gomail.TypeTextHTML, html)
	return msg, nil
}

// messageID makes a message id of RFC 5322 out of a public one.
func (e email) messageID(baseURL, id string) string {
	host := domain(e.server.From.Address)
	if base, err := url.Parse(baseURL); err == nil && strings.Contains(base.Hostname(), ".") {
		if _, err := netip.ParseAddr(base.Hostname()); err != nil {
			host = base.Hostname()
		}
	}
	return id + "@" + host
}

// ProbeRelay asks the mail server whether it lets us in, as a mail would, and leaves.
func ProbeRelay(ctx context.Context, server SMTPConfig, dial Dial) error {
	ctx, cancel := context.WithCancel(ctx) // ends the connection, too
	defer cancel()
	e := email{server, dial}
	client, err := e.client(ctx)
	if err != nil {
		return errors.New(outbound.Clean(err.Error(), server.Password))
	}
	session, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return errors.New(e.refused(ctx, err).Answer)
	}
	_ = client.CloseWithSMTPClient(session) // it let us in, whatever it says to QUIT
	return nil
}

// refused is the outcome when the server was not reached or did not let us in. A
// final no before the message was offered is about our settings, not about it.
func (e email) refused(ctx context.Context, err error) Outcome {
	var reply *textproto.Error
	if !errors.As(err, &reply) {
		return e.cut(ctx, err)
	}
	return ours(e.replied(reply.Code, reply.Msg, monitor.Doubt))
}

// unsent is the outcome when the server did not take the message.
func (e email) unsent(ctx context.Context, err error) Outcome {
	var failure *gomail.SendError
	if !errors.As(err, &failure) || failure.ErrorCode() == 0 {
		return e.cut(ctx, net.ErrClosed)
	}
	if failure.Reason == gomail.ErrSMTPMailFrom { // it is our address that is refused
		return ours(e.replied(failure.ErrorCode(), replyText(failure), monitor.Doubt))
	}
	return e.replied(failure.ErrorCode(), replyText(failure), monitor.Refuse)
}

// replyText finds what the server said in what the library made of it.
func replyText(failure *gomail.SendError) string {
	text := strings.TrimPrefix(failure.Error(), failure.Reason.String()+": ")
	text, _, _ = strings.Cut(text, ", affected ")
	text = strings.TrimPrefix(text, strconv.Itoa(failure.ErrorCode())+" ")
	if plain, err := strconv.Unquote(text); err == nil {
		return plain
	}
	return text
}

// replied is the outcome of a reply that is no: for now, or as the verdict says.
func (e email) replied(code int, text string, final monitor.Verdict) Outcome {
	out := Outcome{monitor.Result{Code: &code, Answer: outbound.Clean(fmt.Sprintf("%d %s", code, text), e.server.Password)}, "4xx"}
	if code >= 500 {
		out.Verdict, out.Class = final, "5xx"
	}
	return out
}

// cut is the outcome of a connection that failed. After the whole message was
// sent nobody knows whether it was taken; the same mail is sent again.
func (e email) cut(ctx context.Context, err error) Outcome {
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return ours(failed(err, e.server.Password))
}
