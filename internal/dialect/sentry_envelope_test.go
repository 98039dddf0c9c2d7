package dialect_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"rollcall/internal/dialect"
	"rollcall/internal/monitor"
)

const (
	envelopeAt = "POST /api/42/envelope/"
	cliAuth    = "Accept: */*\nUser-Agent: sentry-cli/3.8.0\nX-Sentry-Auth: Sentry sentry_key=KEY, sentry_version=7, sentry_timestamp=1795419916.5101497, sentry_client=sentry-cli/x86_64"
	goAuth     = "User-Agent: sentry.go/0.50.0\nContent-Type: application/x-sentry-envelope\nAccept-Encoding: gzip\nX-Sentry-Auth: Sentry sentry_version=7, sentry_client=sentry.go/0.50.0, sentry_key=pubkey"
)

// read reads an envelope and returns its events without their settings.
func read(t *testing.T, header, body string) []dialect.Event {
	t.Helper()
	events, err := wire{line: envelopeAt, header: header, body: body}.as(dialect.SentryEnvelope)
	if err != nil {
		t.Fatalf("%q: %v", body, err)
	}
	for i := range events {
		events[i].Configure = nil
	}
	return events
}

// The requests that were recorded from Sentry's clients.
func TestSentryRecorded(t *testing.T) {
	event := func(key, slug string, create bool, p monitor.Ping) []dialect.Event {
		return []dialect.Event{{PingKey: key, Slug: slug, Title: slug, Create: create, Ping: p}}
	}
	const goHeader = `{"event_id":"9f0b4a1c8d6e4f0aa1b2c3d4e5f60718","sent_at":"2026-11-23T07:45:32.043352326Z","dsn":"http://pubkey@127.0.0.1:18999/42","sdk":{"name":"sentry.go","version":"0.50.0"},"trace":{"environment":"production"}}` + "\n"
	for _, c := range []struct {
		header, body string
		want         []dialect.Event
	}{
		{
			cliAuth,
			`{}
{"type":"check_in","length":310}
{"check_in_id":"a7a6a19ef2884ffabe7999ebd4b269d3","monitor_slug":"nightly-backup","status":"in_progress","environment":"staging","monitor_config":{"schedule":{"type":"crontab","value":"0 2 * * *"},"checkin_margin":5,"max_runtime":30,"timezone":"Europe/Riga","failure_issue_threshold":2,"recovery_threshold":1}}
`,
			event("KEY", "nightly-backup", true, monitor.Ping{Signal: monitor.Start, RunID: "a7a6a19ef2884ffabe7999ebd4b269d3", Detail: monitor.Detail{Environment: "staging"}}),
		},
		{
			cliAuth,
			`{}
{"type":"check_in","length":146}
{"check_in_id":"a7a6a19ef2884ffabe7999ebd4b269d3","monitor_slug":"nightly-backup","status":"error","environment":"staging","duration":0.001172906}
`,
			event("KEY", "nightly-backup", false, monitor.Ping{Signal: monitor.Fail, RunID: "a7a6a19ef2884ffabe7999ebd4b269d3", Duration: lasted(1172 * time.Microsecond), Detail: monitor.Detail{Environment: "staging"}}),
		},
		{
			goAuth,
			goHeader + `{"type":"check_in","length":325}
{"check_in_id":"0b58aa7690ba423caed6f1256cf9077d","monitor_slug":"slug-1","status":"in_progress","release":"app@1.2","environment":"production","monitor_config":{"schedule":{"type":"interval","value":10,"unit":"minute"},"checkin_margin":5,"max_runtime":30,"timezone":"UTC","failure_issue_threshold":2,"recovery_threshold":1}}
`,
			event("pubkey", "slug-1", true, monitor.Ping{Signal: monitor.Start, RunID: "0b58aa7690ba423caed6f1256cf9077d", Detail: monitor.Detail{Message: "release app@1.2", Environment: "production"}}),
		},
		{
			goAuth,
			goHeader + `{"type":"check_in","length":150}
{"check_in_id":"0b58aa7690ba423caed6f1256cf9077d","monitor_slug":"slug-1","status":"ok","duration":1.5,"release":"app@1.2","environment":"production"}
`,
			event("pubkey", "slug-1", false, monitor.Ping{Signal: monitor.Success, RunID: "0b58aa7690ba423caed6f1256cf9077d", Duration: lasted(1500 * time.Millisecond), Detail: monitor.Detail{Message: "release app@1.2", Environment: "production"}}),
		},
	} {
		if diff := cmp.Diff(c.want, read(t, c.header, c.body)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.body, diff)
		}
	}
}

