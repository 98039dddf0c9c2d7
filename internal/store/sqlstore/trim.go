package sqlstore

import (
	"context"
	"database/sql"
	"errors"

	"rollcall/internal/failpoint"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
	"rollcall/internal/store/sqlstore/gen"
)

// What one call of Trim may do, so that a writer never waits long for it.
const (
	trimRows       = 5_000 // deletes of rows
	trimDeliveries = 1_000 // of them deliveries: each takes its attempts along
	trimChecks     = 200   // looks at so many checks
	trimFlips      = 100   // looks at so many flips of a check
)

// Trim implements store.Housekeeping. It goes round all checks, some in each
// call, and deletes what is too many or too old of them; the place where it
// stopped is only remembered by this process, for nothing is lost by beginning
// anew. A flip stays as long as a delivery tells of it, and so does the newest
// flip of a check; with each its record stays.
func (s *Store) Trim(ctx context.Context, keep store.Keep) (more bool, err error) {
	s.trimming.Lock()
	defer s.trimming.Unlock()
	t := trim{keep: keep, left: trimRows, at: s.trimmed}
	err = s.transact(ctx, "trim", func(q *gen.Queries) error {
		t.q = q
		if err := t.expired(ctx); err != nil {
			return err
		}
		if err := t.deliveries(ctx); err != nil {
			return err
		}
		if err := failpoint.Err("trim.middle"); err != nil {
			return err
		}
		return t.checks(ctx)
	})
	if err != nil {
		return false, err
	}
	s.trimmed = t.at
	return t.more, nil
}

// trim is one call of Trim.
type trim struct {
	q    *gen.Queries
	keep store.Keep
	left int64           // rows that may still be deleted
	at   monitor.CheckID // the last check that is done; 0 begins a round
	more bool
}

// spend counts deleted rows. As many as the bound means that there may be more.
func (t *trim) spend(rows, bound int64) {
	t.left -= rows
	t.more = t.more || rows == bound
}

func (t *trim) expired(ctx context.Context) error {
	before, bound := t.keep.Expired.UnixMicro(), t.left
	rows, err := t.q.TrimSessions(ctx, gen.TrimSessionsParams{Before: before, Rows: int32(bound)})
	if err != nil {
		return err
	}
	t.spend(rows, bound)
	bound = t.left
	rows, err = t.q.TrimTokens(ctx, gen.TrimTokensParams{Before: before, Rows: int32(bound)})
	if err != nil {
		return err
	}
	t.spend(rows, bound)
	bound = t.left
	rows, err = t.q.EndOldAddresses(ctx, gen.EndOldAddressesParams{Now: before, Rows: int32(bound)})
	if err != nil {
		return err
	}
	t.spend(rows, bound)
	bound = t.left
	before = t.keep.Expired.Add(-store.RequestLife).UnixMicro()
	if rows, err = t.q.TrimRequests(ctx, gen.TrimRequestsParams{Before: before, Rows: int32(bound)}); err != nil {
		return err
	}
	t.spend(rows, bound)
	if err := t.q.DateTombstones(ctx, t.keep.Expired.UnixMicro()); err != nil {
		return err
	}
	bound = t.left
	gone := monitor.Micros(t.keep.Expired.Add(-store.GoneKept))
	if rows, err = t.q.TrimTombstones(ctx, gen.TrimTombstonesParams{Before: gone, Rows: int32(bound)}); err != nil {
		return err
	}
	t.spend(rows, bound)
	bound = t.left
	before = t.keep.Expired.Add(-store.LetterKept).UnixMicro()
	rows, err = t.q.TrimLetters(ctx, gen.TrimLettersParams{Before: before, Rows: int32(bound)})
	if err != nil {
		return err
	}
	t.spend(rows, bound)
	bound = t.left
	rows, err = t.q.TrimInvitations(ctx, gen.TrimInvitationsParams{Before: t.keep.Expired.UnixMicro(), Rows: int32(bound)})
	if err != nil {
		return err
	}
	t.spend(rows, bound)
	bound = t.left
	rows, err = t.q.TrimAudit(ctx, gen.TrimAuditParams{Before: t.keep.Audit.UnixMicro(), Rows: int32(bound)})
	t.spend(rows, bound)
	return err
}

func (t *trim) deliveries(ctx context.Context) error {
	bound := min(t.left, trimDeliveries)
	rows, err := t.q.TrimDeliveries(ctx, gen.TrimDeliveriesParams{Before: t.keep.Deliveries.UnixMicro(), Rows: int32(bound)})
	t.spend(rows, bound)
	return err
}

// checks goes on with the round where the call before stopped.
func (t *trim) checks(ctx context.Context) error {
	rows, err := t.q.ChecksToTrim(ctx, gen.ChecksToTrimParams{After: int64(t.at), Rows: trimChecks})
	if err != nil {
		return err
	}
	for _, row := range rows {
		done, err := t.check(ctx, row)
		if err != nil {
			return err
		}
		if !done {
			t.more = true
			return nil
		}
		t.at = monitor.CheckID(row.ID)
	}
	if len(rows) == trimChecks {
		t.more = true
	} else {
		t.at = 0
	}
	return nil
}

// check trims one check and reports whether nothing is left to trim of it.
func (t *trim) check(ctx context.Context, row gen.ChecksToTrimRow) (done bool, err error) {
	last, err := t.lastPing(ctx, row)
	if err != nil {
		return false, err
	}
	if last > 0 {
		pings, err := t.q.TrimPings(ctx, gen.TrimPingsParams{CheckID: row.ID, Last: last, Rows: int32(t.left)})
		if err != nil {
			return false, err
		}
		if t.left -= pings; t.left == 0 {
			return false, nil
		}
		ignored, err := t.q.TrimIgnored(ctx, gen.TrimIgnoredParams{CheckID: row.ID, Last: last, Rows: int32(t.left)})
		if err != nil {
			return false, err
		}
		if t.left -= ignored; t.left == 0 {
			return false, nil
		}
	}
	bound := min(t.left, trimFlips)
	flips, err := t.q.TrimFlips(ctx, gen.TrimFlipsParams{
		CheckID: row.ID,
		Newest:  row.Rev,
		Before:  t.keep.Flips.UnixMicro(),
		Rows:    int32(bound),
	})
	if t.left -= flips; err != nil || t.left == 0 {
		return false, err
	}
	records := min(t.left, trimFlips)
	decisions, err := t.q.TrimDecisions(ctx, gen.TrimDecisionsParams{CheckID: row.ID, Before: t.keep.Flips.UnixMicro(), Rows: int32(records)})
	t.left -= decisions
	return flips < bound && decisions < records, err
}

// lastPing returns the number of the newest ping that is too many, 0 for none. The
// numbers are those of the rows, unless pings were coalesced: these count and have no
// row, so that the rows themselves have to be counted.
func (t *trim) lastPing(ctx context.Context, row gen.ChecksToTrimRow) (int64, error) {
	last := max(0, row.NPings-int64(t.keep.Pings))
	if last == 0 || row.Coalesced == 0 {
		return last, nil
	}
	n, err := t.q.PingBehind(ctx, gen.PingBehindParams{CheckID: row.ID, Kept: int32(t.keep.Pings)})
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return n, err
}
