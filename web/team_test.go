package web_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/internal/account"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
	"rollcall/web"
)

func TestAnInvitationIsAccepted(t *testing.T) {
	f := newStaff(t)
	owner := f.as(account.Owner)
	f.leads(owner.post("/settings/team/invitations", "email", " The@Example.org ", "role", "manager"), "/settings/team")
	f.wants(owner.get("/settings/team"), 200, "the@example.org", "Manager, invited by ines@example.org", "1 letter sent")
	if f.kicks.Load() != 1 {
		t.Error("nobody was told that a letter waits")
	}
	list, err := f.st.Invitations(t.Context(), f.project.ID, f.now())
	f.ok(err)
	link := f.linkOf(list[0])

	// Who has come without logging in, and in whatever session.
	w := f.browser().get(link)
	f.wants(w, 200, "Join Main?", "Log in as the@example.org", "/login?next="+url.QueryEscape(link))
	if w.Header().Get("Referrer-Policy") != "no-referrer" {
		t.Error("the link travels on")
	}
	f.wants(f.browser().post(link, "password", password), 403, "Log in as the@example.org")
	other := f.as(account.Member)
	f.wants(other.get(link), 200, "You are logged in as themember@example.org")
	f.wants(other.post(link), 403, "log out first")

	guest := f.as("")
	f.wants(guest.get("/projects/new"), 200, "ines@example.org has invited you to")
	f.wants(guest.get(link), 200, "Join Main?")
	f.wants(guest.get(link), 200, "Join Main?") // looking uses nothing up
	f.leads(guest.post(link), "/checks")
	f.wants(guest.get("/settings/team"), 200, "You are a member of Main now", "Invite somebody")
	f.wants(guest.post(link), 410, "This invitation has ended")
	f.wants(f.browser().get("/invitations/none"), 410, "This invitation has ended")
	f.wants(owner.post("/settings/team/invitations", "email", "the@example.org", "role", "member"), 422, "is a member already")
}

func TestAnInvitationMakesAnAccount(t *testing.T) {
	f := newStaff(t)
	invitation := f.addInvitation(f.project.ID, "new@example.org")
	link, b := f.linkOf(invitation), f.browser()
	f.wants(b.get(link), 200, "A password for new@example.org", "Make an account and join")
	f.wants(b.post(link, "password", "short"), 422, "shorter than 12 characters")
	f.wants(b.post(link, "password", "short", "email", "else@example.org"), 422)
	before := b.cookie()
	f.leads(b.post(link, "password", password, "email", "else@example.org"), "/checks")
	if b.cookie() == before {
		t.Error("the session kept its token")
	}
	f.wants(b.get("/settings/team"), 200, "new@example.org")
	f.leads(f.browser().login("new@example.org", password), "/checks")
	f.wants(f.browser().login("else@example.org", password), 422)
}

func TestInvitationsEnd(t *testing.T) {
	f := newStaff(t)
	owner := f.as(account.Owner)
	first, second := f.addInvitation(f.project.ID, "a@example.org"), f.addInvitation(f.project.ID, "b@example.org")
	path := "/settings/team/invitations/" + idOf(first.ID)
	link, late := f.linkOf(first), f.linkOf(second)
	for range store.InvitationLetters - 1 {
		f.leads(owner.post(path+"/resend"), "/settings/team")
	}
	f.wants(owner.post(path+"/resend"), 403, "no more are sent")
	if page := owner.get("/settings/team").Body.String(); strings.Contains(page, path+"/resend") {
		t.Error("the page offers another letter")
	}
	f.leads(owner.post(path+"/revoke"), "/settings/team")
	f.wants(owner.post(path+"/revoke"), 404)
	f.wants(f.browser().post(link, "password", password), 410)
	f.ahead.Add(int64(store.InvitationLife))
	f.wants(f.browser().get(late), 410)
	f.wants(f.as(account.Owner).post("/settings/team/invitations/"+idOf(second.ID)+"/resend"), 404)
}

// Whether an address has an account shows in nothing that an inviter sees.
func TestInvitingTellsNothing(t *testing.T) {
	f := newStaff(t)
	owner := f.as(account.Owner)
	var pages []string
	for _, email := range []string{"the@example.org", "who@example.org"} {
		f.leads(owner.post("/settings/team/invitations", "email", email, "role", "member"), "/settings/team")
		page := owner.get("/settings/team").Body.String()
		list, err := f.st.Invitations(t.Context(), f.project.ID, f.now())
		f.ok(err)
		f.leads(owner.post("/settings/team/invitations/"+idOf(list[0].ID)+"/revoke"), "/settings/team")
		page = strings.NewReplacer(email, "EMAIL", "/invitations/"+idOf(list[0].ID)+"/", "/invitations/ID/").Replace(page)
		pages = append(pages, withoutTime(page))
	}
	if pages[0] != pages[1] {
		t.Error(cmp.Diff(strings.Split(pages[0], "<"), strings.Split(pages[1], "<")))
	}
}

