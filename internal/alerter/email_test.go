package alerter_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/mail"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/internal/account"
	"rollcall/internal/alerter"
	"rollcall/internal/mailtest"
	"rollcall/internal/monitor"
	"rollcall/internal/outbound"
	"rollcall/internal/prove"
)

// server is the configuration by which an inbox is reached.
func server(t *testing.T, in *mailtest.Inbox) alerter.SMTPConfig {
	t.Helper()
	host, port, err := net.SplitHostPort(in.Addr)
	if err != nil {
		t.Fatal(err)
	}
	return alerter.SMTPConfig{
		Host: host, Port: must(strconv.Atoi(port))(t), Roots: in.Roots,
		From: mail.Address{Name: "Rollcall", Address: "alerts@rollcall.example"},
	}
}

func relay() alerter.Dial { return outbound.New(outbound.Config{}).DialRelay }

// mailWorld is a world whose alerter sends mail to an inbox.
func mailWorld(t *testing.T) (*world, *mailtest.Inbox, monitor.Channel) {
	t.Helper()
	w, in := newWorld(t), mailtest.Start(t, mailtest.Options{})
	w.alerter.Senders[monitor.Email] = alerter.Email(server(t, in), relay())
	return w, in, w.channel(monitor.Channel{Kind: monitor.Email, Settings: monitor.Settings{Address: "ops@example.org"}})
}

func TestMailArrives(t *testing.T) {
	w, in, ops := mailWorld(t)
	c := w.check(ops)
	w.fail(c)
	w.tick()
	w.advance(time.Hour)
	w.succeed(c)
	w.tick()
	got := in.Messages()
	if len(got) != 2 {
		t.Fatalf("%d mails", len(got))
	}
	down, up := got[0], got[1]
	if down.From != "alerts@rollcall.example" || !slices.Equal(down.To, []string{"ops@example.org"}) {
		t.Errorf("envelope from %s to %v", down.From, down.To)
	}
	for name, want := range map[string]string{
		"From": `"Rollcall" <alerts@rollcall.example>`, "To": "<ops@example.org>",
		"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All",
		"List-Unsubscribe": "<https://rollcall.example/channels#channel-" + strconv.FormatInt(int64(ops.ID), 10) + ">",
		"User-Agent":       "", "X-Mailer": "",
	} {
		if got := down.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if got, want := down.Subject(), "Down: Offsite backup. Reported exit status 1"; got != want {
		t.Errorf("subject %q, want %q", got, want)
	}
	if got, want := up.Subject(), "Up: Offsite backup. Back up after 1 h of downtime"; got != want {
		t.Errorf("subject %q, want %q", got, want)
	}
	page := baseURL + "/go/" + monitor.PageKey(c.UUID)
	for part, text := range map[string]string{"text": down.Text, "HTML": down.HTML} {
		for _, want := range []string{"Reported exit status 1.", "disk full", page, "Production", ops.Name} {
			if !strings.Contains(text, want) && (part == "HTML" || want != "Production") {
				t.Errorf("the %s part lacks %q", part, want)
			}
		}
		if strings.Contains(text, c.UUID.String()) {
			t.Errorf("the %s part holds the secret UUID", part)
		}
	}
	id, err := down.Header.MessageID()
	if err != nil || !strings.HasPrefix(id, "msg_") || !strings.HasSuffix(id, "@rollcall.example") {
		t.Errorf("message id %q, %v", id, err)
	}
	if to, err := up.Header.MsgIDList("In-Reply-To"); err != nil || !slices.Equal(to, []string{id}) {
		t.Errorf("the recovery answers %v, want %s; %v", to, id, err)
	}
	for _, d := range w.deliveries() {
		if d.State != monitor.Sent || !strings.HasPrefix(d.Answer, "250 ") {
			t.Errorf("%s: %s", d.State, d.Answer)
		}
	}
}

func TestTestMailArrives(t *testing.T) {
	w, in, ops := mailWorld(t)
	must(w.store.EnqueueTest(t.Context(), w.project.ID, ops.ID, w.Now()))(t)
	w.tick()
	if got := in.Messages(); len(got) != 1 || !strings.HasPrefix(got[0].Subject(), "Test: "+ops.Name) {
		t.Fatalf("%+v", got)
	}
}

// What the mail server does, what it leads to, and whether a repetition is the
// same mail.
func TestMailServerAnswers(t *testing.T) {
	tests := []struct {
		name  string
		does  mailtest.Behaviour
		code  int // 0: none
		after monitor.DeliveryState
		words string
	}{
		{"greets with 421", mailtest.Behaviour{Hello: mailtest.Reply(421, "come again")}, 421, monitor.Pending, "421 come again"},
		{"greets with 554", mailtest.Behaviour{Hello: mailtest.Reply(554, "not you")}, 554, monitor.Pending, "554 not you"},
		{"sender refused", mailtest.Behaviour{Mail: mailtest.Reply(550, "who?")}, 550, monitor.Pending, "550 who?"},
		{"greylisted", mailtest.Behaviour{Rcpt: mailtest.Reply(451, "greylisted, come again")}, 451, monitor.Pending, "451 greylisted, come again"},
		{"no such user", mailtest.Behaviour{Rcpt: mailtest.Reply(550, "no such user")}, 550, monitor.Dead, "550 no such user"},
		{"disk full", mailtest.Behaviour{Data: mailtest.Reply(452, "disk full")}, 452, monitor.Pending, "452 disk full"},
		{"too big", mailtest.Behaviour{Data: mailtest.Reply(552, "too big")}, 552, monitor.Dead, "552 too big"},
		{"cut after the dot", mailtest.Behaviour{Cut: true}, 0, monitor.Pending, "the connection ended before the answer came"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w, in, ops := mailWorld(t)
			in.Behave(test.does)
			w.fail(w.check(ops))
			w.tick()
			d := w.only()
			last := w.attempts(d.Delivery)[0]
			if d.State != test.after || last.Answer != test.words {
				t.Errorf("%s, %q; want %s, %q", d.State, last.Answer, test.after, test.words)
			}
			if test.code == 0 && last.Code != nil || test.code != 0 && (last.Code == nil || *last.Code != test.code) {
				t.Errorf("code %v, want %d", last.Code, test.code)
			}
			if test.after == monitor.Dead {
				return
			}
			in.Behave(mailtest.Behaviour{})
			w.drain()
			got := in.Messages()
			if w.only().State != monitor.Sent {
				t.Errorf("%s when the server takes mail again", w.only().State)
			}
			if test.does.Cut {
				if len(got) != 2 || !bytes.Equal(got[0].Raw, got[1].Raw) {
					t.Errorf("%d mails, or not the same twice", len(got))
				}
			} else if len(got) != 1 {
				t.Errorf("%d mails", len(got))
			}
		})
	}
}

