//go:build race

package sim_test

// underRace: the race detector makes a life take ten times as long, so only few are
// lived under it. They are lived in number without it.
const underRace = true
