package e2e_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"rollcall/internal/prove"
)

// killSpan is how long after its first acknowledged ping a process is killed at
// most, when it is at a random moment.
const killSpan = 250 * time.Millisecond

// randomKills is how many of them a round has, beside those at failpoints.
const randomKills = 30

// Checks that tell nobody, and how often others may change before it is a storm.
const (
	untold = ", channels: []"
	calm   = 18
)

// testKill kills the process again and again while jobs report and alerts are on
// their way, at random moments and at every failpoint, and then holds what clients
// and receiver saw against the database.
func testKill(t *testing.T, s *site) {
	for round := range prove.Scale(1, 20) {
		if round > 0 {
			s = s.another(t)
		}
		killRound(t, s)
	}
}

func killRound(t *testing.T, s *site) {
	hooks := newReceiver(t, 10*time.Millisecond) // long enough to be killed under way
	plain, runs, flood, mails, moody, silent := newIDs(60), newIDs(40), newIDs(1), newIDs(4), newIDs(150), newIDs(48)
	s.provision(t, `
projects:
  - name: Kill
    owner: ops@example.org
    channels:
`+hooks.channels("moody", len(moody))+hooks.channels("silent", len(silent))+`    checks:
`+every(plain, "plain", "1h", "1h", untold)+every(runs, "run", "1h", "1h", untold)+every(flood, "flood", "1h", "1h", untold)+every(mails, "mail", "1h", "1h", untold)+
		told(moody, "moody", "1h", "1h")+told(silent, "silent", "1s", "1s"))
	s.More = append(s.More, "--egress-allow", "127.0.0.0/8")
	s.takeMail(t)

	seed := rand.Uint64()
	t.Logf("seed of the moments: %d", seed)
	k := killing{
		T: t, site: s, moments: rand.New(rand.NewPCG(seed, 0)),
		// The newest 1,000 pings of a check are kept. What may be silent has to last as long
		// as the kills, on a busy machine two minutes: 48 checks, nine times, every 0.3 s.
		load: begin(
			t, s,
			client{checks: plain[:30], pace: 4 * time.Millisecond, rounds: 900, calls: bodies("")},
			client{checks: plain[30:], pace: 4 * time.Millisecond, rounds: 900, calls: bodies("")},
			client{checks: runs, pace: 4 * time.Millisecond, rounds: 450, calls: startAndEnd},
			client{checks: flood, pace: 20 * time.Millisecond, rounds: 900, calls: bodies("")},
			client{checks: mails, pace: 40 * time.Millisecond, rounds: 900, calls: bodies(""), mail: true},
			client{checks: moody, pace: 60 * time.Millisecond, rounds: calm, calls: bodies("/fail", "")},
			client{checks: silent, pace: 300 * time.Millisecond, rounds: calm / 2, calls: bodies("")},
		),
	}
	plan := k.plan()
	for _, c := range plan {
		k.cycle(c)
		s.leasesRunOut(t)
	}
	h := k.settle(hooks)
	wrong := h.violations()
	tally(t, len(plan), wrong)
	t.Logf("%d kills, %d violations: %d pings sent, %d acknowledged, %d rows; %d flips, %d deliveries, %d messages",
		len(plan), len(wrong), len(h.sent), len(h.acked), len(h.pings), len(h.flips), len(h.deliveries), len(h.received))
	missed := count(t, s, "SELECT count(*) FROM flips WHERE reason = 'timeout'")
	mailed := count(t, s, "SELECT count(*) FROM pings WHERE scheme = 'email'")
	if len(plan) < 50 || len(h.acked) < 10*len(plan) || len(h.deliveries) < len(plan) || missed == 0 || mailed == 0 {
		t.Error("there was too little to lose")
	}
}

// killing is a round of kills.
type killing struct {
	*testing.T
	site    *site
	load    *load
	moments *rand.Rand
	crashes []time.Time
}

// cycle is one life of a process and how it ends: at a random moment; or because
// of what happens at a failpoint; or soon after.
type cycle struct{ point, action string }

// plan is a round in random order: every failpoint with everything that means
// something there, and random moments between them.
func (k *killing) plan() []cycle {
	plan := make([]cycle, randomKills)
	for _, p := range failpoints(k.T) {
		if p.ofCommand() || strings.HasPrefix(p.name, "sqlite.") && k.site.engine.driver != "sqlite" {
			continue
		}
		plan = append(plan, cycle{p.name, "kill"}, cycle{p.name, "hang"})
		if p.fails {
			plan = append(plan, cycle{p.name, "error"})
		}
	}
	k.moments.Shuffle(len(plan), func(i, j int) { plan[i], plan[j] = plan[j], plan[i] })
	return plan
}

