package templates_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"rollcall/internal/monitor"
	"rollcall/templates"
)

func us(t *testing.T, text string) *int64 {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Fatal(err)
	}
	return monitor.Micros(at)
}

func instant(t *testing.T, text string) time.Time {
	t.Helper()
	return monitor.FromMicros(us(t, text))
}

// silent is a nightly backup of which nothing arrived.
func silent(t *testing.T) monitor.Flip {
	t.Helper()
	return monitor.Flip{
		Check: 8, Rev: 17, At: instant(t, "2026-11-23T01:15:00Z"), Judged: instant(t, "2026-11-23T01:15:00.4Z"),
		Old: monitor.Up, New: monitor.Down, Reason: monitor.Silent, Tell: true,
		Facts: monitor.Facts{
			Advice: "Look at the disk of the backup host first.\nThen start it by hand.",
			Name:   "Offsite backup", Slug: "offsite-backup", Tags: []string{"ark-2", "restic"},
			Schedule: "every day at 02:00", Expr: "0 2 * * *", Zone: "Europe/Berlin", Grace: 900, RunLimit: 2700,
			Due: us(t, "2026-11-23T01:00:00Z"), Success: us(t, "2026-11-22T01:25:00Z"),
			Duration: new(int64(1_318_000_000)), PingN: 412, Before: us(t, "2026-11-14T01:40:00Z"),
		},
	}
}

func failed(t *testing.T) monitor.Flip {
	t.Helper()
	f := silent(t)
	f.Reason, f.At, f.Judged = monitor.Failed, instant(t, "2026-11-23T08:06:41Z"), instant(t, "2026-11-23T08:06:41Z")
	f.Facts.Exit, f.Facts.Streak, f.Facts.Duration = new(int64(1)), 2, new(int64(41_000_000))
	return f
}

func recovered(t *testing.T) monitor.Flip {
	t.Helper()
	f := silent(t)
	f.Rev, f.Old, f.New, f.Reason = 18, monitor.Down, monitor.Up, monitor.Succeeded
	f.At, f.Judged = instant(t, "2026-11-23T05:48:00Z"), instant(t, "2026-11-23T05:48:00Z")
	f.Facts.Exit, f.Facts.Before = new(int64(0)), us(t, "2026-11-23T01:15:00Z")
	return f
}

func overran(t *testing.T) monitor.Flip {
	t.Helper()
	f := silent(t)
	f.Reason, f.At, f.Judged = monitor.Overran, instant(t, "2026-11-23T01:45:00Z"), instant(t, "2026-11-23T01:45:00.1Z")
	f.Facts.Start, f.Facts.Duration = us(t, "2026-11-23T01:00:00Z"), nil
	return f
}

func with(f monitor.Flip, change func(*monitor.Flip)) monitor.Flip {
	change(&f)
	return f
}

