package web_test

import (
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"rollcall/internal/account"
)

var freshKey = regexp.MustCompile(`<mark>((?:rc[wr]_)?[a-z0-9]{22,28})</mark>`)

// A key is shown once and works until it is revoked; nothing that is kept tells it.
func TestKeys(t *testing.T) {
	s := newSite(t)
	b := s.signedIn()
	s.wants(b.get("/settings"), 200, "http://localhost:8000", "/settings/keys")
	for _, kind := range []account.KeyKind{account.KeyReadWrite, account.KeyReadOnly, account.KeyPing} {
		w := b.post("/settings/keys", "kind", string(kind), "name", "web-1 & co")
		s.wants(w, 200, "It is shown this once", "web-1 &amp; co")
		key := freshKey.FindStringSubmatch(w.Body.String())
		if key == nil {
			t.Fatalf("no key on the page\n%s", w.Body)
		}
		project, found, err := s.st.KeyByHash(t.Context(), account.HashKey(key[1]))
		s.ok(err)
		if project.ID != s.project.ID || found.Kind != kind || found.By != "ines@example.org" {
			t.Errorf("key of %d: %+v", project.ID, found)
		}
		page := b.get("/settings/keys").Body.String()
		if strings.Contains(page, key[1]) || !strings.Contains(page, "…"+key[1][len(key[1])-4:]) {
			t.Error("the key is shown again, or cannot be recognised")
		}
		again := b.post("/settings/keys", "kind", string(kind), "name", " web-1  & co ")
		s.wants(again, http.StatusUnprocessableEntity, "is the name of another key of this kind")
		s.leads(b.post("/settings/keys/"+idOf(found.ID)+"/revoke"), "/settings/keys")
		s.wants(b.post("/settings/keys/"+idOf(found.ID)+"/revoke"), http.StatusNotFound)
		if _, _, err := s.st.KeyByHash(t.Context(), account.HashKey(key[1])); err == nil {
			t.Error("a revoked key is known")
		}
	}
	s.wants(b.post("/settings/keys", "kind", "admin", "name", "x"), http.StatusUnprocessableEntity)
	for name, words := range map[string]string{" ": "is missing", strings.Repeat("ä", account.KeyNameLimit+1): "is longer than 60 characters"} {
		w := b.post("/settings/keys", "kind", "rw", "name", name)
		s.wants(w, http.StatusUnprocessableEntity, "Name "+words)
		if strings.Contains(html.UnescapeString(w.Body.String()), "It is shown this once") {
			t.Error("a key was made for a form that was refused")
		}
	}
}

// Who has been signed in for a while proves again who they are before a key is made.
func TestANewKeyIsAskedForAgain(t *testing.T) {
	s := newSite(t)
	b := s.signedIn()
	s.ahead.Store(int64(11 * time.Minute))
	w := b.ask("POST", "/settings/keys", map[string][]string{"kind": {"rw"}, "name": {"x"}}, "Referer", "http://localhost:8000/settings/keys")
	s.leads(w, "/confirm?next=%2Fsettings%2Fkeys")
	s.wants(b.post("/confirm", "password", "not the password", "next", "/settings/keys"), http.StatusUnprocessableEntity, "not the password")
	s.leads(b.post("/confirm", "password", password, "next", "//evil.example/"), "/checks")
	s.wants(b.post("/settings/keys", "kind", "rw", "name", "x"), 200, "It is shown this once")
}

// When a key was used is written down now and then, and never waited for.
func TestTheLastUseOfKeysIsKept(t *testing.T) {
	a := newAPI(t)
	uses := a.keyUses
	if answer := a.ask(rwKey, "GET", "/api/v3/checks/", ""); answer.code != 200 {
		t.Fatal(answer.code)
	}
	used := func() time.Time {
		_, k, err := a.st.KeyByHash(t.Context(), account.HashKey(rwKey))
		a.ok(err)
		return k.Used
	}
	if !used().IsZero() {
		t.Error("a use was written down at once")
	}
	a.ok(uses.Flush(t.Context()))
	if used().IsZero() {
		t.Error("a use was not written down")
	}
}
