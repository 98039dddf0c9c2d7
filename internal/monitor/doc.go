// Package monitor owns the rules: what a check is, what a ping means, when
// silence becomes a change of status, and who is to be told.
//
// # Code tour
//
// A [Check] is its [Config] (what a person chose) and its [State] (what has
// happened). Five things can happen to it, and each is a method with a value
// receiver that takes times and returns a [Change], without SQL, HTTP or clock:
//
//	Receive      a ping arrived            receive.go
//	Expire       a deadline passed         expire.go
//	Overlook     Rollcall itself was blind blind.go
//	Pause,       a person decided          decide.go
//	Resume,
//	Reconfigure
//
// The store writes a Change whole or not at all: the check's row, the [Ping] to
// keep, the [Flip] if the status changed, and one [Delivery] for every channel
// of the check when the flip is to be told. A bad result that the check tolerates
// changes no status. A judgement also leaves a [Decision], of which [Explain] makes
// sentences. A rule may run twice on the same row, so nothing here has an effect of
// its own.
//
// What identifies a thing is derived: a ping is (check, n), a flip is
// (check, rev), a delivery is (check, rev, channel). A unique key then makes
// every retry harmless.
//
// The package refuses to read a clock, to know an engine, and to be told a rule
// twice: whoever needs one calls it here.
package monitor
