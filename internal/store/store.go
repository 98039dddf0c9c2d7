// Package store declares what is kept and the one door through which a check
// changes.
//
// A method is a whole transaction with a business name. Two engines implement
// Store; what a caller may rely on is a test in storetest, run by both. Errors
// are of the kinds in package fault where a caller can act on them:
// fault.NotFound, fault.Conflict, and fault.Unavailable when the database cannot
// take or prove a write now. Times are UTC and whole microseconds. Every list is
// bounded by a limit.
package store

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"rollcall/internal/account"
	"rollcall/internal/monitor"
)

// Store is everything that is kept.
type Store interface {
	Door
	Directory
	Schedule
	Outbox
	Coverage
	Accounts
	People
	Sessions
	Checks
	CheckPage
	Why
	Channels
	Programs
	Team
	Members
	Audit
	Letters
	Keys
	Glance
	Factors
	Public
	Notices
	Housekeeping
	Consistency
	Pairing
	Secrets

	// CheckCounts returns how many checks there are of each status.
	CheckCounts(ctx context.Context) (map[monitor.Status]int, error)
	// Pool tells how much the connections to the database are used.
	Pool() Pool
	// Ready reports whether the database takes a write; nil when it does.
	Ready(ctx context.Context) error
	// Close ends the use of the database.
	Close() error
}

// Door is how a check changes.
type Door interface {
	// Transitions applies every step in one transaction: it locks the checks in
	// the order of their ids, lets each step decide on its check as the steps
	// before it left it, and writes all changes or none. A step whose check is not
	// there, or whose Decide panics, fails alone, in its Result. The error of the
	// whole means that nothing was written, or, for fault.Unavailable, that it is
	// not known; the steps may then be tried again.
	Transitions(ctx context.Context, steps []Step) ([]Result, error)
}

// GoneKept is how long it is known of a deleted check that there was one.
const GoneKept = 30 * 24 * time.Hour

// Step is one transition of one check.
type Step struct {
	Ref Ref
	// Decide is pure: it may be called twice.
	Decide func(monitor.Check) monitor.Change
	// Refuse, when not nil, is asked before Decide, and is as pure. Its error is that
	// of the step, of which then nothing is done.
	Refuse func(monitor.Check) error
	// Assign replaces the channels of the check in the same transaction, when not nil.
	Assign *[]monitor.ChannelID
	// Mark, when not nil, is all that the step does: it goes where pings go, so that
	// its commit proves that a ping could have been stored.
	Mark *CoverageMark
}

// CoverageMark says that a node could store pings up to an instant, and had stored all that
// had reached it by then. The marks of a span have the same Node and Since.
type CoverageMark struct {
	Node      string
	Since, At time.Time
	Begin     bool   // the first of its span: what the node covered before is over
	Cause     string // of Begin: why the one before ended, "" when the process is new
	Stopped   bool   // the last of its span: the node takes no more pings
}

// Ref names a check in one of three ways: by ID, by UUID, or by PingKey and Slug.
type Ref struct {
	ID            monitor.CheckID
	UUID          uuid.UUID
	PingKey, Slug string
	// Create, with PingKey and Slug, makes the check when the project has none of
	// that slug, with every channel of the project. It returns the new check, whose
	// ID and Project are filled in by the store.
	Create func() monitor.Check
}

// Result is what became of a step. Err is a fault.NotFound when there is no such
// check or no such ping key.
type Result struct {
	Change  monitor.Change
	Created bool
	Err     error
}

// Uncertain is a fault.Unavailable of Transitions after which nobody knows whether the
// steps are stored: the answer to the commit was lost, or the standby has not
// confirmed it. After any other error nothing is stored.
var Uncertain = errors.New("it may be stored all the same")

