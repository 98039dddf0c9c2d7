package sqlstore

import (
	"context"
	"time"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
	"rollcall/internal/store/sqlstore/gen"
)

// HasUsers implements store.Accounts.
func (s *Store) HasUsers(ctx context.Context) (bool, error) {
	has, err := s.reading().HasUsers(ctx)
	return has, s.done("look for users", err)
}

// CreateUser implements store.Accounts.
func (s *Store) CreateUser(ctx context.Context, u account.User) (account.User, error) {
	id, err := s.writing().InsertUser(ctx, insertUser(u))
	u.ID = account.UserID(id)
	return u, s.done("create user", err)
}

// UserByEmail implements store.Accounts.
func (s *Store) UserByEmail(ctx context.Context, email string) (account.User, error) {
	row, err := s.reading().UserByEmail(ctx, email)
	return userOf(row), s.done("find user", err)
}

// User implements store.Accounts.
func (s *Store) User(ctx context.Context, id account.UserID) (account.User, error) {
	row, err := s.reading().UserByID(ctx, int64(id))
	return userOf(row), s.done("find user", err)
}

// SetPassword implements store.Accounts.
func (s *Store) SetPassword(ctx context.Context, id account.UserID, hash string) error {
	return s.transact(ctx, "set password", func(q *gen.Queries) error {
		rows, err := q.SetPassword(ctx, gen.SetPasswordParams{ID: int64(id), PasswordHash: nullable(hash)})
		if err := anyRow(rows, err, fault.NotFound); err != nil {
			return err
		}
		return shutOut(ctx, q, int64(id))
	})
}

// CreateProject implements store.Accounts.
func (s *Store) CreateProject(ctx context.Context, p account.Project, owner account.UserID) (account.Project, error) {
	return s.BeginProject(ctx, store.Beginning{Project: p}, owner)
}

// ProjectsOf implements store.Accounts.
func (s *Store) ProjectsOf(ctx context.Context, id account.UserID) ([]store.Membership, error) {
	rows, err := s.reading().ProjectsOfUser(ctx, gen.ProjectsOfUserParams{UserID: int64(id), Rows: listLimit})
	if err != nil {
		return nil, s.done("list projects", err)
	}
	list := make([]store.Membership, len(rows))
	for i, row := range rows {
		list[i] = store.Membership{Project: ProjectOf(row.Project), Role: account.Role(row.Role)}
	}
	sortByName(list, func(m store.Membership) string { return m.Name })
	return list, nil
}

// PutToken implements store.Accounts.
func (s *Store) PutToken(ctx context.Context, purpose, hash string, expires time.Time) error {
	return s.transact(ctx, "put token", func(q *gen.Queries) error {
		if err := q.EndTokens(ctx, purpose); err != nil {
			return err
		}
		return q.InsertToken(ctx, gen.InsertTokenParams{Hash: hash, Purpose: purpose, ExpiresAt: expires.UnixMicro()})
	})
}

// TokenValid implements store.Accounts.
func (s *Store) TokenValid(ctx context.Context, purpose, hash string, now time.Time) (bool, error) {
	valid, err := s.reading().TokenValid(ctx, gen.TokenValidParams{Hash: hash, Purpose: purpose, Now: now.UnixMicro()})
	return valid, s.done("look at token", err)
}

// UseToken implements store.Accounts.
func (s *Store) UseToken(ctx context.Context, purpose, hash string, now time.Time) error {
	rows, err := s.writing().UseToken(ctx, gen.UseTokenParams{Hash: hash, Purpose: purpose, Now: now.UnixMicro()})
	return s.changed("use token", rows, err)
}

// ProjectOf reads a project from its row.
func ProjectOf(row gen.Project) account.Project {
	return account.Project{
		ID:       monitor.ProjectID(row.ID),
		Name:     row.Name,
		BadgeKey: row.BadgeKey,
		Created:  instant(row.CreatedAt),
	}
}

func userOf(row gen.User) account.User {
	return account.User{
		ID:           account.UserID(row.ID),
		Email:        row.Email,
		PasswordHash: valueOf(row.PasswordHash),
		Zone:         row.Zone,
		Created:      instant(row.CreatedAt),
	}
}
