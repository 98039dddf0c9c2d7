// Package client is what programs use to talk to a Rollcall server, or to another
// one that speaks as Healthchecks does.
//
// Pinger reports what a job does: Send tries once, Deliver tries until the server
// has stored the ping, and Spool keeps on disk what could not be delivered, to be
// sent later with its original time and a signature. API reads and changes checks.
//
// Everything takes a context and ends with it, and nothing here runs on its own:
// what has to go on beside a job is the caller's goroutine.
//
// It decides nothing about checks, starts no processes and reads no environment but
// that of the proxy. What identifies somebody (ping URLs, ping keys, API keys) never
// stands in an error.
package client