const okItem = `{"monitor_slug":"a","status":"ok"}`

func TestSentryEnvelope(t *testing.T) {
	ok := func(slug string) dialect.Event {
		return dialect.Event{PingKey: "KEY", Slug: slug, Title: slug, Ping: monitor.Ping{Signal: monitor.Success}}
	}
	other := fmt.Sprintf("{\"type\":\"event\",\"length\":12}\n{\"x\":\n\"y\\n\"}\n{\"type\":\"client_report\"}\n%s\n", strings.Repeat("z", 3*dialect.EnvelopeLine))
	for name, c := range map[string]struct {
		header, body string
		want         []dialect.Event
	}{
		"no length":            {cliAuth, "{}\n{\"type\":\"check_in\"}\n" + okItem, []dialect.Event{ok("a")}},
		"length, no last line": {cliAuth, "{}\n{\"type\":\"check_in\",\"length\":34}\n" + okItem, []dialect.Event{ok("a")}},
		"line breaks of DOS":   {cliAuth, "{}\r\n{\"type\":\"check_in\"}\r\n" + okItem + "\r\n\r\n", []dialect.Event{ok("a")}},
		"several, among others": {
			cliAuth,
			"{}\n" + other + "{\"type\":\"check_in\",\"length\":35}\n{\"monitor_slug\":\"a\",\n\"status\":\"ok\"}\n" + other + "{\"type\":\"check_in\"}\n{\"monitor_slug\":\"b\",\"status\":\"ok\"}\n" + other,
			[]dialect.Event{ok("a"), ok("b")},
		},
		"the key in the DSN": {"", "{\"dsn\":\"https://KEY@rollcall.example.org/42\"}\n{\"type\":\"check_in\"}\n" + okItem, []dialect.Event{ok("a")}},
	} {
		if diff := cmp.Diff(c.want, read(t, c.header, c.body)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	const id = "9ec79c33ec9942ab8353589fcb2e04dc"
	nothing := func(text string) dialect.Refusal { return dialect.Refusal{Code: 200, Text: text, Type: jsonType} }
	for name, c := range map[string]struct {
		header, body string
		want         dialect.Refusal
	}{
		"nothing in it":        {"", "{}\n", nothing("{}")},
		"only others":          {"", `{"event_id":"` + id + "\"}\n" + other, nothing(`{"id":"` + id + `"}`)},
		"only others, no end":  {"", "{}\n{\"type\":\"session\"}\n{}", nothing("{}")},
		"no body":              {cliAuth, "", nothing("{}")},
		"no key":               {"", "{}\n{\"type\":\"check_in\"}\n" + okItem, sentryJSON(401, noSentryKey)},
		"no envelope":          {cliAuth, "status=ok", sentryJSON(400, "the first line of the envelope is not a JSON object")},
		"no item":              {cliAuth, "{}\nx\n", sentryJSON(400, "an item of the envelope is not a JSON object")},
		"a list":               {cliAuth, "{}\n{\"type\":\"check_in\"}\n[]\n", sentryJSON(400, "an item of the envelope is not a JSON object")},
		"no payload":           {cliAuth, "{}\n{\"type\":\"check_in\"}\n", sentryJSON(400, ended)},
		"a payload cut":        {cliAuth, "{}\n{\"type\":\"check_in\",\"length\":40}\n" + okItem, sentryJSON(400, ended)},
		"another one cut":      {cliAuth, "{}\n{\"type\":\"event\",\"length\":40}\n{}", sentryJSON(400, ended)},
		"no status":            {cliAuth, "{}\n{\"type\":\"check_in\"}\n{\"monitor_slug\":\"a\"}\n", sentryJSON(400, "status is missing; it is in_progress, ok or error")},
		"no slug":              {cliAuth, "{}\n{\"type\":\"check_in\"}\n{\"status\":\"ok\"}\n", sentryJSON(400, "the monitor's slug is missing")},
		"a negative length":    {cliAuth, "{}\n{\"type\":\"check_in\",\"length\":-1}\n" + okItem, tooLong("an item")},
		"a length that lies":   {cliAuth, "{}\n{\"type\":\"check_in\",\"length\":9223372036854775807}\n" + okItem, tooLong("an item")},
		"a long first line":    {cliAuth, "{" + strings.Repeat(" ", dialect.EnvelopeLine) + "}\n", tooLong("the first line")},
		"a long check-in":      {cliAuth, "{}\n{\"type\":\"check_in\"}\n{" + strings.Repeat(" ", dialect.EnvelopeLine) + okItem[1:], tooLong("an item")},
		"too many check-ins":   {cliAuth, "{}\n" + strings.Repeat("{\"type\":\"check_in\"}\n"+okItem+"\n", dialect.EnvelopeCheckIns+1), sentryJSON(413, "the envelope has more than 100 check-ins")},
		"an unknown packing":   {"Content-Encoding: compress", "x", sentryJSON(415, "this Content-Encoding is not understood; use gzip, deflate, br, zstd or none")},
		"not packed as gzip":   {"Content-Encoding: gzip", "{}\n", sentryJSON(400, "the body is not packed as Content-Encoding says")},
		"not packed as br":     {"Content-Encoding: br", "{}\n{}\n", sentryJSON(400, "the first line of the envelope cannot be read: it ends early, or is not packed as Content-Encoding says")},
		"not packed as zstd":   {"Content-Encoding: zstd", "{}\n", sentryJSON(400, "the first line of the envelope cannot be read: it ends early, or is not packed as Content-Encoding says")},
		"not packed as zlib":   {"Content-Encoding: deflate", "{}\n", sentryJSON(400, "the first line of the envelope cannot be read: it ends early, or is not packed as Content-Encoding says")},
		"a huge window (zstd)": {"Content-Encoding: zstd", "\x28\xb5\x2f\xfd\x00\x88\x01\x00\x00", sentryJSON(400, "the first line of the envelope cannot be read: it ends early, or is not packed as Content-Encoding says")},
	} {
		events, err := wire{line: envelopeAt, header: c.header, body: c.body}.as(dialect.SentryEnvelope)
		var got dialect.Refusal
		if errors.As(err, &got); got != c.want || len(events) > 0 {
			t.Errorf("%s: %v, %v; want %v", name, events, err, c.want)
		}
	}
	if got := read(t, cliAuth, "{}\n"+strings.Repeat("{\"type\":\"check_in\"}\n"+okItem+"\n", dialect.EnvelopeCheckIns)); len(got) != dialect.EnvelopeCheckIns {
		t.Errorf("%d check-ins, want %d", len(got), dialect.EnvelopeCheckIns)
	}
	_, err := dialect.SentryEnvelope.Read(dialect.Request{Body: []byte("{}\n{\"type\":\"check_in\"}\n" + okItem), Cut: true})
	if want := sentryJSON(413, fmt.Sprintf("the envelope is longer than %d bytes", dialect.SentryEnvelope.Limit)); err != want {
		t.Errorf("cut off: %v, want %v", err, want)
	}
	answersAs(
		t, dialect.SentryEnvelope,
		dialect.Answer{Code: 200, Text: "{}", Type: jsonType},
		dialect.SentryCheckIn.Answer(dialect.Unknown),
		dialect.SentryCheckIn.Answer(dialect.TryAgain),
	)
}

const ended = "an item of the envelope cannot be read: it ends early, or is not packed as Content-Encoding says"

func tooLong(what string) dialect.Refusal {
	return sentryJSON(413, fmt.Sprintf("%s of the envelope is longer than %d bytes", what, dialect.EnvelopeLine))
}

// packings are the ways in which an envelope may be packed.
var packings = map[string]func(io.Writer) io.WriteCloser{
	"gzip":    func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) },
	"deflate": func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) },
	"Deflate ": func(w io.Writer) io.WriteCloser { // without the header that it should have
		raw, err := flate.NewWriter(w, flate.BestSpeed)
		if err != nil {
			panic(err) // the level is one
		}
		return raw
	},
	"br": func(w io.Writer) io.WriteCloser { return brotli.NewWriter(w) },
	"zstd": func(w io.Writer) io.WriteCloser {
		packed, err := zstd.NewWriter(w)
		if err != nil {
			panic(err) // there are no options
		}
		return packed
	},
}

