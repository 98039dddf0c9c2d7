// Package schedule says when a job is due: every so often, by a cron expression,
// or by systemd's OnCalendar. It owns the three languages, what a change of the
// clocks does to each, and the words that explain a schedule to people. It knows
// no clock: every question comes with its time, and answers are whole seconds
// in UTC, in the years 1970 to 2199. It refuses an expression that no day of
// those years fits, so each search is short and ends.
//
// # Changes of the clocks
//
// A monitor must expect a run exactly when the real job runner makes one:
//
//   - cron as Debian has it: a job whose minute or hour field begins with * runs
//     in real time; any other runs right after the gap that swallowed its time,
//     and in the hour that comes twice once, the first time. Clocks put forward
//     by three hours or more are not made up for. When both day fields are
//     restricted, a day need only fit one of them, unless one begins with *.
//   - systemd, as version 252 has it, skips a time that does not exist, and runs
//     a time that comes twice the first time.
//   - Every is a distance in real time and never notices. It is not a slot on a
//     calendar either: one period after a time with a fraction of a second is
//     rounded up, so that a deadline is never early.
//
// Slots strictly increase wherever one begins to ask, also in the second pass.
//
// # Where systemd differs
//
// Asked from within a second pass, systemd 252 goes on inside it, where a timer
// that follows its own answers never gets. A repetition that does not divide its
// unit (*:0/7) may lose the first time of the next hour, day or year. Where
// daylight saving time is behind (Europe/Dublin, Africa/Casablanca) or two hours
// long (Antarctica/Troll), a time in the gap may take later ones with it. Dates
// counted from the month's end, and clocks put back for good, may run in either
// pass. All but the first are slots that systemd's manual promises, and so do we.
package schedule

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"rollcall/internal/fault"
)

// Kind is the language in which a schedule is written.
type Kind string

// The kinds of schedule.
const (
	Every      Kind = "every"
	Cron       Kind = "cron"
	OnCalendar Kind = "oncalendar"
)

// The bounds of a period.
const (
	minPeriod = time.Second
	maxPeriod = 365 * 24 * time.Hour
)

// Spec is a schedule as it is typed and stored.
type Spec struct {
	Kind   Kind
	Period time.Duration // Every only: whole seconds, from 1 s to 365 days
	Expr   string        // Cron: five fields or @daily and the like; OnCalendar: one line or several
	Zone   string        // a time zone's name; "" is UTC; no meaning for Every
}

// Schedule is a Spec that was found valid and can be asked for its slots. It
// is immutable and safe for concurrent use; its zero value has no slots.
type Schedule struct {
	spec  Spec
	loc   *time.Location
	rules []rule // none for Every, one for Cron, one per line for OnCalendar
}

// Detect returns the kind of an expression that came without one.
func Detect(text string) Kind {
	text = strings.TrimSpace(text)
	oneLine := !strings.ContainsAny(text, "\r\n")
	if strings.HasPrefix(text, "@") || oneLine && len(strings.Fields(text)) == 5 {
		return Cron
	}
	return OnCalendar
}

// Parse checks the spec; its error is a fault.Invalid that names the fields
// period, schedule or timezone.
func (s Spec) Parse() (Schedule, error) {
	switch s.Kind {
	case Every:
		return s.parseEvery()
	case Cron, OnCalendar:
		return s.parseCalendar()
	}
	return Schedule{}, fault.Invalid{"schedule": "must be a period, a cron expression or an OnCalendar expression"}
}

func (s Spec) parseEvery() (Schedule, error) {
	if s.Period < minPeriod || s.Period > maxPeriod || s.Period%time.Second != 0 {
		return Schedule{}, fault.Invalid{"period": "must be whole seconds, from 1 second to 365 days"}
	}
	return Schedule{spec: Spec{Kind: Every, Period: s.Period}, loc: time.UTC}, nil
}

// parseCalendar parses the kinds that follow a calendar.
func (s Spec) parseCalendar() (Schedule, error) {
	invalid := fault.Invalid{}
	loc, err := Zone(s.Zone)
	if err != nil {
		invalid["timezone"] = err.Error()
		loc = time.UTC // to look for what else is wrong
	}
	lines, err := s.lines()
	var rules []rule
	for _, line := range lines {
		var r rule
		if r, err = parseLine(s.Kind, line, loc); err != nil {
			break
		}
		rules = append(rules, r)
	}
	if err != nil {
		invalid["schedule"] = err.Error()
	}
	if err := invalid.OrNil(); err != nil {
		return Schedule{}, err
	}
	spec := Spec{Kind: s.Kind, Expr: strings.Join(lines, "\n"), Zone: loc.String()}
	return Schedule{spec: spec, loc: loc, rules: rules}, nil
}

