package web_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/internal/ingest"
	"rollcall/internal/monitor"
	"rollcall/internal/schedule"
	"rollcall/internal/store"
	"rollcall/web"
)

// endpoint is a real ping endpoint on a real SQLite file, with one check.
type endpoint struct {
	t       *testing.T
	url     string
	st      store.Store
	project account.Project
	check   monitor.Check
}

func newEndpoint(t *testing.T, trusted ...netip.Prefix) *endpoint {
	t.Helper()
	now := func() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }
	st, _ := sqliteStore(t)
	log := slog.New(slog.DiscardHandler)
	in := ingest.New(st, ingest.Options{Now: now, Log: log})
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- in.Run(ctx) }()
	server := httptest.NewServer(web.NewPings(web.PingConfig{Ingest: in, Directory: st, Trusted: trusted, Now: now}).Before(http.NotFoundHandler()))
	t.Cleanup(func() {
		server.Close()
		stop()
		if err := errors.Join(<-done, st.Close()); err != nil {
			t.Error(err)
		}
	})
	e := &endpoint{t: t, url: server.URL, st: st}
	user, err := st.CreateUser(t.Context(), account.User{Email: "ops@example.org", Created: now()})
	if err != nil {
		t.Fatal(err)
	}
	if e.project, err = st.CreateProject(t.Context(), account.Project{Name: "Main", PingKey: account.NewPingKey(), Created: now()}, user.ID); err != nil {
		t.Fatal(err)
	}
	e.check = e.newCheck("nightly")
	return e
}

func (e *endpoint) newCheck(slug string) monitor.Check {
	e.t.Helper()
	c, err := e.st.CreateCheck(e.t.Context(), monitor.Create(monitor.Check{
		UUID: uuid.New(), Project: e.project.ID,
		Config: monitor.Config{Name: slug, Slug: slug, Grace: time.Hour, Schedule: schedule.Spec{Kind: schedule.Every, Period: time.Hour}},
	}, time.Now()), nil)
	if err != nil {
		e.t.Fatal(err)
	}
	return c
}

// ask sends one request as it stands and never follows a redirect.
func (e *endpoint) ask(method, path string, body io.Reader, header ...string) (*http.Response, string) {
	e.t.Helper()
	r, err := http.NewRequestWithContext(e.t.Context(), method, e.url, body)
	if err != nil {
		e.t.Fatal(err)
	}
	target, query, _ := strings.Cut(path, "?")
	r.URL.RawPath, r.URL.RawQuery = target, query
	if r.URL.Path, err = url.PathUnescape(target); err != nil {
		e.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		e.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		e.t.Fatal(err)
	}
	return answer, string(text)
}

func (e *endpoint) pings(c monitor.Check) []monitor.Ping {
	e.t.Helper()
	pings, err := e.st.Pings(e.t.Context(), c.ID, 0, 100)
	if err != nil {
		e.t.Fatal(err)
	}
	return pings
}

