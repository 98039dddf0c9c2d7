package client_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"rollcall/internal/client"
)

// newSpool is a spool with the notes that it makes.
func newSpool(t *testing.T) (*client.Spool, *[]string) {
	notes := &[]string{}
	return &client.Spool{
		Dir: filepath.Join(t.TempDir(), "state", "spool"), Now: time.Now,
		Note: func(text string) { *notes = append(*notes, text) },
	}, notes
}

// files lists a spool.
func files(t *testing.T, spool *client.Spool) []string {
	t.Helper()
	list, err := os.ReadDir(spool.Dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	var names []string
	for _, file := range list {
		names = append(names, file.Name())
	}
	return names
}

// flush sends what is in a spool to a server that takes it.
func flush(t *testing.T, spool *client.Spool, server *pingServer) []arrival {
	t.Helper()
	server.answer("200")
	before := len(server.arrived())
	if left, err := server.pinger(spool).Flush(t.Context()); left != 0 || err != nil {
		t.Fatalf("%d are left: %v", left, err)
	}
	return server.arrived()[before:]
}

func run(id string) (start, end client.Ping) {
	start, end = client.Ping{Signal: client.Start, RunID: id}, client.Exited(0)
	end.RunID, end.Body = id, []byte("output of "+id)
	return start, end
}

func TestDeliver(t *testing.T) {
	for name, c := range map[string]struct {
		answers string
		tries   int
		more    int           // tries that the length of the pauses, which is random, may allow
		kept    int           // pings in the spool
		err     string        // of the error; "" for none
		atMost  time.Duration // that it takes
	}{
		"at once":               {answers: "200", tries: 2},
		"busy for a moment":     {answers: "503,200", tries: 3, atMost: time.Second},
		"breaks off twice":      {answers: "cut,cut,200", tries: 4, atMost: 3 * time.Second},
		"behind a login page":   {answers: "page,200", tries: 3, atMost: time.Second},
		"redirects":             {answers: "302,200", tries: 3, atMost: time.Second},
		"slow once":             {answers: "hang,200", tries: 3, atMost: client.TryTimeout + time.Second},
		"names a pause":         {answers: "429; Retry-After: 7,200", tries: 3, atMost: 7*time.Second + 1},
		"names a long pause":    {answers: "503; Retry-After: 60", tries: 1, kept: 2, err: "not delivered: rollcall.test answers 503", atMost: 1},
		"is down":               {answers: "503", tries: 4, more: 1, kept: 2, err: "not delivered: rollcall.test answers 503", atMost: 10 * time.Second},
		"hangs":                 {answers: "hang", tries: 2, kept: 2, err: "not delivered: rollcall.test gives no answer in time", atMost: 10 * time.Second},
		"goes down in between":  {answers: "200,503", tries: 5, more: 1, kept: 1, err: "not delivered: rollcall.test answers 503", atMost: 10 * time.Second},
		"does not know it":      {answers: "404", tries: 2, err: "rollcall.test answers 404 not found"},
		"knew it once":          {answers: "410", tries: 2, err: "rollcall.test answers 410"},
		"refuses the start":     {answers: "400,200", tries: 2, err: "rollcall.test answers 400"},
		"is busy, then refuses": {answers: "503,400,200", tries: 3, err: "rollcall.test answers 400", atMost: time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				spool, notes := newSpool(t)
				server := newPingServer(t, strings.Split(c.answers, ",")...)
				start, end := run("1")
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				err := server.pinger(spool).Deliver(ctx, addressOf(t, checkUUID), start, end)
				if took := time.Since(server.begin); took > c.atMost {
					t.Errorf("it took %s", took)
				}
				if kept, ok := errors.AsType[*client.Kept](err); ok != (c.kept > 0) || ok && kept.Dir != spool.Dir ||
					(err == nil) != (c.err == "") || err != nil && !strings.HasPrefix(err.Error(), c.err) || len(*notes) > 0 {
					t.Errorf("%v, notes %q; want %q", err, *notes, c.err)
				}
				if n := len(server.arrived()); n < c.tries || n > c.tries+c.more {
					t.Errorf("%d tries, want %d", n, c.tries)
				}
				left := files(t, spool)
				sent := flush(t, spool, server)
				if len(left) != c.kept || len(sent) != c.kept || len(files(t, spool)) > 0 {
					t.Errorf("%q were left, and sent later were %+v; want %d", left, sent, c.kept)
				}
			})
		})
	}
}

