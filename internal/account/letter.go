package account

import (
	"time"

	"rollcall/internal/monitor"
)

// LetterID is the row identity of a letter.
type LetterID int64

// LetterKind says what a letter is about, and so who writes it.
type LetterKind string

// Letter is a mail that is owed to a person: everything but alerts, which go to
// channels. It holds what it is about; its words, and what is secret in it, are
// made when it is sent.
type Letter struct {
	ID      LetterID
	Kind    LetterKind
	To      string // the address
	Data    string // JSON of the kind
	Key     string // the same key again is no second letter; "": every letter counts
	State   monitor.DeliveryState
	Tries   int
	Created time.Time
	Expires time.Time // when it is of no more use, and is given up
	NextAt  time.Time // of the next attempt; zero once it has ended
	Ended   time.Time
	Answer  string // of the last attempt, in words
}

// Settle returns the letter after an attempt that ended at now. It is tried again
// as an alert is, as long as it is of use.
func (l Letter) Settle(r monitor.Result, now time.Time) Letter {
	d := monitor.Delivery{ID: monitor.DeliveryID(l.ID), Attempts: l.Tries, Tries: l.Tries}
	d, _ = d.Settle(r, now)
	l.State, l.Tries, l.NextAt, l.Ended, l.Answer = d.State, d.Tries, d.NextAt, d.Ended, d.Answer
	if l.State == monitor.Pending && !l.NextAt.Before(l.Expires) {
		l.State, l.NextAt, l.Ended = monitor.Dead, time.Time{}, now
	}
	return l
}
