package schedule_test

import (
	"testing"
	"time"

	"rollcall/internal/schedule"
)

// costly are the schedules that take longest: common ones first, then those
// whose slots are rarest.
var costly = []struct {
	name string
	spec schedule.Spec
}{
	{"often", cronIn("Europe/Berlin", "*/5 * * * *")},
	{"daily", cronIn("Europe/Berlin", "30 2 * * *")},
	{"leap", cronIn("America/New_York", "30 2 29 2 */7")},
	{"calendar", calendarIn("Europe/Berlin", "Mon..Fri *-*-* 02:30")},
	{"far", calendarIn("Europe/Berlin", repeatLine("Mon 2199-12~2 02:30 America/New_York", 10))},
}

func BenchmarkParse(b *testing.B) {
	for _, c := range costly {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				if _, err := c.spec.Parse(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkNext(b *testing.B) {
	for _, c := range costly {
		b.Run(c.name, func(b *testing.B) {
			s, err := c.spec.Parse()
			if err != nil {
				b.Fatal(err)
			}
			after := time.Date(2026, 11, 23, 13, 0, 0, 0, time.UTC)
			for b.Loop() {
				s.Next(after)
			}
		})
	}
}
