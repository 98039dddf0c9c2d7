package web_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"golang.org/x/net/html"

	"rollcall/internal/account"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
	"rollcall/web"
)

var everyRole = []account.Role{account.Owner, account.Manager, account.Member, account.ReadOnly}

// addInvitation invites somebody without a letter of theirs being read.
func (s *site) addInvitation(project monitor.ProjectID, email string) account.Invitation {
	s.Helper()
	i, err := s.st.Invite(s.Context(), account.Invitation{Project: project, Email: email, Role: account.Member, Inviter: "ines@example.org"}, s.now())
	s.ok(err)
	return i
}

// linkOf makes a link to an invitation, as its letter would.
func (s *site) linkOf(i account.Invitation) string {
	s.Helper()
	token := account.NewToken()
	s.ok(s.st.AddInvitationToken(s.Context(), i.ID, account.HashKey(token)))
	return "/invitations/" + token
}

// staff is a site with somebody for each role in its project, and somebody who is a
// member of nothing.
type staff struct {
	*site
	users map[account.Role]account.User
}

func newStaff(t *testing.T) *staff {
	t.Helper()
	f := &staff{newSite(t), map[account.Role]account.User{}}
	f.users[account.Owner] = f.user
	for _, role := range append(everyRole[1:], "") {
		user, err := f.st.CreateUser(t.Context(), account.User{Email: "the" + string(role) + "@example.org", PasswordHash: f.cheapHash(), Created: f.now()})
		f.ok(err)
		f.users[role] = user
		if role != "" {
			f.ok(f.st.SetMember(t.Context(), f.project.ID, user.ID, role))
		}
	}
	return f
}

// as is a browser in which who has the role is logged in.
func (f *staff) as(role account.Role) *browser {
	f.Helper()
	b := f.browser()
	b.remote = fmt.Sprintf("198.51.100.%d:4711", 10+slices.Index(everyRole, role))
	f.leads(b.login(f.users[role].Email, password), "/checks")
	return b
}

const notYourRole = "Your role in Main does not allow this"

// Every route is asked by every role, by who is a member of nothing, and (in
// TestEveryRouteAnswersHonestly) by who is signed out.
func TestEveryRouteAsksForItsRole(t *testing.T) {
	f := newStaff(t)
	nobody := f.as("")
	refused := 0
	for _, role := range everyRole {
		b := f.as(role)
		for _, way := range web.Ways() {
			own := slices.ContainsFunc(unrecordedBelow, func(begin string) bool { return strings.HasPrefix(way.Path, begin) })
			if way.Path == "/logout" || own && way.Method == "POST" && (way.Access == "anybody" || way.Access == "person") {
				continue // it ends the session, or is about the person whatever their role
			}
			action := account.Action(way.Access)
			open := way.Access == "anybody" || way.Access == "person" || way.Access == "crowd"
			if !open && !account.Owner.May(action) {
				t.Fatalf("%s %s asks for %q, which no role may", way.Method, way.Path, way.Access)
			}
			w := b.ask(way.Method, someIDs(way.Path), url.Values{})
			page := strings.ReplaceAll(w.Body.String(), "\u00a0", " ")
			said := w.Code == http.StatusForbidden && strings.Contains(page, notYourRole)
			if may := open || role.May(action); said == may {
				t.Errorf("%s %s as %s: %d, may %v", way.Method, way.Path, role, w.Code, may)
			}
			if said {
				refused++
			}
			if open || role != account.ReadOnly {
				continue
			}
			// Who is a member of nothing is led to where that can be changed.
			w = nobody.ask(way.Method, someIDs(way.Path), url.Values{})
			if way.Method == "GET" {
				f.leads(w, "/projects/new")
			} else if w.Code != http.StatusForbidden {
				t.Errorf("%s %s without a project: %d", way.Method, way.Path, w.Code)
			}
		}
	}
	if refused < 30 {
		t.Errorf("only %d were refused", refused)
	}
}

