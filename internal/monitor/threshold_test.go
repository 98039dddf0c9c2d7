package monitor_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rollcall/internal/monitor"
	"rollcall/internal/schedule"
)

func drawThreshold(t *rapid.T) *int {
	return rapid.SampledFrom([]*int{nil, new(1), new(2), new(3), new(monitor.MaxThreshold)}).Draw(t, "threshold")
}

func after(n int) func(*monitor.Config) {
	return func(c *monitor.Config) { c.Threshold = &n }
}

// counter counts bad results by what is seen from outside of a check, not by its
// streak.
type counter int

// wrong takes note of a change and says what it got wrong.
func (n *counter) wrong(before monitor.Check, change monitor.Change, event string, now time.Time) error {
	c, flip := change.Check, change.Flip
	signal, _, _ := strings.Cut(event, " ")
	if p := change.Ping; p != nil {
		signal = string(p.Signal)
		if p.Ignored != "" || p.At.Before(before.LastPing) {
			signal = "" // it counts for nothing, or something newer is known
		}
	}
	deadline, awaited := before.Deadline()
	missed := event == "judge" && awaited && !now.Before(deadline.At)
	unknown := flip != nil && flip.New == monitor.Unknown
	switch {
	case change.Unchanged, change.Outcome == monitor.Duplicate, before.Status == monitor.Paused && before.ManualResume && event != "resume":
		return nil
	case event == "pause", signal == "success":
		*n = 0
		return nil
	case missed && unknown, !missed && signal != "fail":
		return nil // a blind interval neither counts nor resets
	}
	*n++
	limit := 1
	if before.Threshold != nil {
		limit = *before.Threshold
	}
	down := flip != nil && flip.New == monitor.Down
	switch {
	case before.Status == monitor.Down && flip != nil:
		return fmt.Errorf("a bad result on a check that is down flips it")
	case before.Status == monitor.Down:
	case int(*n) >= limit && !(down && flip.Tell):
		return fmt.Errorf("not told at the limit of %d", limit)
	case int(*n) < limit && down:
		return fmt.Errorf("down below the limit of %d", limit)
	case int(*n) < limit && c.Status != before.Status && before.Status != monitor.Paused:
		return fmt.Errorf("%s became %s below the limit of %d", before.Status, c.Status, limit)
	case int(*n) < limit && missed:
		next, awaits := c.Deadline()
		switch {
		case !awaits:
			return fmt.Errorf("nothing is awaited after a miss")
		case !next.At.After(deadline.At):
			return fmt.Errorf("the deadline after %v is %v", deadline.At, next.At)
		case deadline.Reason == monitor.Silent && before.BlindTo.IsZero() && before.Schedule.Kind == schedule.Every && !c.Due.Equal(before.Due.Add(before.Credit+before.Schedule.Period)):
			return fmt.Errorf("the slot after %v is %v", before.Due, c.Due)
		}
	}
	return nil
}

