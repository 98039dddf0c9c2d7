package pgtest_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"rollcall/internal/pgtest"
)

// abandon, set in the environment, makes this test program start a server,
// print a database's URL, and wait to be killed.
const abandon = "ROLLCALL_TEST_ABANDON"

func TestMain(m *testing.M) {
	if os.Getenv(abandon) == "" {
		pgtest.Main(m)
	}
	server, err := pgtest.Start()
	if err == nil {
		var url string
		url, err = server.CreateDatabase(context.Background(), "abandoned")
		fmt.Println(url)
	}
	if err != nil {
		fmt.Println(err)
	}
	io.Copy(io.Discard, os.Stdin)
}

func TestDatabaseIsFreshAndDropped(t *testing.T) {
	urls := make(chan string, 2)
	t.Run("group", func(t *testing.T) {
		for _, name := range []string{"one", "two"} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				url := pgtest.Database(t)
				urls <- url
				conn := connect(t, url)
				// In a database that is not fresh this table would exist already.
				if _, err := conn.Exec(t.Context(), "CREATE TABLE checks (name TEXT)"); err != nil {
					t.Error(err)
				}
			})
		}
	})
	close(urls)
	for url := range urls {
		if conn, err := pgx.Connect(t.Context(), url); err == nil {
			conn.Close(t.Context())
			t.Errorf("%s outlived its test", url)
		}
	}
}

func TestSettings(t *testing.T) {
	for _, test := range []struct {
		name     string
		settings []pgtest.Setting
		show     string
		want     string
	}{
		{"tests are fast by default", nil, "fsync", "off"},
		{"durable when asked for", []pgtest.Setting{pgtest.Durable}, "fsync", "on"},
		{"listens on no port", nil, "listen_addresses", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			conn := connect(t, pgtest.Database(t, test.settings...))
			var got string
			if err := conn.QueryRow(t.Context(), "SHOW "+test.show).Scan(&got); err != nil {
				t.Fatal(err)
			}
			if got != test.want {
				t.Errorf("%s is %q, want %q", test.show, got, test.want)
			}
		})
	}
}

func TestPreparedDatabasesAreCopies(t *testing.T) {
	prepared := 0
	prepare := func(ctx context.Context, url string) error {
		prepared++
		conn, err := pgx.Connect(ctx, url)
		if err != nil {
			return err
		}
		defer conn.Close(ctx)
		_, err = conn.Exec(ctx, "CREATE TABLE things (name text)")
		return err
	}
	for range 2 {
		conn := connect(t, pgtest.Prepared(t, prepare))
		var n int
		if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM things").Scan(&n); err != nil || n != 0 {
			t.Fatalf("%d things: %v", n, err)
		}
		if _, err := conn.Exec(t.Context(), "INSERT INTO things VALUES ('mine')"); err != nil {
			t.Fatal(err)
		}
	}
	if prepared != 1 {
		t.Errorf("prepared %d times", prepared)
	}
}

func TestStartTellsWhatTheServerSaid(t *testing.T) {
	server, err := pgtest.Start("no_such_setting = 1")
	if err == nil {
		server.Stop()
		t.Fatal("a server with an unknown setting started")
	}
	if want := `unrecognized configuration parameter "no_such_setting"`; !strings.Contains(err.Error(), want) {
		t.Errorf("error is %q, want it to say %q", err, want)
	}
}

func TestServerEndsWithItsProcess(t *testing.T) {
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), abandon+"=1")
	stdin, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	stdout, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	url, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	conn := connect(t, strings.TrimSpace(url))

	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	child.Wait() // "signal: killed", as intended

	// The server's end cuts the connection; one left running would answer in the end.
	if _, err := conn.Exec(t.Context(), "SELECT pg_sleep(30)"); err == nil {
		t.Error("the server outlived the process that started it by 30 seconds")
	}
}

func TestPrograms(t *testing.T) {
	debian := t.TempDir()
	install := func(dir string) string {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"initdb", "postgres", "pg_isready"} {
			if err := os.WriteFile(filepath.Join(dir, name), nil, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
	install(filepath.Join(debian, "9", "bin"))
	newest := install(filepath.Join(debian, "17", "bin"))
	onPath := install(filepath.Join(t.TempDir(), "bin"))
	linked := t.TempDir()
	if err := os.Symlink(filepath.Join(onPath, "initdb"), filepath.Join(linked, "initdb")); err != nil {
		t.Fatal(err)
	}

	pattern := filepath.Join(debian, "*", "bin")
	for _, test := range []struct{ name, path, pattern, want string }{
		{"the path comes first", onPath, pattern, onPath},
		{"links on the path are followed", linked, pattern, onPath},
		{"17 is newer than 9", t.TempDir(), pattern, newest},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := pgtest.Programs(test.path, test.pattern)
			if err != nil || got != test.want {
				t.Errorf("got %q, %v; want %q", got, err, test.want)
			}
		})
	}
	t.Run("says what to install", func(t *testing.T) {
		_, err := pgtest.Programs(t.TempDir(), filepath.Join(t.TempDir(), "*"))
		if err == nil || !strings.Contains(err.Error(), "apt-get install postgresql") {
			t.Errorf("error is %v, want it to say what to install", err)
		}
	})
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}
