package web_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"rollcall/internal/monitor"
)

const createPath = "/api/v3/checks/"

// bothEngines runs a story on SQLite and on PostgreSQL.
func bothEngines(t *testing.T, story func(*api)) {
	t.Run("sqlite", func(t *testing.T) { story(newAPI(t)) })
	t.Run("postgres", func(t *testing.T) { story(postgresAPI(t)) })
}

// Every member of a request: what it does, its bounds, and the text that refuses it.
func TestAPIFields(t *testing.T) {
	bothEngines(t, func(a *api) {
		check := a.addCheck(a.project.ID, "Nightly")
		const not = "json validation error: "
		long := func(n int) string { return `"` + strings.Repeat("é", n) + `"` }
		for _, test := range []struct {
			member, value string
			refused       string // "" is accepted
			has           []any
		}{
			{"name", `"Backup"`, "", []any{"name", "Backup"}},
			{"name", `""`, "", []any{"name", ""}},
			{"name", long(100), "", []any{"name", strings.Repeat("é", 100)}},
			{"name", `"` + strings.Repeat("😀", 100) + `"`, "", []any{"name", strings.Repeat("😀", 100)}},
			{"name", long(101), "name is too long", nil},
			{"name", "null", "name is not a string", nil},
			{"name", "1", "name is not a string", nil},
			{"name", `["x"]`, "name is not a string", nil},
			{"name", `"a\u0000b"`, "name is not a string", nil},
			{"name", `"\ud800"`, "name is not a string", nil},
			{"name", `"\ufffd"`, "", []any{"name", "\ufffd"}},
			{"name", `"a\u0007"`, "name contains characters that cannot be shown, such as control or direction marks", nil},
			{"name", `"abc\u202egnp.exe"`, "name contains characters that cannot be shown, such as control or direction marks", nil},
			{"slug", `"a-b_9"`, "", []any{"slug", "a-b_9"}},
			{"slug", `""`, "", []any{"slug", ""}},
			{"slug", `"Upper"`, "slug does not match pattern", nil},
			{"slug", `"a b"`, "slug does not match pattern", nil},
			{"slug", `".."`, "slug does not match pattern", nil},
			{"slug", `"` + strings.Repeat("a", 101) + `"`, "slug is too long", nil},
			{"tags", `"prod  db prod"`, "", []any{"tags", "prod db"}},
			{"tags", `""`, "", []any{"tags", ""}},
			{"tags", "5", "tags is not a string", nil},
			{"tags", `"` + strings.Repeat("t", 2000) + `"`, "tags is longer than 50 characters", nil},
			{"tags", `"a,b"`, "tags are single words, separated by spaces", nil},
			{"desc", `"line\nline"`, "", []any{"desc", "line\nline"}},
			{"desc", "{}", "desc is not a string", nil},
			{"timeout", "60", "", []any{"timeout", 60}},
			{"timeout", "31536000", "", []any{"timeout", 31536000}},
			{"timeout", "59", "timeout is too small", nil},
			{"timeout", "0", "timeout is too small", nil},
			{"timeout", "-1", "timeout is too small", nil},
			{"timeout", "true", "timeout is too small", nil},
			{"timeout", "31536001", "timeout is too large", nil},
			{"timeout", "9223372036854775808", "timeout is too large", nil},
			{"timeout", "1" + strings.Repeat("0", 5000), "timeout is too large", nil},
			{"timeout", "-1" + strings.Repeat("0", 5000), "timeout is too small", nil},
			{"timeout", "1e400", "timeout is not a number", nil},
			{"timeout", "61.5", "timeout is not a number", nil},
			{"timeout", `"60"`, "timeout is not a number", nil},
			{"timeout", "null", "timeout is not a number", nil},
			{"grace", "60", "", []any{"grace", 60}},
			{"grace", "31536001", "grace is too large", nil},
			{"grace", "59", "grace is too small", nil},
			{"grace", "[]", "grace is not a number", nil},
			{"schedule", `"*/5 * * * *"`, "", []any{"schedule", "*/5 * * * *", "kind", "cron", "tz", "UTC"}},
			{"tz", `"Europe/Riga"`, "", []any{"tz", "Europe/Riga", "schedule", "*/5 * * * *"}},
			{"tz", `"Europe/Kiev"`, "", []any{"tz", "Europe/Kyiv"}},
			{"schedule", `"Mon..Fri 09:00"`, "", []any{"schedule", "Mon..Fri 09:00", "kind", "oncalendar", "tz", "Europe/Kyiv"}},
			{"schedule", `"@daily"`, "", []any{"kind", "cron", "schedule", "@daily"}},
			{"schedule", `"* * * *"`, "schedule is not a valid cron or OnCalendar expression", nil},
			{"schedule", `"0 0 31 2 *"`, "schedule is not a valid cron or OnCalendar expression", nil},
			{"schedule", `"60 * * * *"`, "schedule is not a valid cron or OnCalendar expression", nil},
			{"schedule", `"*/0 * * * *"`, "schedule is not a valid cron or OnCalendar expression", nil},
			{"schedule", `"@reboot"`, "schedule is not a valid cron or OnCalendar expression", nil},
			{"schedule", `"TZ=UTC * * * * *"`, "schedule is not a valid cron or OnCalendar expression", nil},
			{"schedule", `"*-02-30"`, "schedule is not a valid cron or OnCalendar expression", nil},
			{"schedule", `""`, "schedule is not a valid cron or OnCalendar expression", nil},
			{"schedule", `"` + strings.Repeat("1", 101) + `"`, "schedule is too long", nil},
			{"schedule", "5", "schedule is not a string", nil},
			{"tz", `"Mars/Phobos"`, "tz is not a valid timezone", nil},
			{"tz", `"../../etc/passwd"`, "tz is not a valid timezone", nil},
			{"tz", `"Local"`, "tz is not a valid timezone", nil},
			{"tz", `""`, "tz is not a valid timezone", nil},
			{"tz", "1", "tz is not a string", nil},
			{"timeout", "120", "", []any{"timeout", 120, "kind", "simple"}}, // a timeout takes the schedule's place again
			{"manual_resume", "true", "", []any{"manual_resume", true}},
			{"manual_resume", `"yes"`, "manual_resume is not a boolean", nil},
			{"manual_resume", "null", "manual_resume is not a boolean", nil},
			{"manual_resume", "1", "manual_resume is not a boolean", nil},
			{"methods", `"POST"`, "", []any{"methods", "POST"}},
			{"methods", `""`, "", []any{"methods", ""}},
			{"methods", `"GET"`, "methods has unexpected value", nil},
			{"methods", "1", "methods is not a string", nil},
			{"start_kw", `"BEGIN"`, "", []any{"start_kw", "BEGIN"}},
			{"success_kw", `"OK, fine"`, "", []any{"success_kw", "OK, fine", "subject", ""}},
			{"failure_kw", `"ERR"`, "", []any{"failure_kw", "ERR"}},
			{"failure_kw", long(201), "failure_kw is too long", nil},
			{"start_kw", long(201), "start_kw is too long", nil},
			{"success_kw", "[]", "success_kw is not a string", nil},
			{"filter_subject", "true", "", []any{"filter_subject", true, "subject", "OK, fine", "subject_fail", "ERR"}},
			{"filter_body", "true", "", []any{"filter_body", true}},
			{"filter_http_body", "true", "", []any{"filter_http_body", true}},
			{"filter_default_fail", "true", "", []any{"filter_default_fail", true}},
			{"filter_default_fail", "false", "", []any{"filter_default_fail", false}},
			{"filter_body", "0", "filter_body is not a boolean", nil},
			{"subject", `""`, "", []any{"subject", "", "success_kw", "", "filter_subject", true}},
			{"subject_fail", `""`, "", []any{"subject_fail", "", "failure_kw", "", "filter_subject", false}},
			{"subject", `"DONE"`, "", []any{"subject", "DONE", "success_kw", "DONE", "filter_subject", true}},
			{"subject", long(201), "subject is too long", nil},
			{"max_runtime", "1", "", []any{"max_runtime", 1}},
			{"max_runtime", "null", "", []any{"max_runtime", nil}},
			{"max_runtime", "0", "max_runtime is too small", nil},
			{"max_runtime", `"5"`, "max_runtime is not a number", nil},
			{"threshold", "1", "", []any{"threshold", 1}},
			{"threshold", "720", "", []any{"threshold", 720}},
			{"threshold", "null", "", []any{"threshold", nil}},
			{"threshold", "0", "threshold is too small", nil},
			{"threshold", "721", "threshold is too large", nil},
			{"threshold", `"5"`, "threshold is not a number", nil},
			{"unique", `"name"`, "unique is not an array", nil},
			{"unique", "null", "unique is not an array", nil},
			{"unique", `["status"]`, "an item in 'unique' has unexpected value", nil},
			{"unique", `[1]`, "an item in 'unique' has unexpected value", nil},
			{"unique", `[null]`, "an item in 'unique' has unexpected value", nil},
			{"channels", "1", "channels is not a string", nil},
			{"channels", "null", "channels is not a string", nil},
			{"import_uuid", `"nonsense"`, "import_uuid is not a UUID", nil},
			{"import_uuid", `"00000000-0000-0000-0000-000000000000"`, "import_uuid is not a UUID", nil},
			{"tokens", `{}`, "tokens is not an array", nil},
			{"tokens", `["x"]`, `tokens are objects such as {"dialect": "kuma", "token": "…"}`, nil},
			{"tokens", `[{"dialect":"nowhere","token":"AbCdEfGh12"}]`, "tokens name a dialect that is not known", nil},
			{"tokens", `[{"dialect":"deadmanssnitch","token":"aaaaaaaaaa"}]`, "token is too easy to guess; at least 8 characters, 5 of them different", nil},
			{"nothing_of_ours", `{"deep":[1,2,{"x":null}]}`, "", nil},
		} {
			w := a.post(at(check, ""), fmt.Sprintf(`{%q: %s}`, test.member, test.value))
			if len(test.value) > 60 {
				test.value = test.value[:60] + "…"
			}
			before := a.Failed()
			if test.refused == "" {
				w.is(200).has(test.has...)
			} else {
				w.refused(400, not+test.refused)
				a.post(createPath, fmt.Sprintf(`{%q: %s}`, test.member, test.value))
			}
			if a.Failed() && !before {
				a.Errorf("that was %s: %s", test.member, test.value)
			}
		}
		a.Run("the first mistake in the order of the alphabet is told", func(*testing.T) {
			a.post(at(check, ""), `{"tz":1,"timeout":"x","name":5,"desc":null}`).refused(400, not+"desc is not a string")
		})
	})
}