func TestStalledMailServerIsLeft(t *testing.T) {
	in := mailtest.Start(t, mailtest.Options{})
	in.Behave(mailtest.Behaviour{Stall: true})
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	m := message(t, monitor.Channel{Kind: monitor.Email, Settings: monitor.Settings{Address: "ops@example.org"}})
	out := alerter.Email(server(t, in), relay()).Send(ctx, m)
	if out.Verdict != monitor.Retry || out.Class != outbound.Timeout || out.Answer != "no answer in time" {
		t.Errorf("%+v", out)
	}
}

func TestNoMailServer(t *testing.T) {
	m := message(t, monitor.Channel{Kind: monitor.Email, Settings: monitor.Settings{Address: "ops@example.org"}})
	out := alerter.Email(alerter.SMTPConfig{}, nil).Send(t.Context(), m)
	if out.Verdict != monitor.Doubt || out.Answer != "no mail server is set; start with --smtp" {
		t.Errorf("%+v", out)
	}
	gone := alerter.SMTPConfig{Host: "127.0.0.1", Port: 1, From: mail.Address{Address: "a@rollcall.example"}}
	if out := alerter.Email(gone, relay()).Send(t.Context(), m); out.Verdict != monitor.Retry || out.Class != outbound.Refused {
		t.Errorf("%+v", out)
	}
}

