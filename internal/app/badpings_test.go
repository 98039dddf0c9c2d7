package app_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"rollcall/internal/account"
	"rollcall/internal/monitor"
	"rollcall/internal/prove"
	"rollcall/internal/store"
)

// asked is a request without a body, posted one with it. The lines are more of the
// header.
func asked(method, path string, lines ...string) string {
	return method + " " + path + " HTTP/1.1\r\nHost: rollcall.example\r\n" + strings.Join(append(lines, "", ""), "\r\n")
}

func posted(body string, lines ...string) string {
	return asked("POST", "/ping/UUID", append(lines, fmt.Sprintf("Content-Length: %d", len(body)))...) + body
}

func said(signal monitor.Signal) func(monitor.Ping) bool {
	return func(p monitor.Ping) bool { return p.Signal == signal }
}

func exited(status int64) func(monitor.Ping) bool {
	return func(p monitor.Ping) bool {
		return p.Exit != nil && *p.Exit == status && (p.Signal == monitor.Success) == (status == 0)
	}
}

func by(agent string) func(monitor.Ping) bool {
	return func(p monitor.Ping) bool { return p.UserAgent == agent }
}

func from(address string) func(monitor.Ping) bool {
	return func(p monitor.Ping) bool { return p.RemoteAddr == address }
}

func body(want string, size int) func(monitor.Ping) bool {
	return func(p monitor.Ping) bool { return string(p.Body) == want && p.BodySize == int64(size) }
}

// looking sets a check to look for a word in the body.
func looking(c *monitor.Config) { c.Filter = monitor.Filter{On: true, Fail: "FAILED é"} }

func postOnly(c *monitor.Config) { c.PostOnly = true }

const (
	methods = "method not allowed; use GET, HEAD, POST or PUT"
	badURL  = "invalid url format"
	full    = monitor.BodyLimit
)