// cycle lets a process live and die.
func (k *killing) cycle(c cycle) {
	k.Helper()
	serve := k.site.Serve
	if c.point != "" {
		nth := 1 + k.moments.IntN(3)
		if slices.ContainsFunc([]string{"trim.", "stop.", "lookout."}, func(seldom string) bool { return strings.HasPrefix(c.point, seldom) }) {
			nth = 1
		}
		serve.Binary, serve.Failures = k.site.armed, fmt.Sprintf("%s:%d:%s", c.point, nth, c.action)
	}
	server, err := serve.Start()
	if err != nil {
		k.Fatal(err)
	}
	defer func() {
		server.Kill()
		k.crashes = append(k.crashes, time.Now())
	}()
	if c.point == "" || strings.HasPrefix(c.point, "stop.") {
		k.load.acknowledged(k.T, time.Minute)
		k.wait(killSpan)
	}
	if c.point == "" {
		return
	}
	if strings.HasPrefix(c.point, "stop.") {
		server.Terminate()
	}
	eventually(k.T, time.Minute, c.point+" is passed", func() bool {
		return strings.Contains(server.Output(), "failpoint "+c.point+" "+c.action)
	})
	if c.action != "kill" {
		k.wait(killSpan)
		return
	}
	ctx, cancel := context.WithTimeout(k.Context(), 10*time.Second)
	defer cancel()
	if got, err := server.Signalled(ctx); err != nil || got != syscall.SIGKILL {
		k.Errorf("at %s the process ended by %v: %v\n%s", c.point, got, err, server.Output())
	}
}

// wait waits for a random part of a span.
func (k *killing) wait(span time.Duration) {
	<-time.After(time.Duration(k.moments.Int64N(int64(span))))
}

// settle lets a last process live until everybody is told, and returns the history.
func (k *killing) settle(hooks *receiver) history {
	k.Helper()
	server := k.site.run(k.T)
	k.load.acknowledged(k.T, time.Minute)
	h := k.load.stop()
	var open []string
	defer func() {
		if len(open) > 0 {
			k.Logf("in the end: %q\n%s", open, server.Output())
		}
	}()
	eventually(k.T, 3*time.Minute, "everybody is told", func() bool {
		open = k.site.open(k.T)
		return len(open) == 0
	})
	stop(k.T, server)
	h.crashes = k.crashes
	k.site.read(k.T, &h)
	hooks.read(k.T, &h)
	return h
}

// failpoint is one that the code has.
type failpoint struct {
	name  string
	fails bool // an operation can fail there
}

// ofCommand reports whether a server does not pass it, or not always.
func (p failpoint) ofCommand() bool {
	return strings.HasPrefix(p.name, "backup.") || strings.HasPrefix(p.name, "secrets.")
}

