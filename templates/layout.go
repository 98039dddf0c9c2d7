// Package templates owns how things look and are said: pages and mails as templ,
// their view models, and the forms of times, durations and statuses.
//
// A page's view model embeds [Page], what the frame around every page shows. The
// package decides nothing: it reads no store, no request and no clock; whoever
// renders a page fills in all of it.
package templates

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/a-h/templ"

	"rollcall/internal/account"
	"rollcall/internal/monitor"
)

// Page is what the frame around a page shows.
type Page struct {
	Title   string // of the page alone
	Here    string // the entry of the navigation it belongs to, such as "/checks"
	User    string // the signed-in person's address; "" has no navigation
	Project string
	Role    account.Role // of the person in the project
	// Projects lists all projects of the user.
	Projects []ProjectState
	Worst    monitor.Status // of the project's checks; "" when there are none
	Down     int            // how many of them are down
	Clock                   // of every time on the page that has no zone of its own
	// JudgedUpTo is the instant up to which every deadline has been judged; zero
	// when none has been yet.
	JudgedUpTo time.Time
	// Delayed is since when alerts may be late; zero when they are not.
	Delayed time.Time
	Blind   *monitor.Blind  // the last blind interval, nil when there was none
	Untold  *monitor.Untold // alarms of the project that no channel took; nil when there are none
	// Failing are the channels of the project of which the owners are told; where it is
	// shown.
	Failing []monitor.Failing
	Version string
	Flash   string // said once, after what was just done
	Demo    bool   // whether a demonstration's pages stand beside the product's
}

// ProjectState is a project as the project menu shows it.
type ProjectState struct {
	ID      monitor.ProjectID
	Name    string
	Current bool
	Status  monitor.Status // the worst of its checks
	Words   string         // "2 down", "41 up", "no checks"
	Down    int
}

// ProjectStateOf sums a project up by the worst status of its checks.
func ProjectStateOf(count map[monitor.Status]int) ProjectState {
	state := ProjectState{Status: monitor.New, Words: "no checks", Down: count[monitor.Down]}
	for _, status := range severity {
		if n := count[status]; n > 0 {
			state.Status, state.Words = status, fmt.Sprintf("%d %s", n, status)
			break
		}
	}
	return state
}

// May reports whether the reader may do this in the project, so that no page
// offers what would be refused.
func (p Page) May(a account.Action) bool { return p.Role.May(a) }

// title is the page's name for tabs and bookmarks: the worst news comes first.
func (p Page) title() string {
	switch {
	case p.User == "" || p.Project == "":
		return p.Title + " · Rollcall"
	case p.Down > 0:
		return fmt.Sprintf("%d down · %s · %s", p.Down, p.Title, p.Project)
	}
	return p.Title + " · " + p.Project
}

// liveSource is where a page learns that something of its project has changed.
func liveSource(p Page) templ.Attributes {
	for _, project := range p.Projects {
		if project.Current {
			return attrs("hx-ext", "sse", "sse-connect", "/live?project="+strconv.FormatInt(int64(project.ID), 10))
		}
	}
	return nil
}

// LiveTrigger is when a part of a page asks for what is new: when it is told, when
// it begins or ceases to be told, and now and then, because words such as "3 min ago"
// change by themselves.
const LiveTrigger = "sse:changed, htmx:sseOpen from:#main, htmx:sseError from:#main, every 30s"

// livePart lets a part of a page ask for itself, at the address of the page.
func livePart(id, url string) templ.Attributes {
	return attrs("id", id, "hx-get", url, "hx-trigger", LiveTrigger, "hx-select", "#"+id, "hx-swap", "outerHTML")
}

// initials stands for the account in the header: "IM" for ines.marten@….
func (p Page) initials() string {
	local, _, _ := strings.Cut(p.User, "@")
	var letters []rune
	for _, word := range strings.FieldsFunc(local, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		letters = append(letters, unicode.ToUpper([]rune(word)[0]))
	}
	return string(letters[:min(2, len(letters))])
}

// place is an entry of the navigation.
type place struct {
	path, name string
	rest       string // of the name, where there is room
}

func (p Page) places() []place {
	places := []place{
		{"/checks", "Checks", ""},
		{"/deliveries", "Deliveries", ""},
		{"/channels", "Channels", ""},
		{"/status-pages", "Status", " page"},
		{"/settings", "Settings", ""},
	}
	if p.Demo {
		places = append(places, place{DemoPath, "Try it", ""})
	}
	return places
}

// iconFile is the mark of a page in tabs; a calm project has Rollcall's own.
func iconFile(worst monitor.Status) string {
	if Loud(worst) {
		return "favicon-" + string(worst) + ".svg"
	}
	return "favicon.svg"
}

// current marks the entry of a menu that the reader is at.
func current(here bool) templ.Attributes {
	if !here {
		return nil
	}
	return templ.Attributes{"aria-current": "page"}
}

// rollBars draws the foot of the log-in page: a long row of runs of which one is
// missing. The heights only have to look uneven, and be the same each time.
func rollBars() string {
	const step, width, gap = 14, 7, 61
	var d strings.Builder
	for i, seed := 0, uint32(7); i < 96; i++ {
		seed = seed*1103515245 + 12345
		if i == gap {
			continue
		}
		height := 26 + (seed>>16)%46
		fmt.Fprintf(&d, "M%d 120v-%dh%dv%dz", i*step, height, width, height)
	}
	return d.String()
}

// FaultPage is what a request that failed is answered with.
type FaultPage struct {
	Page
	What            string // what happened, what was kept, what to do
	RequestID       string // "" when nobody will ask for it
	Back, BackWords string
}

// expanded says whether what a link opens is open, as aria-expanded has it.
func expanded(open bool) string {
	if open {
		return "true"
	}
	return "false"
}
