// Package prove lets tests say how often they tried to break a promise, and how
// often it broke.
//
// A test has two forms. The short one runs with every `make test`; the long one
// runs with `make prove`, which sets the environment variable Env to the file that
// the tests append their tallies to, and prints them as one table. `make prove
// FORM=short` prints that of the short forms. Nothing here decides whether a test
// passes: that is the test's own business.
package prove

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

const (
	// Env names the variable that holds the path of the file of tallies. That it is
	// set asks for the long form, unless FormEnv is "short".
	Env     = "ROLLCALL_PROOF"
	FormEnv = "ROLLCALL_PROOF_FORM"
)

// Tally is what one test found out about one invariant.
type Tally struct {
	Invariant  string `json:"invariant"` // such as "LOST: an acknowledged ping is in the database"
	Trials     int    `json:"trials"`    // chances that it had to break
	Violations int    `json:"violations"`
	Test       string `json:"test"`
}

// Long reports whether the long form is asked for.
func Long() bool { return os.Getenv(Env) != "" && os.Getenv(FormEnv) != "short" }

// Scale returns how often to try in the form that is asked for.
func Scale(short, long int) int {
	if Long() {
		return long
	}
	return short
}

// Report notes a tally, when there is a file for it, and in the log of the test.
func Report(t testing.TB, invariant string, trials, violations int) {
	t.Helper()
	t.Logf("%s: %d trials, %d violations", invariant, trials, violations)
	path := os.Getenv(Env)
	if path == "" {
		return
	}
	line, err := json.Marshal(Tally{invariant, trials, violations, t.Name()})
	if err != nil {
		t.Fatal(err)
	}
	// One write of a short line: tests of several processes append to the file.
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.Write(append(line, '\n')); err != nil {
		t.Fatal(err)
	}
}

// Read returns the tallies of a file, those of one invariant added up, in the order
// of their invariants. Test names all the tests that tried it.
func Read(from io.Reader) ([]Tally, error) {
	all := map[string]Tally{}
	for decoder := json.NewDecoder(from); ; {
		var t Tally
		switch err := decoder.Decode(&t); {
		case err == io.EOF:
			return slices.SortedFunc(maps.Values(all), func(a, b Tally) int { return strings.Compare(a.Invariant, b.Invariant) }), nil
		case err != nil:
			return nil, fmt.Errorf("read tallies: %w", err)
		}
		sum, again := all[t.Invariant]
		if !again {
			all[t.Invariant] = t
			continue
		}
		sum.Trials, sum.Violations = sum.Trials+t.Trials, sum.Violations+t.Violations
		if !slices.Contains(strings.Split(sum.Test, ", "), t.Test) {
			sum.Test += ", " + t.Test
		}
		all[t.Invariant] = sum
	}
}