// failpoints finds them in the code, so that none is left out.
func failpoints(t *testing.T) []failpoint {
	t.Helper()
	call := regexp.MustCompile(`failpoint\.(?:(Here|Err)\(|Request\(ctx, )"([a-z_.0-9]+)"\)`)
	var points []failpoint
	for _, dir := range []string{"../../internal", "../../web"} {
		err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for _, found := range call.FindAllStringSubmatch(string(text), -1) {
				if found[1] == "" {
					points = append(points, failpoint{name: found[2] + ".connected"}, failpoint{name: found[2] + ".written"})
					continue
				}
				points = append(points, failpoint{found[2], found[1] == "Err"})
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	slices.SortFunc(points, func(a, b failpoint) int { return strings.Compare(a.name, b.name) })
	points = slices.Compact(points) // one name stands in both engines
	if len(points) < 20 {
		t.Fatalf("found only %v", points)
	}
	return points
}

// open is what still has to happen: silence to be noticed, deliveries to be made,
// unless they are hopeless.
func (s *site) open(t *testing.T) []string {
	t.Helper()
	return rows(t, s, `SELECT name || ' is ' || status FROM checks WHERE status = 'up' AND name LIKE 'silent%'
		UNION ALL SELECT 'delivery ' || id || ' of check ' || COALESCE(check_id, 0) || ' is ' || state || ' after ' || attempts || ' attempts: ' || answer
		FROM deliveries WHERE state IN ('pending', 'sending')
			AND channel_id NOT IN (SELECT id FROM channels WHERE name LIKE 'hopeless%')`, func(text *string) []any { return []any{text} })
}

// leasesRunOut lets a minute pass for what a process was sending when it died, while
// none runs. On SQLite the next process need not wait for that.
func (s *site) leasesRunOut(t *testing.T) {
	t.Helper()
	if s.engine.driver == "sqlite" {
		return
	}
	if _, err := s.db.ExecContext(t.Context(), "UPDATE deliveries SET next_at = next_at - 60000000 WHERE state = 'sending'"); err != nil {
		t.Fatal(err)
	}
}

// pingRow is what tells a stored ping from others.
type pingRow struct {
	check             uuid.UUID
	signal, run, body string
}

const pingRows = "SELECT c.uuid, p.signal, p.run_id, p.body FROM pings p JOIN checks c ON c.id = p.check_id"

func (r *pingRow) fields() []any { return []any{&r.check, &r.signal, &r.run, (*nullText)(&r.body)} }

func (r *pingRow) id() pingID { return newPingID(r.check, r.signal, r.run, r.body) }

// read takes what the database holds into a history.
func (s *site) read(t *testing.T, h *history) {
	t.Helper()
	micros := func(us int64) time.Time { return time.UnixMicro(us) }
	type check struct {
		checkRow
		period, grace int64
	}
	for _, c := range rows(t, s, `SELECT uuid, status, rev, n_pings, coalesced, period, grace,
		(SELECT count(*) FROM check_channels WHERE check_id = checks.id) FROM checks`, func(c *check) []any {
		return []any{&c.uuid, &c.status, &c.rev, &c.pings, &c.coalesced, &c.period, &c.grace, &c.channels}
	}) {
		c.limit = time.Duration(c.period+c.grace) * time.Second
		h.checks = append(h.checks, c.checkRow)
	}
	for _, r := range rows(t, s, pingRows, (*pingRow).fields) {
		h.pings = append(h.pings, r.id())
	}
	type flip struct {
		flipRow
		at, judged int64
	}
	for _, f := range rows(t, s, "SELECT c.uuid, f.rev, f.new_status, f.reason, f.at, f.judged_at, f.tell FROM flips f JOIN checks c ON c.id = f.check_id", func(f *flip) []any {
		return []any{&f.check, &f.rev, &f.to, &f.reason, &f.at, &f.judged, &f.tell}
	}) {
		f.flipRow.at, f.flipRow.judged = micros(f.at), micros(f.judged)
		h.flips = append(h.flips, f.flipRow)
	}
	type delivery struct {
		deliveryRow
		created int64
		check   string
	}
	for _, d := range rows(t, s, `SELECT d.id, d.channel_id, d.kind, COALESCE(d.rev, 0), d.state, d.attempts, d.created_at, COALESCE(d.digest_id, 0), COALESCE(c.uuid, '')
		FROM deliveries d LEFT JOIN checks c ON c.id = d.check_id`, func(d *delivery) []any {
		return []any{&d.ID, &d.Channel, &d.Kind, &d.Rev, &d.State, &d.Attempts, &d.created, &d.Digest, &d.check}
	}) {
		d.Created = micros(d.created)
		if d.check != "" {
			d.deliveryRow.check = uuid.MustParse(d.check)
		}
		h.deliveries = append(h.deliveries, d.deliveryRow)
	}
}

// read takes what came in into a history.
func (r *receiver) read(t *testing.T, h *history) {
	t.Helper()
	for _, got := range r.all() {
		h.received = append(h.received, message{got.id, got.at})
		if got.wrong != nil {
			t.Errorf("message %s: %v", got.id, got.wrong)
		}
	}
}

// testUnarmed shows that the binary that people run has no failpoints.
func testUnarmed(t *testing.T, s *site) {
	ordinary, err := os.ReadFile(s.Binary)
	if err != nil {
		t.Fatal(err)
	}
	armed, err := os.ReadFile(s.armed)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, p := range append([]failpoint{{name: "ROLLCALL_FAILPOINT"}}, failpoints(t)...) {
		if bytes.Contains(ordinary, []byte(p.name)) {
			t.Errorf("the ordinary binary holds %q", p.name)
		}
		if bytes.Contains(armed, []byte(p.name)) {
			found++
		}
	}
	if found < 20 {
		t.Errorf("of the names only %d are found where they must be, in the binary with failpoints", found)
	}
	id := newIDs(1)
	s.provision(t, "projects:\n  - name: Calm\n    owner: ops@example.org\n    checks:\n"+every(id, "job", "1h", "1h", ""))
	s.Failures = "ping.received:1:kill"
	server := s.run(t)
	if got := curl(t, server.URL("/ping/"+id[0].String())); got.status != 200 {
		t.Errorf("asked to die, the ordinary binary answered %d %q", got.status, got.body)
	}
	stop(t, server)
}
