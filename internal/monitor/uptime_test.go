package monitor_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rollcall/internal/monitor"
)

// at is so many minutes after the beginning of the day of the tests.
func at(minutes int) time.Time { return day.Add(time.Duration(minutes) * time.Minute) }

func turn(rev int64, minutes int, from, to monitor.Status) monitor.Flip {
	return monitor.Flip{Rev: rev, At: at(minutes), Judged: at(minutes), Old: from, New: to}
}

func TestUptime(t *testing.T) {
	const min = time.Minute
	corrected := turn(3, 70, monitor.Up, monitor.Up)
	corrected.Facts.Corrects = 1
	stillDown := turn(2, 70, monitor.Down, monitor.Down)
	stillDown.Facts.Corrects = 1
	for name, tt := range map[string]struct {
		status monitor.Status
		flips  []monitor.Flip // newest first
		blinds []monitor.Blind
		from   int
		to     int
		want   monitor.Share
		said   int
	}{
		"never pinged": {monitor.New, nil, nil, 0, 60, monitor.Share{Idle: 60 * min}, 0},
		"always up":    {monitor.Up, nil, nil, 0, 60, monitor.Share{Up: 60 * min}, 10_000},
		"before creation there is nothing": {
			monitor.Up, nil, nil, -60, 60, monitor.Share{Up: 60 * min}, 10_000,
		},
		"down once": {
			monitor.Up,
			[]monitor.Flip{turn(2, 40, monitor.Down, monitor.Up), turn(1, 30, monitor.Up, monitor.Down)},
			nil, 0, 60,
			monitor.Share{Up: 50 * min, Down: 10 * min, Falls: 1},
			8333,
		},
		"a downtime that began before": {
			monitor.Up,
			[]monitor.Flip{turn(2, 40, monitor.Down, monitor.Up), turn(1, 30, monitor.Up, monitor.Down)},
			nil, 35, 60,
			monitor.Share{Up: 20 * min, Down: 5 * min, Falls: 1},
			8000,
		},
		"pauses and what is unknown do not count": {
			monitor.Unknown,
			[]monitor.Flip{turn(2, 40, monitor.Up, monitor.Unknown), turn(1, 30, monitor.Paused, monitor.Up)},
			nil, 0, 60,
			monitor.Share{Up: 10 * min, Blind: 20 * min, Idle: 30 * min},
			10_000,
		},
		"nor does blind time, however often it was recorded": {
			monitor.Down,
			[]monitor.Flip{turn(1, 30, monitor.Up, monitor.Down)},
			[]monitor.Blind{{From: at(35), To: at(45)}, {From: at(10), To: at(20)}, {From: at(15), To: at(20)}, {From: at(58), To: at(70)}},
			0, 60,
			monitor.Share{Up: 20 * min, Down: 18 * min, Blind: 22 * min, Falls: 1},
			5263,
		},
		"a downtime that was not seen is none": {
			monitor.Up,
			[]monitor.Flip{turn(2, 40, monitor.Down, monitor.Up), turn(1, 30, monitor.Up, monitor.Down)},
			[]monitor.Blind{{From: at(30), To: at(40)}},
			0, 60,
			monitor.Share{Up: 50 * min, Blind: 10 * min},
			10_000,
		},
		"an alarm that was taken back is no downtime": {
			monitor.Up,
			[]monitor.Flip{corrected, turn(2, 50, monitor.Down, monitor.Up), turn(1, 30, monitor.Up, monitor.Down)},
			nil, 0, 90,
			monitor.Share{Up: 90 * min},
			10_000,
		},
		"a downtime for another reason goes on after a correction": {
			monitor.Down,
			[]monitor.Flip{stillDown, turn(1, 30, monitor.Up, monitor.Down)},
			nil, 0, 90,
			monitor.Share{Up: 70 * min, Down: 20 * min, Falls: 1},
			7777,
		},
		"two downtimes": {
			monitor.Down,
			[]monitor.Flip{
				turn(3, 50, monitor.Up, monitor.Down), turn(2, 40, monitor.Down, monitor.Up), turn(1, 30, monitor.New, monitor.Down),
			},
			nil, 0, 60,
			monitor.Share{Up: 10 * min, Down: 20 * min, Idle: 30 * min, Falls: 2},
			3333,
		},
		"nothing":   {monitor.Up, nil, nil, 60, 60, monitor.Share{}, 0},
		"backwards": {monitor.Up, nil, nil, 60, 30, monitor.Share{}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			check := monitor.Check{Created: day, State: monitor.State{Status: tt.status}}
			got := monitor.Uptime(check, tt.flips, tt.blinds, at(tt.from), at(tt.to))
			if got != tt.want || got.Hundredths() != tt.said {
				t.Errorf("%+v, %d; want %+v, %d", got, got.Hundredths(), tt.want, tt.said)
			}
		})
	}
}