// The password is given to a verified server only.
func TestMailOverTLS(t *testing.T) {
	const user, password = "rollcall", "SECRETPASSWORD"
	login := mailtest.Options{User: user, Password: password}
	with := func(s mailtest.Security, o mailtest.Options) mailtest.Options { o.Security = s; return o }
	tests := []struct {
		name    string
		inbox   mailtest.Options
		change  func(*alerter.SMTPConfig)
		verdict monitor.Verdict
		words   string
		logins  int
	}{
		{"STARTTLS", with(mailtest.StartTLS, login), nil, monitor.Done, "250 ", 1},
		{"STARTTLS without login", mailtest.Options{Security: mailtest.StartTLS}, func(c *alerter.SMTPConfig) { c.User = "" }, monitor.Done, "250 ", 0},
		{"TLS from the first byte", with(mailtest.Implicit, login), func(c *alerter.SMTPConfig) { c.Implicit = true }, monitor.Done, "250 ", 1},
		{"wrong password", with(mailtest.StartTLS, login), func(c *alerter.SMTPConfig) { c.Password += "x" }, monitor.Doubt, "535 ", 0},
		{"unknown authority", with(mailtest.StartTLS, login), func(c *alerter.SMTPConfig) { c.Roots = nil }, monitor.Retry, "no secure connection: x509", 0},
		{"unknown authority from the first byte", with(mailtest.Implicit, login), func(c *alerter.SMTPConfig) { c.Implicit, c.Roots = true, nil }, monitor.Retry, "no secure connection: x509", 0},
		{"another host", with(mailtest.StartTLS, login), func(c *alerter.SMTPConfig) { c.Host = "mail.other.test" }, monitor.Retry, "no secure connection: x509", 0},
		{"STARTTLS taken away", with(mailtest.Plain, login), nil, monitor.Retry, "STARTTLS", 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			in := mailtest.Start(t, test.inbox)
			config := server(t, in)
			config.Host, config.User, config.Password = "example.com", user, password // what the certificate names
			if test.change != nil {
				test.change(&config)
			}
			dial := func(ctx context.Context, network, _ string) (net.Conn, error) { return relay()(ctx, network, in.Addr) }
			m := message(t, monitor.Channel{Kind: monitor.Email, Settings: monitor.Settings{Address: "ops@example.org"}})
			out := alerter.Email(config, dial).Send(t.Context(), m)
			if out.Verdict != test.verdict || !strings.Contains(out.Answer, test.words) || strings.Contains(out.Answer, password) {
				t.Errorf("%+v, want verdict %d and %q", out, test.verdict, test.words)
			}
			if sent := len(in.Messages()) == 1; sent != (test.verdict == monitor.Done) || in.Logins() != test.logins {
				t.Errorf("%d mails and %d logins, want %d", len(in.Messages()), in.Logins(), test.logins)
			}
		})
	}
}

func TestNamesCannotWriteHeaders(t *testing.T) {
	in := mailtest.Start(t, mailtest.Options{})
	m := message(t, monitor.Channel{Kind: monitor.Email, Settings: monitor.Settings{Address: "ops@example.org"}})
	const attack = "x\r\nBcc: victim@example.org\r\n\r\nbody"
	m.Flip.Facts.Name, m.Channel.Name, m.Project.Name = attack, attack, attack
	if out := alerter.Email(server(t, in), relay()).Send(t.Context(), m); out.Verdict != monitor.Done {
		t.Fatalf("%+v", out)
	}
	got := in.Messages()[0]
	if got.Header.Has("Bcc") || len(got.To) != 1 {
		t.Errorf("to %v, Bcc %q", got.To, got.Header.Get("Bcc"))
	}
	if want := "Down: x Bcc: victim@example.org body. Nothing arrived by 02:15"; got.Subject() != want {
		t.Errorf("subject %q, want %q", got.Subject(), want)
	}
	m.Channel.Settings.Address = "ops@example.org\r\nRCPT TO:<victim@example.org>"
	if out := alerter.Email(server(t, in), relay()).Send(t.Context(), m); out.Verdict != monitor.Doubt || len(in.Messages()) != 1 {
		t.Errorf("%+v", out)
	}
}

func TestUnicodeInMail(t *testing.T) {
	in := mailtest.Start(t, mailtest.Options{})
	m := message(t, monitor.Channel{Kind: monitor.Email, Settings: monitor.Settings{Address: "ops@example.org"}})
	m.Flip.Facts.Name = "Sicherung “täglich” 備份 " + strings.Repeat("ü", 80)
	m.Ping = &monitor.Ping{At: m.Now, Body: []byte("größe: 1 GB\xff\n.\n.. dots\n")}
	if out := alerter.Email(server(t, in), relay()).Send(t.Context(), m); out.Verdict != monitor.Done {
		t.Fatalf("%+v", out)
	}
	got := in.Messages()[0]
	if !strings.Contains(got.Subject(), m.Flip.Facts.Name) || !strings.Contains(got.Text, m.Flip.Facts.Name) {
		t.Errorf("subject %q", got.Subject())
	}
	if !strings.Contains(got.Text, "größe: 1 GB\uFFFD\r\n  .\r\n  .. dots") {
		t.Errorf("text %q", got.Text)
	}
	for line := range bytes.SplitSeq(got.Raw, []byte("\r\n")) {
		if len(line) > 998 || bytes.ContainsFunc(line, func(r rune) bool { return r > '~' }) {
			t.Errorf("line of %d bytes: %.60q", len(line), line)
		}
	}
}

