package templates

import (
	"fmt"
	"slices"

	"rollcall/internal/monitor"
)

// Rehearsed is what settings would have made of the past, in words.
type Rehearsed struct {
	Past  string // which past that is
	Words string
	When  []Said // the newest alerts
	Now   string // the same of the settings that are saved; "" when they are these
}

// rehearsedShown is how many alerts of a rehearsal are named.
const rehearsedShown = 5

// RehearsedOf puts a rehearsal into words.
func RehearsedOf(r monitor.Rehearsal, clock Clock) Rehearsed {
	if r.Pings == 0 {
		return Rehearsed{Past: "There are no pings yet on which these settings could be tried."}
	}
	said := Rehearsed{
		Past:  fmt.Sprintf("Tried on the %s since %s:", Count(int64(r.Pings), "ping that is kept", "pings that are kept"), clock.ShortDay(r.From)),
		Words: Count(int64(len(r.Alerts)), "alert", "alerts"),
	}
	if r.Down > 0 {
		said.Words += ", " + Duration(r.Down) + " down"
	}
	for _, at := range slices.Backward(r.Alerts) {
		if len(said.When) == rehearsedShown {
			break
		}
		said.When = append(said.When, clock.say(clock.Date(at), at))
	}
	return said
}