// Directory finds what the addresses of pings name, beyond what Ref does.
type Directory interface {
	// TokenOwner returns the service that an imported token comes from, in the words
	// of package dialect, and its check; a fault.NotFound when there is none. A UUID
	// that was replaced is one, of no service, for as long as it can be pinged.
	TokenOwner(ctx context.Context, token string) (dialect string, id monitor.CheckID, err error)
	// Known returns nil when ref names a check, else a fault.NotFound.
	Known(ctx context.Context, ref Ref) error
	// Gone reports whether a UUID that names no check was the address of one that was
	// deleted in the last GoneKept, or that has another address by now.
	Gone(ctx context.Context, id uuid.UUID) (bool, error)
	// Reported reports whether the check has kept a ping with this run id and signal.
	// A check that is not there has not.
	Reported(ctx context.Context, ref Ref, runID string, signal monitor.Signal) (bool, error)
}

// Schedule is what the scheduler needs.
type Schedule interface {
	// DueChecks returns up to limit checks whose Wake is at or before now, the
	// longest overdue first, and the earliest Wake after those, zero when there is
	// none. Its cost depends on what is due.
	DueChecks(ctx context.Context, now time.Time, limit int) ([]monitor.CheckID, time.Time, error)
	// Quarantine takes a check that cannot be judged out of the schedule and keeps
	// the words that say why. The next ping or edit puts it back.
	Quarantine(ctx context.Context, id monitor.CheckID, words string) error
	// AwaitedChecks returns up to limit checks with a Wake whose id is greater than
	// after, in the order of their ids.
	AwaitedChecks(ctx context.Context, after monitor.CheckID, limit int) ([]monitor.CheckID, error)
}

// Outbox is the durable queue of deliveries.
type Outbox interface {
	// LeaseDeliveries claims deliveries that are due, and those whose lease has run
	// out. A delivery is not claimed while an earlier one of the same check and
	// channel, or its digest, has not ended, nor a digest while an earlier one of its
	// channel has not. What belongs to a storm is left to Gather. Deliveries to disabled
	// channels are not claimed, nor those to a channel that is to be left alone, and
	// of a channel whose breaker is open the oldest alone, when monitor.Health says.
	// None of this holds up a test.
	LeaseDeliveries(ctx context.Context, l Lease) ([]Dispatch, error)
	// Storms returns the channels to which so much is owed that digests may have to
	// tell it: those of which Gather should be asked. It looks at what is due only.
	Storms(ctx context.Context, now time.Time) ([]monitor.ChannelID, error)
	// Gather forms the first digest that monitor.Gather says of what a channel is owed,
	// or lets it wait for one; it looks at the oldest GatherSpan of what was never tried.
	// What a digest tells becomes Merged in the same transaction, so that each change is
	// told either singly or by one digest. More tells that there is more to gather.
	Gather(ctx context.Context, channel monitor.ChannelID, now time.Time) (more bool, err error)
	// TellTogether lets the delivery about a check's end tell the alarm too that was
	// tried in vain, as monitor.TellTogether says: the alarm becomes Merged. It looks at
	// TogetherMost alarms and returns how many are merged.
	TellTogether(ctx context.Context, now time.Time) (n int, err error)
	// NextDelivery returns when the next delivery can be leased, zero when none is
	// waiting. Those that wait for an earlier one or a disabled channel do not count.
	NextDelivery(ctx context.Context) (time.Time, error)
	// RecordAttempt writes an attempt, the delivery as it is after it, and how the
	// channel fares, and disables the channel with the given words unless they are
	// empty. A test that was taken enables it. When a breaker closes, all that waits
	// becomes due. Of probes only what ends a delivery is kept as an attempt. It is a
	// fault.Conflict when the lease was lost to another attempt in the meantime.
	RecordAttempt(ctx context.Context, a monitor.Attempt, after monitor.Delivery, disable string) error
	// PostponeDelivery gives a lease back without an attempt; d is as it was leased. It
	// is a fault.Conflict when the lease ran out and another one holds the delivery.
	PostponeDelivery(ctx context.Context, d monitor.Delivery, until time.Time) error
	// ReplayDelivery begins a new round of attempts for a delivery that has ended.
	ReplayDelivery(ctx context.Context, project monitor.ProjectID, id monitor.DeliveryID, now time.Time) error
	// EnqueueTest makes a test delivery for a channel.
	EnqueueTest(ctx context.Context, project monitor.ProjectID, channel monitor.ChannelID, now time.Time) (monitor.DeliveryID, error)
	// Deliveries lists the newest first.
	Deliveries(ctx context.Context, q DeliveryQuery) ([]DeliveryRow, error)
	// CountDeliveries counts what was decided since the given time, by state.
	CountDeliveries(ctx context.Context, project monitor.ProjectID, since time.Time) (map[monitor.DeliveryState]int, error)
	// Attempts lists the attempts of one delivery, the first one first.
	Attempts(ctx context.Context, project monitor.ProjectID, id monitor.DeliveryID) ([]monitor.Attempt, error)
	// Untold says of which alarms no channel has taken the message in time, by project;
	// of all projects for 0. See monitor.UntoldAfter.
	Untold(ctx context.Context, project monitor.ProjectID, now time.Time) ([]monitor.Untold, error)
	// FailingChannels lists the channels of which the last attempt failed, of one project
	// or of all for 0, also those that were disabled for it.
	FailingChannels(ctx context.Context, project monitor.ProjectID) ([]monitor.Failing, error)
	// WarnOfChannel notes that the owners are told of a channel, queues the letters that
	// tell them and a message to each other channel that takes some, and disables the
	// channel when that is what they are told. It is a
	// fault.Conflict when another process did, the channel took something in the
	// meantime, or it is the last of its project that is enabled.
	WarnOfChannel(ctx context.Context, f monitor.Failing, w monitor.Warning, now time.Time, letters ...account.Letter) error
	// OutboxAge returns when the oldest delivery that is due or being sent and held up
	// by nothing was decided, and how many to enabled channels have not ended.
	OutboxAge(ctx context.Context, now time.Time) (oldest time.Time, waiting int, err error)
}