func TestPingAnswers(t *testing.T) {
	e := newEndpoint(t)
	id, key := e.check.UUID.String(), e.project.PingKey
	for _, c := range []struct {
		method, path string
		code         int
		body         string
		counted      bool
	}{
		{"GET", "/ping/" + id, 200, "OK", true},
		{"HEAD", "/ping/" + id, 200, "", true},
		{"POST", "/ping/" + id, 200, "OK", true},
		{"PUT", "/ping/" + id, 200, "OK", true},
		{"GET", "/ping/" + id + "/", 200, "OK", true},
		{"POST", "//ping/" + id, 200, "OK", true},
		{"POST", "/ping//" + id + "//start", 200, "OK", true},
		{"GET", "/ping/" + id + "/3221225477", 200, "OK", true},
		{"GET", "/ping/" + key + "/nightly", 200, "OK", true},
		{"GET", "/ping/" + key + "/nightly/fail", 200, "OK", true},
		{"GET", "/ping/" + key + "/nightly?create=1", 200, "OK", true},
		{"GET", "/ping/" + id + "?" + strings.Repeat("a=b&", 500), 200, "OK", true},
		{"OPTIONS", "/ping/" + id, 204, "", false},
		{"DELETE", "/ping/" + id, 405, "method not allowed; use GET, HEAD, POST or PUT", false},
		{"TRACE", "/ping/" + id, 405, "method not allowed; use GET, HEAD, POST or PUT", false},
		{"FOO", "/ping/" + id, 405, "method not allowed; use GET, HEAD, POST or PUT", false},
		{"GET", "/ping/" + uuid.NewString(), 404, "not found", false},
		{"GET", "/ping/" + key + "/weekly", 404, "not found", false},
		{"GET", "/ping/nobody/nightly?create=1", 404, "not found", false},
		{"GET", "/ping/" + id + "/whatever", 404, "not found", false},
		{"GET", "/ping/../ping/" + id, 404, "not found", false},
		{"GET", "/ping/" + id + "/4294967296", 400, "invalid url format", false},
		{"GET", "/ping/" + key + "/Nightly", 400, "invalid url format", false},
	} {
		before := len(e.pings(e.check))
		answer, body := e.ask(c.method, c.path, nil)
		if answer.StatusCode != c.code || body != c.body {
			t.Errorf("%s %s: %d %q, want %d %q", c.method, c.path, answer.StatusCode, body, c.code, c.body)
		}
		if counted := len(e.pings(e.check)) == before+1; counted != c.counted {
			t.Errorf("%s %s: counted %v, want %v", c.method, c.path, counted, c.counted)
		}
		header := answer.Header
		if got := header.Get("Access-Control-Allow-Origin"); got != "*" {
			t.Errorf("%s %s: Access-Control-Allow-Origin %q", c.method, c.path, got)
		}
		if got, want := header.Get("Ping-Body-Limit"), map[bool]string{true: "100000"}[c.code == 200]; got != want {
			t.Errorf("%s %s: Ping-Body-Limit %q, want %q", c.method, c.path, got, want)
		}
		if got := header.Get("Content-Type"); c.code != 204 && got != "text/plain; charset=utf-8" {
			t.Errorf("%s %s: Content-Type %q", c.method, c.path, got)
		}
		if c.code == 405 && header.Get("Allow") != "GET, HEAD, POST, PUT" {
			t.Errorf("%s %s: Allow %q", c.method, c.path, header.Get("Allow"))
		}
		if len(answer.Cookies()) > 0 || c.code != 204 && header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s %s: %v", c.method, c.path, header)
		}
	}
}

func TestPingKeepsWhatWasSent(t *testing.T) {
	e := newEndpoint(t)
	path := "/ping/" + e.check.UUID.String()
	full := bytes.Repeat([]byte("0123456789"), monitor.BodyLimit/10)
	for _, c := range []struct {
		name       string
		body, kept []byte
		size       int64
	}{
		{"none", nil, nil, 0},
		{"text", []byte("done\n"), []byte("done\n"), 5},
		{"any bytes", []byte("a\x00\xff\xfe\xed\xa0\x80"), []byte("a\x00\xff\xfe\xed\xa0\x80"), 7},
		{"the limit", full, full, monitor.BodyLimit},
		{"one byte more", append(bytes.Clone(full), 'x'), full, monitor.BodyLimit + 1},
		{"half a megabyte", bytes.Repeat(full, 5), full, 5 * monitor.BodyLimit},
		{"fifty megabytes", bytes.Repeat(full, 500), full, 500 * monitor.BodyLimit},
	} {
		answer, body := e.ask("POST", path, bytes.NewReader(c.body), "User-Agent", "job\x80/1")
		if answer.StatusCode != 200 {
			t.Errorf("%s: %d %s", c.name, answer.StatusCode, body)
			continue
		}
		newest := e.pings(e.check)[0]
		p, err := e.st.Ping(t.Context(), e.check.ID, newest.N)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(p.Body, c.kept) || (p.Body == nil) != (c.kept == nil) || p.BodySize != c.size {
			t.Errorf("%s: kept %d bytes of %d, want %d of %d", c.name, len(p.Body), p.BodySize, len(c.kept), c.size)
		}
		if p.Method != "POST" || p.Scheme != "http" || p.RemoteAddr != "127.0.0.1" || p.UserAgent != "job\ufffd/1" {
			t.Errorf("%s: %+v", c.name, p)
		}
	}
}