// 100 % means never down, for however long it was up.
func TestSharesAreRoundedDown(t *testing.T) {
	for _, years := range []int{1, 30, 100} {
		up := time.Duration(years) * 365 * 24 * time.Hour
		if got := (monitor.Share{Up: up, Down: time.Microsecond}).Hundredths(); got != 9_999 {
			t.Errorf("%d years and a microsecond: %d", years, got)
		}
		if got := (monitor.Share{Up: up, Idle: up, Blind: up}).Hundredths(); got != 10_000 {
			t.Errorf("%d years: %d", years, got)
		}
	}
}

// The ledger agrees with one who walks through every minute and asks what was then.
func TestUptimeMinuteByMinute(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		statuses := []monitor.Status{monitor.New, monitor.Up, monitor.Down, monitor.Paused, monitor.Unknown}
		status, minute := monitor.New, 0
		var flips []monitor.Flip
		for range rapid.IntRange(0, 12).Draw(t, "flips") {
			next := rapid.SampledFrom(statuses).Draw(t, "status")
			minute += rapid.IntRange(0, 90).Draw(t, "after")
			flips = append([]monitor.Flip{turn(int64(len(flips)+1), minute, status, next)}, flips...)
			status = next
		}
		end := minute + rapid.IntRange(1, 90).Draw(t, "end")
		var blinds []monitor.Blind
		for range rapid.IntRange(0, 5).Draw(t, "blinds") {
			from := rapid.IntRange(-60, end).Draw(t, "blind")
			blinds = append(blinds, monitor.Blind{From: at(from), To: at(from + rapid.IntRange(1, 120).Draw(t, "long"))})
		}
		from := rapid.IntRange(-30, end).Draw(t, "from")
		to := rapid.IntRange(from, end).Draw(t, "to")
		check := monitor.Check{Created: day, State: monitor.State{Status: status}}

		got := monitor.LedgerOf(check, flips, blinds, day.Add(-time.Hour), at(end)).Share(at(from), at(to))
		got.Falls = 0
		if want := walked(flips, blinds, from, to); got != want {
			t.Fatalf("%d to %d: %+v, want %+v\n%+v\n%+v", from, to, got, want, flips, blinds)
		}
		if direct := monitor.Uptime(check, flips, blinds, at(from), at(to)); to == end && direct.Whole() != got.Whole() {
			t.Fatalf("Uptime is not the ledger's share: %+v, %+v", direct, got)
		}
	})
}

func walked(flips []monitor.Flip, blinds []monitor.Blind, from, to int) monitor.Share {
	var s monitor.Share
	for minute := max(0, from); minute < to; minute++ {
		status := monitor.New
		for _, f := range slices.Backward(flips) { // the oldest first
			if !f.At.After(at(minute)) {
				status = f.New
			}
		}
		blind := slices.ContainsFunc(blinds, func(b monitor.Blind) bool {
			return !b.From.After(at(minute)) && b.To.After(at(minute))
		})
		switch {
		case blind, status == monitor.Unknown:
			s.Blind += time.Minute
		case status == monitor.Up:
			s.Up += time.Minute
		case status == monitor.Down:
			s.Down += time.Minute
		default:
			s.Idle += time.Minute
		}
	}
	return s
}

// The days of a calendar are those of its zone, an hour shorter or longer when the
// clocks change, and those before creation are absent.
func TestDaysAndMonths(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	created := time.Date(2026, 3, 27, 11, 0, 0, 0, berlin)
	now := time.Date(2026, 3, 30, 6, 0, 0, 0, berlin)
	check := monitor.Check{Created: created, State: monitor.State{Status: monitor.Up}}
	ledger := monitor.LedgerOf(check, nil, nil, created, now)

	var got []time.Duration
	days := ledger.Days(90, now, berlin)
	for _, d := range days {
		got = append(got, d.Up)
	}
	if want := []time.Duration{13 * time.Hour, 24 * time.Hour, 23 * time.Hour, 6 * time.Hour}; !slices.Equal(got, want) {
		t.Errorf("days of %v, want %v", got, want)
	}
	if first := days[0].From; !first.Equal(time.Date(2026, 3, 27, 0, 0, 0, 0, berlin)) {
		t.Errorf("the first day begins %v", first)
	}

	later := time.Date(2026, 11, 2, 0, 0, 0, 0, berlin)
	months := monitor.LedgerOf(check, nil, nil, created, later).Months(4, later, berlin)
	got = nil
	for _, m := range months {
		got = append(got, m.Up)
	}
	if want := []time.Duration{31 * 24 * time.Hour, 30 * 24 * time.Hour, (31*24 + 1) * time.Hour, 24 * time.Hour}; !slices.Equal(got, want) {
		t.Errorf("months of %v, want %v", got, want)
	}
}
