package sqlstore

import (
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"rollcall/internal/monitor"
	"rollcall/internal/schedule"
	"rollcall/internal/store/sqlstore/gen"
)

// CheckOf reads a check from its row. It is on the way of every ping: only a
// check with open runs or a filter costs reading JSON.
func CheckOf(row gen.Check) (monitor.Check, error) {
	id, err := uuid.Parse(row.UUID)
	if err != nil {
		return monitor.Check{}, fmt.Errorf("check %d: uuid: %w", row.ID, err)
	}
	c := monitor.Check{
		ID:      monitor.CheckID(row.ID),
		UUID:    id,
		Project: monitor.ProjectID(row.ProjectID),
		Created: instant(row.CreatedAt),
		Updated: instant(row.UpdatedAt),
		Config:  configOf(row),
		State:   stateOf(row),
	}
	if c.Filter, err = fromText[monitor.Filter](row.Filter); err != nil {
		return monitor.Check{}, fmt.Errorf("check %d: filter: %w", row.ID, err)
	}
	if c.Runs, err = fromText[[]monitor.Run](row.Runs); err != nil {
		return monitor.Check{}, fmt.Errorf("check %d: runs: %w", row.ID, err)
	}
	if c.Misses, err = fromText[[]monitor.Miss](row.Misses); err != nil {
		return monitor.Check{}, fmt.Errorf("check %d: misses: %w", row.ID, err)
	}
	return c, nil
}

func configOf(row gen.Check) monitor.Config {
	return monitor.Config{
		Name:        row.Name,
		Slug:        valueOf(row.Slug),
		Description: row.Description,
		Tags:        tagsOf(row.Tags),
		Schedule: schedule.Spec{
			Kind:   schedule.Kind(row.Kind),
			Period: time.Duration(row.Period) * time.Second,
			Expr:   row.Schedule,
			Zone:   row.Timezone,
		},
		Grace:        time.Duration(row.Grace) * time.Second,
		MaxRuntime:   spanOf(row.MaxRuntime, time.Second),
		Threshold:    numberOf(row.Threshold),
		ManualResume: row.ManualResume,
		PostOnly:     row.PostOnly,
	}
}

func stateOf(row gen.Check) monitor.State {
	return monitor.State{
		Status:       monitor.Status(row.Status),
		Since:        instant(row.Since),
		Reason:       monitor.Reason(row.Reason),
		Rev:          row.Rev,
		NPings:       row.NPings,
		LastPing:     monitor.FromMicros(row.LastPing),
		LastSuccess:  monitor.FromMicros(row.LastSuccess),
		LastStart:    monitor.FromMicros(row.LastStart),
		LastSignal:   monitor.Signal(row.LastSignal),
		LastExit:     row.LastExit,
		LastDuration: spanOf(row.LastDuration, time.Microsecond),
		FailStreak:   int(row.FailStreak),
		Due:          monitor.FromMicros(row.Due),
		Credit:       time.Duration(row.Credit) * time.Microsecond,
		BlindFrom:    monitor.FromMicros(row.BlindFrom),
		BlindTo:      monitor.FromMicros(row.BlindTo),
		Wake:         monitor.FromMicros(row.Wake),
		Burst:        burstOf(row.BurstAt, row.Burst),
		Coalesced:    row.Coalesced,
		Trouble:      row.Trouble,
	}
}

// RowOf returns the row of a check.
func RowOf(c monitor.Check) gen.Check {
	return gen.Check{
		ID:        int64(c.ID),
		ProjectID: int64(c.Project),
		UUID:      c.UUID.String(),
		CreatedAt: c.Created.UnixMicro(),
		UpdatedAt: c.Updated.UnixMicro(),

		Name:         c.Name,
		Slug:         nullable(c.Slug),
		Description:  c.Description,
		Tags:         strings.Join(c.Tags, " "),
		Kind:         string(c.Schedule.Kind),
		Period:       int64(c.Schedule.Period / time.Second),
		Schedule:     c.Schedule.Expr,
		Timezone:     c.Schedule.Zone,
		Grace:        int64(c.Grace / time.Second),
		MaxRuntime:   countOf(c.MaxRuntime, time.Second),
		Threshold:    rowNumber(c.Threshold),
		ManualResume: c.ManualResume,
		PostOnly:     c.PostOnly,
		Filter:       textOf(c.Filter, c.Filter == monitor.Filter{}),

		Status:       string(c.Status),
		Since:        c.Since.UnixMicro(),
		Reason:       string(c.Reason),
		Rev:          c.Rev,
		NPings:       c.NPings,
		LastPing:     monitor.Micros(c.LastPing),
		LastSuccess:  monitor.Micros(c.LastSuccess),
		LastStart:    monitor.Micros(c.LastStart),
		LastSignal:   string(c.LastSignal),
		LastExit:     c.LastExit,
		LastDuration: countOf(c.LastDuration, time.Microsecond),
		FailStreak:   int64(c.FailStreak),
		Due:          monitor.Micros(c.Due),
		Credit:       int64(c.Credit / time.Microsecond),
		BlindFrom:    monitor.Micros(c.BlindFrom),
		BlindTo:      monitor.Micros(c.BlindTo),
		Runs:         textOf(c.Runs, len(c.Runs) == 0),
		Wake:         monitor.Micros(c.Wake),
		BurstAt:      c.Burst.Second,
		Burst:        packed(c.Burst),
		Coalesced:    c.Coalesced,
		Trouble:      c.Trouble,
		Misses:       textOf(c.Misses, len(c.Misses) == 0),
	}
}

