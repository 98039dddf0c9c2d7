package mailbox_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/google/uuid"

	"rollcall/internal/alerter"
	"rollcall/internal/monitor"
	"rollcall/internal/outbound"
	"rollcall/internal/store"
)

const nightly = `
Date: Mon, 23 Nov 2026 03:00:07 +0100
From: root@nas.example
Subject: =?UTF-8?Q?Sicherung_l=C3=A4uft?=
Message-ID: <20261123020007.GA1@nas.example>
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

12 GB gesichert, 0 Fehler=
.
.Gr=FC=DFe
`

func TestMailIsAPing(t *testing.T) { onBothEngines(t, (*office).takesNightly) }

func (o *office) takesNightly() {
	before := o.now()
	if got := o.mail(nightly, "%uuid"); got != "250 2.0.0 stored" {
		o.Fatal(got)
	}
	pings := o.pings(o.check)
	if len(pings) != 1 {
		o.Fatalf("%d pings", len(pings))
	}
	p := pings[0]
	body := "12 GB gesichert, 0 Fehler.\n.Grüße"
	want := monitor.Ping{
		N: 1, Signal: monitor.Success, Scheme: monitor.Mail, RemoteAddr: "127.0.0.1",
		Detail: monitor.Detail{Message: "Sicherung läuft"}, Body: []byte(body), BodySize: int64(len(body)),
	}
	if diff := cmp.Diff(want, p, cmpopts.IgnoreFields(monitor.Ping{}, "At", "UserAgent"), cmpopts.EquateEmpty()); diff != "" {
		o.Error(diff)
	}
	if !strings.HasPrefix(p.UserAgent, "Email from root@nas.example, message ") || p.At.Before(before) || p.At.After(o.now()) {
		o.Errorf("by %q at %v", p.UserAgent, p.At)
	}
}

func TestAddresses(t *testing.T) {
	o := newOffice(t)
	failing := o.newCheck("fail", monitor.Filter{})
	type said struct {
		check  string
		signal monitor.Signal
		exit   string
	}
	for _, c := range []struct {
		to   string
		want said
	}{
		{"%uuid@%domain", said{"nightly", "success", ""}},
		{"%UUID@PINGS.Example.Org", said{"nightly", "success", ""}},
		{"%uuid@%domain.", said{"nightly", "success", ""}},
		{"%uuid+start@%domain", said{"nightly", "start", ""}},
		{"%uuid+fail@%domain", said{"nightly", "fail", ""}},
		{"%UUID+LOG@%domain", said{"nightly", "log", ""}},
		{"%uuid+0@%domain", said{"nightly", "success", "0"}},
		{"%uuid+-1@%domain", said{"nightly", "fail", "-1"}},
		{"%key+nightly@%domain", said{"nightly", "success", ""}},
		{"%KEY+Nightly@%domain", said{"nightly", "success", ""}},
		{"%key+nightly+start@%domain", said{"nightly", "start", ""}},
		{"%key+nightly+fail@%domain", said{"nightly", "fail", ""}},
		{"%key+nightly+137@%domain", said{"nightly", "fail", "137"}},
		{"%key+fail@%domain", said{"fail", "success", ""}},
		{"%key+fail+fail@%domain", said{"fail", "fail", ""}},
		{`"%uuid"@%domain`, said{"nightly", "success", ""}},
		{"@relay.example,@other.example:%uuid@%domain", said{"nightly", "success", ""}},
	} {
		before := map[string]int{"nightly": len(o.pings(o.check)), "fail": len(o.pings(failing))}
		s := o.dial()
		s.tell("EHLO job.example", "250")
		s.tell("MAIL FROM:<>", "250")
		s.tell("RCPT TO:<"+c.to+">", "250")
		s.tell("DATA", "354")
		s.send(onWire("Subject: done\n\n"))
		s.expect("250")
		s.tell("QUIT", "221")
		got := said{}
		for _, check := range []monitor.Check{o.check, failing} {
			pings := o.pings(check)
			if len(pings) == before[check.Slug] {
				continue
			}
			p := pings[len(pings)-1]
			got = said{check.Slug, p.Signal, ""}
			if p.Exit != nil {
				got.exit = fmt.Sprint(*p.Exit)
			}
			if p.UserAgent != "Email from " || p.Body != nil || p.BodySize != 0 {
				t.Errorf("%s: by %q, %q", c.to, p.UserAgent, p.Body)
			}
		}
		if got != c.want {
			t.Errorf("%s: %v, want %v", c.to, got, c.want)
		}
	}
}

