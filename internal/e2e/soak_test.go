package e2e_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"rollcall/internal/e2e"
	"rollcall/internal/monitor"
	"rollcall/internal/prove"
)

// soakSpan is how long the load of a soak lasts; `make soak SPAN=8h` sets it.
var soakSpan = flag.Duration("soak", 0, "how long the load of a soak lasts; 0 for some seconds, and a quarter of an hour in the long form")

// How often a soak looks.
const (
	soakLooks = 240
	soakEvery = 200 * time.Millisecond // at most
)

// What a soak samples, and how much more of it there may be in the later half. In some
// seconds the amounts hide nearly everything; in hours next to nothing does, since what
// leaks adds up: 24 MB in four hours are less than 2 kB a second.
var soakAllows = map[string]allowance{
	"resident memory":   {0.10, 24 << 20}, // what the collector leaves is a matter of moments
	"goroutines":        {0.10, 15},       // those of requests under way
	"open files":        {0.10, 15},
	"write-ahead log":   {0.10, 8 << 20}, // a long look at the database keeps it from being reused
	"evidence age":      {0, 5},          // seconds; the machine may have other things to do
	"series of metrics": {0, 60},         // the first of its kind may happen late
}

// soakKeeps are the tables that keep what happened for longer than a soak lasts: they
// grow, but only as much as happens. Of every other table the rows must not.
var soakKeeps = []string{
	"attempts", "audit", "blinds", "decisions", "deliveries", "digests", "flips", "letters", "pings", "tombstones",
}

// rowsAllowed is how many more rows there may be in a table that does not keep history.
var rowsAllowed = allowance{0.10, 20}

// testSoak keeps a server under a steady load of everything that people and jobs do,
// and looks whether anything grows with time, and whether a promise breaks.
func testSoak(t *testing.T, s *site) {
	if prove.Long() {
		testSoakFindsLeak(t, s.another(t))
	}
	newSoak(t, s, *soakSpan).run()
}

// testSoakFindsLeak shows that a server from which something leaks does not pass.
func testSoakFindsLeak(t *testing.T, s *site) {
	k := newSoak(t, s, leakSpan)
	k.leak = true
	k.live()
	for _, what := range []string{"goroutines", "open files"} {
		if before, after, grows := grown(k.samples[what], soakAllows[what]); !grows {
			t.Errorf("somebody opened one connection after another: %s from %g to %g is found to be none too many", what, before, after)
		}
	}
}

const leakSpan = 8 * time.Second

// soak is one of them.
type soak struct {
	*testing.T
	site    *site
	span    time.Duration
	hooks   *receiver
	apiKey  string
	tracked []uuid.UUID // checks of which everything is in the history
	busy    []uuid.UUID // and those of which only the number of pings is known
	leak    bool        // somebody keeps opening connections

	changing string // the UUID of the check that was made last; of one client

	work    atomic.Int64 // requests that were answered, those of the history not among them
	answers int64        // all of them
	acked   map[uuid.UUID]*atomic.Int64
	sent    map[uuid.UUID]*atomic.Int64
	end     context.CancelFunc
	loads   sync.WaitGroup

	samples map[string][]float64
	tables  map[string][]float64
}

const (
	soakOwner    = "ops@example.org"
	soakPassword = "correct horse battery staple 8"
)

func newSoak(t *testing.T, s *site, span time.Duration) *soak {
	t.Helper()
	k := &soak{
		T: t, site: s, span: span, hooks: newReceiver(t, 10*time.Millisecond), busy: newIDs(8),
		acked: map[uuid.UUID]*atomic.Int64{}, sent: map[uuid.UUID]*atomic.Int64{}, samples: map[string][]float64{}, tables: map[string][]float64{},
	}
	if k.span == 0 {
		k.span = time.Duration(prove.Scale(8, 900)) * time.Second
	}
	k.hooks.refuses = "/hopeless"
	for _, id := range k.busy {
		k.acked[id], k.sent[id] = &atomic.Int64{}, &atomic.Int64{}
	}
	add := exec.Command(s.Binary, "user", "add", soakOwner, "--project", "Soak", "--json", "--database", s.Database)
	add.Stdin, add.Stderr = strings.NewReader(soakPassword+"\n"), os.Stderr
	out, err := add.Output()
	if err != nil {
		t.Fatal(err)
	}
	var made struct {
		APIKey string `json:"api_key"`
	}
	if err := json.Unmarshal(out, &made); err != nil {
		t.Fatal(err)
	}
	k.apiKey = made.APIKey
	return k
}

