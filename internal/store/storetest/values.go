package storetest

import (
	"bytes"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"rollcall/internal/monitor"
	"rollcall/internal/schedule"
)

var valueTests = []test{
	{"zero and not set are two things in a check", checkZeroOrNot},
	{"a check with everything comes back", fullCheck},
	{"zero and not set are two things in a ping", pingZeroOrNot},
	{"a body may hold any bytes", anyBytes},
	{"a text may hold any characters", anyText},
	{"times may be far away", farTimes},
	{"facts come back", fullFacts},
	{"counters of a burst do not overflow", burstSaturates},
}

// through stores a check in both ways, made so and changed into it, and returns
// what is read back.
func (s *site) through(c monitor.Check) []monitor.Check {
	s.Helper()
	made, err := s.CreateCheck(s.ctx, c, nil)
	s.ok(err)
	blank := monitor.Create(monitor.Check{UUID: uuid.New(), Project: c.Project, Config: monitor.Config{Name: "blank"}}, at(0))
	changed, err := s.CreateCheck(s.ctx, blank, nil)
	s.ok(err)
	s.apply(step(changed, func(blank monitor.Check) monitor.Change {
		to := c
		to.ID, to.UUID, to.Created, to.Slug = blank.ID, blank.UUID, blank.Created, ""
		to.Updated = blank.Updated.Add(time.Second)
		return monitor.Change{Check: to}
	}))
	return []monitor.Check{s.load(made), s.load(changed)}
}

func checkZeroOrNot(s *site) {
	zero, none := int64(0), time.Duration(0)
	base := newCheck(s.project, "")
	for _, got := range s.through(base) {
		if got.LastExit != nil || got.LastDuration != nil || got.MaxRuntime != nil || got.Threshold != nil || got.Slug != "" ||
			!got.Due.IsZero() || !got.Wake.IsZero() || !got.LastPing.IsZero() || !got.LastSuccess.IsZero() || !got.LastStart.IsZero() {
			s.Errorf("not set comes back as %+v", got)
		}
	}
	base.UUID = uuid.New()
	base.LastExit, base.LastDuration, base.MaxRuntime, base.Threshold = &zero, &none, &none, new(0)
	epoch := time.Unix(0, 0).UTC() // the zero of what is stored is an instant like others
	base.Due, base.Wake, base.LastPing, base.LastSuccess, base.LastStart = epoch, epoch, epoch, epoch, epoch
	for _, got := range s.through(base) {
		s.same("zero exit", got.LastExit, &zero)
		s.same("zero duration", got.LastDuration, &none)
		s.same("zero limit", got.MaxRuntime, &none)
		s.same("zero threshold", got.Threshold, new(0))
		for _, when := range []time.Time{got.Due, got.Wake, got.LastPing, got.LastSuccess, got.LastStart} {
			s.same("the first instant of 1970", when, epoch)
		}
	}
}

func fullCheck(s *site) {
	exit, took, limit := int64(-1), 1234567*time.Microsecond, 42*time.Second
	want := monitor.Check{
		UUID: uuid.New(), Project: s.project.ID, Created: at(0), Updated: at(time.Second),
		Config: monitor.Config{
			Name: "Nightly", Slug: "nightly", Description: "what it does\nand why", Tags: []string{"db", "prod"},
			Schedule:   schedule.Spec{Kind: schedule.Cron, Expr: "0 3 * * *", Zone: "Europe/Riga"},
			Grace:      90 * time.Second,
			MaxRuntime: &limit, Threshold: new(monitor.MaxThreshold), ManualResume: true, PostOnly: true,
			Filter: monitor.Filter{On: true, Subject: true, Mail: true, Fail: "error,\"x\"", Success: "ok", Start: "<go>", Default: monitor.Fail},
		},
		State: monitor.State{
			Status: monitor.Down, Since: at(2 * time.Second), Reason: monitor.Overran, Rev: 9, NPings: 1 << 40,
			LastPing: at(3 * time.Second), LastSuccess: at(4 * time.Second), LastStart: at(5 * time.Second),
			LastSignal: monitor.Fail, LastExit: &exit, LastDuration: &took, FailStreak: 3,
			Due: at(6 * time.Second), Credit: 7 * time.Second,
			Runs: []monitor.Run{
				{ID: "a", Start: at(8 * time.Second), Credit: time.Second, Over: true},
				{ID: "b", Start: at(9 * time.Second), End: at(10 * time.Second), Ended: monitor.Success},
				{Start: at(11 * time.Second)},
			},
			Wake: at(12 * time.Second), Burst: monitor.Burst{Second: at(0).Unix(), Counts: [4]int{1, 2, 3, 65_535}},
			Coalesced: 13, Trouble: "no rule for this",
			Misses: []monitor.Miss{{Rev: 8, By: at(time.Hour), Due: at(time.Minute)}, {Rev: 9, By: at(time.Hour), RunID: "a", Start: at(0)}},
		},
	}
	for i, got := range s.through(want) {
		if i == 1 { // what a change leaves alone
			got.UUID, got.Slug = want.UUID, want.Slug
		}
		got.ID = 0
		s.same("check", got, want)
	}
}

