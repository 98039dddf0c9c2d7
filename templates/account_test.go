package templates_test

import (
	"testing"
	"time"

	"rollcall/templates"
)

func accountPage(t *testing.T) templates.AccountPage {
	t.Helper()
	frame := frame(t, "Account", "/account")
	return templates.AccountPage{
		Page: frame, Sure: true, Mail: true, HasPassword: true, Zones: []string{"Europe/Berlin", "UTC"},
		Sessions: []templates.SessionLine{
			{ID: "one", Browser: "Firefox on Linux", Network: "203.0.113.x", This: true, Began: frame.Now.Add(-2 * time.Hour), Seen: frame.Now},
			{ID: "two", Browser: "Safari on iPhone", Network: "2001:db8:aa::/48", Began: frame.Now.Add(-9 * 24 * time.Hour), Seen: frame.Now.Add(-3 * time.Hour)},
			{ID: "three", Browser: "An unknown browser", Began: frame.Now.Add(-time.Hour), Seen: frame.Now.Add(-30 * time.Hour)},
		},
		Ends: []string{"Home lab", "Production", "Staging"},
	}
}

func TestAccount(t *testing.T) {
	page := accountPage(t)
	page.Form = templates.AccountForm{Email: "ines", WrongEmail: "is not one plain address", WrongPassword: "is shorter than 12 characters"}
	goldenPage(t, "account.html", templates.Account(page))

	page = accountPage(t)
	page.Sure, page.HasPassword, page.Ends, page.Keeps = false, false, nil, []string{"Production"}
	page.OwnZone, page.Form = "Europe/Berlin", templates.AccountForm{Zone: "Atlantis", WrongZone: "“Atlantis” is not a time zone"}
	goldenPage(t, "account-asks.html", templates.Account(page))
}

func TestConfirm(t *testing.T) {
	page := templates.ConfirmPage{Page: door(t, "Is it still you?"), Email: "ines@northwind.example", Next: "/account", Password: true, Mail: true}
	goldenPage(t, "confirm.html", templates.Confirm(page))
	page.Password, page.Sent, page.WrongMailed = false, true, "That is not the code, or its time is over."
	goldenPage(t, "confirm-code.html", templates.Confirm(page))
}

func TestWaysIn(t *testing.T) {
	goldenPage(t, "login-ways.html", templates.Login(templates.LoginPage{
		Page: door(t, "Log in"), Mail: true, Signup: true, Ways: templates.Ways{Passkeys: true},
	}))
	goldenPage(t, "signup.html", templates.Signup(templates.SignupPage{Page: door(t, "Sign up"), Email: "ines", Error: "E-mail is not one plain address."}))
	goldenPage(t, "signup-link.html", templates.SignupLink(templates.SignupLinkPage{
		Page: door(t, "Make your account"), Action: "/signup/81sjuqlpxs5tal0a05q67exiwxsz0ddj", Email: "ines@northwind.example", Error: "is shorter than 12 characters",
	}))
	goldenPage(t, "mailed.html", templates.Mailed(templates.MailedPage{Page: door(t, "Look into your mailbox"), What: "A link is on its way to that address."}))
	goldenPage(t, "link.html", templates.LinkForm(templates.LinkPage{
		Page: door(t, "Log in"), What: "You are about to log in as ines@northwind.example.", Button: "Log in",
		Action: "/login/81sjuqlpxs5tal0a05q67exiwxsz0ddj", Next: "/deliveries",
	}))
}
