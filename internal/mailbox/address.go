package mailbox

import (
	"regexp"
	"strings"

	"github.com/google/uuid"

	"rollcall/internal/monitor"
	"rollcall/internal/store"
)

// recipient is what an address says.
type recipient struct {
	mailbox string // what stands before the @, in its one spelling
	ref     store.Ref
	word    string // the signal as it stands in the address; "" for none
	signal  monitor.Signal
	exit    *int64
}

var (
	pingKeyPattern = regexp.MustCompile(`^[a-z0-9_-]{1,100}$`)
	slugPattern    = regexp.MustCompile(`^[a-z0-9_-]{1,100}$`)
	exitPattern    = regexp.MustCompile(`^-?[0-9]+$`)
)

// address reads an address of a check:
//
//	<uuid>[+start|+fail|+log|+<exit status>]@domain
//	<ping key>+<slug>[+start|+fail|+log|+<exit status>]@domain
//
// Upper and lower case are the same, because mail systems change it. What follows
// a UUID can only be a signal, and what follows a slug too, so a check with the
// slug "fail" is no trouble. A word that is no signal is refused: a failure must
// not be taken for a success because of a letter.
func (m *Mailbox) address(text string) (recipient, bool) {
	at := strings.LastIndexByte(text, '@')
	if at < 0 || !strings.EqualFold(strings.TrimSuffix(text[at+1:], "."), m.Domain) {
		return recipient{}, false
	}
	r := recipient{mailbox: strings.ToLower(text[:at])}
	parts := strings.Split(r.mailbox, "+")
	if id, err := uuid.Parse(parts[0]); err == nil && len(parts[0]) == 36 {
		r.ref.UUID, parts = id, parts[1:]
	} else if len(parts) > 1 && pingKeyPattern.MatchString(parts[0]) && slugPattern.MatchString(parts[1]) {
		r.ref.PingKey, r.ref.Slug, parts = parts[0], parts[1], parts[2:]
	} else {
		return recipient{}, false
	}
	switch len(parts) {
	case 0:
		r.signal = monitor.Success
		return r, true
	case 1:
		r.word = parts[0]
		return r, r.read()
	}
	return recipient{}, false
}

// read takes the signal from its word.
func (r *recipient) read() bool {
	switch s := monitor.Signal(r.word); s {
	case monitor.Start, monitor.Fail, monitor.Log:
		r.signal = s
		return true
	}
	if !exitPattern.MatchString(r.word) {
		return false
	}
	signal, exit, err := monitor.ExitSignal(r.word)
	r.signal, r.exit = signal, &exit
	return err == nil
}