var badPings = []badPing{
	{id: "P01", name: "two slashes", sent: asked("GET", "//ping/UUID"), code: 200},
	{id: "P01", name: "slashes everywhere", sent: asked("POST", "///ping//UUID//start//"), code: 200, kept: said(monitor.Start)},
	{id: "P02", name: "dots", sent: asked("GET", "/ping/../ping/UUID"), code: 404},
	{id: "P02", name: "encoded dots", sent: asked("GET", "/%2e%2e/ping/UUID"), code: 404},
	{id: "P03", name: "a slash behind", sent: asked("GET", "/ping/UUID/"), code: 200},
	{id: "P04", name: "upper case", sent: asked("GET", "/PING/Uuid"), code: 200},
	{id: "P04", name: "a slug in upper case, which no check has", sent: asked("GET", "/ping/KEY/NIGHTLY"), code: 400, text: badURL},
	{id: "P04", name: "a signal in upper case", sent: asked("GET", "/ping/UUID/Fail"), code: 400, text: badURL},
	{id: "P05", name: "without TLS, asked to be upgraded", sent: asked("GET", "/ping/UUID", "Upgrade-Insecure-Requests: 1"), code: 200},
	{id: "P06", name: "HEAD", sent: asked("HEAD", "/ping/UUID"), code: 200},
	{id: "P07", name: "a preflight", sent: asked("OPTIONS", "/ping/UUID", "Origin: https://x.example", "Access-Control-Request-Method: POST"), code: 204, header: "Access-Control-Allow-Origin: *"},
	// PUT is a ping: curl -T sends it.
	{id: "P08", name: "PUT", sent: asked("PUT", "/ping/UUID", "Content-Length: 0"), code: 200},
	{id: "P08", name: "DELETE", sent: asked("DELETE", "/ping/UUID"), code: 405, text: methods, header: "Allow: GET, HEAD, POST, PUT"},
	{id: "P08", name: "PATCH", sent: asked("PATCH", "/ping/UUID", "Content-Length: 0"), code: 405, text: methods},
	{id: "P08", name: "FOO", sent: asked("FOO", "/ping/UUID"), code: 405, text: methods},
	{id: "P08", name: "TRACE", sent: asked("TRACE", "/ping/UUID"), code: 405, text: methods},
	{id: "P09", name: "unknown", sent: asked("GET", "/ping/00000000-0000-4000-8000-000000000000"), code: 404, text: "not found", header: "Cache-Control: no-store"},
	{id: "P09", name: "malformed", sent: asked("GET", "/ping/UUIDx"), code: 404, text: "not found"},
	{id: "P09", name: "in braces", sent: asked("GET", "/ping/{UUID}"), code: 404, text: "not found"},
	{id: "P09", name: "unknown slug", sent: asked("GET", "/ping/KEY/weekly"), code: 404, text: "not found"},
	{id: "P09", name: "unknown key", sent: asked("GET", "/ping/nobody/SLUG"), code: 404, text: "not found"},
	{id: "P10", name: "a full stop", sent: asked("GET", "/ping/UUID."), code: 200},
	{id: "P10", name: "a comma", sent: asked("GET", "/ping/UUID,"), code: 200},
	{id: "P10", name: "a bracket", sent: asked("GET", "/ping/UUID)"), code: 200},
	{id: "P10", name: "a line feed", sent: asked("GET", "/ping/UUID%0A"), code: 200},
	{id: "P10", name: "a space", sent: asked("GET", "/ping/UUID%20"), code: 200},
	{id: "P10", name: "a space of no width", sent: asked("GET", "/ping/UUID%E2%80%8B"), code: 200},
	{id: "P10", name: "a letter", sent: asked("GET", "/ping/UUIDa"), code: 404},
	{id: "P11", name: "a run id with a space", sent: asked("GET", "/ping/UUID?rid=a%20b"), code: 200, header: "Ping-Warning: bad-rid", kept: func(p monitor.Ping) bool { return p.RunID == "" }},
	// Any printable word is a run id, so that "not-uuid" is one.
	{id: "P11", name: "a run id that is no UUID", sent: asked("GET", "/ping/UUID?rid=not-uuid"), code: 200, kept: func(p monitor.Ping) bool { return p.RunID == "not-uuid" }},
	{id: "P12", name: "a run id of 10 kB", sent: asked("GET", "/ping/UUID?rid="+strings.Repeat("x", 10_000)), code: 200, header: "Ping-Warning: bad-rid"},
	{id: "P12", name: "500 parameters", sent: asked("GET", "/ping/UUID?"+strings.Repeat("a=b&", 500)), code: 200},
	{id: "P12", name: "two run ids", sent: asked("GET", "/ping/UUID?rid=%00&rid=b&rid=c"), code: 200, kept: func(p monitor.Ping) bool { return p.RunID == "b" }},
	// An address is a part of the header: 16 KiB for all of it, and no limit of its own.
	{id: "P12", name: "an address of 30 kB", sent: asked("GET", "/ping/UUID?"+strings.Repeat("x", 30_000)), code: 431, ends: true},
	{id: "P13", name: "0", sent: asked("GET", "/ping/UUID/0"), code: 200, kept: exited(0)},
	{id: "P13", name: "256", sent: asked("GET", "/ping/UUID/256"), code: 200, kept: exited(256)},
	{id: "P13", name: "a crash of Windows, signed", sent: asked("GET", "/ping/UUID/-1073741819"), code: 200, kept: exited(-1073741819)},
	{id: "P13", name: "a crash of Windows", sent: asked("GET", "/ping/UUID/3221225477"), code: 200, kept: exited(3221225477)},
	{id: "P13", name: "the least", sent: asked("GET", "/ping/UUID/-2147483648"), code: 200, kept: exited(monitor.MinExit)},
	{id: "P13", name: "one less", sent: asked("GET", "/ping/UUID/-2147483649"), code: 400, text: badURL},
	{id: "P13", name: "the most", sent: asked("GET", "/ping/UUID/4294967295"), code: 200, kept: exited(monitor.MaxExit)},
	{id: "P13", name: "one more", sent: asked("GET", "/ping/UUID/4294967296"), code: 400, text: badURL},
	{id: "P13", name: "20 digits", sent: asked("GET", "/ping/UUID/99999999999999999999"), code: 400, text: badURL},
	// What is no decimal number is a word, and an unknown one.
	{id: "P13", name: "0x1", sent: asked("GET", "/ping/UUID/0x1"), code: 404},
	{id: "P13", name: "an Arabic digit", sent: asked("GET", "/ping/UUID/%D9%A1"), code: 404},
	{id: "P14", name: "in any order", run: inAnyOrder},
	{id: "P15", name: "a slash", sent: asked("GET", "/ping/KEY/a%2Fb"), code: 404},
	{id: "P15", name: "a NUL", sent: asked("GET", "/ping/KEY/%00"), code: 404},
	{id: "P15", name: "a NUL to be created", sent: asked("GET", "/ping/KEY/a%00?create=1"), code: 404},
	{id: "P15", name: "dots", sent: asked("GET", "/ping/KEY/.."), code: 404},
	{id: "P15", name: "300 characters", sent: asked("GET", "/ping/KEY/"+strings.Repeat("s", 300)+"?create=1"), code: 404},
	{id: "P15", name: "an emoji", sent: asked("GET", "/ping/KEY/%F0%9F%98%80?create=1"), code: 404},
	{id: "P15", name: "upper case", sent: asked("GET", "/ping/KEY/Nightly?create=1"), code: 400, text: badURL},
	{id: "P16", name: "8 kB", sent: asked("GET", "/ping/UUID", "User-Agent: "+strings.Repeat("ü", 4_000)), code: 200, kept: by(strings.Repeat("ü", monitor.UserAgentLimit))},
	{id: "P16", name: "no UTF-8", sent: asked("GET", "/ping/UUID", "User-Agent: a\x80\xffb"), code: 200, kept: by("a\uFFFDb")},
	{id: "P16", name: "a NUL", sent: asked("GET", "/ping/UUID", "User-Agent: a\x00b"), code: 400},
	{id: "P17", name: "from nobody trusted", sent: asked("GET", "/ping/UUID", `X-Forwarded-For: 1.2.3.4, evil"<script>`), code: 200, kept: from("127.0.0.1")},
	{id: "P17", name: "from nobody trusted, and well formed", sent: asked("GET", "/ping/UUID", "X-Forwarded-For: 1.2.3.4", "X-Forwarded-Proto: https"), code: 200, kept: func(p monitor.Ping) bool {
		return p.RemoteAddr == "127.0.0.1" && p.Scheme == "http"
	}},
	{id: "P18", name: "well formed", from: trustedProxy, sent: asked("GET", "/ping/UUID", "X-Forwarded-For: 6.6.6.6, 203.0.113.7"), code: 200, kept: from("203.0.113.7")},
	{id: "P18", name: "a port that is none", from: trustedProxy, sent: asked("GET", "/ping/UUID", "X-Forwarded-For: [::1]:99999"), code: 200, kept: from("::1")},
	{id: "P18", name: "no address", from: trustedProxy, sent: asked("GET", "/ping/UUID", "X-Forwarded-For: 999.1.1.1"), code: 200, kept: from(trustedProxy)},
	{id: "P18", name: "2 kB", from: trustedProxy, sent: asked("GET", "/ping/UUID", "X-Forwarded-For: "+strings.Repeat("127.0.0.9, ", 180)+"x"), code: 200, kept: from(trustedProxy)},
	{id: "P18", name: "empty", from: trustedProxy, sent: asked("GET", "/ping/UUID", "X-Forwarded-For:"), code: 200, kept: from(trustedProxy)},
	// The secret is in the address, and nothing is made from the name of the host: a job
	// in a network where this server has another name reports all the same.
	{id: "P19", name: "another host", sent: strings.Replace(asked("GET", "/ping/UUID"), "rollcall.example", "evil.example", 1), code: 200},
	{id: "P19", name: "a page for another host", sent: strings.Replace(asked("GET", "/login"), "rollcall.example", "evil.example", 1), code: 421},
	{id: "P20", name: "the limit", sent: posted(strings.Repeat("x", full)), code: 200, header: "Ping-Body-Limit: 100000", kept: body(strings.Repeat("x", full), full)},
	{id: "P20", name: "one byte more", sent: posted(strings.Repeat("x", full+1)), code: 200, header: "Ping-Body-Limit: 100000", kept: body(strings.Repeat("x", full), full+1)},
	{id: "P20", name: "50 MB in chunks", sent: asked("POST", "/ping/UUID", "Transfer-Encoding: chunked"), stream: megabytes(50), code: 200, ends: true, kept: func(p monitor.Ping) bool {
		return len(p.Body) == full && p.BodySize > full
	}},
	{id: "P21", proved: "TestRequestsThatStall"},
	{id: "P22", name: "continue", sent: posted("done", "Expect: 100-continue"), code: 200, kept: body("done", 4)},
	{id: "P22", name: "foo", sent: posted("done", "Expect: foo"), code: 417},
	{id: "P23", name: "no UTF-8", set: looking, sent: posted("\xff\xfe\xed\xa0\x80 FAILED é \x00"), code: 200, kept: said(monitor.Fail)},
	{id: "P23", name: "UTF-16", set: looking, sent: posted("\xff\xfeF\x00A\x00"), code: 200, header: "Ping-Result: ignored", kept: body("\xff\xfeF\x00A\x00", 6)},
	{id: "P23", name: "NULs", sent: posted("\x00\x00"), code: 200, kept: body("\x00\x00", 2)},
	{id: "P24", name: "a character cut in two", set: looking, sent: posted(strings.Repeat("x", full-8) + "FAILED éé"), code: 200, header: "Ping-Result: ignored", kept: func(p monitor.Ping) bool {
		return len(p.Body) == full && p.Ignored == monitor.IgnoredFilter
	}},
	{id: "P25", name: "what would be 50 MB", sent: posted(bomb(), "Content-Encoding: gzip"), code: 200, kept: body(bomb(), len(bomb()))},
	{id: "P26", name: "10,000 parts", sent: posted(strings.Repeat("--x\r\n\r\na\r\n", 10_000)[:90_000], "Content-Type: multipart/form-data; boundary=x"), code: 200},
	{id: "P26", name: "JSON 90,000 deep", sent: posted(strings.Repeat("[", 90_000), "Content-Type: application/json"), code: 200},
	{id: "P26", name: "a form that says otherwise", sent: posted("rid=x&create=1", "Content-Type: application/x-www-form-urlencoded"), code: 200, kept: func(p monitor.Ping) bool { return p.RunID == "" }},
	{id: "P27", name: "a flood", run: flood},
	{id: "P28", name: "guessing", run: guessing},
	{id: "P29", name: "success and failure at once", run: contradicting},
	// What a body does to a page, a mail and a download.
	{id: "P30", proved: "web.TestBadOutputs"},
	{id: "P31", proved: "web.TestBadOutputs"},
	{id: "P32", proved: "web.TestBadOutputs"},
	{id: "P33", proved: "web.TestBadOutputs"},
	{id: "P34", proved: "web.TestBadOutputs"},
	{id: "P35", proved: "web.TestBadOutputs"},
	{id: "P36", proved: "web.TestBadOutputs"},

	{id: "A3", name: "other keys", run: otherKeys},
	// A6: a preview of the address in a chat is no ping of a check that takes POST.
	{id: "A6", name: "a preview", set: postOnly, sent: asked("GET", "/ping/UUID", "User-Agent: Slackbot-LinkExpanding 1.0"), code: 200, header: "Ping-Result: ignored", kept: func(p monitor.Ping) bool {
		return p.Ignored == monitor.IgnoredMethod
	}},
	{id: "A6", name: "no index", sent: asked("GET", "/ping/UUID"), code: 200, header: "X-Robots-Tag: noindex"},
	{id: "A2", name: "plain text", sent: asked("GET", "/ping/UUID", "Accept: text/html"), code: 200, header: "Content-Type: text/plain; charset=utf-8"},
}

