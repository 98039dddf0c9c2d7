package client_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"rollcall/internal/client"
)

func TestRefusals(t *testing.T) {
	const problem, text, html = "application/problem+json", "text/plain; charset=utf-8", "text/html"
	for name, test := range map[string]struct {
		status     int
		kind, body string
		want       string
	}{
		"no key":            {401, "application/json", `{"error":"wrong api key"}`, "wrong api key: give a valid API key of the project, and a read-write one if something is changed or pings are read"},
		"another's check":   {403, text, "", "forbidden: the API key may not do this: use a key of the project that the check belongs to, or make room in a project that is full"},
		"no check":          {404, html, "<h1>Not Found</h1>", "not found: look at the list of what there is, and whether the address is that of a Rollcall server"},
		"a conflict":        {409, text, "check is not paused", "check is not paused: nothing was changed; look at how it is now"},
		"a bad file":        {422, problem, `{"title":"Unprocessable Content","status":422,"detail":"line 3: grace is too long","error":"x"}`, "line 3: grace is too long: correct it and send it again"},
		"a bad value":       {400, problem, `{"title":"Bad Request","detail":"json validation error: tz is not a valid timezone"}`, "json validation error: tz is not a valid timezone"},
		"only a title":      {400, problem, `{"title":"Out of cheese"}`, "out of cheese"},
		"a broken server":   {500, html, "<pre>stack</pre>", "internal server error: ask again later; the server's log says more"},
		"no words at all":   {599, "", "", "the server answers 599: ask again later; the server's log says more"},
		"words with escape": {400, text, "a\x1b[2Jb\nc\xff", "a [2Jb c"},
		"too many words":    {400, text, strings.Repeat("é", 501), strings.Repeat("é", 500) + "…"},
	} {
		t.Run(name, func(t *testing.T) {
			api, _ := answering(t, test.status, http.Header{"Content-Type": {test.kind}}, test.body)
			_, err := api.Pause(t.Context(), checkID)
			var refused *client.Error
			if !errors.As(err, &refused) || refused.Status != test.status {
				t.Fatalf("%#v", err)
			}
			if got := err.Error(); got != test.want {
				t.Errorf("says  %s\nwants %s", got, test.want)
			}
		})
	}
}

func TestErrorMembers(t *testing.T) {
	api, _ := answering(t, 429, http.Header{"Content-Type": {"application/problem+json"}, "Retry-After": {"90"}},
		`{"title":"Too Many Requests","status":429,"detail":"100 requests a minute are answered"}`)
	_, err := api.Channels(t.Context())
	refused, ok := errors.AsType[*client.Error](err)
	if !ok || refused.Title != "Too Many Requests" || refused.Detail != "100 requests a minute are answered" || *refused.RetryAfter != 90*time.Second {
		t.Errorf("%+v", refused)
	}
	if got, want := err.Error(), "100 requests a minute are answered: ask again in 1m30s"; got != want {
		t.Errorf("says %q, want %q", got, want)
	}
}

// A key must not follow a redirect to another host, and a POST would lose its body.
func TestRedirectsAreNotFollowed(t *testing.T) {
	reached := false
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	defer elsewhere.Close()
	api, _ := answering(t, http.StatusMovedPermanently, http.Header{"Location": {elsewhere.URL + "/api/v3/checks/" + checkID}}, "")
	_, err := api.Check(t.Context(), checkID)
	if want := "the server has moved: use " + elsewhere.URL; err == nil || err.Error() != want || reached {
		t.Errorf("says %v, want %s; followed: %t", err, want, reached)
	}
}

func TestWhatIsNoServer(t *testing.T) {
	gone := httptest.NewServer(nil)
	gone.Close()
	host := strings.TrimPrefix(gone.URL, "http://")
	for name, test := range map[string]struct{ base, want string }{
		"nobody listens":   {gone.URL, "ask " + host + ": dial tcp " + host + ": connect: connection refused"},
		"with a password":  {"http://u:geheim@" + host, "ask " + host + ": dial tcp " + host + ": connect: connection refused"},
		"no address":       {"rollcall.example.org", "the server's address must be one such as https://rollcall.example.org"},
		"another protocol": {"ftp://rollcall.example.org", "the server's address must be one such as https://rollcall.example.org"},
		"nothing":          {"", "the server's address must be one such as https://rollcall.example.org"},
	} {
		api := client.API{BaseURL: test.base, Key: "key"}
		if _, err := api.Check(t.Context(), checkID); err == nil || err.Error() != test.want {
			t.Errorf("%s: says %v, want %s", name, err, test.want)
		}
	}

	api, _ := answering(t, http.StatusOK, nil, "<html>A router's page</html>")
	if _, err := api.Channels(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "the answer is not one of the management API") {
		t.Errorf("says %v", err)
	}
}
