package app_test

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"testing"

	"rollcall/internal/mailtest"
)

var mailedLink = regexp.MustCompile(`http://\S+/signup/[a-z0-9]{32}`)

// Somebody signs up at a running server, and gets in by the link that arrives.
func TestSignUpByMail(t *testing.T) {
	in := mailtest.Start(t, mailtest.Options{})
	c := config(t)
	c.SMTP, c.SignupOpen = "smtp://"+in.Addr+"?from=rollcall@example.org", true
	p := run(t, c)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := http.Client{Jar: jar}
	post := func(address string, form url.Values) string {
		t.Helper()
		answer, err := browser.PostForm(address, form)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s", address, answer.Status)
		}
		return answer.Request.URL.Path
	}
	if at := post(p.BaseURL()+"/signup", url.Values{"email": {"new@example.org"}}); at != "/signup/mail" {
		t.Errorf("led to %s", at)
	}
	got := in.Await(t.Context(), 1)
	if len(got) != 1 || got[0].Subject() != "Make your Rollcall account" {
		t.Fatalf("mails %+v", got)
	}
	if at := post(mailedLink.FindString(got[0].Text), url.Values{"password": {"correct horse battery"}}); at != "/checks" {
		t.Errorf("led to %s", at)
	}
}
