// Package sim lets the real ingest, scheduler, alerter and SQLite store live
// through weeks in virtual time, with everything that goes wrong in them: crashes,
// outages, a database that refuses, clocks that are set, receivers that hang. Reports
// and reminders are written, and what is old is deleted, which may fail half-way.
//
// A life is made of a seed and of nothing else, so that a seed replays it. What
// happened is judged by an oracle that was written without the rules of monitor and
// schedule (oracle_test.go) and by what receivers got (verdict_test.go). The
// package is tests only; it refuses to know a rule by asking the product.
//
//	go test ./internal/sim -seed 7        // one life again, and why it failed
//	go test ./internal/sim -seeds 1000 -for 3m -least 135
//	make sim SEEDS=100000
//
// Quiet hours cost nothing: passes are made when there is something to do, up to a
// second late, as the naps of the product allow; and the marks of coverage, which
// each process makes every 5 s where something goes wrong, are made up for where
// nothing does (node_test.go).
//
// What it leaves out: power loss (a crash here is a process that stops between two
// calls of the store; what it committed is there), and the pace of Run.
package sim
