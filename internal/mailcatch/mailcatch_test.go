package mailcatch_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/smtp"
	"net/textproto"
	"strings"
	"testing"

	"rollcall/internal/mailcatch"
)

const twoParts = "From: a@example.test\r\nSubject: =?utf-8?q?=C3=9Cber?=\r\nMIME-Version: 1.0\r\n" +
	"Content-Type: multipart/alternative; boundary=x\r\n\r\n" +
	"--x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nplain\r\n" +
	"--x\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>rich</p>\r\n--x--\r\n"

// catching serves until the test ends and returns where, and what it catches.
func catching(t *testing.T) (address string, caught chan mailcatch.Message) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	caught = make(chan mailcatch.Message, 10)
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error)
	go func() {
		served <- mailcatch.Serve(ctx, listener, "catch.test", func(m mailcatch.Message) { caught <- m })
	}()
	t.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return listener.Addr().String(), caught
}

func send(address string, to []string, mail string) error {
	return smtp.SendMail(address, nil, "from@example.test", to, []byte(mail))
}

// sized is a mail of so many bytes.
func sized(bytes int) string {
	mail := "Subject: x\r\n\r\n"
	for line := strings.Repeat("a", 70) + "\r\n"; bytes-len(mail) > 2*len(line); {
		mail += line
	}
	return mail + strings.Repeat("b", bytes-len(mail)-2) + "\r\n"
}

func TestAMailIsCaughtInItsParts(t *testing.T) {
	address, caught := catching(t)
	if err := send(address, []string{"ana@example.test"}, twoParts); err != nil {
		t.Fatal(err)
	}
	m := <-caught
	if got, want := fmt.Sprintf("%s|%s|%s|%s|%s", m.From, m.To, m.Subject(), m.Text, m.HTML), "from@example.test|[ana@example.test]|Über|plain|<p>rich</p>"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if !strings.HasPrefix(string(m.Raw), "From: a@example.test") {
		t.Errorf("the mail as it came: %q", m.Raw)
	}
}

func TestItMayBeStoppedBeforeItBegins(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := mailcatch.Serve(ctx, listener, "catch.test", func(mailcatch.Message) {}); err != nil {
		t.Error(err)
	}
}

func TestBounds(t *testing.T) {
	address, caught := catching(t)
	var many []string
	for i := range mailcatch.RecipientLimit + 1 {
		many = append(many, fmt.Sprintf("%d@example.test", i))
	}
	for name, test := range map[string]struct {
		to   []string
		mail string
		code int // 0: taken
	}{
		"just within":         {many[:1], sized(mailcatch.MessageLimit - 1), 0},
		"a byte beyond":       {many[:1], sized(mailcatch.MessageLimit + 1), 552},
		"as many as may be":   {many[:mailcatch.RecipientLimit], "Subject: x\r\n\r\n", 0},
		"one recipient more":  {many, "Subject: x\r\n\r\n", 452},
		"not a mail":          {many[:1], "what is this\r\n", 554},
		"with an attachment":  {many[:1], strings.Replace(twoParts, "text/html;", "application/pdf;", 1), 554},
		"a part that is none": {many[:1], strings.Replace(twoParts, "--x--", "", 1), 554},
	} {
		t.Run(name, func(t *testing.T) {
			err := send(address, test.to, test.mail)
			var reply *textproto.Error
			switch {
			case test.code == 0 && err == nil:
				<-caught
			case !errors.As(err, &reply) || reply.Code != test.code:
				t.Errorf("%v, want %d", err, test.code)
			}
		})
	}
	if n := len(caught); n > 0 {
		t.Errorf("%d mails were caught that ought not to be", n)
	}
}
