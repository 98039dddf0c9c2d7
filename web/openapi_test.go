package web_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"rollcall/internal/monitor"
	"rollcall/web"
)

// Every route of the table is described, and nothing else is.
func TestOpenAPIDescribesTheTable(t *testing.T) {
	routes, described := web.APIRoutes(), web.APIOperations()
	slices.Sort(routes)
	slices.Sort(described)
	if got, want := strings.Join(described, "\n"), strings.Join(routes, "\n"); got != want {
		t.Errorf("described:\n%s\n\nin the table:\n%s", got, want)
	}
}

// description is the document as a client reads it.
type description struct {
	t        *testing.T
	document map[string]any
	compiler *jsonschema.Compiler
}

func describe(a *api) description {
	a.Helper()
	w := a.ask("", "GET", "/api/openapi.json", "").is(200)
	d := description{t: a.T, document: w.doc(), compiler: jsonschema.NewCompiler()}
	a.ok(d.compiler.AddResource("api.json", d.document))
	return d
}

var pathPart = regexp.MustCompile(`\\\{[a-z]+\\\}`)

// check holds an answer against what the document says of it.
func (d description) check(method, path string, w reply) {
	d.t.Helper()
	path, _, _ = strings.Cut(path, "?")
	paths := d.document["paths"].(map[string]any)
	for pattern, item := range paths {
		like := regexp.MustCompile("^" + pathPart.ReplaceAllString(regexp.QuoteMeta(pattern), "[^/]+") + "$")
		operation, ok := item.(map[string]any)[strings.ToLower(method)]
		if !like.MatchString("/"+path) || !ok || strings.Contains(pattern, "{unique}") {
			continue
		}
		responses := operation.(map[string]any)["responses"].(map[string]any)
		code := fmt.Sprint(w.code)
		if responses[code] == nil {
			code = "default"
			if w.code < 400 {
				d.t.Errorf("%s %s: %d is not described", method, path, w.code)
			}
		}
		kind, _, _ := strings.Cut(w.header.Get("Content-Type"), ";")
		content := responses[code].(map[string]any)["content"].(map[string]any)
		if content[kind] == nil {
			if kind != "application/yaml" {
				d.t.Errorf("%s %s: %s is not described", method, path, kind)
			}
			return
		}
		if !strings.HasSuffix(kind, "json") {
			return
		}
		escape := func(text string) string {
			return url.PathEscape(strings.NewReplacer("~", "~0", "/", "~1").Replace(text))
		}
		at := fmt.Sprintf("api.json#/paths/%s/%s/responses/%s/content/%s/schema", escape(pattern), strings.ToLower(method), code, escape(kind))
		schema, err := d.compiler.Compile(at)
		if err != nil {
			d.t.Fatal(err)
		}
		var value any
		if err := json.Unmarshal(w.body, &value); err != nil {
			d.t.Fatal(err)
		}
		if err := schema.Validate(value); err != nil {
			d.t.Errorf("%s %s %d: %v\n%s", method, path, w.code, err, w.body)
		}
		return
	}
	d.t.Errorf("%s %s is not described", method, path)
}