func TestStrangersAreTurnedAway(t *testing.T) {
	o := newOffice(t)
	s := o.dial()
	s.tell("EHLO job.example", "250")
	s.tell("MAIL FROM:<root@nas.example>", "250")
	for _, to := range []string{
		"user@other.example",
		"%uuid@other.example",
		"%uuid@%domain.other.example",
		"%uuid@sub.%domain",
		"%uuid@[127.0.0.1]",
		"%uuid%other.example@%domain",
		`"user@other.example"@%domain`,
		"@%domain:user@other.example",
		"user@other.example@%domain",
		"00000000-0000-4000-8000-000000000000@%domain",
		"%uuid+failed@%domain", // taken for a success, it would hide a failure
		"%uuid+@%domain",
		"%uuid+start+fail@%domain",
		"%uuid+99999999999@%domain",
		"{%uuid}@%domain",
		"urn:uuid:%uuid@%domain",
		"%key@%domain",
		"%key+@%domain",
		"%key+weekly@%domain",
		"%key+nightly+@%domain",
		"%key+nightly+soon@%domain",
		"%key+nightly+fail+1@%domain",
		"aaaaaaaaaaaaaaaaaaaaaa+nightly@%domain",
		"postmaster@%domain",
		"x@%domain",
	} {
		if got := s.say("RCPT TO:<" + to + ">"); !strings.HasPrefix(got, "550 5.1.1 ") && !strings.HasPrefix(got, "501 ") {
			t.Errorf("%s: %s", to, got)
		}
	}
	s.tell("DATA", "502")
	s.tell("RCPT TO:<%uuid@%domain>", "250")
	if got := o.box.Stats().Unknown.Load(); got < 20 {
		t.Errorf("%d unknown recipients counted", got)
	}
	if n := o.counted(o.check); n != 0 {
		t.Errorf("%d pings", n)
	}
}

func TestKeywordRules(t *testing.T) {
	o := newOffice(t)
	subject := monitor.Filter{Subject: true, Fail: "FAILED", Success: "OK", Start: "läuft"}
	body := monitor.Filter{Mail: true, Fail: "Fehler: ", Success: "0 Fehler", Default: monitor.Fail}
	for _, c := range []struct {
		name    string
		filter  monitor.Filter
		to      string
		mail    string
		signal  monitor.Signal
		ignored monitor.Ignored
	}{
		{"without a rule it is a success", monitor.Filter{}, "", "Subject: FAILED\n\nFehler: 3", monitor.Success, ""},
		{"a rule for HTTP does not concern mail", monitor.Filter{On: true, Fail: "FAILED"}, "", "Subject: FAILED\n\nFAILED", monitor.Success, ""},
		{"the subject", subject, "", "Subject: backup FAILED\n\nOK", monitor.Fail, ""},
		{"the subject and not the body", subject, "", "Subject: backup\n\nFAILED", monitor.Success, monitor.IgnoredFilter},
		{"an encoded subject", subject, "", "Subject: =?utf-8?B?bMOkdWZ0?=\n\n", monitor.Start, ""},
		{"a subject in another charset", subject, "", "Subject: =?iso-8859-1?Q?l=E4uft?=\n\n", monitor.Start, ""},
		{"a folded subject", subject, "", "Subject: the backup of\n last night\n\tis OK\n\n", monitor.Success, ""},
		{"a subject as raw UTF-8", subject, "", "Subject: läuft\n\n", monitor.Start, ""},
		{"the body", body, "", "Subject: x\n\nFehler: 3", monitor.Fail, ""},
		{"the body and not the subject", body, "", "Subject: 0 Fehler\n\nnichts", monitor.Fail, ""},
		{"a base64 body", body, "", "Content-Transfer-Encoding: base64\n\nMCBGZWhs\nZXI=\n", monitor.Success, ""},
		{"an HTML body", body, "", "Content-Type: text/html\n\n<p>Alles gut: <b>0</b>&nbsp;Fehler</p>", monitor.Success, ""},
		{"words that are markup", body, "", "Content-Type: text/html\n\n<style>Fehler: </style><a title='Fehler: '>0 Fehler</a>", monitor.Success, ""},
		{"the HTML of an alternative", body, "", `
Content-Type: multipart/alternative; boundary=x

--x

see the other part
--x
Content-Type: text/html

<p>0 Fehler
--x--
`, monitor.Success, ""},
		{"UTF-16 in base64", body, "", "Content-Type: text/plain; charset=utf-16le\nContent-Transfer-Encoding: base64\n\nMAAgAEYAZQBoAGwAZQByAA==\n", monitor.Success, ""},
		{"words win over the address", body, "+fail", "Subject: x\n\n0 Fehler", monitor.Success, ""},
		{"an attachment is not looked at", body, "", `
Content-Type: multipart/mixed; boundary=x

--x

0 Fehler
--x
Content-Type: text/plain
Content-Disposition: attachment; filename=log.txt

Fehler: 3
--x--
`, monitor.Success, ""},
	} {
		o.row(c.name, func() {
			check := o.newCheck(o.check.Slug+"-filtered", c.filter)
			if got := o.mail(c.mail, check.UUID.String()+c.to); got != "250 2.0.0 stored" {
				o.Fatal(got)
			}
			if p := o.pings(check)[0]; p.Signal != c.signal || p.Ignored != c.ignored {
				o.Errorf("%s, ignored %q; want %s, %q", p.Signal, p.Ignored, c.signal, c.ignored)
			}
		})
	}
}

