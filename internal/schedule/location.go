package schedule

import "time"

// LocationOf returns the time zone of a stored name: UTC for "", and for one that
// this machine does not know any more.
func LocationOf(name string) *time.Location {
	loc, err := Zone(name)
	if err != nil {
		return time.UTC
	}
	return loc
}
