package sim_test

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/robfig/cron/v3"

	"rollcall/internal/alerter"
	"rollcall/internal/monitor"
	"rollcall/internal/prove"
	"rollcall/internal/schedule"
	"rollcall/internal/scheduler"
	"rollcall/internal/store"
)

// bug is a mistake that a life is lived with, planted where the parts meet; 0 is none.
type bug int

// The mistakes that systems of this kind have had.
const (
	flipAlone      bug = iota + 1 // a flip is written without its deliveries
	leaseForever                  // what a dead process had leased is not taken over
	noteBeforeSend                // an attempt is recorded before it is made
	noGrace                       // the deadline is the slot itself
	noEvidence                    // the wall clock decides, pings that wait are not looked at
	noBlindness                   // our own outage is not made good
	noLane                        // an alarm that is tried again is overtaken by its end
	staleResume                   // resume goes on with the deadline from before the pause
	countTwice                    // a repeated end of a run counts again
	newID                         // every attempt has an id of its own
	cronLibrary                   // slots are the cron library's, which knows no clock changes
	shortDigest                   // a digest leaves one of its changes out
	trimPending                   // what has waited for an hour to be sent is deleted with what is old
	replayUnsent                  // a replay only looks as if it were made
	madeGoodTwice                 // an outage of ours is made good as if there had been two
	countForever                  // a success does not end the count of bad results
	unwritten                     // a report or a reminder is planned on without being written
	mailUnanswered                // a mail of which nobody knows whether it was taken counts as sent
)

// transitions is the door with the mistakes that are made there.
func (b bug) transitions(p *port, ctx context.Context, steps []store.Step) ([]store.Result, error) {
	steps = slices.Clone(steps)
	for i := range steps {
		right := steps[i].Decide
		switch {
		case steps[i].Mark != nil:
		case b == flipAlone && p.part == judging:
			steps[i].Decide = func(c monitor.Check) monitor.Change {
				change := right(c)
				if change.Flip != nil && change.Flip.Rev%3 == 0 {
					silent := *change.Flip
					silent.Tell, silent.Facts.Advice = false, lostAdvice
					change.Flip = &silent
				}
				return change
			}
		case b == noGrace && p.part == judging:
			steps[i].Decide = func(c monitor.Check) monitor.Change {
				grace := c.Grace
				c.Grace = time.Second
				change := right(c)
				change.Check.Grace = grace
				return change
			}
		case b == noGrace:
			steps[i].Decide = func(c monitor.Check) monitor.Change {
				change := right(c)
				if !change.Check.Due.IsZero() && !change.Check.Wake.IsZero() {
					change.Check.Wake = change.Check.Due.Add(time.Second)
				}
				return change
			}
		case b == staleResume && p.part == ops:
			steps[i].Decide = func(c monitor.Check) monitor.Change {
				change := right(c)
				switch {
				case change.Check.Status == monitor.Paused && c.Status != monitor.Paused:
					p.w.stale[c.ID] = c.Due
				case c.Status == monitor.Paused && !p.w.stale[c.ID].IsZero():
					change.Check.Due = p.w.stale[c.ID]
					change.Check.Wake = change.Check.Due.Add(c.Grace)
				}
				return change
			}
		case b == madeGoodTwice && p.part == judging:
			steps[i].Decide = func(c monitor.Check) monitor.Change {
				change := right(c)
				if more := change.Check.Credit - c.Credit; more > 0 {
					change.Check.Credit += more
					change.Check.Wake = change.Check.Wake.Add(more)
				}
				return change
			}
		case b == countTwice && p.part == storing:
			steps[i].Decide = func(c monitor.Check) monitor.Change {
				c.Runs = slices.DeleteFunc(slices.Clone(c.Runs), func(r monitor.Run) bool { return !r.Open() })
				return right(c)
			}
		case b == countForever && p.part == storing:
			steps[i].Decide = func(c monitor.Check) monitor.Change {
				change := right(c)
				change.Check.FailStreak = max(change.Check.FailStreak, c.FailStreak)
				return change
			}
		case b == cronLibrary:
			steps[i].Decide = func(c monitor.Check) monitor.Change { return byLibrary(c, right(c)) }
		}
	}
	results, err := p.Store.Transitions(ctx, steps)
	for i := range results {
		if f := results[i].Change.Flip; f != nil && f.Facts.Advice == lostAdvice {
			told := *f
			told.Tell = told.New == monitor.Down
			results[i].Change.Flip = &told
		}
	}
	return results, err
}

