package web_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"rollcall/internal/monitor"
	"rollcall/internal/schedule"
	"rollcall/web"
)

var inBraces = regexp.MustCompile(`\{[a-z_]+(?::(?:[^{}]|\{[^{}]*\})*)?\}`)

// Whatever the table holds asks for the key that it names, and takes no other.
func TestAPITableIsKept(t *testing.T) {
	a := newAPI(t)
	check := a.addCheck(a.project.ID, "Nightly")
	for _, way := range web.APIWays() {
		if !way.Read && !way.Write {
			continue
		}
		path := inBraces.ReplaceAllStringFunc(way.Path, func(part string) string {
			switch {
			case strings.HasPrefix(part, "{unique"):
				return uniqueKeyOf(a, check)
			case strings.Contains(part, "[0-9a-f]"):
				return check.UUID.String()
			}
			return "1"
		})
		if w := a.ask("", way.Method, path, ""); w.code != 401 {
			t.Errorf("%s %s without a key: %d %s", way.Method, path, w.code, w.body)
		}
		if w := a.ask(roKey, way.Method, path, ""); way.Write && w.code != 401 || w.code >= 500 {
			t.Errorf("%s %s with the read-only key: %d %s", way.Method, path, w.code, w.body)
		}
		if w := a.ask(foreignKey, way.Method, path, ""); strings.Contains(string(w.body), check.UUID.String()) {
			t.Errorf("%s %s tells another project: %d %s", way.Method, path, w.code, w.body)
		}
	}
	if !web.APIRefusesZeroKey(web.Config{Store: a.st, Now: a.now}) {
		t.Error("a route without a key is taken")
	}
}

// Nothing that a client sends to any address of the API is our failure, a redirect
// that nobody asked for, or a word about the inside.
func TestAPIHostile(t *testing.T) {
	bothEngines(t, func(a *api) {
		check := a.addCheck(a.project.ID, "Nightly")
		values := []string{
			check.UUID.String(), "0", "-1", "9223372036854775807", "99999999999999999999999999999999", "%00", "%00%00%00%00%00%00%00%00%00%00%00%00%00%00%00%00",
			"%2e%2e", "..", "%2F", "%D9%A1", "a%20b", "%ff%fe", "'%20OR%201=1--", strings.Repeat("x", 32), strings.Repeat("0a", 20), strings.Repeat("é", 300), "a@b", "*",
		}
		bodies := []string{
			"", "{}", "{", "null", "[]", `"x"`, "{}{}", "\x00", "\xff", "\ufeff{}", `{"name":"\u0000"}`, `{"name":"\ud800"}`, `{"name":null}`, `{"name":["x"]}`,
			`{"kind":"webhook","name":"x","url":"http://[::1"}`, `{"kind":7,"name":{},"url":[],"address":null,"secret":1}`, `{"kind":"email","name":"\u0000","address":"a\u0000@b"}`,
			`{"email":"a\u0000@b","role":"owner"}`, `{"email":5,"role":null}`, `{"timeout":1e400}`, `{"grace":` + strings.Repeat("9", 10_000) + `}`,
			`{"x":` + strings.Repeat("[", 100_000), strings.Repeat(`{"a":`, 5_000) + "1" + strings.Repeat("}", 5_000),
			"checks: [", "project: &a [*a]", "--- !!binary |\n  AAAA", strings.Repeat("a: b\n", 10_000),
		}
		query := "?limit=%00&cursor=%ff&tag=%00&slug=%00&seconds=%00&start=1e9&after=%00&check=%00&channel=%00&state=%00&plan=%00&prune=2"
		asked := 0
		try := func(method, path, body string) {
			if asked++; asked%100 == 0 {
				a.ahead.Add(int64(time.Minute)) // no key may ask so often
			}
			w := a.ask(rwKey, method, path, body)
			if w.code >= 500 || w.code/100 == 3 && !strings.HasSuffix(w.header.Get("Location"), "/"+query) || strings.Contains(w.said(), "SQL") {
				a.Errorf("%s %.200s with %.60q: %d %s", method, path, body, w.code, w.body)
			}
		}
		for _, way := range web.APIWays() {
			for _, value := range values {
				path := inBraces.ReplaceAllLiteralString(way.Path, value)
				try(way.Method, path, "{}")
				try(way.Method, path+query, "")
			}
			usual := inBraces.ReplaceAllLiteralString(way.Path, check.UUID.String())
			if way.Method == http.MethodPost {
				for _, body := range bodies {
					try(way.Method, usual, body)
				}
			}
			try("FOO", usual, "")
		}
		if text := a.log.String(); strings.Contains(text, "panic") {
			a.Errorf("something panicked:\n%s", text)
		}
	})
}

// Whatever is sent as a check is either understood, and then valid and storable, or
// refused with words.
func FuzzCheckJSON(f *testing.F) {
	for _, body := range []string{
		`{}`, `{"name":"Nightly","tags":"a b","timeout":3600,"grace":60,"unique":["name"],"channels":"*"}`,
		`{"schedule":"*/5 9-17 * * 1-5","tz":"Europe/Riga","methods":"POST","manual_resume":true}`,
		`{"schedule":"Mon..Fri *-*-* 09:00:00","max_runtime":null}`, `{"subject":"x","subject_fail":"y","filter_subject":false}`,
		`{"name":"\ud800","slug":"a","desc":"\u0000"}`, `{"timeout":1e400}`, `{"timeout":-0,"grace":true}`, `{"a":1,"a":2}`,
		`{"tokens":[{"dialect":"kuma","token":"AbCdEfGh12"}],"import_uuid":"7b1c4a8e-1d4c-4b43-9d9f-0c4d3a1e5f60"}`, "\ufeff{}", `[[[[`, ``,
	} {
		f.Add([]byte(body))
	}
	cron := monitor.Config{
		Name: "Stored", Slug: "stored", Tags: []string{"kept"}, Grace: time.Minute,
		Schedule: schedule.Spec{Kind: schedule.Cron, Expr: "0 4 * * *", Zone: "Europe/Riga"},
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, stored := range []*monitor.Config{nil, &cron} {
			config, code, text := web.ReadCheck(body, stored)
			if code != http.StatusOK {
				if code != http.StatusBadRequest || text == "" || !utf8.ValidString(text) {
					t.Fatalf("refused with %d %q", code, text)
				}
				continue
			}
			again, err := config.Valid()
			if err != nil || !again.Equal(config) {
				t.Fatalf("what was taken is not valid: %v\n%+v", err, config)
			}
			for _, text := range append([]string{config.Name, config.Slug, config.Description, config.Filter.Fail, config.Filter.Success, config.Filter.Start}, config.Tags...) {
				if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
					t.Fatalf("PostgreSQL cannot store %q", text)
				}
			}
		}
	})
}
