package sqlstore

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
	"rollcall/internal/store/sqlstore/gen"
)

// PutHeartbeat implements store.Pairing.
func (s *Store) PutHeartbeat(ctx context.Context, project monitor.ProjectID, address string, now time.Time) error {
	return s.change(ctx, "put heartbeat", project, func(q *gen.Queries, rec recorder) error {
		if before, err := s.heartbeat(ctx, q, project); err == nil && before == address {
			return nil
		}
		err := q.PutHeartbeat(ctx, gen.PutHeartbeatParams{ProjectID: int64(project), Address: s.seal(heartbeatAt(int64(project)), address), CreatedAt: now.UnixMicro()})
		if err != nil {
			return err
		}
		return rec(pairingEntry(account.Paired, project, address))
	})
}

// DropHeartbeat implements store.Pairing.
func (s *Store) DropHeartbeat(ctx context.Context, project monitor.ProjectID) error {
	return s.change(ctx, "drop heartbeat", project, func(q *gen.Queries, rec recorder) error {
		address, err := s.heartbeat(ctx, q, project)
		if err != nil {
			return err
		}
		rows, err := q.DropHeartbeat(ctx, int64(project))
		if err := anyRow(rows, err, fault.NotFound); err != nil {
			return err
		}
		return rec(pairingEntry(account.Unpaired, project, address))
	})
}

// pairingEntry names the other installation by its host: the address is a secret.
func pairingEntry(verb account.Verb, project monitor.ProjectID, address string) account.Entry {
	e := account.Entry{Verb: verb, Object: account.OfProject, Key: fmt.Sprint(project), Title: "another installation"}
	if u, err := url.Parse(address); err == nil {
		e.Title = "with " + u.Host
	}
	return e
}

// Heartbeat implements store.Pairing.
func (s *Store) Heartbeat(ctx context.Context, project monitor.ProjectID) (string, error) {
	address, err := s.heartbeat(ctx, s.reading(), project)
	return address, s.done("find heartbeat", err)
}

func (s *Store) heartbeat(ctx context.Context, q *gen.Queries, project monitor.ProjectID) (string, error) {
	address, err := q.HeartbeatOfProject(ctx, int64(project))
	if err != nil {
		return "", err
	}
	return s.open(heartbeatAt(int64(project)), address)
}

// Heartbeats implements store.Pairing.
func (s *Store) Heartbeats(ctx context.Context) ([]string, error) {
	rows, err := s.reading().Heartbeats(ctx, store.HeartbeatsLimit)
	if err != nil {
		return nil, s.done("list heartbeats", err)
	}
	return each(rows, func(row gen.HeartbeatsRow) (string, error) {
		return s.open(heartbeatAt(row.ProjectID), row.Address)
	})
}
