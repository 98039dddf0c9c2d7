package demo_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"rollcall/internal/account"
	"rollcall/internal/demo"
	"rollcall/internal/monitor"
	"rollcall/internal/store/sqlite"
)

// The sample project is right whenever one starts the demo: nothing has happened in
// the future, nothing is down, and no job but that of the tour comes too late.
func TestTheSampleProjectIsRightAtAnyTime(t *testing.T) {
	for _, text := range []string{
		"2026-11-24T14:10:36.123456Z", "2026-11-22T02:10:00Z", "2026-12-31T23:59:59.999999Z", "2028-02-29T02:00:00Z",
	} {
		t.Run(text, func(t *testing.T) {
			now, err := time.Parse(time.RFC3339Nano, text)
			if err != nil {
				t.Fatal(err)
			}
			checks := sown(t, now)
			for _, h := range demo.Habits() {
				check := checks[h.Name]
				want := monitor.Up
				switch h.Name {
				case "Disk self-test":
					want = monitor.Paused
				case "Sitemap":
					want = monitor.New
				}
				if check.Status != want || check.LastPing.After(now) || check.Since.After(now) {
					t.Errorf("%s is %s since %s, last ping %s; want %s", h.Name, check.Status, check.Since, check.LastPing, want)
				}
				if d, awaited := check.Deadline(); !h.Idle() && (!awaited || h.FirstEnd(now, check.Due).After(d.At)) {
					t.Errorf("%s reports at %s, and is down at %s", h.Name, h.FirstEnd(now, check.Due), d.At)
				}
			}
			silent := checks[demo.Silent]
			if d, _ := silent.Deadline(); !silent.Due.Equal(now.Add(demo.SilentDue)) || !d.At.Equal(silent.Due.Add(demo.SilentGrace)) {
				t.Errorf("the job of the tour is due at %s and down at %s", silent.Due, d.At)
			}
		})
	}
}

