package scheduler_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"rollcall/internal/fault"
	"rollcall/internal/ingest"
	"rollcall/internal/monitor"
	"rollcall/internal/prove"
	"rollcall/internal/schedule"
	"rollcall/internal/scheduler"
	"rollcall/internal/store"
	"rollcall/internal/store/sqlite"
)

// flaky is a database that can go away, by failing or by hanging.
type flaky struct {
	*sqlite.Store
	mu    sync.Mutex // guards what follows
	gone  bool
	hangs chan struct{} // closed when it is back; nil: it fails
}

func (f *flaky) leave(hang bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.gone = true
	if hang {
		f.hangs = make(chan struct{})
	}
}

func (f *flaky) comeBack() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.hangs != nil {
		close(f.hangs)
	}
	f.gone, f.hangs = false, nil
}

// try returns nil when the database answers, once it does.
func (f *flaky) try(ctx context.Context) error {
	f.mu.Lock()
	gone, hangs := f.gone, f.hangs
	f.mu.Unlock()
	if !gone {
		return nil
	}
	select {
	case <-hangs: // blocks for ever when it fails
		return nil
	case <-ctx.Done():
		return fault.Unavailable
	case <-failing(hangs):
		return fault.Unavailable
	}
}

func failing(hangs chan struct{}) <-chan struct{} {
	if hangs != nil {
		return nil
	}
	now := make(chan struct{})
	close(now)
	return now
}

func (f *flaky) Transitions(ctx context.Context, steps []store.Step) ([]store.Result, error) {
	if err := f.try(ctx); err != nil {
		return nil, err
	}
	return f.Store.Transitions(ctx, steps)
}

func (f *flaky) Spans(ctx context.Context) ([]monitor.Span, error) {
	if err := f.try(ctx); err != nil {
		return nil, err
	}
	return f.Store.Spans(ctx)
}

// node is a process that takes pings and judges. It looks every few seconds only, so
// that a test can live through days.
type node struct {
	in    *ingest.Ingest
	s     *scheduler.Scheduler
	end   context.CancelFunc
	group errgroup.Group
}

const look = 15 * time.Second

func startNode(t *testing.T, st scheduler.Store, now func() time.Time) *node {
	log := slog.New(slog.DiscardHandler)
	n := &node{in: ingest.New(st, ingest.Options{Now: now, Log: log, Node: "node", MarkEvery: 14 * time.Second})}
	n.s = &scheduler.Scheduler{Store: st, Now: now, Evidence: n.in.Evidence, Node: "node", Log: log}
	ctx, end := context.WithCancel(context.Background())
	n.end = end
	n.group.Go(func() error { return n.in.Run(ctx) })
	n.group.Go(func() error {
		for ctx.Err() == nil {
			if _, _, err := n.s.Tick(ctx, now()); err != nil && ctx.Err() == nil && !errors.Is(err, fault.Unavailable) {
				t.Error(err)
			}
			select {
			case <-ctx.Done():
			case <-time.After(look):
			}
		}
		return nil
	})
	return n
}

// stop ends the process, as it should be done or as a kill does.
func (n *node) stop(clean bool) {
	if clean {
		n.in.Leave(context.Background())
	}
	n.end()
	_ = n.group.Wait()
}

// job is something that pings on its own schedule, if it lives.
type job struct {
	name   string
	spec   schedule.Spec
	grace  time.Duration
	offset time.Duration // after its slot, that it pings
	base   time.Time     // of a plain period: one of its pings
	dead   bool          // from the outage on
	until  time.Duration // after the outage; then it is deleted, because all is said
	check  monitor.Check
	refuse int // pings that were not taken
}

// slots are the job's own: when it is meant to run, from one instant to another. A
// plain period counts from base.
func (j *job) slots(from, to time.Time) []time.Time {
	var list []time.Time
	if j.spec.Kind == schedule.Every {
		for at := j.base; !at.After(to); at = at.Add(j.spec.Period) {
			if !at.Before(from) {
				list = append(list, at)
			}
		}
		return list
	}
	minute, hours, _ := strings.Cut(strings.TrimSuffix(j.spec.Expr, " * * *"), " ")
	for at := from.Truncate(time.Minute); !at.After(to); at = at.Add(time.Minute) {
		if fmt.Sprint(at.Minute()) == minute && (hours == "*" || slices.Contains(strings.Split(hours, ","), fmt.Sprint(at.Hour()))) && !at.Before(from) {
			list = append(list, at)
		}
	}
	return list
}