// megabytes sends zeros in chunks until nobody takes them any more.
func megabytes(n int) func(io.Writer) {
	return func(w io.Writer) {
		chunk := fmt.Sprintf("%x\r\n%s\r\n", 1<<20, bytes.Repeat([]byte{'x'}, 1<<20))
		for range n {
			if _, err := io.WriteString(w, chunk); err != nil {
				return
			}
		}
		_, _ = io.WriteString(w, "0\r\n\r\n")
	}
}

// bomb is 50 MB of zeros, compressed.
var bomb = sync.OnceValue(func() string {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, _ = w.Write(make([]byte, 50<<20))
	_ = w.Close()
	return packed.String()
})

// inAnyOrder says things that contradict one another; each counts.
func inAnyOrder(d *pingDoor, check monitor.Check) {
	for i, step := range []struct {
		signal string
		status monitor.Status
	}{{"/start", monitor.New}, {"/start", monitor.New}, {"", monitor.Up}, {"", monitor.Up}, {"/fail", monitor.Down}, {"/3", monitor.Down}, {"/0", monitor.Up}, {"/log", monitor.Up}} {
		answer, text, _ := d.exchange(badPing{sent: asked("GET", "/ping/UUID"+step.signal)}, check)
		if answer == nil || answer.StatusCode != 200 || text != "OK" {
			d.Errorf("%s: %v %q", step.signal, answer, text)
		}
		if got := d.now(check); got.Status != step.status || got.NPings != int64(i+1) {
			d.Errorf("after %s: %s with %d pings, want %s", step.signal, got.Status, got.NPings, step.status)
		}
	}
}

