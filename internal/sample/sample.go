// Package sample lets jobs have happened: it gives a store the checks of invented
// jobs with a past that came about by the same rules, and through the same door, as
// on a server.
//
// It owns how such a past is made of a few words about a job. Which jobs there are
// is for those to say who show them: the demo, and the pictures of the pages. It
// refuses to write anything that a server could not have come to.
package sample

import (
	"context"
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	"github.com/google/uuid"

	"rollcall/internal/monitor"
	"rollcall/internal/schedule"
	"rollcall/internal/store"
)

// Job is an invented job and how its runs went. Runs are counted from the newest,
// 0, which is the run of the last slot before now.
type Job struct {
	Name, Slug, About string
	Tags              []string
	Spec              schedule.Spec
	Grace, Limit      time.Duration // a limit of 0 is not set
	Took              time.Duration // about how long a run takes; 0: it sends no start signal
	Runs              int
	Ago               time.Duration // of the last slot of a plain period
	Failed            map[int]int64 // exit status by run
	Missed            []int
	Running           time.Duration // since when a run is open; 0: none is
	Paused            time.Duration // how long ago somebody paused it
	Output, Trouble   string        // of a run that went well, and of one that failed
	Flood             int           // pings in one second, at the end
	Channels          []string      // that it tells; nil: all
}

// Past is where jobs have happened: in one project, until now.
type Past struct {
	Store interface {
		store.Door
		store.Checks
	}
	Project  monitor.ProjectID
	Channels map[string]monitor.ChannelID // by name
	Now      time.Time
	Blind    monitor.Blind // when Rollcall could not see; zero: always could
}

// event is a transition at its time.
type event struct {
	at     time.Time
	decide func(monitor.Check) monitor.Change
}

// Live makes the check of a job and lets everything happen to it, in order.
func (p Past) Live(ctx context.Context, id uuid.UUID, j Job) (monitor.Check, error) {
	config := monitor.Config{Name: j.Name, Slug: j.Slug, Description: j.About, Tags: j.Tags, Schedule: j.Spec, Grace: j.Grace}
	if j.Limit > 0 {
		config.MaxRuntime = &j.Limit
	}
	config, err := config.Valid()
	if err != nil {
		return monitor.Check{}, err
	}
	slots := slotsOf(j, p.Now)
	created := p.Now.Add(-2 * 24 * time.Hour)
	if len(slots) > 0 {
		created = slots[0].Add(-time.Hour)
	}
	check, err := p.Store.CreateCheck(ctx, monitor.Create(monitor.Check{UUID: id, Project: p.Project, Config: config}, created), p.told(j))
	if err != nil {
		return monitor.Check{}, err
	}
	var steps []store.Step
	for _, e := range p.eventsOf(j, slots) {
		steps = append(steps, store.Step{Ref: store.Ref{ID: check.ID}, Decide: e.decide})
	}
	if len(steps) == 0 {
		return check, nil
	}
	results, err := p.Store.Transitions(ctx, steps)
	if err != nil {
		return monitor.Check{}, err
	}
	for _, r := range results {
		if r.Err != nil {
			return monitor.Check{}, r.Err
		}
	}
	return results[len(results)-1].Change.Check, nil
}

// told lists the channels of a job in the order of their ids.
func (p Past) told(j Job) []monitor.ChannelID {
	var told []monitor.ChannelID
	for name, channel := range p.Channels {
		if j.Channels == nil || slices.Contains(j.Channels, name) {
			told = append(told, channel)
		}
	}
	slices.Sort(told)
	return told
}

// slotsOf returns when the runs of a job were due, the oldest first.
func slotsOf(j Job, now time.Time) []time.Time {
	if j.Runs == 0 {
		return nil
	}
	if j.Spec.Period > 0 {
		slots := make([]time.Time, j.Runs)
		for i := range slots {
			slots[i] = now.Add(-j.Ago - time.Duration(j.Runs-1-i)*j.Spec.Period)
		}
		return slots
	}
	sched, err := j.Spec.Parse()
	if err != nil {
		return nil
	}
	var slots []time.Time
	for at, ok := sched.Next(now.AddDate(-1, 0, 0)); ok && at.Before(now); at, ok = sched.Next(at) {
		slots = append(slots, at)
	}
	return slots[max(0, len(slots)-j.Runs):]
}

