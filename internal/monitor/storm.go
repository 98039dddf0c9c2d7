package monitor

import "time"

// A storm is more changes than anybody reads one by one. A flip that is owed to a
// channel belongs to one when StormAfter others were owed to the same channel
// within StormSpan before it. What belongs to a storm is told in digests: so the
// first messages go out singly and at once, and a storm ends by itself when fewer
// flips come. Whether a flip belongs to one depends on when flips were decided and
// on nothing else, so every process and every retry finds the same.
const (
	StormAfter = 20
	StormSpan  = 5 * time.Minute
	// StormWait is how long a digest waits for more, and StormPause how far apart
	// the digests of a channel are formed. One that is full waits for neither.
	StormWait  = 10 * time.Second
	StormPause = time.Minute
	// StormShown is how many changes a mail about a digest lists.
	StormShown = 50
)

// DigestMost is how many changes one digest tells a channel of this kind: a
// webhook gets them all, a mail the first of them and how many there are.
func (k ChannelKind) DigestMost() int {
	if k == Webhook {
		return 2_000
	}
	return 10_000
}

// DigestListed is how many of its changes a digest to this kind of channel keeps.
func (k ChannelKind) DigestListed() int {
	if k == Webhook {
		return k.DigestMost()
	}
	return StormShown
}

// InStorm reports whether a flip belongs to a storm. Before is when the flip
// StormAfter places before it in its channel was decided, zero when there is none.
func InStorm(created, before time.Time) bool {
	return !before.IsZero() && created.Sub(before) < StormSpan
}

// Owed is a flip's delivery that waits for its first attempt, as the rule of storms
// sees it.
type Owed struct {
	ID      DeliveryID
	Check   CheckID
	Created time.Time
	Before  time.Time // as InStorm has it
	NextAt  time.Time
	// Behind tells that an earlier change of its check is being told singly and has
	// not ended, or is told by this one: a digest must not overtake it.
	Behind bool
}

// Gathering is what is to be done about what a channel is owed.
type Gathering struct {
	Digests [][]DeliveryID // what each of them tells, in order
	Held    []DeliveryID   // wait for the next digest
	Until   time.Time      // when that is formed
}

// Gather says which digests are formed now of what a channel is owed, in the order
// in which it was decided. Last is when the channel's newest digest was formed,
// zero when it has none.
func Gather(kind ChannelKind, owed []Owed, last, now time.Time) Gathering {
	var storm []Owed
	single := map[CheckID]bool{} // checks of which something waits to be told singly
	for _, o := range owed {
		if o.Behind || single[o.Check] || !InStorm(o.Created, o.Before) {
			single[o.Check] = true
			continue
		}
		storm = append(storm, o)
	}
	var g Gathering
	for len(storm) >= kind.DigestMost() {
		g.form(storm[:kind.DigestMost()])
		storm = storm[kind.DigestMost():]
		last = now
	}
	if len(storm) == 0 {
		return g
	}
	g.Until = later(storm[0].Created.Add(StormWait), last.Add(StormPause))
	if !g.Until.After(now) {
		g.form(storm)
		return g
	}
	for _, o := range storm {
		if o.NextAt.Before(g.Until) {
			g.Held = append(g.Held, o.ID)
		}
	}
	return g
}

func (g *Gathering) form(owed []Owed) {
	told := make([]DeliveryID, len(owed))
	for i, o := range owed {
		told[i] = o.ID
	}
	g.Digests = append(g.Digests, told)
}

// Roundup is what a digest tells of a storm, as it was when it was formed.
type Roundup struct {
	Down    int       `json:"down"` // how many of the changes went down
	Up      int       `json:"up"`
	From    time.Time `json:"from"` // when the first of them was decided
	To      time.Time `json:"to"`   // and the last
	Changes []Turn    `json:"changes"`
}

// Turn is one change as a digest tells it.
type Turn struct {
	Page   string    `json:"page"` // PageKey of the check
	Name   string    `json:"name"`
	Slug   string    `json:"slug,omitempty"`
	Old    Status    `json:"old"`
	New    Status    `json:"new"`
	Reason Reason    `json:"reason"`
	At     time.Time `json:"at"`
	Rev    int64     `json:"rev"`
	// Corrects is the rev of the flip that a late report showed to be wrong; 0: none.
	Corrects int64 `json:"corrects,omitempty"`
}

// Len is how many changes the digest tells.
func (d Roundup) Len() int { return d.Down + d.Up }

// Count takes note of a change that was decided at the given time.
func (d Roundup) Count(status Status, decided time.Time) Roundup {
	if status == Up {
		d.Up++
	} else {
		d.Down++
	}
	if d.From.IsZero() || decided.Before(d.From) {
		d.From = decided
	}
	d.To = later(d.To, decided)
	return d
}