// jobsAround has a healthy and a dead job for each way in which an outage can meet a
// schedule.
func jobsAround(from time.Time, long time.Duration, period int) []*job {
	half := from.Add(long / 2).Truncate(time.Minute)
	if half.Before(from) {
		half = from
	}
	hourly := func(at time.Time) schedule.Spec {
		return schedule.Spec{Kind: schedule.Cron, Expr: fmt.Sprintf("%d * * * *", at.Minute()), Zone: "UTC"}
	}
	daily := func(at time.Time) schedule.Spec {
		var hours []string
		for h := at.Hour() % period; h < 24; h += period {
			hours = append(hours, fmt.Sprint(h))
		}
		return schedule.Spec{Kind: schedule.Cron, Expr: fmt.Sprintf("%d %s * * *", at.Minute(), strings.Join(hours, ",")), Zone: "UTC"}
	}
	inside := from.Add(min(long/2, 30*time.Minute))
	ever := time.Duration(period)*time.Hour + 90*time.Minute // the next run, and its grace
	kinds := []job{
		{name: "minute", spec: every(time.Minute), grace: time.Minute, base: from.Add(-9*time.Minute - 30*time.Second), until: time.Hour},
		{name: "minute at the outage", spec: every(time.Minute), grace: time.Minute, base: from.Add(500*time.Millisecond - 9*time.Minute), until: time.Hour},
		{name: "hour, inside", spec: every(time.Hour), grace: 5 * time.Minute, base: inside.Add(-time.Hour), until: 4 * time.Hour},
		{name: "hour, outside", spec: every(time.Hour), grace: 5 * time.Minute, base: from.Add(-10 * time.Minute), until: 4 * time.Hour},
		{name: "hour by cron, inside", spec: hourly(half), grace: 5 * time.Minute, offset: 500 * time.Millisecond, until: 4 * time.Hour},
		{name: "hour by cron, before", spec: hourly(from.Add(-2 * time.Minute)), grace: 15 * time.Minute, offset: 2*time.Minute + 300*time.Millisecond, until: 4 * time.Hour},
		{name: "day, inside", spec: daily(half), grace: time.Hour, offset: 700 * time.Millisecond, until: ever},
		{name: "day, outside", spec: daily(from.Add(-40 * time.Minute)), grace: time.Hour, offset: 10 * time.Second, until: ever},
		{name: "day, before and late", spec: daily(from.Add(-10 * time.Minute)), grace: time.Hour, offset: 10*time.Minute + 300*time.Millisecond, until: ever},
		{name: "day, done after", spec: daily(from.Add(-3 * time.Minute)), grace: time.Hour, offset: min(long, 20*time.Minute) + 5*time.Minute, until: ever},
	}
	var jobs []*job
	for _, kind := range kinds {
		for _, dead := range []bool{false, true} {
			j := kind
			if j.dead = dead; dead {
				j.name += ", dead"
			}
			jobs = append(jobs, &j)
		}
	}
	return jobs
}

// An outage of ours, however it comes and however long it is, makes nobody's healthy
// job down; and it hides no dead one for longer than to the first run that we could
// have seen. Each job tries once and does not come again. A process that is away for
// so short that it is no outage cannot know what it missed, so of that length it is
// the database that goes.
func TestOurOutageIsNotTheirFailure(t *testing.T) {
	lengths := []time.Duration{time.Second, 16 * time.Second, 2 * time.Minute, 20 * time.Minute, 3 * time.Hour, 30 * time.Hour}
	ways := []string{"database fails", "database hangs", "stopped", "killed"}
	var healthy, dead, falsely, late, projects, digests int
	for i, long := range lengths {
		for k, way := range ways {
			if !prove.Long() && k != i%len(ways) || long < monitor.BlindAfter && k > 1 {
				continue
			}
			t.Run(fmt.Sprintf("%s for %v", way, long), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					o := newOuting(t, long, way)
					o.live()
					for _, j := range o.jobs {
						verdict := o.judge(j)
						if j.dead {
							dead++
							late += verdict
						} else {
							healthy++
							falsely += verdict
						}
					}
					projects++
					digests += o.judgeDigest()
				})
			})
		}
	}
	prove.Report(t, "FALSE: an outage of ours takes no healthy job down", healthy, falsely)
	prove.Report(t, "BOUND: an outage of ours hides no dead job beyond the first run that could be seen", dead, late)
	prove.Report(t, "DIGEST: one message for a project and channel when a check could not be verified, else none", projects, digests)
}

// outing is a world with jobs that live through an outage.
type outing struct {
	*world
	flaky    *flaky
	way      string
	from, to time.Time
	jobs     []*job
	node     *node
	sends    sync.WaitGroup
	mu       sync.Mutex // guards what was refused, of each job
}

func newOuting(t *testing.T, long time.Duration, way string) *outing {
	w := newWorld(t)
	start := now()
	o := &outing{world: w, flaky: &flaky{Store: w.Store}, way: way, from: start.Add(100 * time.Minute)}
	o.to = o.from.Add(long)
	o.jobs = jobsAround(o.from, long, prove.Scale(3, 24))
	for _, j := range o.jobs {
		c, err := w.CreateCheck(t.Context(), monitor.Create(monitor.Check{
			UUID: uuid.New(), Project: w.project.ID, Config: monitor.Config{Name: j.name, Schedule: j.spec, Grace: j.grace},
		}, start), []monitor.ChannelID{w.channel.ID})
		if err != nil {
			t.Fatal(err)
		}
		j.check = c
	}
	return o
}