func TestFlipSentences(t *testing.T) {
	tests := map[string]struct {
		flip monitor.Flip
		want string
	}{
		"silent":  {silent(t), "Nothing arrived by 02:15. Expected by 02:00, grace 15 min. Last success yesterday 02:25, took 21 min 58 s."},
		"failed":  {failed(t), "Reported exit status 1 after 41 s, twice in a row. Last success yesterday 02:25."},
		"overran": {overran(t), "Run started 02:00, limit 45 min, has not ended. Last success yesterday 02:25."},
		"back up": {recovered(t), "Back up after 4 h 33 min of downtime. Reported exit status 0 after 21 min 58 s."},
		"never succeeded": {
			with(silent(t), func(f *monitor.Flip) { f.Facts.Success = nil }),
			"Nothing arrived by 02:15. Expected by 02:00, grace 15 min. It has never succeeded.",
		},
		"duration not known": {
			with(silent(t), func(f *monitor.Flip) { f.Facts.Duration = nil }),
			"Nothing arrived by 02:15. Expected by 02:00, grace 15 min. Last success yesterday 02:25.",
		},
		"failed at once": {with(failed(t), func(f *monitor.Flip) {
			f.Facts.Exit, f.Facts.Streak, f.Facts.Duration, f.Facts.Success = nil, 1, new(int64(0)), nil
		}), "Reported a failure after 0 s. It has never succeeded."},
		"start not known": {
			with(overran(t), func(f *monitor.Flip) { f.Facts.Start = nil }),
			"Run reached its limit of 45 min, has not ended. Last success yesterday 02:25.",
		},
		"first success": {
			with(recovered(t), func(f *monitor.Flip) { f.Old, f.Facts.Exit, f.Facts.Duration = monitor.New, nil, nil }),
			"Reported success.",
		},
		"unknown": {
			with(silent(t), func(f *monitor.Flip) { f.New, f.Reason = monitor.Unknown, monitor.Overlooked }),
			"Rollcall was blind when it was due, 02:00. Nobody was alerted.",
		},
		"paused":  {with(silent(t), func(f *monitor.Flip) { f.New, f.Reason = monitor.Paused, monitor.ByPerson }), "Paused; nothing is expected."},
		"resumed": {with(silent(t), func(f *monitor.Flip) { f.New, f.Reason = monitor.New, monitor.ByPerson }), "Resumed; the next ping is awaited."},
		"plain period": {
			with(silent(t), func(f *monitor.Flip) { f.Facts.Zone = "" }),
			"Nothing arrived by 01:15. Expected by 01:00, grace 15 min. Last success yesterday 01:25, took 21 min 58 s.",
		},
	}
	for name, test := range tests {
		got := plain(strings.Join(templates.FlipSentences(test.flip, templates.FlipClock(test.flip)), " "))
		if got != test.want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, test.want)
		}
	}
}

func mailInput(f *monitor.Flip, ping *monitor.Ping) templates.MailInput {
	return templates.MailInput{
		ID: "msg_0123456789abcdef0123456789abcdef", Project: "Production", Channel: "Night shift", Flip: f, Ping: ping,
		CheckPage: "https://rollcall.example/go/0123456789abcdef0123", ChannelPage: "https://rollcall.example/channels#channel-4",
	}
}

func backupPing(t *testing.T) *monitor.Ping {
	t.Helper()
	body := []byte("snapshot 9e0f31c2 saved\nFiles:        1204 new,    88 changed, 402771 unmodified\n" +
		"Added to the repository: 1.873 GiB (1.402 GiB stored)\nprocessed 404063 files, 311.482 GiB in 21:54\n")
	return &monitor.Ping{N: 412, At: instant(t, "2026-11-22T01:25:00Z"), Signal: monitor.Success, Body: body, BodySize: int64(len(body))}
}

func TestMail(t *testing.T) {
	lock := []byte("unable to create lock in backend: repository is already locked by PID 4711 on ark-2\n")
	tests := map[string]struct {
		in      templates.MailInput
		subject string
	}{
		"mail-silent":  {mailInput(new(silent(t)), backupPing(t)), "Down: Offsite backup. Nothing arrived by 02:15"},
		"mail-failed":  {mailInput(new(failed(t)), &monitor.Ping{At: instant(t, "2026-11-23T08:06:41Z"), Body: lock, BodySize: int64(len(lock))}), "Down: Offsite backup. Reported exit status 1 after 41 s, twice in a row"},
		"mail-overran": {mailInput(new(overran(t)), nil), "Down: Offsite backup. Run started 02:00, limit 45 min, has not ended"},
		"mail-up":      {mailInput(new(recovered(t)), backupPing(t)), "Up: Offsite backup. Back up after 4 h 33 min of downtime"},
		"mail-merged":  {mergedInput(t), "Up: Offsite backup. Was down 3 min (02:15–02:18), now up"},
		"mail-digest":  {roundupInput(t), "120 checks went down, 3 came up. 123 changes within 42 s, more than are told one by one"},
		"mail-test":    {mailInput(nil, nil), "Test: Night shift. This is a test; it arrived"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			m := templates.NewMail(test.in)
			if m.Subject != test.subject {
				t.Errorf("subject %q, want %q", m.Subject, test.subject)
			}
			html, err := m.HTML(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name+".html", html)
			golden(t, name+".txt", m.Text())
		})
	}
}

