package templates

import (
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/google/uuid"

	"rollcall/internal/monitor"
)

// DeliveriesPage is the log of what was told to whom.
type DeliveriesPage struct {
	Page
	Query    DeliveryQuery
	Sum      DeliverySum
	Channels []NamedID
	Check    string // name of the check that the log is narrowed to; "" all
	Sheet    Sheet
	Older    string // address of the page after this one; "" there is none
	// Unfinished is set when the search stopped before it found a page full.
	Unfinished bool
}

// NamedID is a thing to choose by its name.
type NamedID struct {
	ID   int64
	Name string
}

// DeliveryQuery is what the log is asked to show; it is the whole of its address.
type DeliveryQuery struct {
	State   monitor.DeliveryState // "" all; Pending stands for all that has not ended
	Channel int64                 // 0 all
	Check   string                // UUID; "" all
	Text    string                // in the name of a check or channel; "" any
	From    string                // the first day, such as 2026-11-23; "" any
	To      string                // the last day
	Digest  int64                 // only what this digest tells; 0 all
	Before  int64                 // only older deliveries than this one; 0 the newest
	Open    int64                 // the delivery whose attempts are shown; 0 none
}

// URL is the address of the log as the query asks for it.
func (q DeliveryQuery) URL() string {
	v := url.Values{}
	number := func(key string, n int64) {
		if n != 0 {
			v.Set(key, strconv.FormatInt(n, 10))
		}
	}
	if q.State != "" {
		v.Set("state", string(q.State))
	}
	for key, text := range map[string]string{"check": q.Check, "q": q.Text, "from": q.From, "to": q.To} {
		if text != "" {
			v.Set(key, text)
		}
	}
	number("channel", q.Channel)
	number("digest", q.Digest)
	number("before", q.Before)
	number("open", q.Open)
	if len(v) == 0 {
		return "/deliveries"
	}
	return "/deliveries?" + v.Encode()
}

func (q DeliveryQuery) withState(s monitor.DeliveryState) DeliveryQuery {
	q.State, q.Before, q.Open = s, 0, 0
	return q
}

func (q DeliveryQuery) withChannel(id int64) DeliveryQuery {
	q.Channel, q.Before, q.Open = id, 0, 0
	return q
}

func (q DeliveryQuery) withCheck(id string) DeliveryQuery {
	q.Check, q.Before, q.Open = id, 0, 0
	return q
}

func (q DeliveryQuery) withDigest(id int64) DeliveryQuery {
	q.Digest, q.Before, q.Open = id, 0, 0
	return q
}

func (q DeliveryQuery) opened(id monitor.DeliveryID) DeliveryQuery {
	q.Open = int64(id)
	return q
}

// Filtered reports whether the query leaves anything out.
func (q DeliveryQuery) Filtered() bool {
	q.Before, q.Open = 0, 0
	return q != DeliveryQuery{}
}

// kept are the parts of the query that the search form takes along.
func (q DeliveryQuery) kept() []Fact {
	var kept []Fact
	for _, f := range []Fact{{"state", string(q.State)}, {"check", q.Check}, {"channel", digits(q.Channel)}, {"digest", digits(q.Digest)}} {
		if f.Value != "" && f.Value != "0" {
			kept = append(kept, f)
		}
	}
	return kept
}

// shown are the parts of the query that select what a page lists.
func (q DeliveryQuery) shown() []Fact {
	shown := q.kept()
	for _, f := range []Fact{{"q", q.Text}, {"from", q.From}, {"to", q.To}, {"before", digits(q.Before)}} {
		if f.Value != "" && f.Value != "0" {
			shown = append(shown, f)
		}
	}
	return shown
}

// replayWords name the button that replays the dead letters of a page.
func (p DeliveriesPage) replayWords() string {
	n := 0
	for _, day := range p.Sheet.Days {
		n += len(day.Lines)
	}
	if n == 1 {
		return "Replay it"
	}
	return "Replay these " + digits(int64(n))
}

// DeliverySum is how many messages of the last days came how far.
type DeliverySum struct {
	Days                int
	Waiting, Sent, Dead int
}

func (s DeliverySum) all() int { return s.Waiting + s.Sent + s.Dead }

// words sums it up in a sentence.
func (s DeliverySum) words() string {
	if s.all() == 0 {
		return fmt.Sprintf("No messages in the last %d days.", s.Days)
	}
	return fmt.Sprintf("In the last %d days %s of %s were taken.", s.Days,
		thousands(int64(s.Sent)), Count(int64(s.all()), "message", "messages"))
}

