package templates_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"rollcall/internal/monitor"
	"rollcall/internal/schedule"
	"rollcall/templates"
)

// demoPage is a page of a demonstration whose check is up and due in half a minute.
func demoPage(t *testing.T, title string) templates.DemoPage {
	t.Helper()
	p := templates.DemoPage{
		Page: frame(t, title, templates.DemoPath),
		Tour: templates.Tour{
			Email: "ana@example.test", Password: "abcdefghijklmnop", Checks: 12, Check: 7, Name: "Report generator",
			Ping: "http://127.0.0.1:8000/ping/5f1f4b1c-6b8a-4f3b-9a51-0c1f5f3a7d11", Keeps: 100,
		},
	}
	p.Demo = true
	p.Watched = monitor.Check{
		ID: 7, UUID: uuid.MustParse("5f1f4b1c-6b8a-4f3b-9a51-0c1f5f3a7d11"),
		Config: monitor.Config{Name: p.Name, Schedule: schedule.Spec{Kind: schedule.Every, Period: 10 * time.Minute}, Grace: 20 * time.Second},
		State:  monitor.State{Status: monitor.Up, Since: p.Now.Add(-time.Hour), Due: p.Now.Add(30 * time.Second)},
	}
	return p
}

func caughtMail(p templates.DemoPage) templates.CaughtMail {
	return templates.CaughtMail{
		N: 3, At: p.Now, To: "ana@example.test", Subject: "Down: Report generator. Nothing arrived by 09:14",
		Head: "Subject: Down\nFrom: <rollcall@example.test>\n", Text: "Down: <Report generator>\n", HTML: "<p>Down</p>",
	}
}

func caughtHook(p templates.DemoPage) templates.CaughtHook {
	return templates.CaughtHook{
		N: 2, At: p.Now, ID: "msg_1", About: "check.down, Report generator", Head: "webhook-id: msg_1",
		Body: "{\n  \"type\": \"check.down\"\n}", Tried: 2, Code: 204,
	}
}

func TestDemoPages(t *testing.T) {
	signedOut := demoPage(t, "Try it")
	signedOut.Page = door(t, "Try it")
	goldenPage(t, "demo.html", templates.DemoTour(signedOut))

	down := demoPage(t, "Try it")
	down.Watched.Status, down.Watched.Since = monitor.Down, down.Now
	down.Mails, down.Hooks = []templates.CaughtMail{caughtMail(down)}, []templates.CaughtHook{caughtHook(down)}
	goldenPage(t, "demo-live.html", templates.DemoTourLive(down, true))

	inbox := demoPage(t, "Inbox")
	inbox.Mails = []templates.CaughtMail{caughtMail(inbox)}
	goldenPage(t, "demo-inbox.html", templates.DemoInbox(inbox))
	goldenPage(t, "demo-mail.html", templates.DemoMail(inbox, inbox.Mails[0]))

	hooks := demoPage(t, "Webhooks")
	forged := caughtHook(hooks)
	forged.N, forged.Wrong, forged.Code, forged.Tried = 3, "no matching signature found", 401, 1
	hooks.Hooks, hooks.Refusing = []templates.CaughtHook{forged, caughtHook(hooks)}, true
	goldenPage(t, "demo-webhooks.html", templates.DemoHooks(hooks))
	goldenPage(t, "demo-webhook.html", templates.DemoHook(hooks, forged))
}

func TestDemoTourFollowsItsCheck(t *testing.T) {
	told := func(p *templates.DemoPage) { p.Mails = []templates.CaughtMail{caughtMail(*p)} }
	for name, test := range map[string]struct {
		happens func(*templates.DemoPage)
		step    string // the heading of the present one
		says    string
	}{
		"signed out": {func(p *templates.DemoPage) { p.User = "" }, "Look at the checks", "Due at 09:15:01, in 30 s; down 20 s later."},
		"up":         {func(*templates.DemoPage) {}, "Report generator falls silent", "Due at 09:15:01, in 30 s; down 20 s later."},
		"late": {
			func(p *templates.DemoPage) { p.Watched.Due = p.Now.Add(-5 * time.Second) },
			"Report generator falls silent", "Due at 09:14:26, and nothing came. It is down at 09:14:46.",
		},
		"down": {
			func(p *templates.DemoPage) { p.Watched.Status, p.Watched.Since = monitor.Down, p.Now; told(p) },
			"Somebody is told", "Since 09:14:31: nothing came within the grace of 20 s.",
		},
		"up again": {told, "Be a receiver that fails", "It reported again. It is due at 09:15:01, and stays silent then, too."},
		"paused": {
			func(p *templates.DemoPage) { p.Watched.Status, p.Watched.Due = monitor.Paused, time.Time{} },
			"Report generator falls silent", "Nothing is expected of it now.",
		},
		"deleted": {func(p *templates.DemoPage) { p.Watched = monitor.Check{} }, "Report generator falls silent", "Somebody deleted it."},
	} {
		t.Run(name, func(t *testing.T) {
			p := demoPage(t, "Try it")
			test.happens(&p)
			html := strings.ReplaceAll(rendered(t, templates.DemoTour(p)), "\u00a0", " ")
			if want := `<li aria-current="step"><h2>` + test.step + "<"; !strings.Contains(html, want) {
				t.Errorf("the present step is not %q:\n%s", test.step, html)
			}
			if !strings.Contains(html, test.says) {
				t.Errorf("it does not say %q:\n%s", test.says, html)
			}
		})
	}
}
