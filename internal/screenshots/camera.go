package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"rollcall/templates"
)

// shot is one page to take.
type shot struct {
	name    string
	path    string // or a whole address
	project string // that is looked at; "" is the one looked at before
	open    string // a selector of folds to open first
	tick    string // a selector of boxes to tick first
	press   string // a selector of the button that leads to the page
}

// doors are the pages of who is not signed in.
func doors() []shot {
	return []shot{
		{name: "login", path: "/login"},
		{name: "login-mailed", path: "/login/mail"},
		{name: "login-link", path: "/login/" + linkToken},
		{name: "signup", path: "/signup"},
		{name: "signup-mailed", path: "/signup/mail"},
		{name: "signup-link", path: "/signup/" + signupToken},
		{name: "setup", path: "/setup/" + setupToken},
		{name: "email-link", path: "/account/email/" + emailToken},
		{name: "link-ended", path: "/login/none"},
	}
}

// shots are the pages of who is signed in; at are the addresses of checks and channels.
func shots(at map[string]string) []shot {
	return []shot{
		{name: "checks", path: "/checks", project: "Production"},
		{name: "checks-status", path: "/checks?group=status"},
		{name: "checks-none", path: "/checks?q=nothing+of+this+name"},
		{name: "checks-menu", path: "/checks", open: ".menus details"},
		{name: "checks-selected", path: "/checks", tick: "tbody:nth-of-type(2) [type=checkbox]"},
		{name: "bulk-tag", path: "/checks", tick: "tbody [name=check]", press: "[name=do][value=tag]"},
		{name: "bulk-channels", path: "/checks", tick: "tbody:nth-of-type(2) [name=check]", press: "[name=do][value=channels]"},
		{name: "bulk-delete", path: "/checks", tick: "tbody:nth-of-type(2) [name=check]", press: "[name=do][value=delete]"},
		{name: "check-down", path: at["Offsite backup"]},
		{name: "check-failed", path: at["Invoice export"], open: "#timeline li:first-child details, #runs-table, #danger details"},
		{name: "check-running", path: at["Warehouse load"]},
		{name: "check-unknown", path: at["Monthly tape rotation"]},
		{name: "check-flood", path: at["WAL archive"]},
		{name: "check-ticks", path: at["Queue worker heartbeat"], open: "#timeline details"},
		{name: "check-paused", path: at["Disk SMART self-test"]},
		{name: "check-new", path: at["Sitemap"]},
		{name: "why-told", path: at["Offsite backup"] + "/why?at=2026-11-23T02:15"},
		{name: "why-quiet", path: at["Offsite backup"] + "/why?at=2026-11-22T03:17"},
		{name: "why-down", path: at["Offsite backup"] + "/why"},
		{name: "latency", path: "/deliveries/latency"},
		{name: "ping", path: at["Invoice export"] + "/pings/120"},
		{name: "edit", path: at["Offsite backup"] + "/edit"},
		{name: "new", path: "/checks/new"},
		{name: "channels", path: "/channels"},
		{name: "channel", path: at["Paging"], open: "#choose-checks"},
		{name: "channel-new", path: "/channels/new?kind=webhook"},
		{name: "deliveries", path: "/deliveries"},
		{name: "deliveries-found", path: "/deliveries?q=backup&state=pending&open=15"},
		{name: "status", path: "/status/" + statusAddress},
		{name: "status-pages", path: "/status-pages"},
		{name: "status-page-edit", path: "/status-pages/1"},
		{name: "status-page-new", path: "/status-pages/new"},
		{name: "badges", path: "/badges"},
		{name: "notifications", path: "/account/notifications"},
		{name: "unsubscribe", path: "/unsubscribe/" + stopToken()},
		{name: "settings", path: "/settings"},
		{name: "account", path: "/account"},
		{name: "account-menu", path: "/deliveries/latency", open: ".end details"},
		{name: "confirm", path: "/confirm?next=%2Faccount"},
		{name: "confirm-sent", path: "/confirm?next=%2Faccount&sent=1"},
		{name: "security-none", path: "/account/security"},
		{name: "totp", path: "/account/security/totp"},
		{name: "settings-keys", path: "/settings/keys"},
		{name: "settings-team", path: "/settings/team", open: ".danger-zone"},
		{name: "settings-audit", path: "/settings/audit"},
		{name: "project-new", path: "/projects/new"},
		{name: "invitation", path: "/invitations/" + invitationToken},
		{name: "not-found", path: "/nothing/here"},
		{name: "docs", path: "/docs"},
		{name: "docs-found", path: "/docs?q=exit+status"},
		{name: "docs-none", path: "/docs?q=unicorn"},
		{name: "docs-quick-start", path: "/docs/quick-start"},
		{name: "docs-signals", path: "/docs/signals"},
		{name: "docs-schedules", path: "/docs/schedules?expr=30+2+*+*+*&zone=Europe/Berlin"},
		{name: "docs-schedules-wrong", path: "/docs/schedules?expr=0+0+3+*+*+?&zone=Berlin"},
		{name: "docs-statuses", path: "/docs/statuses"},
		{name: "docs-email-pings", path: "/docs/email-pings"},
		{name: "docs-dialects", path: "/docs/dialects"},
		{name: "docs-notifications", path: "/docs/notifications"},
		{name: "docs-status-pages", path: "/docs/status-pages-and-reports"},
		{name: "docs-team", path: "/docs/team"},
		{name: "docs-accounts", path: "/docs/accounts"},
		{name: "docs-command-line", path: "/docs/command-line"},
		{name: "docs-checks-as-code", path: "/docs/checks-as-code"},
		{name: "docs-api", path: "/docs/api", open: ".doc .fold:first-child"},
		{name: "docs-healthchecks-api", path: "/docs/healthchecks-api"},
		{name: "docs-moving", path: "/docs/moving"},
		{name: "docs-self-hosting", path: "/docs/self-hosting"},
		{name: "docs-security", path: "/docs/security"},
		{name: "docs-limits", path: "/docs/limits"},
		{name: "trouble-checks", path: "/checks", project: "Warehouse"},
		{name: "trouble-channels", path: "/channels"},
		{name: "trouble-deliveries", path: "/deliveries"},
		{name: "trouble-audit", path: "/settings/audit"},
		{name: "channel-failing", path: at["Shift pager"]},
		{name: "channel-off", path: at["Old board"]},
		{name: "deliveries-dead", path: "/deliveries?state=dead"},
		{name: "empty", path: "/checks", project: "Home lab"},
		{name: "empty-channels", path: "/channels"},
		{name: "empty-deliveries", path: "/deliveries"},
		{name: "empty-latency", path: "/deliveries/latency"},
		{name: "empty-status-pages", path: "/status-pages"},
		{name: "empty-audit", path: "/settings/audit"},
	}
}

