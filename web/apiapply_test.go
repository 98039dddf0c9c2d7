package web_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/internal/account"
	"rollcall/internal/provision"
)

const describedProject = `projects:
  - name: Main
    channels:
      - name: desk
        kind: email
        address: desk@example.org
      - name: hook
        kind: webhook
        url: https://example.org/SECRETPATH
        secret: whsec_QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB
    checks:
      - name: Worker
        slug: worker
        uuid: 5f0b6a3e-8c1d-4e57-9a44-2d1f6c0b7e91
        period: 5m
        grace: 2m
        channels: [desk]
`

// described is a site whose project has API keys, which it returns.
func describedSite(t *testing.T) (s *site, write, read string) {
	t.Helper()
	s = newSite(t)
	write, read = account.NewAPIKey(account.KeyReadWrite), account.NewAPIKey(account.KeyReadOnly)
	s.addKey(s.project.ID, account.KeyReadWrite, write)
	s.addKey(s.project.ID, account.KeyReadOnly, read)
	return s, write, read
}

// ask sends a file to the API, or nothing.
func (s *site) ask(method, path, key, file string) *httptest.ResponseRecorder {
	s.Helper()
	r := httptest.NewRequestWithContext(s.Context(), method, s.base.String()+"/api/v3/"+path, strings.NewReader(file))
	r.Header.Set("X-Api-Key", key)
	r.Header.Set("Content-Type", "application/yaml")
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w
}

func TestAPIApply(t *testing.T) {
	s, key, _ := describedSite(t)
	edited := strings.Replace(strings.Replace(describedProject, "period: 5m", "period: 10m", 1), "channels: [desk]", "channels: []", 1)
	little := "projects: [{name: Main, channels: [{name: desk, kind: email, address: desk@example.org}]}]"
	const created = `{"project":"Main","applied":APPLIED,"changes":[` +
		`{"action":"create","kind":"channel","name":"desk","fields":{"address":{"old":null,"new":"desk@example.org"},"kind":{"old":null,"new":"email"},"name":{"old":null,"new":"desk"}}},` +
		`{"action":"create","kind":"channel","name":"hook","fields":{"kind":{"old":null,"new":"webhook"},"name":{"old":null,"new":"hook"},"secret":{"old":null,"new":"set"},"url":{"old":null,"new":"example.org"}}},` +
		`{"action":"create","kind":"check","name":"worker","fields":{"channels":{"old":null,"new":"desk"},"grace":{"old":null,"new":"2m"},"name":{"old":null,"new":"Worker"},` +
		`"period":{"old":null,"new":"5m"},"slug":{"old":null,"new":"worker"},"uuid":{"old":null,"new":"set"}}}]}`
	for _, step := range []struct{ path, file, want string }{
		{"apply/?plan=1", describedProject, strings.Replace(created, "APPLIED", "false", 1)},
		{"apply/?plan=0", describedProject, strings.Replace(created, "APPLIED", "true", 1)},
		{"apply/", describedProject, `{"project":"Main","applied":true,"changes":[]}`},
		{
			"apply", edited, `{"project":"Main","applied":true,"changes":[{"action":"update","kind":"check","name":"worker",` +
				`"fields":{"channels":{"old":"desk","new":null},"period":{"old":"5m","new":"10m"}}}]}`,
		},
		{"apply/?prune=0", little, `{"project":"Main","applied":true,"changes":[]}`},
		{
			"apply/?prune=1", little, `{"project":"Main","applied":true,"changes":[` +
				`{"action":"delete","kind":"check","name":"worker","fields":{}},{"action":"delete","kind":"channel","name":"hook","fields":{}}]}`,
		},
	} {
		w := s.ask("POST", step.path, key, step.file)
		if diff := cmp.Diff(step.want, w.Body.String()); w.Code != http.StatusOK || diff != "" {
			t.Errorf("%s: %d (-want +got):\n%s", step.path, w.Code, diff)
		}
	}
	left, err := s.st.Checks(t.Context(), s.project.ID, 10)
	if err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestAPIApplyRefuses(t *testing.T) {
	s, key, readOnly := describedSite(t)
	for name, test := range map[string]struct {
		path, key, file string
		code            int
		detail          string
	}{
		"a mistake": {"apply/", key, strings.Replace(describedProject, "5m", "often", 1), 422, "line 15: period must be a time such as 90s, 5m, 1h30m or 2d, or a number of seconds"},
		"no YAML":   {"apply/", key, "projects: [\n", 422, "line 1: not valid YAML, here or soon after: did not find expected node content"},
		"nothing":   {"apply/", key, "", 422, "line 1: the file is empty; it describes no projects"},
		"a file of the server": {
			"apply/", key, "projects:\n  - name: Main\n    ping_key_file: /etc/hostname\n", 422,
			"line 3: ping_key_file names a file that this server does not read; send what stands in it, as rollcall apply does",
		},
		"another project": {"apply/", key, "projects:\n  - name: Other\n", 422, `line 2: the file describes the project "Other", and the API key is that of the project "Main"`},
		"a slip":          {"apply/?plan=true", key, describedProject, 400, "plan is either 1 or 0"},
		"another slip":    {"apply/?prune=yes", key, describedProject, 400, "prune is either 1 or 0"},
		"a reader":        {"apply/?plan=1", readOnly, describedProject, 401, "This is a read-only key; the request needs a read-write key."},
		"a stranger":      {"apply/", "", describedProject, 401, "missing api key"},
		"too much":        {"apply/", key, strings.Repeat("#", provision.SizeLimit+1), 413, "the body is larger than 1048576 bytes"},
	} {
		w := s.ask("POST", test.path, test.key, test.file)
		var problem struct{ Detail, Error string }
		s.ok(json.Unmarshal(w.Body.Bytes(), &problem))
		if w.Code != test.code || problem.Detail != test.detail || problem.Error == "" {
			t.Errorf("%s: %d %+v\nwant %d %s", name, w.Code, problem, test.code, test.detail)
		}
		if got := w.Header().Get("Content-Type"); got != "application/problem+json" {
			t.Errorf("%s: it is %s", name, got)
		}
	}
	left, err := s.st.Checks(t.Context(), s.project.ID, 10)
	if err != nil || len(left) != 0 {
		t.Errorf("something was made: %v, %v", left, err)
	}
}

func TestAPIExport(t *testing.T) {
	s, key, readOnly := describedSite(t)
	if w := s.ask("POST", "apply/", key, describedProject); w.Code != http.StatusOK {
		t.Fatal(w.Code, w.Body)
	}
	withSecrets := strings.Replace(describedProject, "    channels:\n", "    owner: ines@example.org\n    channels:\n", 1)
	without := describedProject
	for _, line := range []string{"url: https://example.org/SECRETPATH", "secret: whsec_QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB", "uuid: 5f0b6a3e-8c1d-4e57-9a44-2d1f6c0b7e91"} {
		without = strings.Replace(without, "        "+line+"\n", "", 1)
	}
	for key, want := range map[string]string{key: withSecrets, readOnly: without} {
		w := s.ask("GET", "export/", key, "")
		if diff := cmp.Diff(want, w.Body.String()); w.Code != http.StatusOK || diff != "" {
			t.Errorf("%d (-want +got):\n%s", w.Code, diff)
		}
		if got := w.Header().Get("Content-Type"); got != "application/yaml" {
			t.Errorf("it is %s", got)
		}
	}
	if w := s.ask("GET", "export/", "", ""); w.Code != http.StatusUnauthorized {
		t.Errorf("without a key: %d", w.Code)
	}
}
