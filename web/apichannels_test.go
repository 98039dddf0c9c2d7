package web_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"rollcall/internal/monitor"
)

const channelsPath = "/api/v3/channels/"

// hookSecret is one that a client chose.
const hookSecret = "whsec_QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB"

// secretOf is the secret that an answer tells, "" when it tells none.
func (w reply) secretOf() string {
	w.Helper()
	secret, _ := w.doc()["secret"].(string)
	return secret
}

func TestAPICreateChannel(t *testing.T) {
	bothEngines(t, func(a *api) {
		w := a.post(channelsPath, `{"kind":"webhook","name":" Pager ","url":"https://example.org/hook?token=x"}`).is(201)
		id, secret := w.doc()["id"].(string), w.secretOf()
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, monitor.SecretPrefix))
		if err != nil || !strings.HasPrefix(secret, monitor.SecretPrefix) || len(key) < monitor.MinSecretSize {
			a.Errorf("the secret is %q", secret)
		}
		want := map[string]any{
			"id": id, "name": "Pager", "kind": "webhook", "url": "https://example.org/hook?token=x",
			"disabled": nil, "checks": 0.0, "last_sent": nil,
		}
		if diff := cmp.Diff(want, a.get(channelsPath+id).is(200).doc()); diff != "" {
			a.Errorf("it is afterwards (-want +got):\n%s", diff)
		}
		want["secret"] = secret
		if diff := cmp.Diff(want, w.doc()); diff != "" {
			a.Errorf("the answer (-want +got):\n%s", diff)
		}
		chosen := a.post(channelsPath, `{"kind":"webhook","name":"Chosen","url":"http://example.org/","secret":"`+hookSecret+`"}`).is(201)
		if got := chosen.secretOf(); got != "" {
			a.Errorf("a secret that the client knows is told: %s", got)
		}
		mail := a.post(channelsPath, `{"kind":"email","name":"Desk","address":"desk@example.org"}`).is(201)
		mail.has("kind", "email", "address", "desk@example.org")
		if doc := mail.doc(); doc["secret"] != nil || doc["url"] != nil {
			a.Errorf("an e-mail channel is %v", doc)
		}
		a.post(createPath, `{"name":"Nightly","channels":"Pager,Desk"}`).is(201)
		a.get(channelsPath+id).has("checks", 1)

		const not = "json validation error: "
		const taken = "another channel of this project has this name"
		for _, test := range []struct {
			body, text string
			code       int
		}{
			{`{"kind":"email","name":"Desk","address":"other@example.org"}`, taken, 409},
			{`{"kind":"email","name":"  Desk ","address":"other@example.org"}`, taken, 409},
			{`{}`, not + "kind is either email or webhook; name is missing; say who or what is told", 400},
			{`{"kind":"pigeon","name":"P"}`, not + "kind is either email or webhook", 400},
			{`{"kind":5,"name":"P"}`, not + "kind is not a string", 400},
			{`{"kind":"email","name":"P"}`, not + "address is missing; one address, such as ops@example.org", 400},
			{`{"kind":"email","name":"P","address":"Ops <ops@example.org>"}`, not + "address is not one plain address, such as ops@example.org", 400},
			{`{"kind":"email","name":"P","address":"a@example.org\r\nBcc: b@example.org"}`, not + "address is not one plain address, such as ops@example.org", 400},
			{`{"kind":"email","name":"P","address":null}`, not + "address is not a string", 400},
			{`{"kind":"email","name":"P","address":"p@example.org","url":"https://example.org"}`, not + "url is no member of channels of the kind email", 400},
			{`{"kind":"webhook","name":"P","url":"https://example.org","address":"p@example.org"}`, not + "address is no member of channels of the kind webhook", 400},
			{`{"kind":"webhook","name":"P","url":"ftp://example.org"}`, not + "url must begin with http:// or https://", 400},
			{`{"kind":"webhook","name":"P","url":"https://user:pw@example.org"}`, not + "url must not contain a user name or password", 400},
			{`{"kind":"webhook","name":"P","url":"https://example.org","secret":"short"}`, not + "secret must be whsec_ and the base64 of 24 to 64 bytes; leave it empty to get a new one", 400},
			{`{"kind":"webhook","name":"` + strings.Repeat("n", 101) + `","url":"https://example.org"}`, not + "name is longer than 100 characters", 400},
		} {
			a.post(channelsPath, test.body).refused(test.code, test.text)
		}
		a.ask(foreignKey, http.MethodPost, channelsPath, `{"kind":"email","name":"Desk","address":"d@example.org"}`).is(201) // each project has its own names
		a.ask(roKey, http.MethodPost, channelsPath, `{"kind":"email","name":"RO","address":"d@example.org"}`).refused(401, "wrong api key")
	})
}

