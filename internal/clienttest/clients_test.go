package clienttest_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/internal/e2e"
	"rollcall/internal/monitor"
)

func TestClients(t *testing.T) {
	s := newSite(t)
	goClients := buildGoClients(t)
	for name, test := range map[string]func(*testing.T){
		"sentry-cli":         func(t *testing.T) { testSentryCLI(t, s) },
		"sentry-go":          func(t *testing.T) { testSentryGo(t, s, filepath.Join(goClients, "sentry")) },
		"opsgenie-go-sdk-v2": func(t *testing.T) { testOpsgenie(t, s, filepath.Join(goClients, "opsgenie")) },
		"go-healthchecksio":  func(t *testing.T) { testHealthchecksIO(t, s, filepath.Join(goClients, "healthchecksio")) },
		"cronitor for Node":  func(t *testing.T) { testCronitor(t, s) },
		"Alertmanager":       func(t *testing.T) { testAlertmanager(t, s) },
		"recorded requests":  func(t *testing.T) { testRecorded(t, s) },
		"webhooks":           func(t *testing.T) { testWebhooks(t, s) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t)
		})
	}
}

// buildGoClients compiles the clients that are Go libraries.
func buildGoClients(t *testing.T) string {
	t.Helper()
	into := t.TempDir()
	if out, err := exec.Command("go", "build", "-C", "clients", "-o", into, "./...").CombinedOutput(); err != nil {
		t.Fatalf("build the Go clients: %v\n%s", err, out)
	}
	return into
}

func (s *site) dsn() string { return "SENTRY_DSN=http://" + pingKey + "@" + s.listen + "/42" }

func testSentryCLI(t *testing.T, s *site) {
	cli := installed(t, "node_modules/@sentry/cli-linux-x64/bin/sentry-cli")
	environment := []string{s.dsn(), "SENTRY_DISABLE_UPDATE_CHECK=1"}
	monitors := func(args ...string) ran {
		return run(t, environment, cli, append([]string{"monitors", "run"}, args...)...)
	}
	settings := []string{
		"-e", "staging", "-s", "0 2 * * *", "--check-in-margin", "5", "--max-runtime", "30", "--timezone", "Europe/Riga",
		"--failure-issue-threshold", "2", "--recovery-threshold", "1", "Nightly-Backup", "--",
	}
	if got := monitors(append(settings, "sh", "-c", "echo hi; exit 3")...); got.exit != 3 || got.stdout != "hi" {
		t.Errorf("a job that fails: %+v", got)
	}
	if got := monitors("-e", "staging", "nightly-backup", "--", "true"); got.exit != 0 {
		t.Errorf("a job that succeeds: %+v", got)
	}
	detail := monitor.Detail{Dialect: "sentry", Environment: "staging"}
	want := []ping{
		{Signal: monitor.Start, Run: "run 1", Detail: detail},
		{Signal: monitor.Fail, Run: "run 1", Detail: detail},
		{Signal: monitor.Start, Run: "run 2", Detail: detail},
		{Signal: monitor.Success, Run: "run 2", Detail: detail},
	}
	if diff := difference(want, s.pings(t, "nightly-backup")); diff != "" {
		t.Errorf("kept (-want +got):\n%s", diff)
	}
	made := check{Name: "Nightly-Backup", Status: "up", Kind: "cron", Expr: "0 2 * * *", Zone: "Europe/Riga", Grace: 5 * time.Minute, MaxRuntime: 30 * time.Minute}
	if diff := cmp.Diff(made, s.check(t, "nightly-backup")); diff != "" {
		t.Errorf("the check (-want +got):\n%s", diff)
	}
	// A monitor that nobody knows is not dropped in silence, and harms no job.
	got := monitors("nobody", "--", "sh", "-c", "echo done")
	if got.exit != 0 || got.stdout != "done" || !strings.Contains(got.stderr, "Failed to send in-progress check-in") {
		t.Errorf("an unknown monitor: %+v", got)
	}
}

func testSentryGo(t *testing.T, s *site, program string) {
	dsn := strings.TrimPrefix(s.dsn(), "SENTRY_DSN=")
	if got := run(t, nil, program, dsn, "sdk-job"); got.exit != 0 || got.stdout != "[200 200 200]" {
		t.Errorf("%+v", got)
	}
	// The SDK sends the three at once: the finish may come first.
	detail := monitor.Detail{Dialect: "sentry", Message: "release app@1.2", Environment: "production"}
	start, end := ping{Signal: monitor.Start, Run: "run 1", Detail: detail}, ping{Signal: monitor.Success, Run: "run 1", Took: 1500 * time.Millisecond, Detail: detail}
	got := s.pings(t, "sdk-job")
	if !cmp.Equal(got, []ping{start, end}) && !cmp.Equal(got, []ping{end, start}) {
		t.Errorf("kept (-want +got):\n%s", cmp.Diff([]ping{start, end}, got))
	}
	made := check{Name: "sdk-job", Status: "up", Kind: "every", Period: 10 * time.Minute, Grace: 5 * time.Minute, MaxRuntime: 30 * time.Minute}
	if diff := cmp.Diff(made, s.check(t, "sdk-job")); diff != "" {
		t.Errorf("the check (-want +got):\n%s", diff)
	}
	for _, run := range s.runs(t, "sdk-job") {
		if run.Open() {
			t.Errorf("%+v is open: it has ended", run)
		}
	}
}

