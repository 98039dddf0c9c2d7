package e2e_test

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"rollcall/internal/prove"
)

// testLogs uses every secret that a server knows, mostly in ways that go wrong and are
// logged at the lowest level, and finds none of them in what it printed.
func testLogs(t *testing.T, binary string) {
	s := newSite(t, binary, "", sqlite)
	const password = "correct horse battery staple 7"
	add := exec.Command(binary, "user", "add", "ops@example.org", "--project", "Logs", "--json", "--database", s.Database)
	add.Stdin, add.Stderr = strings.NewReader(password+"\n"), os.Stderr
	out, err := add.Output()
	if err != nil {
		t.Fatal(err)
	}
	var made struct {
		PingKey  string `json:"ping_key"`
		APIKey   string `json:"api_key"`
		ReadOnly string `json:"api_key_readonly"`
	}
	if err := json.Unmarshal(out, &made); err != nil {
		t.Fatal(err)
	}
	dead := freeAddress(t)
	id := uuid.New()
	s.provision(t, `
projects:
  - name: Logs
    owner: ops@example.org
    channels:
      - {name: hook, kind: webhook, url: "http://`+dead+`/T0KEN-of-hook", secret: `+secret+`}
      - {name: mail, kind: email, address: "someone@example.org"}
    checks:
      - {name: Job, slug: job, uuid: `+id.String()+`, period: 1h, grace: 1h}
`)
	s.More = append(s.More, "--log-format", "json", "--log-level", "debug", "--egress-allow", "127.0.0.0/8",
		"--smtp", "smtp://mailer:SMTP-passw0rd@"+dead+"?from=rollcall@example.org",
		"--heartbeat-url", "http://"+dead+"/heartbeat/T0KEN-of-heartbeat", "--trusted-proxies", "127.0.0.1")
	server := s.run(t)

	ask := func(method, path, body string, header ...string) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), method, server.URL(path), strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(header); i += 2 {
			request.Header.Set(header[i], header[i+1])
		}
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		if err := answer.Body.Close(); err != nil {
			t.Fatal(err)
		}
		if id := answer.Header.Get("X-Request-Id"); len(header) == 2 && header[0] == "X-Request-Id" {
			if unsafe := strings.Contains(header[1], " "); (id == header[1]) == unsafe {
				t.Errorf("asked as %q, answered as %q", header[1], id)
			}
		}
	}
	form := func(fields ...string) string {
		values := url.Values{}
		for i := 0; i < len(fields); i += 2 {
			values.Set(fields[i], fields[i+1])
		}
		return values.Encode()
	}
	ask("POST", "/ping/"+id.String()+"/fail", "BODY-of-a-ping") // tells both channels, which fail
	ask("GET", "/ping/"+made.PingKey+"/no-such-job", "")
	ask("GET", "/ping/"+made.PingKey+"/job/start", "")
	ask("GET", "/api/v3/checks/", "", "X-Api-Key", made.APIKey)
	ask("GET", "/api/v3/channels/", "", "X-Api-Key", made.ReadOnly)
	ask("POST", "/api/v3/checks/", "{", "X-Api-Key", made.APIKey)
	for _, typed := range []string{password, "wrong " + password} {
		ask("POST", "/login", form("email", "ops@example.org", "password", typed), "Content-Type", "application/x-www-form-urlencoded")
	}
	ask("GET", "/login", "", "X-Request-Id", "from-the-proxy-0001")
	ask("GET", "/login", "", "X-Request-Id", `bad id", "level":"ERROR`)
	ask("GET", "/login?next=a%0A{%22level%22:%22ERROR%22}", "", "User-Agent", "evil\tagent")
	eventually(t, 20*time.Second, "the mail and the webhook have failed", func() bool {
		return count(t, s, "SELECT count(*) FROM deliveries WHERE attempts > 0") == 2
	})
	stop(t, server)

	printed := server.Output()
	secrets := []string{
		password, made.PingKey, made.APIKey, made.ReadOnly, id.String(), secret, "T0KEN-of-hook", "T0KEN-of-heartbeat",
		"SMTP-passw0rd", "BODY-of-a-ping",
	}
	leaks := 0
	for _, word := range secrets {
		if strings.Contains(printed, word) {
			leaks++
			t.Errorf("%q is in the log:\n%s", word, printed)
		}
	}
	prove.Report(t, "LOGS: no secret that a run used is in its log", len(secrets), leaks)
	lines := bufio.NewScanner(strings.NewReader(printed))
	for lines.Scan() {
		if line := lines.Text(); strings.HasPrefix(line, "{") && !json.Valid([]byte(line)) || !strings.HasPrefix(line, "{") && !strings.HasPrefix(line, "Rollcall is ready") {
			t.Errorf("a line of the log is no record: %s", line)
		}
	}
}