const lostAdvice = "its deliveries are lost"

// byLibrary puts the slot that the cron library finds in the place of the awaited one.
func byLibrary(before monitor.Check, change monitor.Change) monitor.Change {
	c := change.Check
	if c.Schedule.Kind != schedule.Cron || c.Due.IsZero() || c.Due.Equal(before.Due) {
		return change
	}
	right, err := c.Schedule.Parse()
	if err != nil {
		panic(err)
	}
	theirs, err := cron.ParseStandard("CRON_TZ=" + c.Schedule.Zone + " " + c.Schedule.Expr)
	if err != nil {
		panic(err)
	}
	if from, ok := right.Previous(c.Due); ok && !theirs.Next(from).Equal(c.Due) {
		c.Due = theirs.Next(from).UTC()
		if at := c.Due.Add(c.Grace); c.Status != monitor.Down && c.Status != monitor.Paused && at.Before(c.Wake) {
			c.Wake = at
		}
		change.Check = c
	}
	return change
}

func (b bug) awaited(p *port, ctx context.Context, after monitor.CheckID, limit int) ([]monitor.CheckID, error) {
	if b == noBlindness {
		return nil, nil
	}
	return p.Store.AwaitedChecks(ctx, after, limit)
}

// lease is how deliveries are claimed. Without a lane, what waits to be tried again
// is hidden from the store meanwhile, which then holds nothing back for it; but not
// while its breaker is open, as it may be due ahead of its time.
func (b bug) lease(p *port, ctx context.Context, l store.Lease) ([]store.Dispatch, error) {
	switch b {
	case leaseForever:
		l.Until = l.Until.Add(1000 * day)
	case noLane:
		p.w.exec(`UPDATE deliveries SET ended_at = next_at, next_at = NULL WHERE state = 'pending' AND next_at > ?
			AND channel_id NOT IN (SELECT channel_id FROM channel_health WHERE opened_at IS NOT NULL)`, l.Now.UnixMicro())
		defer p.w.exec(`UPDATE deliveries SET next_at = ended_at, ended_at = NULL WHERE state = 'pending' AND next_at IS NULL`)
	}
	return p.Store.LeaseDeliveries(ctx, l)
}

func (b bug) gather(p *port, ctx context.Context, channel monitor.ChannelID, now time.Time) (bool, error) {
	more, err := p.Store.Gather(ctx, channel, now)
	if b == shortDigest && err == nil {
		p.w.exec(`UPDATE roundups SET content = json_remove(content, '$.changes[0]'), down = down - 1
			WHERE delivery_id = (SELECT max(delivery_id) FROM roundups) AND json_array_length(content, '$.changes') = down + up`)
	}
	return more, err
}

func (b bug) trim(w *world, keep store.Keep) (bool, error) {
	if b == trimPending {
		w.exec(`DELETE FROM deliveries WHERE created_at < ? AND state = 'pending'`, keep.Deliveries.Add(keptFor-time.Hour).UnixMicro())
	}
	return w.store.Trim(w.t.Context(), keep)
}

func (b bug) replay(w *world, d store.DeliveryRow) error {
	err := w.store.ReplayDelivery(w.t.Context(), w.project.ID, d.ID, w.now())
	if b == replayUnsent {
		w.exec(`UPDATE deliveries SET state = 'sent', ended_at = next_at, next_at = NULL WHERE id = ?`, int64(d.ID))
	}
	return err
}

// exec changes the database past the store.
func (w *world) exec(query string, args ...any) {
	db, err := sql.Open("sqlite", w.path+"?_pragma=busy_timeout(5000)")
	if err == nil {
		defer db.Close()
		_, err = db.ExecContext(w.t.Context(), query, args...)
	}
	if err != nil {
		w.t.Error(err)
	}
}

func (b bug) sender(n *node, right alerter.Sender) alerter.Sender {
	switch b {
	case newID:
		return sender(func(ctx context.Context, m alerter.Message) alerter.Outcome {
			m.ID = fmt.Sprintf("%s-%d", m.ID, m.Attempt)
			return right.Send(ctx, m)
		})
	case noteBeforeSend:
		return sender(func(ctx context.Context, m alerter.Message) alerter.Outcome {
			done := monitor.Result{Verdict: monitor.Done, Answer: "on its way"}
			after, _ := m.Delivery.Settle(done, m.Now)
			attempt := monitor.Attempt{Delivery: m.Delivery.ID, N: m.Attempt, Started: m.Now, OK: true}
			if err := n.w.port(n, noting).RecordAttempt(ctx, attempt, after, ""); err != nil {
				return alerter.Outcome{Result: monitor.Result{Verdict: monitor.Retry, Answer: err.Error()}}
			}
			return right.Send(ctx, m)
		})
	case mailUnanswered:
		return sender(func(ctx context.Context, m alerter.Message) alerter.Outcome {
			out := right.Send(ctx, m)
			if m.Channel.Kind == monitor.Email && out.Code == nil {
				out.Verdict = monitor.Done
			}
			return out
		})
	}
	return right
}