// DeliveryRow is a delivery and what it is about.
type DeliveryRow struct {
	monitor.Delivery
	ChannelName string
	ChannelKind monitor.ChannelKind
	CheckUUID   uuid.UUID // zero for a test, and when the check has gone to another project
	CheckName   string
	First       uuid.UUID     // the first UUID that the check had, which names its messages
	Flip        *monitor.Flip // nil for others
	// DigestDown and DigestUp are how many changes of either kind a digest tells.
	DigestDown, DigestUp int
	Failing              *monitor.Failing // the channel that a message is about; nil for others
}

// Sheet is deliveries by day, the newest first.
type Sheet struct {
	Days []SheetDay
	Back string // where one is sent back to after a replay
	// Fixed tells that the reader may not replay.
	Fixed bool
}

// SheetDay is the deliveries that were decided on one day.
type SheetDay struct {
	Title string
	Lines []Line
}

// Line is one delivery.
type Line struct {
	ID       string
	At       Said
	Check    string // name; "" for others than changes
	Digest   bool   // of checks that could not be verified
	About    string // name of another channel, which takes nothing; "" for others
	AboutURL string
	CheckURL string
	Sum      string // of what a digest tells; "" for others
	AllURL   string // lists all that
	Via      string // address of what tells this one; "" it is told by itself
	WithEnd  bool   // that is the message about its end
	Old, New monitor.Status
	Channel  string
	Kind     monitor.ChannelKind
	State    StateWord
	Answer   string // of the last attempt; "" there is none
	Tries    int
	Took     string
	Ended    bool
	Dead     bool
	Waits    bool   // for its next attempt
	OpenURL  string // shows its attempts, or hides them again
	Opened   *Opened
}

// StateWord is how far a delivery has come, in shape and word.
type StateWord struct {
	Icon   string
	Word   string
	Status monitor.Status // in whose colours it speaks; "" in ink
}

// Opened is a delivery with everything that was tried.
type Opened struct {
	Attempts []AttemptLine
	Next     Said // the next attempt; no words when there is none
	Message  string
	Says     []string // what it says, a sentence each
	Why      string   // where it is explained; "" for a test
}

// AttemptLine is one attempt.
type AttemptLine struct {
	N      string
	Sent   Said
	Answer string
	Took   string
}

// StateOf says how far a delivery has come.
func StateOf(d monitor.Delivery) StateWord {
	switch {
	case d.State == monitor.Sent:
		return StateWord{Icon: "check", Word: "Delivered"}
	case d.State == monitor.Dead:
		return StateWord{"close", "Dead letter", monitor.Down}
	case d.WithEnd():
		return StateWord{Icon: "right", Word: "With its end"}
	case d.State == monitor.Merged:
		return StateWord{Icon: "right", Word: "In a digest"}
	case d.State == monitor.Sending:
		return StateWord{Icon: "right", Word: "Sending"}
	case d.Tries > 0:
		return StateWord{"retry", "Retrying", monitor.Late}
	}
	return StateWord{Icon: "clock", Word: "Waiting"}
}

// SheetOf arranges deliveries by day as the query shows them. Attempts are those
// of the delivery that the query opens.
func SheetOf(rows []DeliveryRow, attempts []monitor.Attempt, q DeliveryQuery, clock Clock) Sheet {
	sheet := Sheet{Back: q.URL()}
	for _, row := range rows {
		title := clock.Day(row.Created)
		if n := len(sheet.Days); n == 0 || sheet.Days[n-1].Title != title {
			sheet.Days = append(sheet.Days, SheetDay{Title: title})
		}
		line := lineOf(row, clock)
		line.OpenURL = q.opened(row.ID).URL() + "#d" + line.ID
		if int64(row.ID) == q.Open {
			line.OpenURL = q.opened(0).URL() + "#d" + line.ID
			line.Opened = openedOf(row, attempts, clock)
		}
		last := &sheet.Days[len(sheet.Days)-1]
		last.Lines = append(last.Lines, line)
	}
	return sheet
}

func lineOf(row DeliveryRow, clock Clock) Line {
	line := Line{
		ID:      strconv.FormatInt(int64(row.ID), 10),
		At:      clock.say(clock.local(row.Created).Format("15:04:05"), row.Created),
		Channel: row.ChannelName, Kind: row.ChannelKind, Digest: row.Kind == monitor.ForBlind,
		State: StateOf(row.Delivery), Answer: row.Answer, Tries: row.Attempts,
		Ended: row.State == monitor.Sent || row.State == monitor.Dead, Dead: row.State == monitor.Dead, Waits: row.State == monitor.Pending,
	}
	if row.Flip != nil {
		line.Check = row.CheckName
		if row.CheckUUID != uuid.Nil {
			line.CheckURL = CheckPath(row.CheckUUID)
		}
		line.Old, line.New = row.Flip.Old, row.Flip.New
	}
	if f := row.Failing; f != nil {
		line.About, line.AboutURL = f.Name, failingPage([]monitor.Failing{*f})
	}
	if row.Kind == monitor.ForDigest {
		line.Sum = roundupCounts(row.DigestDown, row.DigestUp)
		line.AllURL = DeliveryQuery{Digest: int64(row.ID)}.URL()
	}
	switch {
	case row.State == monitor.Merged:
		line.Via, line.WithEnd = digestURL(row.Delivery), row.WithEnd()
	case row.State == monitor.Sent:
		line.Took = Duration(row.Ended.Sub(row.Created))
	case row.State == monitor.Pending && row.Tries > 0:
		line.Took = "next " + clock.TimeOfDay(row.NextAt)
	case row.State == monitor.Pending:
		line.Took = "not tried yet"
	}
	return line
}

