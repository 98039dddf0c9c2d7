package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
	"rollcall/internal/store/sqlstore/gen"
)

// CreateCheck implements store.Checks.
func (s *Store) CreateCheck(ctx context.Context, c monitor.Check, channels []monitor.ChannelID, tokens ...monitor.Token) (monitor.Check, error) {
	err := s.inTx(ctx, func(tx *sql.Tx) error {
		rows, err := gen.New(tx).LockProject(ctx, int64(c.Project))
		if err := anyRow(rows, err, fault.NotFound); err != nil {
			return err
		}
		c, err = s.createCheck(ctx, tx, c, channels, tokens)
		return err
	})
	if err != nil {
		return monitor.Check{}, fmt.Errorf("create check: %w", err)
	}
	return c, nil
}

// FindOrCreateCheck implements store.Checks. The project's row is the lock.
func (s *Store) FindOrCreateCheck(ctx context.Context, c monitor.Check, same func(monitor.Check) bool, channels []monitor.ChannelID, tokens ...monitor.Token) (found monitor.Check, created bool, err error) {
	err = s.inTx(ctx, func(tx *sql.Tx) error {
		q := gen.New(tx)
		rows, err := q.LockProject(ctx, int64(c.Project))
		if err := anyRow(rows, err, fault.NotFound); err != nil {
			return err
		}
		list, err := q.ChecksOfProject(ctx, gen.ChecksOfProjectParams{ProjectID: int64(c.Project), Rows: math.MaxInt32})
		if err != nil {
			return err
		}
		slices.SortFunc(list, func(a, b gen.Check) int { return cmp.Compare(a.ID, b.ID) })
		for _, row := range list {
			if found, err = CheckOf(row); err != nil || same(found) {
				return err
			}
		}
		found, err = s.createCheck(ctx, tx, c, channels, tokens)
		created = true
		return err
	})
	if err != nil {
		return monitor.Check{}, false, fmt.Errorf("find or create check: %w", err)
	}
	return found, created, nil
}

// createCheck makes a check in a project whose row is locked.
func (s *Store) createCheck(ctx context.Context, tx *sql.Tx, c monitor.Check, channels []monitor.ChannelID, tokens []monitor.Token) (monitor.Check, error) {
	if err := s.RoomForCheck(ctx, asking(tx), c.Project); err != nil {
		return c, err
	}
	var err error
	if c.ID, err = insertCheck(ctx, tx, c); err != nil {
		return c, err
	}
	q := gen.New(tx)
	for _, channel := range channels {
		rows, err := q.AssignChannel(ctx, gen.AssignChannelParams{CheckID: int64(c.ID), ChannelID: int64(channel)})
		if err := anyRow(rows, err, fault.NotFound); err != nil {
			return c, fmt.Errorf("channel %d: %w", channel, err)
		}
	}
	for _, token := range tokens {
		if err := q.InsertPingToken(ctx, gen.InsertPingTokenParams{Token: token.Text, Dialect: token.Dialect, CheckID: int64(c.ID)}); err != nil {
			return c, fmt.Errorf("token: %w", err)
		}
	}
	told, err := channelNames(ctx, asking(tx), c.Project, channels)
	if err != nil {
		return c, err
	}
	return c, record(ctx, asking(tx), account.CheckEntry(account.Created, c).Changes(account.Fields{}, account.CheckFields(c.Config, told)))
}

func insertCheck(ctx context.Context, tx *sql.Tx, c monitor.Check) (id monitor.CheckID, err error) {
	columns := CheckColumnNames()[1:] // the database gives the id
	places := make([]string, len(columns))
	for i := range places {
		places[i] = "$" + strconv.Itoa(i+1)
	}
	query := fmt.Sprintf("INSERT INTO checks (%s) VALUES (%s) RETURNING id",
		strings.Join(columns, ", "), strings.Join(places, ", "))
	err = tx.QueryRowContext(ctx, query, NewCheckValues(RowOf(c))...).Scan(&id)
	return id, err
}

