package monitor_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"rollcall/internal/monitor"
	"rollcall/internal/schedule"
)

// A story is a table of what happens to one check, line by line: the time of day,
// the event, and what the check is afterwards.
//
//	02:00:05 start r1   | up running    due 03:00
//	02:15:00 judge      | down timeout  told
//
// Events are success, fail, start, log, exit N, each with an optional run id;
// judge (the scheduler comes by), pause, resume. "late T" before an event says that
// it happened at T and is only reported now, and "late T blind" that Rollcall was
// blind from T until now. After the bar stand the shown
// status, then any of: "due T" or "due –", "told" or "quiet" (a flip with or
// without deliveries), "kept", "coalesced", "duplicate", "ignored", a reason, a
// duration such as "took 5m", "n N", "corrects REV".
func story(t *testing.T, c monitor.Check, lines string) monitor.Check {
	t.Helper()
	for line := range strings.SplitSeq(strings.TrimSpace(lines), "\n") {
		event, want, found := strings.Cut(strings.TrimSpace(line), "|")
		if !found {
			t.Fatalf("story line without a bar: %q", line)
		}
		fields := strings.Fields(event)
		now := clock(t, fields[0])
		at := now
		if fields[1] == "late" {
			at, fields = clock(t, fields[2]), fields[2:]
		}
		change, err := happen(c, now, at, fields[1:])
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		c = change.Check
		expect(t, line, now, change, strings.Fields(want))
	}
	return c
}

var day = time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)

// clock reads a time of the story's day; one of +N days is written as +1@02:00.
func clock(t *testing.T, text string) time.Time {
	t.Helper()
	base := day
	if days, rest, found := strings.Cut(text, "@"); found {
		n, err := strconv.Atoi(days)
		if err != nil {
			t.Fatal(err)
		}
		base, text = day.AddDate(0, 0, n), rest
	}
	for _, layout := range []string{"15:04:05.999", "15:04"} {
		if at, err := time.Parse(layout, text); err == nil {
			return base.Add(at.Sub(time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)))
		}
	}
	t.Fatalf("not a time: %q", text)
	return time.Time{}
}

func happen(c monitor.Check, now, at time.Time, event []string) (monitor.Change, error) {
	p := monitor.Ping{Method: "POST", Signal: monitor.Signal(event[0]), Age: now.Sub(at)}.Dated(now)
	switch event[0] {
	case "judge":
		return c.Expire(now, now), nil
	case "blind":
		return c.Overlook(monitor.Blind{From: at, To: now}), nil
	case "pause":
		return c.Pause(now), nil
	case "resume":
		return c.Resume(now)
	case "get":
		p.Signal, p.Method = monitor.Success, "GET"
	case "says":
		p.Signal, p.Body = monitor.Success, []byte(strings.Join(event[1:], " "))
		event = event[:1]
	case "exit":
		signal, exit, err := monitor.ExitSignal(event[1])
		if err != nil {
			return monitor.Change{}, err
		}
		p.Signal, p.Exit = signal, &exit
		event = event[1:]
	}
	if len(event) > 1 {
		p.RunID = event[1]
	}
	return c.Receive(p), nil
}

func expect(t *testing.T, line string, now time.Time, change monitor.Change, want []string) {
	t.Helper()
	c := change.Check
	if got := string(c.Shown(now)); got != want[0] {
		t.Fatalf("%s\nshown %s, want %s", line, got, want[0])
	}
	flip := "none"
	if change.Flip != nil {
		flip = map[bool]string{true: "told", false: "quiet"}[change.Flip.Tell]
	}
	wantFlip := "none"
	for i := 1; i < len(want); i++ {
		var got string
		word := want[i]
		next := func() string { i++; word = want[i]; return word }
		switch word {
		case "told", "quiet":
			wantFlip = word
			continue
		case "kept":
			got = map[bool]string{true: "kept", false: "not kept"}[change.Ping != nil && change.Outcome == monitor.Recorded]
		case "coalesced", "duplicate", "ignored":
			got = string(change.Outcome)
		case "running":
			got = map[bool]string{true: "running", false: "no run open"}[c.Running()]
		case "idle":
			got = map[bool]string{false: "idle", true: "a run is open"}[c.Running()]
		case "due":
			if next() == "–" {
				got = map[bool]string{true: "–", false: c.Due.String()}[c.Due.IsZero()]
			} else if got = c.Due.String(); c.Due.Equal(clock(t, word)) {
				got = word
			}
		case "at":
			if change.Flip == nil {
				t.Fatalf("%s\nno flip", line)
			}
			if got = change.Flip.At.String(); change.Flip.At.Equal(clock(t, next())) {
				got = word
			}
		case "took":
			if next(); c.LastDuration == nil {
				got = "unknown"
			} else if got = c.LastDuration.String(); *c.LastDuration == parse(t, word) {
				got = word
			}
			if word == "unknown" && c.LastDuration == nil {
				got = word
			}
		case "n":
			next()
			got = fmt.Sprint(c.NPings)
		case "corrects":
			if change.Flip == nil {
				t.Fatalf("%s\nno flip", line)
			}
			next()
			got = fmt.Sprint(change.Flip.Facts.Corrects)
		case "streak":
			next()
			got = fmt.Sprint(c.FailStreak)
		default:
			got = string(c.Reason)
		}
		if got != word {
			t.Fatalf("%s\ngot %s, want %s", line, got, word)
		}
	}
	if flip != wantFlip {
		t.Fatalf("%s\nflip: %s, want %s", line, flip, wantFlip)
	}
	if d, ok := c.Deadline(); ok && (c.Wake.IsZero() || c.Wake.After(d.At)) {
		t.Fatalf("%s\nwakes at %v, after the deadline %v", line, c.Wake, d.At)
	}
}

func parse(t *testing.T, text string) time.Duration {
	d, err := time.ParseDuration(text)
	if text != "unknown" && err != nil {
		t.Fatal(err)
	}
	return d
}

// check returns a new check with the given schedule ("5m" or a cron expression)
// and grace.
func check(t *testing.T, sched, grace string, more ...func(*monitor.Config)) monitor.Check {
	t.Helper()
	spec := schedule.Spec{Kind: schedule.Cron, Expr: sched, Zone: "UTC"}
	if d, err := time.ParseDuration(sched); err == nil {
		spec = schedule.Spec{Kind: schedule.Every, Period: d}
	}
	config := monitor.Config{Name: "job", Schedule: spec, Grace: parse(t, grace)}
	for _, set := range more {
		set(&config)
	}
	config, err := config.Valid()
	if err != nil {
		t.Fatal(err)
	}
	return monitor.Create(monitor.Check{ID: 1, Project: 1, Config: config}, day)
}
