package schedule

import "time"

// Location returns the time zone of a name as typed and its stored name; "" is UTC.
// An error says what is wrong with it, to be read after its label.
func Location(name string) (*time.Location, string, error) {
	loc, err := zone(name)
	if err != nil {
		return nil, "", err
	}
	return loc, loc.String(), nil
}
