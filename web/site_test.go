package web_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/google/uuid"

	"rollcall/internal/account"
	"rollcall/internal/monitor"
	"rollcall/internal/pgtest"
	"rollcall/internal/prove"
	"rollcall/internal/schedule"
	"rollcall/internal/store"
	"rollcall/internal/store/postgres"
	"rollcall/internal/store/sqlite"
	"rollcall/web"
)

const password = "correct horse battery"

// site is the pages on a real SQLite file, with one account and its project.
type site struct {
	*testing.T
	st      store.Store
	path    string // of its database
	base    *url.URL
	handler http.Handler
	ahead   *atomic.Int64 // how far the site's clock is ahead, time.Duration
	kicks   *atomic.Int64
	live    *web.Live
	log     *lockedBuffer
	secrets *secrets
	keyUses *web.KeyUses
	user    account.User
	project account.Project
}

// lockedBuffer is a log that handlers write at the same time.
type lockedBuffer struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// secrets are what must stand in no log.
type secrets struct {
	mu  sync.Mutex // guards all
	all map[string]bool
}

// use remembers a secret. What is shorter could stand in a log by chance.
func (s *secrets) use(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(text) >= 10 {
		s.all[text] = true
	}
}

// in returns the secrets that a log holds.
func (s *secrets) in(log string) (found []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for secret := range s.all {
		if strings.Contains(log, secret) {
			found = append(found, secret)
		}
	}
	return found
}

// in is the same site for another test, or a part of one.
func (s *site) in(t *testing.T) *site {
	part := *s
	part.T = t
	return &part
}

// newSite opens a site; change, if any, has the last word about its configuration.
func newSite(t *testing.T, change ...func(*web.Config)) *site {
	t.Helper()
	s := emptySite(t, change...)
	s.user, s.project = s.addAccount("ines@example.org", s.cheapHash(), "Main")
	return s
}

func emptySite(t *testing.T, change ...func(*web.Config)) *site {
	t.Helper()
	st, path := sqliteStore(t)
	return siteOn(t, st, path, change...)
}

// emptyFile is a SQLite file with the schema and nothing else: to make it takes longer
// than most tests.
var emptyFile = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "rollcall-web-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "rollcall.db")
	st, err := sqlite.Open(context.Background(), path)
	if err != nil {
		return nil, err
	}
	if err := st.Close(); err != nil { // which moves the log into the file
		return nil, err
	}
	return os.ReadFile(path)
})