func TestAPIUpdateChannel(t *testing.T) {
	bothEngines(t, func(a *api) {
		w := a.post(channelsPath, `{"kind":"webhook","name":"Pager","url":"https://example.org/a","secret":"`+hookSecret+`"}`).is(201)
		path := channelsPath + w.doc()["id"].(string)
		stored := func() monitor.Channel {
			a.Helper()
			uses, err := a.st.Channels(a.Context(), a.project.ID)
			a.ok(err)
			for _, use := range uses {
				if use.UUID().String() == w.doc()["id"] {
					return use.Channel
				}
			}
			a.Fatal("the channel is gone")
			return monitor.Channel{}
		}
		a.post(path, `{"name":"Phone"}`).is(200).has("name", "Phone", "url", "https://example.org/a", "kind", "webhook")
		if answer := a.post(path, `{"kind":"webhook","url":"https://example.org/b"}`).is(200); answer.secretOf() != "" {
			a.Errorf("the secret is told: %s", answer.body)
		}
		if got := stored(); got.Settings.Secret != hookSecret || got.Name != "Phone" || got.Settings.URL != "https://example.org/b" {
			a.Errorf("what was not named has changed: %+v", got)
		}
		if fresh := a.post(path, `{"secret":""}`).is(200).secretOf(); fresh == "" || fresh == hookSecret || fresh != stored().Settings.Secret {
			a.Errorf("a new secret is %q, stored is %q", fresh, stored().Settings.Secret)
		}

		gone := stored()
		gone.Disabled = "410 Gone, twice"
		a.ok(a.st.EditChannel(a.Context(), gone))
		a.get(path).has("disabled", "410 Gone, twice")
		before := a.kicks.Load()
		a.post(path, "").is(200).has("disabled", nil)
		if stored().Disabled != "" || a.kicks.Load() == before {
			a.Errorf("it is not tried again: %+v", stored())
		}

		for body, text := range map[string]string{
			`{"kind":"email"}`:        "kind cannot be changed; make another channel",
			`{"kind":null}`:           "kind is not a string",
			`{"name":""}`:             "name is missing; say who or what is told",
			`{"url":"javascript:x"}`:  "url must begin with http:// or https://",
			`{"url":null}`:            "url is not a string",
			`{"address":"a@b.c"}`:     "address is no member of channels of the kind webhook",
			`{"secret":"whsec_QUFB"}`: "secret must be whsec_ and the base64 of 24 to 64 bytes; leave it empty to get a new one",
		} {
			a.post(path, body).refused(400, "json validation error: "+text)
		}
		a.post(path, `{"name":"Ops"}`).refused(409, "another channel of this project has this name")
		a.post(path, `{"name":"Phone"}`).is(200) // its own
		if got := stored(); got.Name != "Phone" || got.Settings.URL != "https://example.org/b" {
			a.Errorf("a refused change was made: %+v", got)
		}
	})
}

func TestAPIDeleteChannel(t *testing.T) {
	bothEngines(t, func(a *api) {
		check := a.addCheck(a.project.ID, "Nightly", a.ops.ID, a.hook.ID)
		path := channelsPath + a.ops.UUID().String()
		a.ask(rwKey, http.MethodDelete, path, "").is(200).has("id", a.ops.UUID().String(), "name", "Ops", "checks", 1)
		a.ask(rwKey, http.MethodDelete, path, "").refused(404, "not found")
		a.get(path).refused(404, "not found")
		a.get(at(check, "")).has("channels", a.hook.UUID().String())
	})
}

// Which channels a key reaches: its project's and no other, which look like none.
func TestAPIFindsChannels(t *testing.T) {
	a := newAPI(t)
	theirs := a.addChannel(a.other.ID, "Theirs").UUID().String()
	mine := a.ops.UUID().String()
	for _, way := range []struct{ method, more string }{{"GET", ""}, {"POST", ""}, {"DELETE", ""}, {"POST", "/test"}} {
		for _, id := range []string{theirs, uuid.NewString(), "1", strings.ToUpper(mine)} {
			a.ask(rwKey, way.method, channelsPath+id+way.more, "").refused(404, "not found")
		}
		a.ask(roKey, way.method, channelsPath+mine+way.more, "").refused(401, "wrong api key")
	}
	a.ask(foreignKey, http.MethodGet, channelsPath+theirs, "").is(200)
}

func TestAPITestChannel(t *testing.T) {
	a := newAPI(t)
	path := channelsPath + a.ops.UUID().String() + "/test"
	before := a.kicks.Load()
	id := a.post(path, "").is(202).doc()["delivery"].(float64)
	a.get(fmt.Sprint("/api/v3/deliveries/", id)).is(200).has(
		"kind", "test", "check", nil, "old", nil, "new", nil, "state", "pending", "attempts", 0, "tries", []any{},
		"channel", map[string]any{"name": "Ops", "kind": "email"})
	if a.kicks.Load() == before {
		t.Error("nobody is told that there is something to send")
	}
	code, sent := 0, 1
	for code != 429 && sent < 100 {
		if code = a.post(path, "{}").code; code == 202 {
			sent++
		}
	}
	last := a.post(path, "")
	last.refused(429, "too many requests")
	if sent != 6 || last.header.Get("Retry-After") == "" {
		t.Errorf("%d tests were sent, then: %v", sent, last.header)
	}
	a.ahead.Add(int64(time.Minute))
	a.post(path, "").is(202)
	a.ops.Disabled = "410 Gone, twice"
	a.ok(a.st.EditChannel(t.Context(), a.ops))
	a.post(path, "").is(202) // which enables it when it is taken
}