// GatherSpan is how many deliveries one call of Gather looks at.
const GatherSpan = 10_000

// TogetherMost is how many alarms one call of TellTogether looks at.
const TogetherMost = 500

// Lease asks for deliveries.
type Lease struct {
	Now        time.Time
	Until      time.Time // when the lease runs out
	Limit      int
	PerChannel int                 // at most so many of one channel
	Pace       time.Duration       // in which no more of that channel are leased; 0 for none
	Busy       []monitor.ChannelID // channels that are to be left out
}

// Dispatch is a leased delivery with all that is needed to compose it.
type Dispatch struct {
	Delivery monitor.Delivery
	Channel  monitor.Channel
	Project  account.Project
	Check    uuid.UUID        // of a flip: the first UUID that the check had
	Flip     *monitor.Flip    // nil for others
	Ends     *monitor.Flip    // the alarm that it ends and tells too; nil: that was told by itself
	Digest   *monitor.Digest  // of a delivery for a blind interval
	Roundup  *monitor.Roundup // of a digest of changes
	Failing  *monitor.Failing // of a message about another channel
	Again    bool             // it was leased before, and that lease ran out
}

// Alarm reports whether the delivery tells that something is down.
func (d Dispatch) Alarm() bool {
	return d.Flip != nil && d.Flip.New == monitor.Down || d.Roundup != nil && d.Roundup.Down > 0
}

// DeliveryQuery selects deliveries of one project. Zero members select all.
type DeliveryQuery struct {
	Project monitor.ProjectID
	ID      monitor.DeliveryID
	Check   monitor.CheckID
	Channel monitor.ChannelID
	Digest  monitor.DeliveryID // only what this digest tells
	State   monitor.DeliveryState
	Before  monitor.DeliveryID // only older ones
	Limit   int
}