// besides are the pages of a demonstration, which is served at an address of its own.
func besides(address string) []shot {
	return []shot{
		{name: "demo", path: address + templates.DemoPath},
		{name: "demo-inbox", path: address + templates.InboxPath},
		{name: "demo-mail", path: address + templates.InboxPath + "/3"},
		{name: "demo-webhooks", path: address + templates.HooksPath},
		{name: "demo-webhook", path: address + templates.HooksPath + "/3"},
	}
}

// camera takes the pictures in one tab.
type camera struct {
	address string
	out     string // "" takes no pictures, and only looks
	only    string
	axe     string // the script that finds what is hard to use; "" does not look for it
}

// The sizes of the pictures, and the narrowest screen that must do.
const (
	wide      = 1280
	narrow    = 390
	narrowest = 360
	height    = 1000
)

func (c camera) shoot(ctx context.Context, browser string, shots []shot) error {
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(browser), chromedp.NoSandbox, chromedp.Flag("hide-scrollbars", true))
	ctx, stop := chromedp.NewExecAllocator(ctx, options...)
	defer stop()
	ctx, closeTab := chromedp.NewContext(ctx)
	defer closeTab()

	if err := chromedp.Do(ctx, noteBreaches()); err != nil {
		return err
	}
	problems := []error{c.takeFactors(ctx)}
	for _, s := range doors() {
		problems = append(problems, c.take(ctx, s))
	}
	if err := c.signIn(ctx); err != nil {
		return fmt.Errorf("log in: %w", err)
	}
	for _, s := range shots {
		if s.project != "" {
			if err := c.choose(ctx, s.project); err != nil {
				return fmt.Errorf("choose %s: %w", s.project, err)
			}
		}
		problems = append(problems, c.take(ctx, s))
	}
	return errors.Join(problems...)
}

func (c camera) signIn(ctx context.Context) error {
	return chromedp.Do(ctx,
		chromedp.Navigate(c.address+"/login"),
		chromedp.SendKeys("#email", email),
		chromedp.SendKeys("#password", password),
		chromedp.Submit("#password"),
		chromedp.WaitReady("nav[aria-label=Project]"), // which the log-in page has not
	)
}