// at sends many requests over a few connections at once and counts the answers.
func (d *pingDoor) at(from string, check monitor.Check, paths []string) (codes map[int]int, marked int) {
	d.Helper()
	var (
		all sync.WaitGroup
		mu  sync.Mutex // guards codes and marked
	)
	codes = map[int]int{}
	work := make(chan string)
	for range 10 {
		all.Go(func() {
			for path := range work {
				answer, _, _ := d.exchange(badPing{sent: asked("POST", path, "Content-Length: 0"), from: from}, check)
				mu.Lock()
				if answer == nil {
					codes[0]++
				} else {
					codes[answer.StatusCode]++
					if answer.Header.Get("Ping-Coalesced") == "1" || answer.Header.Get("Retry-After") != "" {
						marked++
					}
				}
				mu.Unlock()
			}
		})
	}
	for _, path := range paths {
		work <- path
	}
	close(work)
	all.Wait()
	return codes, marked
}

// otherKeys tries what opens something else as what reports for a job.
func otherKeys(d *pingDoor, check monitor.Check) {
	for name, key := range map[string]string{
		"badges": d.project.BadgeKey, "the beginning of that": d.project.BadgeKey[:store.BadgeName],
		"the API": account.NewAPIKey(account.KeyReadWrite), "the check's page": monitor.PageKey(check.UUID),
	} {
		for _, path := range []string{"/ping/" + key, "/ping/" + key + "/SLUG", "/" + key} {
			if answer, text, _ := d.exchange(badPing{sent: asked("GET", path)}, check); answer == nil || answer.StatusCode/100 != 4 {
				d.Errorf("the key of %s at %s: %+v %q", name, path, answer, text)
			}
		}
	}
	if n := d.now(check).NPings; n != 0 {
		d.Errorf("%d pings", n)
	}
}

