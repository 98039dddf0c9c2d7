package web_test

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/internal/account"
	"rollcall/internal/monitor"
	"rollcall/internal/prove"
	"rollcall/internal/store"
	"rollcall/web"
)

// The corpus of bad inputs is what people and programs send by mistake, and what
// attackers send on purpose. Each of its rows has an id by which it is known (A for
// programs, U for people), and says what is answered. Where that is not what one
// would expect at first, a comment says why it is our answer.

// row is one row of the corpus.
type row[P any] struct {
	id   string
	what string
	try  func(P)
}

// trial is what the rows of a family have in common: each has a person, a project
// and a network of its own, on a site that they share.
type trial struct {
	*site
	n       int // of the row, from 1
	tried   int
	answers []string // in words that are the same on both engines
}

// tells notes an answer, to be compared with that of the other engine.
func (t *trial) tells(format string, args ...any) {
	t.tried++
	t.answers = append(t.answers, sameWords(fmt.Sprintf(format, args...)))
}

// newTrial begins a row.
func newTrial(t *testing.T, on *site, n int) *trial {
	t.Helper()
	s := on.in(t)
	s.ahead.Add(int64(2 * time.Hour)) // no row uses up the tries of another
	s.user, s.project = s.addAccount(fmt.Sprintf("person%d@example.org", n), s.cheapHash(), "Main")
	return &trial{site: s, n: n}
}

// corpus takes the rows of a family through both engines, where each must be
// answered as it says, and alike.
func corpus[P any](t *testing.T, invariant, letter string, most int, rows []row[P], begin func(*trial) P, change ...func(*web.Config)) {
	engines := []struct {
		name string
		site *site
	}{{"sqlite", newSite(t, change...)}, {"postgres", postgresSite(t, change...)}}
	var ids []string
	tried, violations := 0, 0
	for i, row := range rows {
		ids = append(ids, row.id)
		kept := t.Run(row.id+"/"+strings.ReplaceAll(row.what, " ", "_"), func(t *testing.T) {
			var answers [2][]string
			for e, engine := range engines {
				t.Run(engine.name, func(t *testing.T) {
					began := newTrial(t, engine.site, i+1)
					row.try(begin(began))
					answers[e] = began.answers
					tried += began.tried
					if began.tried == 0 {
						t.Error("nothing was tried")
					}
				})
			}
			if diff := cmp.Diff(answers[0], answers[1]); diff != "" && !t.Failed() {
				t.Errorf("SQLite (-) and PostgreSQL (+) are answered differently:\n%s", diff)
			}
		})
		if !kept {
			violations++
		}
	}
	for n := 1; n <= most; n++ {
		if id := fmt.Sprintf("%s%02d", letter, n); !slices.Contains(ids, id) {
			t.Errorf("%s is not in the corpus", id)
		}
	}
	for _, engine := range engines {
		if log := engine.site.log.String(); strings.Contains(log, "panic") {
			t.Errorf("%s: something panicked:\n%s", engine.name, log)
		}
	}
	prove.Report(t, invariant, tried, violations)
}

var differing = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{40}|\b\d{4}-\d\d-\d\dT[0-9:.]+(?:Z|\+00:00)|[A-Za-z0-9_+/=-]{25,}`)

// sameWords leaves out of an answer what is made up anew each time.
func sameWords(text string) string { return differing.ReplaceAllLiteralString(text, "…") }

// tally counts what reaches the store.
type tally struct {
	store.Store
	*counts
}

type counts struct {
	users atomic.Int64 // accounts that were looked for by their address
	pings atomic.Int64 // pages of pings that were read
	most  atomic.Int64 // the most pings that were asked for at once
}

// counting lets a site count what reaches its store.
func counting(c *counts) func(*web.Config) {
	return func(cfg *web.Config) { cfg.Store = tally{cfg.Store, c} }
}

// UserByEmail counts.
func (t tally) UserByEmail(ctx context.Context, email string) (account.User, error) {
	t.users.Add(1)
	return t.Store.UserByEmail(ctx, email)
}

// Pings counts.
func (t tally) Pings(ctx context.Context, id monitor.CheckID, before int64, limit int) ([]monitor.Ping, error) {
	t.pings.Add(1)
	t.most.Store(max(t.most.Load(), int64(limit)))
	return t.Store.Pings(ctx, id, before, limit)
}
