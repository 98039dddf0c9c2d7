package schedule

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

const maxClockChanges = 4

// ClockChange tells in a sentence each how the changes of the clocks at from or
// later and before to move, drop or double slots; at most 4.
func (s Schedule) ClockChange(from, to time.Time) []string {
	type notice struct {
		at   int64
		text string
	}
	var notices []notice
	for i := range s.rules {
		r := &s.rules[i]
		told := 0
		at := stretchAt(r.loc, max(ceil(from)-1, 0)).end
		for end := min(ceil(to), horizon); at < end && told < maxClockChanges; {
			change := stretchAt(r.loc, at)
			if text := r.describe(change); text != "" {
				notices = append(notices, notice{at, text})
				told++
			}
			at = change.end
		}
	}
	slices.SortStableFunc(notices, func(a, b notice) int { return cmp.Compare(a.at, b.at) })
	var sentences []string
	for _, n := range notices {
		if len(sentences) < maxClockChanges && !slices.Contains(sentences, n.text) {
			sentences = append(sentences, n.text)
		}
	}
	return sentences
}

// describe tells what the change of clocks at the beginning of s does to r, or
// nothing.
func (r *rule) describe(s stretch) string {
	low, high := s.start+min(s.before, s.offset), s.start+max(s.before, s.offset)
	walls := r.pattern.within(low, high)
	if len(walls) == 0 {
		return ""
	}
	skips := s.offset > s.before
	if (skips || r.clocks == realTime) && r.clocks != fixedTime && r.pattern.sameAfter(high-low) {
		return "" // such as every 5 minutes: nobody will notice
	}
	number := func(one, many string) string {
		if len(walls) == 1 {
			return one
		}
		return many
	}
	var happens string
	switch {
	case skips && r.catchesUp(s):
		happens = number("does not exist; it runs at ", "do not exist; they run once, at ") + clockText(high)
	case skips:
		happens = number("does not exist; it does not run", "do not exist; they do not run")
	case r.opening(s) == high:
		happens = number("comes twice; it runs once, the first time", "come twice; they run once, the first time")
	default:
		happens = number("comes twice; it runs both times", "come twice; they run both times")
	}
	day := time.Unix(walls[0], 0).UTC().Format("2 Jan 2006")
	return fmt.Sprintf("On %s %s %s.", day, clockTexts(walls), happens)
}

// within returns the readings meant from low on and before high.
func (p *pattern) within(low, high int64) (walls []int64) {
	for wall, ok := p.next(low); ok && wall < high; wall, ok = p.next(wall + 1) {
		walls = append(walls, wall)
	}
	return walls
}

// sameAfter reports whether a clock put forward or back by so many seconds
// shows readings meant in the same rhythm as before.
func (p *pattern) sameAfter(seconds int64) bool {
	const day = 24 * 60 * 60
	for c, ok := p.clockFrom(0); ok; c, ok = p.clockFrom(c + 1) {
		moved := (c + int(seconds)) % day
		if found, _ := p.clockFrom(moved); found != moved {
			return false
		}
	}
	return true
}

// clockTexts lists clock times; many of them by their number and their ends.
func clockTexts(walls []int64) string {
	if n := len(walls); n > 3 {
		return fmt.Sprintf("the %d times from %s to %s", n, clockText(walls[0]), clockText(walls[n-1]))
	}
	var texts []string
	for _, wall := range walls {
		texts = append(texts, clockText(wall))
	}
	return enumerate(texts)
}

// clockText is a reading's time of day, with seconds only when there are some.
func clockText(wall int64) string {
	return strings.TrimSuffix(time.Unix(wall, 0).UTC().Format("15:04:05"), ":00")
}
