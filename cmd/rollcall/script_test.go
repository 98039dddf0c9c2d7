package main_test

import (
	"bufio"
	"database/sql"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	_ "modernc.org/sqlite" // the driver "sqlite"

	command "rollcall/cmd/rollcall"
)

// raceOptions let a program that looks for races end at once, and not a second later.
const raceOptions = "atexit_sleep_ms=0"

func TestMain(m *testing.M) {
	if err := os.Setenv("GORACE", raceOptions); err != nil {
		panic(err)
	}
	testscript.Main(m, map[string]func(){"rollcall": command.Main, "job": job})
}

// TestScripts runs the stories in testdata/script. Beside what testscript has, they
// know these commands:
//
//	server             starts a Rollcall with a new database and one project, and sets
//	                   ROLLCALL_URL, ROLLCALL_PING_KEY, ROLLCALL_API_KEY, ROLLCALL_READ_KEY
//	server stop        stops it; its address stays its own
//	server start       starts it again
//	query SQL          prints what the server's database answers, with tabs between the fields
//	answers CODE TEXT  sets ROLLCALL_URL to a server that answers everything so
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("GORACE", raceOptions)
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("ROLLCALL_SPOOL", filepath.Join(env.WorkDir, "spool"))
			env.Values[running{}] = new(exec.Cmd)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"server": serverCommand, "query": queryCommand, "answers": answersCommand,
		},
	})
}

func serverCommand(ts *testscript.TestScript, _ bool, args []string) {
	switch strings.Join(args, " ") {
	case "":
		prepareServer(ts)
		startServer(ts)
	case "start":
		startServer(ts)
	case "stop":
		stopServer(ts)
	default:
		ts.Fatalf("usage: server [start|stop]")
	}
}

// running is the key of a script's server process among the script's values.
type running struct{}

// serverDir holds the database and the log of a script's server.
func serverDir(ts *testscript.TestScript) string { return filepath.Join(ts.Getenv("WORK"), ".server") }

// prepareServer makes the database, an account and an address.
func prepareServer(ts *testscript.TestScript) {
	ts.Check(os.Mkdir(serverDir(ts), 0o700))
	add := exec.Command("rollcall", "user", "add", "ops@example.org", "--project", "Main", "--json")
	add.Dir, add.Stdin = serverDir(ts), strings.NewReader("correct horse\n")
	out, err := add.Output()
	ts.Check(err)
	var account struct {
		PingKey     string `json:"ping_key"`
		APIKey      string `json:"api_key"`
		ReadOnlyKey string `json:"api_key_readonly"`
	}
	ts.Check(json.Unmarshal(out, &account))
	free, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Setenv("ROLLCALL_URL", "http://"+free.Addr().String())
	ts.Check(free.Close())
	ts.Setenv("ROLLCALL_PING_KEY", account.PingKey)
	ts.Setenv("ROLLCALL_API_KEY", account.APIKey)
	ts.Setenv("ROLLCALL_READ_KEY", account.ReadOnlyKey)
}

// startServer returns when the server says that it is ready.
func startServer(ts *testscript.TestScript) {
	log, err := os.OpenFile(filepath.Join(serverDir(ts), "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	ts.Check(err)
	defer log.Close()
	serve := ts.Value(running{}).(*exec.Cmd)
	*serve = *exec.Command("rollcall", "serve", "--ops-listen=", "--listen", strings.TrimPrefix(ts.Getenv("ROLLCALL_URL"), "http://"))
	serve.Dir, serve.Stderr = serverDir(ts), log
	out, err := serve.StdoutPipe()
	ts.Check(err)
	ts.Check(serve.Start())
	ts.Defer(func() { stopServer(ts) })
	if ready, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		said, _ := os.ReadFile(log.Name()) // the error is told all the same
		ts.Fatalf("the server says %q: %v\n%s", ready, err, said)
	}
}

// stopServer ends the server as a power cut does: what it answered is stored.
func stopServer(ts *testscript.TestScript) {
	serve := ts.Value(running{}).(*exec.Cmd)
	_ = serve.Process.Kill() // it may have been stopped before
	_ = serve.Wait()         // its error is that it was killed
}

func queryCommand(ts *testscript.TestScript, _ bool, args []string) {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(serverDir(ts), "rollcall-data", "rollcall.db")+"?_pragma=busy_timeout(5000)")
	ts.Check(err)
	defer db.Close()
	rows, err := db.Query(strings.Join(args, " "))
	ts.Check(err)
	defer rows.Close()
	columns, err := rows.Columns()
	ts.Check(err)
	for rows.Next() {
		fields, into := make([]sql.NullString, len(columns)), make([]any, len(columns))
		for i := range fields {
			into[i] = &fields[i]
		}
		ts.Check(rows.Scan(into...))
		for i, field := range fields {
			if i > 0 {
				fmt.Fprint(ts.Stdout(), "\t")
			}
			fmt.Fprint(ts.Stdout(), field.String)
		}
		fmt.Fprintln(ts.Stdout())
	}
	ts.Check(rows.Err())
}

func answersCommand(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: answers CODE TEXT")
	}
	var code int
	_, err := fmt.Sscan(args[0], &code)
	ts.Check(err)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		fmt.Fprintln(w, args[1])
	}))
	ts.Defer(server.Close)
	ts.Setenv("ROLLCALL_URL", server.URL)
}
