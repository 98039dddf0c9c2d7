package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"rollcall/internal/monitor"
	"rollcall/internal/store"
	"rollcall/internal/store/sqlstore/gen"
)

// How much Around reads of what is outside of the span that it is asked about.
const (
	pingsBefore  = 3
	flipsAfter   = 10 // the first after, and those that were dated within and judged later
	attemptsRead = 1_000
	actSpan      = time.Minute // around a pause, to find who did it
)

// Around implements store.Why.
func (s *Store) Around(ctx context.Context, c monitor.Check, from, to time.Time) (monitor.Around, error) {
	r := around{s: s, q: s.reading(), ctx: ctx, from: from, to: to, Around: monitor.Around{Check: c}}
	for _, read := range []func() error{r.flips, r.decisions, r.pings, r.messages, r.acts, r.rest} {
		if err := read(); err != nil {
			return r.Around, s.done("read what was decided", err)
		}
	}
	return r.Around, nil
}

// Tolerated implements store.Why.
func (s *Store) Tolerated(ctx context.Context, id monitor.CheckID, about monitor.Matter, before int64, limit int) ([]monitor.Decision, error) {
	rows, err := s.reading().ToleratedDecisions(ctx, gen.ToleratedDecisionsParams{
		CheckID: int64(id), About: string(about), Before: orAll(before), Rows: int32(limit),
	})
	if err != nil {
		return nil, s.done("list bad results", err)
	}
	return each(rows, decisionOf)
}

// around is one call of Around.
type around struct {
	monitor.Around
	s        *Store
	q        *gen.Queries
	ctx      context.Context
	from, to time.Time
}

func (r *around) id() int64 { return int64(r.Check.ID) }

// flips reads those that were judged within, the one before, and the next ones.
func (r *around) flips() error {
	until, err := r.q.FlipsUntil(r.ctx, gen.FlipsUntilParams{CheckID: r.id(), Until: r.to.UnixMicro(), Rows: store.AroundLimit + 1})
	if err != nil {
		return err
	}
	after, err := r.q.FlipsFrom(r.ctx, gen.FlipsFromParams{CheckID: r.id(), Since: r.to.UnixMicro(), Rows: flipsAfter})
	if err != nil {
		return err
	}
	before := slices.IndexFunc(until, func(f gen.Flip) bool { return f.JudgedAt < r.from.UnixMicro() })
	if before >= 0 {
		until = until[:before+1]
	}
	slices.Reverse(until)
	next := slices.IndexFunc(after, func(f gen.Flip) bool { return f.At < r.from.UnixMicro() || f.At >= r.to.UnixMicro() })
	if next >= 0 {
		after = after[:next+1]
	}
	r.Flips, err = each(append(until, after...), FlipOf)
	return err
}

// decisions reads the records of the flips, what was judged or due within, and the
// next ones before and after.
func (r *around) decisions() error {
	rows, err := r.q.DecisionsAround(r.ctx, gen.DecisionsAroundParams{
		CheckID: r.id(), Since: r.from.UnixMicro(), Until: r.to.UnixMicro(), Rows: store.AroundLimit,
	})
	if err != nil {
		return err
	}
	if n := len(r.Flips); n > 0 {
		of, err := r.q.DecisionsOfFlips(r.ctx, gen.DecisionsOfFlipsParams{
			CheckID: r.id(), First: r.Flips[0].Rev, Last: r.Flips[n-1].Rev, Rows: store.AroundLimit + flipsAfter,
		})
		if err != nil {
			return err
		}
		rows = append(rows, of...)
	}
	before, err := r.q.DecisionsBefore(r.ctx, gen.DecisionsBeforeParams{CheckID: r.id(), Until: r.from.UnixMicro(), Rows: 1})
	if err != nil {
		return err
	}
	after, err := r.q.DecisionsAfter(r.ctx, gen.DecisionsAfterParams{CheckID: r.id(), Since: r.to.UnixMicro(), Rows: 1})
	if err != nil {
		return err
	}
	rows = slices.Concat(before, rows, after)
	seen := map[[2]any]bool{}
	rows = slices.DeleteFunc(rows, func(d gen.Decision) bool {
		key := [2]any{d.About, d.Key}
		again := seen[key]
		seen[key] = true
		return again
	})
	slices.SortStableFunc(rows, func(a, b gen.Decision) int { return int(a.JudgedAt - b.JudgedAt) })
	r.Decisions, err = each(rows, decisionOf)
	return err
}

func (r *around) pings() error {
	from, to := r.from.UnixMicro(), r.to.UnixMicro()
	in, err := r.q.PingsWithin(r.ctx, gen.PingsWithinParams{CheckID: r.id(), Since: from, Until: to, Rows: store.AroundLimit})
	if err != nil {
		return err
	}
	if r.Pings, err = each(in, lightPing); err != nil {
		return err
	}
	before, err := r.q.PingsUntil(r.ctx, gen.PingsUntilParams{CheckID: r.id(), Until: from, Rows: pingsBefore})
	if err != nil {
		return err
	}
	if r.Before, err = each(before, func(row gen.PingsUntilRow) (monitor.Ping, error) { return lightPing(gen.PingsWithinRow(row)) }); err != nil {
		return err
	}
	after, err := r.q.PingsFrom(r.ctx, gen.PingsFromParams{CheckID: r.id(), Since: to, Rows: 1})
	if err != nil {
		return err
	}
	if r.After, err = each(after, func(row gen.PingsFromRow) (monitor.Ping, error) { return lightPing(gen.PingsWithinRow(row)) }); err != nil {
		return err
	}
	oldest, err := r.q.OldestPing(r.ctx, r.id())
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	r.Oldest = &monitor.Ping{N: oldest.N, At: instant(oldest.At)}
	return err
}

