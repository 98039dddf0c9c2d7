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
	"github.com/google/uuid"
)

// shot is one page to take.
type shot struct {
	name    string
	path    string
	project string // that is looked at; "" is the one looked at before
	open    string // a selector of folds to open first
}

func shots(ids map[string]uuid.UUID) []shot {
	check := func(name string) string { return "/checks/" + ids[name].String() }
	return []shot{
		{name: "checks", path: "/checks", project: "Production"},
		{name: "checks-status", path: "/checks?group=status"},
		{name: "checks-none", path: "/checks?q=nothing+of+this+name"},
		{name: "checks-menu", path: "/checks", open: ".menus details"},
		{name: "check-down", path: check("Offsite backup")},
		{name: "check-failed", path: check("Invoice export"), open: "#timeline li:first-child details, #runs-table, #danger"},
		{name: "check-running", path: check("Warehouse load")},
		{name: "check-unknown", path: check("Monthly tape rotation")},
		{name: "check-flood", path: check("WAL archive")},
		{name: "check-ticks", path: check("Queue worker heartbeat"), open: "#timeline details"},
		{name: "check-paused", path: check("Disk SMART self-test")},
		{name: "check-new", path: check("Sitemap")},
		{name: "ping", path: check("Invoice export") + "/pings/120"},
		{name: "edit", path: check("Offsite backup") + "/edit"},
		{name: "new", path: "/checks/new"},
		{name: "channels", path: "/channels"},
		{name: "channel-new", path: "/channels/new?kind=webhook"},
		{name: "deliveries", path: "/deliveries"},
		{name: "settings", path: "/settings"},
		{name: "settings-team", path: "/settings/team", open: ".danger-zone"},
		{name: "settings-audit", path: "/settings/audit"},
		{name: "project-new", path: "/projects/new"},
		{name: "invitation", path: "/invitations/" + invitationToken},
		{name: "not-found", path: "/nothing/here"},
		{name: "empty", path: "/checks", project: "Home lab"},
	}
}

// camera takes the pictures in one tab.
type camera struct {
	address string
	out     string
	only    string
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
	problems := []error{c.take(ctx, shot{name: "login", path: "/login"})}
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

// take writes the four pictures of a page and looks for what must not be.
func (c camera) take(ctx context.Context, s shot) error {
	if !strings.HasPrefix(s.name, c.only) {
		return nil
	}
	var problems []error
	for _, width := range []int64{wide, narrow} {
		for _, scheme := range []string{"light", "dark"} {
			name := fmt.Sprintf("%s-%d-%s.png", s.name, width, scheme)
			picture, err := c.picture(ctx, s, width, scheme)
			if err == nil {
				err = os.WriteFile(filepath.Join(c.out, name), picture, 0o644)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	if err := chromedp.Do(ctx, c.window(narrowest, height)); err != nil {
		return err
	}
	for what, script := range map[string]string{"sticks out of a narrow page": wider, "breaks the content policy": "breaches"} {
		found, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](script))
		if err != nil {
			return err
		}
		if len(found) > 0 {
			problems = append(problems, fmt.Errorf("%s: %s: %s", s.name, what, strings.Join(found, "; ")))
		}
	}
	return errors.Join(problems...)
}

// noteBreaches lets every page remember what its content policy forbade.
func noteBreaches() chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{
			Source: `window.breaches = []; addEventListener("securitypolicyviolation", e => breaches.push(e.violatedDirective + " " + e.blockedURI))`,
		})
		return err
	})
}

// wider names the elements that stick out of the page on the right.
const wider = `document.documentElement.scrollWidth <= innerWidth ? [] :
	[...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > innerWidth + 1)
		.map(e => e.tagName.toLowerCase() + "." + e.getAttribute("class")).slice(0, 8)`

func (c camera) picture(ctx context.Context, s shot, width int64, scheme string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	open := fmt.Sprintf(`document.querySelectorAll(%q).forEach(fold => { fold.open = true })`, s.open+", .none-such")
	if s.open == "" {
		open = "0"
	}
	err := chromedp.Do(ctx, c.window(width, height), colours(scheme), chromedp.Navigate(c.address+s.path),
		chromedp.Evaluate[chromedp.Void](open))
	if err != nil {
		return nil, err
	}
	if _, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`document.fonts.ready.then(() => true)`, chromedp.EvalAwaitPromise)); err != nil {
		return nil, err
	}
	// What sticks to an edge of the window belongs to the edge of the picture.
	tall, err := chromedp.Run(ctx, chromedp.Evaluate[int64](`document.documentElement.scrollHeight`))
	if err != nil {
		return nil, err
	}
	if err := chromedp.Do(ctx, c.window(width, tall)); err != nil {
		return nil, err
	}
	return chromedp.Run(ctx, chromedp.FullScreenshot(100))
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
