package monitor

import "time"

// An alarm that no channel has taken by UntoldAfter is told to the owners of its
// project, by a mail and on every page, for as long as UntoldSpan after it. Of several
// that come one after the other there is a mail each UntoldPause at most.
const (
	UntoldAfter = 5 * time.Minute
	UntoldSpan  = 24 * time.Hour
	UntoldPause = time.Hour
)

// Untold is what nobody was told of in a project.
type Untold struct {
	Project ProjectID `json:"project"`
	Name    string    `json:"name"` // of the project
	Checks  int       `json:"checks"`
	Since   time.Time `json:"since"`  // when the first of them was decided
	Latest  time.Time `json:"latest"` // and the last
}

// Owed reports whether its owner is to be told of it at now, when the last letter about
// the project was written at an instant: of alarms that it did not tell of, and not all
// the time.
func (u Untold) Owed(told, now time.Time) bool {
	return u.Latest.Add(UntoldAfter).After(told) && now.Sub(told) >= UntoldPause
}
