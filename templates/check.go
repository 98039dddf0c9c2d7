package templates

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"
	"github.com/google/uuid"

	"rollcall/internal/monitor"
	"rollcall/internal/schedule"
)

// CheckPage is the page of one check.
type CheckPage struct {
	Page
	Path    string // of the page itself
	Check   monitor.Check
	Verdict Verdict
	Chart   Chart
	Days    Calendar
	History Timeline
	How     HowTo
	Due     Dues
	Told    []Told
	Choices Choices
}

// Choices is what can be done with a check besides editing it.
type Choices struct {
	Projects []NamedID // that it can be moved to
	Next     uuid.UUID // its address if it is rotated
	OldLife  time.Duration
}

// OldGoesOn is how the form for a new address says that the old one goes on for a while.
const OldGoesOn = "goes-on"

// OldAddress is an address that a check had before and that can still be pinged.
type OldAddress struct {
	UUID uuid.UUID
	Ends time.Time
}

// CheckFacts is all that is known about a check when its page is made.
type CheckFacts struct {
	Check    monitor.Check
	Runs     []RunEnd // with those that were missed or not seen
	Ledger   monitor.Ledger
	Since    time.Time // since when the ledger is known, when that is later than creation
	Flip     *monitor.Flip
	History  History
	Channels []monitor.Channel // that the check tells
	Latest   []Telling         // its newest deliveries
	BaseURL  string
	// MailDomain is the domain of mails that are pings; "" when none are taken.
	MailDomain string
	Tokens     []monitor.Token // imported from other services
	Old        []OldAddress
	Choices    Choices
}

// CheckPath is the address of a check's page.
func CheckPath(id uuid.UUID) string { return "/checks/" + id.String() }

// CheckPageOf makes the page of one check.
func CheckPageOf(page Page, f CheckFacts) CheckPage {
	path := CheckPath(f.Check.UUID)
	runs := f.Runs
	if run, ok := openRun(f.Check); ok {
		took := page.Now.Sub(run.Start)
		runs = append(slices.Clone(runs), RunEnd{At: run.Start, How: InWork, Took: &took})
	}
	return CheckPage{
		Page: page, Path: path, Check: f.Check,
		Verdict: VerdictOf(f.Check, f.Flip, runs, page.Clock),
		Days:    CalendarOf(f.Ledger, f.Since, page.Clock),
		Chart:   chartOf(runs, f.Check.RunLimit(), page.Clock),
		History: TimelineOf(f.History, path, page.Clock),
		How:     howTo(f, page.Clock), Choices: f.Choices,
		Due:  duesOf(f.Check, page.Clock),
		Told: toldOf(f.Channels, f.Latest, page.Clock),
	}
}

// fresh reports whether the check was never pinged.
func (p CheckPage) fresh() bool { return p.Check.NPings == 0 }

// Seen names what the live parts of the page show; see List.Seen.
func (p CheckPage) Seen() string {
	v := p.Verdict
	if n := len(v.Ruler); n > 0 { // its end is now, which is always news
		v.Ruler = slices.Clone(v.Ruler)
		v.Ruler[n-1].At = time.Time{}
	}
	return seen(v, p.Chart.Rows, p.History, p.Due, p.Told, p.Check.Status)
}

// RunsOf puts the ends of runs and the runs that never came into one row, the
// oldest first: those that took the check down, and the missed ones that did not.
// Each is given newest first.
func RunsOf(pings []monitor.Ping, flips []monitor.Flip, missed []monitor.Decision) []RunEnd {
	var runs []RunEnd
	for _, p := range pings {
		if !p.Signal.Ends() || p.Ignored != "" {
			continue
		}
		how := Good
		if p.Signal == monitor.Fail {
			how = Failed
		}
		runs = append(runs, RunEnd{At: p.At, How: how, Took: p.Duration, Exit: p.Exit})
	}
	// What is older than the runs that are known is left out.
	known := func(at time.Time) bool { return len(pings) == 0 || !at.Before(pings[len(pings)-1].At) }
	for _, d := range missed {
		if known(d.Deadline) {
			runs = append(runs, RunEnd{At: d.Deadline, How: Missed})
		}
	}
	refuted := refutedOf(flips)
	for _, f := range flips {
		switch {
		case refuted[f.Rev], f.Reason == monitor.Corrected:
			// the job had run; its report came late and is among the pings
		case !known(f.At):
		case f.New == monitor.Down && f.Reason != monitor.Failed:
			runs = append(runs, RunEnd{At: f.At, How: Missed})
		case f.New == monitor.Unknown:
			runs = append(runs, RunEnd{At: f.At, How: NotSeen})
		}
	}
	slices.SortStableFunc(runs, func(a, b RunEnd) int { return a.At.Compare(b.At) })
	return runs
}