func TestThreshold(t *testing.T) {
	for _, test := range []struct {
		name  string
		check monitor.Check
		story string
	}{
		{"unset is the first", check(t, "0 * * * *", "10m"), `
			02:00    success | up quiet        due 03:00
			03:10    judge   | down timeout    told at 03:10 streak 1`},
		{"one is the first", check(t, "0 * * * *", "10m", after(1)), `
			02:00    success | up quiet        due 03:00
			02:30    fail    | down fail       told streak 1`},
		{"misses of a schedule", check(t, "0 * * * *", "10m", after(3)), `
			02:00    success | up quiet        due 03:00
			03:10    judge   | up              due 04:00 streak 1
			03:10:05 judge   | up              due 04:00 streak 1
			04:09:59 judge   | late            due 04:00 streak 1
			04:10    judge   | up              due 05:00 streak 2
			05:10    judge   | down timeout    told at 05:10 due 05:00 streak 3
			05:20    success | up success      told due 06:00 streak 0`},
		{"failures, and a success between", check(t, "0 * * * *", "10m", after(2)), `
			02:00    success | up quiet        due 03:00
			03:00    fail    | up success      due 04:00 streak 1
			04:00    success | up              due 05:00 streak 0
			05:00    exit 3  | up              due 06:00 streak 1
			06:00    exit 3  | down fail       told due 07:00 streak 2
			07:00    exit 3  | down fail       due 08:00 streak 3`},
		{"all kinds count together", check(t, "0 * * * *", "10m", after(3)), `
			02:00    success | up quiet        due 03:00
			03:00    start   | running         due 04:00
			03:10    judge   | up idle         due 04:00 streak 1
			03:20    fail    | up              due 04:00 streak 2
			04:10    judge   | down timeout    told at 04:10 streak 3`},
		{"a run over its limit, when nothing else is awaited", check(t, "1h", "10m", after(2)), `
			02:00    success | up quiet        due 03:00
			03:00    start   | running         due –
			03:10    judge   | up idle         due 04:10 streak 1
			04:20    judge   | down timeout    told at 04:20 streak 2`},
		{"two runs over their limits are two", check(t, "1h", "10m", after(2)), `
			02:00    success | up quiet        due 03:00
			03:00    start a | running         due –
			03:01    start b | running         due –
			03:30    judge   | running         streak 1
			03:30    judge   | down overrun    told at 03:11 streak 2`},
		{"a first failure", check(t, "1h", "10m", after(2)), `
			02:00    fail    | new             due 03:00 streak 1
			03:10    judge   | down timeout    told at 03:10 streak 2`},
		{"a failure ends a pause", check(t, "1h", "10m", after(2)), `
			02:00    success | up quiet        due 03:00
			03:10    judge   | up              due 04:00 streak 1
			03:20    pause   | paused quiet    streak 0
			04:00    fail    | new fail quiet  due 05:00 streak 1
			05:10    judge   | down timeout    told streak 2`},
		{"a resume begins anew", check(t, "1h", "10m", after(2)), `
			02:00    success | up quiet        due 03:00
			03:10    judge   | up              due 04:00 streak 1
			03:20    pause   | paused quiet
			03:30    resume  | new quiet       due 04:30 streak 0
			04:40    judge   | new             due 05:30 streak 1
			05:40    judge   | down timeout    told streak 2`},
		{"a grace longer than the period", check(t, "*/10 * * * *", "1h", after(3)), `
			02:00    success | up quiet        due 02:10
			03:40    judge   | late            due 02:20 streak 1
			03:40    judge   | late            due 02:30 streak 2
			03:40    judge   | down timeout    told at 03:30 streak 3`},
		{"a slot inside a blind interval neither counts nor resets", check(t, "30 2 * * *", "1h", after(2)), `
			02:30     success            | up quiet          due +1@02:30
			+1@03:30  judge              | up                due +2@02:30 streak 1
			+2@04:00  late +2@02:00 blind | late             due +2@02:30 streak 1
			+2@05:00  judge              | unknown blind     quiet due +3@02:30 streak 1
			+3@03:30  judge              | down timeout      told streak 2`},
		{"misses before a blind interval do not reach into it", check(t, "*/10 * * * *", "10m", after(3)), `
			02:00    success             | up quiet          due 02:10
			02:20    judge               | up                due 02:20 streak 1
			02:50    late 02:25 blind    | late              due 02:20 streak 1
			03:10    judge               | up                due 03:10 streak 2
			03:15    success             | up success        streak 0`},
	} {
		t.Run(test.name, func(t *testing.T) { story(t, test.check, test.story) })
	}
}

// A change of the threshold takes no check down, and holds from the next bad result.
func TestTheThresholdIsChanged(t *testing.T) {
	c := story(t, check(t, "0 * * * *", "10m", after(5)), `
		02:00    success | up quiet
		03:10    judge   | up              streak 1
		04:10    judge   | up              streak 2`)
	lower := c.Config
	lower.Threshold = new(2)
	change := c.Reconfigure(lower, clock(t, "04:20"))
	if change.Flip != nil || change.Check.FailStreak != 2 {
		t.Fatalf("after the change: %+v", change)
	}
	c = story(t, change.Check, `
		05:10    judge   | down timeout    told streak 3`)
	higher := c.Config
	higher.Threshold = nil
	if change := c.Reconfigure(higher, clock(t, "05:20")); change.Flip != nil || change.Check.Status != monitor.Down {
		t.Errorf("it is %s after the change", change.Check.Status)
	}
}

