package monitor

import (
	"time"

	"github.com/google/uuid"

	"rollcall/internal/schedule"
)

// Row identities. They are never shown where they could be guessed from: the
// public name of a check is its UUID.
type (
	CheckID    int64
	ProjectID  int64
	ChannelID  int64
	DeliveryID int64
)

// Status is the state of a check in one word.
type Status string

// The stored statuses, and the two that are computed when a check is shown.
const (
	New     Status = "new"     // never pinged, or resumed and not pinged since
	Up      Status = "up"      // reported in time
	Down    Status = "down"    // grace over, run over its limit, or failure reported
	Paused  Status = "paused"  // a person stopped the watch
	Unknown Status = "unknown" // Rollcall was blind when it was due

	Late    Status = "late"    // computed: past due, inside grace
	Running Status = "running" // computed: a run is open
)

// Reason says why a check has the status it has.
type Reason string

// The reasons. The empty reason is that of a check that was never judged.
const (
	Succeeded  Reason = "success" // a success arrived
	Failed     Reason = "fail"    // a failure or a non-zero exit status was reported
	Silent     Reason = "timeout" // nothing arrived by due plus grace
	Overran    Reason = "overrun" // a run was started and not ended within its limit
	Overlooked Reason = "blind"   // Rollcall could not see when it was due
	ByPerson   Reason = "person"  // somebody paused or resumed it
	Corrected  Reason = "late"    // a late report showed that an alarm was none
)

// Config is what a person chose about a check. Valid brings it into its
// canonical form or says what is wrong.
type Config struct {
	Name        string
	Slug        string // "" has no slug; otherwise unique in its project
	Description string
	Tags        []string
	Schedule    schedule.Spec
	Grace       time.Duration  // 1 s to 365 days, whole seconds
	MaxRuntime  *time.Duration // limit of one run; nil: the same as Grace
	// Threshold is how many bad results in a row take the check down; nil: the first
	// one does. A bad result is a failure, a missed deadline, or a run over its limit.
	Threshold *int
	// ManualResume makes a paused check ignore pings until a person resumes it.
	ManualResume bool
	// PostOnly ignores pings by any other method, such as those of link scanners.
	PostOnly bool
	Filter   Filter
}

// RunLimit is how long one run may last.
func (c Config) RunLimit() time.Duration {
	if c.MaxRuntime != nil {
		return *c.MaxRuntime
	}
	return c.Grace
}

// TakesDown is how many bad results in a row take the check down.
func (c Config) TakesDown() int {
	if c.Threshold != nil {
		return *c.Threshold
	}
	return 1
}

// State is what has happened to a check: everything its next transition needs.
// A zero time means that the thing has not happened, a nil pointer that it is
// not known; zero values behind pointers are values.
type State struct {
	Status Status
	Since  time.Time // when Status began
	Reason Reason
	Rev    int64 // flips so far; a flip is (check, rev)
	NPings int64 // pings so far, the coalesced and ignored ones too

	LastPing     time.Time // the last success or failure that counted
	LastSuccess  time.Time
	LastStart    time.Time
	LastSignal   Signal // of the last ping of any kind that counted
	LastExit     *int64 // exit status of the last success or failure
	LastDuration *time.Duration
	FailStreak   int // bad results in a row

	Due    time.Time     // the slot that is awaited, or the one that was missed
	Credit time.Duration // added to the deadline for time in which Rollcall was blind
	// BlindFrom is the blind interval that was last made good to the check. BlindTo is
	// the end of one in which the ping for Due may have been lost; zero: there is none.
	BlindFrom, BlindTo time.Time
	Runs               []Run // open runs, and those that ended moments ago

	// Wake is a lower bound of the next instant at which the check may have to be
	// judged. It is the only indexed part of the state, and a ping that moves the
	// deadline later leaves it alone: the scheduler moves it when it comes by.
	Wake time.Time

	Misses []Miss // that a late report may still correct

	Burst     Burst
	Coalesced int64  // pings counted of which no row was kept
	Trouble   string // why the check cannot be judged; "" when it can
}

