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
	// Open returns a new, empty store that the test's cleanup closes.
	Open func(t *testing.T) store.Store
	// Exec runs SQL of the engine's own in the database of a store.
	Exec func(t *testing.T, s store.Store, sql string)
	// Fail returns the SQL that makes a kind of statement, such as INSERT, fail on a
	// table, and the one that lets it work again.
	Fail func(statement, table string) (begin, end string)
}

// Run runs the whole suite. The tests of a group share a store, each in a project
// of its own of which it leaves nothing that another could see; where that cannot
// be, each has a store of its own.
func Run(t *testing.T, e Engine) {
	for _, group := range []struct {
		name  string
		tests []test
		apart bool
	}{
		{name: "door", tests: doorTests},
		{name: "failure", tests: failureTests, apart: true},
		{name: "races", tests: raceTests},
		{name: "schedule", tests: scheduleTests},
		{name: "lease", tests: leaseTests},
		{name: "outbox", tests: outboxTests},
		{name: "health", tests: healthTests},
		{name: "storm", tests: stormTests},
		{name: "together", tests: togetherTests},
		{name: "directory", tests: directoryTests},
		{name: "team", tests: teamTests},
		{name: "members", tests: memberTests},
		{name: "audit", tests: auditTests},
		{name: "letters", tests: letterTests},
		{name: "keys", tests: keyTests},
		{name: "factors", tests: factorTests},
		{name: "public", tests: publicTests},
		{name: "notices", tests: noticeTests},
		{name: "checks", tests: checkTests},
		{name: "check page", tests: checkPageTests},
		{name: "why", tests: whyTests},
		{name: "values", tests: valueTests},
		{name: "channels", tests: channelTests},
		{name: "accounts", tests: accountTests},
		{name: "people", tests: peopleTests},
		{name: "sessions", tests: sessionTests},
		{name: "programs", tests: programTests},
		{name: "glance", tests: glanceTests},
		{name: "coverage", tests: coverageTests, apart: true},
		{name: "trim", tests: trimTests},
		{name: "secrets", tests: secretTests, apart: true},
		{name: "consistency", tests: consistencyTests, apart: true},
	} {
		t.Run(group.name, func(t *testing.T) {
			opened := e.Open(t)
			for i, test := range group.tests {
				if group.apart && i > 0 {
					opened = e.Open(t)
				}
				t.Run(test.name, func(t *testing.T) { test.run(newSite(t, e, opened)) })
			}
		})
	}
}

// test is one promise.
type test struct {
	name string
	run  func(*site)
}