func TestPingSaysWhatBecameOfIt(t *testing.T) {
	e := newEndpoint(t)
	path := "/ping/" + e.check.UUID.String()
	if answer, _ := e.ask("GET", path+"?rid="+strings.Repeat("x", 10_000), nil); answer.StatusCode != 200 || answer.Header.Get("Ping-Warning") != "bad-rid" {
		t.Errorf("bad run id: %d %v", answer.StatusCode, answer.Header)
	}
	e.ask("GET", path+"?rid=r1", nil)
	if answer, _ := e.ask("GET", path+"?rid=r1", nil); answer.StatusCode != 200 || answer.Header.Get("Ping-Result") != "duplicate" {
		t.Errorf("repeated: %d %v", answer.StatusCode, answer.Header)
	}
	coalesced := 0
	for range 100 {
		answer, _ := e.ask("POST", path+"/log", nil)
		if answer.StatusCode != 200 {
			t.Fatalf("flood: %d", answer.StatusCode)
		}
		if answer.Header.Get("Ping-Coalesced") == "1" {
			coalesced++
		}
	}
	c, err := e.st.Check(t.Context(), e.project.ID, e.check.UUID)
	if err != nil {
		t.Fatal(err)
	}
	if c.NPings != 102 || coalesced == 0 || c.Coalesced != int64(coalesced) || len(e.pings(c)) != min(100, 102-coalesced) {
		t.Errorf("%d pings, %d coalesced (%d answered so), %d rows", c.NPings, c.Coalesced, coalesced, len(e.pings(c)))
	}
}

