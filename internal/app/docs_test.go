package app_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"rollcall/internal/app"
	"rollcall/internal/doctest"
	"rollcall/internal/store"
)

func TestDocsSayTheLimits(t *testing.T) {
	doctest.Holds(t, "limits.md", "server", doctest.Limits(
		doctest.Limit{"connections", doctest.Number(app.ConnectionLimit), "wait"},
		doctest.Limit{"header of a request", doctest.Size(app.HeaderBytes) + ", within " + doctest.Time(app.HeaderLimit), "431, or the connection ends"},
		doctest.Limit{"time for a request to arrive", doctest.Time(app.ReadLimit), "408, or the connection ends"},
		doctest.Limit{"time for an answer to be taken", doctest.Time(app.WriteLimit), "the connection ends"},
		doctest.Limit{"time that a connection is kept without a request", doctest.Time(app.IdleLimit), "it ends"},
		doctest.Limit{"time that a stop takes", doctest.Time(app.StopLimit), "what is under way is cut off; nothing stored is lost"},
	))
	doctest.Holds(t, "limits.md", "kept", doctest.Table([]string{"what", "how long"},
		[]string{"pings of a check", "the newest " + doctest.Number(app.KeepPings)},
		[]string{"changes of status", doctest.Time(app.KeepFlips)},
		[]string{"messages and their attempts", doctest.Time(app.KeepDeliveries)},
		[]string{"answers to an `Idempotency-Key`", doctest.Time(store.RequestLife)},
		[]string{"that a UUID was the address of a deleted check", doctest.Time(store.GoneKept)},
	))
	doctest.Says(t, "self-hosting.md", fmt.Sprintf("stops in good order within %s", doctest.Time(app.StopLimit)))
}

// TestDocsNameTheMetrics: each metric that the code makes is in the table, in the words
// that it has in a scrape.
func TestDocsNameTheMetrics(t *testing.T) {
	var rows [][]string
	for name, help := range metricsOfCode(t) {
		rows = append(rows, []string{"`" + name + "`", strings.TrimSuffix(help, ".")})
	}
	slices.SortFunc(rows, func(a, b []string) int { return strings.Compare(a[0], b[0]) })
	doctest.Holds(t, "operating.md", "metrics", doctest.Table([]string{"metric", ""}, rows...))
}
