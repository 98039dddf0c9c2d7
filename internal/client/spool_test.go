package client_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/internal/client"
)

// spoolWriter is the variable by which TestMain knows that it is a process that
// fills a spool until it is killed.
const spoolWriter = "ROLLCALL_TEST_SPOOL"

func TestMain(m *testing.M) {
	if dir := os.Getenv(spoolWriter); dir != "" {
		fillSpool(dir)
	}
	os.Exit(m.Run())
}

// fillSpool keeps pings as fast as it can, and says so for each.
func fillSpool(dir string) {
	to, err := client.ParseAddress("nightly", "http://127.0.0.1:1", pingKey)
	if err != nil {
		panic(err)
	}
	pinger := client.Pinger{Now: time.Now, Spool: &client.Spool{Dir: dir, Now: time.Now}}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for n := 0; ; n++ {
		_, end := run(fmt.Sprint(os.Getpid(), "-", n))
		end.Body = []byte(strings.Repeat(end.RunID, 1000))
		_ = pinger.Deliver(ctx, to, end) // it is kept, as the context has ended
		fmt.Println(end.RunID)
	}
}

// keep puts a ping into a spool.
func keep(t *testing.T, spool *client.Spool, check string, ping client.Ping) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	pinger := client.Pinger{Now: spool.Now, Spool: spool}
	if err := pinger.Deliver(ctx, addressOf(t, check), ping); !strings.Contains(fmt.Sprint(err), "; kept in ") {
		t.Fatal(err)
	}
}

func uris(got []arrival) (list []string) {
	for _, a := range got {
		list = append(list, a.URI)
	}
	return list
}

func TestSpoolIsPrivate(t *testing.T) {
	spool, _ := newSpool(t)
	keep(t, spool, checkUUID, client.Exited(0))
	for path, want := range map[string]os.FileMode{
		spool.Dir: 0o700, filepath.Dir(spool.Dir): 0o700, filepath.Join(spool.Dir, files(t, spool)[0]): 0o600,
	} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v; want %v", path, info.Mode(), err, want)
		}
	}
}

func TestSpoolOfOthersIsRefused(t *testing.T) {
	cases := map[string]func(dir string) error{
		"others may write": func(dir string) error { return os.Chmod(dir, 0o777) },
	}
	if os.Geteuid() == 0 { // nobody else can give a directory away
		cases["belongs to somebody else"] = func(dir string) error { return os.Chown(dir, 1, -1) }
	}
	for name, prepare := range cases {
		synctest.Test(t, func(t *testing.T) {
			spool, _ := newSpool(t)
			keep(t, spool, checkUUID, client.Exited(0))
			if err := prepare(spool.Dir); err != nil {
				t.Fatal(err)
			}
			server := newPingServer(t, "200")
			_, flushed := server.pinger(spool).Flush(t.Context())
			server.answer("503; Retry-After: 60")
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			kept := server.pinger(spool).Deliver(ctx, addressOf(t, checkUUID), client.Exited(0))
			for _, err := range []error{flushed, kept} {
				if err == nil || !strings.Contains(err.Error(), name) {
					t.Errorf("%s: %v", name, err)
				}
			}
			if n := len(files(t, spool)); n != 1 || len(server.arrived()) != 1 {
				t.Errorf("%s: %d files, %d pings sent", name, n, len(server.arrived()))
			}
		})
	}
}

func TestFlush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spool, notes := newSpool(t)
		server := newPingServer(t, "200")
		if left, err := server.pinger(spool).Flush(t.Context()); left != 0 || err != nil {
			t.Errorf("a spool that was never made: %d, %v", left, err)
		}
		begin := time.Now()
		for _, hour := range []int{3, 1, 2} {
			keep(t, spool, fmt.Sprint("job-", hour), client.Ping{Signal: client.Success, At: begin.Add(time.Duration(hour) * time.Hour)})
		}
		time.Sleep(4 * time.Hour)

		server.answer("503")
		if left, err := server.pinger(spool).Flush(t.Context()); left != 3 || err == nil || len(server.arrived()) != 1 {
			t.Errorf("a busy server was asked %d times; %d are left: %v", len(server.arrived()), left, err)
		}
		server.answer("200", "404", "200")
		if left, err := server.pinger(spool).Flush(t.Context()); left != 0 || err != nil {
			t.Errorf("%d are left: %v", left, err)
		}
		prefix := "/ping/" + pingKey + "/job-"
		if diff := cmp.Diff([]string{prefix + "1", prefix + "1", prefix + "2", prefix + "3"}, uris(server.arrived())); diff != "" {
			t.Error(diff)
		}
		want := []string{"a ping of " + begin.Add(2*time.Hour).Local().Format("2006-01-02 15:04:05 MST") +
			" is refused and dropped: rollcall.test answers 404 not found: look at the ping URL, or at the ping key and the slug"}
		if diff := cmp.Diff(want, *notes); diff != "" || len(files(t, spool)) != 0 {
			t.Errorf("%d files\n%s", len(files(t, spool)), diff)
		}
	})
}