// Check is one watched job.
type Check struct {
	ID      CheckID
	UUID    uuid.UUID
	Project ProjectID
	Created time.Time
	Updated time.Time // when a person last changed its Config
	Config
	State
}

// Limits of what a check remembers.
const (
	// MaxRuns is how many runs of one check are remembered; the oldest is
	// forgotten first and is not supervised any longer.
	MaxRuns = 20
	// EarlyTolerance is how long before its slot a ping still satisfies it, at
	// most a tenth of the gap between slots.
	EarlyTolerance = time.Minute
	// DuplicateWindow is how long an ended run is remembered, so that a client
	// that repeats an unanswered ping with the same run id is not counted twice.
	DuplicateWindow = 2 * time.Minute
	// ReorderWindow is how long after a run's end its start may still arrive.
	ReorderWindow = 5 * time.Second
)

// Run is one execution of the job: from its start signal to its end.
type Run struct {
	ID     string        `json:"id,omitempty"` // "" when the job sends no run id
	Start  time.Time     `json:"start,omitzero"`
	Credit time.Duration `json:"credit,omitempty"` // for time in which Rollcall was blind
	Unseen time.Time     `json:"unseen,omitzero"`  // end of a blind interval in which its end may have been lost
	Over   bool          `json:"over,omitempty"`   // its limit passed and was judged
	End    time.Time     `json:"end,omitzero"`     // zero while it is open
	Ended  Signal        `json:"ended,omitempty"`  // how it ended
}

// Open reports whether the run was started and has not ended.
func (r Run) Open() bool { return r.End.IsZero() }

// Deadline is an instant at which silence means something.
type Deadline struct {
	At     time.Time
	Reason Reason // Silent, or Overran
	Run    int    // index into Runs when Overran
}

// Deadline returns the next instant at which the check has to be judged if
// nothing arrives, and false when there is none.
func (c Check) Deadline() (Deadline, bool) {
	var first Deadline
	if at, ok := c.scheduleDeadline(); ok {
		first = Deadline{At: at, Reason: Silent}
	}
	for i, run := range c.Runs {
		if !run.Open() || run.Over {
			continue
		}
		at := run.Start.Add(c.RunLimit() + run.Credit)
		if first.At.IsZero() || at.Before(first.At) {
			first = Deadline{At: at, Reason: Overran, Run: i}
		}
	}
	return first, !first.At.IsZero()
}

// scheduleDeadline is when the awaited slot is missed. A check that is down or
// paused awaits none; a new one does only after it was resumed.
func (c Check) scheduleDeadline() (time.Time, bool) {
	if c.Due.IsZero() || c.Status == Down || c.Status == Paused {
		return time.Time{}, false
	}
	return c.Due.Add(c.Grace + c.Credit), true
}

// Shown returns the status as people see it at the given time: the stored one,
// or Late or Running.
func (c Check) Shown(now time.Time) Status {
	switch {
	case c.Status == Down, c.Status == Paused, c.Status == Unknown:
		return c.Status
	case !c.Due.IsZero() && now.After(c.Due):
		return Late
	case c.Running():
		return Running
	}
	return c.Status
}

// Tolerated reports whether the bad results so far are fewer than take the check
// down, and there is one.
func (c Check) Tolerated() bool {
	return c.FailStreak > 0 && c.FailStreak < c.TakesDown() && c.Status != Down && c.Status != Paused
}

// Running reports whether a run is open and within its limit.
func (c Check) Running() bool {
	for _, run := range c.Runs {
		if run.Open() && !run.Over {
			return true
		}
	}
	return false
}

// NextExpected returns the next slot in which a ping is expected as seen from
// now: the awaited one, or for a check that is down the next of its schedule.
// It is zero when nothing is expected.
func (c Check) NextExpected(now time.Time) time.Time {
	if c.Status == Paused || c.LastPing.IsZero() && c.Due.IsZero() {
		return time.Time{}
	}
	if c.Due.After(now) || c.Status != Down {
		return c.Due
	}
	sched, err := c.Schedule.Parse()
	if err != nil || c.Schedule.Kind == schedule.Every {
		return time.Time{}
	}
	next, _ := sched.Next(now)
	return next
}