// DeliveryRow is a delivery as a list shows it.
type DeliveryRow struct {
	monitor.Delivery
	ChannelName string
	ChannelKind monitor.ChannelKind
	CheckUUID   uuid.UUID // zero for a test, and when the check has gone to another project
	CheckName   string
	First       uuid.UUID     // the first UUID that the check had, which names its messages
	Flip        *monitor.Flip // nil for others
	// DigestDown and DigestUp are how many changes of either kind a digest tells.
	DigestDown, DigestUp int
	Failing              *monitor.Failing // the channel that a message is about; nil for others
}

// Coverage is the ledger of the time in which pings could be stored. Marks come
// through the Door.
type Coverage interface {
	// Spans lists what each node covers and has covered, as far as it is not settled.
	Spans(ctx context.Context) ([]monitor.Span, error)
	// RecordGaps records blind intervals that have to be made good to the checks, and
	// forgets the spans that are settled by them. The same From is no second interval;
	// a span that has gone on meanwhile is kept.
	RecordGaps(ctx context.Context, gaps []monitor.Blind, over []monitor.Span) error
	// PendingBlinds lists the blind intervals that were not made good yet, the oldest first.
	PendingBlinds(ctx context.Context) ([]monitor.Blind, error)
	// SettleBlind says that an interval was made good to every check.
	SettleBlind(ctx context.Context, b monitor.Blind) error
	// AddBlind records a blind interval that needs not be made good; the same From
	// again is no second one, and keeps the later To.
	AddBlind(ctx context.Context, b monitor.Blind) error
	// Blinds lists the blind intervals that ended after since, the newest first.
	Blinds(ctx context.Context, since time.Time, limit int) ([]monitor.Blind, error)
	// Unverified lists for each project and blind interval the checks that became
	// unknown by it and were not told yet.
	Unverified(ctx context.Context) ([]monitor.Unverified, error)
	// QueueDigest owes each channel of those checks one message that names its own,
	// and reports whether there were any left to tell.
	QueueDigest(ctx context.Context, u monitor.Unverified, now time.Time) (bool, error)
}

// Accounts is people, projects and keys.
type Accounts interface {
	// HasUsers reports whether anybody has an account.
	HasUsers(ctx context.Context) (bool, error)
	// CreateUser makes a user; a fault.Conflict when the address has an account.
	CreateUser(ctx context.Context, u account.User) (account.User, error)
	UserByEmail(ctx context.Context, email string) (account.User, error)
	User(ctx context.Context, id account.UserID) (account.User, error)
	// SetPassword gives a user another password, "" for none. All their sessions and
	// links end with the one before.
	SetPassword(ctx context.Context, id account.UserID, hash string) error

	// CreateProject makes a project with its owner and its first ping key, when it is
	// given one; a fault.Conflict when that is taken.
	CreateProject(ctx context.Context, p account.Project, owner account.UserID) (account.Project, error)
	// ProjectsOf lists the projects of a user by name.
	ProjectsOf(ctx context.Context, id account.UserID) ([]Membership, error)
	// PutToken keeps the hash of a one-time token for a purpose; earlier ones of the purpose end.
	PutToken(ctx context.Context, purpose, hash string, expires time.Time) error
	// TokenValid reports whether the token can still be used.
	TokenValid(ctx context.Context, purpose, hash string, now time.Time) (bool, error)
	// UseToken ends a token; a fault.NotFound when it was used, has expired or never was.
	UseToken(ctx context.Context, purpose, hash string, now time.Time) error
}

// Membership is a project as one of its members sees it.
type Membership struct {
	account.Project
	Role account.Role
}

