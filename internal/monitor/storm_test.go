package monitor_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rollcall/internal/monitor"
)

// owed is what waits when so many flips are decided at the given seconds, none of
// them tried yet.
func owed(start time.Time, seconds ...int) []monitor.Owed {
	list := make([]monitor.Owed, len(seconds))
	for i, s := range seconds {
		at := start.Add(time.Duration(s) * time.Second)
		list[i] = monitor.Owed{ID: monitor.DeliveryID(i + 1), Check: monitor.CheckID(i + 1), Created: at, NextAt: at}
		if i >= monitor.StormAfter {
			list[i].Before = list[i-monitor.StormAfter].Created
		}
	}
	return list
}

// every returns n instants that are so many seconds apart.
func every(n, apart int) []int {
	seconds := make([]int, n)
	for i := range seconds {
		seconds[i] = i * apart
	}
	return seconds
}

func numbers(from, to int) []monitor.DeliveryID {
	var list []monitor.DeliveryID
	for i := from; i <= to; i++ {
		list = append(list, monitor.DeliveryID(i))
	}
	return list
}

func TestGather(t *testing.T) {
	start := time.Date(2026, 11, 23, 1, 15, 0, 0, time.UTC)
	at := func(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }
	lane := owed(start, every(24, 0)...)
	lane[0].Behind = true // as is its check's next change
	lane[22].Check, lane[23].Check = lane[0].Check, lane[21].Check
	most := monitor.Webhook.DigestMost()
	tests := []struct {
		name string
		owed []monitor.Owed
		last time.Time
		now  time.Time
		want monitor.Gathering
	}{
		{"nothing", nil, time.Time{}, at(0), monitor.Gathering{}},
		{"twenty at once", owed(start, every(20, 0)...), time.Time{}, at(0), monitor.Gathering{}},
		{"the others wait", owed(start, every(23, 0)...), time.Time{}, at(0), monitor.Gathering{Held: numbers(21, 23), Until: at(10)}},
		{"for ten seconds", owed(start, every(23, 0)...), time.Time{}, at(10), monitor.Gathering{Digests: [][]monitor.DeliveryID{numbers(21, 23)}, Until: at(10)}},
		{"or until a minute after the last", owed(start, every(23, 0)...), at(-20), at(10), monitor.Gathering{Held: numbers(21, 23), Until: at(40)}},
		{"one in fifteen seconds is no storm", owed(start, every(40, 15)...), time.Time{}, at(3600), monitor.Gathering{}},
		{"one in fourteen is", owed(start, every(22, 14)...), time.Time{}, at(3600), monitor.Gathering{Digests: [][]monitor.DeliveryID{numbers(21, 22)}, Until: at(290)}},
		{"a storm ends", owed(start, append(every(22, 0), 300)...), time.Time{}, at(300), monitor.Gathering{Digests: [][]monitor.DeliveryID{numbers(21, 22)}, Until: at(10)}},
		{"a full one does not wait", owed(start, every(20+most+1, 0)...), time.Time{}, at(1), monitor.Gathering{
			Digests: [][]monitor.DeliveryID{numbers(21, 20+most)}, Held: numbers(21+most, 21+most), Until: at(61),
		}},
		{"none overtakes what is told singly", lane, time.Time{}, at(10), monitor.Gathering{
			Digests: [][]monitor.DeliveryID{{21, 22, 24}}, Until: at(10),
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := monitor.Gather(monitor.Webhook, test.owed, test.last, test.now)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Whatever is owed: each flip is told once, singly or by one digest, in order, and
// a singly told one only when it does not belong to a storm or waits for one that does not.
func TestGatherPartitions(t *testing.T) {
	start := time.Date(2026, 11, 23, 1, 15, 0, 0, time.UTC)
	rapid.Check(t, func(r *rapid.T) {
		second, seconds := 0, []int{}
		for range rapid.IntRange(0, 80).Draw(r, "flips") {
			second += rapid.IntRange(0, 40).Draw(r, "pause")
			seconds = append(seconds, second)
		}
		list := owed(start, seconds...)
		for i := range list {
			list[i].Check = monitor.CheckID(rapid.IntRange(1, 30).Draw(r, "check"))
		}
		now := start.Add(time.Duration(second)*time.Second + monitor.StormWait)
		g := monitor.Gather(monitor.Email, list, time.Time{}, now)
		told, last := map[monitor.DeliveryID]bool{}, monitor.DeliveryID(0)
		for _, digest := range g.Digests {
			for _, id := range digest {
				if told[id] || id < last {
					r.Fatalf("delivery %d is told twice or out of order", id)
				}
				told[id], last = true, id
			}
		}
		single := map[monitor.CheckID]bool{}
		for _, o := range list {
			storm := monitor.InStorm(o.Created, o.Before)
			switch {
			case told[o.ID] && (!storm || single[o.Check]):
				r.Fatalf("delivery %d is told by a digest", o.ID)
			case !told[o.ID] && storm && !single[o.Check]:
				r.Fatalf("delivery %d is left", o.ID)
			case !told[o.ID]:
				single[o.Check] = true
			}
		}
	})
}
