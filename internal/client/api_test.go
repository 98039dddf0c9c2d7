package client_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"rollcall/internal/client"
)

const checkID = "7b9d2f1c-0f4e-4f5c-9a53-2d7c1b6a8e90"

// checkJSON is a check as a read-write key sees it, in the words of the server.
const checkJSON = `{"name":"Nightly","slug":"nightly","tags":"prod db","desc":"dump","grace":3600,"n_pings":12,
"status":"up","started":true,"late":false,"kind":"cron","last_ping":"2026-01-02T03:04:05+00:00","next_ping":null,
"manual_resume":false,"methods":"POST","subject":"","subject_fail":"","start_kw":"","success_kw":"done","failure_kw":"",
"filter_subject":false,"filter_body":true,"filter_http_body":false,"filter_default_fail":false,
"badge_url":"https://r.example/b/2/x.svg","last_duration":75,"schedule":"5 3 * * *","tz":"Europe/Riga","max_runtime":null,
"uuid":"` + checkID + `","ping_url":"https://r.example/ping/` + checkID + `","update_url":"u","pause_url":"p","resume_url":"r","channels":"a,b","new_member":1}`

// asked is what reached the server.
type asked struct{ Method, URI, Key, Type, Body string }

// answering is an API whose server gives one answer and notes what it is asked.
func answering(t *testing.T, status int, header http.Header, body string) (*client.API, *asked) {
	t.Helper()
	got := new(asked)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		*got = asked{r.Method, r.RequestURI, r.Header.Get("X-Api-Key"), r.Header.Get("Content-Type"), string(sent)}
		for name, values := range header {
			w.Header()[name] = values
		}
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}))
	t.Cleanup(server.Close)
	return &client.API{BaseURL: server.URL + "/", Key: "key"}, got
}