// Checks is reading and making checks; changing one is Door's.
type Checks interface {
	// CreateCheck makes a check told to the given channels; a fault.Conflict when
	// its slug, UUID or one of its tokens is taken, a fault.NotFound when a channel is
	// not the project's.
	CreateCheck(ctx context.Context, c monitor.Check, channels []monitor.ChannelID, tokens ...monitor.Token) (monitor.Check, error)
	// FindOrCreateCheck returns the oldest check of c's project that is the same, or
	// makes c as CreateCheck does. Two calls at the same time make one check.
	FindOrCreateCheck(ctx context.Context, c monitor.Check, same func(monitor.Check) bool, channels []monitor.ChannelID, tokens ...monitor.Token) (found monitor.Check, created bool, err error)
	// Tokens returns the imported tokens of a check.
	Tokens(ctx context.Context, id monitor.CheckID) ([]monitor.Token, error)
	// AddToken gives a check an imported token; a fault.Conflict when another has it.
	AddToken(ctx context.Context, id monitor.CheckID, token monitor.Token) error
	// Check finds a check of a project by its UUID, or one that it had before.
	Check(ctx context.Context, project monitor.ProjectID, id uuid.UUID) (monitor.Check, error)
	// Checks lists all checks of a project by name, at most limit.
	Checks(ctx context.Context, project monitor.ProjectID, limit int) ([]monitor.Check, error)
	DeleteCheck(ctx context.Context, project monitor.ProjectID, id monitor.CheckID) error
	// AssignedChannels lists the channels that a check tells.
	AssignedChannels(ctx context.Context, id monitor.CheckID) ([]monitor.ChannelID, error)
	// Pings lists the newest first, those with N below before unless it is 0. Bodies
	// are cut to ExcerptSize; BodySize tells their full size.
	Pings(ctx context.Context, id monitor.CheckID, before int64, limit int) ([]monitor.Ping, error)
	// Ping returns one ping with its whole body.
	Ping(ctx context.Context, id monitor.CheckID, n int64) (monitor.Ping, error)
	// Flips lists the newest first, those with Rev below before unless it is 0.
	Flips(ctx context.Context, id monitor.CheckID, before int64, limit int) ([]monitor.Flip, error)
	// RecentRuns returns the ends of runs among the last 3×each pings of each of the
	// checks, the oldest first, at most each a check.
	RecentRuns(ctx context.Context, checks []monitor.CheckID, each int) (map[monitor.CheckID][]RunEnd, error)
}

// ExcerptSize is how many bytes of a body a list of pings holds.
const ExcerptSize = 1000

// RunEnd is a success or failure that counted.
type RunEnd struct {
	N        int64
	At       time.Time
	Signal   monitor.Signal
	Duration *time.Duration
}

// Channels is reading and changing channels.
type Channels interface {
	CreateChannel(ctx context.Context, c monitor.Channel) (monitor.Channel, error)
	// EditChannel writes a channel's name, settings and whether it is disabled.
	EditChannel(ctx context.Context, c monitor.Channel) error
	DeleteChannel(ctx context.Context, project monitor.ProjectID, id monitor.ChannelID) error
	Channel(ctx context.Context, project monitor.ProjectID, id monitor.ChannelID) (monitor.Channel, error)
	// Channels lists the channels of a project by name with how they are used.
	Channels(ctx context.Context, project monitor.ProjectID) ([]ChannelUse, error)
}

// ChannelUse is a channel as its list shows it.
type ChannelUse struct {
	monitor.Channel
	Checks   int       // how many checks tell it
	LastSent time.Time // when it last proved to work; zero: never
	Last     *monitor.Delivery
}

