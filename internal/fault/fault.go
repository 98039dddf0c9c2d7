// Package fault names the kinds of failure that a person can be told about.
//
// It owns the few words by which the layers speak of a failure: an engine turns
// a driver's error into one of these by its code, the rules return them for bad
// input, and the edge alone turns them into an answer. Everything that is not
// one of these is an internal error: it is logged and never shown. The package
// imports nothing of ours and knows no status codes.
package fault

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// The kinds. Test for them with errors.Is.
var (
	NotFound    = errors.New("not found")
	Conflict    = errors.New("conflict")
	Forbidden   = errors.New("forbidden")
	Unavailable = errors.New("try again later")
)

// Invalid says what is wrong with each named field of an input, in words that
// tell its author what to do.
type Invalid map[string]string

// Error lists the fields in alphabetical order.
func (i Invalid) Error() string {
	parts := make([]string, 0, len(i))
	for _, field := range slices.Sorted(maps.Keys(i)) {
		parts = append(parts, field+" "+i[field])
	}
	return strings.Join(parts, "; ")
}

// OrNil returns i as an error, or nil when no field is at fault.
func (i Invalid) OrNil() error {
	if len(i) == 0 {
		return nil
	}
	return i
}

// said is a kind of failure with words of its own for the person concerned.
type said struct {
	kind  error
	words string
}

func (s said) Error() string { return s.words }
func (s said) Unwrap() error { return s.kind }

// Say returns an error of the given kind whose text may be shown to the user.
func Say(kind error, format string, args ...any) error {
	return said{kind, fmt.Sprintf(format, args...)}
}

// Words returns what may be told to the user about err, and false when err is
// not of a kind that users are told about.
func Words(err error) (string, bool) {
	var s said
	if errors.As(err, &s) {
		return s.words, true
	}
	var invalid Invalid
	if errors.As(err, &invalid) {
		return invalid.Error(), true
	}
	for _, kind := range []error{NotFound, Conflict, Forbidden, Unavailable} {
		if errors.Is(err, kind) {
			return kind.Error(), true
		}
	}
	return "", false
}