func TestRequests(t *testing.T) {
	const (
		check = "/api/v3/checks/" + checkID
		js    = "application/json"
	)
	for name, test := range map[string]struct {
		call   func(context.Context, *client.API) (any, error)
		answer string
		want   asked
	}{
		"all checks": {
			func(ctx context.Context, a *client.API) (any, error) { return a.Checks(ctx, client.CheckFilter{}) },
			`{"checks":[]}`,
			asked{"GET", "/api/v3/checks/", "key", "", ""},
		},
		"some checks": {
			func(ctx context.Context, a *client.API) (any, error) {
				return a.Checks(ctx, client.CheckFilter{Tags: []string{"a b", "c"}, Slug: "x"})
			},
			`{"checks":[]}`,
			asked{"GET", "/api/v3/checks/?slug=x&tag=a+b&tag=c", "key", "", ""},
		},
		"one check": {
			func(ctx context.Context, a *client.API) (any, error) { return a.Check(ctx, checkID) },
			checkJSON,
			asked{"GET", check, "key", "", ""},
		},
		"an id cannot leave its place": {
			func(ctx context.Context, a *client.API) (any, error) { return a.Check(ctx, "../x?y") },
			checkJSON,
			asked{"GET", "/api/v3/checks/..%2Fx%3Fy", "key", "", ""},
		},
		"update what is given, and only that": {
			func(ctx context.Context, a *client.API) (any, error) {
				return a.UpdateCheck(ctx, checkID, client.CheckFields{Grace: new(60), Desc: new(""), MaxRuntime: new(client.OrNone(0))})
			},
			checkJSON,
			asked{"POST", check, "key", js, `{"desc":"","grace":60,"max_runtime":null}`},
		},
		"pause": {
			func(ctx context.Context, a *client.API) (any, error) { return a.Pause(ctx, checkID) },
			checkJSON,
			asked{"POST", check + "/pause", "key", js, "{}"},
		},
		"resume": {
			func(ctx context.Context, a *client.API) (any, error) { return a.Resume(ctx, checkID) },
			checkJSON,
			asked{"POST", check + "/resume", "key", js, "{}"},
		},
		"delete": {
			func(ctx context.Context, a *client.API) (any, error) { return a.DeleteCheck(ctx, checkID) },
			checkJSON,
			asked{"DELETE", check, "key", "", ""},
		},
		"pings": {
			func(ctx context.Context, a *client.API) (any, error) { return a.Pings(ctx, checkID) },
			`{"pings":[]}`,
			asked{"GET", check + "/pings/", "key", "", ""},
		},
		"all flips": {
			func(ctx context.Context, a *client.API) (any, error) { return a.Flips(ctx, checkID, 0) },
			`{"flips":[]}`,
			asked{"GET", check + "/flips/", "key", "", ""},
		},
		"flips of an hour": {
			func(ctx context.Context, a *client.API) (any, error) { return a.Flips(ctx, checkID, time.Hour) },
			`{"flips":[]}`,
			asked{"GET", check + "/flips/?seconds=3600", "key", "", ""},
		},
		"channels": {
			func(ctx context.Context, a *client.API) (any, error) { return a.Channels(ctx) },
			`{"channels":[]}`,
			asked{"GET", "/api/v3/channels/", "key", "", ""},
		},
		"a new channel": {
			func(ctx context.Context, a *client.API) (any, error) {
				return a.CreateChannel(ctx, client.NewChannel{Kind: "webhook", Name: "Hook", URL: "https://x.example"})
			},
			`{"id":"1"}`,
			asked{"POST", "/api/v3/channels/", "key", js, `{"kind":"webhook","name":"Hook","url":"https://x.example"}`},
		},
		"the cursor of now": {
			func(ctx context.Context, a *client.API) (any, error) { return a.Events(ctx, "") },
			`{"events":[],"cursor":"c"}`,
			asked{"GET", "/api/v3/events/?limit=1000", "key", "", ""},
		},
		"events": {
			func(ctx context.Context, a *client.API) (any, error) { return a.Events(ctx, "c/1") },
			`{"events":[],"cursor":"c"}`,
			asked{"GET", "/api/v3/events/?after=c%2F1&limit=1000", "key", "", ""},
		},
		"a plan": {
			func(ctx context.Context, a *client.API) (any, error) {
				return a.Apply(ctx, []byte("checks: []\n"), client.ApplyOptions{Plan: true, Prune: true})
			},
			`{}`,
			asked{"POST", "/api/v3/apply/?plan=1&prune=1", "key", "application/yaml", "checks: []\n"},
		},
		"apply": {
			func(ctx context.Context, a *client.API) (any, error) {
				return a.Apply(ctx, []byte("x"), client.ApplyOptions{})
			},
			`{}`,
			asked{"POST", "/api/v3/apply/", "key", "application/yaml", "x"},
		},
		"export": {
			func(ctx context.Context, a *client.API) (any, error) { return a.Export(ctx) },
			"checks: []\n",
			asked{"GET", "/api/v3/export/", "key", "", ""},
		},
	} {
		t.Run(name, func(t *testing.T) {
			api, got := answering(t, http.StatusOK, nil, test.answer)
			if _, err := test.call(t.Context(), api); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, *got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSaveCheck(t *testing.T) {
	for status, isNew := range map[int]bool{http.StatusCreated: true, http.StatusOK: false} {
		api, got := answering(t, status, nil, checkJSON)
		check, created, err := api.SaveCheck(t.Context(), client.CheckFields{
			Name: new("Nightly"), Unique: []string{"name"}, ImportUUID: checkID,
			MaxRuntime: new(client.OrNone(90)), Tokens: []client.Token{{Dialect: "kuma", Token: "abc"}},
		})
		if err != nil || created != isNew || check.UUID != checkID {
			t.Errorf("%d: created %t, %q, %v", status, created, check.UUID, err)
		}
		want := `{"name":"Nightly","max_runtime":90,"unique":["name"],"import_uuid":"` + checkID + `","tokens":[{"dialect":"kuma","token":"abc"}]}`
		if got.Body != want {
			t.Errorf("sent %s\nwant %s", got.Body, want)
		}
	}
}

func TestCheckDocument(t *testing.T) {
	api, _ := answering(t, http.StatusOK, nil, checkJSON)
	check, err := api.Check(t.Context(), checkID)
	if err != nil {
		t.Fatal(err)
	}
	want := client.Check{
		Name: "Nightly", Slug: "nightly", Tags: "prod db", Desc: "dump", Channels: "a,b",
		UUID: checkID, PingURL: "https://r.example/ping/" + checkID, BadgeURL: "https://r.example/b/2/x.svg",
		Kind: "cron", Schedule: "5 3 * * *", TZ: "Europe/Riga", Grace: 3600,
		Status: "up", Started: true, NPings: 12, LastPing: new(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)), LastDuration: new(75),
		Methods: "POST", SuccessKw: "done", FilterBody: true,
	}
	if diff := cmp.Diff(want, check, cmpopts.IgnoreFields(client.Check{}, "JSON"), cmpopts.EquateApproxTime(0)); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(string(check.JSON), `"new_member":1`) {
		t.Errorf("the document is not kept: %s", check.JSON)
	}
	if got, want := check.TagList(), []string{"prod", "db"}; !cmp.Equal(got, want) {
		t.Errorf("tags %q", got)
	}
	if got := api.PageURL(check); !strings.HasSuffix(got, "/checks/"+checkID) || strings.Contains(got, "//checks") {
		t.Errorf("page %s", got)
	}

	// A read-only key knows the check by another name.
	var readOnly client.Check
	if err := json.Unmarshal([]byte(`{"name":"N","unique_key":"a6c7b0a8a66bed0df66abfdab3c77736861703ee","timeout":86400,"grace":0}`), &readOnly); err != nil {
		t.Fatal(err)
	}
	if readOnly.ID() != "a6c7b0a8a66bed0df66abfdab3c77736861703ee" || check.ID() != checkID || *readOnly.Timeout != 86400 || check.Timeout != nil {
		t.Errorf("%+v", readOnly)
	}
}

func TestLists(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 123456000, time.UTC)
	api, _ := answering(t, http.StatusOK, nil, `{"checks":[`+checkJSON+`],
		"pings":[{"type":"fail","date":"2026-01-02T03:04:05.123456+00:00","n":3,"scheme":"https","remote_addr":"203.0.113.9","method":"POST",
			"ua":"curl/8","rid":null,"duration":1.25,"body_url":null},{"type":"start","date":"2026-01-02T03:04:05.123456+00:00","n":2,"rid":"`+checkID+`"}],
		"flips":[{"timestamp":"2026-01-02T03:04:05+00:00","up":1}],
		"channels":[{"id":"1","name":"Ops","kind":"email"}],
		"cursor":"c2","events":[
			{"at":"2026-01-02T03:04:05.123456+00:00","kind":"ping","check":{"uuid":"u","name":"N","slug":"n"},"n":3,"signal":"fail","exit_status":0,"duration":0},
			{"at":"2026-01-02T03:04:05.123456+00:00","kind":"flip","check":{"uuid":"u","name":"N","slug":"n"},"old":"up","new":"down","reason":"fail"},
			{"at":"2026-01-02T03:04:05.123456+00:00","kind":"delivery","check":{"uuid":"u","name":"N","slug":"n"},"channel":"Ops","state":"sent","attempts":2,"answer":"250 OK"}],
		"project":"Main","applied":true,"changes":[{"action":"update","kind":"check","name":"n","fields":{"grace":{"old":"30m","new":null}}}]}`)
	ctx := t.Context()

	if checks, err := api.Checks(ctx, client.CheckFilter{}); err != nil || len(checks) != 1 || checks[0].Name != "Nightly" {
		t.Errorf("checks: %+v %v", checks, err)
	}
	pings, err := api.Pings(ctx, checkID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]client.RecordedPing{
		{N: 3, Type: "fail", Date: at, Scheme: "https", RemoteAddr: "203.0.113.9", Method: "POST", UserAgent: "curl/8", Duration: new(1.25)},
		{N: 2, Type: "start", Date: at, RunID: new(checkID)},
	}, pings); diff != "" {
		t.Error(diff)
	}
	if flips, err := api.Flips(ctx, checkID, 0); err != nil || !cmp.Equal(flips, []client.Flip{{Timestamp: at.Truncate(time.Second), Up: 1}}) {
		t.Errorf("flips: %+v %v", flips, err)
	}
	if channels, err := api.Channels(ctx); err != nil || !cmp.Equal(channels, []client.Channel{{ID: "1", Name: "Ops", Kind: "email"}}) {
		t.Errorf("channels: %+v %v", channels, err)
	}
	page, err := api.Events(ctx, "c1")
	if err != nil {
		t.Fatal(err)
	}
	of := client.EventCheck{UUID: "u", Name: "N", Slug: "n"}
	if diff := cmp.Diff(client.EventPage{Cursor: "c2", Events: []client.Event{
		{At: at, Kind: client.EventPing, Check: of, N: 3, Signal: "fail", ExitStatus: new(int64(0)), Duration: new(0.0)},
		{At: at, Kind: client.EventFlip, Check: of, Old: "up", New: "down", Reason: "fail"},
		{At: at, Kind: client.EventDelivery, Check: of, Channel: "Ops", State: "sent", Attempts: 2, Answer: "250 OK"},
	}}, page, cmpopts.IgnoreFields(client.Event{}, "JSON")); diff != "" {
		t.Error(diff)
	}
	applied, err := api.Apply(ctx, []byte("x"), client.ApplyOptions{})
	if diff := cmp.Diff(client.Applied{Project: "Main", Applied: true, Changes: []client.Change{
		{Action: "update", Kind: "check", Name: "n", Fields: map[string]client.FieldChange{"grace": {Old: "30m"}}},
	}}, applied, cmpopts.IgnoreFields(client.Applied{}, "JSON")); diff != "" || err != nil {
		t.Error(err, diff)
	}
}