// Programs is what the management API needs beyond what people do.
type Programs interface {
	// CheckByID finds a check of whatever project.
	CheckByID(ctx context.Context, id monitor.CheckID) (monitor.Check, error)
	// DeleteCheckIf deletes a check unless still, which sees it as it is then,
	// returns an error; that is returned.
	DeleteCheckIf(ctx context.Context, project monitor.ProjectID, id monitor.CheckID, still func(monitor.Check) error) error
	// Assignments lists the channels that each check of a project tells, in the order
	// of their ids.
	Assignments(ctx context.Context, project monitor.ProjectID) (map[monitor.CheckID][]monitor.ChannelID, error)
	// ProjectByBadge finds the project whose BadgeKey begins with these BadgeName
	// characters.
	ProjectByBadge(ctx context.Context, beginning string) (account.Project, error)

	// BeginRequest claims an idempotency key for a request that is being answered. It
	// returns nil when the key is this request's now, else the earlier request that
	// has it. A claim ends after RequestLife, and one without an answer after
	// RequestTime: its process has died.
	BeginRequest(ctx context.Context, r Request) (earlier *Request, err error)
	// AnswerRequest keeps the answer of a request that was begun.
	AnswerRequest(ctx context.Context, r Request) error
	// DropRequest gives the key of a request without an answer back.
	DropRequest(ctx context.Context, r Request) error
}

// Bounds of what Programs keeps.
const (
	// BadgeName is how many characters of a project's BadgeKey stand in addresses.
	BadgeName = 16
	// RequestLife is how long the answer to a request is kept for those who repeat it.
	RequestLife = 24 * time.Hour
	// RequestTime is how long answering a request may take.
	RequestTime = time.Minute
)

// Request is one request with an idempotency key. It is identified by (Project, Key).
type Request struct {
	Project     monitor.ProjectID
	Key         string
	Fingerprint string    // of what was asked
	Begun       time.Time // which claim of the key it is
	Code        *int      // of the answer; nil while there is none
	Header      string    // of the answer, as JSON
	Body        string    // of the answer
}

// Team is who belongs to a project, and what has happened in it.
type Team interface {
	// Members lists the members of a project by address.
	Members(ctx context.Context, project monitor.ProjectID) ([]Member, error)
	// SetMember gives a user a role in a project; a fault.Conflict when the project
	// would be left without an owner.
	SetMember(ctx context.Context, project monitor.ProjectID, user account.UserID, role account.Role) error
	// RemoveMember ends a membership; a fault.NotFound when there is none, a
	// fault.Conflict when it is the last owner's.
	RemoveMember(ctx context.Context, project monitor.ProjectID, user account.UserID) error
	RenameProject(ctx context.Context, project monitor.ProjectID, name string) error
	// Events lists what became known after one instant and up to another, the oldest
	// first, at most limit. When there is more, it ends with whole instants: the time
	// of the last event is where the next list begins.
	Events(ctx context.Context, project monitor.ProjectID, after, until time.Time, limit int) ([]Event, error)
}

// Member is a user in a project.
type Member struct {
	account.User
	Role account.Role
}

// Event is one thing that happened in a project: a ping, a flip or the end of a
// delivery; the others are nil.
type Event struct {
	At         time.Time // when it became known
	Check      uuid.UUID // zero for a test of a channel
	Name, Slug string
	Ping       *monitor.Ping // without its body and sender
	Flip       *monitor.Flip
	Delivery   *monitor.Delivery // its state, attempts and answer
	Channel    string            // of the delivery
}

// EventSpan is how many pings of one check a list of events looks back at.
const EventSpan = 200

// Housekeeping keeps what is stored per check bounded.
type Housekeeping interface {
	// Trim deletes a bounded amount of what is older than the limits and reports
	// whether more is left. What stays: a delivery that has not ended, a flip that a
	// delivery refers to, so that it can be replayed, and the newest flip of a check.
	// The record of a decision goes as flips do, that of an ignored ping with the ping.
	Trim(ctx context.Context, keep Keep) (more bool, err error)
}

// Pool is how much the connections of this process to the database are used.
type Pool struct {
	InUse  int
	Waited time.Duration // for one, by all that had to, since the start
}

// Keep is how much is kept.
type Keep struct {
	Pings      int       // of each check, the newest
	Flips      time.Time // those since then
	Deliveries time.Time // those decided since then
	Expired    time.Time // sessions, tokens and answers to requests that expired before are deleted
	Audit      time.Time // entries since then, and the newest of each project
}