func packed(t *testing.T, packing string, data io.Reader) string {
	t.Helper()
	var out bytes.Buffer
	w := packings[packing](&out)
	if _, err := io.Copy(w, data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// zeros is a stream that packs well.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func TestSentryEnvelopePacked(t *testing.T) {
	for packing := range packings {
		header := cliAuth + "\nContent-Encoding: " + packing
		text := "{}\n{\"type\":\"attachment\",\"length\":70000}\n" + strings.Repeat("y", 70_000) + "\n{\"type\":\"check_in\"}\n" + okItem + "\n"
		if got := read(t, header, packed(t, packing, strings.NewReader(text))); len(got) != 1 || got[0].Slug != "a" {
			t.Errorf("%s: %+v", packing, got)
		}
		// A bomb is read up to the limit and not kept. What it held is not taken.
		bomb := io.MultiReader(
			strings.NewReader("{}\n{\"type\":\"check_in\"}\n"+okItem+"\n{\"type\":\"event\"}\n"),
			io.LimitReader(zeros{}, dialect.EnvelopeUnpacked), strings.NewReader("\n"))
		body := packed(t, packing, bomb)
		if len(body) > dialect.EnvelopeLimit {
			t.Fatalf("%s: the bomb is %d bytes long, longer than what is read", packing, len(body))
		}
		events, err := wire{line: envelopeAt, header: header, body: body}.as(dialect.SentryEnvelope)
		if want := sentryJSON(413, fmt.Sprintf("the envelope is longer than %d bytes when unpacked", dialect.EnvelopeUnpacked)); err != want || len(events) > 0 {
			t.Errorf("%s: a bomb: %v, %v", packing, events, err)
		}
		// Cut off somewhere, it is refused or holds what it held.
		short := packed(t, packing, strings.NewReader("{}\n{\"type\":\"check_in\"}\n"+okItem+"\n"))
		for n := 1; n < len(short); n += 5 {
			events, err := wire{line: envelopeAt, header: header, body: short[:n]}.as(dialect.SentryEnvelope)
			if err == nil && len(events) != 1 {
				t.Errorf("%s: the first %d bytes: %v", packing, n, events)
			}
		}
	}
}

// FuzzEnvelope: nothing panics, and what is taken can be stored.
func FuzzEnvelope(f *testing.F) {
	f.Add("{}\n{\"type\":\"check_in\",\"length\":34}\n"+okItem+"\n", "")
	f.Add(`{"event_id":"9ec79c33ec9942ab8353589fcb2e04dc","dsn":"http://k@h/1"}`+"\n{\"type\":\"event\",\"length\":2}\n{}\n{\"type\":\"check_in\"}\n{\"monitor_slug\":\"a\",\"status\":\"error\",\"check_in_id\":\"a7a6a19ef2884ffabe7999ebd4b269d3\",\"monitor_config\":{\"schedule\":{\"type\":\"crontab\",\"value\":\"0 2 * * *\"},\"timezone\":\"UTC\"}}", "identity")
	f.Add("x\x9c\xab\xae\xe5\x02\x00\x02\xb2\x01\x01", "deflate")
	f.Add("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\xaa\xae\x05\x04\x00\x00\xff\xffC\xbf\xa6\xa3\x02\x00\x00\x00", "gzip")
	f.Add("\x28\xb5\x2f\xfd\x04\x00\x11\x00\x00{}\x00\x00\x00\x00", "zstd")
	f.Add("\x0b\x01\x80{}\n\x03", "br")
	f.Fuzz(func(t *testing.T, body, coding string) {
		w := wire{line: envelopeAt, header: "X-Sentry-Auth: sentry_key=k", body: body}
		if !strings.ContainsAny(coding, "\r\n") {
			w.header += "\nContent-Encoding: " + coding
		}
		events, err := w.as(dialect.SentryEnvelope)
		if err != nil && !errors.As(err, new(dialect.Refusal)) || err == nil && len(events) == 0 || len(events) > dialect.EnvelopeCheckIns {
			t.Fatalf("%q: %v, %v", body, events, err)
		}
		for _, e := range events {
			sound(t, e)
		}
	})
}
