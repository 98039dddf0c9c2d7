package monitor

import "time"

// An alarm that no channel has taken by UntoldAfter is told to the owners of its
// project, by a mail and on every page, for as long as UntoldSpan after it.
const (
	UntoldAfter = 5 * time.Minute
	UntoldSpan  = 24 * time.Hour
)

// Untold is what nobody was told of in a project.
type Untold struct {
	Project ProjectID  `json:"project"`
	Name    string     `json:"name"` // of the project
	Checks  int        `json:"checks"`
	Since   time.Time  `json:"since"` // when the first of them was decided
	First   DeliveryID `json:"first"` // a delivery about that one, which names the incident
}
