//go:build !race

package sim_test

const (
	underRace = false
	span      = 30 * day // of a life, before its faults end
)
