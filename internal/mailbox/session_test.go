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

func TestMailThatIsTooLarge(t *testing.T) { onBothEngines(t, takesLargeMails) }

func takesLargeMails(o *office) {
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
			o.Fatal(err)
		}
		if got := s.answer(); !strings.HasPrefix(got, c.want) {
			o.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
		s.tell("NOOP", "250")
		if got := o.counted(o.check); got != c.pings {
			o.Errorf("%s: %d pings, want %d", c.name, got, c.pings)
		}
	}
	p := o.pings(o.check)[0]
	if len(p.Body) != 100_000 || p.BodySize < 200_000 {
		o.Errorf("%d bytes kept of %d", len(p.Body), p.BodySize)
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