func TestOwnersAndRoles(t *testing.T) {
	f := newStaff(t)
	manager, owner := f.as(account.Manager), f.as(account.Owner)
	of := func(role account.Role) string { return "/settings/team/members/" + idOf(f.users[role].ID) }
	f.wants(manager.post(of(account.Owner)+"/role", "role", "member"), 403, "An owner is not changed by others")
	f.wants(manager.post(of(account.Owner)+"/remove", "confirm", "yes"), 403, "An owner is not changed by others")
	f.wants(manager.post(of(account.Member)+"/role", "role", "owner"), 422)
	f.wants(manager.post("/settings/team/invitations", "email", "x@example.org", "role", "owner"), 422)
	f.wants(manager.post("/settings/team/invitations", "email", "x", "role", "member"), 422, "one plain address")
	f.wants(manager.post(of("")+"/role", "role", "member"), 404)
	f.leads(manager.post(of(account.ReadOnly)+"/role", "role", "member"), "/settings/team")
	f.wants(owner.post("/settings/team/leave", "confirm", "yes"), 409, "needs an owner")
	f.wants(owner.get("/settings/team"), 200, "You are its only owner")
	f.wants(f.as(account.Member).post("/settings/team/leave"), 422)
	f.leads(f.as(account.Member).post("/settings/team/leave", "confirm", "yes"), "/checks")
	members, err := f.st.Members(t.Context(), f.project.ID)
	f.ok(err)
	if len(members) != 3 {
		t.Errorf("%d members", len(members))
	}
}

func TestAProjectIsTransferred(t *testing.T) {
	f := newStaff(t)
	owner, heir, other := f.as(account.Owner), f.as(account.ReadOnly), f.as(account.Manager)
	to := idOf(f.users[account.ReadOnly].ID)
	f.wants(owner.post("/settings/team/transfer", "to", idOf(f.users[""].ID)), 404)
	f.leads(owner.post("/settings/team/transfer", "to", to), "/settings/team")
	f.wants(other.get("/settings/team"), 200, "proposes that thereadonly@example.org owns Main")
	f.wants(other.post("/settings/team/transfer/end"), 404)
	f.wants(other.post("/settings/team/transfer/accept"), 409, "does not hold any more")
	f.leads(heir.post("/settings/team/transfer/end"), "/settings/team")
	f.wants(heir.post("/settings/team/transfer/accept"), 409)
	f.leads(owner.post("/settings/team/transfer", "to", to), "/settings/team")
	f.wants(heir.get("/settings/team"), 200, "ines@example.org proposes that you own Main")

	f.ahead.Add(int64(11 * time.Minute)) // what is sensitive is asked about again
	w := heir.post("/settings/team/transfer/accept")
	if !strings.HasPrefix(w.Header().Get("Location"), "/confirm?next=") {
		t.Errorf("%d to %q", w.Code, w.Header().Get("Location"))
	}
	heir.post("/confirm", "password", password)
	f.leads(heir.post("/settings/team/transfer/accept"), "/settings/team")
	f.wants(heir.get("/settings/team"), 200, "Transfer this project")
	f.wants(owner.get("/settings"), 200, "Save the name")
	f.wants(owner.post("/settings/delete", "name", "Main"), 403)
}

func TestAProjectIsMadeAndDeleted(t *testing.T) {
	f := newStaff(t)
	b := f.as("")
	f.leads(b.get("/checks"), "/projects/new")
	f.wants(b.get("/projects/new"), 200, "No project yet", "Make the project")
	for name, words := range map[string]string{
		" ": "Name needs a name", strings.Repeat("n", 101): "longer than 100", "a\u202eb": "cannot be shown", "a\u200bb": "cannot be seen", "a\nb": "cannot be seen",
	} {
		f.wants(b.post("/projects", "name", name), 422, words)
	}
	f.leads(b.post("/projects", "name", "Cafe\u0301"), "/checks")
	f.wants(b.get("/settings"), 200, "Café", "1 check. This server sets no limit.")
	check := func() monitor.Check {
		projects, err := f.st.ProjectsOf(t.Context(), f.users[""].ID)
		f.ok(err)
		return f.addCheck(projects[0].ID, "Nightly")
	}()
	f.wants(b.post("/settings/delete", "name", "else"), 422, "nothing was deleted")
	f.wants(b.get("/checks"), 200, "Nightly")
	f.leads(b.post("/settings/delete", "name", "Café"), "/checks")
	f.leads(b.get("/checks"), "/projects/new")
	if !strings.Contains(f.log.String(), "project deleted") {
		t.Error("the server's log does not tell of it")
	}
	if _, err := f.st.CheckByID(t.Context(), check.ID); err == nil {
		t.Error("its check is still there")
	}
	f.wants(f.as(account.Owner).get("/checks"), 200, "Main")
}

