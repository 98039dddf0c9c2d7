package app

import (
	"context"
	"errors"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/internal/store"
	"rollcall/web"
)

// NewAccount asks for a person's account and a project of their own.
type NewAccount struct {
	Email, Password, Project string
}

// Opened is an account that was made, with the keys of its project. They cannot be
// read again: only their hashes are stored.
type Opened struct {
	User                account.User
	Project             account.Project
	APIKey, ReadOnlyKey string
}

// AddUser makes an account with its project and keys. It refuses an address that
// has an account.
func AddUser(ctx context.Context, database string, keys KeyFile, n NewAccount) (Opened, error) {
	var made Opened
	name, err := account.ValidProjectName(n.Project)
	if err != nil {
		return made, err
	}
	if made.User, err = credentials(n.Email, n.Password); err != nil {
		return made, err
	}
	return made, withStore(ctx, database, keys, func(st store.Store) error {
		made.User, err = st.CreateUser(ctx, made.User)
		if errors.Is(err, fault.Conflict) {
			return fault.Say(fault.Conflict, "%s has an account already; nothing was changed", made.User.Email)
		}
		if err != nil {
			return err
		}
		project := account.Project{Name: name, PingKey: account.NewPingKey(), Created: now()}
		ctx := store.By(ctx, account.Actor{Kind: account.ByCommand, Name: "rollcall user add", At: now()})
		if made.Project, err = st.CreateProject(ctx, project, made.User.ID); err != nil {
			return err
		}
		for kind, text := range map[account.KeyKind]*string{account.KeyReadWrite: &made.APIKey, account.KeyReadOnly: &made.ReadOnlyKey} {
			key := account.Key{Project: made.Project.ID, Kind: kind, Name: account.FirstKey, By: made.User.Email, Created: now()}
			*text, key = account.NewKey(key)
			if _, err := st.AddKey(ctx, key); err != nil {
				return err
			}
		}
		return nil
	})
}

// SetPassword gives an account a new password, or its first one.
func SetPassword(ctx context.Context, database string, keys KeyFile, email, password string) error {
	to, err := credentials(email, password)
	if err != nil {
		return err
	}
	return withStore(ctx, database, keys, func(st store.Store) error {
		user, err := st.UserByEmail(ctx, to.Email)
		if errors.Is(err, fault.NotFound) {
			return fault.Say(fault.NotFound, "%s has no account", to.Email)
		}
		if err != nil {
			return err
		}
		return st.SetPassword(ctx, user.ID, to.PasswordHash)
	})
}

// credentials returns a user with what it takes to log in.
func credentials(email, password string) (account.User, error) {
	email, err := account.ValidEmail(email)
	if err != nil {
		return account.User{}, err
	}
	if err := account.ValidPassword(password, email); err != nil {
		return account.User{}, err
	}
	hash, err := web.HashPassword(password)
	return account.User{Email: email, PasswordHash: hash, Created: now()}, err
}

// withStore opens the database for one piece of work.
func withStore(ctx context.Context, database string, keys KeyFile, work func(store.Store) error) error {
	st, err := OpenStore(ctx, database, keys)
	if err != nil {
		return err
	}
	return errors.Join(work(st), st.Close())
}

// Migrate brings the schema of a database up to date.
func Migrate(ctx context.Context, database string, keys KeyFile) error {
	return withStore(ctx, database, keys, func(store.Store) error { return nil })
}