// live lets a server live and returns what the clients saw.
func (k *soak) live() history {
	k.Helper()
	clients := k.describe()
	server := k.site.run(k.T)
	load := begin(k.T, k.site, clients...)
	k.begin()
	k.look(server, load)
	h := load.stop()
	k.stop()
	eventually(k.T, time.Minute, "everybody is told", func() bool { return len(k.site.open(k.T)) == 0 })
	stop(k.T, server)
	k.answers = k.work.Load() + load.log.acks.Load()
	return h
}

// run lives through a soak and judges it.
func (k *soak) run() {
	k.Helper()
	h := k.live()
	k.site.read(k.T, &h)
	k.hooks.read(k.T, &h)
	h = h.of(k.tracked)
	wrong := h.violations()
	tally(k.T, len(h.acked), wrong)
	grown := k.grown()
	for _, g := range grown {
		k.Error(g)
	}
	prove.Report(k.T, "SOAK: under a steady load nothing grows with time", len(k.samples)+len(k.tables), len(grown))
	k.counted()
	k.verified()
	k.Logf("%s on %s: %d answers, of them %d pings in the history; %d flips, %d deliveries, %d messages",
		k.span, k.site.engine.name, k.answers, len(h.acked), len(h.flips), len(h.deliveries), len(h.received))
	if len(h.acked) < 100 || len(h.deliveries) < 20 || len(k.samples["resident memory"]) < 15 {
		k.Error("there was too little to go wrong")
	}
}

// describe provisions the checks, and returns the clients whose every ping is known.
// What changes does so seldom enough to be told one by one, and no check reports more
// often than all its pings are kept.
func (k *soak) describe() []client {
	plain, runs, moody, silent, hopeless := newIDs(20), newIDs(20), newIDs(24), newIDs(12), newIDs(1)
	k.tracked = slices.Concat(plain, runs, moody, silent)
	k.busy = append(k.busy, hopeless...)
	k.acked[hopeless[0]], k.sent[hopeless[0]] = &atomic.Int64{}, &atomic.Int64{}
	k.site.provision(k.T, `
projects:
  - name: Soak
    owner: `+soakOwner+`
    channels:
`+k.hooks.channels("moody", len(moody))+k.hooks.channels("silent", len(silent))+k.hooks.channels("hopeless", 1)+`    checks:
`+every(plain, "plain", "1h", "1h", untold)+every(runs, "run", "1h", "1h", untold)+every(k.busy[:len(k.busy)-1], "busy", "1h", "1h", untold)+
		told(moody, "moody", "1h", "1h")+told(silent, "silent", "1s", "1s")+told(hopeless, "hopeless", "1h", "1h"))
	k.site.More = append(k.site.More, "--egress-allow", "127.0.0.0/8")
	turns := calm
	if k.span > monitor.StormSpan {
		turns = min(900, int(k.span/(20*time.Second)))
	}
	paced := func(checks []uuid.UUID, rounds, each int, calls func(int) []call) client {
		pace := k.span / time.Duration(len(checks)*rounds*each)
		return client{checks: checks, pace: max(10*time.Millisecond, pace), rounds: rounds, calls: calls}
	}
	return []client{
		paced(plain, 900, 1, bodies("")),
		paced(runs, 450, 2, startAndEnd),
		paced(moody, turns, 1, bodies("/fail", "")),
		paced(silent, turns/2, 1, bodies("")),
	}
}

// begin starts the load whose answers are only counted.
func (k *soak) begin() {
	ctx, end := context.WithCancel(k.Context())
	k.end = end
	k.Cleanup(k.stop)
	for i, id := range k.busy {
		pace, path := 40*time.Millisecond, func(n int) string { return fmt.Sprintf("?rid=run-%d", n) }
		if i == len(k.busy)-1 { // the hopeless one
			pace, path = min(20*time.Second, k.span/10), func(n int) string { return []string{"/fail", ""}[n%2] }
		}
		k.every(ctx, pace, func(n int) (*http.Request, error) {
			k.sent[id].Add(1)
			return http.NewRequest(http.MethodPost, k.url("/ping/"+id.String()+path(n)), strings.NewReader("report"))
		}, func(int, []byte) { k.acked[id].Add(1) }, &http.Client{Timeout: 10 * time.Second})
	}
	k.every(ctx, 250*time.Millisecond, k.read, nil, k.strangers())
	k.every(ctx, 500*time.Millisecond, k.page, nil, k.reader())
	k.every(ctx, 330*time.Millisecond, k.change, k.changed, k.strangers())
	if k.leak {
		k.leaking(ctx)
	}
}

func (k *soak) stop() {
	k.end()
	k.loads.Wait()
}

