package store

import (
	"context"
	"time"

	"github.com/google/uuid"

	"rollcall/internal/monitor"
)

// CheckPage is what the pages of a check, of channels and of deliveries need beyond
// the lists.
type CheckPage interface {
	// Turns lists the newest flips since the given time, the newest first, with no
	// more of their facts than which flip they correct; at most limit.
	Turns(ctx context.Context, id monitor.CheckID, since time.Time, limit int) ([]monitor.Flip, error)

	// RotateCheck gives a check another UUID; a fault.Conflict when that is taken, and
	// nothing when it has it already. Until the given time it can be pinged by the old
	// one too, or at most as long as housekeeping takes beyond; zero ends that at once.
	RotateCheck(ctx context.Context, project monitor.ProjectID, id monitor.CheckID, to uuid.UUID, now, until time.Time) error
	// OldAddresses lists the UUIDs that the checks of a project had before, those of a
	// check in the order in which it had them.
	OldAddresses(ctx context.Context, project monitor.ProjectID) ([]OldAddress, error)
	// MoveCheck puts a check into another project, with its history and tokens and
	// without its channels; a fault.Conflict when its slug is taken there. What the old
	// project was told stays in its log, and no late report takes it back any more.
	MoveCheck(ctx context.Context, from monitor.ProjectID, id monitor.CheckID, to monitor.ProjectID) error

	// ChecksOf lists the checks that tell a channel.
	ChecksOf(ctx context.Context, project monitor.ProjectID, channel monitor.ChannelID) ([]monitor.CheckID, error)
	// AssignChannel lets exactly these checks tell a channel; a fault.NotFound when one
	// is not the project's.
	AssignChannel(ctx context.Context, project monitor.ProjectID, channel monitor.ChannelID, checks []monitor.CheckID) error

	// SearchDeliveries looks through the newest deliveries of a project, at most
	// SearchSpan of them. Next is where to go on when it found fewer than the limit
	// and there may be more; 0 when there are none.
	SearchDeliveries(ctx context.Context, q Search) (found []DeliveryRow, next monitor.DeliveryID, err error)
	// GiveUpDelivery ends a delivery that waits, with words that say who did;
	// a fault.Conflict when it does not wait.
	GiveUpDelivery(ctx context.Context, project monitor.ProjectID, id monitor.DeliveryID, words string, now time.Time) error
	// HurryDelivery lets a delivery that waits be tried now; a fault.Conflict when it
	// does not wait.
	HurryDelivery(ctx context.Context, project monitor.ProjectID, id monitor.DeliveryID, now time.Time) error
}

// OldAddress is a UUID that a check had before.
type OldAddress struct {
	UUID  uuid.UUID
	Check monitor.CheckID
	Ends  time.Time // until when it can be pinged; zero: it cannot
}

// SearchSpan is how many deliveries one search looks at.
const SearchSpan = 5_000

// Search is a DeliveryQuery that also looks at names and times.
type Search struct {
	DeliveryQuery
	Text  string    // in the name of the check or the channel, in any case
	Since time.Time // when it was decided; zero: any time
	Until time.Time // before that; zero: until now
}
