package monitor

import (
	"fmt"
	"regexp"

	"rollcall/internal/fault"
)

// Token is the address of a check at another service. Jobs that ping it there go
// on to do so here, unedited.
type Token struct {
	Dialect string // the service, in the words of package dialect: "kuma"
	Text    string
}

// Limits of a token. It must be hard to guess: whoever knows it can ping the check.
const (
	MinToken      = 8 // characters, of which MinTokenKinds differ
	MaxToken      = 64
	MinTokenKinds = 5
)

var tokenPattern = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// Valid refuses a token that cannot be an address or is too easy to guess.
func (t Token) Valid() error {
	kinds := map[rune]bool{}
	for _, r := range t.Text {
		kinds[r] = true
	}
	switch {
	case len(t.Text) > MaxToken || !tokenPattern.MatchString(t.Text):
		return fault.Invalid{"token": fmt.Sprintf("takes up to %d letters, digits, - and _", MaxToken)}
	case len(t.Text) < MinToken || len(kinds) < MinTokenKinds:
		return fault.Invalid{"token": fmt.Sprintf("is too easy to guess; at least %d characters, %d of them different", MinToken, MinTokenKinds)}
	}
	return nil
}
