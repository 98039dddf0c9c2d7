package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/internal/client"
)

// pipes is a listener whose connections are in memory, so that time stands still
// while nothing happens.
type pipes struct {
	connections chan net.Conn
	closed      chan struct{}
}

func (p pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.connections:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}
func (p pipes) Close() error   { close(p.closed); return nil }
func (p pipes) Addr() net.Addr { return &net.UnixAddr{} }

// dial is what a client of the listener connects by.
func (p pipes) dial(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	p.connections <- theirs
	return ours, nil
}

// try is a request that arrived, and when after the first.
type try struct {
	Method, Key, Body string
	After             time.Duration
}

// tried lets a server give its answers one after the other and returns what
// arrived there. An answer is a status and headers; "cut" closes the connection.
func tried(t *testing.T, ctx context.Context, call func(context.Context, *client.API) error, answers ...string) ([]try, error) {
	t.Helper()
	listener := pipes{make(chan net.Conn), make(chan struct{})}
	var (
		got   []try
		begin = time.Now()
	)
	server := http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got = append(got, try{r.Method, r.Header.Get("Idempotency-Key"), string(body), time.Since(begin)})
		answer := strings.Split(answers[min(len(got), len(answers))-1], "; ")
		if answer[0] == "cut" {
			panic(http.ErrAbortHandler)
		}
		var status int
		if _, err := fmt.Sscan(answer[0], &status); err != nil {
			t.Error(err)
		}
		for _, header := range answer[1:] {
			name, value, _ := strings.Cut(header, ": ")
			w.Header().Set(name, value)
		}
		w.WriteHeader(status)
		if status == http.StatusOK {
			fmt.Fprint(w, "{}")
		}
	})}
	served := make(chan error)
	go func() { served <- server.Serve(listener) }()
	transport := &http.Transport{DialContext: listener.dial, DisableKeepAlives: true}
	err := call(ctx, &client.API{BaseURL: "http://rollcall.test", HTTP: &http.Client{Transport: transport}})
	if err := server.Close(); err != nil {
		t.Error(err)
	}
	<-served
	return got, err
}

func get(ctx context.Context, a *client.API) error {
	_, err := a.Channels(ctx)
	return err
}

func post(ctx context.Context, a *client.API) error {
	_, err := a.UpdateCheck(ctx, checkID, client.CheckFields{Grace: new(60)})
	return err
}

func remove(ctx context.Context, a *client.API) error {
	_, err := a.DeleteCheck(ctx, checkID)
	return err
}

func TestTries(t *testing.T) {
	for name, test := range map[string]struct {
		call    func(context.Context, *client.API) error
		answers []string
		tries   int
		fails   bool
	}{
		"a busy server is asked again":             {get, []string{"503", "503", "200"}, 3, false},
		"so is a limit":                            {get, []string{"429", "200"}, 2, false},
		"and a proxy whose server is away":         {get, []string{"502", "504", "200"}, 3, false},
		"and a connection that breaks":             {get, []string{"cut", "200"}, 2, false},
		"but not for ever":                         {get, []string{"503"}, client.Tries, true},
		"a mistake stays one":                      {get, []string{"400"}, 1, true},
		"a broken server is not asked again":       {get, []string{"500"}, 1, true},
		"a change that was turned away":            {post, []string{"503", "429", "200"}, 3, false},
		"a change on a connection that breaks":     {post, []string{"cut", "200"}, 2, false},
		"a change that a proxy may have passed on": {post, []string{"502"}, 1, true},
		"a deletion that was turned away":          {remove, []string{"503", "200"}, 2, false},
		"a deletion that may have happened":        {remove, []string{"cut"}, 1, true},
		"a wait that is too long":                  {get, []string{"503; Retry-After: 61"}, 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got, err := tried(t, t.Context(), test.call, test.answers...)
				if len(got) != test.tries || (err != nil) != test.fails {
					t.Errorf("%d tries, want %d: %v", len(got), test.tries, err)
				}
			})
		})
	}
}