// moment is something that happens at a time.
type moment struct {
	at time.Time
	do func()
}

// live lets everything happen in its order.
func (o *outing) live() {
	var all []moment
	end := o.to
	for _, j := range o.jobs {
		over := o.to.Add(j.until)
		if over.After(end) {
			end = over
		}
		if j.spec.Kind == schedule.Cron { // it has run before
			all = append(all, moment{o.from.Add(-90 * time.Minute), func() { o.send(j) }})
		}
		for _, slot := range j.slots(o.from.Add(-80*time.Minute), over) {
			if at := slot.Add(j.offset); !j.dead || at.Before(o.from) {
				all = append(all, moment{at, func() { o.send(j) }})
			}
		}
	}
	all = append(all, moment{now(), func() { o.node = startNode(o.t, o.flaky, now) }},
		moment{o.from, o.begin}, moment{o.to, o.over}, moment{end, func() {}})
	slices.SortStableFunc(all, func(a, b moment) int { return a.at.Compare(b.at) })
	for _, m := range all {
		time.Sleep(m.at.Sub(now()))
		m.do()
	}
	o.sends.Wait()
	o.node.stop(true)
}

func (o *outing) send(j *job) {
	in := o.node
	if in == nil {
		o.refused(j) // the connection
		return
	}
	o.sends.Go(func() {
		if submit(in, j.check) != nil {
			o.refused(j)
		}
	})
}

func (o *outing) refused(j *job) {
	o.mu.Lock()
	defer o.mu.Unlock()
	j.refuse++
}

func (o *outing) begin() {
	switch o.way {
	case "database fails", "database hangs":
		o.flaky.leave(o.way == "database hangs")
	default:
		o.node.stop(o.way == "stopped")
		o.node = nil
	}
}

func (o *outing) over() {
	o.flaky.comeBack()
	if o.node == nil {
		o.node = startNode(o.t, o.flaky, now)
	}
}

// judge returns 1 when a promise about the job is broken.
func (o *outing) judge(j *job) int {
	var downs []monitor.Flip
	for _, f := range o.flips(j.check) {
		if f.New == monitor.Down && f.Judged.Before(o.to.Add(j.until)) {
			downs = append(downs, f)
		}
	}
	if !j.dead {
		if len(downs) > 0 {
			o.t.Errorf("%s is healthy (%d of its pings refused) and was told down: %+v", j.name, j.refuse, downs)
			return 1
		}
		return 0
	}
	seen := j.slots(o.to.Add(monitor.EarlyTolerance), o.to.AddDate(0, 0, 3))[0] // none of its pings is ever earlier
	if j.spec.Kind == schedule.Every {
		seen = o.to.Add(j.spec.Period) // it need not have kept to its phase
	}
	by := seen.Add(j.grace + monitor.WarmUp + 5*look)
	if len(downs) != 1 || downs[0].Judged.After(by) {
		o.t.Errorf("%s is dead and was not told once by %v: %+v", j.name, by, o.flips(j.check))
		return 1
	}
	return 0
}

// judgeDigest returns 1 when it was not told as it should which checks could not be
// verified.
func (o *outing) judgeDigest() int {
	unknown := 0
	for _, j := range o.jobs {
		for _, f := range o.flips(j.check) {
			if f.New == monitor.Unknown {
				unknown++
				break
			}
		}
	}
	rows, err := o.Deliveries(o.t.Context(), store.DeliveryQuery{Project: o.project.ID, Limit: 1000})
	if err != nil {
		o.t.Fatal(err)
	}
	got := 0
	for _, row := range rows {
		if row.Kind == monitor.ForBlind {
			got++
		}
	}
	blinds, err := o.Blinds(o.t.Context(), time.Time{}, 10)
	if err != nil {
		o.t.Fatal(err)
	}
	want, wantBlinds := min(unknown, 1), 0
	if o.to.Sub(o.from) > monitor.BlindAfter {
		wantBlinds = 1
	}
	o.t.Logf("%d unknown, %d digests, blind %v", unknown, got, blinds)
	if got != want || len(blinds) != wantBlinds {
		o.t.Errorf("%d digests for %d unknown checks, %d blind intervals, want %d", got, unknown, len(blinds), wantBlinds)
		return 1
	}
	return 0
}

func reportOf(c monitor.Check) ingest.Report {
	return ingest.Report{Ref: store.Ref{UUID: c.UUID}, Ping: monitor.Ping{Signal: monitor.Success, Method: "POST"}}
}