// What is no JSON object, and what is one only for careless readers.
func TestAPIBodies(t *testing.T) {
	bothEngines(t, func(a *api) {
		const unread = "could not parse request body"
		const noObject = "json validation error: value is not an object"
		deep := strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000)
		for body, text := range map[string]string{
			"{": unread, "nonsense": unread, "{}{}": unread, " ": unread, "{\"name\":\"a\",}": unread,
			"null": noObject, "[]": noObject, `"x"`: noObject, "5": noObject, "true": noObject,
			"\xff\xfe{\x00}\x00":          unread, // UTF-16
			"{\"name\":\"\xff\"}":         unread,
			`{"name":"a","name":"b"}`:     unread,
			`{"name":NaN}`:                unread,
			strings.Repeat("[", 100_000):  unread,
			`{"x":` + deep + `}`:          unread,
			strings.Repeat(`{"a":`, 9000): unread,
		} {
			a.post(createPath, body).refused(400, text)
		}
		a.post(createPath, "\ufeff{\"name\":\"With a byte order mark\"}").is(201)
		a.post(createPath, `{"name":"Deep","x":`+strings.Repeat("[", 900)+strings.Repeat("]", 900)+`}`).is(201)
		a.post(createPath, "").is(201).has("name", "", "timeout", 86400, "grace", 3600, "channels", "")
		a.post(createPath, `{"name":"By any type"}`, "Content-Type", "text/xml", "Accept", "text/html").is(201)
	})
}