// Check implements store.Checks.
func (s *Store) Check(ctx context.Context, project monitor.ProjectID, id uuid.UUID) (monitor.Check, error) {
	row, err := s.reading().CheckByUUID(ctx, gen.CheckByUUIDParams{ProjectID: int64(project), UUID: id.String()})
	if errors.Is(err, sql.ErrNoRows) {
		row, err = s.rotated(ctx, project, id)
	}
	if err != nil {
		return monitor.Check{}, s.done("find check", err)
	}
	return CheckOf(row)
}

// Checks implements store.Checks.
func (s *Store) Checks(ctx context.Context, project monitor.ProjectID, limit int) ([]monitor.Check, error) {
	rows, err := s.reading().ChecksOfProject(ctx, gen.ChecksOfProjectParams{ProjectID: int64(project), Rows: int32(limit)})
	if err != nil {
		return nil, s.done("list checks", err)
	}
	list, err := each(rows, CheckOf)
	sortByName(list, func(c monitor.Check) string { return c.Title() })
	return list, err
}

// DeleteCheck implements store.Checks.
func (s *Store) DeleteCheck(ctx context.Context, project monitor.ProjectID, id monitor.CheckID) error {
	return s.change(ctx, "delete check", project, func(q *gen.Queries, rec recorder) error {
		row, err := q.CheckByID(ctx, int64(id))
		if err != nil {
			return err
		}
		if err := q.BuryCheck(ctx, int64(id)); err != nil {
			return err
		}
		rows, err := q.DeleteCheck(ctx, gen.DeleteCheckParams{ProjectID: int64(project), ID: int64(id)})
		if err := anyRow(rows, err, fault.NotFound); err != nil {
			return err
		}
		check, err := CheckOf(row)
		if err != nil { // it cannot be understood, which is one reason more to delete it
			check = monitor.Check{ID: id, Config: monitor.Config{Name: row.Name}}
		}
		return rec(account.CheckEntry(account.Deleted, check).Changes(account.CheckFields(check.Config, ""), account.Fields{}))
	})
}

// AssignedChannels implements store.Checks.
func (s *Store) AssignedChannels(ctx context.Context, id monitor.CheckID) ([]monitor.ChannelID, error) {
	rows, err := s.reading().AssignedChannels(ctx, gen.AssignedChannelsParams{CheckID: int64(id), Rows: listLimit})
	if err != nil {
		return nil, s.done("list channels of check", err)
	}
	return ids[monitor.ChannelID](rows), nil
}

// Pings implements store.Checks.
func (s *Store) Pings(ctx context.Context, id monitor.CheckID, before int64, limit int) ([]monitor.Ping, error) {
	rows, err := s.reading().PingsOfCheck(ctx, gen.PingsOfCheckParams{
		CheckID: int64(id),
		Before:  orAll(before),
		Excerpt: store.ExcerptSize,
		Rows:    int32(limit),
	})
	if err != nil {
		return nil, s.done("list pings", err)
	}
	return each(rows, func(row gen.PingsOfCheckRow) (monitor.Ping, error) { return PingOf(gen.PingByNRow(row)) })
}

// Ping implements store.Checks.
func (s *Store) Ping(ctx context.Context, id monitor.CheckID, n int64) (monitor.Ping, error) {
	row, err := s.reading().PingByN(ctx, gen.PingByNParams{CheckID: int64(id), N: n})
	if err != nil {
		return monitor.Ping{}, s.done("find ping", err)
	}
	return PingOf(row)
}

// Flips implements store.Checks.
func (s *Store) Flips(ctx context.Context, id monitor.CheckID, before int64, limit int) ([]monitor.Flip, error) {
	rows, err := s.reading().FlipsOfCheck(ctx, gen.FlipsOfCheckParams{
		CheckID: int64(id),
		Before:  orAll(before),
		Rows:    int32(limit),
	})
	if err != nil {
		return nil, s.done("list flips", err)
	}
	return each(rows, FlipOf)
}

