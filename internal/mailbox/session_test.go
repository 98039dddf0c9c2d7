package mailbox_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"rollcall/internal/mailbox"
	"rollcall/internal/store"
)

// envelope is the beginning of a mail to the check.
var envelope = []string{"EHLO job.example", "250", "MAIL FROM:<root@nas.example>", "250", "RCPT TO:<%uuid@%domain>", "250"}

func TestConversations(t *testing.T) {
	long := func(n int) string { return strings.Repeat("x", n) }
	for _, c := range []struct {
		name string
		said []string // a line, "" for none, and the beginning of the answer, in turn
		want int64    // pings that count
	}{
		{"HELO is enough", []string{"HELO nas", "250", "MAIL FROM:<>", "250", "RCPT TO:<%uuid@%domain>", "250", "DATA", "354", "x\r\n.", "250 2.0.0 stored", "QUIT", "221"}, 1},
		{"two mails in a session", append(envelope, "DATA", "354", ".", "250", "MAIL FROM:<>", "250", "RCPT TO:<%uuid+log@%domain>", "250", "DATA", "354", ".", "250"), 2},
		{"the same recipient twice counts once", append(envelope, "RCPT TO:<%UUID@%domain>", "250", "DATA", "354", ".", "250"), 1},
		{"a failure and a note to one check are two", append(envelope, "RCPT TO:<%uuid+log@%domain>", "250", "DATA", "354", ".", "250"), 2},
		{"a stranger among the recipients", append(envelope, "RCPT TO:<user@other.example>", "550", "DATA", "354", ".", "250"), 1},
		{"RSET forgets", append(envelope, "RSET", "250", "DATA", "502", "RCPT TO:<%uuid@%domain>", "502"), 0},
		{"EHLO again forgets", append(envelope, "EHLO other", "250", "DATA", "502"), 0},
		{"nothing without EHLO", []string{"MAIL FROM:<>", "502", "RCPT TO:<%uuid@%domain>", "502", "DATA", "502", "BDAT 1 LAST\r\nx", "502"}, 0},
		{"nothing without MAIL", []string{"EHLO a", "250", "RCPT TO:<%uuid@%domain>", "502", "DATA", "502"}, 0},
		{"nothing without RCPT", []string{"EHLO a", "250", "MAIL FROM:<>", "250", "DATA", "502"}, 0},
		{"leaving before the dot", append(envelope, "DATA", "354", "Subject: x\r\n\r\nhalf"), 0},

		{"nobody is told who is here", []string{"EHLO a", "250", "VRFY root", "252", "EXPN all", "502", "HELP", "502"}, 0},
		{"there is no password to try", []string{"EHLO a", "250", "AUTH PLAIN AGEAYg==", "523", "AUTH LOGIN", "523"}, 0},
		{"no STARTTLS without a certificate", []string{"EHLO a", "250", "STARTTLS", "502"}, 0},
		{"unknown commands end the session", []string{"EHLO a", "250", "FOO1", "500", "FOO2", "500", "FOO3", "500", "FOO4", "500", "", "500 5.5.1 Too many errors", "", "closed"}, 0},
		{"a name is asked for", []string{"EHLO", "501", "HELO ", "501"}, 0},
		{"a long name is none", []string{"EHLO " + long(mailbox.HelloLimit+1), "501", "HELO " + long(10_000), "501", "EHLO " + long(mailbox.HelloLimit), "250"}, 0},
		{"an endless line ends the session", []string{"EHLO " + long(mailbox.LineLimit), "500", "", "closed"}, 0},
		{"malformed addresses", []string{"EHLO a", "250", "MAIL FROM:x", "501", "MAIL FROM:<a@b", "501", "MAIL root", "501", "MAIL FROM:<a@b> FOO=1", "500", "MAIL FROM:<a@b> SIZE=-1", "501", "MAIL FROM:<a@b>", "250", "RCPT TO:<>", "501", "RCPT TO:%uuid", "501"}, 0},

		{"an announced size that is too large", []string{"EHLO a", "250", fmt.Sprintf("MAIL FROM:<a@b> SIZE=%d", mailbox.MessageLimit+1), "552", fmt.Sprintf("MAIL FROM:<a@b> SIZE=%d", mailbox.MessageLimit), "250"}, 0},
		{"a long line counts", append(envelope, "DATA", "354", long(mailbox.LineLimit-10)+"\r\n.", "250"), 1},
		{"a line that is too long does not", append(envelope, "DATA", "354", long(mailbox.LineLimit+10)+"\r\n.", "500"), 0},

		{"lone line feeds end no mail", append(envelope, "DATA", "354", "a\n.\nb\r\n.\nc\n.\r\nd\r.\re\r\n.", "250", "NOOP", "250"), 1},
		{"nothing is smuggled in", append(envelope, "DATA", "354", "a\n.\nMAIL FROM:<x@y>\r\nRCPT TO:<%uuid+fail@%domain>\r\nDATA\r\nb\r\n.", "250 2.0.0 stored", "NOOP", "250"), 1},

		{"in chunks", append(envelope, "BDAT 12\r\nSubject: x", "250 2.0.0 Continue", "BDAT 9 LAST\r\n\r\ndone.", "250 2.0.0 stored", "BDAT 0 LAST", "502", "NOOP", "250"), 1},
		{"a chunk with a wrong size", append(envelope, "BDAT x", "501", "BDAT", "501", "BDAT 1 LAST 2", "501", "BDAT -1", "501", "NOOP", "250"), 0},
		{"a chunk that is too large", append(envelope, fmt.Sprintf("BDAT %d LAST", 4_000_000_000), "552"), 0},
		{"leaving in a chunk", append(envelope, "BDAT 100 LAST\r\nhalf"), 0},
		{"leaving between chunks", append(envelope, "BDAT 6\r\nhalf", "250"), 0},
		{"RSET between chunks", append(envelope, "BDAT 6\r\nhalf", "250", "RSET", "250", "BDAT 0 LAST", "502"), 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := newOffice(t)
			s := o.dial()
			for i := 0; i < len(c.said); i += 2 {
				if i+1 == len(c.said) {
					s.send(s.fill(c.said[i]))
					break
				}
				if c.said[i] == "" {
					s.expect(c.said[i+1])
					continue
				}
				s.tell(c.said[i], c.said[i+1])
			}
			s.leave()
			if got := o.counted(o.check); got != c.want {
				t.Errorf("%d pings, want %d", got, c.want)
			}
		})
	}
}

