package sim_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	netmail "net/mail"
	"net/textproto"
	"strings"

	"github.com/emersion/go-smtp"

	"rollcall/internal/alerter"
	"rollcall/internal/mailcatch"
)

// relay is the mail server through which Rollcall is told to send.
var relay = alerter.SMTPConfig{Host: "relay.example", Port: 25, From: netmail.Address{Name: "Rollcall", Address: "rollcall@relay.example"}}

// line is a listener whose connections are in memory.
type line struct {
	conns chan net.Conn
	ctx   context.Context
	hang  context.CancelFunc
}

// Accept implements net.Listener.
func (l *line) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.ctx.Done():
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (l *line) Close() error {
	l.hang()
	return nil
}

// Addr implements net.Listener.
func (l *line) Addr() net.Addr { return &net.TCPAddr{Port: relay.Port} }

// openPost starts the mail server; the end of it is returned.
func (n *network) openPost() func() {
	n.post = &line{conns: make(chan net.Conn)}
	n.post.ctx, n.post.hang = context.WithCancel(context.Background())
	server := mailcatch.NewServer(relay.Host, func(c *smtp.Conn) (smtp.Session, error) { return &postman{n: n, conn: c.Conn()}, nil })
	go func() { _ = server.Serve(n.post) }()
	return func() { _ = server.Close() }
}

// ring opens a connection to the mail server.
func (n *network) ring(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case n.post.conns <- far:
		return near, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// about notes what a message tells by its id: the words of a mail are for people.
func (n *network) about(right alerter.Sender) alerter.Sender {
	return sender(func(ctx context.Context, m alerter.Message) alerter.Outcome {
		got := reception{kind: unverified}
		switch {
		case m.Flip != nil:
			got.kind = "check." + string(m.Flip.New)
			if m.Flip.Old == m.Flip.New {
				got.kind = corrected
			}
			if m.Ends != nil { // an alarm that was tried in vain is told with its end
				got.turns = []turn{{check: m.Flip.Facts.Name, kind: "check.down", rev: m.Ends.Rev, ended: true}}
			}
			got.turns = append(got.turns, turn{check: m.Flip.Facts.Name, kind: got.kind, rev: m.Flip.Rev})
		case m.Roundup != nil:
			got.kind, got.down, got.up = roundup, m.Roundup.Down, m.Roundup.Up
			for _, t := range m.Roundup.Changes {
				kind := "check." + string(t.New)
				if t.Corrects != 0 {
					kind = corrected
				}
				got.turns = append(got.turns, turn{check: t.Name, kind: kind, rev: t.Rev})
			}
		}
		n.mu.Lock()
		n.letters[m.ID] = got
		n.mu.Unlock()
		return right.Send(ctx, m)
	})
}

// postman is one client of the mail server.
type postman struct {
	n    *network
	conn net.Conn
	to   string
}

// Reset implements smtp.Session.
func (p *postman) Reset() { p.to = "" }

// Logout implements smtp.Session.
func (p *postman) Logout() error { return nil }

// Mail implements smtp.Session.
func (p *postman) Mail(string, *smtp.MailOptions) error { return nil }

// Rcpt implements smtp.Session.
func (p *postman) Rcpt(to string, _ *smtp.RcptOptions) error {
	_, p.to, _ = strings.Cut(to, "@")
	if p.n.mannerOf(p.to) == refuses {
		if p.to == reader {
			p.n.mu.Lock()
			p.n.refused = append(p.n.refused, p.n.w.now())
			p.n.mu.Unlock()
		}
		return mailcatch.Reply(450, "not now")
	}
	return nil
}

// Data implements smtp.Session.
func (p *postman) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	head, err := textproto.NewReader(bufio.NewReader(bytes.NewReader(raw))).ReadMIMEHeader()
	if err != nil {
		return err
	}
	id, _, _ := strings.Cut(strings.Trim(head.Get("Message-ID"), "<>"), "@")
	p.n.mu.Lock()
	got, known := p.n.letters[id]
	p.n.mu.Unlock()
	if l, ok := letterOf(head.Get("Subject")); ok && p.to == reader {
		got.letter, known = l, true
	}
	got.host, got.id = p.to, id
	if !known || len(got.turns) == 1 && got.kind != roundup && !strings.Contains(head.Get("Subject"), got.turns[0].check) {
		p.n.w.wrong("FALSE", 0, "%s reads a mail about %q with the id %s", p.to, head.Get("Subject"), id)
	}
	switch p.n.read(&got) {
	case fine:
		return nil
	case resets:
		_ = p.conn.Close() // taken, and its 250 is lost
		return nil
	case hangs:
		_, _ = io.Copy(io.Discard, p.conn) // until the other side gives up
		return nil
	case wrong, gone:
		return mailcatch.Reply(550, "no such mailbox")
	}
	return mailcatch.Reply(451, "not now")
}