// PingOf reads a ping from its row. A driver may return an empty body as nil, so
// the row says whether there was one.
func PingOf(row gen.PingByNRow) (monitor.Ping, error) {
	detail, err := fromText[monitor.Detail](row.Detail)
	if err != nil {
		return monitor.Ping{}, fmt.Errorf("ping %d of check %d: detail: %w", row.N, row.CheckID, err)
	}
	p := monitor.Ping{
		Detail:     detail,
		N:          row.N,
		At:         instant(row.At),
		Signal:     monitor.Signal(row.Signal),
		Exit:       row.ExitStatus,
		RunID:      row.RunID,
		Duration:   spanOf(row.Duration, time.Microsecond),
		Ignored:    monitor.Ignored(row.Ignored),
		Scheme:     row.Scheme,
		Method:     row.Method,
		RemoteAddr: row.RemoteAddr,
		UserAgent:  row.UserAgent,
		Body:       row.Body,
		BodySize:   row.BodySize,
	}
	if row.HasBody && p.Body == nil {
		p.Body = []byte{}
	}
	return p, nil
}

// PingRow returns the row of a check's ping.
func PingRow(check monitor.CheckID, p monitor.Ping) gen.Ping {
	return gen.Ping{
		CheckID:    int64(check),
		N:          p.N,
		At:         p.At.UnixMicro(),
		Signal:     string(p.Signal),
		ExitStatus: p.Exit,
		RunID:      p.RunID,
		Duration:   countOf(p.Duration, time.Microsecond),
		Ignored:    string(p.Ignored),
		Scheme:     p.Scheme,
		Method:     p.Method,
		RemoteAddr: p.RemoteAddr,
		UserAgent:  p.UserAgent,
		Detail:     textOf(p.Detail, p.Detail.Empty()),
		Body:       p.Body,
		BodySize:   p.BodySize,
	}
}

// FlipOf reads a flip from its row.
func FlipOf(row gen.Flip) (monitor.Flip, error) {
	facts, err := fromText[monitor.Facts](row.Facts)
	if err != nil {
		return monitor.Flip{}, fmt.Errorf("flip %d of check %d: facts: %w", row.Rev, row.CheckID, err)
	}
	return monitor.Flip{
		Check:  monitor.CheckID(row.CheckID),
		Rev:    row.Rev,
		At:     instant(row.At),
		Judged: instant(row.JudgedAt),
		Old:    monitor.Status(row.OldStatus),
		New:    monitor.Status(row.NewStatus),
		Reason: monitor.Reason(row.Reason),
		Tell:   row.Tell,
		Facts:  facts,
	}, nil
}

// FlipRow returns the row of a flip.
func FlipRow(f monitor.Flip) gen.Flip {
	return gen.Flip{
		CheckID:   int64(f.Check),
		Rev:       f.Rev,
		At:        f.At.UnixMicro(),
		JudgedAt:  f.Judged.UnixMicro(),
		OldStatus: string(f.Old),
		NewStatus: string(f.New),
		Reason:    string(f.Reason),
		Tell:      f.Tell,
		Facts:     textOf(f.Facts, false),
	}
}

// DeliveryOf reads a delivery from its row.
func DeliveryOf(row gen.Delivery) monitor.Delivery {
	return monitor.Delivery{
		ID:       monitor.DeliveryID(row.ID),
		Project:  monitor.ProjectID(row.ProjectID),
		Channel:  monitor.ChannelID(row.ChannelID),
		Kind:     monitor.DeliveryKind(row.Kind),
		Check:    monitor.CheckID(valueOf(row.CheckID)),
		Rev:      valueOf(row.Rev),
		Digest:   monitor.DeliveryID(valueOf(row.DigestID)),
		State:    monitor.DeliveryState(row.State),
		Attempts: int(row.Attempts),
		Tries:    int(row.Tries),
		Created:  instant(row.CreatedAt),
		NextAt:   monitor.FromMicros(row.NextAt),
		Ended:    monitor.FromMicros(row.EndedAt),
		Answer:   row.Answer,
		Code:     numberOf(row.Code),
	}
}

// DeliveryRow returns the row of a delivery that is not leased.
func DeliveryRow(d monitor.Delivery) gen.Delivery {
	return gen.Delivery{
		ID:        int64(d.ID),
		ProjectID: int64(d.Project),
		ChannelID: int64(d.Channel),
		Kind:      string(d.Kind),
		CheckID:   nullable(int64(d.Check)),
		Rev:       nullable(d.Rev),
		DigestID:  nullable(int64(d.Digest)),
		State:     string(d.State),
		Attempts:  int64(d.Attempts),
		Tries:     int64(d.Tries),
		CreatedAt: d.Created.UnixMicro(),
		NextAt:    monitor.Micros(d.NextAt),
		EndedAt:   monitor.Micros(d.Ended),
		Answer:    d.Answer,
		Code:      rowNumber(d.Code),
	}
}
