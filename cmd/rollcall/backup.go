package main

import (
	"context"
	"fmt"
	"time"

	"rollcall/internal/app"
)

type backup struct {
	File     string `arg:"" help:"Where the copy is put. Nothing that is there is overwritten."`
	database `embed:""`
}

// Help is shown below the flags.
func (backup) Help() string {
	return `The server goes on running. The copy is looked through before it gets its name, and a manifest lies beside it, FILE.manifest.json; take both, and take them to another machine. The file of keys (--secret-key-file) is not in it: keep a copy of that apart, for without it the secrets in the backup are lost.

PostgreSQL has tools of its own for this, pg_dump and pg_restore; the operator's guide has the commands.

Example:

  rollcall backup /mnt/backup/rollcall-$(date +%F).db`
}

// Run implements the command.
func (b backup) Run(ctx context.Context, streams streams) error {
	database, err := b.address()
	if err != nil {
		return err
	}
	made, err := app.Backup(ctx, database, b.File, func(written, size int64) {
		fmt.Fprintf(streams.err, "%d of %d MiB\n", written>>20, size>>20)
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(streams.out, "%s holds %d rows of %d tables, %d bytes, and is whole.\n", b.File, made.Rows, made.Tables, made.Size)
	return nil
}

type restore struct {
	File     string `arg:"" help:"The backup. Its manifest lies beside it."`
	Verify   bool   `help:"Only find out whether the backup could be used, in a place that is thrown away."`
	Replace  bool   `help:"Move the database that is there aside."`
	database `embed:""`
}

// Help is shown below the flags.
func (restore) Help() string {
	return `The backup is always tried first: its hash, its integrity, its rows, what the rules exclude, the seals of the audit log, and whether each secret can be opened with the keys. The database that is there is never touched unless --replace says so, and then it is moved aside.

After a restore nobody is logged in any more, and the audit log of each project says that it was restored. The time between the backup and the next start is recorded as blind: no job that reported in it is called down.

Examples:

  rollcall restore backup.db --verify --secret-key-file keys

  rollcall restore backup.db --replace`
}

// keysBeside are the keys of the database that is to be restored.
func (r restore) keysBeside(database string) app.KeyFile {
	if r.SecretKeyFile == "" {
		return app.KeyFile(database + ".key")
	}
	return r.SecretKeyFile
}

// Run implements the command.
func (r restore) Run(ctx context.Context, streams streams) error {
	database, err := r.address()
	if err != nil {
		return err
	}
	wrong := func(words string) { fmt.Fprintln(streams.out, words) }
	keys := r.keysBeside(database)
	if r.Verify {
		b, err := app.Rehearse(ctx, r.File, keys, wrong)
		if err != nil {
			return err
		}
		fmt.Fprintf(streams.out, "The backup of %s can be used: %d rows of %d tables are whole, and the secrets can be opened.\n", b.Made.Format(time.RFC3339), b.Rows, b.Tables)
		return nil
	}
	b, err := app.Restore(ctx, r.File, database, keys, r.Replace, wrong)
	if err != nil {
		return err
	}
	fmt.Fprintf(streams.out, "%s is as it was at %s.\n", database, b.Made.Format(time.RFC3339))
	if b.Aside != "" {
		fmt.Fprintf(streams.out, "What was there is at %s.\n", b.Aside)
	}
	return nil
}

type verify struct {
	AfterRestore bool `help:"Also note in the audit logs that the database was restored, and end all sessions and links: what rollcall restore does with SQLite."`
	database     `embed:""`
}

// Help is shown below the flags.
func (verify) Help() string {
	return `It looks for what the rules exclude, such as a status that no change led to or an alert that nobody is going to send; at the seals of the audit log; and whether each secret can be opened. What is wrong is printed, and the exit status is 1. A running server looks for the first every hour by itself.

` + oneProcess
}

// Run implements the command.
func (v verify) Run(ctx context.Context, streams streams) error {
	database, err := v.address()
	if err != nil {
		return err
	}
	if v.AfterRestore {
		if err := app.Restored(ctx, database, v.SecretKeyFile); err != nil {
			return err
		}
	}
	if err := app.Verify(ctx, database, v.SecretKeyFile, func(words string) { fmt.Fprintln(streams.out, words) }); err != nil {
		return err
	}
	fmt.Fprintln(streams.out, "The database is sound.")
	return nil
}

type secrets struct {
	Rotate secretsRotate `cmd:"" help:"Seal every secret with a new key."`
	Open   secretsOpen   `cmd:"" help:"Take the seals off, before going back to a version that does not know them."`
}

type secretsRotate struct {
	database `embed:""`
}

// Help is shown below the flags.
func (secretsRotate) Help() string {
	return `A new key is put before the others of the file, and every secret is sealed with it. A running server sees the new key within a minute and does the work; it may be broken off and goes on. The old keys stay in the file, for backups: delete a line when no backup needs it any more.`
}

// Run implements the command.
func (s secretsRotate) Run(ctx context.Context, streams streams) error {
	database, err := s.address()
	if err != nil {
		return err
	}
	done, err := app.RotateSecrets(ctx, database, s.SecretKeyFile)
	if err != nil {
		return err
	}
	if done.Later {
		fmt.Fprintf(streams.out, "Key %s seals from now on. The running server seals all secrets with it within a minute.\n", done.Key)
		return nil
	}
	fmt.Fprintf(streams.out, "Key %s seals from now on; %d secrets were sealed with it.\n", done.Key, done.Changed)
	return nil
}

type secretsOpen struct {
	database `embed:""`
}

// Help is shown below the flags.
func (secretsOpen) Help() string {
	return `The secrets are in the database in the clear then, until this version is started again. ` + oneProcess
}

// Run implements the command.
func (s secretsOpen) Run(ctx context.Context, streams streams) error {
	database, err := s.address()
	if err != nil {
		return err
	}
	n, err := app.OpenSecrets(ctx, database, s.SecretKeyFile)
	if err != nil {
		return err
	}
	fmt.Fprintf(streams.out, "%d secrets are in the clear.\n", n)
	return nil
}