// lightPing reads a ping without its body and sender.
func lightPing(row gen.PingsWithinRow) (monitor.Ping, error) {
	return PingOf(gen.PingByNRow{
		CheckID: row.CheckID, N: row.N, At: row.At, Signal: row.Signal, ExitStatus: row.ExitStatus,
		RunID: row.RunID, Duration: row.Duration, Ignored: row.Ignored, Detail: row.Detail,
	})
}

// messages reads what the flips owed to the project that the check is in now.
func (r *around) messages() error {
	n := len(r.Flips)
	if n == 0 {
		return nil
	}
	first, last := r.Flips[0].Rev, r.Flips[n-1].Rev
	rows, err := r.q.DeliveriesOfFlips(r.ctx, gen.DeliveriesOfFlipsParams{
		CheckID: nullable(r.id()), First: &first, Last: &last, ProjectID: int64(r.Check.Project), Rows: listLimit,
	})
	if err != nil {
		return err
	}
	tried, err := r.q.AttemptsOfFlips(r.ctx, gen.AttemptsOfFlipsParams{
		CheckID: nullable(r.id()), First: &first, Last: &last, ProjectID: int64(r.Check.Project), Rows: attemptsRead,
	})
	if err != nil {
		return err
	}
	attempts := map[monitor.DeliveryID][]monitor.Attempt{}
	for _, row := range tried {
		id := monitor.DeliveryID(row.DeliveryID)
		attempts[id] = append(attempts[id], attemptOf(row))
	}
	for _, row := range rows {
		m := monitor.Message{Delivery: DeliveryOf(row.Delivery), Name: row.ChannelName, Kind: monitor.ChannelKind(row.ChannelKind)}
		m.Attempts = attempts[m.ID]
		r.Messages = append(r.Messages, m)
	}
	return nil
}

// acts reads what people did within, and when the status that held before was begun.
func (r *around) acts() error {
	spans := [][2]time.Time{{r.from.Add(-actSpan), r.to.Add(actSpan)}}
	if len(r.Flips) > 0 && r.Flips[0].Judged.Before(r.from.Add(-actSpan)) {
		at := r.Flips[0].Judged
		spans = append(spans, [2]time.Time{at.Add(-actSpan), at.Add(actSpan)})
	}
	for _, span := range spans {
		rows, err := r.q.ActsOnCheck(r.ctx, gen.ActsOnCheckParams{
			ProjectID: int64(r.Check.Project), ObjectKey: fmt.Sprint(r.id()),
			Since: span[0].UnixMicro(), Until: span[1].UnixMicro(), Rows: store.AroundLimit,
		})
		if err != nil {
			return err
		}
		for _, row := range rows {
			r.Acts = append(r.Acts, monitor.Act{At: instant(row.At), By: row.ActorName, Verb: row.Verb})
		}
	}
	return nil
}

// rest reads what is not the check's own: channels, and when Rollcall was blind.
func (r *around) rest() error {
	told, err := r.s.AssignedChannels(r.ctx, r.Check.ID)
	if err != nil {
		return err
	}
	r.Tells = len(told)
	channels, err := r.q.ChannelNames(r.ctx, gen.ChannelNamesParams{ProjectID: int64(r.Check.Project), Rows: listLimit})
	if err != nil {
		return err
	}
	r.Channels = make(map[monitor.ChannelID]string, len(channels))
	for _, c := range channels {
		r.Channels[monitor.ChannelID(c.ID)] = c.Name
	}
	blinds, err := r.s.Blinds(r.ctx, r.from, listLimit)
	r.Blinds = slices.DeleteFunc(blinds, func(b monitor.Blind) bool { return !b.From.Before(r.to) })
	return err
}

// Latencies implements store.Why.
func (s *Store) Latencies(ctx context.Context, project monitor.ProjectID, since time.Time) (l monitor.Latencies, err error) {
	lags, err := s.reading().DetectionLags(ctx, gen.DetectionLagsParams{ProjectID: int64(project), Since: since.UnixMicro(), Rows: store.LatencySpan})
	if err != nil {
		return l, s.done("read how long it took to notice", err)
	}
	l.Detection = spreadOf(lags)
	rows, err := s.reading().DeliveryLags(ctx, gen.DeliveryLagsParams{ProjectID: int64(project), Since: since.UnixMicro(), Rows: store.LatencySpan})
	if err != nil {
		return l, s.done("read how long it took to tell", err)
	}
	var took []int64
	for _, row := range rows {
		switch state := monitor.DeliveryState(row.State); {
		case row.TakenAt > 0:
			took = append(took, max(0, row.TakenAt-row.CreatedAt))
		case state == monitor.Dead:
			l.Dead++
		case state == monitor.Pending, state == monitor.Sending:
			l.Waiting++
		}
	}
	l.Delivery = spreadOf(took)
	return l, nil
}

func spreadOf(micros []int64) monitor.Spread {
	spans := make([]time.Duration, len(micros))
	for i, us := range micros {
		spans[i] = time.Duration(us) * time.Microsecond
	}
	return monitor.SpreadOf(spans)
}