// What no job sent is kept, and changes nothing.
func TestAutomaticMailsAreHarmless(t *testing.T) {
	keywords := monitor.Filter{Subject: true, Mail: true, Fail: "fail", Success: "up", Default: monitor.Fail}
	for name, raw := range map[string]string{
		"out of office": "Auto-Submitted: auto-replied (vacation)\nSubject: up in the hills\n\n",
		"bounce":        "Content-Type: multipart/report; report-type=delivery-status; boundary=x\nSubject: delivery failed\n\n--x\n\nfail\n--x--\n",
		"our own alert": "Auto-Submitted: auto-generated\nMessage-ID: <msg_0123456789abcdef0123456789abcdef@rollcall.example>\nSubject: up\n\nup",
	} {
		o := newOffice(t)
		filtered := o.newCheck("filtered", keywords)
		if got := o.mail(raw, "%uuid", filtered.UUID.String()+"+fail"); got != "250 2.0.0 stored" {
			t.Errorf("%s: %s", name, got)
		}
		for _, c := range []monitor.Check{o.check, filtered} {
			p := o.pings(c)[0]
			found, err := o.st.Check(t.Context(), o.project.ID, c.UUID)
			if err != nil || p.Signal != monitor.Log || p.Detail.Message == "" || found.Status != monitor.New {
				t.Errorf("%s: %s %q, the check is %s, %v", name, p.Signal, p.Detail.Message, found.Status, err)
			}
		}
	}
	// The mail of a cron daemon is machine-made as well, and is what we are here for.
	o := newOffice(t)
	o.mail("Auto-Submitted: auto-generated\nMessage-ID: <20261123@nas>\nSubject: Cron <root@nas> backup\n\n", "%uuid")
	if p := o.pings(o.check)[0]; p.Signal != monitor.Success {
		t.Errorf("a mail of cron is a %s", p.Signal)
	}
}

// A check whose alerts go to its own address stays down.
func TestAlertToTheCheckItself(t *testing.T) {
	o := newOffice(t)
	channel, err := o.st.CreateChannel(t.Context(), monitor.Channel{
		Project: o.project.ID, Name: "loop", Kind: monitor.Email, Created: o.now(),
		Settings: monitor.Settings{Address: o.check.UUID.String() + "@" + domain},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.st.Transitions(t.Context(), []store.Step{{
		Ref: store.Ref{ID: o.check.ID}, Assign: &[]monitor.ChannelID{channel.ID},
		Decide: func(c monitor.Check) monitor.Change { return monitor.Change{Check: c, Unchanged: true} },
	}}); err != nil {
		t.Fatal(err)
	}
	server, err := alerter.ParseSMTP("smtp://" + o.addr + "?from=alerts@rollcall.example")
	if err != nil {
		t.Fatal(err)
	}
	alerts := &alerter.Alerter{
		Store: o.st, Pings: o.st, Now: o.now, Log: slog.New(slog.DiscardHandler), BaseURL: "https://rollcall.example",
		Senders: map[monitor.ChannelKind]alerter.Sender{
			monitor.Email: alerter.Email(server, outbound.New(outbound.Config{}).DialRelay),
		},
	}
	o.mail(nightly, "%uuid+fail")
	for range 3 {
		if _, err := alerts.Tick(t.Context(), o.now()); err != nil {
			t.Fatal(err)
		}
		o.wait(time.Minute)
	}
	pings := o.pings(o.check)
	found, err := o.st.Check(t.Context(), o.project.ID, o.check.UUID)
	if err != nil {
		t.Fatal(err)
	}
	if len(pings) != 2 || pings[1].Signal != monitor.Log || pings[1].Detail.Message != "Down: nightly. Reported a failure" || found.Status != monitor.Down {
		t.Errorf("%d pings, the check is %s: %+v", len(pings), found.Status, pings)
	}
}

// A check that was given another address takes mails to the old one until that ends.
func TestMailToARotatedAddress(t *testing.T) {
	o := newOffice(t)
	old, to := o.check.UUID, uuid.New()
	if err := o.st.RotateCheck(t.Context(), o.project.ID, o.check.ID, to, o.now(), o.now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	o.check.UUID = to
	for _, mailbox := range []string{old.String(), to.String() + "+log"} {
		if got := o.mail(nightly, mailbox); got != "250 2.0.0 stored" {
			t.Errorf("%s: %s", mailbox, got)
		}
	}
	if n := len(o.pings(o.check)); n != 2 {
		t.Errorf("%d pings", n)
	}
	if _, err := o.st.Trim(t.Context(), store.Keep{Pings: 100, Expired: o.now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	c := o.dial()
	c.say("EHLO a")
	c.say("MAIL FROM:<a@example.org>")
	if got := c.say("RCPT TO:<" + old.String() + "@" + domain + ">"); !strings.HasPrefix(got, "550") {
		t.Errorf("after its end: %s", got)
	}
}
