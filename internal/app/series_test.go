package app_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"rollcall/internal/prove"
)

// seriesLimit is how many series one process may have.
const seriesLimit = 2_000

// The metrics of a server with thousands of checks are as many as those of one with a
// few, when the same kinds of things happen.
func TestSeriesDoNotGrowWithChecks(t *testing.T) {
	t.Parallel()
	few, many := seriesOf(t, 8), seriesOf(t, 2_000)
	if diff := cmp.Diff(few, many); diff != "" {
		t.Errorf("with many checks there are other series (-few +many):\n%s", diff)
	}
	if len(many) > seriesLimit || len(many) < 100 {
		t.Errorf("%d series, want at most %d", len(many), seriesLimit)
	}
	t.Logf("%d series", len(many))
	prove.Report(t, "SERIES: the number of series does not depend on that of checks", len(many), violationsOf(t))
}

func violationsOf(t *testing.T) int {
	if t.Failed() {
		return 1
	}
	return 0
}

var sample = regexp.MustCompile(`(?m)^([a-z_0-9]+(?:\{[^}]*\})?) `)

// seriesOf lets everything happen once in each of several projects, and returns what
// series there are then.
func seriesOf(t *testing.T, checks int) []string {
	t.Helper()
	const projects = 4
	answers := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/broken" {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	defer answers.Close()
	var state strings.Builder
	state.WriteString("projects:\n")
	var first []string
	for p := range projects {
		fmt.Fprintf(&state, "  - name: Project %d\n    owner: ops@example.org\n    api_key: %032d\n    channels:\n", p, p)
		fmt.Fprintf(&state, "      - {name: works, kind: webhook, url: %q}\n      - {name: broken, kind: webhook, url: %q}\n    checks:\n", answers.URL+"/works", answers.URL+"/broken")
		for c := range checks / projects {
			id := uuid.NewString()
			if c == 0 {
				first = append(first, id)
			}
			fmt.Fprintf(&state, "      - {name: Job %d, slug: job-%d, period: 1h, uuid: %s}\n", c, c, id)
		}
	}
	c := provisioned(t, config(t), state.String())
	c.EgressAllow = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	p := run(t, c)
	p.eventually("started", func() bool { return p.ops("/startupz").code == 200 })
	for i, id := range first {
		for _, path := range []string{"/ping/" + id, "/ping/" + id + "/fail", "/ping/" + uuid.NewString(), "/login", "/checks", "/checks/" + id, "/nowhere/" + id} {
			p.web(path)
		}
		for _, path := range []string{"checks/", "checks/" + id, "checks/" + id + "/flips/", "channels/", "deliveries/", "checks/" + uuid.NewString()} {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+p.Addr()+"/api/v3/"+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("X-Api-Key", fmt.Sprintf("%032d", i))
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			_ = response.Body.Close()
		}
	}
	attempts := func(outcome string) bool {
		return regexp.MustCompile(`(?m)^delivery_attempts_total\{kind="webhook",outcome="` + outcome + `"\} [1-9]`).MatchString(p.ops("/metrics").body)
	}
	p.eventually("some messages were taken and some were not", func() bool { return attempts("ok") && attempts("5xx") })
	text := p.ops("/metrics").body
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("promlint: %v %v", problems, err)
	}
	var series []string
	for _, found := range sample.FindAllStringSubmatch(text, -1) {
		series = append(series, found[1])
	}
	slices.Sort(series)
	return series
}
