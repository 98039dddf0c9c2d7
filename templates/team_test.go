package templates_test

import (
	"testing"
	"time"

	"rollcall/internal/account"
	"rollcall/templates"
)

func teamPage(t *testing.T) templates.TeamPage {
	page := frame(t, "Team", "/settings")
	most := 8
	return templates.TeamPage{
		Page: page, Me: 1, MostMembers: &most, MostLetters: 4, OfferLife: 7 * 24 * time.Hour,
		Form: templates.InviteForm{Role: account.Member},
		Members: []templates.Member{
			{ID: 1, Email: "ines.marten@northwind.example", Role: account.Owner},
			{ID: 2, Email: "kim@northwind.example", Role: account.Manager},
			{ID: 3, Email: "auditor@northwind.example", Role: account.ReadOnly},
		},
		Invitations: []account.Invitation{
			{ID: 4, Email: "new@northwind.example", Role: account.Member, Inviter: "kim@northwind.example", Letters: 1, Created: page.Now.Add(-26 * time.Hour), Expires: page.Now.Add(142 * time.Hour)},
			{ID: 5, Email: "far@northwind.example", Role: account.Member, Inviter: "kim@northwind.example", Letters: 4, Created: page.Now.Add(-time.Hour), Expires: page.Now.Add(167 * time.Hour)},
		},
		Offer: &account.Transfer{From: 1, To: 2, Created: page.Now.Add(-time.Hour)},
	}
}

func TestTeam(t *testing.T) {
	page := teamPage(t)
	goldenPage(t, "team.html", templates.Team(page))
	page.Role, page.Me = account.ReadOnly, 3
	goldenPage(t, "team-readonly.html", templates.Team(page))
}

func TestAudit(t *testing.T) {
	page := frame(t, "Audit log", "/settings")
	ines := account.Actor{Kind: account.ByPerson, ID: 1, Name: "ines.marten@northwind.example", From: "203.0.113.14", Request: "R1", At: page.Now.Add(-time.Hour)}
	key := account.Actor{Kind: account.ByKey, Name: "API key", From: "203.0.113.20", Request: "R2", At: page.Now.Add(-30 * time.Hour)}
	var entries []account.Entry
	for _, e := range []account.Entry{
		{Verb: account.Edited, Object: account.OfCheck, Title: "Nightly", Before: map[string]string{"grace": "5 min", "tags": "db"}, After: map[string]string{"grace": "1 h", "channels": "Ops"}},
		{Verb: account.Created, Object: account.OfChannel, Title: "Ops"},
		{Verb: account.Revoked, Object: account.OfKey, Title: "read-only API key Grafana"},
		{Verb: account.Accepted, Object: account.OfMember, Title: "kim@northwind.example"},
		{Verb: account.Replayed, Object: account.OfDelivery, Title: "to Ops"},
		{Verb: account.Edited, Object: account.OfProject, Title: "Production"},
	} {
		e.Actor = ines
		entries = append(entries, e)
	}
	entries = append(entries, account.Entry{Actor: key, Verb: account.Paused, Object: account.OfCheck, Title: "Nightly"})
	goldenPage(t, "audit.html", templates.Audit(templates.AuditPage{
		Page: page, Actors: []string{"API key", "ines.marten@northwind.example"}, Days: templates.AuditDays(entries, page.Clock), Older: "/settings/audit?before=3",
	}))
}

func TestNewProject(t *testing.T) {
	page := frame(t, "No project yet", "")
	page.Project, page.Projects, page.Role, page.Worst, page.Down = "", nil, "", "", 0
	goldenPage(t, "newproject.html", templates.NewProject(templates.NewProjectPage{
		Page: page, Wrong: map[string]string{"project": "needs a name"}, Problems: []templates.Problem{{ID: "name", Label: "Name", Words: "needs a name"}},
		Invitations: []account.Invitation{{Name: "Staging", Email: page.User, Inviter: "kim@northwind.example", Created: page.Now}},
	}))
}

func TestInvitation(t *testing.T) {
	page := templates.InvitationPage{
		Page: door(t, "An invitation"), Token: "t0ken",
		Invitation: account.Invitation{Name: "Production", Email: "new@northwind.example", Role: account.ReadOnly, Inviter: "kim@northwind.example", Expires: clock(t).Now.Add(100 * time.Hour)},
	}
	goldenPage(t, "invitation.html", templates.Invitation(page))
}

func TestInvitationMail(t *testing.T) {
	mail := templates.InvitationMail(account.Invitation{
		Name: "Production http://evil.example", Email: "new@northwind.example", Role: account.Member, Inviter: "kim@northwind.example", Expires: clock(t).Now.Add(100 * time.Hour),
	}, "https://rollcall.example/invitations/t0ken")
	html, err := mail.HTML(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "mail-invitation.html", html)
	golden(t, "mail-invitation.txt", mail.Text())
}
