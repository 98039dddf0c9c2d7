package store

import (
	"context"
	"time"

	"rollcall/internal/account"
)

// LetterKept is how long a letter is kept after it has expired, so that its key is
// still known and its fate can be looked up.
const LetterKept = 7 * 24 * time.Hour

// Letters is the durable queue of mails to people.
type Letters interface {
	// QueueLetter keeps a letter that is to be sent from its NextAt on. A letter whose
	// key was queued before, and is still kept, is no second one.
	QueueLetter(ctx context.Context, l account.Letter) error
	// LeaseLetters claims up to limit letters that are due, and those whose lease has
	// run out. Their NextAt is when the lease ends.
	LeaseLetters(ctx context.Context, now, until time.Time, limit int) ([]account.Letter, error)
	// RecordLetter writes a letter as it is after an attempt; leased is how it was
	// leased. It is a fault.Conflict when the lease was lost in the meantime.
	RecordLetter(ctx context.Context, leased, after account.Letter) error
	// LastLetter returns when the last letter that is kept and whose key begins with
	// prefix was queued, zero when there is none.
	LastLetter(ctx context.Context, prefix string) (time.Time, error)
	// NextLetter returns when the next letter becomes due, zero when none is waiting.
	NextLetter(ctx context.Context) (time.Time, error)
}
