package monitor_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rollcall/internal/monitor"
	"rollcall/internal/prove"
	"rollcall/internal/schedule"
)

// plainly says times and spans for these tests.
type plainly struct{}

func (plainly) At(t time.Time) string          { return t.Format("02@15:04") }
func (plainly) AtSecond(t time.Time) string    { return t.Format("02@15:04:05") }
func (plainly) Lasting(d time.Duration) string { return d.String() }

// past is what a store would keep of a check.
type past struct {
	check     monitor.Check
	flips     []monitor.Flip
	pings     []monitor.Ping
	decisions []monitor.Decision
	messages  []monitor.Message
	blinds    []monitor.Blind
	acts      []monitor.Act
}

func (p *past) then(change monitor.Change) {
	p.check = change.Check
	if change.Ping != nil {
		p.pings = append(p.pings, *change.Ping)
	}
	if change.Flip != nil {
		p.flips = append(p.flips, *change.Flip)
	}
	if d := change.Decision; d != nil {
		if d.Tell {
			d.Owed = []monitor.ChannelID{1}
			p.messages = append(p.messages, monitor.Message{Name: "Ops room", Delivery: monitor.Delivery{
				ID: 1, Channel: 1, Rev: d.Key, State: monitor.Sent, Attempts: 1, Created: d.Judged, Ended: d.Judged.Add(time.Second), Answer: "200 OK",
			}})
		}
		p.decisions = append(p.decisions, *d)
	}
}

// around reads a span as the stores do; see storetest.
func (p *past) around(from, to time.Time) monitor.Around {
	a := monitor.Around{
		Check: p.check, Flips: p.flips, Decisions: p.decisions, Messages: p.messages, Acts: p.acts,
		Channels: map[monitor.ChannelID]string{1: "Ops room"}, Tells: 1,
	}
	for i, ping := range p.pings {
		counts := ping.Ignored == "" && ping.Signal != monitor.Log
		switch {
		case ping.At.Before(from) && counts:
			a.Before = append([]monitor.Ping{ping}, a.Before...)
		case !ping.At.Before(from) && ping.At.Before(to):
			a.Pings = append(a.Pings, ping)
		case !ping.At.Before(to) && counts && len(a.After) == 0:
			a.After = []monitor.Ping{ping}
		}
		if i == 0 {
			a.Oldest = &p.pings[0]
		}
	}
	for _, b := range p.blinds {
		if b.From.Before(to) && b.To.After(from) {
			a.Blinds = append(a.Blinds, b)
		}
	}
	return a
}

// explained is what is said of the minute that begins at the given time.
func (p *past) explained(t *testing.T, at, now string) string {
	t.Helper()
	from := clock(t, at)
	e := monitor.Explain(p.around(from, from.Add(time.Minute)), from, from.Add(time.Minute), clock(t, now), plainly{})
	said := []string{e.Answer}
	for _, s := range e.Statements {
		said = append(said, s.Text)
		for _, by := range s.Suppressed {
			said = append(said, "["+string(by)+"]")
		}
	}
	for _, f := range e.Fates {
		said = append(said, f.Name+": "+f.Text)
	}
	return strings.Join(said, "\n")
}