// A POST says the same each time, under one key that no other has.
func TestIdempotencyKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, err := tried(t, t.Context(), post, "503", "cut", "200")
		if err != nil {
			t.Fatal(err)
		}
		second, err := tried(t, t.Context(), post, "200")
		if err != nil {
			t.Fatal(err)
		}
		for _, again := range first {
			if again.Key != first[0].Key || again.Body != `{"grace":60}` {
				t.Errorf("sent %+v after %+v", again, first[0])
			}
		}
		if key := first[0].Key; !regexp.MustCompile(`^"[A-Z2-7]{26,}"$`).MatchString(key) || key == second[0].Key {
			t.Errorf("keys %s and %s", key, second[0].Key)
		}
	})
}

func TestWaits(t *testing.T) {
	const date = "Date: Fri, 02 Jan 2026 03:04:05 GMT"
	for name, test := range map[string]struct {
		answer        string
		earliest, end time.Duration // of the second try
	}{
		"half a second at first":   {"503", 500 * time.Millisecond, 750 * time.Millisecond},
		"as long as the server is": {"503; Retry-After: 7", 7 * time.Second, 7*time.Second + 1},
		"not at all":               {"503; Retry-After: 0", 0, 1},
		"a minute at most":         {"429; Retry-After: 60", time.Minute, time.Minute + 1},
		"until a date":             {"503; Retry-After: Fri, 02 Jan 2026 03:04:35 GMT; " + date, 30 * time.Second, 30*time.Second + 1},
		"a date that is over":      {"503; Retry-After: Fri, 02 Jan 2026 03:00:00 GMT; " + date, 0, 1},
		"words that are no time":   {"503; Retry-After: soon", 500 * time.Millisecond, 750 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got, err := tried(t, t.Context(), get, test.answer, "200")
				if err != nil || len(got) != 2 || got[1].After < test.earliest || got[1].After >= test.end {
					t.Errorf("tries %+v, %v; want the second in [%s, %s)", got, err, test.earliest, test.end)
				}
			})
		})
	}

	synctest.Test(t, func(t *testing.T) {
		got, _ := tried(t, t.Context(), get, "503")
		for i := 2; i < len(got); i++ {
			if before, now := got[i-1].After-got[i-2].After, got[i].After-got[i-1].After; now < before*4/3 {
				t.Errorf("waited %s, then %s", before, now)
			}
		}
	})
}

// Who gives up is not kept waiting, and learns why the server was asked again.
func TestWaitEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		got, err := tried(t, ctx, get, "503; Retry-After: 30")
		if refused, ok := errors.AsType[*client.Error](err); !ok || refused.Status != 503 || len(got) != 1 || time.Since(begin) != time.Second {
			t.Errorf("%d tries in %s: %v", len(got), time.Since(begin), err)
		}
	})
}

// endless answers with as many bytes as are read.
type endless struct{}

func (endless) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(endless{}), Request: r}, nil
}
func (endless) Read(p []byte) (int, error) { return len(p), nil }

func TestLargestAnswer(t *testing.T) {
	api := client.API{BaseURL: "http://rollcall.test", HTTP: &http.Client{Transport: endless{}}}
	if _, err := api.Export(t.Context()); err == nil || err.Error() != "rollcall.test answers with more than 32 MiB" {
		t.Errorf("says %v", err)
	}
}

func TestHeaders(t *testing.T) {
	var got http.Header
	transport := roundTripper(func(r *http.Request) { got = r.Header })
	for name, test := range map[string]struct {
		call func(context.Context, *client.API) error
		want http.Header
	}{
		"get": {get, http.Header{"X-Api-Key": {"k"}, "User-Agent": {"rollcall/1"}, "Accept": {"application/json, application/problem+json"}}},
		"export": {
			func(ctx context.Context, a *client.API) error { _, err := a.Export(ctx); return err },
			http.Header{"X-Api-Key": {"k"}, "User-Agent": {"rollcall/1"}, "Accept": {"application/yaml, application/problem+json"}},
		},
	} {
		api := client.API{BaseURL: "http://rollcall.test", Key: "k", UserAgent: "rollcall/1", HTTP: &http.Client{Transport: transport}}
		_ = test.call(t.Context(), &api) // there is no answer
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// roundTripper sees a request and answers nothing.
type roundTripper func(*http.Request)

// RoundTrip implements http.RoundTripper.
func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) {
	f(r)
	return nil, errors.New("nobody is there")
}
