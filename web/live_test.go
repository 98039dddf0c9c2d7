package web_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"rollcall/internal/monitor"
	"rollcall/web"
)

// chromium opens a tab that notes every breach of the content policy.
func chromium(t *testing.T) context.Context {
	t.Helper()
	ctx, stop := chromedp.NewExecAllocator(t.Context(),
		append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox)...)
	t.Cleanup(stop)
	ctx, closeTab := chromedp.NewContext(ctx)
	t.Cleanup(closeTab)
	note := chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{
			Source: `window.breaches = []; addEventListener("securitypolicyviolation", e => breaches.push(e.violatedDirective + " " + e.blockedURI))`,
		})
		return err
	})
	if err := chromedp.Do(ctx, note); err != nil {
		t.Fatalf("Chromium does not start; make test installs it: %v", err)
	}
	return ctx
}

// served is a site that listens.
func served(t *testing.T) *site {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := newSite(t, func(c *web.Config) {
		c.BaseURL = &url.URL{Scheme: "http", Host: listener.Addr().String()}
	})
	server := &http.Server{Handler: s.handler, ReadHeaderTimeout: time.Second}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		s.ok(server.Close())
		<-done
	})
	return s
}

// truth waits until a script says true.
func truth(t *testing.T, tab context.Context, script string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(tab, 20*time.Second)
	defer cancel()
	if _, err := chromedp.Run(ctx, chromedp.Poll[bool](script)); err != nil {
		t.Fatalf("never true: %s: %v", script, err)
	}
}

func do(t *testing.T, tab context.Context, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	ctx, cancel := context.WithTimeout(tab, 20*time.Second)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.Fatal(err)
	}
}

// What happens appears by itself, and nothing that the reader holds is taken away:
// not the focus, not an open menu, not an open fold. Nothing breaks the policy.
func TestPagesAreLiveInABrowser(t *testing.T) {
	s := served(t)
	check := s.addCheck(s.project.ID, "Nightly")
	s.receive(check, monitor.Ping{Signal: monitor.Success, Body: []byte("one\ntwo")})
	tab := chromium(t)
	do(t, tab, chromedp.Navigate(s.base.String()+"/login"),
		chromedp.SendKeys("#email", "ines@example.org"), chromedp.SendKeys("#password", password), chromedp.Submit("#password"),
		chromedp.WaitReady("#list"))

	row := "c-" + check.UUID.String()
	do(t, tab, chromedp.EmulateViewport(1280, 1000), chromedp.Click("#"+row+" [name=check]"), chromedp.Click(".menus summary"), chromedp.Focus("#"+row+" th a"))
	s.receive(check, monitor.Ping{Signal: monitor.Log})
	s.receive(check, monitor.Ping{Signal: monitor.Success})
	truth(t, tab, fmt.Sprintf(`document.getElementById(%q).dataset.v !== undefined`, row)) // a row alone was replaced
	truth(t, tab, fmt.Sprintf(`document.activeElement.closest("tr").id === %q && document.activeElement.tagName === "A"`, row))
	truth(t, tab, `document.querySelector("[name=check]").checked && getComputedStyle(document.querySelector(".bulk")).display === "flex"`)
	s.receive(check, monitor.Ping{Signal: monitor.Fail})
	truth(t, tab, `document.querySelector("#list").innerText.includes("Reported a failure.")`)
	truth(t, tab, fmt.Sprintf(`document.activeElement.closest("tr").id === %q`, row))
	truth(t, tab, `document.querySelector("[name=check]").checked`)
	truth(t, tab, `document.querySelector("#said").textContent === "1\u00a0check is down"`)
	truth(t, tab, `document.querySelector(".menus details").open`)
	truth(t, tab, `document.title === "1 down · Checks · Main"`)
	truth(t, tab, `document.querySelector("link[rel=icon]").href.includes("favicon-down")`)
	truth(t, tab, `document.querySelector("#facets").innerText.includes("Down") && document.querySelector("nav .badge")?.innerText.trim().startsWith("1") === true`)
	truth(t, tab, `breaches.length === 0`)

	do(t, tab, chromedp.Navigate(s.base.String()+"/checks/"+check.UUID.String()), chromedp.Click("#out-1 > summary"))
	s.receive(check, monitor.Ping{Signal: monitor.Success, Body: []byte("well\nagain")})
	truth(t, tab, `document.querySelector("#out-5") !== null && document.querySelector("#out-1").open`)
	truth(t, tab, `document.activeElement.parentElement.id === "out-1"`)
	truth(t, tab, `document.querySelector("#verdict").dataset.s === "up" && document.title === "Nightly · Main"`)

	do(t, tab, chromedp.Click(`[data-tab="0"] [data-copy]`))
	truth(t, tab, `document.querySelector("#how [data-copy]").innerText.trim() !== "Copy"`)
	do(t, tab, chromedp.Click(`//label[contains(., "bash")]`))
	truth(t, tab, `getComputedStyle(document.querySelector("[data-tab='2']")).display !== "none"`)
	truth(t, tab, `breaches.length === 0`)

	s.ok(s.st.DeleteCheck(t.Context(), s.project.ID, check.ID))
	s.live.Changed(s.project.ID)
	truth(t, tab, `document.querySelector("#stale").innerText.includes("Live updates stopped at")`)
}