// What the server answers is what its description says, in success and in error.
func TestOpenAPIFitsLiveAnswers(t *testing.T) {
	a := newAPI(t)
	d := describe(a)
	ask := func(key, method, path, body string) reply {
		t.Helper()
		w := a.ask(key, method, "/api/v3/"+path, body)
		d.check(method, path, w)
		return w
	}
	made := ask(rwKey, "POST", "checks/", `{"name":"Nightly","slug":"nightly","schedule":"0 3 * * *","max_runtime":null,"channels":"*","unique":["slug"]}`).is(201).doc()
	uuid := made["uuid"].(string)
	ask(rwKey, "POST", "checks/", `{"slug":"nightly","unique":["slug"],"timeout":3600}`).is(200)
	checks, err := a.st.Checks(t.Context(), a.project.ID, 10)
	a.ok(err)
	zero := int64(0)
	a.report(checks[0], monitor.Ping{At: a.now(), Signal: monitor.Start, RunID: "r1"})
	a.report(checks[0], monitor.Ping{At: a.now(), Signal: monitor.Success, RunID: "r1", Exit: &zero, Body: []byte("done"), BodySize: 4})
	a.report(checks[0], monitor.Ping{At: a.now(), Signal: monitor.Fail, Exit: &zero})
	channels := ask(rwKey, "POST", "channels/", `{"kind":"webhook","name":"more","url":"https://example.org/hook"}`).is(201).doc()
	id := channels["id"].(string)
	test := ask(rwKey, "POST", "channels/"+id+"/test", "").is(202).doc()
	delivery := fmt.Sprint(test["delivery"])
	member, _ := a.addAccount("ken@example.org", "", "Other")
	for _, c := range []struct {
		key, method, path, body string
		code                    int
	}{
		{rwKey, "GET", "checks/", "", 200},
		{roKey, "GET", "checks/", "", 200},
		{rwKey, "GET", "checks/?limit=1", "", 200},
		{"", "GET", "checks/", "", 401},
		{rwKey, "POST", "checks/", `{"timeout":1}`, 400},
		{rwKey, "GET", "checks/" + uuid, "", 200},
		{roKey, "GET", "checks/" + uuid, "", 200},
		{rwKey, "GET", "checks/00000000-0000-4000-8000-000000000000", "", 404},
		{rwKey, "POST", "checks/" + uuid, `{"desc":"x"}`, 200},
		{rwKey, "GET", "checks/" + uuid + "/pings/", "", 200},
		{rwKey, "GET", "checks/" + uuid + "/pings/2/body", "", 200},
		{rwKey, "GET", "checks/" + uuid + "/pings/9/body", "", 404},
		{rwKey, "GET", "checks/" + uuid + "/flips/", "", 200},
		{rwKey, "GET", "checks/" + uuid + "/flips/?seconds=x", "", 400},
		{rwKey, "GET", "checks/" + uuid + "/runs/", "", 200},
		{roKey, "GET", "checks/" + uuid + "/why", "", 200},
		{rwKey, "GET", "checks/" + uuid + "/why?at=yesterday", "", 400},
		{roKey, "GET", "latency/", "", 200},
		{rwKey, "GET", "checks/" + uuid + "/runs/?limit=0", "", 400},
		{rwKey, "POST", "checks/" + uuid + "/pause", "", 200},
		{rwKey, "POST", "checks/" + uuid + "/resume", "", 200},
		{rwKey, "POST", "checks/" + uuid + "/resume", "", 409},
		{rwKey, "GET", "channels/", "", 200},
		{rwKey, "GET", "channels/" + id, "", 200},
		{rwKey, "POST", "channels/", `{"kind":"webhook","name":"more","url":"https://example.org/hook"}`, 409},
		{rwKey, "POST", "channels/", `{"kind":"pigeon","name":"x"}`, 400},
		{rwKey, "POST", "channels/" + id, `{"name":"other","url":"http://example.org/"}`, 200},
		{rwKey, "POST", "channels/" + id, `{"url":"ftp://example.org/"}`, 400},
		{rwKey, "GET", "deliveries/", "", 200},
		{rwKey, "GET", "deliveries/?limit=1", "", 200},
		{rwKey, "GET", "deliveries/?channel=" + id, "", 200},
		{rwKey, "GET", "deliveries/?check=" + uuid, "", 200},
		{rwKey, "GET", "deliveries/?state=lost", "", 400},
		{rwKey, "GET", "deliveries/?cursor=lost", "", 400},
		{roKey, "GET", "deliveries/", "", 401},
		{rwKey, "GET", "deliveries/" + delivery, "", 200},
		{rwKey, "POST", "deliveries/" + delivery + "/replay", "", 409},
		{rwKey, "GET", "deliveries/999999", "", 404},
		{rwKey, "POST", "deliveries/replay?since=0", "", 200},
		{rwKey, "POST", "deliveries/replay?since=x", "", 400},
		{rwKey, "DELETE", "channels/" + id, "", 200},
		{rwKey, "DELETE", "channels/" + id, "", 404},
		{roKey, "GET", "events/", "", 200},
		{rwKey, "GET", "events/?after=0", "", 200},
		{rwKey, "GET", "events/?after=yesterday", "", 400},
		{roKey, "GET", "blind/", "", 200},
		{roKey, "GET", "summary/", "", 200},
		{roKey, "GET", "projects/", "", 200},
		{rwKey, "POST", fmt.Sprintf("projects/%d", a.project.ID), `{"name":"Renamed"}`, 200},
		{rwKey, "POST", fmt.Sprintf("projects/%d", a.project.ID), `{"name":""}`, 400},
		{rwKey, "POST", "projects/999999", `{"name":"Theirs"}`, 404},
		{rwKey, "GET", "members/", "", 200},
		{rwKey, "POST", "members/", `{"email":"` + member.Email + `","role":"readonly"}`, 201},
		{rwKey, "POST", "members/" + member.Email, `{"role":"manager"}`, 200},
		{rwKey, "POST", "members/" + member.Email, `{"role":"owner"}`, 400},
		{rwKey, "POST", "members/nobody@example.org", `{"role":"member"}`, 404},
		{rwKey, "DELETE", "members/" + a.user.Email, "", 403},
		{rwKey, "DELETE", "members/" + member.Email, "", 200},
		{rwKey, "DELETE", "members/" + member.Email, "", 404},
		{roKey, "GET", "heartbeat/", "", 404},
		{rwKey, "POST", "heartbeat/", `{"url":"ftp://watch.example.org"}`, 400},
		{rwKey, "POST", "heartbeat/", `{"url":"https://watch.example.org/ping/secret"}`, 200},
		{roKey, "POST", "heartbeat/", `{"url":"https://watch.example.org/ping/secret"}`, 401},
		{roKey, "GET", "heartbeat/", "", 200},
		{rwKey, "DELETE", "heartbeat/", "", 200},
		{rwKey, "DELETE", "heartbeat/", "", 404},
		{roKey, "GET", "export/", "", 200},
		{rwKey, "POST", "apply/?plan=1", "projects:\n- name: Renamed\n  checks:\n  - {name: New, slug: new, period: 1h}\n", 200},
		{rwKey, "POST", "apply/", "projects: 1", 422},
		{roKey, "GET", "badges/", "", 200},
		{"", "GET", "status/", "", 200},
		{"", "GET", "metrics/", "", 403},
		{rwKey, "DELETE", "checks/" + uuid, "", 200},
	} {
		if w := ask(c.key, c.method, c.path, c.body); w.code != c.code {
			t.Errorf("%s %s: %d, want %d: %s", c.method, c.path, w.code, c.code, w.body)
		}
	}
	if got := d.document["openapi"]; got != "3.1.0" {
		t.Errorf("openapi %v", got)
	}
	if w := a.ask("", "GET", "/api/openapi.json", "", "If-None-Match", a.ask("", "GET", "/api/openapi.json", "").header.Get("ETag")); w.code != http.StatusNotModified {
		t.Errorf("asked again: %d", w.code)
	}
}
