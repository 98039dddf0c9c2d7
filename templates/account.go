package templates

import (
	"strings"
	"time"
)

// AccountPage shows somebody their account.
type AccountPage struct {
	Page
	Form        AccountForm
	Sure        bool // it was proved lately who they are
	Mail        bool // the server sends mail
	HasPassword bool
	OwnZone     string   // "" when they have none of their own
	Zones       []string // to choose from
	Sessions    []SessionLine
	Ends        []string // projects that are deleted with the account
	Keeps       []string // projects that it cannot be deleted for
}

// AccountForm is what was typed into one of the forms, and what is wrong with it.
type AccountForm struct {
	Email, WrongEmail     string
	WrongPassword         string
	Zone, WrongZone       string
	Address, WrongAddress string // to confirm that the account is to be deleted
}

// SessionLine is a browser that is logged in.
type SessionLine struct {
	ID      string
	Browser string
	Network string
	This    bool // the one that looks at the page
	Began   time.Time
	Seen    time.Time
}

// from says where a session was begun, as far as it is known.
func (l SessionLine) from() string {
	if l.Network == "" {
		return ""
	}
	return " from " + l.Network
}

func (p AccountPage) problems() []Problem {
	var all []Problem
	for _, problem := range []Problem{
		{"email", "New address", p.Form.WrongEmail},
		{"password", "Password", p.Form.WrongPassword},
		{"zone", "Time zone", p.Form.WrongZone},
		{"address", "Address", p.Form.WrongAddress},
	} {
		if problem.Words != "" {
			all = append(all, problem)
		}
	}
	return all
}

func (p AccountPage) email() Field {
	return Field{
		ID: "email", Label: "New address", Type: "email", Value: p.Form.Email, Error: complaint("New address", p.Form.WrongEmail),
		Attrs: attrs("autocomplete", "email", "required", "required"),
	}
}

func (p AccountPage) password() Field {
	f := newPassword(p.Form.WrongPassword)
	f.Label = "New password"
	return f
}

func (p AccountPage) passwordWords() string {
	if p.HasPassword {
		return "Change the password"
	}
	return "Set a password"
}

func (p AccountPage) zone() Field {
	f := Field{
		ID: "zone", Label: "Zone", Value: p.OwnZone, Error: p.Form.WrongZone, Optional: true, Holder: "UTC",
		Attrs: attrs("list", "zones", "autocomplete", "off", "spellcheck", "false"),
	}
	if p.Form.WrongZone != "" {
		f.Value, f.Error = p.Form.Zone, Capital(p.Form.WrongZone)+"."
	}
	return f
}

func (p AccountPage) address() Field {
	return Field{
		ID: "address", Label: "Type " + p.User + " to delete the account", Type: "email", Value: p.Form.Address,
		Error: complaint("The address", p.Form.WrongAddress), Attrs: attrs("autocomplete", "off", "required", "required"),
	}
}

// inARow says several names in a row: "Main, Staging and Home lab".
func inARow(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}
