package store

import (
	"context"
	"fmt"
	"time"
)

// Consistency looks at the whole database for what must not be there.
type Consistency interface {
	// Violations returns the rules that are broken, none when all is well. Now is the
	// time of looking; every deadline up to judged is known to have been judged.
	Violations(ctx context.Context, now, judged time.Time) ([]Violation, error)
	// LastCovered returns up to when a node has proved that pings could be stored; zero
	// when none has.
	LastCovered(ctx context.Context) (time.Time, error)
	// Restored makes a database that was restored from a backup fit for use: whoever
	// was logged in logs in again, links and answers to requests that were kept end,
	// and the log of each project has an entry, which says up to when pings are known.
	Restored(ctx context.Context) error
}

// Rule is something that always holds.
type Rule string

// The rules.
const (
	StatusIsLastFlip  Rule = "status_is_last_flip" // a check has the status that its newest flip gave it
	FlipHasDeliveries Rule = "flip_has_deliveries" // a flip that is told has a delivery for each channel
	LeaseEnds         Rule = "lease_ends"          // nothing is being sent long after its lease ran out
	DeliveryIsQueued  Rule = "delivery_is_queued"  // a delivery is in the queue exactly until it ends
	AwaitedHasWake    Rule = "awaited_has_wake"    // a check that awaits a ping is in the schedule
	DeadlineIsJudged  Rule = "deadline_is_judged"  // no deadline has passed without being judged
)

// Rules lists them.
func Rules() []Rule {
	return []Rule{StatusIsLastFlip, FlipHasDeliveries, LeaseEnds, DeliveryIsQueued, AwaitedHasWake, DeadlineIsJudged}
}

// ViolationLimit is how many cases of one rule are looked for.
const ViolationLimit = 100

// Violation is a broken rule.
type Violation struct {
	Rule  Rule
	Count int    // at most ViolationLimit
	First string // the first case, such as "check 12"
}

// String says it in a line.
func (v Violation) String() string {
	return fmt.Sprintf("%s: %d, the first is %s", v.Rule, v.Count, v.First)
}
