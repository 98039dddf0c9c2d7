package app

import (
	"context"

	"rollcall/internal/account"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
)

// VerifyAudit looks at the seals of the audit logs, or of the log of one project
// when that is not 0, and calls wrong with each entry that is not as it was written.
func VerifyAudit(ctx context.Context, database string, keys KeyFile, project int64, wrong func(project, n int64, words string)) (looked int, err error) {
	err = withStore(ctx, database, keys, func(st store.Store) (err error) {
		looked, err = st.VerifyAudit(ctx, monitor.ProjectID(project), func(e account.Entry, words string) {
			wrong(int64(e.Project), e.N, words)
		})
		return err
	})
	return looked, err
}
