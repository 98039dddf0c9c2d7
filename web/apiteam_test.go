package web_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"rollcall/internal/account"
)

func TestAPIProjects(t *testing.T) {
	bothEngines(t, func(a *api) {
		doc := func(key string) map[string]any {
			a.Helper()
			projects := a.ask(key, http.MethodGet, "/api/v3/projects/", "").is(200).doc()["projects"].([]any)
			if len(projects) != 1 {
				a.Fatalf("the key has %d projects", len(projects))
			}
			return projects[0].(map[string]any)
		}
		mine, read := doc(rwKey), doc(roKey)
		if mine["name"] != "Main" || mine["created"] != micros(a.project.Created) {
			a.Errorf("the project is %v", mine)
		}
		if read["id"] != mine["id"] {
			a.Errorf("a read-only key is told %v", read)
		}
		path := fmt.Sprint("/api/v3/projects/", mine["id"])
		a.post(path, `{"name":" Production "}`).is(200).has("name", "Production", "id", mine["id"])
		a.post(path, `{}`).is(200).has("name", "Production")
		if got := doc(rwKey)["name"]; got != "Production" {
			a.Errorf("it is called %v", got)
		}
		for body, text := range map[string]string{
			`{"name":""}`: "name takes 1 to 100 characters", `{"name":" "}`: "name takes 1 to 100 characters",
			`{"name":"` + strings.Repeat("n", 101) + `"}`: "name takes 1 to 100 characters", `{"name":null}`: "name is not a string",
		} {
			a.post(path, body).refused(400, "json validation error: "+text)
		}
		for _, path := range []string{fmt.Sprint("/api/v3/projects/", a.other.ID), "/api/v3/projects/0", "/api/v3/projects/99999999999999999999"} {
			a.post(path, `{"name":"Mine now"}`).refused(404, "not found")
		}
		a.ask(roKey, http.MethodPost, path, `{"name":"x"}`).refused(401, "wrong api key")
	})
}

func TestAPIMembers(t *testing.T) {
	bothEngines(t, func(a *api) {
		const list = "/api/v3/members/"
		_, err := a.st.CreateUser(a.Context(), account.User{Email: "kim@example.org", Created: a.now()})
		a.ok(err)
		member := func(email, role string) any { return map[string]any{"email": email, "role": role} }
		owner := member("ines@example.org", "owner")
		a.get(list).is(200).has("members", []any{owner})

		a.post(list, `{"email":" Kim@Example.org","role":"member"}`).is(201).has("email", "kim@example.org", "role", "member")
		a.post(list, `{"email":"kim@example.org","role":"readonly"}`).is(200).has("role", "readonly")
		a.post(list+"kim@example.org", `{"role":"manager"}`).is(200).has("role", "manager")
		a.post(list+"tomas%40example.org", `{"role":"member"}`).is(201)
		a.get(list).has("members", []any{owner, member("kim@example.org", "manager"), member("tomas@example.org", "member")})

		const not = "json validation error: "
		for _, test := range []struct {
			path, body, text string
			code             int
		}{
			{"", `{"email":"nobody@example.org","role":"member"}`, "nobody with this address has an account", 404},
			{"nobody@example.org", `{"role":"member"}`, "nobody with this address has an account", 404},
			{"", `{"email":"kim@example.org","role":"owner"}`, not + "role has unexpected value", 400},
			{"", `{"email":"kim@example.org"}`, not + "role has unexpected value", 400},
			{"", `{"email":"kim@example.org","role":7}`, not + "role is not a string", 400},
			{"", `{"email":"Kim <kim@example.org>","role":"member"}`, not + "email is not an address", 400},
			{"", `{"role":"member"}`, not + "email is not an address", 400},
			{"", `{"email":null,"role":"member"}`, not + "email is not a string", 400},
			{"kim", `{"role":"member"}`, not + "email is not an address", 400},
			{"", `{"email":"ines@example.org","role":"readonly"}`, "an owner is not changed by an API key", 403},
			{"ines@example.org", `{"role":"manager"}`, "an owner is not changed by an API key", 403},
		} {
			a.post(list+test.path, test.body).refused(test.code, test.text)
		}
		remove := func(key, email string) reply { return a.ask(key, http.MethodDelete, list+email, "") }
		remove(rwKey, "ines@example.org").refused(403, "an owner is not changed by an API key")
		remove(rwKey, "nobody@example.org").refused(404, "nobody with this address has an account")
		remove(rwKey, "kim").refused(400, not+"email is not an address")
		remove(roKey, "kim@example.org").refused(401, "wrong api key")
		remove(foreignKey, "kim@example.org").refused(404, "not found")
		remove(rwKey, "kim@example.org").is(200).has("email", "kim@example.org", "role", "manager")
		remove(rwKey, "kim@example.org").refused(404, "not found")
		a.get(list).has("members", []any{owner, member("tomas@example.org", "member")})
		a.ask(foreignKey, http.MethodGet, list, "").has("members", []any{member("tomas@example.org", "owner")})
		a.ask(roKey, http.MethodGet, list, "").refused(401, "wrong api key")
		a.ask(roKey, http.MethodPost, list, `{"email":"kim@example.org","role":"member"}`).refused(401, "wrong api key")
	})
}