func TestLimitsAreTold(t *testing.T) {
	s := newSite(t)
	one, two := 1, 2
	s.st.Bound(store.Limits{Checks: &one, Members: &two})
	b := s.signedIn()
	s.addCheck(s.project.ID, "First")
	s.wants(b.get("/settings"), 200, "1 of 1 check, counted over all projects")
	s.wants(b.get("/settings/team"), 200, "1 of 2 members")
	s.wants(b.ask("POST", "/checks", newCheck("Second")), 422, "this account may have 1 checks")
	s.leads(b.post("/settings/team/invitations", "email", "a@example.org", "role", "member"), "/settings/team")
	s.wants(b.post("/settings/team/invitations", "email", "b@example.org", "role", "member"), 422, "a project may have 2 members")

	s.st.Bound(store.Limits{})
	a := listen(s)
	s.st.Bound(store.Limits{Checks: &one, Members: &one})
	a.post("/api/v3/checks/", `{"name":"Second"}`).refused(403, "this account may have 1 checks, and has them; delete one, or ask whoever runs this server")
	a.post("/api/v3/members/", `{"email":"tomas@example.org","role":"member"}`).refused(403, "a project may have 1 members, and this one has them, or has invited them")
}

func TestTheAuditLogIsShown(t *testing.T) {
	f := newStaff(t)
	manager, reader := f.as(account.Manager), f.as(account.ReadOnly)
	f.wants(reader.get("/settings/audit"), 200, "Nobody has changed anything yet")
	f.wants(manager.ask("POST", "/checks", newCheck("=HYPERLINK(\"x\")")), 303)
	f.leads(manager.post("/settings/project", "name", "Production"), "/settings")
	f.wants(manager.get("/settings/audit"), 200, "themanager@example.org", "renamed the project to", "Production", "Main", "198.51.100.11")
	page := reader.get("/settings/audit")
	f.wants(page, 200, "renamed the project to", "created the check")
	if strings.Contains(page.Body.String(), "198.51.100.11") {
		t.Error("a reader is told from where")
	}
	f.wants(manager.get("/settings/audit?kind=check"), 200, "created the check")
	f.wants(manager.get("/settings/audit?kind=check&who=nobody@example.org"), 200, "Nothing like this has been changed")

	w := manager.get("/settings/audit.csv")
	f.wants(w, 200)
	rows, err := csv.NewReader(w.Body).ReadAll()
	f.ok(err)
	if len(rows) != 3 || rows[2][9] != "'=HYPERLINK(\"x\")" || rows[1][9] != "Production" {
		t.Errorf("%q", rows)
	}
	var export struct{ Entries []map[string]any }
	f.ok(json.Unmarshal(manager.get("/settings/audit.json").Body.Bytes(), &export))
	if len(export.Entries) != 2 || export.Entries[0]["who"] != "themanager@example.org" || export.Entries[0]["prev"] != export.Entries[1]["hash"] {
		t.Errorf("%v", export)
	}
}

func TestTheAuditLogIsPaged(t *testing.T) {
	s := newSite(t)
	ctx := store.By(t.Context(), account.ByPersonOf(s.user))
	for i := range 60 {
		s.ok(s.st.RenameProject(ctx, s.project.ID, fmt.Sprint("Name ", i+1)))
	}
	b := s.signedIn()
	s.wants(b.get("/settings/audit"), 200, "Name 60", "Name 11", "/settings/audit?before=11")
	s.wants(b.get("/settings/audit?before=11"), 200, "Name 10", "Newest")
}

// What spreadsheets take for a formula is text in an export.
func TestCellsAreInert(t *testing.T) {
	for cell, want := range map[string]string{
		"=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@SUM(A1)": "'@SUM(A1)", "\tx": "'\tx", "\rx": "'\rx", "plain": "plain", "": "", "a=b": "a=b",
	} {
		if got := web.Inert(cell); got != want {
			t.Errorf("%q became %q, want %q", cell, got, want)
		}
	}
}

