package schedule

import "time"

// Location returns the time zone of a name as typed and its stored name. An error
// says what is wrong with it, to be read after its label.
func Location(name string) (*time.Location, string, error) {
	loc, err := zone(name)
	if err != nil {
		return nil, "", err
	}
	return loc, loc.String(), nil
}

// LocationOf returns the time zone of a stored name: UTC for "", and for one that
// this machine does not know any more.
func LocationOf(name string) *time.Location {
	loc, err := zone(name)
	if err != nil {
		return time.UTC
	}
	return loc
}