// lines returns the expression's lines without needless white space.
func (s Spec) lines() ([]string, error) {
	limit := maxCalendarLength
	if s.Kind == Cron {
		limit = maxCronLength
	}
	if len(s.Expr) > limit {
		return nil, fmt.Errorf("is too long: up to %d characters are allowed", limit)
	}
	var lines []string
	for line := range strings.Lines(s.Expr) {
		if line = strings.Join(strings.Fields(line), " "); line != "" {
			lines = append(lines, line)
		}
	}
	switch {
	case len(lines) == 0:
		return nil, fmt.Errorf("is missing")
	case len(lines) > 1 && s.Kind == Cron:
		return nil, fmt.Errorf("must be one line")
	case len(lines) > maxCalendarLines:
		return nil, fmt.Errorf("has too many lines: up to %d are allowed", maxCalendarLines)
	}
	return lines, nil
}

// parseLine parses one line and refuses one that has no slot in all years.
func parseLine(kind Kind, line string, loc *time.Location) (rule, error) {
	r := rule{loc: loc}
	var err error
	if kind == Cron {
		r.pattern, r.clocks, err = parseCron(line)
	} else {
		r, err = parseCalendar(line, loc)
	}
	if err != nil {
		return rule{}, err
	}
	if _, ok := r.next(0); !ok {
		return rule{}, fmt.Errorf("never comes: no time from %d to %d fits %s", firstYear, lastYear, quote(line))
	}
	return r, nil
}

// quote shows what somebody typed, shortened.
func quote(text string) string {
	const most = 40
	if len(text) > most {
		text = text[:most] + "…"
	}
	return strconv.Quote(strings.ToValidUTF8(text, "?"))
}

// Spec returns the schedule's one way of being stored: white space trimmed and
// time zones under their present names.
func (s Schedule) Spec() Spec { return s.spec }

// Location returns the zone in which to show the schedule's times.
func (s Schedule) Location() *time.Location {
	if s.loc == nil {
		return time.UTC
	}
	return s.loc
}

// Next returns the first slot after a time, and false when there is none. For
// Every it is one period later, and never less when after has a fraction of a
// second.
func (s Schedule) Next(after time.Time) (time.Time, bool) {
	if s.spec.Kind == Every {
		return inTime(ceil(after) + s.periodSeconds())
	}
	first := int64(horizon)
	for i := range s.rules {
		if slot, ok := s.rules[i].next(floor(after) + 1); ok {
			first = min(first, slot)
		}
	}
	return inTime(first)
}

// Previous returns the last slot before a time, and false when there is none.
// For Every it is one period earlier.
func (s Schedule) Previous(before time.Time) (time.Time, bool) {
	if s.spec.Kind == Every {
		return inTime(floor(before) - s.periodSeconds())
	}
	last := int64(-1)
	for i := range s.rules {
		if slot, ok := s.rules[i].previous(ceil(before) - 1); ok {
			last = max(last, slot)
		}
	}
	return inTime(last)
}

// Between returns the slots from from on and before to, at most limit of them.
// For Every from is the first.
func (s Schedule) Between(from, to time.Time, limit int) []time.Time {
	var slots []time.Time
	slot, ok := s.Next(from.Add(-1))
	if s.spec.Kind == Every {
		slot, ok = inTime(ceil(from))
	}
	for ; ok && slot.Before(to) && len(slots) < limit; slot, ok = s.Next(slot) {
		slots = append(slots, slot)
	}
	return slots
}

func (s Schedule) periodSeconds() int64 { return int64(s.spec.Period / time.Second) }

// floor and ceil are the whole seconds around a time, held near the range of
// slots so that adding to them cannot overflow.
func floor(t time.Time) int64 {
	return min(max(t.Unix(), -horizon), 2*horizon)
}

func ceil(t time.Time) int64 {
	if t.Nanosecond() > 0 {
		return floor(t) + 1
	}
	return floor(t)
}

// inTime returns a slot as a time, and false outside the range of slots.
func inTime(unix int64) (time.Time, bool) {
	if unix < 0 || unix >= horizon {
		return time.Time{}, false
	}
	return time.Unix(unix, 0).UTC(), true
}