func TestAPICreate(t *testing.T) {
	bothEngines(t, func(a *api) {
		w := a.post(createPath, `{"name":"Backup","tags":"prod db","timeout":3600,"grace":600,"desc":"Look at the tape"}`).is(201)
		w.has("name", "Backup", "slug", "", "tags", "prod db", "timeout", 3600, "grace", 600, "status", "new", "channels", "", "desc", "Look at the tape")
		id, _ := w.doc()["uuid"].(string)
		a.get("/api/v3/checks/" + id).is(200)

		a.Run("a schedule wins over a timeout", func(*testing.T) {
			a.post(createPath, `{"schedule":"0 4 * * *","tz":"Europe/Riga","timeout":3600}`).is(201).has("kind", "cron", "schedule", "0 4 * * *", "tz", "Europe/Riga")
		})
		a.Run("slugs", func(*testing.T) {
			for _, test := range []struct{ version, body, slug string }{
				{"v1", `{"name":"Nightly Backup"}`, "nightly-backup"},
				{"v2", `{"name":"Nightly  backup"}`, "nightly-backup-2"},
				{"v1", `{"name":"nightly backup!"}`, "nightly-backup-3"},
				{"v3", `{"name":"Nightly Backup"}`, ""},
				{"v1", `{"name":"Café – Überprüfung №1"}`, "cafe-uberprufung-no1"},
				{"v1", `{"name":"_-Edges-_"}`, "edges"},
				{"v1", `{"name":"Бэкап"}`, ""},
				{"v1", `{"name":"Explicit","slug":"of-my-own"}`, "of-my-own"},
				{"v1", `{"slug":"alone"}`, "alone"},
				{"v1", `{"name":"` + strings.Repeat("n", 100) + `"}`, strings.Repeat("n", 100)},
				{"v1", `{"name":"` + strings.Repeat("n", 100) + `"}`, strings.Repeat("n", 98) + "-2"},
			} {
				a.post("/api/"+test.version+"/checks/", test.body).is(201).has("slug", test.slug)
			}
			owner, _ := a.post(createPath, `{"slug":"taken"}`).is(201).doc()["uuid"].(string)
			text := "slug taken belongs to the check " + owner + " of this project"
			a.post(createPath, `{"slug":"taken"}`).refused(409, text)
			a.post("/api/v1/checks/", `{"name":"X","slug":"taken"}`).refused(409, text)
			a.post("/api/v3/checks/"+id, `{"slug":"taken"}`).refused(409, text)
			a.ask(foreignKey, http.MethodPost, createPath, `{"slug":"taken"}`).is(201) // each project has its own
		})
		a.Run("the slug follows the name in the first versions", func(*testing.T) {
			check := a.addCheck(a.project.ID, "First")
			one := "checks/" + check.UUID.String()
			a.post("/api/v1/"+one, `{"name":"Taken"}`).is(200).has("name", "Taken", "slug", "taken-2")
			a.post("/api/v1/"+one, `{"name":"Taken","desc":"x"}`).is(200).has("slug", "taken-2")
			a.post("/api/v3/"+one, `{"name":"Third"}`).is(200).has("slug", "taken-2")
			a.post("/api/v2/"+one, `{"desc":"y"}`).is(200).has("slug", "taken-2")
			a.post("/api/v2/"+one, `{"name":"Third"}`).is(200).has("slug", "third")
		})
		a.Run("an old UUID is kept", func(*testing.T) {
			id := uuid.NewString()
			a.post(createPath, `{"import_uuid":"`+strings.ToUpper(id)+`","name":"Moved"}`).is(201).has("uuid", id)
			a.post(createPath, `{"import_uuid":"`+id+`"}`).refused(409, "import_uuid belongs to another check")
			a.ask(foreignKey, http.MethodPost, createPath, `{"import_uuid":"`+id+`"}`).refused(409, "import_uuid belongs to another check")
			a.post(createPath, `{"import_uuid":"`+id+`","name":"Moved","unique":["name"]}`).is(200)
			a.post(createPath, `{"import_uuid":"`+uuid.NewString()+`","name":"Moved","unique":["name"]}`).refused(409, "the check is there with another UUID, "+id)
		})
		a.Run("tokens of another service", func(*testing.T) {
			const body = `{"name":"Snitch","unique":["name"],"tokens":[{"dialect":"deadmanssnitch","token":"c2354d53d2"}]}`
			w := a.post(createPath, body).is(201)
			a.post(createPath, body).is(200)
			a.post(createPath, strings.Replace(body, "Snitch", "Other", 1)).refused(409, "a token belongs to another check")
			a.post(createPath, strings.Replace(body, "c2354d53d2", "f0c1aa9924", 1)).is(200)
			dialect, of, err := a.st.TokenOwner(t.Context(), "f0c1aa9924")
			a.ok(err)
			id, _ := w.doc()["uuid"].(string)
			check, err := a.st.Check(t.Context(), a.project.ID, uuid.MustParse(id))
			a.ok(err)
			if dialect != "deadmanssnitch" || of != check.ID {
				t.Errorf("the token is %s's of check %d", dialect, of)
			}
		})
	})
}

