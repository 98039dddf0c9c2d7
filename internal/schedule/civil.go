package schedule

import "time"

// horizon is the end of time: 2200-01-01 00:00 UTC. No slot lies there or
// beyond, and none before 1970 (0).
const horizon = 7258118400

// A rule is one pattern on the walls of one zone, and what becomes of it when
// their clocks are changed.
type rule struct {
	pattern pattern
	loc     *time.Location
	clocks  clocks
}

// clocks says how a job runner treats readings that do not exist or come twice.
type clocks int

const (
	// realTime runs whenever the clock shows a reading meant: never when it is
	// skipped, twice when it comes twice. (cron, minute or hour begins with *)
	realTime clocks = iota
	// fixedTime runs a skipped reading right after the gap and a repeated one
	// the first time. (cron, all other jobs)
	fixedTime
	// firstOnly leaves out a skipped reading and runs a repeated one the first
	// time. (systemd)
	firstOnly
)

// A stretch is a time during which a zone's clocks are not changed.
type stretch struct {
	start, end int64 // unix seconds; end is outside
	offset     int64 // wall = unix + offset
	before     int64 // the offset in force until start
}

func stretchAt(loc *time.Location, unix int64) stretch {
	t := time.Unix(unix, 0).In(loc)
	start, end := t.ZoneBounds()
	_, offset := t.Zone()
	s := stretch{start: -horizon, end: horizon, offset: int64(offset), before: int64(offset)}
	if !start.IsZero() {
		s.start = start.Unix()
		_, before := start.Add(-time.Second).Zone()
		s.before = int64(before)
	}
	if !end.IsZero() {
		s.end = min(end.Unix(), horizon)
	}
	if s.end <= unix {
		// ZoneBounds takes all years for 365 days long once the zone's table
		// has ended, so that on 31 December of a leap year its end has passed.
		s.end = midnight(t.UTC().Year()+1, 1, 1)
	}
	return s
}

// threeHours is the change from which Debian's cron takes it for a new time
// zone or a corrected clock, and no longer makes up for it.
const threeHours = 3 * 60 * 60

// opening is the first reading in s at which r runs by the clock: later than
// the clock's own when s begins by repeating what r has run already.
func (r *rule) opening(s stretch) int64 {
	repeats := s.before > s.offset
	switch {
	case repeats && r.clocks == firstOnly,
		repeats && r.clocks == fixedTime && s.before-s.offset <= threeHours:
		return s.start + s.before
	}
	return s.start + s.offset
}

// catchesUp reports whether r runs at the very start of s because a reading
// meant was skipped there.
func (r *rule) catchesUp(s stretch) bool {
	skips := s.offset > s.before
	if !skips || r.clocks != fixedTime || s.offset-s.before >= threeHours {
		return false
	}
	wall, ok := r.pattern.next(s.start + s.before)
	return ok && wall < s.start+s.offset
}

// next returns r's first slot at unix or later.
func (r *rule) next(unix int64) (int64, bool) {
	// An answer of the pattern stays good over many stretches when slots are
	// rare: nothing is meant between asked and wall.
	var asked, wall int64
	var found, known bool
	for t := max(unix, 0); t < horizon; {
		s := stretchAt(r.loc, t)
		if t == s.start && r.catchesUp(s) {
			return t, true
		}
		from := max(t+s.offset, r.opening(s))
		if !known || from < asked || found && from > wall {
			wall, found = r.pattern.next(from)
			asked, known = from, true
		}
		if slot := wall - s.offset; found && slot < s.end {
			return slot, true
		}
		t = s.end
	}
	return 0, false
}

// previous returns r's last slot at unix or earlier.
func (r *rule) previous(unix int64) (int64, bool) {
	var asked, wall int64
	var found, known bool
	for t := min(unix, horizon-1); t >= 0; {
		s := stretchAt(r.loc, t)
		to := t + s.offset
		if !known || to > asked || found && to < wall {
			wall, found = r.pattern.previous(to)
			asked, known = to, true
		}
		if slot := wall - s.offset; found && wall >= r.opening(s) && slot >= 0 {
			return slot, true
		}
		if s.start >= 0 && r.catchesUp(s) {
			return s.start, true
		}
		t = s.start - 1
	}
	return 0, false
}
