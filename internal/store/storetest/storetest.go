// Package storetest is the contract of the store as a test suite. Both engines
// run it; what a caller may rely on is a test here, or it is not promised.
//
// It owns what store.Store means and refuses to know how an engine does it: it
// looks only through the interface, and asks the engine itself for the one thing
// that cannot be reached from there, a database that refuses a write.
package storetest

import (
	"testing"

	"rollcall/internal/store"
)

// Engine is what the suite needs of an engine.
type Engine struct {
	// Open returns a new, empty store that the test's cleanup closes. Several tests
	// may ask for one at the same time.
	Open func(t *testing.T) store.Store
	// Exec runs SQL of the engine's own in the database of a store.
	Exec func(t *testing.T, s store.Store, sql string)
	// FailDeliveryInserts is the SQL that makes every insert into deliveries fail.
	FailDeliveryInserts string
}

// Run runs the whole suite.
func Run(t *testing.T, e Engine) {
	for _, group := range []struct {
		name  string
		tests []test
	}{
		{"door", doorTests},
		{"races", raceTests},
		{"schedule", scheduleTests},
		{"lease", leaseTests},
		{"outbox", outboxTests},
		{"checks", checkTests},
		{"values", valueTests},
		{"channels", channelTests},
		{"accounts", accountTests},
		{"coverage", coverageTests},
		{"trim", trimTests},
	} {
		t.Run(group.name, func(t *testing.T) {
			t.Parallel()
			for _, test := range group.tests {
				t.Run(test.name, func(t *testing.T) { test.run(newSite(t, e)) })
			}
		})
	}
}

// test is one promise. It gets a store of its own.
type test struct {
	name string
	run  func(*site)
}