// A server that is away does not hold up the pings for another.
func TestFlushToSeveralServers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spool, _ := newSpool(t)
		away := client.Pinger{Now: time.Now, Spool: spool}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		to, err := client.ParseAddress("http://127.0.0.1:1/ping/"+checkUUID, "", "")
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			_ = away.Deliver(ctx, to, client.Exited(0)) // keeps it
			keep(t, spool, checkUUID, client.Exited(0))
		}
		server := newPingServer(t, "200")
		pinger := server.pinger(spool)
		pinger.HTTP.Transport = hosts{"rollcall.test": pinger.HTTP.Transport}
		if left, err := pinger.Flush(t.Context()); left != 2 || err == nil || len(server.arrived()) != 2 || len(files(t, spool)) != 2 {
			t.Errorf("%d are left, %d arrived: %v", left, len(server.arrived()), err)
		}
	})
}

func TestFlushEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spool, _ := newSpool(t)
		for range 3 {
			keep(t, spool, checkUUID, client.Exited(0))
		}
		server := newPingServer(t, "200", "hang")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if left, err := server.pinger(spool).Flush(ctx); left != 2 || err == nil || time.Since(server.begin) != time.Second || len(files(t, spool)) != 2 {
			t.Errorf("%d are left after %s: %v", left, time.Since(server.begin), err)
		}
	})
}

func TestUnreadableIsMovedAside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spool, notes := newSpool(t)
		keep(t, spool, checkUUID, client.Exited(0))
		good := files(t, spool)[0]
		bad := map[string]string{
			"0001-empty.ping":     "",
			"0002-half.ping":      `{"url":"http://rollcall.test/ping/`,
			"0003-nowhere.ping":   `{"url":"file:///etc/passwd","signal":"success","at":"2000-01-01T00:00:00Z"}`,
			"0004-senseless.ping": `{"url":"http://rollcall.test/ping/` + checkUUID + `","signal":"stop","at":"2000-01-01T00:00:00Z"}`,
			"0005-huge.ping":      strings.Repeat(" ", 256<<10) + "{}",
		}
		for name, text := range bad {
			if err := os.WriteFile(filepath.Join(spool.Dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		server := newPingServer(t, "200")
		if left, err := server.pinger(spool).Flush(t.Context()); left != 0 || err != nil || len(server.arrived()) != 1 {
			t.Errorf("%d are left, %d arrived: %v", left, len(server.arrived()), err)
		}
		if got := files(t, spool); len(got) != len(bad) || slices.Contains(got, good) || !strings.HasSuffix(got[0], ".unreadable") || len(*notes) != len(bad) {
			t.Errorf("left are %q, noted %q", got, *notes)
		}
		*notes = nil
		if flush(t, spool, server); len(*notes) > 0 {
			t.Errorf("met again: %q", *notes)
		}
	})
}

