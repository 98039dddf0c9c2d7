//go:build race

package sim_test

// The race detector makes a life take more than ten times as long, so that under it
// few and short ones are lived. They are lived in number without it.
const (
	underRace = true
	span      = 4 * day
)
