package browsertest_test

import (
	"context"
	"os/exec"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"rollcall/internal/browsertest"
)

// focused is what the focus is on, in words.
const focused = `(() => { const e = document.activeElement; return (e.labels?.[0] || e).textContent.trim() + " " + e.tagName + " " + e.type; })()`

// tabTo presses the key Tab until the focus is on what has these words.
func tabTo(b *browsertest.Tab, words string) {
	b.Helper()
	var passed []string
	for range 120 {
		b.Do(chromedp.KeyEvent(kb.Tab))
		on := b.Text(focused)
		if strings.HasPrefix(on, words) {
			return
		}
		passed = append(passed, on)
	}
	b.Fatalf("the focus never comes to %q; it passed %q", words, passed)
}

// enter goes to what has these words and presses it, and waits for what comes.
func enter(b *browsertest.Tab, words, comes string) {
	b.Helper()
	tabTo(b, words)
	b.Do(chromedp.KeyEvent(kb.Enter))
	b.Do(chromedp.WaitReady(comes))
}

// A day with neither a mouse nor a script: everything that is done to a check, from
// logging in to logging out.
func TestJourneyByKeyboardWithoutScript(t *testing.T) {
	b := browsertest.Start(t).Open(t)
	b.Do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return err
	}))
	b.Go("/login")
	tabTo(b, "E-mail")
	b.Do(chromedp.KeyEvent(browsertest.Email))
	tabTo(b, "Password")
	b.Do(chromedp.KeyEvent(browsertest.Password+kb.Enter), chromedp.WaitReady("nav[aria-label=Project]"))

	b.Do(chromedp.KeyEvent(kb.Tab))
	if on := b.Text(focused); !strings.HasPrefix(on, "Skip to the content") {
		t.Errorf("the first stop is %q", on)
	}
	b.Do(chromedp.KeyEvent(kb.Enter))
	enter(b, "New check", "#name:focus")
	b.Do(chromedp.KeyEvent("Nightly backup"))
	tabTo(b, "Every INPUT radio")
	b.Do(chromedp.KeyEvent(kb.ArrowRight))
	tabTo(b, "Cron expression")
	b.Do(chromedp.KeyEvent("30 2 * * 1"))
	enter(b, "Preview", "form.form")
	b.Sees("Mondays at 02:30")
	enter(b, "Make the check", "#verdict")
	b.Sees("Nightly backup")
	curl(b)

	enter(b, "Pause", "#verdict[data-s=paused]")
	enter(b, "Resume", "#verdict:not([data-s=paused])")
	enter(b, "Runs A", `[aria-current]`)
	tabTo(b, "Delete")
	b.Do(chromedp.KeyEvent(kb.Enter))
	tabTo(b, "Yes, delete Nightly backup")
	b.Do(chromedp.KeyEvent(" "))
	enter(b, "Delete BUTTON", "#said")
	b.Sees("Your first check")
	tabTo(b, "I") // the menu of the account
	b.Do(chromedp.KeyEvent(kb.Enter))
	enter(b, "Log out", "#email")
}

// A page for people without an account: a stranger reads it, under public names
// alone, and sees what goes down. Its old address ends with a new one.
func TestStatusPageJourney(t *testing.T) {
	site := browsertest.Start(t)
	owner, stranger := site.Open(t), site.Open(t)
	owner.LogIn()
	owner.Go("/checks/new")
	owner.Fill("name", "Invoice export")
	owner.Press("Make the check")
	owner.Sees("Waiting for the first ping")
	curl(owner)
	owner.True(`document.querySelector("#verdict").dataset.s === "up"`)
	address := owner.Text(`document.querySelector("main").textContent.match(/http:\S+?\/ping\/[0-9a-f-]{36}/)[0]`)

	owner.Go("/status-pages")
	owner.Press("New status page")
	owner.Fill("title", "Northwind")
	owner.Fill("address", "northwind")
	owner.Do(chromedp.Click(`#checks label`), chromedp.SendKeys(`[aria-label="Public name of Invoice export"]`, "Invoices"))
	owner.Press("Publish it")
	owner.Sees("/status/northwind")
	stranger.Go("/status/northwind")
	stranger.Sees("Invoices")
	stranger.True(`document.querySelector(".verdict").dataset.s === "up" && !document.documentElement.innerHTML.includes("Invoice export")`)

	if out, err := exec.CommandContext(owner.Context, "curl", "-fsS", "-m", "10", address+"/fail").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	owner.Press("Northwind")
	owner.Fill("address", "northwind-jobs")
	owner.Press("Save")
	owner.Sees("/status/northwind-jobs")
	stranger.Go("/status/northwind-jobs")
	stranger.Sees("is down")
	another := site.Open(t) // who has not kept the page
	another.Go("/status/northwind")
	another.Sees("Not found")
}
