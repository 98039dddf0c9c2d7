package templates

import (
	"net/url"

	"github.com/a-h/templ"

	"rollcall/internal/account"
)

func settingsPlaces(p Page) []place {
	places := []place{{"/settings", "Project", ""}, {"/settings/team", "Team", ""}}
	if p.May(account.Manage) {
		places = append(places, place{"/settings/keys", "Keys", ""})
	}
	return append(places, place{"/settings/audit", "Audit log", ""})
}

// NewProjectPage makes a project.
type NewProjectPage struct {
	Page
	Name        string
	Problems    []Problem
	Wrong       map[string]string
	Invitations []account.Invitation // of the reader's address
}

func (p NewProjectPage) field() Field {
	return Field{
		ID: "name", Label: "Name", Value: p.Name, Error: complaint("Name", p.Wrong["project"]),
		Hint: "What your people call it, such as Production.", Attrs: attrs("autocomplete", "off", "required", "required"),
	}
}

// InvitationPage is what a link in a letter leads to.
type InvitationPage struct {
	Page
	Token      string
	Invitation account.Invitation
	SignedIn   string // the address of who has come; "" for nobody
	HasAccount bool   // the invited address has one
	Wrong      map[string]string
}

func (p InvitationPage) path() templ.SafeURL { return templ.SafeURL("/invitations/" + p.Token) }

func (p InvitationPage) login() templ.SafeURL {
	return templ.SafeURL("/login?next=" + url.QueryEscape(string(p.path())))
}

func (p InvitationPage) problems() []Problem {
	if p.Wrong["password"] == "" {
		return nil
	}
	return []Problem{{ID: "password", Label: "Password", Words: p.Wrong["password"]}}
}

func (p InvitationPage) password() Field {
	return Field{
		ID: "password", Label: "A password for " + p.Invitation.Email, Type: "password", Error: complaint("Password", p.Wrong["password"]),
		Hint: "At least 12 characters, of any kind.", Attrs: attrs("autocomplete", "new-password", "required", "required", "minlength", "12"),
	}
}

// RoleWords is what a member with a role is called.
func RoleWords(r account.Role) string {
	switch r {
	case account.Owner:
		return "owner"
	case account.Manager:
		return "manager"
	case account.Member:
		return "member"
	case account.ReadOnly:
		return "read-only member"
	}
	return "without a role"
}

// ARole is RoleWords behind its article.
func ARole(r account.Role) string {
	if r == account.Owner {
		return "an owner"
	}
	return "a " + RoleWords(r)
}

// roleMeans says what a role may do, as a sentence without a subject.
func roleMeans(r account.Role) string {
	switch {
	case r.May(account.Own):
		return "may do everything, give the project away, and delete it."
	case r.May(account.Manage):
		return "changes checks and channels, and manages members and keys."
	case r.May(account.Change):
		return "changes checks and channels."
	case r.May(account.See):
		return "sees everything but secrets, and changes nothing."
	}
	return "may do nothing."
}

// InvitationMail tells somebody who may not know Rollcall that they are invited.
func InvitationMail(i account.Invitation, link string) Mail {
	to := "a project"
	if name := account.MailName(i.Name); name != "" {
		to = "the project “" + name + "”"
	}
	return Mail{
		Subject: "An invitation to Rollcall", Title: "You are invited",
		Sentences: []string{
			shown(i.Inviter) + " invites you to " + to + " on Rollcall, as " + ARole(i.Role) + ".",
			"Rollcall tells people when a scheduled job did not run.",
		},
		Button: "See the invitation", Page: link,
		Why:     "You get this because " + shown(i.Inviter) + " gave your address. Nothing happens unless you accept.",
		Closing: "The link works until " + i.Expires.UTC().Format("Mon 2 Jan 2006, 15:04") + " UTC.",
	}
}
