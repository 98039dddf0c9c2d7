package main

import (
	"context"
	"fmt"

	"rollcall/internal/app"
)

type audit struct {
	Verify auditVerify `cmd:"" help:"Verify that no entry of the audit logs was altered or taken out."`
}

type auditVerify struct {
	Project  int64 `placeholder:"ID" help:"Only the log of this project."`
	database `embed:""`
}

// Help is shown below the flags.
func (auditVerify) Help() string {
	return `Each entry is sealed with the one before it, so an entry that was altered in the database, or is missing between two others, is named here and the exit status is 1. What was cut off at the end does not show; keep the hash of an export to compare with.

` + oneProcess
}

// Run implements the command.
func (a auditVerify) Run(ctx context.Context, streams streams) error {
	database, err := a.address()
	if err != nil {
		return err
	}
	wrong := 0
	looked, err := app.VerifyAudit(ctx, database, a.SecretKeyFile, a.Project, func(project, n int64, words string) {
		wrong++
		fmt.Fprintf(streams.out, "project %d, entry %d: %s\n", project, n, words)
	})
	if err != nil {
		return err
	}
	if wrong > 0 {
		return fmt.Errorf("%d of %d entries are not as they were written", wrong, looked)
	}
	fmt.Fprintf(streams.out, "%d entries are as they were written.\n", looked)
	return nil
}