// refutedOf returns the alarms among the flips that a late report showed to be none.
func refutedOf(flips []monitor.Flip) map[int64]bool {
	refuted := map[int64]bool{}
	for _, f := range flips {
		if f.Facts.Corrects != 0 {
			refuted[f.Facts.Corrects] = true
		}
	}
	return refuted
}

// Dues is what a check's schedule means.
type Dues struct {
	Words string
	Kind  string
	Lines []string // as typed; none for a plain period
	Zone  string
	Grace string
	Limit string
	Bad   string // how many bad results take it down; "" when the first does
	Next  []NextDue
	Note  string // why there are none
}

// NextDue is one of the next times at which a ping is expected.
type NextDue struct {
	At     Said
	Within string
}

// nextDues is how many coming times a page shows.
const nextDues = 5

func duesOf(c monitor.Check, clock Clock) Dues {
	d := Dues{
		Words: scheduleWords(c.Schedule), Zone: c.Schedule.Zone,
		Grace: Duration(c.Grace), Limit: "same as grace: " + Duration(c.Grace),
	}
	if c.MaxRuntime != nil {
		d.Limit = Duration(*c.MaxRuntime)
	}
	if n := c.TakesDown(); n > 1 {
		d.Bad = fmt.Sprintf("after %d bad results in a row", n)
	}
	switch c.Schedule.Kind {
	case schedule.Cron:
		d.Kind, d.Lines = "Cron", []string{c.Schedule.Expr}
	case schedule.OnCalendar:
		d.Kind, d.Lines = "OnCalendar", strings.Split(c.Schedule.Expr, "\n")
	}
	if zone, err := time.LoadLocation(c.Schedule.Zone); err == nil && len(d.Lines) > 0 {
		clock.Zone = zone
	}
	for _, at := range comingDues(c, clock.Now) {
		d.Next = append(d.Next, NextDue{clock.say(clock.Date(at), at), clock.Relative(at)})
	}
	if len(d.Next) == 0 {
		d.Note = "Counted from the next ping."
		if c.Status == monitor.Paused {
			d.Note = "None while it is paused."
		}
	}
	return d
}

// comingDues are the next times of the schedule; a plain period counts from the
// ping that is awaited, so without one there are none.
func comingDues(c monitor.Check, now time.Time) []time.Time {
	sched, err := c.Schedule.Parse()
	if err != nil || c.Status == monitor.Paused {
		return nil
	}
	var dues []time.Time
	at, ok := now, true
	if c.Schedule.Kind == schedule.Every {
		if !c.Due.After(now) {
			return nil
		}
		at, dues = c.Due, []time.Time{c.Due}
	}
	for len(dues) < nextDues {
		if at, ok = sched.Next(at); !ok {
			break
		}
		dues = append(dues, at)
	}
	return dues
}

// Told is a channel that a check tells, and what it last answered about it.
type Told struct {
	Name   string
	Kind   string
	Icon   string
	Status monitor.Status // of what is loud: late or down; "" when all is well
	Word   string
	Words  string
}

func toldOf(channels []monitor.Channel, deliveries []Telling, clock Clock) []Told {
	var told []Told
	for _, ch := range channels {
		t := Told{
			Name: ch.Name, Icon: channelIcon(ch.Kind),
			Kind: channelKind(ch.Kind), Words: "nothing sent about this check yet",
		}
		i := slices.IndexFunc(deliveries, func(d Telling) bool { return d.Channel == ch.ID })
		switch {
		case ch.Disabled != "":
			t.Status, t.Word, t.Words = monitor.Down, "Disabled", ": "+ch.Disabled
		case i < 0:
		case deliveries[i].State == monitor.Sent:
			t.Words = "took it " + clock.AtSecond(deliveries[i].Ended)
		case deliveries[i].State == monitor.Dead:
			t.Status, t.Word = monitor.Down, "Given up"
			t.Words = ", " + clock.At(deliveries[i].Ended)
		case deliveries[i].WithEnd():
			t.Words = "is told when it was down and that it is up"
		case deliveries[i].State == monitor.Merged:
			t.Words = "is told in a digest"
		case deliveries[i].Attempts > 0:
			t.Status, t.Word = monitor.Late, "Retrying"
			t.Words = fmt.Sprintf(", %s, next %s", Count(int64(deliveries[i].Attempts), "attempt", "attempts"), clock.At(deliveries[i].NextAt))
		default:
			t.Words = "is being told"
		}
		told = append(told, t)
	}
	return told
}