// Whatever a program changes stands in the log, with the key it used.
func TestEveryAPIChangeIsRecorded(t *testing.T) {
	a := newAPI(t)
	_, err := a.st.CreateUser(t.Context(), account.User{Email: "kim@example.org", Created: a.now()})
	a.ok(err)
	fresh := func() string { return "/api/v3/checks/" + a.addCheck(a.project.ID, account.NewToken()).UUID.String() }
	channel := func() string {
		return "/api/v3/channels/" + a.addChannel(a.project.ID, account.NewToken()).UUID().String()
	}
	member := func() string {
		user, err := a.st.CreateUser(t.Context(), account.User{Email: account.NewToken() + "@example.org", Created: a.now()})
		a.ok(err)
		a.ok(a.st.SetMember(t.Context(), a.project.ID, user.ID, account.Member))
		return "/api/v3/members/" + user.Email
	}
	paused := func() string {
		path := fresh()
		a.post(path+"/pause", "").is(200)
		return path
	}
	at := func(path string) func() string { return func() string { return path } }
	with := func(path func() string, more string) func() string { return func() string { return path() + more } }
	uses := map[string]struct {
		path func() string
		body string
	}{
		"POST checks/":          {at("/api/v3/checks/"), `{"name":"Fresh"}`},
		"POST checks/{}":        {fresh, `{"name":"Other"}`},
		"DELETE checks/{}":      {fresh, ""},
		"POST checks/{}/pause":  {with(fresh, "/pause"), ""},
		"POST checks/{}/resume": {with(paused, "/resume"), ""},
		"POST channels/":        {at("/api/v3/channels/"), `{"kind":"email","name":"Fresh","address":"a@example.org"}`},
		"POST channels/{}":      {channel, `{"name":"Other"}`},
		"DELETE channels/{}":    {channel, ""},
		"POST channels/{}/test": {with(channel, "/test"), ""},
		"POST deliveries/replay": {func() string {
			a.addDead(a.addChannel(a.project.ID, account.NewToken()))
			return "/api/v3/deliveries/replay"
		}, ""},
		"POST deliveries/{}/replay": {func() string {
			return "/api/v3/deliveries/" + idOf(a.addDead(a.addChannel(a.project.ID, account.NewToken()))) + "/replay"
		}, ""},
		"POST projects/{}":  {at("/api/v3/projects/" + idOf(a.project.ID)), `{"name":"Production"}`},
		"POST members/":     {at("/api/v3/members/"), `{"email":"kim@example.org","role":"member"}`},
		"POST members/{}":   {member, `{"role":"manager"}`},
		"DELETE members/{}": {member, ""},
		"POST heartbeat/":   {at("/api/v3/heartbeat/"), `{"url":"https://watch.example.org/ping/fresh"}`},
		"DELETE heartbeat/": {func() string {
			a.ok(a.st.PutHeartbeat(t.Context(), a.project.ID, "https://watch.example.org/ping/other", a.now()))
			return "/api/v3/heartbeat/"
		}, ""},
		"POST apply/":                  {at("/api/v3/apply/"), "projects:\n  - name: Production\n    channels: [{name: Applied, kind: email, address: a@example.org}]\n"},
		"POST notifications/{}/status": {}, // these two change nothing
		"POST bounces/":                {},
	}
	for _, way := range web.APIWays() {
		if way.Method == http.MethodGet {
			continue
		}
		name := way.Method + " " + inBraces.ReplaceAllString(strings.TrimPrefix(way.Path, "/api/v3/"), "{}")
		use, known := uses[name]
		switch {
		case !known:
			t.Errorf("%s: say how it is used, or that it changes nothing", name)
			continue
		case use.path == nil && way.Write:
			t.Errorf("%s asks for the key that may write", name)
			continue
		case use.path == nil:
			continue
		}
		w := a.ask(rwKey, way.Method, use.path(), use.body)
		if w.code >= 300 {
			t.Errorf("%s: %d %s", name, w.code, w.body)
			continue
		}
		entries, err := a.st.AuditLog(t.Context(), store.AuditQuery{Project: a.project.ID, Limit: 5})
		a.ok(err)
		if len(entries) == 0 || entries[0].Request != w.header.Get("X-Request-Id") || entries[0].Kind != account.ByKey || !strings.HasPrefix(entries[0].Name, "API key ") {
			t.Errorf("%s left no entry", name)
		}
	}
}