// choose looks at another project, by its menu.
func (c camera) choose(ctx context.Context, project string) error {
	return chromedp.Do(ctx,
		chromedp.Navigate(c.address+"/checks"),
		chromedp.Click(".menu > summary"),
		chromedp.Click(fmt.Sprintf(`//button[@name="project"][contains(., %q)]`, project)),
		chromedp.WaitReady(fmt.Sprintf(`//summary[contains(., %q)]`, project)),
	)
}

// take looks at a page in four ways, writes a picture of each, and looks for what
// must not be.
func (c camera) take(ctx context.Context, s shot) error {
	if !strings.HasPrefix(s.name, c.only) {
		return nil
	}
	var problems []error
	for _, width := range []int64{wide, narrow} {
		for _, scheme := range []string{"light", "dark"} {
			if c.out == "" && (width == wide) != (scheme == "light") {
				continue // without pictures two ways are enough
			}
			name := fmt.Sprintf("%s-%d-%s.png", s.name, width, scheme)
			err := c.open(ctx, s, width, scheme)
			if err == nil && c.out != "" {
				err = c.picture(ctx, width, filepath.Join(c.out, name))
			}
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			problems = append(problems, c.look(ctx, name, map[string]string{"is hard to use": c.axe, "cuts off its text": clipped}))
			if width == narrow {
				problems = append(problems, c.look(ctx, name, map[string]string{"is easily missed by a finger": small}))
			}
			if err := chromedp.Do(ctx, chromedp.KeyEvent("\t")); err != nil { // who uses no keyboard is shown no focus
				return fmt.Errorf("%s: %w", name, err)
			}
			problems = append(problems, c.look(ctx, name, map[string]string{"leaves out who has no mouse": byKeyboard}))
		}
	}
	if err := chromedp.Do(ctx, c.window(narrowest, height)); err != nil {
		return err
	}
	problems = append(problems, c.look(ctx, s.name, map[string]string{"sticks out of a narrow page": wider(narrowest), "breaks a rule": "breaches"}))
	return errors.Join(problems...)
}

// look asks the page for problems, by scripts that find a list of them.
func (c camera) look(ctx context.Context, name string, scripts map[string]string) error {
	var problems []error
	for what, script := range scripts {
		if script == "" {
			continue
		}
		found, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](script, chromedp.EvalAwaitPromise))
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if len(found) > 0 {
			problems = append(problems, fmt.Errorf("%s: %s: %s", name, what, strings.Join(found, "; ")))
		}
	}
	return errors.Join(problems...)
}

// withAxe is the script that asks axe-core, whose source is given, what would keep
// people from using a page: what it calls serious or critical.
func withAxe(source string) string {
	return source + `
;axe.run(document, {resultTypes: ["violations"]}).then(r => r.violations
	.filter(v => v.impact === "serious" || v.impact === "critical")
	.map(v => v.id + " (" + v.help + "): " + v.nodes.slice(0, 4).map(n => n.target.join(" ")).join(", ")))`
}

// noteBreaches lets every page remember what its content policy forbade, and what
// it said on the console that is an error.
func noteBreaches() chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{
			Source: `window.breaches = [];
addEventListener("securitypolicyviolation", e => breaches.push(e.violatedDirective + " " + e.blockedURI));
addEventListener("error", e => breaches.push(e.message || "cannot load " + (e.target.src || e.target.href)), true);
addEventListener("unhandledrejection", e => breaches.push(String(e.reason)));
console.error = (...words) => breaches.push(words.join(" "));`,
		})
		return err
	})
}

// wider is the script that names the elements that stick out on the right of a page of
// the given width. A browser of a phone widens its window to what it shows, so its own
// measure says nothing.
func wider(width int64) string {
	return fmt.Sprintf(`document.documentElement.scrollWidth <= %[1]d ? [] :
	[...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > %[1]d + 1)
		.map(e => e.tagName.toLowerCase() + "." + e.getAttribute("class")).slice(0, 8)`, width)
}

// seen are the elements of a kind that can be seen.
const seen = `const seen = kinds => [...document.querySelectorAll(kinds)].filter(e => e.checkVisibility({checkOpacity: true, checkVisibilityCSS: true}));
const named = e => e.tagName.toLowerCase() + "." + (e.getAttribute("class") || "") + " " + (e.textContent.trim() || e.name || e.id).slice(0, 30);`