// What one may do with a check is for the role in its own project, whatever project
// one looks at.
func TestTheRoleIsThatOfTheProjectOfTheCheck(t *testing.T) {
	s := newSite(t)
	_, theirs := s.addAccount("else@example.org", "", "Theirs")
	check := s.addCheck(theirs.ID, "Nightly")
	path := "/checks/" + check.UUID.String()
	for role, code := range map[account.Role]int{account.ReadOnly: 403, account.Member: 303} {
		s.ok(s.st.SetMember(t.Context(), theirs.ID, s.user.ID, role))
		b := s.signedIn() // who looks at the project that they own
		s.wants(b.get(path), 200, "Nightly")
		s.wants(b.post(path+"/pause"), code)
	}
	s.ok(s.st.SetMember(t.Context(), theirs.ID, s.user.ID, account.ReadOnly))
	b := s.signedIn()
	mine := s.addCheck(s.project.ID, "Mine")
	b.post("/project", "project", idOf(theirs.ID))
	s.wants(b.get("/settings/team"), 200, "Theirs")
	s.wants(b.post("/checks/"+mine.UUID.String()+"/pause"), 303)
	s.wants(b.post(path+"/pause"), 403)
}

// Who is removed can do nothing in the project from then on, in a session that they
// have; nor can one who is made read-only change anything.
func TestRemovalCountsAtOnce(t *testing.T) {
	f := newStaff(t)
	check := f.addCheck(f.project.ID, "Nightly")
	pause := "/checks/" + check.UUID.String() + "/pause"
	owner, member := f.as(account.Owner), f.as(account.Member)
	f.wants(member.post(pause), 303)
	id := "/settings/team/members/" + idOf(f.users[account.Member].ID)
	f.leads(owner.post(id+"/role", "role", "readonly"), "/settings/team")
	f.wants(member.post(pause), 403, notYourRole)
	f.wants(owner.post(id+"/remove"), 422)
	f.leads(owner.post(id+"/remove", "confirm", "yes"), "/settings/team")
	f.wants(member.post(pause), 403, "member of no project")
	f.leads(member.get("/checks"), "/projects/new")
	f.wants(member.post("/project", "project", idOf(f.project.ID)), 404)

	// What they sent stays, with their name.
	invitation := f.addInvitation(f.project.ID, "guest@example.org")
	f.wants(owner.get("/settings/team"), 200, "guest@example.org", "invited by ines@example.org")
	f.wants(f.browser().get(f.linkOf(invitation)), 200, "ines@example.org")
}

// offered is one thing that a page lets its reader do.
type offered struct{ method, path string }

// offers lists the forms and links of a page.
func offers(t *testing.T, page string) []offered {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	var all []offered
	for node := range root.Descendants() {
		attr := map[string]string{}
		for _, a := range node.Attr {
			attr[a.Key] = a.Val
		}
		switch {
		case node.Data == "form":
			all = append(all, offered{strings.ToUpper(attr["method"]), attr["action"]})
		case attr["formaction"] != "":
			all = append(all, offered{"POST", attr["formaction"]})
		case node.Data == "a":
			all = append(all, offered{"GET", attr["href"]})
		}
		for _, of := range []string{"get", "post"} {
			if attr["hx-"+of] != "" {
				all = append(all, offered{strings.ToUpper(of), attr["hx-"+of]})
			}
		}
	}
	return all
}

// wayOf finds the route that an address of ours leads to.
func wayOf(o offered) (web.Way, bool) {
	method := o.method
	if method == "" {
		method = "GET"
	}
	path, _, _ := strings.Cut(o.path, "#")
	path, _, _ = strings.Cut(path, "?")
	for _, way := range web.Ways() {
		pattern := "^" + regexp.MustCompile(`\\\{\w+\\\}`).ReplaceAllString(regexp.QuoteMeta(way.Path), `[^/]+`) + "$"
		if way.Method == method && regexp.MustCompile(pattern).MatchString(path) {
			return way, true
		}
	}
	return web.Way{}, false
}

// No page offers what would be refused, and no link leads nowhere.
func TestPagesOfferWhatTheRoleAllows(t *testing.T) {
	f := newStaff(t)
	off := f.addChannel(f.project.ID, "Off")
	desk := f.addChannel(f.project.ID, "Desk")
	check := f.addCheck(f.project.ID, "Nightly", desk.ID)
	paused := f.addCheck(f.project.ID, "Paused")
	dead := f.addDead(desk)
	off.Disabled = "it answered 410"
	f.ok(f.st.EditChannel(t.Context(), off))
	_, err := f.st.Transitions(t.Context(), []store.Step{{
		Ref: store.Ref{ID: paused.ID}, Decide: func(c monitor.Check) monitor.Change { return c.Pause(f.now()) },
	}})
	f.ok(err)
	f.addInvitation(f.project.ID, "guest@example.org")
	for i, role := range everyRole {
		to := f.users[account.Manager]
		if role == account.Manager {
			to = f.users[account.Member]
		}
		f.ok(f.st.ProposeTransfer(t.Context(), account.Transfer{Project: f.project.ID, From: f.user.ID, To: to.ID, Created: f.now()}))
		b := f.as(role)
		looked := 0
		for _, way := range web.Ways() {
			if way.Method != "GET" || way.Access == "anybody" || !role.May(account.Action(way.Access)) && way.Access != "person" {
				continue
			}
			for _, id := range []string{check.UUID.String(), paused.UUID.String(), idOf(desk.ID), idOf(off.ID)} {
				path := fill(way.Path, map[string]string{"id": id, "n": "1", "key": "none"})
				if way.Path == "/deliveries" {
					path += "?open=" + idOf(dead)
				}
				w := b.get(path)
				if w.Code != 200 || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
					continue
				}
				looked++
				offersOnly(t, role, path, w)
			}
		}
		if looked < 10 {
			t.Errorf("%d: %s looked at %d pages", i, role, looked)
		}
	}
}