// fill puts files into a spool, each a nanosecond younger than the one before.
func fill(t *testing.T, spool *client.Spool, count, size int) {
	t.Helper()
	if err := os.MkdirAll(spool.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for n := range count {
		name := fmt.Sprintf("%020d-%08d.ping", spool.Now().Add(time.Duration(n)).UnixNano(), n)
		if err := os.WriteFile(filepath.Join(spool.Dir, name), make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSpoolIsBounded(t *testing.T) {
	for name, c := range map[string]struct {
		count, size int
		later       time.Duration
		dropped     int
	}{
		"room for one":          {count: client.SpoolEntries - 1, size: 10},
		"as many as may be":     {count: client.SpoolEntries, size: 10, dropped: 1},
		"too many":              {count: client.SpoolEntries + 5, size: 10, dropped: 6},
		"a file too large":      {count: 103, size: 100 << 10, dropped: 1},
		"as old as may be":      {count: 3, size: 10, later: client.SpoolAge},
		"a file that is older":  {count: 3, size: 10, later: client.SpoolAge + 1, dropped: 1},
		"nothing that is young": {count: 3, size: 10, later: client.SpoolAge + time.Hour, dropped: 3},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				spool, notes := newSpool(t)
				fill(t, spool, c.count, c.size)
				before := files(t, spool)
				time.Sleep(c.later)
				keep(t, spool, checkUUID, client.Ping{Signal: client.Success, Body: make([]byte, 500), At: time.Now().Add(time.Hour)})
				after := files(t, spool)
				if diff := cmp.Diff(before[c.dropped:], after[:len(after)-1]); diff != "" {
					t.Errorf("not the oldest ones went:\n%.500s", diff)
				}
				var want []string
				if c.dropped > 0 {
					want = []string{fmt.Sprintf("the spool is full or what is in it too old: %d of the oldest pings are dropped", c.dropped)}
				}
				if !slices.Equal(want, *notes) {
					t.Errorf("noted %q, want %q", *notes, want)
				}
			})
		})
	}
}

func TestTooOldIsNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spool, notes := newSpool(t)
		keep(t, spool, "old", client.Exited(0))
		time.Sleep(time.Second)
		keep(t, spool, "young", client.Exited(0))
		time.Sleep(client.SpoolAge)
		got := flush(t, spool, newPingServer(t, "200"))
		if want := []string{"/ping/" + pingKey + "/young/0"}; !slices.Equal(uris(got), want) || len(files(t, spool)) != 0 {
			t.Errorf("sent %q", uris(got))
		}
		if len(*notes) != 1 || !strings.HasSuffix((*notes)[0], "for check old at rollcall.test is older than 7 days and dropped") {
			t.Errorf("noted %q", *notes)
		}
	})
}

// What a dead process was writing is cleared away, but not what a living one writes.
func TestLeftoversAreCleared(t *testing.T) {
	spool, _ := newSpool(t)
	keep(t, spool, checkUUID, client.Exited(0))
	for name, age := range map[string]time.Duration{".new-1": 50 * time.Minute, ".new-2": 70 * time.Minute} {
		path := filepath.Join(spool.Dir, name)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, time.Time{}, time.Now().Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	keep(t, spool, checkUUID, client.Exited(0))
	if got := files(t, spool); len(got) != 3 || got[0] != ".new-1" {
		t.Errorf("there are %q", got)
	}
}

// However a process is killed: what it said to have kept is there and whole, and
// nobody trips over the rest.
func TestKilledWhileItWrites(t *testing.T) {
	spool, notes := newSpool(t)
	said := map[string]bool{}
	for range 5 {
		writer := exec.Command(os.Args[0])
		writer.Env = append(os.Environ(), spoolWriter+"="+spool.Dir)
		out, err := writer.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := writer.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for range 3 {
			lines.Scan()
			said[lines.Text()] = true
		}
		time.AfterFunc(rand.N(5*time.Millisecond), func() { _ = writer.Process.Signal(syscall.SIGKILL) })
		for lines.Scan() {
			said[lines.Text()] = true
		}
		_ = writer.Wait() // it was killed
	}
	var got []arrival
	synctest.Test(t, func(t *testing.T) {
		server := newPingServer(t, "200")
		pinger := server.pinger(&client.Spool{Dir: spool.Dir, Now: time.Now, Note: spool.Note})
		pinger.HTTP.Transport = hosts{"127.0.0.1:1": pinger.HTTP.Transport}
		if left, err := pinger.Flush(t.Context()); left != 0 || err != nil {
			t.Errorf("%d are left: %v", left, err)
		}
		got = server.arrived()
	})
	for _, a := range got {
		_, id, _ := strings.Cut(a.URI, "?rid=")
		delete(said, id)
		if a.Body != strings.Repeat(id, 1000) {
			t.Errorf("%s came with %d bytes", id, len(a.Body))
		}
	}
	if len(said) > 0 || len(*notes) > 0 {
		t.Errorf("lost %v, noted %q", said, *notes)
	}
}