// mergedInput is an alarm that was tried in vain until the check was up again.
func mergedInput(t *testing.T) templates.MailInput {
	t.Helper()
	up := recovered(t)
	up.At, up.Judged = instant(t, "2026-11-23T01:18:00Z"), instant(t, "2026-11-23T01:18:00Z")
	in := mailInput(&up, backupPing(t))
	in.Alarm = new(silent(t))
	return in
}

// roundupInput is what a storm owes, of which the mail lists the first.
func roundupInput(t *testing.T) templates.MailInput {
	t.Helper()
	at := instant(t, "2026-11-23T01:15:00Z")
	turn := func(name string, to monitor.Status, why monitor.Reason) monitor.Turn {
		return monitor.Turn{Page: "d876fa730b0af569ff88", Name: name, Old: monitor.Up, New: to, Reason: why, At: at, Rev: 17}
	}
	refuted := turn("Ledger export", monitor.Up, monitor.Corrected)
	refuted.Corrects = 16
	in := mailInput(nil, nil)
	in.DigestPage = "https://rollcall.example.org/deliveries?digest=31"
	in.Roundup = &monitor.Roundup{Down: 120, Up: 3, From: at, To: at.Add(41 * time.Second), Changes: []monitor.Turn{
		turn("Offsite backup", monitor.Down, monitor.Silent), turn("<b>Invoices</b>", monitor.Down, monitor.Failed),
		turn("Reindex", monitor.Down, monitor.Overran), turn("Certificates", monitor.Up, monitor.Succeeded), refuted,
	}}
	return in
}