// runSpan is how many pings a run may take: a start, a log and an end.
const runSpan = 3

// runEnds reads the last pings only, so its cost does not grow with the history of
// a check. It is not sorted: a check's own are few, and are put into order here.
const runEnds = `SELECT p.check_id, p.n, p.at, p.signal, p.duration
FROM checks c JOIN %s
WHERE c.id IN (%s) AND p.signal IN ('success', 'fail') AND p.ignored = ''`

// RunEnds implements RecentRuns. Pings is how the engine joins to the checks c their
// pings p with a number above c.n_pings - $1.
func (s *Store) RunEnds(ctx context.Context, checks []monitor.CheckID, limit int, pings string) (map[monitor.CheckID][]store.RunEnd, error) {
	ends := make(map[monitor.CheckID][]store.RunEnd, len(checks))
	for part := range slices.Chunk(checks, runEndChecks) {
		if err := s.runEnds(ctx, part, limit, pings, ends); err != nil {
			return nil, s.done("list recent runs", err)
		}
	}
	for id, list := range ends {
		slices.SortFunc(list, func(a, b store.RunEnd) int { return cmp.Compare(a.N, b.N) })
		ends[id] = list[max(0, len(list)-limit):]
	}
	return ends, nil
}

// runEndChecks is how many checks one query asks about.
const runEndChecks = 500

func (s *Store) runEnds(ctx context.Context, checks []monitor.CheckID, limit int, pings string, into map[monitor.CheckID][]store.RunEnd) error {
	places, values := make([]string, len(checks)), []any{runSpan * int64(limit)}
	for i, id := range checks {
		places[i] = "$" + strconv.Itoa(i+2)
		values = append(values, int64(id))
	}
	rows, err := s.read.QueryContext(ctx, fmt.Sprintf(runEnds, pings, strings.Join(places, ", ")), values...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id, at int64
		var duration *int64
		var end store.RunEnd
		if err := rows.Scan(&id, &end.N, &at, &end.Signal, &duration); err != nil {
			return err
		}
		end.At, end.Duration = instant(at), spanOf(duration, time.Microsecond)
		into[monitor.CheckID(id)] = append(into[monitor.CheckID(id)], end)
	}
	return rows.Err()
}

// Quarantine implements store.Schedule.
func (s *Store) Quarantine(ctx context.Context, id monitor.CheckID, words string) error {
	rows, err := s.writing().QuarantineCheck(ctx, gen.QuarantineCheckParams{ID: int64(id), Trouble: words})
	return s.changed("quarantine check", rows, err)
}

// AwaitedChecks implements store.Schedule.
func (s *Store) AwaitedChecks(ctx context.Context, after monitor.CheckID, limit int) ([]monitor.CheckID, error) {
	rows, err := s.reading().AwaitedChecks(ctx, gen.AwaitedChecksParams{After: int64(after), Rows: int32(limit)})
	if err != nil {
		return nil, s.done("list awaited checks", err)
	}
	return ids[monitor.CheckID](rows), nil
}

// orAll returns the upper bound of a page; 0 stands for the first page.
func orAll(before int64) int64 {
	if before == 0 {
		return math.MaxInt64
	}
	return before
}

// each converts rows; one that cannot be understood fails the list.
func each[Row, Value any](rows []Row, of func(Row) (Value, error)) ([]Value, error) {
	list := make([]Value, len(rows))
	for i, row := range rows {
		var err error
		if list[i], err = of(row); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func ids[ID ~int64](rows []int64) []ID {
	list := make([]ID, len(rows))
	for i, row := range rows {
		list[i] = ID(row)
	}
	return list
}

func sorted[T cmp.Ordered](list []T) []T {
	list = slices.Clone(list)
	slices.Sort(list)
	return list
}