func offersOnly(t *testing.T, role account.Role, path string, w *httptest.ResponseRecorder) {
	t.Helper()
	for _, o := range offers(t, w.Body.String()) {
		if o.path == "" || strings.HasPrefix(o.path, "#") || strings.HasPrefix(o.path, "/api/") || strings.HasPrefix(o.path, "/static/") {
			continue
		}
		way, known := wayOf(o)
		switch {
		case !known:
			t.Errorf("%s as %s: %s %q leads nowhere", path, role, o.method, o.path)
		case way.Access != "anybody" && way.Access != "person" && !role.May(account.Action(way.Access)):
			t.Errorf("%s as %s offers %s %s", path, role, o.method, o.path)
		}
	}
}

// Keys and secrets are no matter of who may only read.
func TestReadersSeeNoSecrets(t *testing.T) {
	f := newStaff(t)
	hook, err := f.st.CreateChannel(t.Context(), monitor.Channel{
		Project: f.project.ID, Name: "Hook", Kind: monitor.Webhook, Created: f.now(),
		Settings: monitor.Settings{URL: "https://example.org/hook/t0ken", Secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
	})
	f.ok(err)
	check := f.addCheck(f.project.ID, "Nightly", hook.ID)
	for role, sees := range map[account.Role]bool{account.ReadOnly: false, account.Member: true} {
		b, found := f.as(role), false
		for _, path := range []string{"/checks", "/checks/" + check.UUID.String(), "/channels", channelPath(hook.ID), "/settings", "/settings/audit", "/deliveries"} {
			page := b.get(path).Body.String()
			for _, secret := range []string{f.project.PingKey, hook.Settings.Secret, "t0ken"} {
				found = found || strings.Contains(page, secret)
				if strings.Contains(page, secret) && !sees {
					t.Errorf("%s as %s shows %s", path, role, secret)
				}
			}
		}
		if found != sees {
			t.Errorf("%s sees secrets: %v", role, found)
		}
	}
}

func channelPath(id monitor.ChannelID) string { return "/channels/" + idOf(id) }

// done is how a route is used so that it changes something.
type done struct {
	path  string
	pairs []string
	as    account.Role // "": the owner
}

// changesOf says for every route that changes a project how it is used. before makes
// what it needs.
func changesOf(f *staff, b *browser) map[string]func() done {
	check := func() string { return "/checks/" + f.addCheck(f.project.ID, uuid.NewString()).UUID.String() }
	channel := func() string { return channelPath(f.addChannel(f.project.ID, uuid.NewString()).ID) }
	offer := func() {
		f.ok(f.st.ProposeTransfer(f.Context(), account.Transfer{Project: f.project.ID, From: f.user.ID, To: f.users[account.Manager].ID, Created: f.now()}))
	}
	member := func(name string) string {
		user, err := f.st.CreateUser(f.Context(), account.User{Email: name + uuid.NewString() + "@example.org", Created: f.now()})
		f.ok(err)
		f.ok(f.st.SetMember(f.Context(), f.project.ID, user.ID, account.Member))
		return "/settings/team/members/" + idOf(user.ID)
	}
	second, err := f.st.CreateProject(f.Context(), projectNamed("Third"), f.user.ID)
	f.ok(err)
	waiting := func() string {
		c := f.addChannel(f.project.ID, uuid.NewString())
		id, err := f.st.EnqueueTest(f.Context(), c.Project, c.ID, f.now())
		f.ok(err)
		return "/deliveries/" + idOf(id)
	}
	invitation := func() account.Invitation { return f.addInvitation(f.project.ID, uuid.NewString()+"@example.org") }
	at := func(path string, pairs ...string) func() done {
		return func() done { return done{path: path, pairs: pairs} }
	}
	return map[string]func() done{
		"/checks": at("/checks", "name", "Fresh", "uuid", uuid.NewString(), "kind", "every", "every", "1", "unit", "days", "grace", "1 h"),
		"/checks/{id}": func() done {
			return done{path: check(), pairs: []string{"name", "Other", "kind", "every", "every", "2", "unit", "days", "grace", "1 h"}}
		},
		"/checks/{id}/pause": func() done { return done{path: check() + "/pause"} },
		"/checks/{id}/resume": func() done {
			path := check()
			f.leads(b.post(path+"/pause"), path)
			return done{path: path + "/resume"}
		},
		"/checks/{id}/delete": func() done { return done{path: check() + "/delete", pairs: []string{"confirm", "yes"}} },
		"/channels":           at("/channels", "kind", "email", "name", "Fresh", "address", "desk@example.org"),
		"/channels/{id}": func() done {
			return done{path: channel(), pairs: []string{"name", "Other", "address", "else@example.org"}}
		},
		"/channels/{id}/test": func() done { return done{path: channel() + "/test"} },
		"/channels/{id}/enable": func() done {
			c := f.addChannel(f.project.ID, uuid.NewString())
			c.Disabled = "gone"
			f.ok(f.st.EditChannel(f.Context(), c))
			return done{path: channelPath(c.ID) + "/enable"}
		},
		"/channels/{id}/delete": func() done { return done{path: channel() + "/delete"} },
		"/deliveries/replay": func() done {
			f.addDead(f.addChannel(f.project.ID, uuid.NewString()))
			return done{path: "/deliveries/replay"}
		},
		"/deliveries/{id}/replay": func() done {
			return done{path: "/deliveries/" + idOf(f.addDead(f.addChannel(f.project.ID, uuid.NewString()))) + "/replay"}
		},
		"/deliveries/{id}/now":     func() done { return done{path: waiting() + "/now"} },
		"/deliveries/{id}/give-up": func() done { return done{path: waiting() + "/give-up"} },
		"/checks/bulk": func() done {
			return done{path: "/checks/bulk", pairs: []string{"do", "pause", "check", strings.TrimPrefix(check(), "/checks/")}}
		},
		"/checks/{id}/move": func() done {
			return done{path: check() + "/move", pairs: []string{"project", idOf(second.ID)}}
		},
		"/checks/{id}/rotate": func() done {
			return done{path: check() + "/rotate", pairs: []string{"uuid", uuid.NewString(), "old", "ends"}}
		},
		"/channels/{id}/checks": func() done {
			c := f.addCheck(f.project.ID, uuid.NewString())
			return done{path: channel() + "/checks", pairs: []string{"shown", idOf(c.ID), "check", idOf(c.ID)}}
		},
		"/settings/keys": at("/settings/keys", "kind", "ro", "name", "web-1"),
		"/settings/keys/{id}/revoke": func() done {
			k, err := f.st.AddKey(f.Context(), account.Key{Project: f.project.ID, Kind: account.KeyPing, Name: "gone", Created: f.now()}.Of(uuid.NewString()))
			f.ok(err)
			return done{path: "/settings/keys/" + idOf(k.ID) + "/revoke"}
		},
		"/status-pages": at("/status-pages", "title", "Fresh", "address", "fresh-page", "scope", "project", "history", "1"),
		"/status-pages/{id}": func() done {
			return done{path: "/status-pages/" + idOf(f.addStatusPage(f.project.ID, nil).ID), pairs: []string{"title", "Other", "address", "other-page", "scope", "project"}}
		},
		"/status-pages/{id}/delete": func() done {
			return done{path: "/status-pages/" + idOf(f.addStatusPage(f.project.ID, nil).ID) + "/delete", pairs: []string{"confirm", "yes"}}
		},
		"/badges/key":       at("/badges/key", "confirm", "yes"),
		"/settings/project": at("/settings/project", "name", "Renamed"),
		"/settings/team/leave": func() done {
			return done{path: "/settings/team/leave", pairs: []string{"confirm", "yes"}, as: account.ReadOnly}
		},
		"/settings/team/transfer":            at("/settings/team/transfer", "to", idOf(f.users[account.Manager].ID)),
		"/settings/team/members/{id}/role":   func() done { return done{path: member("a") + "/role", pairs: []string{"role", "manager"}} },
		"/settings/team/members/{id}/remove": func() done { return done{path: member("b") + "/remove", pairs: []string{"confirm", "yes"}} },
		"/settings/team/invitations":         at("/settings/team/invitations", "email", "fresh@example.org", "role", "member"),
		"/settings/team/invitations/{id}/resend": func() done {
			return done{path: "/settings/team/invitations/" + idOf(invitation().ID) + "/resend"}
		},
		"/settings/team/invitations/{id}/revoke": func() done {
			return done{path: "/settings/team/invitations/" + idOf(invitation().ID) + "/revoke"}
		},
		"/settings/team/transfer/end": func() done { offer(); return done{path: "/settings/team/transfer/end"} },
		"/settings/team/transfer/accept": func() done {
			offer()
			return done{path: "/settings/team/transfer/accept", as: account.Manager}
		},
		"/projects": at("/projects", "name", "Second"),
		"/invitations/{token}": func() done {
			i := f.addInvitation(f.project.ID, f.users[""].Email)
			return done{path: f.linkOf(i), as: "nobody"}
		},
		"/settings/delete": func() done { // comes last
			return done{path: "/settings/delete", pairs: []string{"name", "Renamed"}, as: account.Manager}
		},
	}
}

// unrecorded are the routes that change nothing of a project.
var unrecorded = []string{"/login", "/logout", "/confirm", "/setup/{token}", "/signup/{token}", "/project"}

// unrecordedBelow begins the routes by which people change what is their own.
var unrecordedBelow = []string{"/login/", "/confirm/", "/passkey/", "/signup", "/account/", "/unsubscribe/"}

// Whatever a person changes by a page stands in the log, with who did it and in which
// request. A new route has to say above how it is used, or that it changes nothing.
func TestEveryChangeIsRecorded(t *testing.T) {
	f := newStaff(t)
	owner := f.as(account.Owner)
	browsers := map[account.Role]*browser{"": owner, account.Manager: f.as(account.Manager), account.ReadOnly: f.as(account.ReadOnly), "nobody": f.as("")}
	emails := map[account.Role]string{"": f.user.Email, account.Manager: f.users[account.Manager].Email, account.ReadOnly: f.users[account.ReadOnly].Email, "nobody": f.users[""].Email}
	changes := changesOf(f, owner)
	var order []string
	for _, way := range web.Ways() {
		own := slices.ContainsFunc(unrecordedBelow, func(begin string) bool { return strings.HasPrefix(way.Path, begin) })
		if way.Method == "POST" && !own && !slices.Contains(unrecorded, way.Path) {
			order = append(order, way.Path)
		}
	}
	// These change who may do the others.
	for _, path := range []string{"/settings/team/transfer/accept", "/settings/delete"} {
		order = append(slices.DeleteFunc(order, func(p string) bool { return p == path }), path)
	}
	for _, path := range order {
		use, known := changes[path]
		if !known {
			t.Errorf("POST %s: say in changesOf how it is used, or in unrecorded that it changes nothing of a project", path)
			continue
		}
		d := use()
		project := f.project.ID
		f.leads(owner.post("/project", "project", idOf(project)), "/checks")
		w := browsers[d.as].post(d.path, d.pairs...)
		if w.Code != 303 && path != "/settings/keys" || w.Code >= 400 {
			t.Errorf("POST %s: %d to %q\n%.600s", path, w.Code, w.Header().Get("Location"), w.Body)
			continue
		}
		if path == "/projects" {
			projects, err := f.st.ProjectsOf(t.Context(), f.user.ID)
			f.ok(err)
			for _, p := range projects {
				project = max(project, p.ID) // it was made now
			}
		}
		request := w.Header().Get("X-Request-Id")
		entries, err := f.st.AuditLog(t.Context(), store.AuditQuery{Project: project, Limit: 100})
		f.ok(err)
		at := slices.IndexFunc(entries, func(e account.Entry) bool { return e.Request == request })
		if at < 0 {
			t.Errorf("POST %s left no entry", path)
			continue
		}
		if e := entries[at]; e.Name != emails[d.as] || e.Kind != account.ByPerson || e.ID == 0 || e.From == "" || e.At.IsZero() {
			t.Errorf("POST %s was recorded as %+v", path, e.Actor)
		}
	}
	_, err := f.st.VerifyAudit(t.Context(), 0, func(e account.Entry, words string) { t.Errorf("entry %d of %d %s", e.N, e.Project, words) })
	f.ok(err)
	f.wants(owner.post("/project", "project", idOf(f.project.ID)), 404)
}
