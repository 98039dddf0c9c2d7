package e2e_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"rollcall/internal/prove"
)

// toldWithin is how long after its start a process with very many pings has told what
// was missed before it stopped.
const toldWithin = 30 * time.Second

// testColdStart starts a process on a database with a million pings, in the long form,
// in which a deadline had passed before the last one stopped.
func testColdStart(t *testing.T, s *site) {
	const each = 1000 // as many of a check as are kept
	hooks, late, many := newReceiver(t, 0), newIDs(1), newIDs(prove.Scale(20, 1000))
	s.provision(t, "projects:\n  - name: Cold\n    owner: ops@example.org\n    channels:\n"+hooks.channels("late", 1)+"    checks:\n"+
		told(late, "late", "1h", "1h")+every(many, "job", "1h", "1h", untold))
	s.More = append(s.More, "--egress-allow", "127.0.0.0/8")
	server := s.run(t)
	if status, err := report(http.DefaultClient, server.URL("/ping/"+late[0].String())); err != nil || status != http.StatusOK {
		t.Fatalf("ping: %d, %v", status, err)
	}
	stop(t, server)

	fill(t, s, each)
	due := time.Now().Add(-3 * time.Hour).UnixMicro() // and its grace is an hour
	if _, err := s.db.ExecContext(t.Context(), fmt.Sprintf("UPDATE checks SET due = %d, wake = %d WHERE slug LIKE 'late-%%'", due, due)); err != nil {
		t.Fatal(err)
	}
	pings := count(t, s, "SELECT count(*) FROM pings")
	if pings < each*len(many) {
		t.Fatalf("there are %d pings", pings)
	}

	began := time.Now()
	server = s.run(t)
	eventually(t, 2*time.Minute, "what was missed is told", func() bool { return hooks.count("check.down") == 1 })
	took, slow := hooks.all()[0].at.Sub(began), 0
	if prove.Long() && took > toldWithin {
		t.Errorf("it was told after %s", took)
		slow++
	}
	t.Logf("told %s after the start, with %d pings", took.Round(time.Millisecond), pings)
	stop(t, server)
	prove.Report(t, "COLD: with a million pings stored, what was missed before the stop is told within 30 s of the start", 1, slow)
}

// fill gives every check as many pings as are kept, all like the one that there is.
func fill(t *testing.T, s *site, each int) {
	t.Helper()
	sample, err := s.db.QueryContext(t.Context(), "SELECT * FROM pings LIMIT 1")
	if err != nil {
		t.Fatal(err)
	}
	columns, err := sample.Columns()
	if err != nil {
		t.Fatal(err)
	}
	if err := sample.Close(); err != nil {
		t.Fatal(err)
	}
	values := make([]string, len(columns))
	for i, column := range columns {
		switch column {
		case "check_id":
			values[i] = "checks.id"
		case "n":
			values[i] = "k.n"
		default:
			values[i] = "one." + column
		}
	}
	for _, statement := range []string{
		fmt.Sprintf(`WITH RECURSIVE k(n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM k WHERE n <= %d)
			INSERT INTO pings (%s) SELECT %s FROM checks, k, (SELECT * FROM pings LIMIT 1) AS one`, each, strings.Join(columns, ", "), strings.Join(values, ", ")),
		fmt.Sprintf("UPDATE checks SET n_pings = %d", each+1),
	} {
		if _, err := s.db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
}
