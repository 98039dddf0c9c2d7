package templates

import (
	"fmt"
	"net/url"
	"time"

	"rollcall/internal/account"
)

// Letterhead is what the letters about somebody's account have in common.
type Letterhead struct {
	To   string // the address it is sent to
	Base string // of the pages, without a slash at the end
}

// once says how long a link works, of whatever kind.
func once(life time.Duration) string { return "It works once, for " + Span(life) + "." }

// site is the server as people call it.
func (h Letterhead) site() string {
	base, err := url.Parse(h.Base)
	if err != nil {
		return h.Base
	}
	return base.Host
}

// LoginMail carries a link that logs in. Known tells that the reader wanted to sign
// up and has an account already.
func LoginMail(h Letterhead, link string, known bool) Mail {
	m := Mail{
		Subject: "Log in to Rollcall", Title: "Log in to Rollcall",
		Sentences: []string{"This link logs you in as " + h.To + ".", once(account.LinkLife)},
		Button:    "Log in", Page: link,
		Why:     "You get this because somebody, probably you, asked " + h.site() + " for it.",
		Closing: "If it was not you, do nothing: nobody gets in without this link.",
	}
	if known {
		m.Sentences = append([]string{"You have an account already."}, m.Sentences...)
	}
	return m
}

// SignupMail carries a link that makes an account.
func SignupMail(h Letterhead, link string) Mail {
	return Mail{
		Subject: "Make your Rollcall account", Title: "Make your Rollcall account",
		Sentences: []string{"This link makes an account for " + h.To + ".", once(account.LinkLife)},
		Button:    "Make the account", Page: link,
		Why:     "You get this because somebody, probably you, typed this address to sign up at " + h.site() + ".",
		Closing: "If it was not you, do nothing: no account is made.",
	}
}

// EmailMail carries a link, to a new address, that makes it that of an account.
func EmailMail(h Letterhead, link, before string) Mail {
	return Mail{
		Subject: "Use this address for Rollcall", Title: "Use this address for Rollcall",
		Sentences: []string{fmt.Sprintf("This link makes %s the address of the account of %s.", h.To, before), once(account.LinkLife)},
		Button:    "Use this address", Page: link,
		Why:     "You get this because " + before + " asked " + h.site() + " to change to this address.",
		Closing: "If you know nothing of it, do nothing: nothing is changed.",
	}
}

// CodeMail carries a code that proves who somebody is.
func CodeMail(h Letterhead, code string) Mail {
	return Mail{
		Subject: "Your Rollcall code", Title: code[:4] + " " + code[4:],
		Sentences: []string{"Type this code where Rollcall asks whether it is still you.", once(account.CodeLife)},
		Button:    "Open your account", Page: h.Base + "/account",
		Why:     "You get this because a browser that is logged in as " + h.To + " asked " + h.site() + " for it.",
		Closing: "If it was not yours, log out everywhere: the button leads there.",
	}
}

// NoticeMail tells to whom an account belongs what was changed, and when.
func NoticeMail(h Letterhead, n account.NoticeLetter, at time.Time) Mail {
	when := Clock{Now: at, Zone: time.UTC}.Full(at)
	m := Mail{
		Button: "Open your account", Page: h.Base + "/account",
		Why: "You get this because it was changed at " + h.site() + ".",
	}
	switch n.What {
	case account.NoticePassword:
		m.Title = "Your password was changed"
		m.Sentences = []string{fmt.Sprintf("The account of %s has a new password since %s.", h.To, when), "All its other browsers were logged out."}
		m.Closing = "If it was not you, log in by a mailed link and set another one: that ends whoever is logged in."
	case account.NoticeNoPassword:
		m.Title = "Your password was removed"
		m.Sentences = []string{fmt.Sprintf("The account of %s has no password since %s.", h.To, when), "All its other browsers were logged out."}
		m.Closing = "If it was not you, log in by a mailed link and log out everywhere."
	case account.NoticeEmail:
		m.Title = "Your account has another address"
		m.Sentences = []string{fmt.Sprintf("The account of %s belongs to %s since %s.", h.To, n.Email, when), "This address logs in to it no more."}
		m.Button, m.Page, m.Closing = "", "", "If it was not you, write to whoever runs this server."
	case account.NoticeDeleted:
		m.Title = "Your account is deleted"
		m.Sentences = []string{fmt.Sprintf("The account of %s was deleted on %s, with every project that nobody else was a member of.", h.To, when)}
		m.Button, m.Page, m.Closing = "", "", "If it was not you, write to whoever runs this server."
	}
	m.Subject = m.Title
	return m
}
