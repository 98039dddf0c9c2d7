package browsertest_test

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"rollcall/internal/app"
	"rollcall/internal/browsertest"
	"rollcall/internal/mailtest"
)

// withMail gives a site a mail server whose inbox is returned.
func withMail(t *testing.T) (*mailtest.Inbox, func(*app.Config)) {
	t.Helper()
	inbox := mailtest.Start(t, mailtest.Options{})
	return inbox, func(c *app.Config) { c.SMTP = "smtp://" + inbox.Addr + "?from=alerts@example.org" }
}

// mail waits for so many mails and returns the last of them.
func mail(b *browsertest.Tab, inbox *mailtest.Inbox, n int) mailtest.Message {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context, 30*time.Second)
	defer cancel()
	mails := inbox.Await(ctx, n)
	if len(mails) < n {
		b.Fatalf("%d mails have arrived, want %d", len(mails), n)
	}
	return mails[n-1]
}

// curl pings the address that a page offers for copying, from a process of its own.
func curl(b *browsertest.Tab) {
	b.Helper()
	address := b.Text(`document.querySelector("main").textContent.match(/http:\S+?\/ping\/[0-9a-f-]{36}/)[0]`)
	out, err := exec.CommandContext(b.Context, "curl", "-fsS", "-m", "10", "--retry", "5", address).CombinedOutput()
	if err != nil || string(out) != "OK" {
		b.Fatalf("curl %s: %v: %s", address, err, out)
	}
}

// stays says that the page has not been loaded anew since stamp was called: what
// has changed on it came by itself.
func stays(b *browsertest.Tab) {
	b.Helper()
	b.True(`window.stamped === true`)
}

func stamp(b *browsertest.Tab) {
	b.Helper()
	b.True(`window.stamped = true`)
}

// A new server: the first account, the ping that its first page offers, a check of
// one's own, and pages that change by themselves when its job reports.
func TestFirstAccountJourney(t *testing.T) {
	site := browsertest.StartNew(t)
	b := site.Open(t)
	b.Go(site.FirstLink())
	b.Fill("email", "ada@example.org")
	b.Fill("password", "a long way from anywhere")
	b.Press("Make the account")
	b.Sees("Ping it once")
	curl(b)
	b.Sees("My first job") // the list has taken the place of the first page

	b.Press("New check")
	b.At("/checks/new")
	b.Fill("name", "Nightly backup")
	b.Press("Make the check")
	b.Sees("Waiting for the first ping")
	stamp(b)
	curl(b)
	b.True(`document.querySelector("#verdict").dataset.s === "up"`)
	b.True(`document.querySelectorAll("#timeline li").length > 0`)
	stays(b)

	b.Go("/checks")
	b.Sees("Nightly backup")
	b.Go("/setup/used-already")
	b.Sees("This link has ended")
}

// A job falls silent: the page says so by itself, a mail arrives, and the log shows
// that it was taken. The job reports again, and that is told, too.
func TestMissJourney(t *testing.T) {
	inbox, mailed := withMail(t)
	b := browsertest.Start(t, mailed).Open(t)
	b.LogIn()
	b.Go("/channels/new?kind=email")
	b.Fill("name", "On call")
	b.Fill("address", "oncall@example.org")
	b.Press("Add it")
	b.Sees("On call")

	b.Go("/checks/new")
	b.Fill("name", "Queue worker")
	b.Fill("every", "2")
	b.Choose("unit", "seconds")
	b.Fill("grace", "1 s")
	b.Press("Make the check")
	b.Sees("Waiting for the first ping")
	stamp(b)
	curl(b)
	b.True(`document.querySelector("#verdict").dataset.s === "down"`)
	b.Sees("Down since")
	stays(b)
	if got, want := mail(b, inbox, 1).Subject(), "Down: Queue worker"; !strings.Contains(got, want) {
		t.Errorf("the mail's subject is %q, want %q in it", got, want)
	}
	b.Go("/deliveries")
	b.Sees("Queue worker")
	b.True(`document.querySelector("main").innerText.includes("Delivered\n250")`)
	b.Go("/checks")
	b.Press("Queue worker")
	b.True(`document.querySelector("#verdict") !== null && document.readyState === "complete"`)
	curl(b)
	b.True(`document.querySelector("#timeline").innerText.includes("up")`)
	if got, want := mail(b, inbox, 2).Subject(), "Queue worker"; !strings.Contains(got, want) {
		t.Errorf("the second mail's subject is %q, want %q in it", got, want)
	}
}

var invitationLink = regexp.MustCompile(`/invitations/[A-Za-z0-9_-]+`)

// Somebody is invited to read, makes an account by the letter, sees what a reader
// sees and can do no more; as a member they can.
func TestInvitationJourney(t *testing.T) {
	inbox, mailed := withMail(t)
	site := browsertest.Start(t, mailed)
	owner := site.Open(t)
	owner.LogIn()
	owner.Go("/settings/team")
	owner.Fill("email", "kim@example.org")
	owner.Choose("role", "readonly")
	owner.Press("Send the invitation")
	owner.Sees("kim@example.org")

	guest := site.Open(t)
	guest.Go(invitationLink.FindString(mail(owner, inbox, 1).Text))
	guest.Sees("Join Main?")
	guest.Fill("password", "a long way from anywhere")
	guest.Press("Make an account and join")
	guest.At("/checks")
	guest.True(`!document.querySelector("main").innerText.includes("New check")`)
	guest.Go("/checks/new")
	guest.Sees("Your role in Main does not allow this.")
	guest.Go("/settings/keys")
	guest.True(`!document.querySelector("main form button")`)

	owner.Go("/settings/team")
	owner.Do(chooseFor("kim@example.org", "member"))
	owner.True(`document.querySelector("[aria-label='Role of kim@example.org'] [selected]").value === "member"`)
	guest.Go("/checks/new")
	guest.Fill("name", "Made by Kim")
	guest.Press("Make the check")
	guest.Sees("Waiting for the first ping")
	owner.Go("/checks")
	owner.Sees("Made by Kim")
}

// chooseFor gives a member another role by the form beside their name.
func chooseFor(email, role string) chromedp.Action[chromedp.Void] {
	return chromedp.Evaluate[chromedp.Void](fmt.Sprintf(
		`{ const choice = document.querySelector('[aria-label="Role of %s"]'); choice.value = %q; choice.form.requestSubmit() }`, email, role))
}
