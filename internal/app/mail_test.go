package app_test

import (
	"net"
	"net/smtp"
	"net/textproto"
	"strings"
	"testing"

	"github.com/google/uuid"

	"rollcall/internal/app"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
)

const mailUUID = "5f0b6a3e-8c1d-4e57-9a44-2d1f6c0b7e91"

func TestPingByMail(t *testing.T) {
	c := provisioned(t, config(t), oneCheck)
	c.BaseURL, c.MailListen = "https://rollcall.example.org", "127.0.0.1:0"
	p := run(t, c)
	to := []string{mailUUID + "@rollcall.example.org"}
	mail := []byte("Message-ID: <1@nas>\r\nSubject: nightly\r\n\r\n12 GB\r\n")
	for range 2 {
		if err := smtp.SendMail(p.MailAddr(), nil, "root@nas.example", to, mail); err != nil {
			t.Fatal(err)
		}
	}
	if err := smtp.SendMail(p.MailAddr(), nil, "root@nas.example", []string{"root@other.example"}, mail); err == nil || !strings.HasPrefix(err.Error(), "550 ") {
		t.Errorf("a stranger: %v", err)
	}
	metrics := p.ops("/metrics").body
	for _, want := range []string{"mail_pings_total 1", "mail_repeated_total 1", "mail_unknown_total 1", "mail_deferred_total 0", "mail_limited_total 0", "pings_accepted_total 1"} {
		if !strings.Contains(metrics, "\n"+want+"\n") {
			t.Errorf("no %s in the metrics", want)
		}
	}
}

// What is being sent when the process is told to stop is stored and answered.
func TestStopWhileAMailIsSent(t *testing.T) {
	c := provisioned(t, config(t), oneCheck)
	c.MailListen, c.MailDomain = "127.0.0.1:0", "ping.example.org"
	p := run(t, c)
	conn, err := net.Dial("tcp", p.MailAddr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	text := textproto.NewConn(conn)
	say := func(line string, code int) {
		t.Helper()
		if line != "" {
			if err := text.PrintfLine("%s", line); err != nil {
				t.Fatal(err)
			}
		}
		if _, _, err := text.ReadResponse(code); err != nil {
			t.Fatal(err)
		}
	}
	say("", 220)
	say("EHLO nas", 250)
	say("MAIL FROM:<>", 250)
	say("RCPT TO:<"+mailUUID+"@PING.example.org>", 250)
	say("DATA", 354)
	p.cancel()
	for { // until nobody else is let in
		other, err := net.Dial("tcp", p.MailAddr())
		if err != nil {
			break
		}
		_ = other.Close()
	}
	say("Subject: just in time\r\n\r\n.", 250)
	say("", 421)
	if err := p.stop(); err != nil {
		t.Error(err)
	}
	st, err := app.OpenStore(t.Context(), c.Database, "")
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	results, err := st.Transitions(t.Context(), []store.Step{{
		Ref:    store.Ref{UUID: uuid.MustParse(mailUUID)},
		Decide: func(c monitor.Check) monitor.Change { return monitor.Change{Check: c, Unchanged: true} },
	}})
	if err != nil || results[0].Change.Check.NPings != 1 {
		t.Errorf("%+v, %v", results, err)
	}
}

func TestMistakesAboutMail(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for name, c := range map[string]struct {
		change func(*app.Config)
		want   string
	}{
		"nothing listens":  {func(c *app.Config) { c.MailListen, c.MailDomain = "", "x.example" }, "give --mail-listen as well"},
		"another role":     {func(c *app.Config) { c.Roles = []app.Role{app.RoleAlerter} }, "add it to --roles"},
		"an address":       {func(c *app.Config) { c.MailDomain = "root@x.example" }, "--mail-domain must be a domain"},
		"half a key pair":  {func(c *app.Config) { c.MailCert = "cert.pem" }, "give both"},
		"no such key pair": {func(c *app.Config) { c.MailCert, c.MailKey = "/nowhere/cert.pem", "/nowhere/key.pem" }, "open /nowhere/cert.pem"},
		"taken port":       {func(c *app.Config) { c.MailListen = taken.Addr().String() }, "give another address with --mail-listen"},
	} {
		c0 := config(t)
		c0.MailListen = "127.0.0.1:0"
		c.change(&c0)
		if _, err := app.Open(t.Context(), c0); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
