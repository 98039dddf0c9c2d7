package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
	"rollcall/internal/store/sqlstore/gen"
)

// Register implements store.People.
func (s *Store) Register(ctx context.Context, n store.Newcomer, now time.Time) (account.User, error) {
	user := n.User
	err := s.inTx(ctx, func(tx *sql.Tx) error {
		q := gen.New(tx)
		if n.Link != "" {
			if _, err := takeLink(ctx, q, n.Purpose, n.Link, now); err != nil {
				return err
			}
		}
		id, err := q.InsertUser(ctx, insertUser(user))
		if user.ID = account.UserID(id); err != nil || n.Project == nil {
			return err
		}
		_, err = s.beginProject(ctx, tx, *n.Project, user.ID)
		return err
	})
	return user, s.done("register", err)
}

// BeginProject implements store.People.
func (s *Store) BeginProject(ctx context.Context, b store.Beginning, owner account.UserID) (account.Project, error) {
	var project account.Project
	err := s.inTx(ctx, func(tx *sql.Tx) (err error) {
		project, err = s.beginProject(ctx, tx, b, owner)
		return err
	})
	return project, s.done("begin project", err)
}

func (s *Store) beginProject(ctx context.Context, tx *sql.Tx, b store.Beginning, owner account.UserID) (account.Project, error) {
	q, project := gen.New(tx), b.Project
	if err := roomForProject(ctx, q, owner); err != nil {
		return project, err
	}
	project.BadgeKey = cmp.Or(project.BadgeKey, account.NewToken())
	id, err := q.InsertProject(ctx, gen.InsertProjectParams{
		Name: project.Name, BadgeKey: project.BadgeKey, CreatedAt: project.Created.UnixMicro(),
	})
	if err != nil {
		return project, err
	}
	project.ID = monitor.ProjectID(id)
	if project.PingKey != "" {
		key := account.Key{Project: project.ID, Kind: account.KeyPing, Name: account.FirstKey, Created: project.Created}
		if _, err := q.InsertKey(ctx, rowOfKey(key.Of(project.PingKey))); err != nil {
			return project, err
		}
	}
	err = q.InsertMember(ctx, gen.InsertMemberParams{ProjectID: id, UserID: int64(owner), Role: string(account.Owner)})
	if err != nil {
		return project, err
	}
	if err := record(ctx, asking(tx), projectEntry(account.Created, project).Changes(account.Fields{}, account.One("name", project.Name))); err != nil {
		return project, err
	}
	return project, s.furnish(ctx, tx, project.ID, b)
}

// furnish makes what a new project begins with. An account that may have no further
// check does without its first one.
func (s *Store) furnish(ctx context.Context, tx *sql.Tx, project monitor.ProjectID, b store.Beginning) error {
	var told []monitor.ChannelID
	if b.Channel != nil {
		channel := *b.Channel
		channel.Project = project
		var err error
		if channel.ID, err = s.insertChannel(ctx, gen.New(tx), channel); err != nil {
			return err
		}
		told = append(told, channel.ID)
		if err := record(ctx, asking(tx), account.ChannelEntry(account.Created, channel).Changes(account.Fields{}, account.ChannelFields(channel))); err != nil {
			return err
		}
	}
	if b.Check == nil {
		return nil
	}
	check := *b.Check
	check.Project = project
	_, err := s.createCheck(ctx, tx, check, told, nil)
	if errors.Is(err, fault.Forbidden) {
		return nil
	}
	return err
}

func projectEntry(verb account.Verb, p account.Project) account.Entry {
	return account.Entry{Project: p.ID, Verb: verb, Object: account.OfProject, Key: fmt.Sprint(p.ID), Title: p.Name}
}

// SetZone implements store.People.
func (s *Store) SetZone(ctx context.Context, id account.UserID, zone string) error {
	rows, err := s.writing().SetZone(ctx, gen.SetZoneParams{ID: int64(id), Zone: zone})
	return s.changed("set zone", rows, err)
}

// MoveEmail implements store.People.
func (s *Store) MoveEmail(ctx context.Context, hash string, now time.Time, notice func(account.User) account.Letter) (account.User, error) {
	var user account.User
	err := s.transact(ctx, "move to another address", func(q *gen.Queries) error {
		link, err := takeLink(ctx, q, account.ForEmail, hash, now)
		if err != nil {
			return err
		}
		before, err := q.UserByID(ctx, int64(link.User))
		if err != nil {
			return err
		}
		user = userOf(before)
		if letter := notice(user); letter.To != "" {
			if err := q.InsertLetter(ctx, insertLetter(letter)); err != nil {
				return err
			}
		}
		user.Email = link.Email
		if _, err := q.SetEmail(ctx, gen.SetEmailParams{ID: before.ID, Email: user.Email}); err != nil {
			return err
		}
		return shutOut(ctx, q, before.ID)
	})
	return user, err
}

