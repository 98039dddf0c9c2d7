package main_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// build compiles the command once for all tests.
func build(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "rollcall")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return binary
}

// said is what a command did.
type said struct {
	code     int
	out, err string
}

// run runs a command in a directory of its own to its end.
func run(t *testing.T, dir, binary, input string, args ...string) said {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	var out, errs bytes.Buffer
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = dir, strings.NewReader(input), &out, &errs
	cmd.Env = []string{"HOME=" + dir}
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) || ctx.Err() != nil {
		t.Fatalf("%v: %v\n%s", args, err, errs.String())
	}
	return said{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
}

func TestCommandLine(t *testing.T) {
	binary := build(t)
	for name, test := range map[string]func(*testing.T, string){
		"mistakes are told in one line": testMistakes,
		"help is worth reading":         testHelp,
		"values come from files":        testFiles,
		"user add":                      testUserAdd,
		"user password":                 testUserPassword,
		"audit verify":                  testAuditVerify,
		"serve and healthcheck":         testServe,
		"a second signal":               testSecondSignal,
	} {
		t.Run(name, func(t *testing.T) { test(t, binary) })
	}
}

func testMistakes(t *testing.T, binary string) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "bad.yml"), []byte("projects:\n  - nme: x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for line, want := range map[string]said{
		"bogus":                   {2, "", `unexpected argument bogus (rollcall --help shows what there is)`},
		"serve more":              {2, "", `unexpected argument more (rollcall serve --help shows what there is)`},
		"serve --lisen :1":        {2, "", `unknown flag --lisen, did you mean "--listen"? (rollcall serve --help shows what there is)`},
		"demo --listen :80":       {1, "", `the demo is for this machine alone: --listen takes 127.0.0.1:PORT, not ":80"`},
		"serve --roles cook":      {2, "", `--roles must be one of "web","scheduler","alerter" but got "cook" (rollcall serve --help shows what there is)`},
		"serve --log-level loud":  {2, "", `--log-level must be one of "debug","info","warn","error" but got "loud" (rollcall serve --help shows what there is)`},
		"serve --egress-allow x":  {2, "", `--egress-allow: "x" is no network, such as 10.0.0.0/8, and no address (rollcall serve --help shows what there is)`},
		"serve --max-checks 0":    {2, "", `--max-checks: "0" is no limit; give a number from 1, or none (rollcall serve --help shows what there is)`},
		"serve --max-members few": {2, "", `--max-members: "few" is no limit; give a number from 1, or none (rollcall serve --help shows what there is)`},
		"serve --smtp mail":       {1, "", `mail server: the address must begin with smtp:// or smtps://`},
		"serve --base-url x":      {1, "", `--base-url must be an address such as https://rollcall.example.org`},
		"serve --smtp-file none":  {1, "", `open none: no such file or directory`},
		"serve --provision x.yml": {1, "", `read the provision file: open x.yml: no such file or directory`},
		"serve --provision bad.yml": {1, "", `bad.yml:2: a project has no member "nme"; it takes api_key, api_key_file, api_key_readonly, ` +
			`api_key_readonly_file, channels, checks, name, owner, ping_key, ping_key_file`},
		"serve --database postgres://u:geheim@127.0.0.1:1/x":   {1, "", "database: connect: failed to connect to `user=u database=x`: 127.0.0.1:1 (127.0.0.1): dial error: dial tcp 127.0.0.1:1: connect: connection refused"},
		"migrate --database postgres://u:geheim@127.0.0.1:1/x": {1, "", "database: connect: failed to connect to `user=u database=x`: 127.0.0.1:1 (127.0.0.1): dial error: dial tcp 127.0.0.1:1: connect: connection refused"},
		"serve --listen " + taken.Addr().String():              {1, "", "cannot listen on " + taken.Addr().String() + ": address already in use; give another address with --listen"},
		"healthcheck --ops-listen 127.0.0.1:1":                 {1, "", "not ready: connection refused"},
		"user add a@example.org":                               {2, "", `missing flags: --project=NAME (rollcall user add --help shows what there is)`},
		"user add a@example.org --project P":                   {1, "", `the password is read from standard input, and there was none`},
	} {
		t.Run(line, func(t *testing.T) {
			got := run(t, dir, binary, "", strings.Fields(line)...)
			want.err = "rollcall: " + want.err + "\n"
			if got != want {
				t.Errorf("got  %d %q\n%swant %d\n%s", got.code, got.out, got.err, want.code, want.err)
			}
		})
	}
}