// digestURL is the address of the digest that tells a delivery.
func digestURL(d monitor.Delivery) string {
	id := int64(d.Digest)
	return fmt.Sprintf("%s#d%d", DeliveryQuery{Before: id + 1, Open: id}.URL(), id)
}

func openedOf(row DeliveryRow, attempts []monitor.Attempt, clock Clock) *Opened {
	opened := &Opened{
		Message: monitor.MessageID(row.First, row.Delivery),
		Says:    []string{"A test of the channel."},
	}
	switch {
	case row.Failing != nil:
		opened.Says = []string{failsWords(*row.Failing, clock)}
	case row.Kind == monitor.ForBlind:
		opened.Says = []string{"Which checks could not be verified after a blind interval."}
	case row.Kind == monitor.ForDigest:
		opened.Says = []string{Capital(roundupCounts(row.DigestDown, row.DigestUp)) + "."}
	}
	if row.Flip != nil {
		opened.Says = FlipSentences(*row.Flip, clock)
		if row.CheckUUID != uuid.Nil {
			opened.Why = WhyPath(row.CheckUUID, row.Flip.Judged, clock)
		}
	}
	for _, a := range attempts {
		line := AttemptLine{
			N: strconv.Itoa(a.N), Sent: clock.say(clock.AtSecond(a.Started), a.Started),
			Answer: a.Answer, Took: attemptTook(a.Took),
		}
		if line.Answer == "" {
			line.Answer = "no answer"
		}
		opened.Attempts = append(opened.Attempts, line)
	}
	if row.State == monitor.Pending && !row.NextAt.IsZero() {
		opened.Next = clock.say(clock.AtSecond(row.NextAt), row.NextAt)
	}
	return opened
}

// attemptTook says the time of an attempt in hundredths: they are compared.
func attemptTook(d time.Duration) string {
	if d > 0 && d < 5*time.Millisecond {
		return "<" + nbsp + "0.01" + nbsp + "s"
	}
	return fmt.Sprintf("%.2f%ss", d.Seconds(), nbsp)
}

func (o Opened) nextN() string { return strconv.Itoa(len(o.Attempts) + 1) }

// triesWords says it for those who do not see the column.
func (l Line) triesWords() string {
	if l.Tries == 1 {
		return " attempt"
	}
	return " attempts"
}

// what says the delivery's subject for those who hear the button only.
func (l Line) what() string {
	switch {
	case l.Digest:
		return "checks not verified"
	case l.About != "":
		return "message about " + l.About
	case l.Sum != "":
		return "digest"
	case l.Check == "":
		return "test"
	}
	return l.Check
}

func (p DeliveriesPage) facets() []facet {
	q, sum := p.Query, p.Sum
	return []facet{
		{q.withState(""), "", "All", sum.all()},
		{q.withState(monitor.Pending), "retry", "Waiting", sum.Waiting},
		{q.withState(monitor.Dead), "close", "Dead letters", sum.Dead},
		{q.withState(monitor.Sent), "check", "Delivered", sum.Sent},
	}
}

// facet is a link that narrows the log to one state.
type facet struct {
	query DeliveryQuery
	icon  string
	word  string
	count int
}

func (f facet) number() string { return thousands(int64(f.count)) }

// channel names the channel that the log is narrowed to.
func (p DeliveriesPage) channel() string {
	for _, c := range p.Channels {
		if c.ID == p.Query.Channel {
			return c.Name
		}
	}
	return "Every channel"
}

// empty says why there is nothing to see.
func (p DeliveriesPage) empty() string {
	switch {
	case p.Unfinished:
		return "Nothing was found yet; only a part of the log was looked through."
	case p.Query.Before != 0:
		return "There is nothing older."
	case p.Query.Text != "":
		return "No check or channel with “" + p.Query.Text + "” in its name was told anything that fits."
	case p.Query.Filtered():
		return "No message is in this state, of this channel and check, on these days."
	}
	return ""
}

// nothing reports whether the log is empty, whatever is asked for.
func (p DeliveriesPage) nothing() bool {
	return len(p.Sheet.Days) == 0 && !p.Query.Filtered() && p.Query.Before == 0
}
