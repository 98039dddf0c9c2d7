package templates

import (
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"

	"rollcall/internal/monitor"
)

// WhyLayout is how a minute stands in the address of its explanation.
const WhyLayout = "2006-01-02T15:04"

// WhyPath is where it is explained what was told about a check in the minute of an
// instant, and what was not.
func WhyPath(id uuid.UUID, at time.Time, clock Clock) string {
	v := url.Values{"at": {clock.local(at).Format(WhyLayout)}}
	return CheckPath(id) + "/why?" + v.Encode()
}

// DayVoice is the voice in which a day is explained: the day is named of the times of
// all others.
type DayVoice struct {
	Clock
	Day time.Time
}

// At says a time to the minute.
func (v DayVoice) At(at time.Time) string { return v.dated(at) + v.TimeOfDay(at) }

// AtSecond says a time to the second.
func (v DayVoice) AtSecond(at time.Time) string { return v.dated(at) + v.local(at).Format("15:04:05") }

func (v DayVoice) dated(at time.Time) string {
	if v.days(at) == v.days(v.Day) {
		return ""
	}
	return v.date(at, "Mon 2 Jan", "Mon 2 Jan 2006") + ", "
}

// Lasting says a span.
func (v DayVoice) Lasting(d time.Duration) string { return Duration(d) }

// WhyPage is the explanation of one minute of a check.
type WhyPage struct {
	Page
	Path    string // of the check
	Check   monitor.Check
	At      string // the minute, as its field has it
	Wrong   string // why what was typed is no time; "" when it is one
	When    Said
	Status  monitor.Status // "" when it is not known
	Answer  string
	Entries []Entry
	Fates   []FateLine
	Earlier *Step // nil: nothing was decided before
	Later   *Step
}

// Step leads to another minute.
type Step struct {
	Href string
	At   Said
}

// FateLine is what became of the message to one channel.
type FateLine struct {
	Name  string
	State StateWord
	Text  string
	Href  string // to its attempts; "" when there is no message
}

// WhyPageOf makes the page of an explanation.
func WhyPageOf(page Page, check monitor.Check, e monitor.Explanation) WhyPage {
	p := WhyPage{
		Page: page, Path: CheckPath(check.UUID), Check: check,
		At: page.local(e.From).Format(WhyLayout), When: page.say(page.Date(e.From), e.From),
		Status: e.Status, Answer: e.Answer,
	}
	for _, s := range e.Statements {
		p.Entries = append(p.Entries, statementEntry(s, e, check.UUID, page.Clock))
	}
	for _, f := range e.Fates {
		p.Fates = append(p.Fates, fateLine(f, check.UUID))
	}
	p.Earlier, p.Later = stepTo(check.UUID, e.Earlier, page.Clock), stepTo(check.UUID, e.Later, page.Clock)
	return p
}

func stepTo(id uuid.UUID, at time.Time, clock Clock) *Step {
	if at.IsZero() {
		return nil
	}
	return &Step{WhyPath(id, at, clock), clock.say(clock.AtSecond(at), at)}
}

// statementEntry is a statement as a line of a timeline. One that speaks of something
// that was decided at another time leads there.
func statementEntry(s monitor.Statement, e monitor.Explanation, id uuid.UUID, clock Clock) Entry {
	at := s.At
	if at.IsZero() {
		at = e.From
	}
	var names []string
	for _, by := range s.Suppressed {
		names = append(names, string(by))
	}
	entry := Entry{
		At: at, Time: clock.say(clock.TimeOfDay(at), at), Icon: "lines", Rest: s.Text,
		Status: s.Is, End: strings.Join(names, ", "),
	}
	if !s.See.IsZero() && (s.See.Before(e.From) || !s.See.Before(e.To)) {
		entry.More, entry.Why = "See that minute", WhyPath(id, s.See, clock)
	}
	return entry
}

// fateStates are the words for messages that have no row of their own.
var fateStates = map[monitor.Suppression]StateWord{
	monitor.NoChannel:       {Icon: "close", Word: "No channel"},
	monitor.ChannelDisabled: {Icon: "close", Word: "Channel disabled"},
}

func fateLine(f monitor.Fate, check uuid.UUID) FateLine {
	line := FateLine{Name: f.Name, Text: f.Text, State: StateWord{Icon: "lines", Word: "Not kept"}}
	if word, none := fateStates[f.Suppressed]; none {
		line.State = word
	}
	if f.Delivery != 0 {
		line.State = StateOf(monitor.Delivery{State: f.State, Attempts: f.Tries, Tries: f.Tries})
		line.Href = DeliveryQuery{Check: check.String(), Open: int64(f.Delivery)}.URL() + "#d" + digits(int64(f.Delivery))
	}
	return line
}

// LatencyPage is how long it takes to notice and to tell.
type LatencyPage struct {
	Page
	Spans []LatencySpan
	Bound int // how many of the newest are summed up at most
}

// LatencySpan is the latencies of the last days.
type LatencySpan struct {
	Days int
	monitor.Latencies
}

// latencyRow is one line of the table.
type latencyRow struct {
	What           string
	Noticed, Taken time.Duration
}

func (s LatencySpan) empty() bool {
	return s.Detection.Count+s.Delivery.Count+s.Waiting+s.Dead == 0
}

func (s LatencySpan) rows() []latencyRow {
	return []latencyRow{
		{What: "Half within", Noticed: s.Detection.P50, Taken: s.Delivery.P50},
		{What: "90\u00a0% within", Noticed: s.Detection.P90, Taken: s.Delivery.P90},
		{What: "99\u00a0% within", Noticed: s.Detection.P99, Taken: s.Delivery.P99},
		{What: "Longest", Noticed: s.Detection.Max, Taken: s.Delivery.Max},
	}
}

// latencyCell is a figure of a spread, if it has any.
func latencyCell(of monitor.Spread, d time.Duration) string {
	if of.Count == 0 {
		return "no data"
	}
	return Duration(d)
}

// rest says which messages are not in the figures.
func (s LatencySpan) rest() string {
	var not []string
	if s.Waiting > 0 {
		not = append(not, Count(int64(s.Waiting), "message waits", "messages wait")+" to be taken")
	}
	if s.Dead > 0 {
		not = append(not, Count(int64(s.Dead), "message was", "messages were")+" given up")
	}
	switch {
	case len(not) > 0:
		return strings.Join(not, " and ") + ", which the figures do not count."
	case s.Delivery.Count == 0:
		return "No message was owed."
	}
	return "Every message was taken."
}