func (k *soak) url(path string) string { return "http://" + k.site.Listen + path }

// strangers returns a client that keeps its connections, but no more than it uses.
func (k *soak) strangers() *http.Client { return &http.Client{Timeout: 10 * time.Second} }

// every sends a request at a pace, one after the other, and tells done what a good
// answer was. A machine that is busy with something else may be told to come again.
func (k *soak) every(ctx context.Context, pace time.Duration, request func(n int) (*http.Request, error), done func(int, []byte), client *http.Client) {
	k.loads.Go(func() {
		tick := time.NewTicker(pace)
		defer tick.Stop()
		for n := 0; ; n++ {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			r, err := request(n)
			if err != nil {
				k.Error(err)
				return
			}
			answer, err := client.Do(r)
			if err != nil {
				k.Errorf("%s %s: %v", r.Method, r.URL.Path, err)
				continue
			}
			body, err := io.ReadAll(answer.Body)
			_ = answer.Body.Close()
			switch {
			case err != nil:
				k.Errorf("%s %s: %v", r.Method, r.URL.Path, err)
			case answer.StatusCode < 400:
				k.work.Add(1)
				if done != nil {
					done(n, body)
				}
			case answer.StatusCode != http.StatusServiceUnavailable:
				k.Errorf("%s %s: %d %.300s", r.Method, r.URL.Path, answer.StatusCode, body)
			}
		}
	})
}

// read is what programs look at.
func (k *soak) read(n int) (*http.Request, error) {
	check := k.tracked[n%len(k.tracked)].String()
	paths := []string{"checks/", "checks/" + check, "checks/" + check + "/pings/?limit=20", "checks/" + check + "/flips/", "checks/" + check + "/why", "deliveries/?limit=20", "summary/", "events/?limit=20"}
	return k.ask(http.MethodGet, paths[n%len(paths)], "")
}

// change makes a check, lets it live and deletes it, and changes another meanwhile.
func (k *soak) change(n int) (*http.Request, error) {
	switch turn := n % 5; {
	case turn > 0 && k.changing == "": // it was not made: the machine is busy
		return k.ask(http.MethodGet, "checks/", "")
	case turn == 0:
		return k.ask(http.MethodPost, "checks/", fmt.Sprintf(`{"name":"Changing %d","timeout":3600}`, n))
	case turn == 1:
		return k.ask(http.MethodPost, "checks/"+k.changing+"/pause", "")
	case turn == 2:
		busy := k.busy[n%(len(k.busy)-1)]
		return k.ask(http.MethodPost, "checks/"+busy.String(), fmt.Sprintf(`{"grace":%d}`, 3600+n%7))
	case turn == 3:
		return k.ask(http.MethodPost, "checks/"+k.changing+"/resume", "")
	}
	return k.ask(http.MethodDelete, "checks/"+k.changing, "")
}

// changed notes which check was made.
func (k *soak) changed(n int, answer []byte) {
	var made struct{ UUID string }
	if err := json.Unmarshal(answer, &made); err != nil {
		k.Errorf("a changed check: %v", err)
	}
	switch n % 5 {
	case 0:
		k.changing = made.UUID
	case 4:
		k.changing = ""
	}
}

func (k *soak) ask(method, path, body string) (*http.Request, error) {
	r, err := http.NewRequest(method, k.url("/api/v3/"+path), strings.NewReader(body))
	if err == nil {
		r.Header.Set("X-Api-Key", k.apiKey)
	}
	return r, err
}

// page is what people look at.
func (k *soak) page(n int) (*http.Request, error) {
	paths := []string{"/checks", "/checks/" + k.tracked[n%len(k.tracked)].String(), "/checks/new", "/deliveries", "/channels"}
	return http.NewRequest(http.MethodGet, k.url(paths[n%len(paths)]), nil)
}

// reader is somebody who has logged in.
func (k *soak) reader() *http.Client {
	k.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		k.Fatal(err)
	}
	client := &http.Client{Jar: jar, Timeout: 10 * time.Second}
	answer, err := client.PostForm(k.url("/login"), url.Values{"email": {soakOwner}, "password": {soakPassword}})
	if err != nil {
		k.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK || answer.Request.URL.Path != "/checks" {
		k.Fatalf("log in: %s at %s", answer.Status, answer.Request.URL)
	}
	return client
}

// leaking opens one connection after another and keeps them all.
func (k *soak) leaking(ctx context.Context) {
	k.loads.Go(func() {
		for ctx.Err() == nil {
			transport := &http.Transport{}
			defer transport.CloseIdleConnections()
			if answer, err := (&http.Client{Transport: transport}).Get(k.url("/login")); err == nil {
				_, _ = io.Copy(io.Discard, answer.Body)
				_ = answer.Body.Close()
			}
			select {
			case <-ctx.Done():
			case <-time.After(20 * time.Millisecond):
			}
		}
	})
}