func testHelp(t *testing.T, binary string) {
	for line, want := range map[string][]string{
		"":                {"Usage: rollcall <command>", "demo", "serve", "migrate", "user add", "healthcheck", "version"},
		"--help":          {"Usage: rollcall <command>"},
		"serve --help":    {"rollcall serve --provision", "--listen=HOST:PORT", "$ROLLCALL_LISTEN", "127.0.0.1:8000", "$ROLLCALL_EGRESS_ALLOW", "$ROLLCALL_PROVISION"},
		"demo --help":     {"rollcall demo --listen 127.0.0.1:8000", "temporary database", "Ctrl-C"},
		"user add --help": {"rollcall user add ops@example.org --project Main --json < password.txt"},
	} {
		got := run(t, t.TempDir(), binary, "", strings.Fields(line)...)
		for _, want := range want {
			if got.code != 0 || got.err != "" || !strings.Contains(got.out, want) {
				t.Errorf("%q: %d %s does not say %q:\n%s", line, got.code, got.err, want, got.out)
			}
		}
	}
	if got := run(t, t.TempDir(), binary, "", "version"); got.code != 0 || !regexp.MustCompile(`^rollcall \S+\n$`).MatchString(got.out) {
		t.Errorf("version: %+v", got)
	}
}

func testFiles(t *testing.T, binary string) {
	dir := t.TempDir()
	for name, text := range map[string]string{"database": "secret/place.db\n", "empty": "\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := run(t, dir, binary, "", "migrate", "--database-file", "database"), (said{0, "The database is up to date.\n", ""}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if _, err := os.Stat(filepath.Join(dir, "secret", "place.db")); err != nil {
		t.Error(err)
	}
	if got, want := run(t, dir, binary, "", "migrate", "--database-file", "empty"), (said{1, "", "rollcall: empty is empty\n"}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func testUserAdd(t *testing.T, binary string) {
	dir := t.TempDir()
	got := run(t, dir, binary, "correct horse\n", "user", "add", "Ops@Example.org", "--project", "Main", "--json")
	if got.code != 0 || got.err != "" {
		t.Fatalf("%+v", got)
	}
	var account map[string]any
	if err := json.Unmarshal([]byte(got.out), &account); err != nil {
		t.Fatalf("%v\n%s", err, got.out)
	}
	if got, want := slices.Sorted(maps.Keys(account)), []string{"api_key", "api_key_readonly", "ping_key", "project", "user"}; !slices.Equal(got, want) {
		t.Errorf("members %v, want %v", got, want)
	}
	text := regexp.MustCompile(`^\{"user":\{"email":"ops@example\.org"\},"project":\{"id":"\d+","name":"Main"\},` +
		`"ping_key":"[a-z0-9]{22}","api_key":"rcw_[a-z0-9]{28}","api_key_readonly":"rcr_[a-z0-9]{28}"\}\n$`)
	if !text.MatchString(got.out) {
		t.Errorf("printed:\n%s", got.out)
	}

	for name, test := range map[string]struct {
		input string
		args  []string
		want  said
	}{
		"again":          {"correct horse\n", []string{"ops@example.org", "--project", "Other"}, said{1, "", "rollcall: ops@example.org has an account already; nothing was changed\n"}},
		"short password": {"short\n", []string{"b@example.org", "--project", "P"}, said{1, "", "rollcall: password is shorter than 12 characters\n"}},
		"no address":     {"correct horse\n", []string{"ops", "--project", "P"}, said{1, "", "rollcall: email is not one plain address, such as you@example.org\n"}},
		"no name":        {"correct horse\n", []string{"b@example.org", "--project", " "}, said{1, "", "rollcall: project needs a name\n"}},
	} {
		if got := run(t, dir, binary, test.input, append([]string{"user", "add"}, test.args...)...); got != test.want {
			t.Errorf("%s: got %+v, want %+v", name, got, test.want)
		}
	}

	got = run(t, dir, binary, "correct horse", "user", "add", "b@example.org", "--project", "P")
	if got.code != 0 || !strings.Contains(got.out, "b@example.org can log in and owns the project P.") {
		t.Errorf("%+v", got)
	}
}

func testUserPassword(t *testing.T, binary string) {
	dir := t.TempDir()
	run(t, dir, binary, "correct horse\n", "user", "add", "ops@example.org", "--project", "Main")
	for name, test := range map[string]struct {
		email, input string
		want         said
	}{
		"new":     {"ops@example.org", "staple battery\n", said{0, "ops@example.org has a new password.\n", ""}},
		"nobody":  {"x@example.org", "staple battery\n", said{1, "", "rollcall: x@example.org has no account\n"}},
		"short":   {"ops@example.org", "staple\n", said{1, "", "rollcall: password is shorter than 12 characters\n"}},
		"nothing": {"ops@example.org", "", said{1, "", "rollcall: the password is read from standard input, and there was none\n"}},
	} {
		if got := run(t, dir, binary, test.input, "user", "password", test.email); got != test.want {
			t.Errorf("%s: got %+v, want %+v", name, got, test.want)
		}
	}
}

// server is a `rollcall serve` that runs. Its log is a file.
type server struct {
	*exec.Cmd
	out      io.Reader
	log      string
	url, ops string
}

func serve(t *testing.T, dir, binary string) *server {
	t.Helper()
	s := &server{Cmd: exec.Command(binary, "serve"), log: filepath.Join(dir, "log"), ops: free(t)}
	log, err := os.Create(s.log)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	s.Dir, s.Stderr = dir, log
	s.Env = []string{"ROLLCALL_LISTEN=127.0.0.1:0", "ROLLCALL_OPS_LISTEN=" + s.ops, "ROLLCALL_LOG_FORMAT=json"}
	if s.out, err = s.StdoutPipe(); err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Process.Kill() })
	first, err := bufio.NewReader(s.out).ReadString('\n')
	ready := regexp.MustCompile(`^Rollcall is ready at (http://127\.0\.0\.1:\d+)\n$`).FindStringSubmatch(first)
	if ready == nil {
		t.Fatalf("it says %q, %v\n%s", first, err, s.logged(t))
	}
	s.url = ready[1]
	return s
}

