package sqlstore

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"rollcall/internal/monitor"
	"rollcall/internal/store/sqlstore/gen"
)

// Spans implements store.Coverage.
func (s *Store) Spans(ctx context.Context) ([]monitor.Span, error) {
	rows, err := s.reading().Spans(ctx, listLimit)
	if err != nil {
		return nil, s.done("list coverage", err)
	}
	list := make([]monitor.Span, len(rows))
	for i, row := range rows {
		list[i] = spanRow(row)
	}
	return list, nil
}

// spanRow reads a span. One of an older version, which covers as a whole and does
// not say where it began, is over as soon as there is another.
func spanRow(row gen.SpansRow) monitor.Span {
	span := monitor.Span{
		Node: row.Name, Since: instant(row.At), At: instant(row.At),
		Resumed: monitor.FromMicros(row.Resumed), Stopped: row.Stopped, Cause: row.Cause,
	}
	if row.Since == nil {
		span.Node, span.Stopped = row.Node, true
		return span
	}
	span.Since = instant(*row.Since)
	return span
}

// spanKey is the key of a span's row, as PutMark writes it.
func spanKey(node string, since time.Time) string {
	return fmt.Sprintf("%s since %d", node, since.UnixMicro())
}

// RecordGaps implements store.Coverage.
func (s *Store) RecordGaps(ctx context.Context, gaps []monitor.Blind, over []monitor.Span) error {
	return s.transact(ctx, "record blind intervals", func(q *gen.Queries) error {
		for _, gap := range gaps {
			if err := q.PutGap(ctx, gen.PutGapParams{FromAt: gap.From.UnixMicro(), ToAt: gap.To.UnixMicro(), Cause: gap.Cause}); err != nil {
				return err
			}
		}
		for _, span := range over {
			for _, key := range []string{spanKey(span.Node, span.Since), span.Node} { // the second is that of an older version
				if err := q.DropSpan(ctx, gen.DropSpanParams{Node: key, At: span.At.UnixMicro()}); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// PendingBlinds implements store.Coverage.
func (s *Store) PendingBlinds(ctx context.Context) ([]monitor.Blind, error) {
	rows, err := s.reading().PendingBlinds(ctx, listLimit)
	if err != nil {
		return nil, s.done("list pending blind intervals", err)
	}
	list := make([]monitor.Blind, len(rows))
	for i, row := range rows {
		list[i] = monitor.Blind{From: instant(row.FromAt), To: instant(row.ToAt), Cause: row.Cause}
	}
	return list, nil
}

// SettleBlind implements store.Coverage.
func (s *Store) SettleBlind(ctx context.Context, b monitor.Blind) error {
	return s.done("settle blind interval", s.writing().SettleBlind(ctx, b.From.UnixMicro()))
}

// AddBlind implements store.Coverage. When the same From comes again, the later
// To stands: the outage went on after it was first seen.
func (s *Store) AddBlind(ctx context.Context, b monitor.Blind) error {
	err := s.writing().PutBlind(ctx, gen.PutBlindParams{
		FromAt: b.From.UnixMicro(),
		ToAt:   b.To.UnixMicro(),
		Cause:  b.Cause,
	})
	return s.done("record blind interval", err)
}

// Blinds implements store.Coverage.
func (s *Store) Blinds(ctx context.Context, since time.Time, limit int) ([]monitor.Blind, error) {
	rows, err := s.reading().BlindsSince(ctx, gen.BlindsSinceParams{Since: since.UnixMicro(), Rows: int32(limit)})
	if err != nil {
		return nil, s.done("list blind intervals", err)
	}
	list := make([]monitor.Blind, len(rows))
	for i, row := range rows {
		list[i] = monitor.Blind{From: instant(row.FromAt), To: instant(row.ToAt), Cause: row.Cause}
	}
	return list, nil
}

// Unverified implements store.Coverage.
func (s *Store) Unverified(ctx context.Context) ([]monitor.Unverified, error) {
	rows, err := s.reading().Unverified(ctx, listLimit)
	if err != nil {
		return nil, s.done("list unverified checks", err)
	}
	list := make([]monitor.Unverified, len(rows))
	for i, row := range rows {
		list[i] = monitor.Unverified{
			Project: monitor.ProjectID(row.ProjectID), From: instant(row.FromAt), Oldest: instant(row.Oldest), Doubted: int(row.Doubted),
		}
	}
	return list, nil
}

// QueueDigest implements store.Coverage. Whoever locks the rows first tells them;
// another scheduler finds none.
func (s *Store) QueueDigest(ctx context.Context, u monitor.Unverified, now time.Time) (queued bool, err error) {
	project, from := int64(u.Project), u.From.UnixMicro()
	err = s.transact(ctx, "queue digest", func(q *gen.Queries) error {
		queued = false
		rows, err := q.LockUnverified(ctx, gen.LockUnverifiedParams{FromAt: from, ProjectID: project})
		if err != nil || rows == 0 {
			return err
		}
		digests, err := digestsOf(ctx, q, project, from)
		if err != nil {
			return err
		}
		for _, d := range digests {
			if err := owe(ctx, q, monitor.ForBlind, project, d.channel, textOf(d.Digest, false), now); err != nil {
				return err
			}
		}
		queued = true
		return q.DropUnverified(ctx, gen.DropUnverifiedParams{FromAt: from, ProjectID: project})
	})
	return queued, err
}

// owe queues a message with a content of its own.
func owe(ctx context.Context, q *gen.Queries, kind monitor.DeliveryKind, project, channel int64, content string, now time.Time) error {
	id, err := q.InsertNotice(ctx, gen.InsertNoticeParams{ProjectID: project, ChannelID: channel, Kind: string(kind), Now: now.UnixMicro()})
	if err != nil {
		return err
	}
	return q.InsertDigest(ctx, gen.InsertDigestParams{DeliveryID: id, Content: content})
}

type channelDigest struct {
	channel int64
	monitor.Digest
}

// digestsOf returns what each channel is to be told, in the order of the channels.
func digestsOf(ctx context.Context, q *gen.Queries, project, from int64) ([]channelDigest, error) {
	blind, err := q.BlindByFrom(ctx, from)
	if err != nil {
		return nil, err
	}
	rows, err := q.UnverifiedChecks(ctx, gen.UnverifiedChecksParams{FromAt: from, ProjectID: project})
	if err != nil {
		return nil, err
	}
	checks := make(map[int64]monitor.DigestCheck, len(rows))
	for _, row := range rows {
		if checks[row.CheckID], err = digestCheck(row); err != nil {
			return nil, err
		}
	}
	told, err := q.ChannelsOfUnverified(ctx, gen.ChannelsOfUnverifiedParams{FromAt: from, ProjectID: project})
	if err != nil {
		return nil, err
	}
	named := map[int64][]monitor.DigestCheck{}
	for _, t := range told {
		named[t.ChannelID] = append(named[t.ChannelID], checks[t.CheckID])
	}
	var digests []channelDigest
	for channel, list := range named {
		digests = append(digests, channelDigest{channel, monitor.DigestOf(blind.FromAt, blind.ToAt, blind.Cause, list)})
	}
	slices.SortFunc(digests, func(a, b channelDigest) int { return cmp.Compare(a.channel, b.channel) })
	return digests, nil
}

func digestCheck(row gen.UnverifiedChecksRow) (monitor.DigestCheck, error) {
	facts, err := fromText[monitor.Facts](row.Facts)
	if err != nil {
		return monitor.DigestCheck{}, fmt.Errorf("check %d: facts: %w", row.CheckID, err)
	}
	id, err := uuid.Parse(row.FirstUUID)
	if err != nil {
		return monitor.DigestCheck{}, fmt.Errorf("check %d: first uuid: %w", row.CheckID, err)
	}
	return monitor.DigestCheck{UUID: id, Name: facts.Name, Due: facts.Due, Zone: facts.Zone}, nil
}
