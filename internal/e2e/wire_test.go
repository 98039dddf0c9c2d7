package e2e_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const pingKey = "abcdefghijklmnopqrstuv"

// answer is what curl got.
type answer struct {
	status int
	header http.Header
	body   string
}

// curl runs the real curl and returns the answer.
func curl(t *testing.T, args ...string) answer {
	t.Helper()
	args = append([]string{"--silent", "--show-error", "--max-time", "10", "--include", "--path-as-is"}, args...)
	cmd := exec.CommandContext(t.Context(), "curl", args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("curl %q: %v: %s", args, err, stderr.String())
		return answer{}
	}
	method := http.MethodGet
	if slices.Contains(args, "--head") {
		method = http.MethodHead
	}
	resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(out)), &http.Request{Method: method})
	if err != nil {
		t.Errorf("curl %q printed %q: %v", args, out, err)
		return answer{}
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Errorf("curl %q: body: %v", args, err)
	}
	return answer{resp.StatusCode, resp.Header, string(body)}
}

// testWire shows that what curl sends is stored as it was meant.
func testWire(t *testing.T, s *site) {
	id := newIDs(1)
	s.provision(t, `
projects:
  - name: Wire
    owner: ops@example.org
    ping_key: `+pingKey+`
    checks:
`+every(id, "job", "1h", "1h", ""))
	server := s.run(t)
	byUUID, bySlug := server.URL("/ping/"+id[0].String()), server.URL("/ping/"+pingKey+"/job-0")

	type row struct{ Signal, Exit, Run, Method, Body string }
	var want []row
	for _, step := range []struct {
		args   []string
		status int
		body   string
		stored *row // nil when nothing is
	}{
		{[]string{byUUID}, 200, "OK", &row{Signal: "success", Method: "GET"}},
		{[]string{bySlug}, 200, "OK", &row{Signal: "success", Method: "GET"}},
		{[]string{"--data-binary", "line 1\nline 2", byUUID}, 200, "OK", &row{Signal: "success", Method: "POST", Body: "line 1\nline 2"}},
		{[]string{"--data-binary", "x", "--request", "PUT", byUUID}, 200, "OK", &row{Signal: "success", Method: "PUT", Body: "x"}},
		{[]string{byUUID + "/0"}, 200, "OK", &row{Signal: "success", Exit: "0", Method: "GET"}},
		{[]string{bySlug + "/3"}, 200, "OK", &row{Signal: "fail", Exit: "3", Method: "GET"}},
		{[]string{byUUID + "/start?rid=r1"}, 200, "OK", &row{Signal: "start", Run: "r1", Method: "GET"}},
		{[]string{byUUID + "?rid=r1"}, 200, "OK", &row{Signal: "success", Run: "r1", Method: "GET"}},
		{[]string{byUUID + "/log", "--data-binary", "note"}, 200, "OK", &row{Signal: "log", Method: "POST", Body: "note"}},
		{[]string{"--head", byUUID}, 200, "", &row{Signal: "success", Method: "HEAD"}},
		{[]string{server.URL("//ping/" + id[0].String())}, 200, "OK", &row{Signal: "success", Method: "GET"}},
		{[]string{server.URL("//ping//" + id[0].String() + "//fail/")}, 200, "OK", &row{Signal: "fail", Method: "GET"}},
		{[]string{"--request", "OPTIONS", byUUID}, 204, "", nil},
		{[]string{"--request", "DELETE", byUUID}, 405, "method not allowed; use GET, HEAD, POST or PUT", nil},
		{[]string{server.URL("/ping/" + newIDs(1)[0].String())}, 404, "not found", nil},
		{[]string{server.URL("/ping/" + pingKey + "/nobody")}, 404, "not found", nil},
	} {
		got := curl(t, step.args...)
		if got.status != step.status || got.body != step.body {
			t.Errorf("curl %q got %d %q, want %d %q", step.args, got.status, got.body, step.status, step.body)
		}
		if origin := got.header.Get("Access-Control-Allow-Origin"); origin != "*" {
			t.Errorf("curl %q: Access-Control-Allow-Origin is %q", step.args, origin)
		}
		if limit := got.header.Get("Ping-Body-Limit"); got.status == 200 && limit != "100000" {
			t.Errorf("curl %q: Ping-Body-Limit is %q", step.args, limit)
		}
		if allow := got.header.Get("Allow"); got.status == 405 && allow != "GET, HEAD, POST, PUT" {
			t.Errorf("curl %q: Allow is %q", step.args, allow)
		}
		if step.stored != nil {
			want = append(want, *step.stored)
		}
	}
	got := rows(t, s, `SELECT signal, CASE WHEN exit_status IS NULL THEN '' ELSE CAST(exit_status AS TEXT) END, run_id, method, body
		FROM pings ORDER BY n`, func(r *row) []any { return []any{&r.Signal, &r.Exit, &r.Run, &r.Method, (*nullText)(&r.Body)} })
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("stored pings (-want +got):\n%s", diff)
	}
	if n := count(t, s, "SELECT n_pings FROM checks"); n != len(want) {
		t.Errorf("the check counts %d pings, want %d", n, len(want))
	}
	createTwice(t, s, server.URL("/ping/"+pingKey+"/fresh?create=1"))
	stop(t, server)
}

// createTwice pings a slug that does not exist, twice at the same time.
func createTwice(t *testing.T, s *site, url string) {
	t.Helper()
	var both sync.WaitGroup
	var statuses [2]int
	for i := range statuses {
		both.Go(func() { statuses[i] = curl(t, url).status })
	}
	both.Wait()
	slices.Sort(statuses[:])
	if want := [2]int{200, 201}; statuses != want {
		t.Errorf("two pings with create=1 were answered %v, want %v", statuses, want)
	}
	made := rows(t, s, "SELECT n_pings FROM checks WHERE slug = 'fresh'", func(n *int) []any { return []any{n} })
	if diff := cmp.Diff([]int{2}, made); diff != "" {
		t.Errorf("pings of the checks that were made (-want +got):\n%s", diff)
	}
}

// nullText reads bytes that may be NULL, which stands for none.
type nullText string

// Scan implements sql.Scanner.
func (n *nullText) Scan(value any) error {
	switch v := value.(type) {
	case nil:
		*n = ""
	case []byte:
		*n = nullText(v)
	case string:
		*n = nullText(v)
	default:
		return fmt.Errorf("%T is no text", value)
	}
	return nil
}