// eventsOf is everything that happens to the check of a job, in order. Silence is
// judged shortly after it became one.
func (p Past) eventsOf(j Job, slots []time.Time) []event {
	var events []event
	for i, slot := range slots {
		n := len(slots) - 1 - i
		switch {
		case slices.Contains(j.Missed, n):
			judged := slot.Add(j.Grace + 400*time.Millisecond)
			events = append(events, p.over([]event{expiry(judged)})...)
		case within(slot, p.Blind):
			events = append(events, p.over([]event{expiry(p.Blind.To.Add(j.Grace + 2*time.Hour))})...)
		default:
			events = append(events, p.over(runOf(j, n, slot))...)
		}
	}
	if !p.Blind.To.IsZero() {
		events = append(events, event{p.Blind.To, func(c monitor.Check) monitor.Change { return c.Overlook(p.Blind) }})
	}
	if j.Running > 0 {
		events = append(events, ping(monitor.Ping{At: p.Now.Add(-j.Running), Signal: monitor.Start, RunID: "8f2c"}))
	}
	if j.Paused > 0 {
		at := p.Now.Add(-j.Paused)
		events = append(events, event{at, func(c monitor.Check) monitor.Change { return c.Pause(at) }})
	}
	for i := range j.Flood {
		at := p.Now.Add(-90*time.Second + time.Duration(i)*10*time.Millisecond)
		events = append(events, ping(monitor.Ping{At: at, Signal: monitor.Log, Body: []byte("archived 00000001000000A3")}))
	}
	slices.SortStableFunc(events, func(a, b event) int { return a.at.Compare(b.at) })
	return events
}

// over leaves out what is not over by now: neither half a run, nor a verdict on it.
func (p Past) over(events []event) []event {
	if last := events[len(events)-1]; last.at.After(p.Now) {
		return nil
	}
	return events
}

// expiry is the verdict on a silence. That it could not be verified is told to nobody.
func expiry(judged time.Time) event {
	return event{judged, func(c monitor.Check) monitor.Change {
		change := c.Expire(judged, judged)
		if change.Flip != nil {
			change.Flip.Facts.Blind = nil
		}
		return change
	}}
}

func within(t time.Time, b monitor.Blind) bool { return !t.Before(b.From) && t.Before(b.To) }

// runOf is the pings of one run: how long it takes only has to look uneven.
func runOf(j Job, n int, slot time.Time) []event {
	sum := fnv.New32a()
	fmt.Fprintf(sum, "%s %d", j.Name, n)
	share := time.Duration(sum.Sum32()>>8%24) - 12 // percent
	if sum.Sum32()%11 == 0 {
		share += 45
	}
	took := j.Took + j.Took*share/100
	start := slot.Add(2 * time.Second)
	end := monitor.Ping{At: start.Add(took), Signal: monitor.Success, Body: []byte(j.Output)}
	status, failed := j.Failed[n]
	if failed {
		end.Signal, end.Body = monitor.Fail, []byte(j.Trouble)
	}
	var events []event
	if took > 0 {
		end.RunID = fmt.Sprintf("%04x", sum.Sum32()>>16)
		end.Exit = &status
		events = append(events, ping(monitor.Ping{At: start, Signal: monitor.Start, RunID: end.RunID}))
	}
	return append(events, ping(end))
}

func ping(p monitor.Ping) event {
	p.At = p.At.Truncate(time.Microsecond)
	p.Scheme, p.Method, p.RemoteAddr, p.UserAgent = "https", "POST", "203.0.113.14", "curl/8.14.1"
	if p.BodySize = int64(len(p.Body)); p.BodySize == 0 {
		p.Body = nil
	}
	return event{p.At, func(c monitor.Check) monitor.Change { return c.Receive(p) }}
}