// byKeyboard is the script that names what cannot be reached, or not be seen to be
// reached, by keyboard: each element in the order of the page, the way past the
// navigation first.
const byKeyboard = `(() => {` + seen + `
	const all = seen("a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex]").filter(e => !e.disabled);
	const ring = e => { const s = getComputedStyle(e); return s.outlineStyle !== "none" && parseFloat(s.outlineWidth) > 0 };
	const wrong = all.filter(e => {
		e.focus({preventScroll: true});
		return e.tabIndex > 0 || document.activeElement !== e || !(ring(e) || ring(e.closest("label") || e));
	}).map(named);
	document.activeElement.blur();
	if (document.querySelector("nav") && all[0].getAttribute("href") !== "#main") wrong.unshift("the first is " + named(all[0]));
	return wrong.slice(0, 8);
})()`

// clipped is the script that names the elements that cut off what they say.
const clipped = `(() => {` + seen + `
	return seen("body *").filter(e => { // but not what only is heard
		const s = getComputedStyle(e);
		return !e.closest("svg, .sr") && ["hidden", "clip"].includes(s.overflowX) && e.clientWidth > 1 && e.scrollWidth > e.clientWidth + 1 && e.textContent.trim() !== "";
	}).map(named).slice(0, 8);
})()`

// small is the script that names what a finger easily misses: what is no link in a
// text and less than 24 pixels wide or high. A box is as large as its label.
const small = `(() => {` + seen + `
	return seen("a.btn, a.brand, nav a, button, input:not([type=hidden]), select, textarea, summary").filter(e => {
		const boxes = [e, ...(e.labels || [])].map(e => e.getBoundingClientRect());
		return !e.closest(".sr") && !boxes.some(box => box.width > 23.5 && box.height > 23.5);
	}).map(e => named(e) + " " + Math.round(e.getBoundingClientRect().width) + "x" + Math.round(e.getBoundingClientRect().height)).slice(0, 8);
})()`

// open loads a page.
func (c camera) open(ctx context.Context, s shot, width int64, scheme string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	open := fmt.Sprintf(`document.querySelectorAll(%q).forEach(fold => { fold.open = true })`, s.open+", .none-such")
	if s.open == "" {
		open = "0"
	}
	err := chromedp.Do(ctx, c.window(width, height), colours(scheme), chromedp.Navigate(c.of(s)),
		chromedp.Evaluate[chromedp.Void](open))
	if err == nil && s.tick != "" {
		err = c.prepare(ctx, s)
	}
	if err != nil {
		return err
	}
	_, err = chromedp.Run(ctx, chromedp.Evaluate[bool](`document.fonts.ready.then(() => true)`, chromedp.EvalAwaitPromise))
	return err
}

// of is the address of a page.
func (c camera) of(s shot) string {
	if strings.HasPrefix(s.path, "/") {
		return c.address + s.path
	}
	return s.path
}

// picture writes a picture of the whole page.
func (c camera) picture(ctx context.Context, width int64, path string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	// What sticks to an edge of the window belongs to the edge of the picture.
	tall, err := chromedp.Run(ctx, chromedp.Evaluate[int64](`document.documentElement.scrollHeight`))
	if err != nil {
		return err
	}
	if err := chromedp.Do(ctx, c.window(width, tall)); err != nil {
		return err
	}
	picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		return err
	}
	return os.WriteFile(path, picture, 0o644)
}

// prepare ticks boxes, and goes on to the page that is asked about them.
func (c camera) prepare(ctx context.Context, s shot) error {
	tick := fmt.Sprintf(`document.querySelectorAll(%q).forEach(box => { box.checked = true })`, s.tick)
	if err := chromedp.Do(ctx, chromedp.Evaluate[chromedp.Void](tick)); err != nil || s.press == "" {
		return err
	}
	return chromedp.Do(ctx,
		chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`document.querySelector(%q).click()`, s.press)),
		chromedp.WaitReady("form.form"))
}

// window is a desktop's, or a phone's when it is narrow.
func (c camera) window(width, height int64) chromedp.Action[chromedp.Void] {
	if width > narrow {
		return chromedp.EmulateViewport(width, height)
	}
	return chromedp.EmulateViewport(width, height, chromedp.EmulateMobile, chromedp.EmulateTouch, chromedp.EmulatePortrait)
}

// colours lets the browser say that its user prefers light or dark pages.
func colours(scheme string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		return err
	})
}
