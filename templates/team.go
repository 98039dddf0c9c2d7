package templates

import (
	"strconv"
	"time"

	"github.com/a-h/templ"

	"rollcall/internal/account"
)

// TeamPage shows the members of a project.
type TeamPage struct {
	Page
	Me          int64 // the reader's id
	Members     []Member
	MostMembers *int // nil: as many as one likes
	Invitations []account.Invitation
	MostLetters int               // of one invitation
	Offer       *account.Transfer // that can be accepted; nil for none
	OfferLife   time.Duration
	Form        InviteForm
	Problems    []Problem
	Wrong       map[string]string
	NoMail      bool // this server can send none
}

// Member is somebody who belongs to the project.
type Member struct {
	ID    int64
	Email string
	Role  account.Role
}

func (m Member) path(what string) templ.SafeURL {
	return templ.SafeURL("/settings/team/members/" + strconv.FormatInt(m.ID, 10) + "/" + what)
}

func invitationPath(i account.Invitation, what string) templ.SafeURL {
	return templ.SafeURL("/settings/team/invitations/" + strconv.FormatInt(i.ID, 10) + "/" + what)
}

// InviteForm is an invitation as it is typed.
type InviteForm struct {
	Email string
	Role  account.Role
}

func (p TeamPage) email() Field {
	return Field{
		ID: "email", Label: "E-mail", Type: "email", Value: p.Form.Email, Error: complaint("E-mail", p.Wrong["email"]),
		Attrs: attrs("autocomplete", "off", "required", "required"),
	}
}

func (p TeamPage) use() string { return useOf(len(p.Members), p.MostMembers, "member", "members") }

// changes reports whether the reader can change another member here.
func (p TeamPage) changes(m Member) bool {
	return p.May(account.Manage) && m.Role != account.Owner && m.ID != p.Me
}

// again reports whether another letter may be sent.
func (p TeamPage) again(i account.Invitation) bool { return i.Letters < p.MostLetters }

// heirs are those to whom the project can be offered.
func (p TeamPage) heirs() []Member {
	var heirs []Member
	for _, m := range p.Members {
		if m.Role != account.Owner {
			heirs = append(heirs, m)
		}
	}
	return heirs
}

func (p TeamPage) lastOwner() bool {
	return p.Role == account.Owner && len(p.Members)-len(p.heirs()) == 1
}

func (p TeamPage) offered() bool { return int64(p.Offer.To) == p.Me }
func (p TeamPage) offers() bool  { return int64(p.Offer.From) == p.Me }

func (p TeamPage) offerEnds() time.Time { return p.Offer.Created.Add(p.OfferLife) }

// nameOf is the address of a member.
func (p TeamPage) nameOf(id account.UserID) string {
	for _, m := range p.Members {
		if m.ID == int64(id) {
			return m.Email
		}
	}
	return "somebody"
}
