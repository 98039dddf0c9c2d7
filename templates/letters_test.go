package templates_test

import (
	"testing"
	"time"

	"rollcall/internal/account"
	"rollcall/templates"
)

func TestLetters(t *testing.T) {
	head := templates.Letterhead{To: "ines@northwind.example", Base: "https://rollcall.example"}
	link := head.Base + "/login/81sjuqlpxs5tal0a05q67exiwxsz0ddj"
	notice := func(what account.Notice) templates.Mail {
		at := time.Date(2026, 11, 23, 8, 14, 31, 0, time.UTC)
		return templates.NoticeMail(head, account.NoticeLetter{What: what, Email: "ines@new.example"}, at)
	}
	for name, mail := range map[string]templates.Mail{
		"login":       templates.LoginMail(head, link, false),
		"login-known": templates.LoginMail(head, link, true),
		"signup":      templates.SignupMail(head, link),
		"email":       templates.EmailMail(head, link, "ines@old.example"),
		"code":        templates.CodeMail(head, "48120937"),
		"password":    notice(account.NoticePassword),
		"no-password": notice(account.NoticeNoPassword),
		"moved":       notice(account.NoticeEmail),
		"deleted":     notice(account.NoticeDeleted),
	} {
		if mail.Subject == "" || mail.Project != "" {
			t.Errorf("%s: subject %q, project %q", name, mail.Subject, mail.Project)
		}
		golden(t, "letter-"+name+".txt", "Subject: "+mail.Subject+"\n\n"+mail.Text())
	}
}
