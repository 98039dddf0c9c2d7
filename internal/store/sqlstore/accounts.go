package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"time"

	"rollcall/internal/account"
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
	id, err := s.writing().InsertUser(ctx, gen.InsertUserParams{
		Email:        u.Email,
		PasswordHash: nullable(u.PasswordHash),
		CreatedAt:    u.Created.UnixMicro(),
		Zone:         u.Zone,
	})
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
	rows, err := s.writing().SetPassword(ctx, gen.SetPasswordParams{ID: int64(id), PasswordHash: nullable(hash)})
	return s.changed("set password", rows, err)
}

// CreateProject implements store.Accounts.
func (s *Store) CreateProject(ctx context.Context, p account.Project, owner account.UserID) (account.Project, error) {
	p.BadgeKey = cmp.Or(p.BadgeKey, account.NewToken())
	err := s.transact(ctx, "create project", func(q *gen.Queries) error {
		id, err := q.InsertProject(ctx, gen.InsertProjectParams{
			Name:      p.Name,
			PingKey:   p.PingKey,
			BadgeKey:  p.BadgeKey,
			CreatedAt: p.Created.UnixMicro(),
		})
		if err != nil {
			return err
		}
		p.ID = monitor.ProjectID(id)
		return q.InsertMember(ctx, gen.InsertMemberParams{ProjectID: id, UserID: int64(owner), Role: string(account.Owner)})
	})
	return p, err
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

// SetPingKey implements store.Accounts.
func (s *Store) SetPingKey(ctx context.Context, id monitor.ProjectID, key string) error {
	rows, err := s.writing().SetPingKey(ctx, gen.SetPingKeyParams{ID: int64(id), PingKey: key})
	return s.changed("set ping key", rows, err)
}

// SetAPIKey implements store.Accounts.
func (s *Store) SetAPIKey(ctx context.Context, id monitor.ProjectID, kind account.KeyKind, hash string, now time.Time) error {
	rows, err := s.writing().PutAPIKey(ctx, gen.PutAPIKeyParams{
		ProjectID: int64(id),
		Kind:      string(kind),
		Hash:      hash,
		CreatedAt: now.UnixMicro(),
	})
	return s.changed("set API key", rows, err)
}

// ProjectByAPIKey implements store.Accounts.
func (s *Store) ProjectByAPIKey(ctx context.Context, hash string) (account.Project, account.KeyKind, error) {
	row, err := s.reading().ProjectByAPIKey(ctx, hash)
	return ProjectOf(row.Project), account.KeyKind(row.Kind), s.done("find project by API key", err)
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

// FindSession implements store.Accounts.
func (s *Store) FindSession(ctx context.Context, hash string, now time.Time) ([]byte, bool, error) {
	data, err := s.reading().SessionByHash(ctx, gen.SessionByHashParams{Hash: hash, Now: now.UnixMicro()})
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	return data, err == nil, s.done("find session", err)
}

// SaveSession implements store.Accounts.
func (s *Store) SaveSession(ctx context.Context, hash string, data []byte, expires time.Time) error {
	err := s.writing().PutSession(ctx, gen.PutSessionParams{Hash: hash, Data: data, ExpiresAt: expires.UnixMicro()})
	return s.done("save session", err)
}

// EndSession implements store.Accounts.
func (s *Store) EndSession(ctx context.Context, hash string) error {
	return s.done("end session", s.writing().DeleteSession(ctx, hash))
}

// ProjectOf reads a project from its row.
func ProjectOf(row gen.Project) account.Project {
	return account.Project{
		ID:       monitor.ProjectID(row.ID),
		Name:     row.Name,
		PingKey:  row.PingKey,
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