func testOpsgenie(t *testing.T, s *site, program string) {
	got := run(t, nil, program, s.listen, pingKey, "my-heartbeat")
	if want := (ran{stdout: "PONG - Heartbeat received true"}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if diff := difference([]ping{{Signal: monitor.Success, Detail: monitor.Detail{Dialect: "opsgenie"}}}, s.pings(t, "my-heartbeat")); diff != "" {
		t.Errorf("kept (-want +got):\n%s", diff)
	}
}

func testCronitor(t *testing.T, s *site) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatal("node is not installed: run make deps")
	}
	environment := []string{"NODE_PATH=" + installed(t, "node_modules")}
	got := run(t, environment, node, "clients/cronitor.js", s.URL(""), pingKey)
	if want := "[true,true,true,true,true]"; got.exit != 0 || got.stdout != want {
		t.Errorf("%+v, want %s", got, want)
	}
	detail := monitor.Detail{Dialect: "cronitor", Environment: "staging"}
	said := func(message, host string, metrics map[string]float64) monitor.Detail {
		return monitor.Detail{Dialect: "cronitor", Environment: "staging", Message: message, Host: host, Metrics: metrics}
	}
	for slug, want := range map[string][]ping{
		"nightly-job": {
			{Signal: monitor.Start, Run: "run 1", Detail: detail},
			{Signal: monitor.Success, Run: "run 1", Took: 1500 * time.Millisecond, Detail: said("ok 50% & done", "h1", map[string]float64{"count": 5, "error_count": 0})},
			{Signal: monitor.Fail, Detail: said("no space left", "", nil)},
			{Signal: monitor.Success, Detail: detail},
		},
		"heartbeat": {{Signal: monitor.Success, Detail: detail}},
		"wrapped-job": {
			{Signal: monitor.Start, Run: "run 1", Detail: detail},
			{Signal: monitor.Success, Run: "run 1", Detail: detail},
			{Signal: monitor.Start, Run: "run 2", Detail: detail},
			{Signal: monitor.Fail, Run: "run 2", Detail: said("Error: boom", "", nil)},
		},
	} {
		if diff := difference(want, s.pings(t, slug)); diff != "" {
			t.Errorf("%s keeps (-want +got):\n%s", slug, diff)
		}
	}
	if got := s.check(t, "nightly-job").Name; got != "Nightly Job" {
		t.Errorf("the check is called %q", got)
	}
}

// testAlertmanager lets a real Alertmanager tell of an alert that fires in two
// clusters, and ends in one.
func testAlertmanager(t *testing.T, s *site) {
	address, err := e2e.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "alertmanager.yml")
	if err := os.WriteFile(file, []byte(`
route: {receiver: rollcall, group_by: [alertname], group_wait: 0s, group_interval: 1s, repeat_interval: 1s}
receivers:
  - name: rollcall
    webhook_configs: [{url: "`+s.URL("/alertmanager/"+pingKey+"/watchdog?by=cluster&resolved=fail")+`"}]
`), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cmd := exec.CommandContext(ctx, installed(t, "alertmanager"), "--config.file="+file, "--storage.path="+dir, "--web.listen-address="+address, "--cluster.listen-address=")
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // it was killed
		if t.Failed() {
			t.Logf("Alertmanager said:\n%s", output.String())
		}
	})
	alerts := func(ends string) func() bool {
		return func() bool {
			body := fmt.Sprintf(`[{"labels":{"alertname":"Watchdog","cluster":"EU 1"}},{"labels":{"alertname":"Watchdog","cluster":"us"}%s}]`, ends)
			answer, err := http.Post("http://"+address+"/api/v2/alerts", "application/json", strings.NewReader(body))
			return err == nil && answer.Body.Close() == nil && answer.StatusCode == http.StatusOK
		}
	}
	keeps := func(slug string, signal monitor.Signal, n int) func() bool {
		return func() bool {
			count := 0
			for _, p := range s.pings(t, slug) {
				if p.Signal == signal {
					count++
				}
			}
			return count >= n
		}
	}
	eventually(t, "Alertmanager takes alerts", alerts(""))
	eventually(t, "both clusters report", func() bool {
		return keeps("watchdog-eu-1", monitor.Success, 1)() && keeps("watchdog-us", monitor.Success, 1)()
	})
	eventually(t, "Alertmanager takes the end of an alert", alerts(`,"endsAt":"`+time.Now().UTC().Format(time.RFC3339Nano)+`"`))
	eventually(t, "the one that ended is a failure", keeps("watchdog-us", monitor.Fail, 1))
	eventually(t, "the other goes on", keeps("watchdog-eu-1", monitor.Success, 2))
	first := ping{Signal: monitor.Success, Detail: monitor.Detail{Dialect: "alertmanager", Message: "Watchdog firing"}}
	got := s.pings(t, "watchdog-us")[0]
	got.Detail.Host = "" // as this machine is called
	if diff := cmp.Diff(first, got); diff != "" {
		t.Errorf("kept (-want +got):\n%s", diff)
	}
	if got := s.check(t, "watchdog-eu-1").Name; got != "watchdog-EU 1" {
		t.Errorf("the check is called %q", got)
	}
}