func TestAPIChannels(t *testing.T) {
	bothEngines(t, func(a *api) {
		theirs := a.addChannel(a.other.ID, "Theirs")
		ops, hook := a.ops.UUID().String(), a.hook.UUID().String()
		both := min(ops, hook) + "," + max(ops, hook)
		w := a.get("/api/v3/channels/").is(200)
		want := fmt.Sprintf(`{"channels":[{"id":%q,"name":"Hook","kind":"email"},{"id":%q,"name":"Ops","kind":"email"}]}`, hook, ops)
		if string(w.body) != want {
			t.Errorf("channels are %s, want %s", w.body, want)
		}
		id, _ := a.post(createPath, `{"name":"Nightly"}`).is(201).has("channels", "").doc()["uuid"].(string)
		for _, test := range []struct{ said, has, refused string }{
			{"*", both, ""},
			{"", "", ""},
			{ops, ops, ""},
			{"Hook", hook, ""},
			{"Hook," + ops + "," + hook, both, ""},
			{"hook", "", "invalid channel identifier: hook"},
			{theirs.UUID().String(), "", "invalid channel identifier: " + theirs.UUID().String()},
			{"Theirs", "", "invalid channel identifier: Theirs"},
			{ops + ",", "", "empty channel identifier"},
			{",", "", "empty channel identifier"},
		} {
			update := a.post("/api/v3/checks/"+id, `{"name":"Changed","channels":"`+test.said+`"}`)
			create := a.post(createPath, `{"channels":"`+test.said+`"}`)
			if test.refused != "" {
				update.refused(400, test.refused)
				create.refused(400, test.refused)
				continue
			}
			update.is(200).has("channels", test.has)
			create.is(201).has("channels", test.has)
			a.get("/api/v3/checks/"+id).has("channels", test.has)
		}
		a.post("/api/v3/checks/"+id, `{"channels":"*"}`).is(200)
		a.post("/api/v3/checks/"+id, `{"name":"As before"}`).is(200).has("channels", both)
		a.post("/api/v3/checks/"+id, `{"name":"Not saved","channels":"nobody"}`).is(400)
		a.get("/api/v3/checks/"+id).has("name", "As before", "channels", both)
	})
}