func flood(d *pingDoor, check monitor.Check) {
	n := prove.Scale(500, 10_000)
	codes, marked := d.at("", check, times(n, "/ping/UUID/log"))
	after := d.now(check)
	if codes[200] != n || after.NPings != int64(n) || after.Coalesced != int64(marked) || marked == 0 {
		d.Errorf("answered %v; %d counted, %d of them coalesced, %d said so", codes, after.NPings, after.Coalesced, marked)
	}
	if kept, err := d.st.Pings(d.Context(), check.ID, 0, n); err != nil || int64(len(kept)) != after.NPings-after.Coalesced {
		d.Errorf("%d rows, %v", len(kept), err)
	}
}

func times(n int, path string) []string {
	paths := make([]string, n)
	for i := range paths {
		paths[i] = path
	}
	return paths
}

func guessing(d *pingDoor, check monitor.Check) {
	paths := make([]string, 300)
	for i := range paths {
		paths[i] = fmt.Sprintf("/ping/00000000-0000-4000-8000-%012d", i)
	}
	codes, marked := d.at("127.0.0.3", check, paths)
	if codes[404] < 120 || codes[429] < 100 || codes[404]+codes[429] != len(paths) || marked != codes[429] {
		d.Errorf("answered %v, %d say when to come again", codes, marked)
	}
	if answer, _, _ := d.exchange(badPing{sent: asked("GET", "/ping/UUID"), from: "127.0.0.3"}, check); answer == nil || answer.StatusCode != 200 {
		d.Errorf("a known address from there: %+v", answer)
	}
}

func contradicting(d *pingDoor, check monitor.Check) {
	n := prove.Scale(200, 5_000)
	paths := times(n, "/ping/UUID")
	for i := range paths {
		if i%2 == 0 {
			paths[i] += "/fail"
		}
	}
	codes, _ := d.at("", check, paths)
	if after := d.now(check); codes[200] != n || after.NPings != int64(n) {
		d.Errorf("answered %v, %d counted", codes, after.NPings)
	}
	flips, err := d.st.Flips(d.Context(), check.ID, 0, n)
	d.ok(err)
	for i := 1; i < len(flips); i++ {
		if flips[i].New != flips[i-1].Old || flips[i].New == flips[i].Old || flips[i].Rev+1 != flips[i-1].Rev {
			d.Fatalf("flip %d leads to %s, and the next one comes from %s", flips[i].Rev, flips[i].New, flips[i-1].Old)
		}
	}
}

func TestBadPings(t *testing.T) {
	t.Parallel()
	complete(t, badPings, "P", 1, 36)
	trials, violations := onBothEngines(t, badPings)
	prove.Report(t, "INPUT P: every bad ping is answered as documented", trials, violations)
}
