package alerter

import (
	"maps"
	"sync"
	"time"

	"rollcall/internal/monitor"
	"rollcall/internal/outbound"
)

// Stats is what an Alerter has done since the start, for metrics.
type Stats struct {
	Attempts map[AttemptClass]int64
	Took     map[monitor.ChannelKind]time.Duration // by all attempts together
	Dead     map[monitor.ChannelKind]int64         // given up
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

func (c *counters) dead(kind monitor.ChannelKind) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.given == nil {
		c.given = map[monitor.ChannelKind]int64{}
	}
	c.given[kind]++
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
	return s
}