type sender func(context.Context, alerter.Message) alerter.Outcome

// Send implements alerter.Sender.
func (s sender) Send(ctx context.Context, m alerter.Message) alerter.Outcome { return s(ctx, m) }

func (b bug) blindfold(s *scheduler.Scheduler) {
	if b == noEvidence {
		s.Evidence = func(now time.Time) time.Time { return now }
	}
}

// planted are the mistakes, each with a seed from which on one of a few lives finds it.
// Most are found by one of the first; looking for the others from the first on would
// take minutes.
var planted = []struct {
	name string
	bug  bug
	from uint64
}{
	{"a flip without its deliveries", flipAlone, 1},
	{"a new id for every attempt", newID, 3},
	{"a repeated end counted twice", countTwice, 1},
	{"an attempt recorded before it is made", noteBeforeSend, 6},
	{"grace ignored", noGrace, 1},
	{"our outage not made good", noBlindness, 1},
	{"resume with the old deadline", staleResume, 1},
	{"a lease that never ends", leaseForever, 13},
	{"the clock instead of the evidence", noEvidence, 40},
	{"up before its down", noLane, 37},
	{"the cron library's slots", cronLibrary, 12},
	{"a replay that is not made", replayUnsent, 18},
	{"retention that takes what still waits", trimPending, 113},
	{"a digest that leaves a change out", shortDigest, 26},
	{"a mail without an answer counts as sent", mailUnanswered, 48},
	{"a count that a success does not end", countForever, 1},
	{"a mail to a person that is not written", unwritten, 1},
	{"an outage made good twice", madeGoodTwice, 1},
}

// foundWithin is in how many lives a planted mistake has to be found.
const foundWithin = 40

// TestEveryPlantedBugIsFound shows that the oracle has teeth: with each mistake one
// of a few lives breaks a promise, and without it the same lives break none.
func TestEveryPlantedBugIsFound(t *testing.T) {
	dir := memory(t)
	var mu sync.Mutex // guards lived
	lived := map[uint64]outcome{}
	sound := func(t *testing.T, seed uint64) outcome {
		mu.Lock()
		defer mu.Unlock()
		if _, known := lived[seed]; !known {
			lived[seed] = live(t, dir, seed, 0)
		}
		return lived[seed]
	}
	for _, c := range planted[:few(len(planted), 1, len(planted))] {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for seed := c.from; seed < c.from+foundWithin; seed++ {
				out := live(t, dir, seed, c.bug)
				if len(out.wrongs) == 0 {
					continue
				}
				v := out.wrongs[0]
				t.Logf("found by seed %d: %s %s: %s", seed, v.kind, v.check, v.words)
				for clean := c.from; clean <= seed; clean++ {
					if right := sound(t, clean); len(right.wrongs) > 0 {
						t.Error("without the bug: " + right.explain())
					}
				}
				prove.Report(t, "TEETH: the simulator finds a planted bug ("+c.name+")", int(seed-c.from+1), 0)
				return
			}
			t.Errorf("not found by the seeds from %d to %d", c.from, c.from+foundWithin-1)
			prove.Report(t, "TEETH: the simulator finds a planted bug ("+c.name+")", foundWithin, 1)
		})
	}
}

// TestASeedReplays lives a few seeds twice.
func TestASeedReplays(t *testing.T) {
	dir := memory(t)
	n := few(2, 1, 50)
	differ := 0
	for seed := range uint64(n) {
		once, again := live(t, dir, 100+seed, 0), live(t, dir, 100+seed, 0)
		if once.digest == again.digest {
			continue
		}
		differ++
		for i := range min(len(once.trace), len(again.trace)) {
			if once.trace[i] != again.trace[i] {
				t.Errorf("seed %d differs in line %d:\n%s\n%s", 100+seed, i, once.trace[i], again.trace[i])
				break
			}
		}
	}
	prove.Report(t, "REPLAY: a seed has the same trace each time", n, differ)
}