// Without script every page is whole: nothing is there that only script could work.
func TestPagesHaveNothingInline(t *testing.T) {
	s := newSite(t)
	check := s.addCheck(s.project.ID, "Nightly")
	s.receive(check, monitor.Ping{Signal: monitor.Success})
	b := s.signedIn()
	for _, path := range []string{"/checks", "/checks/" + check.UUID.String(), "/checks/" + check.UUID.String() + "/pings/1"} {
		html := b.get(path).Body.String()
		for _, bad := range []string{" style=", "<style", " onclick=", " onload=", "javascript:", "<script>"} {
			if strings.Contains(html, bad) {
				t.Errorf("%s holds %q", path, bad)
			}
		}
	}
}

// Where the rows become cards they stay rows of a table for those who do not see them.
func TestTheListIsATableForScreenReaders(t *testing.T) {
	s := served(t)
	check := s.addCheck(s.project.ID, "Nightly")
	s.addCheck(s.project.ID, "Queue")
	s.receive(check, monitor.Ping{Signal: monitor.Fail})
	tab := chromium(t)
	do(t, tab, chromedp.Navigate(s.base.String()+"/login"),
		chromedp.SendKeys("#email", "ines@example.org"), chromedp.SendKeys("#password", password), chromedp.Submit("#password"),
		chromedp.WaitReady("#list"))
	for _, width := range []int64{1280, 800, 390} {
		do(t, tab, chromedp.EmulateViewport(width, 900))
		roles := map[string]int{}
		names := map[string]bool{}
		tree := chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
			got, err := cdp.Call(ctx, tab, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
			for _, node := range got.Nodes {
				if !node.Ignored && node.Role != nil {
					role := strings.Trim(string(node.Role.Value), `"`)
					roles[role]++
					if node.Name != nil {
						names[role+" "+strings.Trim(string(node.Name.Value), `"`)] = true
					}
				}
			}
			return err
		})
		do(t, tab, tree)
		if roles["table"] != 1 || roles["rowheader"] < 2 || roles["row"] < 4 || roles["cell"] < 10 {
			t.Errorf("%d wide, the tree has %v", width, roles)
		}
		for _, want := range []string{"link Nightly", "rowheader Nightly Reported a failure."} {
			if !names[want] {
				t.Errorf("%d wide, there is no %s", width, want)
			}
		}
	}
}

// A long list is drawn where it is looked at, and selected by its boxes.
func TestALongListInABrowser(t *testing.T) {
	s := served(t)
	for i := range 320 {
		check := s.addCheck(s.project.ID, fmt.Sprintf("Job %03d", i))
		if i == 310 {
			s.receive(check, monitor.Ping{Signal: monitor.Success})
		}
	}
	tab := chromium(t)
	do(t, tab, chromedp.EmulateViewport(1280, 900), chromedp.Navigate(s.base.String()+"/login?next=/checks%3Fgroup%3Dnone%26sort%3Dname"),
		chromedp.SendKeys("#email", "ines@example.org"), chromedp.SendKeys("#password", password), chromedp.Submit("#password"),
		chromedp.WaitReady("#list"))
	const undrawn = `[...document.querySelectorAll("#list td.runs")].filter(cell => !cell.hasChildNodes()).length`
	truth(t, tab, undrawn+` === 260`)
	do(t, tab, chromedp.Evaluate[chromedp.Void](`scrollTo(0, document.documentElement.scrollHeight)`))
	truth(t, tab, undrawn+` < 260 && document.querySelectorAll("#list tr[id] svg.spark").length === 1`)
	do(t, tab, chromedp.Evaluate[chromedp.Void](`scrollTo(0, 0)`), chromedp.Click("[data-all=table]"))
	truth(t, tab, `document.querySelectorAll("[name=check]:checked").length === 320`)
	truth(t, tab, `getComputedStyle(document.querySelector(".picked"), "::before").content.includes("counter")`)
	check := s.stored()["Job 005"]
	s.receive(check, monitor.Ping{Signal: monitor.Success})
	truth(t, tab, fmt.Sprintf(`document.getElementById("c-%s").dataset.v !== undefined`, check.UUID))
	truth(t, tab, `document.querySelectorAll("[name=check]:checked").length === 320 && breaches.length === 0`)
	do(t, tab, chromedp.Click("[name=do][value=pause]"), chromedp.WaitReady("p.row[role=status]"))
	truth(t, tab, `document.querySelector("p[role=status].row")?.innerText.includes("320\u00a0checks paused.") === true`)

	channel := s.addChannel(s.project.ID, "Desk")
	s.addDead(channel)
	do(t, tab, chromedp.Navigate(s.base.String()+"/deliveries"))
	truth(t, tab, `document.querySelectorAll("#deliveries tbody tr:not(.group)").length === 1`)
	s.addDead(channel)
	s.live.Changed(s.project.ID)
	truth(t, tab, `document.querySelectorAll("#deliveries tbody tr:not(.group)").length === 2 && breaches.length === 0`)
}
