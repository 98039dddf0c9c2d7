package app

import (
	"context"
	"errors"
	"os"
	"time"

	"rollcall/internal/fault"
	"rollcall/internal/sealed"
	"rollcall/internal/store"
)

// KeyFile is the path of the file whose keys seal the secrets in the database; ""
// stands for the one beside a SQLite file, and for none with PostgreSQL.
type KeyFile string

// of is where the keys for a database are; "" for nowhere.
func (k KeyFile) of(database string) string {
	if k == "" && !manyNodes(database) {
		return database + ".key"
	}
	return string(k)
}

// errNoKeys tells that there is no file of keys, and nothing sealed yet.
var errNoKeys = errors.New("there is no file of keys")

// makeKeys makes the file of keys, and lets the store seal its secrets with them.
func makeKeys(st store.Store, path string) error {
	ring, err := sealed.Create(path)
	if err == nil {
		st.Seal(ring)
	}
	return err
}

// unlock lets the store seal its secrets with the keys of a file; errNoKeys when there
// is none, and nothing is sealed yet. With the wrong keys nothing is opened and nothing
// written.
func unlock(ctx context.Context, st store.Store, database string, keys KeyFile) error {
	path := keys.of(database)
	var ring *sealed.Ring
	if path != "" {
		var err error
		ring, err = sealed.Load(path)
		switch {
		case err == nil:
			st.Seal(ring)
		case !errors.Is(err, os.ErrNotExist):
			return err
		}
	}
	_, err := st.Unseal(ctx)
	switch {
	case err != nil && path == "":
		return fault.Say(fault.Conflict, "the secrets in the database are sealed: name the file of their keys with --secret-key-file. Nothing was changed")
	case err != nil && ring == nil:
		return fault.Say(fault.Conflict, "the secrets in the database are sealed, and the file of their keys, %s, is not there: put it back from where it is kept, or name another place with --secret-key-file. Nothing was changed", path)
	case err != nil:
		return fault.Say(fault.Conflict, "the secrets in the database were sealed with other keys than those in %s: %s. Put the right file there, or name it with --secret-key-file. Nothing was changed", path, words(err))
	case path != "" && ring == nil:
		return errNoKeys
	}
	return nil
}

func words(err error) string {
	if said, ok := fault.Words(err); ok {
		return said
	}
	return err.Error()
}

// sealEvery is how often the file of keys is read again.
const sealEvery = time.Minute

// seal seals what is not sealed with the newest key, at the start and whenever the
// file has a new one, until ctx ends.
func (a *App) seal(ctx context.Context) error {
	path := a.config.KeyFile.of(a.config.Database)
	done := ""
	for {
		ring, err := sealed.Load(path)
		if err == nil && ring.Current() != done {
			var n int
			if n, err = a.store.Reseal(ctx, false); err == nil {
				done = ring.Current()
			}
			if n > 0 {
				a.config.Log.Info("secrets sealed", "count", n, "key", ring.Current())
			}
		}
		if err != nil && ctx.Err() == nil {
			a.config.Log.Error("secrets not sealed", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(sealEvery):
		}
	}
}

// Sealed tells what became of the secrets.
type Sealed struct {
	Key     string // that seals now
	Changed int
	// Later tells that a server is using the database, which does the work within a minute.
	Later bool
}

var errNoKeyFile = errors.New("there is no file of keys: name one with --secret-key-file")

// RotateSecrets puts a new key before the others and seals every secret with it. A
// server that uses the file does so by itself.
func RotateSecrets(ctx context.Context, database string, keys KeyFile) (Sealed, error) {
	path := keys.of(database)
	if path == "" {
		return Sealed{}, errNoKeyFile
	}
	ring, err := sealed.Load(path)
	if err != nil {
		return Sealed{}, err
	}
	if err := ring.Rotate(); err != nil {
		return Sealed{}, err
	}
	s := Sealed{Key: ring.Current()}
	err = withStore(ctx, database, keys, func(st store.Store) (err error) {
		s.Changed, err = st.Reseal(ctx, false)
		return err
	})
	if errors.Is(err, fault.Conflict) && !manyNodes(database) {
		s.Later, err = true, nil // the server has the file locked
	}
	return s, err
}

// OpenSecrets takes the seals off, for a program that does not know them.
func OpenSecrets(ctx context.Context, database string, keys KeyFile) (n int, err error) {
	err = withStore(ctx, database, keys, func(st store.Store) (err error) {
		n, err = st.Reseal(ctx, true)
		return err
	})
	return n, err
}