// keep stores a ping as it is and returns it as read alone, and as read in a list.
func (s *site) keep(p monitor.Ping) (alone, listed monitor.Ping) {
	s.Helper()
	c := s.addCheck(s.project, "")
	p.N = 1
	s.apply(step(c, func(c monitor.Check) monitor.Change {
		c.NPings = 1
		return monitor.Change{Check: c, Ping: &p}
	}))
	alone, err := s.Ping(s.ctx, c.ID, 1)
	s.ok(err)
	return alone, s.pings(c)[0]
}

// identical compares two pings; no body and an empty one are not the same.
func (s *site) identical(got, want monitor.Ping) {
	s.Helper()
	want.N = 1
	if diff := cmp.Diff(want, got); diff != "" {
		s.Fatalf("ping (-want +got):\n%s", diff)
	}
}

func pingZeroOrNot(s *site) {
	zero, none := int64(0), time.Duration(0)
	without := ping(monitor.Success, at(0))
	with := without
	with.Exit, with.Duration, with.Body = &zero, &none, []byte{}
	with.Detail = monitor.Detail{
		Dialect: "cronitor", Message: "50 % \"done\"", Environment: "staging", Host: "h1",
		Metrics: map[string]float64{"count": 0, "duration": 1.5}, Arrived: at(time.Hour),
	}
	for _, want := range []monitor.Ping{without, with} {
		alone, listed := s.keep(want)
		s.identical(alone, want)
		s.identical(listed, want)
	}
}

func anyBytes(s *site) {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	for _, body := range [][]byte{{0}, all, []byte("\xff\xfe\x80"), bytes.Repeat([]byte{0}, monitor.BodyLimit)} {
		want := ping(monitor.Log, at(0))
		want.Body, want.BodySize = body, 1<<40
		alone, listed := s.keep(want)
		s.identical(alone, want)
		want.Body = body[:min(len(body), 1000)]
		s.identical(listed, want)
	}
}

// Text is valid UTF-8 without NUL: whoever takes it in sees to that, because
// PostgreSQL stores no other text.
func anyText(s *site) {
	for _, text := range []string{
		"", "'; DROP TABLE checks; --", "\u0001\u007f", "\t\r\n", "😀 e\u0301 \u202e", `{"json": "\u0000"}`, "%s $1 ? :a @b",
	} {
		s.part(text, func(s *site) {
			want := ping(monitor.Success, at(0))
			want.UserAgent, want.RunID, want.RemoteAddr, want.Method, want.Scheme = text, text, text, text, text
			alone, listed := s.keep(want)
			s.identical(alone, want)
			s.identical(listed, want)

			c := newCheck(s.project, "")
			c.Name, c.Description, c.Trouble, c.Filter.Fail = text, text, text, text
			for _, got := range s.through(c) {
				s.same("text", []string{got.Name, got.Description, got.Trouble, got.Filter.Fail}, []string{text, text, text, text})
			}
		})
	}
}

func farTimes(s *site) {
	for _, when := range []time.Time{
		time.Date(1970, 1, 1, 0, 0, 0, 1000, time.UTC),
		time.Date(1969, 12, 31, 23, 59, 59, 999_999_000, time.UTC),
		time.Date(2200, 12, 31, 23, 59, 59, 999_999_000, time.UTC),
	} {
		want := ping(monitor.Success, when)
		alone, listed := s.keep(want)
		s.identical(alone, want)
		s.identical(listed, want)

		c := newCheck(s.project, "")
		c.Due, c.Wake, c.Since, c.LastPing = when, when, when, when
		c.Runs = []monitor.Run{{Start: when}}
		for _, got := range s.through(c) {
			for _, read := range []time.Time{got.Due, got.Wake, got.Since, got.LastPing, got.Runs[0].Start} {
				s.same("time", read, when)
			}
		}
		flip := s.apply(step(s.addCheck(s.project, ""), tell(monitor.Down, when)))[0].Change.Flip
		s.same("time of a flip", s.flips(monitor.Check{ID: flip.Check})[0].At, when)
	}
}

func fullFacts(s *site) {
	c := s.addCheck(s.project, "nightly")
	zero, us := int64(0), at(0).UnixMicro()
	for _, facts := range []monitor.Facts{
		{},
		{
			Name: "Nightly <b>", Slug: "nightly", Tags: []string{"db"}, Schedule: "every day at 03:00", Expr: "0 3 * * *",
			Zone: "Europe/Riga", Grace: 1, RunLimit: 2, Due: &us, Start: &zero, Success: &us, Exit: &zero, Duration: &zero,
			Streak: 3, PingN: 4, Before: &us,
		},
	} {
		flip := s.apply(step(c, func(c monitor.Check) monitor.Change {
			change := tell(monitor.Down, at(0))(c)
			change.Flip.Facts, change.Flip.Tell = facts, false
			return change
		}))[0].Change.Flip
		s.same("flip", s.flips(c)[0], *flip)
	}
}

func burstSaturates(s *site) {
	c := newCheck(s.project, "")
	c.Burst = monitor.Burst{Second: 1, Counts: [4]int{70_000, 0, 1 << 40, 65_536}}
	for _, got := range s.through(c) {
		s.same("counts", got.Burst.Counts, [4]int{65_535, 0, 65_535, 65_535})
	}
}
