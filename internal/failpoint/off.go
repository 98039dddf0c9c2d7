//go:build !failpoints

package failpoint

import "context"

// Here marks a place where nothing can fail but the process.
func Here(string) {}

// Err marks a place where an operation can fail too.
func Err(string) error { return nil }

// Setting returns what is asked for under a name, "" for nothing.
func Setting(string) string { return "" }

// Request lets the places inside an HTTP request be passed: name.connected when the
// connection stands, name.written when all of the request is written.
func Request(ctx context.Context, _ string) context.Context { return ctx }