// leave says no more, and waits until the server has closed as well: then it has
// done with all that it heard.
func (c *client) leave() {
	c.Helper()
	if err := c.Conn.(*net.TCPConn).CloseWrite(); err != nil && !errors.Is(err, syscall.ENOTCONN) {
		c.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, c.text.R) // it may have been reset
}

func TestWhatIsOffered(t *testing.T) {
	o := newOffice(t)
	s := o.dial()
	s.send("EHLO job.example\r\n")
	_, text, err := s.text.ReadResponse(250)
	if err != nil {
		t.Fatal(err)
	}
	offered := strings.Split(text, "\n")[1:]
	want := []string{
		"PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES", "CHUNKING", "SMTPUTF8",
		fmt.Sprintf("SIZE %d", mailbox.MessageLimit), fmt.Sprintf("LIMITS RCPTMAX=%d", mailbox.RecipientLimit),
	}
	if got, want := strings.Join(offered, ", "), strings.Join(want, ", "); got != want {
		t.Errorf("offers %s; want %s", got, want)
	}
}

func TestTooManyRecipients(t *testing.T) {
	o := newOffice(t)
	s := o.dial()
	s.tell("EHLO job.example", "250")
	s.tell("MAIL FROM:<root@nas.example>", "250")
	for i := range mailbox.RecipientLimit {
		s.tell(fmt.Sprintf("RCPT TO:<%%uuid+%d@%%domain>", i), "250")
	}
	s.tell("RCPT TO:<%uuid+11@%domain>", "452 4.5.3")
	s.tell("DATA", "354")
	s.send(onWire(nightly))
	s.expect("250")
	if got, want := o.counted(o.check), int64(mailbox.RecipientLimit); got != want {
		t.Errorf("%d pings, want %d", got, want)
	}
}

func TestMailThatIsTooLarge(t *testing.T) {
	o := newOffice(t)
	line := strings.Repeat("0123456789", 10) + "\r\n"
	for _, c := range []struct {
		name  string
		bytes int
		want  string
		pings int64
	}{
		{"2 MB", 2 << 20, "250 2.0.0 stored", 1},
		{"11 MB", 11 << 20, "552 5.3.4", 1},
	} {
		s := o.dial()
		for i := 0; i < len(envelope); i += 2 {
			s.tell(envelope[i], envelope[i+1])
		}
		s.tell("DATA", "354")
		if _, err := io.WriteString(s.Conn, "Subject: x\r\n\r\n"+strings.Repeat(line, c.bytes/len(line))+".\r\n"); err != nil {
			t.Fatal(err)
		}
		if got := s.answer(); !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
		s.tell("NOOP", "250")
		if got := o.counted(o.check); got != c.pings {
			t.Errorf("%s: %d pings, want %d", c.name, got, c.pings)
		}
	}
	p := o.pings(o.check)[0]
	if len(p.Body) != 100_000 || p.BodySize < 200_000 {
		t.Errorf("%d bytes kept of %d", len(p.Body), p.BodySize)
	}
}

// broken is an archive with a mistake.
type broken struct{ mailbox.Archive }

func (broken) Known(context.Context, store.Ref) error { panic("a mistake") }

func TestMistakeOfOursIsLogged(t *testing.T) {
	o := newOffice(t, func(c *mailbox.Config) { c.Archive = broken{c.Archive} })
	s := o.dial()
	s.tell("EHLO a", "250")
	s.tell("MAIL FROM:<>", "250")
	s.tell("RCPT TO:<%uuid@%domain>", "421")
	s.expect("closed")
	logged := func() bool {
		log := o.log.String()
		return strings.Contains(log, "level=ERROR") && strings.Contains(log, "a mistake")
	}
	// The library closes the connection before it logs.
	for tries := 0; !logged() && tries < 5000; tries++ {
		<-time.After(time.Millisecond)
	}
	if !logged() {
		t.Error(o.log.String())
	}
}
