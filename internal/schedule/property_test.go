package schedule_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rollcall/internal/schedule"
)

// drawSchedule makes up a valid schedule of any kind.
func drawSchedule(t *rapid.T) schedule.Schedule {
	zone := rapid.SampledFrom(schedule.Zones()).Draw(t, "zone")
	var spec schedule.Spec
	switch rapid.IntRange(0, 4).Draw(t, "kind") {
	case 0:
		spec = every(time.Duration(rapid.IntRange(1, 365*24*60*60).Draw(t, "seconds")) * time.Second)
	case 1, 2:
		spec = cronIn(zone, drawCron(t))
	default:
		spec = calendarIn(zone, drawCalendar(t)+"\n"+drawCalendar(t)+" "+rapid.SampledFrom(schedule.Zones()).Draw(t, "other zone"))
	}
	s, err := spec.Parse()
	if err != nil {
		t.Skip("not valid")
	}
	return s
}

func TestNextAndPreviousAreInverse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSchedule(t)
		now := time.Unix(rapid.Int64Range(0, 5e9).Draw(t, "seconds"), rapid.Int64Range(0, 1e9-1).Draw(t, "nanoseconds"))
		slot, ok := s.Next(now)
		if !ok {
			t.Skip("exhausted")
		}
		for range 20 {
			if slot.Nanosecond() != 0 || slot.Location() != time.UTC || !slot.After(now) {
				t.Fatalf("Next(%v) = %v", now, slot)
			}
			if previous, ok := s.Previous(slot.Add(1)); s.Spec().Kind != schedule.Every && (!ok || !previous.Equal(slot)) {
				t.Fatalf("Previous just after %v = %v, %v", slot, previous, ok)
			}
			next, ok := s.Next(slot)
			if !ok {
				return
			}
			if previous, ok := s.Previous(next); !ok || !previous.Equal(slot) {
				t.Fatalf("Next(%v) = %v, whose Previous = %v, %v", slot, next, previous, ok)
			}
			now, slot = slot, next
		}
	})
}

func TestBetweenIsRepeatedNext(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSchedule(t)
		from := time.Unix(rapid.Int64Range(1, 4e9).Draw(t, "from"), 0).UTC()
		to := from.Add(time.Duration(rapid.Int64Range(0, int64(400*24*time.Hour)).Draw(t, "length")))
		limit := rapid.IntRange(0, 30).Draw(t, "limit")

		var want []time.Time
		slot, ok := s.Next(from.Add(-time.Second))
		if s.Spec().Kind == schedule.Every {
			slot, ok = from, true
		}
		for ; ok && slot.Before(to) && len(want) < limit; slot, ok = s.Next(slot) {
			want = append(want, slot)
		}
		if diff := cmp.Diff(want, s.Between(from, to, limit)); diff != "" {
			t.Fatalf("%+v between %v and %v, at most %d (-want +got):\n%s", s.Spec(), from, to, limit, diff)
		}
	})
}

func TestEndsOfTime(t *testing.T) {
	first, end := at(t, "1970-01-01T00:00:00Z"), at(t, "2200-01-01T00:00:00Z")
	far := []time.Time{{}, time.Unix(-1<<62, 0), first.Add(-1), first, end.Add(-1), end, time.Unix(1<<62, 0)}
	for _, spec := range []schedule.Spec{
		every(365 * 24 * time.Hour), cronIn("UTC", "* * * * *"), cronIn("Pacific/Auckland", "0 0 29 2 1"), cronIn("America/New_York", "0 0 1 1 *"), calendarIn("Asia/Tokyo", "*:*:*"), calendarIn("UTC", "2199-12-31 23:59:59"),
	} {
		s := parse(t, spec)
		for _, now := range far {
			next, hasNext := s.Next(now)
			previous, hasPrevious := s.Previous(now)
			if hasNext && (next.Before(first) || !next.Before(end) || !next.After(now)) {
				t.Errorf("%+v: Next(%v) = %v", spec, now, next)
			}
			if hasPrevious && (previous.Before(first) || !previous.Before(end) || !previous.Before(now)) {
				t.Errorf("%+v: Previous(%v) = %v", spec, now, previous)
			}
		}
		if _, ok := s.Next(end.Add(-1)); ok {
			t.Errorf("%+v goes on after %v", spec, end)
		}
		if _, ok := s.Previous(first); ok {
			t.Errorf("%+v begins before %v", spec, first)
		}
	}
	if next, ok := parse(t, calendarIn("UTC", "2199-12-31 23:59:59")).Next(first); !ok || !next.Equal(end.Add(-time.Second)) {
		t.Errorf("the last second = %v, %v", next, ok)
	}
}