// channelIcon is the symbol of a kind of channel.
func channelIcon(kind monitor.ChannelKind) string {
	if kind == monitor.Email {
		return "mail"
	}
	return "hook"
}

// specialRules are the settings that change what a ping means, in words.
func specialRules(c monitor.Config) []string {
	var rules []string
	if c.PostOnly {
		rules = append(rules, "Only POST counts")
	}
	if c.ManualResume {
		rules = append(rules, "When paused, only a person resumes it")
	}
	if c.Filter.On {
		rules = append(rules, "Keywords in the body decide")
	}
	return rules
}

// PingPage is one ping with its whole body.
type PingPage struct {
	Page
	Path  string // of the check
	Check monitor.Check
	Ping  monitor.Ping
}

func (p PingPage) lead() string {
	if p.Ping.Ignored != "" {
		return "Ping ignored: " + ignoredWords[p.Ping.Ignored]
	}
	lead, _ := pingLead(p.Ping)
	return lead
}

// late is how long after it happened the ping came.
func (p PingPage) late() string {
	return Duration(p.Ping.Detail.Arrived.Sub(p.Ping.At).Truncate(time.Second))
}

// services are the names of the formats that pings come in, as people know them.
var services = map[string]string{
	"alertmanager": "Alertmanager", "appsignal": "AppSignal", "betterstack": "Better Stack", "checkly": "Checkly",
	"cronhub": "Cronhub", "cronitor": "Cronitor", "deadmanssnitch": "Dead Man's Snitch", "gatus": "Gatus",
	"github": "GitHub", "gitlab": "GitLab", "healthchecks": "Healthchecks", "honeybadger": "Honeybadger",
	"kuma": "Uptime Kuma", "ohdear": "Oh Dear", "opsgenie": "Opsgenie", "sentry": "Sentry", "statuscake": "StatusCake",
}

// said lists what the job said beyond its signal.
func (p PingPage) said() []Fact {
	var said []Fact
	add := func(key, value string) {
		if value != "" {
			said = append(said, Fact{key, value})
		}
	}
	d := p.Ping.Detail
	if p.mail() {
		add("Subject", d.Message)
	} else {
		add("Message", d.Message)
	}
	add("Environment", d.Environment)
	add("Host", d.Host)
	for _, name := range slices.Sorted(maps.Keys(d.Metrics)) {
		add(name, strconv.FormatFloat(d.Metrics[name], 'f', -1, 64))
	}
	add("In the form of", cmp.Or(services[d.Dialect], d.Dialect))
	return said
}

// by says how the ping came.
func (p PingPage) by() string {
	by := p.Ping.Method + " over " + p.Ping.Scheme
	if p.mail() {
		by = "E-mail"
	}
	if p.Ping.RemoteAddr != "" {
		by += " from " + p.Ping.RemoteAddr
	}
	return by
}

func (p PingPage) mail() bool { return p.Ping.Scheme == monitor.Mail }

// bodyWords heads what the ping carried.
func (p PingPage) bodyWords() string {
	if p.mail() {
		return "Text of the mail"
	}
	return "Body"
}

func (p PingPage) cut() bool { return int64(len(p.Ping.Body)) < p.Ping.BodySize }

func digits(n int64) string { return strconv.FormatInt(n, 10) }

// polled makes the timeline ask for what is new, on its first page.
func polled(p CheckPage) templ.Attributes {
	if !p.History.First {
		return nil
	}
	return templ.Attributes{
		"hx-get": p.Path + "?show=" + p.History.Show, "hx-trigger": LiveTrigger, "hx-swap": "outerHTML",
		"hx-headers": seenHeader(p.Seen()),
	}
}

// restClass keeps what a person reads in a sentence darker than mere details.
func restClass(e Entry) string {
	if e.Blind || e.Code != "" || e.Lead == "" {
		return "soft"
	}
	return "dim"
}

// lost says what goes with a check that is deleted.
func (p CheckPage) lost() string {
	if p.Check.NPings == 0 {
		return "nothing has arrived yet"
	}
	return "with " + Count(p.Check.NPings, "ping", "pings") + " and all history"
}
