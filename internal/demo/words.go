package demo

import (
	"fmt"
	"io"
	"sync"
	"time"

	"rollcall/templates"
)

// clock is how a time of day is printed: as on the pages, in UTC.
func clock(t time.Time) string { return t.UTC().Format("15:04:05") }

// welcome is the one screen that says where to look and what will happen.
func (d *demo) welcome() {
	watched := d.sown.watched()
	down, _ := watched.Deadline()
	failing := d.sown.find("Invoice export")
	fmt.Fprintf(d.Out, `Rollcall, to try out. Open this page; it leads you through the next minute:

  %s%s

It is the real server on a temporary database, with %d jobs that really report.
Mails and webhooks stay on this machine, on pages beside the product.

  %s  Invoice export fails
  %s  %s is due and stays silent: late
  %s  it is down: a mail is in the inbox, a webhook at the receiver
  then      report for it, and it is up again:
            curl -fsS %s

You are %s, password %s. Times are in UTC.
Ctrl-C ends it and removes everything.

`, d.app.BaseURL(), templates.DemoPath, len(d.sown.checks),
		clock(d.began.Add(failing.first+failing.takes[0])),
		clock(watched.Due), watched.Name, clock(down.At), d.pingURL(watched),
		email, d.password)
}

// printer tells what arrives, a line each.
type printer struct {
	now func() time.Time
	mu  sync.Mutex // guards out
	out io.Writer
}

func (p *printer) line(words string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintf(p.out, "%s  %s\n", clock(p.now()), words)
}

func (p *printer) mail(m templates.CaughtMail) {
	p.line("mail to " + m.To + ": " + m.Subject)
}

func (p *printer) hook(h templates.CaughtHook) {
	signature := "signature verified"
	if h.Wrong != "" {
		signature = "signature not verified: " + h.Wrong
	}
	p.line(fmt.Sprintf("webhook %s: %s, answered %d", h.About, signature, h.Code))
}
