package templates

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"rollcall/internal/monitor"
)

// Tour is what a demonstration leads its visitor through.
type Tour struct {
	Email, Password string // of the account that looks at the sample project
	Checks          int    // how many there are
	Check           monitor.CheckID
	Name            string // of that check, which does not report
	Ping            string // its address
	Keeps           int    // how many mails, and how many webhooks, are kept
}

// CaughtMail is a mail as it arrived.
type CaughtMail struct {
	N          int // 1 for the first
	At         time.Time
	To         string
	Subject    string
	Head       string // its header, a field a line
	Text, HTML string
}

// CaughtHook is a webhook as it arrived.
type CaughtHook struct {
	N     int // 1 for the first
	At    time.Time
	ID    string // of the message: the same each time it is tried
	About string // what it says, in a few words
	Head  string // the headers of the request, one a line
	Body  string
	Wrong string // why its signature is not right; "" when it is
	Tried int    // how many with this id have come by then, this one too
	Code  int    // that it was answered with
}

// DemoPage is a page beside the product: the tour, and what arrived, newest first.
type DemoPage struct {
	Page
	Tour
	Watched  monitor.Check // that of the tour; the zero Check once somebody deleted it
	Mails    []CaughtMail
	Hooks    []CaughtHook
	Refusing bool // whether webhooks are answered with 503
}

// The steps of the tour that are marked as the present one.
const (
	stepLogIn = iota + 1
	stepSilence
	stepTold
	stepReport
	stepRefuse
)

// step is how far the visitor has come.
func (p DemoPage) step() int {
	switch {
	case p.User == "":
		return stepLogIn
	case p.Watched.Status == monitor.Down:
		return stepTold
	case p.told():
		return stepRefuse
	}
	return stepSilence
}

// at marks the present step.
func (p DemoPage) at(step int) templ.Attributes {
	if p.step() != step {
		return nil
	}
	return templ.Attributes{"aria-current": "step"}
}

// told says whether a mail about the check of the tour has come.
func (p DemoPage) told() bool {
	return slices.ContainsFunc(p.Mails, func(m CaughtMail) bool { return strings.Contains(m.Subject, p.Name) })
}

// watched is the status of the tour's check now.
func (p DemoPage) watched() monitor.Status { return p.Watched.Shown(p.Now) }

// state says what happens to the tour's check now, and what happens next.
func (p DemoPage) state() string {
	c := p.Watched
	grace := Duration(c.Grace)
	switch status := p.watched(); {
	case status == monitor.Late:
		return "Due at " + p.AtSecond(c.Due) + ", and nothing came. It is down at " + p.AtSecond(c.Due.Add(c.Grace)) + "."
	case status == monitor.Down:
		return "Since " + p.AtSecond(c.Since) + ": nothing came within the grace of " + grace + "."
	case status == monitor.Up && p.told():
		return "It reported again. It is due at " + p.AtSecond(c.Due) + ", and stays silent then, too."
	case status == monitor.Up:
		return "Due at " + p.AtSecond(c.Due) + ", " + p.Relative(c.Due) + "; down " + grace + " later."
	}
	return "Nothing is expected of it now."
}

// Seen is a short name for what changes on the pages of a demonstration by itself.
func (p DemoPage) Seen() string {
	return seen(p.watched(), p.state(), len(p.Mails), len(p.Hooks), p.Refusing, newest(p.Mails), newest(p.Hooks))
}

// newest is the number of the last thing that came; 0 for none.
func newest[Caught interface{ number() int }](list []Caught) int {
	if len(list) == 0 {
		return 0
	}
	return list[0].number()
}

func (m CaughtMail) number() int { return m.N }
func (h CaughtHook) number() int { return h.N }

func (m CaughtMail) path() string { return InboxPath + "/" + strconv.Itoa(m.N) }
func (h CaughtHook) path() string { return HooksPath + "/" + strconv.Itoa(h.N) }

// The addresses of the pages of a demonstration.
const (
	DemoPath  = "/demo"
	InboxPath = DemoPath + "/inbox"
	HooksPath = DemoPath + "/webhooks"
)

// signature says whether a webhook is one of ours.
func (h CaughtHook) signature() StateWord {
	if h.Wrong != "" {
		return StateWord{Icon: "close", Word: "Not verified", Status: monitor.Down}
	}
	return StateWord{Icon: "check", Word: "Verified"}
}

// try says which attempt it was.
func (h CaughtHook) try() string { return Ordinal(h.Tried) + " attempt" }

// keeps says how much is kept.
func (p DemoPage) keeps(what string) string {
	return "The newest " + strconv.Itoa(p.Keeps) + " " + what + " are kept, in memory."
}