// look samples until the span is over.
func (k *soak) look(server *e2e.Server, load *load) {
	k.Helper()
	tables := k.tablesOf()
	tick := time.NewTicker(max(soakEvery, k.span/soakLooks))
	defer tick.Stop()
	over := time.After(k.span)
	for {
		select {
		case <-over:
			return
		case <-tick.C:
		}
		k.sample("work", float64(k.work.Load()+load.log.acks.Load()))
		size := sizeOf(k.T, k.site, server)
		k.sample("resident memory", float64(size.memory))
		k.sample("goroutines", float64(size.goroutines))
		k.sample("open files", float64(size.files))
		metrics := k.scrape()
		for name, series := range map[string]string{"evidence age": "scheduler_lag_seconds", "write-ahead log": "sqlite_wal_bytes"} {
			if found := regexp.MustCompile(`(?m)^` + series + ` (.*)$`).FindStringSubmatch(metrics); found != nil {
				value, err := strconv.ParseFloat(found[1], 64)
				if err != nil {
					k.Fatal(err)
				}
				k.sample(name, value)
			}
		}
		k.sample("series of metrics", float64(len(regexp.MustCompile(`(?m)^[a-z]`).FindAllString(metrics, -1))))
		for _, table := range tables {
			k.tables[table] = append(k.tables[table], float64(count(k.T, k.site, "SELECT count(*) FROM "+table)))
		}
	}
}

func (k *soak) sample(what string, value float64) { k.samples[what] = append(k.samples[what], value) }

func (k *soak) scrape() string {
	k.Helper()
	answer, err := http.Get("http://" + k.site.Ops + "/metrics")
	if err != nil {
		k.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		k.Fatal(err)
	}
	return string(text)
}

// tablesOf lists the tables of the schema.
func (k *soak) tablesOf() []string {
	k.Helper()
	query := "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
	if k.site.engine.driver != "sqlite" {
		query = "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()"
	}
	names := rows(k.T, k.site, query, func(name *string) []any { return []any{name} })
	for _, kept := range soakKeeps {
		if !slices.Contains(names, kept) {
			k.Errorf("there is no table %s", kept)
		}
	}
	return names
}

// grown lists what there was more of in the later half.
func (k *soak) grown() (found []string) {
	for name, allowed := range soakAllows {
		samples := k.samples[name]
		if len(samples) == 0 && name == "write-ahead log" && k.site.engine.driver != "sqlite" {
			continue
		}
		if len(samples) == 0 {
			found = append(found, "nothing was seen of "+name)
			continue
		}
		before, after, grows := grown(samples, allowed)
		k.Logf("%s: %.6g, then %.6g", name, before, after)
		if grows {
			found = append(found, fmt.Sprintf("%s grew from %.6g to %.6g", name, before, after))
		}
	}
	for name, samples := range k.tables {
		if slices.Contains(soakKeeps, name) {
			if before, after, grows := faster(samples, k.samples["work"]); grows {
				found = append(found, fmt.Sprintf("table %s grew by %.3g, then by %.3g rows for each answer", name, before, after))
			}
		} else if before, after, grows := grown(samples, rowsAllowed); grows {
			found = append(found, fmt.Sprintf("table %s grew from %.6g to %.6g rows", name, before, after))
		}
	}
	return found
}

// counted: a busy check counts every ping that was answered, and none that was not sent.
func (k *soak) counted() {
	k.Helper()
	type check struct {
		id    string
		pings int64
	}
	wrong := 0
	for _, c := range rows(k.T, k.site, "SELECT uuid, n_pings FROM checks", func(c *check) []any { return []any{&c.id, &c.pings} }) {
		id := uuid.MustParse(c.id)
		if k.acked[id] == nil {
			continue
		}
		if acked, sent := k.acked[id].Load(), k.sent[id].Load(); c.pings < acked || c.pings > sent {
			wrong++
			k.Errorf("check %s counts %d pings; %d were sent and %d acknowledged", id, c.pings, sent, acked)
		}
	}
	prove.Report(k.T, "LOST: "+invariants["LOST"], len(k.busy), wrong)
}

// verified lets the program look through the database.
func (k *soak) verified() {
	k.Helper()
	if out, err := exec.Command(k.site.Binary, "verify", "--database", k.site.Database).CombinedOutput(); err != nil {
		k.Errorf("rollcall verify: %v\n%s", err, out)
	}
}
