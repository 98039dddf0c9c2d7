package alerter

import (
	"maps"
	"sync"
	"time"

	"rollcall/internal/monitor"
	"rollcall/internal/outbound"
	"rollcall/internal/store"
)

// Stats is what an Alerter has done since the start, for metrics.
type Stats struct {
	Attempts map[AttemptClass]int64
	Took     map[monitor.ChannelKind]time.Duration // by all attempts together
	Dead     map[monitor.ChannelKind]int64         // given up
	Replays  int64                                 // rounds of attempts that somebody asked for
	Expired  int64                                 // leases that ran out, taken over
	Merged   int64                                 // changes that digests have told
	Gone     int64                                 // channels that were disabled because their receiver is gone
	InFlight int                                   // attempts under way
	Waiting  int                                   // leased, waiting for their host
}

// AttemptClass is a kind of attempt that is counted.
type AttemptClass struct {
	Kind  monitor.ChannelKind
	Class outbound.Class
}

// counters are kept by few and small keys, so a mutex costs nothing beside a send.
type counters struct {
	mu       sync.Mutex // guards the fields below
	attempts map[AttemptClass]int64
	took     map[monitor.ChannelKind]time.Duration
	given    map[monitor.ChannelKind]int64
	replays  int64
	expired  int64
	merged   int64
	gone     int64
}

// begun counts what is known of an attempt before it is made.
func (c *counters) begun(d store.Dispatch) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if d.Again {
		c.expired++
	}
	if d.Delivery.Tries == 0 && d.Delivery.Attempts > 0 && d.Delivery.Planned.IsZero() {
		c.replays++
	}
}

// ended counts what an attempt led to.
func (c *counters) ended(d store.Dispatch, after monitor.Delivery, gone bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if gone {
		c.gone++
	}
	if after.State == monitor.Sent && d.Roundup != nil {
		c.merged += int64(d.Roundup.Down + d.Roundup.Up)
	}
	if after.State == monitor.Dead {
		if c.given == nil {
			c.given = map[monitor.ChannelKind]int64{}
		}
		c.given[d.Channel.Kind]++
	}
}

func (c *counters) count(kind monitor.ChannelKind, class outbound.Class, took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.attempts == nil {
		c.attempts, c.took = map[AttemptClass]int64{}, map[monitor.ChannelKind]time.Duration{}
	}
	c.attempts[AttemptClass{kind, class}]++
	c.took[kind] += took
}

// Stats returns a copy of the counters.
func (a *Alerter) Stats() Stats {
	a.mu.Lock()
	s := Stats{InFlight: a.running + a.slow}
	for _, h := range a.hosts {
		s.Waiting += len(h.waiting)
	}
	a.mu.Unlock()
	a.stats.mu.Lock()
	defer a.stats.mu.Unlock()
	s.Attempts, s.Took, s.Dead = maps.Clone(a.stats.attempts), maps.Clone(a.stats.took), maps.Clone(a.stats.given)
	s.Replays, s.Expired, s.Merged, s.Gone = a.stats.replays, a.stats.expired, a.stats.merged, a.stats.gone
	return s
}