func TestTwoFirstPingsMakeOneCheck(t *testing.T) {
	e := newEndpoint(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	codes := map[int]int{}
	for range 20 {
		wg.Go(func() {
			answer, _ := e.ask("POST", "/ping/"+e.project.PingKey+"/fresh?create=1", nil)
			mu.Lock()
			codes[answer.StatusCode]++
			mu.Unlock()
		})
	}
	wg.Wait()
	if codes[201] != 1 || codes[200] != 19 {
		t.Errorf("answers: %v, want one 201 and 19 times 200", codes)
	}
	checks, err := e.st.Checks(t.Context(), e.project.ID, 10)
	if err != nil || len(checks) != 2 {
		t.Fatalf("%d checks, %v", len(checks), err)
	}
	if c := checks[0]; c.Slug != "fresh" || c.NPings != 20 || c.Status != monitor.Up || c.Created.IsZero() {
		t.Errorf("%+v", c)
	}
}

// A first ping that may make no check is no failure of ours, which would be tried
// again, and no success.
func TestFirstPingsKeepTheLimit(t *testing.T) {
	e := newEndpoint(t)
	most := 1
	e.st.Bound(store.Limits{Checks: &most})
	for path, want := range map[string]int{
		"/ping/" + e.project.PingKey + "/fresh?create=1": 403, "/ping/" + e.project.PingKey + "/" + e.check.Slug + "?create=1": 200, "/ping/" + e.project.PingKey + "/fresh": 404,
	} {
		answer, body := e.ask("POST", path, nil)
		if answer.StatusCode != want || answer.Header.Get("Retry-After") != "" {
			t.Errorf("%s: %d %q, want %d", path, answer.StatusCode, body, want)
		}
	}
}

func TestPingBelievesTrustedProxiesOnly(t *testing.T) {
	for _, c := range []struct {
		trusted   []netip.Prefix
		forwarded string
		want      string
	}{
		{nil, "203.0.113.7", "127.0.0.1"},
		{[]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, "203.0.113.7", "203.0.113.7"},
		{[]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, "6.6.6.6, 203.0.113.7", "203.0.113.7"},
		{[]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, "203.0.113.7, 127.0.0.9", "203.0.113.7"},
		{[]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, "203.0.113.7:4711", "203.0.113.7"},
		{[]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, "[2001:db8::1]:99", "2001:db8::1"},
		{[]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, `1.2.3.4, evil"<script>`, "127.0.0.1"},
		{[]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, "999.1.1.1", "127.0.0.1"},
		{[]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, "", "127.0.0.1"},
	} {
		e := newEndpoint(t, c.trusted...)
		e.ask("GET", "/ping/"+e.check.UUID.String(), nil, "X-Forwarded-For", c.forwarded)
		if got := e.pings(e.check)[0].RemoteAddr; got != c.want {
			t.Errorf("%v, %q: %s, want %s", c.trusted, c.forwarded, got, c.want)
		}
	}
}

// away is a store that cannot be reached.
type away struct{ err error }

func (a away) Submit(context.Context, ingest.Report) (store.Result, error) {
	return store.Result{}, a.err
}

func TestPingThatCannotBeStoredIsToComeAgain(t *testing.T) {
	for _, err := range []error{fault.Unavailable, errors.New("disk on fire at /var/lib")} {
		w := httptest.NewRecorder()
		web.NewPings(web.PingConfig{Ingest: away{err}, Now: time.Now}).Before(nil).ServeHTTP(w, httptest.NewRequest("GET", "/ping/"+uuid.NewString(), nil))
		if w.Code != 503 || w.Body.String() != "try again" || w.Header().Get("Retry-After") == "" {
			t.Errorf("%v: %d %q %v", err, w.Code, w.Body, w.Header())
		}
	}
}

// An address that was right once says so, in both of its spellings.
func TestPingToADeletedCheckIsGone(t *testing.T) {
	e := newEndpoint(t)
	deleted, rotated := e.newCheck("deleted"), e.newCheck("rotated")
	err := errors.Join(
		e.st.DeleteCheck(t.Context(), e.project.ID, deleted.ID),
		e.st.RotateCheck(t.Context(), e.project.ID, rotated.ID, uuid.New(), time.Now(), time.Time{}),
	)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path, body string
		code       int
	}{
		{"/ping/" + deleted.UUID.String(), "gone", 410},
		{"/ping/" + deleted.UUID.String() + "/start?rid=1", "gone", 410},
		{"/" + deleted.UUID.String(), "gone", 410},
		{"/" + deleted.UUID.String() + "/fail", "gone", 410},
		{"/ping/" + rotated.UUID.String(), "gone", 410},
		{"/ping/" + e.project.PingKey + "/deleted", "not found", 404},
		{"/" + e.project.PingKey + "/deleted", "not found", 404},
		{"/" + uuid.NewString(), "not found", 404},
	} {
		if answer, body := e.ask("POST", c.path, nil); answer.StatusCode != c.code || body != c.body {
			t.Errorf("%s: %d %q, want %d %q", c.path, answer.StatusCode, body, c.code, c.body)
		}
	}
}

func TestGuessingIsSlowedDown(t *testing.T) {
	e := newEndpoint(t)
	codes := map[int]int{}
	for range 200 {
		answer, _ := e.ask("GET", "/ping/"+uuid.NewString(), nil)
		codes[answer.StatusCode]++
		if answer.StatusCode == 429 && answer.Header.Get("Retry-After") == "" {
			t.Fatal("429 without Retry-After")
		}
	}
	if codes[404] < 120 || codes[429] < 50 || codes[404]+codes[429] != 200 {
		t.Errorf("answers: %v, want 404 about 120 times, then 429", codes)
	}
	if answer, _ := e.ask("GET", "/ping/"+e.check.UUID.String(), nil); answer.StatusCode != 200 {
		t.Errorf("a known address from there: %d", answer.StatusCode)
	}
}

func TestPingWhoseBodyStallsIsNotCounted(t *testing.T) {
	e := newEndpoint(t)
	conn, err := net.Dial("tcp", strings.TrimPrefix(e.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /ping/%s HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\nabc", e.check.UUID)
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil { // what a read deadline does sooner or later
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != 408 || len(e.pings(e.check)) != 0 {
		t.Errorf("%d, %d pings", answer.StatusCode, len(e.pings(e.check)))
	}
}