// A night in which much happens, and what is said of its minutes.
func TestExplain(t *testing.T) {
	p := &past{check: check(t, "0 * * * *", "10m", postOnly)}
	happens := func(at string, event ...string) {
		change, err := happen(p.check, clock(t, at), clock(t, at), event)
		if err != nil {
			t.Fatal(err)
		}
		p.then(change)
	}
	happens("00:30", "success")
	happens("01:00:20", "success")
	happens("02:02", "get")
	happens("02:10:00.5", "success") // late, but before it was judged
	happens("03:11", "judge")
	happens("03:20", "fail")
	happens("03:40", "exit", "0")
	happens("04:00", "start", "a")
	happens("04:05", "success", "a")
	p.blinds = []monitor.Blind{{From: clock(t, "04:50"), To: clock(t, "05:20"), Cause: "the process was not running"}}
	p.then(p.check.Overlook(p.blinds[0]))
	happens("05:25", "success")
	p.acts = []monitor.Act{{At: clock(t, "05:30"), By: "ines@example.org", Verb: "paused"}}
	happens("05:30", "pause")
	happens("06:30", "resume")
	happens("06:40", "success")

	for _, test := range []struct{ at, now, want string }{
		{"-1@12:00", "08:00", "No message was sent: the check was only made 20@00:00."},
		{"00:10", "08:00", "No message was sent: there was nothing to decide in this minute.\nIt was waiting for its first ping. A check is never late before that."},
		{"00:30", "08:00", "No message was sent: nothing had been wrong, so it is no news.\nA success arrived 20@00:30. Judged 20@00:30:00, 0s after that, it went from new to up. Nobody was told: nothing had been wrong, so it is no news.\n[no news]"},
		{"00:45", "08:00", "No message was sent: there was nothing to decide in this minute.\nNothing was due: the next ping was expected by 20@01:00, with grace until 20@01:10."},
		{"01:00", "08:00", "No message was sent: there was nothing to decide in this minute.\nNothing was due: the next ping was expected by 20@02:00, with grace until 20@02:10.\nA success arrived 20@01:00:20."},
		{"02:02", "08:00", "No message was sent: the settings of the check let such a ping count for nothing.\nA ping was expected by 20@02:00. Its grace lasted until 20@02:10, so there was nothing to tell yet.\nA ping arrived 20@02:02 and was ignored: the settings of the check let such a ping count for nothing.\n[filtered]"},
		{"02:10", "08:00", "No message was sent: a ping had come before that was judged.\nNothing was due: the next ping was expected by 20@03:00, with grace until 20@03:10.\nThe deadline of 20@02:10 passed, but before that was judged a ping came, 20@02:10:00. A late ping wins: nobody was told. The deadline was then 20@03:10.\n[answered]"},
		{"03:10", "08:00", "A message was sent, and its channel took it.\nA ping was expected by 20@03:00, with a grace of 10m0s; nothing had arrived by 20@03:10. The last one before came 20@02:10:00. Judged 20@03:11:00, 1m0s after that, it went from up to down.\nOps room: Taken 20@03:11:01, in 1 attempt, 1s after it was decided. Its last answer: “200 OK”."},
		{"03:15", "08:00", "No message was sent: there was nothing to decide in this minute.\nIt was down since 20@03:10. That was told when it went down; there is nothing more to tell until it succeeds."},
		{"03:20", "08:00", "No message was sent: the check was down already, and that had been told.\nIt was down since 20@03:10. That was told when it went down; there is nothing more to tell until it succeeds.\nA failure arrived 20@03:20. Nobody was told: the check was down already, and that had been told.\n[already down]"},
		{"03:40", "08:00", "A message was sent, and its channel took it.\nExit status 0 arrived 20@03:40. Judged 20@03:40:00, 0s after that, it went from down to up.\nOps room: Taken 20@03:40:01, in 1 attempt, 1s after it was decided. Its last answer: “200 OK”."},
		{"05:10", "08:00", "No message was sent: Rollcall itself could not see, so nothing is known against the job.\nRollcall itself was blind from 20@04:50 to 20@05:20: the process was not running. Pings that were sent then could not be stored.\nA ping was expected by 20@05:00. The deadline had been moved to 20@06:10: Rollcall itself could not see, so nothing is known against the job. It came 20@05:25.\nThe deadline of 20@05:10 passed, and nobody was told: Rollcall itself could not see, so nothing is known against the job. The deadline was then 20@06:10.\n[blind]"},
		{"05:22", "08:00", "No message was sent: there was nothing to decide in this minute.\nA ping was expected by 20@05:00. The deadline had been moved to 20@06:10: Rollcall itself could not see, so nothing is known against the job. It came 20@05:25."},
		{"05:30", "08:00", "No message was sent: the check was paused.\nines@example.org paused the check 20@05:30. Judged 20@05:30:00, it went from up to paused. Nobody was told: the check was paused.\n[paused]"},
		{"06:00", "08:00", "No message was sent: there was nothing to decide in this minute.\nIt was paused since 20@05:30, by ines@example.org. Nothing is expected of a paused check, and nobody is told."},
		{"06:35", "08:00", "No message was sent: there was nothing to decide in this minute.\nNothing was due: the next ping was expected by 20@07:00, with grace until 20@07:10."},
		{"06:50", "06:51", "No message was sent: there was nothing to decide in this minute.\nNothing was due: the next ping was expected by 20@07:00, with grace until 20@07:10."},
		{"09:00", "06:51", "That is still to come; it is 20@06:51 now.\nThe next ping is expected by 20@07:00; if none has arrived by 20@07:10, one channel is told."},
	} {
		if diff := cmp.Diff(test.want, p.explained(t, test.at, test.now)); diff != "" {
			t.Errorf("at %s (-want +got):\n%s", test.at, diff)
		}
	}
}

// Of what has been trimmed away it is said so.
func TestExplainWhatIsNotKept(t *testing.T) {
	p := &past{check: check(t, "1h", "5m")}
	for i := range 6 {
		p.then(p.check.Receive(monitor.Ping{Signal: []monitor.Signal{monitor.Success, monitor.Fail}[i%2], At: day.Add(time.Duration(i) * time.Hour), Method: "POST"}))
	}
	p.flips, p.pings, p.decisions, p.messages = p.flips[4:], p.pings[4:], nil, nil
	want := "What was decided then is not kept any more.\nOf changes of status the oldest that is kept is that of 20@04:00; what was before has been trimmed away."
	if got := p.explained(t, "01:30", "08:00"); got != want {
		t.Errorf("got %s", got)
	}
	want = "A message was decided; to whom it was owed is not recorded any more."
	if got, _, _ := strings.Cut(p.explained(t, "05:00", "08:00"), "\n"); got != want {
		t.Errorf("got %s", got)
	}
}