// Mail programs know no table of ours, no custom property and no SVG, and many
// read style attributes only.
func TestMailIsPlainHTML(t *testing.T) {
	html, err := templates.NewMail(mailInput(new(silent(t)), backupPing(t))).HTML(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, no := range []string{"<table", "var(--", "<svg", "<script", "<img"} {
		if strings.Contains(html, no) {
			t.Errorf("the mail contains %s", no)
		}
	}
	for tag := range strings.SplitSeq(html, "<") {
		if strings.Contains(tag, `class="`) && !strings.Contains(tag, `style="`) {
			t.Errorf("<%s has a class and no style", tag)
		}
	}
	if len(html) > 50_000 {
		t.Errorf("%d bytes; some programs cut a mail at 100 kB", len(html))
	}
}

func TestMailSaysTheSameInBothParts(t *testing.T) {
	m := templates.NewMail(mailInput(new(failed(t)), backupPing(t)))
	html, err := m.HTML(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	body := html[strings.Index(html, `class="sheet"`):] // behind the line that only previews show
	text, at, in := m.Text(), 0, 0
	for _, said := range append([]string{m.Title, strings.Join(m.Sentences, " "), m.Page, m.Facts[0].Value, m.Facts[1].Value, m.OutputTitle}, m.Why, m.StopPage, m.Closing) {
		for part, from := range map[string]*int{text: &at, body: &in} {
			next := strings.Index(part[*from:], said)
			if next < 0 {
				t.Fatalf("%q does not follow in %q", said, part[*from:])
			}
			*from += next
		}
	}
}

func TestHostileNamesStayText(t *testing.T) {
	f := silent(t)
	f.Facts.Name = "</h1><script>alert(1)</script>\x1b\nBcc: x\xff"
	in := mailInput(&f, &monitor.Ping{Body: []byte("<b>&amp;\x1b[31mred\x00\xff\u202e"), BodySize: 99})
	in.Channel, in.Project, in.CheckPage = `<i>`, `"&`, "javascript:alert(1)"
	html, err := templates.NewMail(in).HTML(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, no := range []string{"<script", "<i>", "<b>", "\x1b", "\x00", "\u202e"} {
		if strings.Contains(html, no) {
			t.Errorf("the mail contains %q", no)
		}
	}
	if m := templates.NewMail(in); strings.Contains(m.Text(), "\nBcc") {
		t.Errorf("the name has two lines: %s", m.Text())
	}
}

func TestOutputOfAMail(t *testing.T) {
	many := make([]string, 100)
	for i := range many {
		many[i] = "line " + string(rune('a'+i%26))
	}
	tests := map[string]struct {
		ping monitor.Ping
		want string
	}{
		"none":         {monitor.Ping{}, ""},
		"blank":        {monitor.Ping{Body: []byte(" \r\n\n")}, ""},
		"last lines":   {monitor.Ping{Body: []byte(strings.Join(many, "\n"))}, "…\n" + strings.Join(many[80:], "\n")},
		"last bytes":   {monitor.Ping{Body: []byte(strings.Repeat("ü", 1500))}, "…\n" + strings.Repeat("ü", 1000)},
		"cut behind":   {monitor.Ping{Body: []byte("a"), BodySize: 2}, "a\n…"},
		"bytes":        {monitor.Ping{Body: []byte("a\x00\x1b[1m\xff\tb\rc\r\nd"), BodySize: 1}, "a··[1m\uFFFD\tb\nc\nd"},
		"direction":    {monitor.Ping{Body: []byte("a\u202eb\u200fc")}, "a·b·c"},
		"single zeros": {monitor.Ping{Body: []byte("0")}, "0"},
	}
	for name, test := range tests {
		f := silent(t)
		if got := templates.NewMail(mailInput(&f, &test.ping)).Output; got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

func FuzzMail(f *testing.F) {
	f.Add("Offsite backup", []byte("done\n"), int64(1))
	f.Fuzz(func(t *testing.T, name string, body []byte, exit int64) {
		flip := failed(t)
		flip.Facts.Name, flip.Facts.Exit = name, &exit
		m := templates.NewMail(mailInput(&flip, &monitor.Ping{Body: body, BodySize: int64(len(body))}))
		html, err := m.HTML(t.Context())
		if err != nil || strings.Contains(html, "\x1b") || len(m.Output) > 2100 {
			t.Errorf("%v: %s", err, html)
		}
		if _, err := json.Marshal(m); err != nil {
			t.Error(err)
		}
	})
}

// late is an alarm that a late report takes back.
func late(t *testing.T, old monitor.Status) monitor.Flip {
	t.Helper()
	f := silent(t)
	f.Rev, f.Old, f.New, f.Reason = 18, old, monitor.Up, monitor.Corrected
	f.At, f.Judged = instant(t, "2026-11-23T01:15:00Z"), instant(t, "2026-11-23T01:50:00Z")
	f.Facts.Corrects, f.Facts.Alarm, f.Facts.Ran = 17, us(t, "2026-11-23T01:15:00Z"), us(t, "2026-11-23T01:04:00Z")
	return f
}

func TestMailThatTakesAnAlarmBack(t *testing.T) {
	for _, old := range []monitor.Status{monitor.Down, monitor.Up} {
		f := late(t, old)
		mail := templates.NewMail(templates.MailInput{ID: "msg_0123456789", Project: "Main", Channel: "ops", Flip: &f, CheckPage: "https://x/go/1", ChannelPage: "https://x/channels"})
		if got, want := mail.Subject, "Corrected: Offsite backup. The alarm of 02:15 was none: it had succeeded 02:04"; got != want {
			t.Errorf("from %s: subject %q, want %q", old, got, want)
		}
		if text := mail.Text(); !strings.Contains(text, "46") || strings.Contains(text, "Up since") || strings.Contains(text, "Look at the disk") {
			t.Errorf("from %s:\n%s", old, text)
		}
	}
}