func TestAPIUnique(t *testing.T) {
	bothEngines(t, func(a *api) {
		const body = `{"name":"Nightly","slug":"nightly","tags":"prod db","timeout":3600,"grace":600,"unique":["name","slug","tags","timeout","grace"]}`
		first, _ := a.post(createPath, body).is(201).doc()["uuid"].(string)
		a.post(createPath, body).is(200).has("uuid", first)
		a.post(createPath, `{"name":"Nightly","desc":"Changed","unique":["name"]}`).is(200).has("uuid", first, "desc", "Changed", "timeout", 3600, "grace", 600, "tags", "prod db")
		a.post(createPath, `{"name":"Renamed","slug":"nightly","unique":["slug"]}`).is(200).has("uuid", first, "name", "Renamed")
		a.post(createPath, `{"tags":"prod db","unique":["tags"]}`).is(200).has("uuid", first)
		for name, body := range map[string]string{
			"nothing is to be equal":   `{"name":"Renamed","unique":[]}`,
			"what is named is absent":  `{"name":"Renamed","unique":["name","slug"]}`,
			"only a part of the tags":  `{"tags":"prod","unique":["tags"]}`,
			"the same tags turned":     `{"tags":"db prod","unique":["tags"]}`,
			"another timeout":          `{"name":"Renamed","timeout":3601,"unique":["name","timeout"]}`,
			"a name in another letter": `{"name":"renamed","unique":["name"]}`,
		} {
			a.Run(name, func(*testing.T) { a.post(createPath, body).is(201) })
		}
		a.Run("the oldest of several is taken", func(*testing.T) {
			a.post(createPath, `{"name":"Renamed","unique":["name"]}`).is(200).has("uuid", first)
		})
		a.Run("a schedule has no timeout", func(*testing.T) {
			a.post(createPath, `{"name":"Cron","schedule":"* * * * *"}`).is(201)
			a.post(createPath, `{"name":"Cron","timeout":86400,"unique":["name","timeout"]}`).is(201)
		})
		a.Run("50 at once make one", func(t *testing.T) {
			codes := a.together(50, func(i int) reply {
				return a.post("/api/v1/checks/", fmt.Sprintf(`{"name":"At once","desc":"%d","channels":"*","unique":["name"]}`, i))
			})
			checks, err := a.st.Checks(t.Context(), a.project.ID, 100)
			a.ok(err)
			made := 0
			for _, check := range checks {
				if check.Name == "At once" {
					made++
				}
			}
			if made != 1 || codes[201] != 1 || codes[200] != 49 {
				t.Errorf("%d checks were made; answers: %v", made, codes)
			}
		})
		a.Run("20 derived slugs at once are 20", func(t *testing.T) {
			codes := a.together(20, func(int) reply { return a.post("/api/v1/checks/", `{"name":"Same name"}`) })
			checks, err := a.st.Checks(t.Context(), a.project.ID, 100)
			a.ok(err)
			slugs := map[string]bool{}
			for _, check := range checks {
				if check.Name == "Same name" {
					slugs[check.Slug] = true
				}
			}
			if len(slugs) != 20 || codes[201] != 20 {
				t.Errorf("%d slugs; answers: %v", len(slugs), codes)
			}
		})
	})
}

// An update keeps what it does not name, and what happened to the check.
func TestAPIUpdateKeepsTheRest(t *testing.T) {
	bothEngines(t, func(a *api) {
		check := a.addCheck(a.project.ID, "Nightly", a.ops.ID)
		a.report(check, monitor.Ping{At: a.now(), Signal: monitor.Success, Scheme: "http", Method: "GET"})
		before := a.get(at(check, "")).doc()
		after := a.post(at(check, ""), `{"desc":"New words"}`).is(200).doc()
		before["desc"] = "New words"
		for name, want := range before {
			if after[name] != want {
				t.Errorf("%s is %v, was %v", name, after[name], want)
			}
		}
		a.post(at(check, ""), "").is(200).has("desc", "New words")
	})
}
