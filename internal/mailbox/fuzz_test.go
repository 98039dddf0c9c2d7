package mailbox_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"rollcall/internal/fault"
	"rollcall/internal/ingest"
	"rollcall/internal/mailbox"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
)

func FuzzMail(f *testing.F) {
	for _, c := range strangeMails() {
		if len(c.raw) < 10_000 { // what is large is no better a beginning
			f.Add([]byte(onWire(c.raw)))
		}
	}
	f.Add([]byte(onWire(nightly)))
	f.Fuzz(func(t *testing.T, raw []byte) {
		letter, err := mailbox.Read(strings.NewReader(string(raw)))
		if err != nil {
			t.Fatal(err)
		}
		if again, _ := mailbox.Read(iotest.OneByteReader(strings.NewReader(string(raw)))); again.ID != letter.ID || string(again.Text) != string(letter.Text) {
			t.Error("the same mail reads in two ways")
		}
		if n := len(letter.Text); n > 2*mailbox.TextLimit || len(letter.Body) > n {
			t.Errorf("%d bytes of text, %d of body", n, len(letter.Body))
		}
	})
}

// counter is an archive that knows every check, and counts the pings it is given.
type counter struct{ pings atomic.Int64 }

func (*counter) Known(context.Context, store.Ref) error { return nil }

func (*counter) TokenOwner(context.Context, string) (string, monitor.CheckID, error) {
	return "", 0, fault.NotFound
}

func (*counter) Pings(context.Context, monitor.CheckID, int64, int) ([]monitor.Ping, error) {
	return nil, nil
}

func (*counter) Transitions(_ context.Context, steps []store.Step) ([]store.Result, error) {
	return make([]store.Result, len(steps)), nil
}

func (c *counter) Submit(context.Context, ingest.Report) (store.Result, error) {
	c.pings.Add(1)
	return store.Result{}, nil
}

func (*counter) Evidence(now time.Time) time.Time { return now }

// Whatever a client says: what counts was answered 250, and nothing panics.
func FuzzConversation(f *testing.F) {
	const to = "RCPT TO:<5f0b6a3e-8c1d-4e57-9a44-2d1f6c0b7e91@" + domain + ">\r\n"
	const begun = "EHLO a\r\nMAIL FROM:<>\r\n" + to
	for _, said := range []string{
		begun + "DATA\r\nSubject: x\r\n\r\n.\r\nQUIT\r\n", begun + "DATA\r\na\n.\nMAIL FROM:<x@y>\r\n" + to + "DATA\r\n.\r\n",
		begun + "BDAT 4\r\nabcdBDAT 2 LAST\r\n\r\n", begun + "BDAT 100 LAST\r\nhalf", begun + "RSET\r\nDATA\r\n", "EHLO a\r\nQUIT\r\nMAIL FROM:<>\r\n", "HELO \x00\r\nNOOP\r\nVRFY\r\n",
		begun + "RCPT TO:<\"a\\@b\"@x>\r\nMAIL FROM:<@a,@b:c@d> SIZE=1 BODY=8BITMIME\r\nSTARTTLS\r\nAUTH PLAIN =\r\n",
	} {
		f.Add([]byte(said))
	}
	f.Fuzz(func(t *testing.T, said []byte) {
		var counted counter
		log := &lockedBuffer{}
		box := mailbox.New(mailbox.Config{
			Domain: domain, Archive: &counted, Ingest: &counted, Now: time.Now, Log: slog.New(slog.NewTextHandler(log, nil)),
		})
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- box.Serve(ctx, l) }()
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			_, _ = conn.Write(said)
			_ = conn.(*net.TCPConn).CloseWrite()
		}()
		heard, _ := io.ReadAll(conn)
		_ = conn.Close()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		mails := int64(strings.Count(string(heard), "\r\n250 2.0.0 stored\r\n"))
		if n := counted.pings.Load(); n > mails*mailbox.RecipientLimit {
			t.Errorf("%d pings, %d mails answered 250", n, mails)
		}
		if log.String() != "" {
			t.Error(log.String())
		}
	})
}