// Every state of a message has its words.
func TestExplainEveryState(t *testing.T) {
	for _, state := range []monitor.DeliveryState{monitor.Pending, monitor.Sending, monitor.Sent, monitor.Merged, monitor.Dead} {
		if !monitor.HasFateWords(state) {
			t.Errorf("nothing is said of a message that is %s", state)
		}
	}
}

// Whatever happens: every flip and every deadline that was judged leaves a record, a
// ping in time none, and of what is not told the rule is named.
func TestDecisions(t *testing.T) {
	trials := 0
	rapid.Check(t, func(t *rapid.T) {
		c := monitor.Create(monitor.Check{ID: 1, Config: monitor.Config{
			Name: "job", Grace: 10 * time.Minute, PostOnly: rapid.Bool().Draw(t, "post"), ManualResume: rapid.Bool().Draw(t, "manual"),
			Schedule: rapid.SampledFrom([]schedule.Spec{
				{Kind: schedule.Every, Period: time.Hour}, {Kind: schedule.Cron, Expr: "*/20 * * * *", Zone: "UTC"},
			}).Draw(t, "schedule"), Threshold: drawThreshold(t),
		}}, day)
		now := day
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "pause")).Truncate(time.Microsecond))
			before := c
			change, event := randomEvent(t, c, now)
			c = change.Check
			trials++
			if err := unrecorded(before, change, event, now); err != nil {
				t.Fatalf("%s at %v: %v\nbefore %+v\nchange %+v", event, now, err, before.State, change)
			}
		}
	})
	prove.Report(t, "EXPLAIN: every flip and every passed deadline leaves a record that names why nobody was told", trials, 0)
}

// unrecorded says what is wrong with the record of a change.
func unrecorded(before monitor.Check, change monitor.Change, event string, now time.Time) error {
	d, flip := change.Decision, change.Flip
	deadline, awaited := before.Deadline()
	passed := awaited && !now.Before(deadline.At)
	ignored := change.Ping != nil && change.Ping.Ignored != ""
	bad := change.Check.FailStreak > before.FailStreak
	switch {
	case d == nil && bad && change.Outcome != monitor.Coalesced:
		return fmt.Errorf("a bad result without a record")
	case d != nil && bad && (d.Bad != change.Check.FailStreak || d.Of != before.TakesDown()):
		return fmt.Errorf("bad result %d of %d", d.Bad, d.Of)
	case d != nil && bad && flip == nil && before.Status == monitor.Down && d.Suppressed != monitor.ByDown,
		d != nil && bad && !d.Tell && before.Status != monitor.Down && d.Suppressed != monitor.ByThreshold:
		return fmt.Errorf("a bad result on a check that is %s is suppressed as %q", before.Status, d.Suppressed)
	case d == nil && flip != nil:
		return fmt.Errorf("a flip without a record")
	case d == nil && ignored:
		return fmt.Errorf("an ignored ping without a record")
	case d == nil && event == "judge" && passed:
		return fmt.Errorf("a deadline was judged without a record")
	case d == nil:
		return nil
	case flip == nil && !ignored && !passed && !bad && event != "blind":
		return fmt.Errorf("a record of nothing")
	case flip != nil && (d.About != monitor.OfFlip || d.Key != flip.Rev || d.Tell != flip.Tell || d.Is != flip.New || d.Was != flip.Old):
		return fmt.Errorf("the record does not fit its flip")
	case flip == nil && d.Tell:
		return fmt.Errorf("a message without a flip")
	case d.Tell != (d.Suppressed == ""):
		return fmt.Errorf("told %v, suppressed %q", d.Tell, d.Suppressed)
	case d.Suppressed != "" && !slices.Contains(monitor.Suppressions(), d.Suppressed):
		return fmt.Errorf("%q has no words", d.Suppressed)
	case d.Judged != now:
		return fmt.Errorf("judged %v", d.Judged)
	}
	if lag, ok := d.Lag(); ok && (lag < 0 || flip == nil) {
		return fmt.Errorf("a lag of %v", lag)
	}
	return nil
}

func TestSpread(t *testing.T) {
	var spans []time.Duration
	for i := range 100 {
		spans = append(spans, time.Duration(100-i)*time.Second)
	}
	for _, test := range []struct {
		spans []time.Duration
		want  monitor.Spread
	}{
		{nil, monitor.Spread{}},
		{[]time.Duration{0}, monitor.Spread{Count: 1}},
		{spans, monitor.Spread{Count: 100, P50: 50 * time.Second, P90: 90 * time.Second, P99: 99 * time.Second, Max: 100 * time.Second}},
		{spans[:3], monitor.Spread{Count: 3, P50: 99 * time.Second, P90: 100 * time.Second, P99: 100 * time.Second, Max: 100 * time.Second}},
	} {
		if got := monitor.SpreadOf(test.spans); got != test.want {
			t.Errorf("%d spans: %+v, want %+v", len(test.spans), got, test.want)
		}
	}
}