// sqliteStore opens a new file, which the caller closes.
func sqliteStore(t *testing.T) (*sqlite.Store, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rollcall.db")
	empty, err := emptyFile()
	if err == nil {
		err = os.WriteFile(path, empty, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	st, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	return st, path
}

// onBothEngines runs a story on SQLite and on PostgreSQL.
func onBothEngines(t *testing.T, story func(*site)) {
	t.Run("sqlite", func(t *testing.T) { story(newSite(t)) })
	t.Run("postgres", func(t *testing.T) { story(postgresSite(t)) })
}

func migratePostgres(ctx context.Context, url string) error {
	st, err := postgres.Open(ctx, url)
	if err != nil {
		return err
	}
	return st.Close()
}

// postgresSite is newSite on PostgreSQL.
func postgresSite(t *testing.T, change ...func(*web.Config)) *site {
	t.Helper()
	st, err := postgres.Open(t.Context(), pgtest.Prepared(t, migratePostgres, pgtest.Durable))
	if err != nil {
		t.Fatal(err)
	}
	s := siteOn(t, st, "", change...)
	s.user, s.project = s.addAccount("ines@example.org", s.cheapHash(), "Main")
	return s
}

// siteOn is the pages on an open store, which the test's cleanup closes; path is its
// file, if it is one.
func siteOn(t *testing.T, st store.Store, path string, change ...func(*web.Config)) *site {
	t.Helper()
	s := &site{
		T: t, st: st, path: path, base: &url.URL{Scheme: "http", Host: "localhost:8000"}, ahead: new(atomic.Int64), kicks: new(atomic.Int64),
		log: &lockedBuffer{}, secrets: &secrets{all: map[string]bool{password: true}},
	}
	t.Cleanup(func() {
		found := s.secrets.in(s.log.String())
		if len(found) > 0 {
			t.Errorf("the log holds the secrets %q:\n%s", found, s.log)
		}
		prove.Report(t, "LOG: no key, token, password or ping address stands in a log", len(s.secrets.all), len(found))
		s.ok(st.Close())
	})
	s.keyUses = &web.KeyUses{Store: st}
	cfg := web.Config{
		Store: st, KeyUses: s.keyUses, BaseURL: s.base, Now: s.now, Version: "1.0",
		Log:            slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Pings:          web.NewPings(web.PingConfig{Ingest: away{errors.New("no ingest")}, Directory: st, Now: s.now}),
		Kick:           func() { s.kicks.Add(1) },
		JudgedUpTo:     s.now,
		MailConfigured: true,
	}
	s.live = web.NewLive(st, s.now)
	cfg.Live = s.live
	for _, c := range change {
		c(&cfg)
	}
	s.base = cfg.BaseURL
	handler, err := web.New(cfg)
	s.ok(err)
	s.handler = handler
	return s
}

func (s *site) now() time.Time {
	return time.Now().UTC().Truncate(time.Microsecond).Add(time.Duration(s.ahead.Load()))
}

func (s *site) ok(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// cheapHash is a hash of the password that is quickly compared with: most tests log
// in and are about something else.
func (s *site) cheapHash() string {
	s.Helper()
	hash, err := argon2id.CreateHash(password, &argon2id.Params{Memory: 8, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32})
	s.ok(err)
	return hash
}

func (s *site) addAccount(email, hash, project string) (account.User, account.Project) {
	s.Helper()
	user, err := s.st.CreateUser(s.Context(), account.User{Email: email, PasswordHash: hash, Created: s.now()})
	s.ok(err)
	p, err := s.st.CreateProject(s.Context(), account.Project{Name: project, PingKey: account.NewPingKey(), Created: s.now()}, user.ID)
	s.ok(err)
	s.secrets.use(p.PingKey)
	return user, p
}

func (s *site) addCheck(project monitor.ProjectID, name string, channels ...monitor.ChannelID) monitor.Check {
	s.Helper()
	check, err := s.st.CreateCheck(s.Context(), monitor.Create(monitor.Check{
		UUID: uuid.New(), Project: project,
		Config: monitor.Config{
			Name: name, Slug: web.SlugOf(name), Grace: time.Minute,
			Schedule: schedule.Spec{Kind: schedule.Every, Period: time.Hour},
		},
	}, s.now()), channels)
	s.ok(err)
	s.secrets.use(check.UUID.String())
	return check
}

func (s *site) addChannel(project monitor.ProjectID, name string) monitor.Channel {
	s.Helper()
	channel, err := s.st.CreateChannel(s.Context(), monitor.Channel{
		Project: project, Name: name, Kind: monitor.Email,
		Settings: monitor.Settings{Address: "desk@example.org"}, Created: s.now(),
	})
	s.ok(err)
	return channel
}

// takes lets everything that waits be answered so.
func (s *site) takes(result monitor.Result) {
	s.Helper()
	leased, err := s.st.LeaseDeliveries(s.Context(), store.Lease{Now: s.now(), Until: s.now().Add(time.Minute), Limit: 10, PerChannel: 10})
	s.ok(err)
	for _, l := range leased {
		after, _ := l.Delivery.Settle(result, s.now())
		s.ok(s.st.RecordAttempt(s.Context(), monitor.Attempt{
			Delivery: after.ID, N: after.Attempts, Started: s.now(), OK: result.Verdict == monitor.Done, Answer: result.Answer,
		}, after, ""))
	}
}

// addDead makes a delivery whose attempts are used up.
func (s *site) addDead(channel monitor.Channel) monitor.DeliveryID {
	s.Helper()
	id, err := s.st.EnqueueTest(s.Context(), channel.Project, channel.ID, s.now())
	s.ok(err)
	leased, err := s.st.LeaseDeliveries(s.Context(), store.Lease{Now: s.now(), Until: s.now().Add(time.Minute), Limit: 10, PerChannel: 10})
	s.ok(err)
	for _, l := range leased {
		if l.Delivery.ID != id {
			continue
		}
		result := monitor.Result{Verdict: monitor.Refuse, Answer: "550 no such mailbox"}
		after, _ := l.Delivery.Settle(result, s.now())
		s.ok(s.st.RecordAttempt(s.Context(), monitor.Attempt{Delivery: id, N: after.Attempts, Started: s.now(), Answer: result.Answer}, after, ""))
		return id
	}
	s.Fatal("the delivery was not leased")
	return 0
}

// browser is somebody who looks at a site.
type browser struct {
	*site
	jar    http.CookieJar
	remote string
}

func (s *site) browser() *browser {
	s.Helper()
	jar, err := cookiejar.New(nil)
	s.ok(err)
	return &browser{site: s, jar: jar, remote: "198.51.100.7:4711"}
}

// signedIn is a browser that has logged in.
func (s *site) signedIn() *browser {
	s.Helper()
	b := s.browser()
	if w := b.login(s.user.Email, password); w.Code != http.StatusSeeOther {
		s.Fatalf("log in: %d\n%s", w.Code, w.Body)
	}
	return b
}

func (b *browser) login(email, password string) *httptest.ResponseRecorder {
	b.Helper()
	return b.post("/login", "email", email, "password", password)
}

// ask sends a request with the browser's cookies; headers come in pairs.
func (b *browser) ask(method, path string, form url.Values, headers ...string) *httptest.ResponseRecorder {
	b.Helper()
	if form == nil {
		return b.send(method, path, "", headers...)
	}
	return b.send(method, path, form.Encode(), append([]string{"Content-Type", "application/x-www-form-urlencoded"}, headers...)...)
}

// send is ask with a body as it stands, "" being none.
func (b *browser) send(method, path, text string, headers ...string) *httptest.ResponseRecorder {
	b.Helper()
	var body io.Reader = http.NoBody
	if text != "" {
		body = strings.NewReader(text)
	}
	r := httptest.NewRequestWithContext(b.Context(), method, "/", body)
	parsed, err := url.ParseRequestURI(path)
	b.ok(err)
	r.URL, r.RequestURI, r.Host, r.RemoteAddr = parsed, path, b.base.Host, b.remote
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	for _, cookie := range b.jar.Cookies(b.base) {
		r.AddCookie(cookie)
	}
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, r)
	for _, cookie := range w.Result().Cookies() {
		b.secrets.use(cookie.Value)
	}
	b.jar.SetCookies(b.base, w.Result().Cookies())
	return w
}

func (b *browser) get(path string) *httptest.ResponseRecorder {
	b.Helper()
	return b.ask(http.MethodGet, path, nil)
}

// post sends a form of names and values in turn.
func (b *browser) post(path string, pairs ...string) *httptest.ResponseRecorder {
	b.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	return b.ask(http.MethodPost, path, form)
}

// cookie is the session cookie, "" when there is none.
func (b *browser) cookie() string {
	for _, cookie := range b.jar.Cookies(b.base) {
		if strings.HasSuffix(cookie.Name, "rollcall") {
			return cookie.Value
		}
	}
	return ""
}

// wants checks the status of an answer, and that its page holds the given texts;
// a no-break space is a space.
func (s *site) wants(w *httptest.ResponseRecorder, code int, texts ...string) {
	s.Helper()
	if w.Code != code {
		s.Errorf("answered %d, want %d\n%s", w.Code, code, w.Body)
		return
	}
	page := strings.ReplaceAll(w.Body.String(), "\u00a0", " ")
	for _, text := range texts {
		if !strings.Contains(page, text) {
			s.Errorf("the page lacks %q\n%s", text, page)
		}
	}
}

// leads checks that an answer sends the browser to a path.
func (s *site) leads(w *httptest.ResponseRecorder, path string) {
	s.Helper()
	if got := w.Header().Get("Location"); w.Code != http.StatusSeeOther || got != path {
		s.Errorf("answered %d to %q, want 303 to %q\n%s", w.Code, got, path, w.Body)
	}
}

func idOf[T ~int64](id T) string { return strconv.FormatInt(int64(id), 10) }

func prefixes(texts ...string) []netip.Prefix {
	var all []netip.Prefix
	for _, text := range texts {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}