func (s *server) logged(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(s.log)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// wait returns how the process ended.
func (s *server) wait(t *testing.T) *os.ProcessState {
	t.Helper()
	if _, err := io.Copy(io.Discard, s.out); err != nil {
		t.Error(err)
	}
	_ = s.Wait() // its error is the state
	return s.ProcessState
}

// free returns an address on which nothing listens.
func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func testServe(t *testing.T, binary string) {
	dir := t.TempDir()
	s := serve(t, dir, binary)
	ready := said{0, "ready\n", ""}
	if got := run(t, dir, binary, "", "healthcheck", "--ops-listen", s.ops); got != ready {
		t.Errorf("healthcheck: %+v", got)
	}
	if got := run(t, dir, binary, "", "healthcheck", "--ops-listen=", "--listen", strings.TrimPrefix(s.url, "http://")); got != ready {
		t.Errorf("healthcheck by the pages: %+v", got)
	}
	second := run(t, dir, binary, "correct horse", "user", "add", "ops@example.org", "--project", "Main")
	if second.code != 1 || !strings.HasPrefix(second.err, "rollcall: database: another rollcall process is using the database") || strings.Count(second.err, "\n") != 1 {
		t.Errorf("user add beside a server on SQLite: %+v", second)
	}

	if err := s.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if state := s.wait(t); !state.Success() {
		t.Errorf("it ended with %s:\n%s", state, s.logged(t))
	}
	for line := range strings.Lines(s.logged(t)) {
		if !json.Valid([]byte(line)) {
			t.Errorf("a line of the log is no JSON: %s", line)
		}
	}
}

// testSecondSignal ends a server that waits for a load balancer to notice.
func testSecondSignal(t *testing.T, binary string) {
	dir := t.TempDir()
	s := serve(t, dir, binary)
	stopping := said{1, "", "rollcall: not ready: http://" + s.ops + "/readyz answered 503 Service Unavailable\n"}
	if got := run(t, dir, binary, "", "healthcheck", "--ops-listen", s.ops); got.code != 0 {
		t.Fatalf("healthcheck: %+v", got)
	}
	if err := s.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for run(t, dir, binary, "", "healthcheck", "--ops-listen", s.ops) != stopping {
		if strings.Contains(s.logged(t), `"msg":"stopped"`) {
			t.Fatal("it stopped before anybody could notice")
		}
	}
	if err := s.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if state, said := s.wait(t), s.logged(t); state.ExitCode() != 1 || !strings.Contains(said, "rollcall: told a second time to stop") {
		t.Errorf("it ended with %s instead of quickly:\n%s", state, said)
	}
}
