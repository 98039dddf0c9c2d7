package sqlstore

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/store/sqlstore/gen"
)

// AddKey implements store.Keys.
func (s *Store) AddKey(ctx context.Context, k account.Key) (account.Key, error) {
	err := s.change(ctx, "add key", k.Project, func(q *gen.Queries, rec recorder) error {
		has, err := q.CountKeys(ctx, gen.CountKeysParams{ProjectID: int64(k.Project), Kind: string(k.Kind)})
		if err != nil {
			return err
		}
		if has >= account.KeysEach {
			return fault.Say(fault.Conflict, "a project has at most %d keys of a kind; revoke one first", account.KeysEach)
		}
		return putKey(ctx, q, rec, &k)
	})
	return k, err
}

func putKey(ctx context.Context, q *gen.Queries, rec recorder, k *account.Key) error {
	id, err := q.InsertKey(ctx, rowOfKey(*k))
	if err != nil {
		return err
	}
	k.ID = account.KeyID(id)
	return rec(keyEntry(account.Created, *k))
}

func keyEntry(verb account.Verb, k account.Key) account.Entry {
	return account.Entry{Verb: verb, Object: account.OfKey, Key: fmt.Sprint(k.ID), Title: k.Kind.Words() + " " + k.Name}
}

// PutKey implements store.Keys.
func (s *Store) PutKey(ctx context.Context, k account.Key) (account.Key, error) {
	err := s.change(ctx, "put key", k.Project, func(q *gen.Queries, rec recorder) error {
		if err := q.DeleteNamedKey(ctx, gen.DeleteNamedKeyParams{ProjectID: int64(k.Project), Kind: string(k.Kind), Name: k.Name}); err != nil {
			return err
		}
		return putKey(ctx, q, rec, &k)
	})
	return k, err
}

// RevokeKey implements store.Keys.
func (s *Store) RevokeKey(ctx context.Context, project monitor.ProjectID, id account.KeyID) error {
	return s.change(ctx, "revoke key", project, func(q *gen.Queries, rec recorder) error {
		row, err := q.DeleteKey(ctx, gen.DeleteKeyParams{ProjectID: int64(project), ID: int64(id)})
		if err != nil {
			return err
		}
		return rec(keyEntry(account.Revoked, keyOf(row)))
	})
}

// KeysOf implements store.Keys.
func (s *Store) KeysOf(ctx context.Context, project monitor.ProjectID) ([]account.Key, error) {
	rows, err := s.reading().KeysOfProject(ctx, gen.KeysOfProjectParams{ProjectID: int64(project), Rows: listLimit})
	if err != nil {
		return nil, s.done("list keys", err)
	}
	list := make([]account.Key, len(rows))
	for i, row := range rows {
		list[i] = keyOf(row)
	}
	return list, nil
}

// KeyByHash implements store.Keys.
func (s *Store) KeyByHash(ctx context.Context, hash string) (account.Project, account.Key, error) {
	row, err := s.reading().KeyByHash(ctx, hash)
	return ProjectOf(row.Project), keyOf(row.Key), s.done("find key", err)
}

// UseKeys implements store.Keys.
func (s *Store) UseKeys(ctx context.Context, used map[string]time.Time) error {
	return s.transact(ctx, "note use of keys", func(q *gen.Queries) error {
		for _, hash := range slices.Sorted(maps.Keys(used)) { // in one order, so that two nodes never wait for each other
			if err := q.UseKey(ctx, gen.UseKeyParams{Hash: hash, UsedAt: used[hash].UnixMicro()}); err != nil {
				return err
			}
		}
		return nil
	})
}

func rowOfKey(k account.Key) gen.InsertKeyParams {
	return gen.InsertKeyParams{
		ProjectID: int64(k.Project), Kind: string(k.Kind), Name: k.Name, Hash: k.Hash,
		Ending: k.Ending, MadeBy: k.By, CreatedAt: k.Created.UnixMicro(),
	}
}

func keyOf(row gen.Key) account.Key {
	return account.Key{
		ID: account.KeyID(row.ID), Project: monitor.ProjectID(row.ProjectID), Kind: account.KeyKind(row.Kind), Name: row.Name,
		Hash: row.Hash, Ending: row.Ending, By: row.MadeBy, Created: instant(row.CreatedAt), Used: monitor.FromMicros(row.UsedAt),
	}
}