// sown makes the sample project and returns its checks by name.
func sown(t *testing.T, now time.Time) map[string]monitor.Check {
	t.Helper()
	ctx := t.Context()
	st, err := sqlite.Open(ctx, filepath.Join(t.TempDir(), "rollcall.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	user, err := st.CreateUser(ctx, account.User{Email: "ana@example.test", Created: now})
	if err != nil {
		t.Fatal(err)
	}
	project, err := st.CreateProject(ctx, account.Project{Name: "Shop", PingKey: account.NewPingKey(), Created: now}, user.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := demo.Sow(ctx, st, project.ID, nil, now); err != nil {
		t.Fatal(err)
	}
	checks, err := st.Checks(ctx, project.ID, 100)
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]monitor.Check{}
	for _, c := range checks {
		byName[c.Name] = c
	}
	return byName
}

const secret = "whsec_dGhlIGRlbW8ncyB0ZXN0cyBzaWduIHdpdGggdGhpcw=="

func at() time.Time { return time.Date(2026, 11, 24, 14, 0, 0, 0, time.UTC) }

// sent posts a signed webhook and returns the answer.
func sent(t *testing.T, to http.Handler, id, body string, change func(*http.Request)) int {
	t.Helper()
	signer, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	signature, err := signer.Sign(id, now, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/rollcall", strings.NewReader(body))
	r.Header.Set(standardwebhooks.HeaderWebhookID, id)
	r.Header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(now.Unix(), 10))
	r.Header.Set(standardwebhooks.HeaderWebhookSignature, signature)
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	to.ServeHTTP(w, r)
	return w.Code
}

func TestTheReceiverVerifies(t *testing.T) {
	const down = `{"type":"check.down","data":{"check":{"name":"Backup"}}}`
	forged := func(r *http.Request) { r.Header.Set(standardwebhooks.HeaderWebhookID, "another") }
	for name, test := range map[string]struct {
		body     string
		change   func(*http.Request)
		refusing bool
		code     int
		about    string // "" when it is not kept
		wrong    bool
	}{
		"as it should be":  {body: down, code: 204, about: "check.down, Backup"},
		"a test":           {body: `{"type":"channel.test","data":{"channel":{"name":"hook"}}}`, code: 204, about: "channel.test, hook"},
		"forged":           {body: down, change: forged, code: 401, about: "check.down, Backup", wrong: true},
		"told to fail":     {body: down, refusing: true, code: 503, about: "check.down, Backup"},
		"nothing of ours":  {body: "hello", change: forged, code: 401, about: "Not from Rollcall", wrong: true},
		"as large as fits": {body: strings.Repeat("a", demo.HookLimit), code: 204, about: "Not from Rollcall"},
		"a byte larger":    {body: strings.Repeat("a", demo.HookLimit+1), code: 413},
		"not even a POST":  {change: func(r *http.Request) { r.Method = http.MethodGet }, code: 405},
		"not even text":    {body: "\xff", code: 204, about: "Not from Rollcall"},
	} {
		t.Run(name, func(t *testing.T) {
			receiver, err := demo.NewReceiver(secret, at)
			if err != nil {
				t.Fatal(err)
			}
			receiver.Refuse(test.refusing)
			if got := sent(t, receiver, "msg_1", test.body, test.change); got != test.code {
				t.Errorf("answered %d, want %d", got, test.code)
			}
			hooks := receiver.Hooks()
			if test.about == "" {
				if len(hooks) > 0 {
					t.Errorf("it was kept: %+v", hooks)
				}
				return
			}
			if len(hooks) != 1 || hooks[0].About != test.about || (hooks[0].Wrong != "") != test.wrong || hooks[0].Code != test.code || !hooks[0].At.Equal(at()) {
				t.Errorf("kept %+v", hooks)
			}
		})
	}
}

func TestTheNewestAreKept(t *testing.T) {
	receiver, err := demo.NewReceiver(secret, at)
	if err != nil {
		t.Fatal(err)
	}
	for i := range demo.Kept + 5 {
		sent(t, receiver, "msg_"+strconv.Itoa(i), "{}", nil)
	}
	sent(t, receiver, "msg_50", "{}", nil)
	hooks := receiver.Hooks()
	first, last := hooks[0], hooks[len(hooks)-1]
	if len(hooks) != demo.Kept || first.N != demo.Kept+6 || last.N != 7 {
		t.Errorf("%d are kept, from %d to %d", len(hooks), last.N, first.N)
	}
	if first.Tried != 2 || last.Tried != 1 {
		t.Errorf("attempts %d and %d, want 2 and 1", first.Tried, last.Tried)
	}
}

func TestTheDemoStaysOnThisMachine(t *testing.T) {
	for _, listen := range []string{":0", "0.0.0.0:0", "[::]:0", "192.0.2.1:0", "example.org:0", "127.0.0.1", ""} {
		err := demo.Run(t.Context(), demo.Config{Listen: listen})
		if err == nil || !strings.Contains(err.Error(), "--listen takes 127.0.0.1:PORT") {
			t.Errorf("%q: %v", listen, err)
		}
	}
}

func TestADemoMayBeEndedAtAnyTime(t *testing.T) {
	for name, stop := range map[string]func(end func()) io.Writer{
		"before it begins":     func(end func()) io.Writer { end(); return io.Discard },
		"with its first words": func(end func()) io.Writer { return ending(end) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			t.Setenv("TMPDIR", dir)
			ctx, end := context.WithCancel(t.Context())
			defer end()
			err := demo.Run(ctx, demo.Config{
				Listen: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler), Out: stop(end),
				Now: func() time.Time { return time.Now().UTC().Truncate(time.Microsecond) },
			})
			if err != nil {
				t.Error(err)
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v %v", left, err)
			}
		})
	}
}

// ending ends a demo with its first words.
type ending func()

func (e ending) Write(words []byte) (int, error) {
	e()
	return len(words), nil
}

func TestNothingIsLeftOfADemoThatDoesNotStart(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	taken := httptest.NewServer(http.NotFoundHandler())
	defer taken.Close()
	var out bytes.Buffer
	err := demo.Run(t.Context(), demo.Config{
		Listen: strings.TrimPrefix(taken.URL, "http://"), Log: slog.New(slog.DiscardHandler), Out: &out, Now: at,
	})
	if err == nil || !strings.Contains(err.Error(), "give another address with --listen") || out.Len() > 0 {
		t.Errorf("%v, printed %q", err, out.String())
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}
