package monitor

import "time"

// Outcome says what became of a ping.
type Outcome string

// The outcomes. All of them are answered 200.
const (
	Recorded  Outcome = "recorded"
	Coalesced Outcome = "coalesced" // part of a flood: counted, not kept
	Duplicate Outcome = "duplicate" // the same signal of the same run again: seen, not counted
	Ignore    Outcome = "ignored"   // kept, but of no effect; Ping.Ignored says why
)

// Change is what a transition does to a check. The store writes all of it in one
// transaction, or nothing.
type Change struct {
	Check Check
	Ping  *Ping // the row to keep, if any
	Flip  *Flip // the change of status, if any
	// Decision is the record of it; nil when there is nothing to explain.
	Decision *Decision
	Outcome  Outcome
	// Unchanged spares the store the write: the check stands as it was.
	Unchanged bool
}

// Flip is one change of a check's status. It is identified by (Check, Rev).
type Flip struct {
	Check  CheckID
	Rev    int64
	At     time.Time // when it became true: a missed deadline dates from the deadline
	Judged time.Time // when it was noticed
	Old    Status
	New    Status
	Reason Reason
	Tell   bool // a delivery is owed to every channel of the check
	Facts  Facts
}

// Facts is what was known when a flip was decided: all that a message or an
// explanation needs, so that neither changes when the check does.
type Facts struct {
	Name     string   `json:"name"`
	Advice   string   `json:"advice,omitempty"` // the beginning of the description
	Slug     string   `json:"slug,omitempty"`
	Tags     []string `json:"tags,omitempty"`
	Schedule string   `json:"schedule"`           // in words
	Expr     string   `json:"expr,omitempty"`     // as typed; "" for a plain period
	Zone     string   `json:"zone,omitempty"`     // "" for a plain period
	Grace    int64    `json:"grace_s"`            // seconds
	RunLimit int64    `json:"run_limit_s"`        // seconds
	Due      *int64   `json:"due_us,omitempty"`   // unix microseconds of the missed slot
	Start    *int64   `json:"start_us,omitempty"` // of the run that overran or ended
	Success  *int64   `json:"last_success_us,omitempty"`
	Exit     *int64   `json:"exit,omitempty"`
	Duration *int64   `json:"duration_us,omitempty"`  // of the run that caused it, or of the last success before
	Streak   int      `json:"streak,omitempty"`       // failures in a row
	PingN    int64    `json:"ping_n,omitempty"`       // the ping that caused it, or the last one before
	Before   *int64   `json:"old_since_us,omitempty"` // since when the old status held
	Corrects int64    `json:"corrects,omitempty"`     // rev of the flip that a late report showed to be wrong; 0: none
	Alarm    *int64   `json:"alarm_us,omitempty"`     // the deadline of that one
	Ran      *int64   `json:"ran_us,omitempty"`       // when the job had reported, had it been heard
	Blind    *int64   `json:"blind_us,omitempty"`     // From of the blind interval that made the check unknown
}

// Micros returns t as unix microseconds, and nil for the zero time.
func Micros(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	us := t.UnixMicro()
	return &us
}

// FromMicros is the inverse of Micros.
func FromMicros(us *int64) time.Time {
	if us == nil {
		return time.Time{}
	}
	return time.UnixMicro(*us).UTC()
}

// flip returns the change of c's status, with the facts as they stand in c, and
// c after it. Flips are in the order of their times: one that is learned of late
// is dated no earlier than the one before it.
func (c Check) flip(to Status, reason Reason, at, now time.Time, tell bool) (Check, *Flip) {
	at = later(at, c.Since)
	facts := c.facts()
	f := &Flip{
		Check: c.ID, Rev: c.Rev + 1, At: at, Judged: now,
		Old: c.Status, New: to, Reason: reason, Tell: tell, Facts: facts,
	}
	c.Rev++
	c.Status, c.Since, c.Reason = to, at, reason
	return c, f
}

func (c Check) facts() Facts {
	f := Facts{
		Name: c.Title(), Advice: beginning(c.Description), Slug: c.Slug, Tags: c.Tags,
		Expr: c.Schedule.Expr, Zone: c.Schedule.Zone,
		Grace:    int64(c.Grace / time.Second),
		RunLimit: int64(c.RunLimit() / time.Second),
		Due:      Micros(c.Due), Success: Micros(c.LastSuccess),
		Streak: c.FailStreak, PingN: c.NPings, Before: Micros(c.Since),
	}
	if c.LastDuration != nil && c.LastPing.Equal(c.LastSuccess) {
		us := c.LastDuration.Microseconds()
		f.Duration = &us
	}
	if sched, err := c.Schedule.Parse(); err == nil {
		f.Schedule = sched.Words()
	}
	return f
}

// adviceLimit is how many characters of a description a message carries.
const adviceLimit = 600

func beginning(text string) string {
	if runes := []rune(text); len(runes) > adviceLimit {
		return string(runes[:adviceLimit]) + "…"
	}
	return text
}