// A shorter run limit that an open run has passed leaves no check without a deadline.
func TestAShorterRunLimitKeepsTheWatch(t *testing.T) {
	limit := time.Hour
	c := story(t, check(t, "1h", "10m", func(c *monitor.Config) { c.MaxRuntime = &limit }), `
		02:00    success | up quiet        due 03:00
		02:50    start   | running         due –`)
	short := c.Config
	short.MaxRuntime = new(5 * time.Minute)
	story(t, c.Reconfigure(short, clock(t, "03:05")).Check, `
		03:06    judge   | up              due 04:05
		04:15    judge   | down timeout    told at 04:15`)
}

// Two runs whose ends may have been lost in the same interval are one doubt.
func TestTwoRunsInDoubtAreNoAlarm(t *testing.T) {
	limit := 30 * time.Minute
	story(t, check(t, "0 * * * *", "10m", func(c *monitor.Config) { c.MaxRuntime = &limit }), `
		02:00    success             | up quiet        due 03:00
		03:00    start a             | running         due 04:00
		03:05    start b             | running         due 04:00
		03:20    late 03:10 blind    | running         due 04:00
		03:41:30 judge               | unknown blind   quiet idle due 04:00
		03:46:30 judge               | unknown         due 04:00
		04:10    judge               | down timeout    told at 04:10`)
}

// Of each bad result it is said which one it was, and of the flip too.
func TestExplainThreshold(t *testing.T) {
	p := &past{check: check(t, "0 * * * *", "10m", after(3))}
	happens := func(at string, event ...string) {
		change, err := happen(p.check, clock(t, at), clock(t, at), event)
		if err != nil {
			t.Fatal(err)
		}
		p.then(change)
	}
	happens("01:00:20", "success")
	happens("02:11", "judge")
	happens("03:00:30", "fail")
	happens("04:00", "start")
	happens("04:10", "judge")
	happens("04:30", "fail")
	for _, test := range []struct{ at, now, want string }{
		{"02:10", "08:00", "No message was sent: more bad results in a row are needed to take the check down.\nNothing was due: the next ping was expected by 20@03:00, with grace until 20@03:10.\nA ping was expected by 20@02:00; nothing had arrived by 20@02:10. It was bad result 1 of the 3 in a row that take the check down. Nobody was told: more bad results in a row are needed to take the check down. The next deadline was 20@03:10.\n[below threshold]"},
		{"02:30", "08:00", "No message was sent: there was nothing to decide in this minute.\nNothing was due: the next ping was expected by 20@03:00, with grace until 20@03:10."},
		{"03:00", "08:00", "No message was sent: more bad results in a row are needed to take the check down.\nNothing was due: the next ping was expected by 20@04:00, with grace until 20@04:10.\nA failure arrived 20@03:00:30. It was bad result 2 of the 3 in a row that take the check down. Nobody was told: more bad results in a row are needed to take the check down.\n[below threshold]"},
		{"04:10", "08:00", "A message was sent, and its channel took it.\nThe run that started 20@04:00 had not ended by 20@04:10, when its limit of 10m0s was over. Judged 20@04:10:00, 0s after that, it went from up to down. It was bad result 3 of the 3 in a row that take the check down.\nOps room: Taken 20@04:10:01, in 1 attempt, 1s after it was decided. Its last answer: “200 OK”."},
		{"04:30", "08:00", "No message was sent: the check was down already, and that had been told.\nIt was down since 20@04:10. That was told when it went down; there is nothing more to tell until it succeeds.\nA failure arrived 20@04:30. It was bad result 4 in a row. Nobody was told: the check was down already, and that had been told.\n[already down]"},
	} {
		if diff := cmp.Diff(test.want, p.explained(t, test.at, test.now)); diff != "" {
			t.Errorf("at %s (-want +got):\n%s", test.at, diff)
		}
	}
	p.check = check(t, "0 * * * *", "10m", after(2))
	happens("09:00", "success")
	want := "That is still to come; it is 20@09:01 now.\nThe next ping is expected by 20@10:00; if none has arrived by 20@10:10, that is bad result 1 of the 2 in a row that take it down, and nobody is told."
	if diff := cmp.Diff(want, p.explained(t, "11:00", "09:01")); diff != "" {
		t.Errorf("to come (-want +got):\n%s", diff)
	}
}