// Both pings of a run come in their order, as they were, dated by their age.
func TestDeliverLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spool, _ := newSpool(t)
		server := newPingServer(t, "503")
		to := addressOf(t, "nightly")
		to.Create = true
		start, end := run("1")
		start.At, end.At = time.Now(), time.Now().Add(time.Minute)
		time.Sleep(time.Minute)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := server.pinger(spool).Deliver(ctx, to, start, end); err == nil {
			t.Fatal("delivered by a server that is busy")
		}
		time.Sleep(time.Until(start.At.Add(time.Hour)))
		path := "/ping/" + pingKey + "/nightly/"
		want := []arrival{
			{URI: path + "start?create=1&rid=1", Age: "3600"},
			{URI: path + "0?create=1&rid=1", Age: "3540", Body: "output of 1"},
		}
		if diff := cmp.Diff(want, flush(t, spool, server), cmpopts.IgnoreFields(arrival{}, "After")); diff != "" {
			t.Error(diff)
		}
	})
}

// A process that dies while it tries leaves its ping behind; as long as it lives
// nobody else sends it.
func TestKeptWhileTried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spool, _ := newSpool(t)
		server := newPingServer(t, "503; Retry-After: 30", "200")
		delivered := make(chan error)
		go func() {
			_, end := run("1")
			delivered <- server.pinger(spool).Deliver(t.Context(), addressOf(t, checkUUID), end)
		}()
		synctest.Wait()
		if n := len(files(t, spool)); n != 1 {
			t.Errorf("%d files while it waits", n)
		}
		if left, err := server.pinger(spool).Flush(t.Context()); left != 0 || err != nil {
			t.Errorf("%d, %v", left, err)
		}
		if n := len(server.arrived()); n != 1 {
			t.Errorf("sent %d times while it waits", n)
		}
		if err := <-delivered; err != nil {
			t.Error(err)
		}
		if n := len(files(t, spool)); n != 0 {
			t.Errorf("%d files at the end", n)
		}
	})
}

// Who ends it keeps the ping, and is not kept waiting.
func TestDeliverEndsWithTheContext(t *testing.T) {
	for _, answer := range []string{"hang", "503"} {
		synctest.Test(t, func(t *testing.T) {
			spool, _ := newSpool(t)
			server := newPingServer(t, answer)
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(100*time.Millisecond, cancel)
			_, end := run("1")
			err := server.pinger(spool).Deliver(ctx, addressOf(t, checkUUID), end)
			if _, kept := errors.AsType[*client.Kept](err); !kept || time.Since(server.begin) != 100*time.Millisecond || len(files(t, spool)) != 1 {
				t.Errorf("%s: %v after %s", answer, err, time.Since(server.begin))
			}
		})
	}
}

func TestDeliverWithoutSpool(t *testing.T) {
	broken := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(broken, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, spool := range []*client.Spool{nil, {Dir: filepath.Join(broken, "spool"), Now: time.Now}} {
		synctest.Test(t, func(t *testing.T) {
			_, end := run("1")
			server := newPingServer(t, "503", "200")
			if err := server.pinger(spool).Deliver(t.Context(), addressOf(t, checkUUID), end); err != nil {
				t.Errorf("the second try is good, but: %v", err)
			}
			server.answer("503; Retry-After: 60")
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			err := server.pinger(spool).Deliver(ctx, addressOf(t, checkUUID), end)
			if err == nil || !strings.Contains(err.Error(), "503") || !strings.Contains(err.Error(), "and not kept for later: ") {
				t.Error(err)
			}
			if _, kept := errors.AsType[*client.Kept](err); kept {
				t.Error("it says that it is kept")
			}
		})
	}
}