// P33 to P35 of the corpus of bad inputs: whatever a job says, its mail is one of ours.
func TestBadOutputsInMails(t *testing.T) {
	in := mailtest.Start(t, mailtest.Options{})
	m := message(t, monitor.Channel{Kind: monitor.Email, Settings: monitor.Settings{Address: "ops@example.org"}})
	const key = "rcw_0123456789abcdefghijklmnopqr"
	pingKey := account.NewPingKey()
	rows := []struct{ id, body, shown string }{
		{"P32", "a\x1b]0;x\ab", "a"},
		{"P33", strings.Repeat("line\n", 5_000), "line"},
		{"P33", strings.Repeat("0123456789", 10_000), "0123456789"},
		{"P34", "+ curl https://rollcall.example/ping/" + m.Check.String() + "/fail", "/ping/…/fail"},
		{"P34", "+ curl https://rollcall.example/PING/" + pingKey + "/nightly", "/PING/…/nightly"},
		{"P34", "mail to " + strings.ToUpper(m.Check.String()) + "+fail@ping.example.org", "mail to …+fail@"},
		{"P34", "X-Api-Key: " + key, "X-Api-Key: …"},
		{"P35", "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nEND:VCALENDAR", "BEGIN:VCALENDAR"},
		{"P35", "Content-Type: text/html\r\n\r\n<html><body onload=alert(1)>", "<body onload"},
	}
	violations := 0
	for i, row := range rows {
		ok := t.Run(fmt.Sprintf("%s/%d", row.id, i), func(t *testing.T) {
			m.Ping = &monitor.Ping{At: m.Now, Body: []byte(row.body), BodySize: int64(len(row.body))}
			if out := alerter.Email(server(t, in), relay()).Send(t.Context(), m); out.Verdict != monitor.Done {
				t.Fatalf("%+v", out)
			}
			got := in.Messages()[i]
			if !strings.Contains(got.Text, row.shown) {
				t.Errorf("text %q", got.Text)
			}
			for _, secret := range []string{m.Check.String(), pingKey, key} {
				if strings.Contains(strings.ToLower(got.Text+got.HTML), secret) {
					t.Errorf("the mail tells an address or a key")
				}
			}
			if strings.Contains(got.HTML, "<body onload") || strings.ContainsAny(got.Text+got.HTML, "\x1b\a") {
				t.Errorf("the mail does what the job says")
			}
			for line := range bytes.SplitSeq(got.Raw, []byte("\r\n")) {
				if len(line) > 998 {
					t.Errorf("line of %d bytes", len(line))
				}
			}
		})
		if !ok {
			violations++
		}
	}
	prove.Report(t, "INPUT P: every bad ping is answered as documented", len(rows), violations)
}

func TestParseSMTP(t *testing.T) {
	from := mail.Address{Name: "Rollcall", Address: "alerts@example.org"}
	tests := map[string]struct {
		want  alerter.SMTPConfig
		words string // of the error
	}{
		"smtp://mail.example:25?from=alerts@example.org":                        {want: alerter.SMTPConfig{Host: "mail.example", Port: 25, From: from}},
		"smtp://mail.example?from=alerts@example.org":                           {want: alerter.SMTPConfig{Host: "mail.example", Port: 587, From: from}},
		"smtps://mail.example/?from=alerts%40example.org":                       {want: alerter.SMTPConfig{Host: "mail.example", Port: 465, Implicit: true, From: from}},
		"smtps://me%40example.org:SECRET%2F%3F@[::1]:2465?from=Ops+<a@b.org>":   {want: alerter.SMTPConfig{Host: "::1", Port: 2465, Implicit: true, User: "me@example.org", Password: "SECRET/?", From: mail.Address{Name: "Ops", Address: "a@b.org"}}},
		"http://u:SECRET@mail.example?from=a@b.org":                             {words: "must begin with smtp:// or smtps://"},
		"smtp://u:SECRET@mail.example":                                          {words: "?from= is missing"},
		"smtp://u:SECRET@mail.example?from=nobody":                              {words: `"nobody" is not an address`},
		"smtp://u:SECRET@?from=a@b.org":                                         {words: "names no host"},
		"smtp://u:SECRET@mail.example:99999?from=a@b.org":                       {words: "is no port"},
		"smtp://u:SECRET@mail.example/box?from=a@b.org":                         {words: "nothing may follow"},
		"smtp://u:SECRET@mail.example?form=a@b.org":                             {words: `"form" is not known`},
		"smtp://u:SECRET/@mail.example?from=a@b.org":                            {words: "mail server"},
		"smtp://u:SECRET%zz@mail.example?from=a@b.org":                          {words: "mail server"},
		"smtp://u:SECRET@mail.example:port?from=a@b.org":                        {words: "mail server"},
		"smtp://u:SECRET@mail.example?from=a@b.org%0D%0ABcc:victim@example.org": {words: "is not an address"},
	}
	for text, test := range tests {
		got, err := alerter.ParseSMTP(text)
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
		switch {
		case test.words == "" && err != nil, test.words != "" && (err == nil || !strings.Contains(err.Error(), test.words)):
			t.Errorf("%s: %v, want %q", text, err, test.words)
		case err != nil && strings.Contains(err.Error(), "SECRET"):
			t.Errorf("%s: the error repeats the password: %v", text, err)
		}
	}
}