// Owned implements store.People.
func (s *Store) Owned(ctx context.Context, id account.UserID) ([]store.Owned, error) {
	owned, err := ownedBy(ctx, s.reading(), id)
	return owned, s.done("list owned projects", err)
}

// DeleteAccount implements store.People. The projects are the lock: who belongs to
// them does not change in the meantime.
func (s *Store) DeleteAccount(ctx context.Context, id account.UserID, letters ...account.Letter) error {
	return s.transact(ctx, "delete account", func(q *gen.Queries) error {
		if err := q.LockProjectsOfUser(ctx, int64(id)); err != nil {
			return err
		}
		owned, err := ownedBy(ctx, q, id)
		if err != nil {
			return err
		}
		for _, o := range owned {
			if o.Keeps() {
				return fault.Say(fault.Conflict, "%s has other members and no other owner; make one of them an owner, or remove them, first", o.Name)
			}
			if !o.Ends() {
				continue
			}
			if err := q.BuryChecksOfProject(ctx, int64(o.ID)); err != nil {
				return err
			}
			if err := q.DeleteProjectRow(ctx, int64(o.ID)); err != nil {
				return err
			}
		}
		for _, letter := range letters {
			if err := q.InsertLetter(ctx, insertLetter(letter)); err != nil {
				return err
			}
		}
		rows, err := q.DeleteUser(ctx, int64(id))
		return anyRow(rows, err, fault.NotFound)
	})
}

func ownedBy(ctx context.Context, q *gen.Queries, id account.UserID) ([]store.Owned, error) {
	rows, err := q.OwnedProjects(ctx, gen.OwnedProjectsParams{UserID: int64(id), Rows: listLimit})
	if err != nil {
		return nil, err
	}
	owned := make([]store.Owned, len(rows))
	for i, row := range rows {
		owned[i] = store.Owned{ID: monitor.ProjectID(row.ID), Name: row.Name, Others: int(row.Others), Owners: int(row.Owners)}
	}
	return owned, nil
}

// PutLink implements store.People.
func (s *Store) PutLink(ctx context.Context, l store.Link) error {
	return s.done("put link", s.writing().InsertLink(ctx, gen.InsertLinkParams{
		Hash: l.Hash, Purpose: string(l.Purpose), UserID: nullable(int64(l.User)), Email: l.Email, ExpiresAt: l.Expires.UnixMicro(),
	}))
}

// FindLink implements store.People.
func (s *Store) FindLink(ctx context.Context, purpose account.Purpose, hash string, now time.Time) (store.Link, error) {
	row, err := s.reading().LinkByHash(ctx, gen.LinkByHashParams{Hash: hash, Purpose: string(purpose), Now: now.UnixMicro()})
	return linkOf(purpose, hash, gen.TakeLinkRow(row)), s.done("find link", err)
}

// UseLink implements store.People.
func (s *Store) UseLink(ctx context.Context, purpose account.Purpose, hash string, now time.Time) (store.Link, error) {
	var link store.Link
	err := s.transact(ctx, "use link", func(q *gen.Queries) (err error) {
		link, err = takeLink(ctx, q, purpose, hash, now)
		return err
	})
	return link, err
}

// takeLink deletes a link, and the others that were mailed to the same address for
// the same purpose. Of several who use it at the same moment one gets it.
func takeLink(ctx context.Context, q *gen.Queries, purpose account.Purpose, hash string, now time.Time) (store.Link, error) {
	row, err := q.TakeLink(ctx, gen.TakeLinkParams{Hash: hash, Purpose: string(purpose), Now: now.UnixMicro()})
	if err != nil || row.Email == "" {
		return linkOf(purpose, hash, row), err
	}
	return linkOf(purpose, hash, row), q.EndLinksTo(ctx, gen.EndLinksToParams{Email: row.Email, Purpose: string(purpose)})
}

func linkOf(purpose account.Purpose, hash string, row gen.TakeLinkRow) store.Link {
	return store.Link{
		Purpose: purpose, Hash: hash, User: account.UserID(valueOf(row.UserID)), Email: row.Email, Expires: instant(row.ExpiresAt),
	}
}

func insertUser(u account.User) gen.InsertUserParams {
	return gen.InsertUserParams{Email: u.Email, PasswordHash: nullable(u.PasswordHash), CreatedAt: u.Created.UnixMicro(), Zone: u.Zone}
}

func insertLetter(l account.Letter) gen.InsertLetterParams {
	return gen.InsertLetterParams{
		Kind: string(l.Kind), Recipient: l.To, Data: l.Data, Key: nullable(l.Key), State: string(monitor.Pending),
		CreatedAt: l.Created.UnixMicro(), ExpiresAt: l.Expires.UnixMicro(), NextAt: monitor.Micros(l.NextAt),
	}
}
