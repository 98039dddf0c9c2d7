package templates

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"rollcall/internal/monitor"
)

// History is what happened to a check, as far as one page of its timeline needs
// it: each list newest first, and one longer than Size when there is more.
type History struct {
	Check      monitor.Check
	Pings      []monitor.Ping
	Flips      []monitor.Flip
	Deliveries []Telling
	Missed     []monitor.Decision // deadlines that passed and did not take the check down
	Failed     []monitor.Decision // failures that did not, of the pings at least
	Blinds     []monitor.Blind
	Size       int
	From       Cursor
	Show       string
}

// Telling is a delivery with the channel it is owed to.
type Telling struct {
	monitor.Delivery
	ChannelName string
	ChannelKind monitor.ChannelKind
}

// What a timeline can be reduced to. The first shows everything.
const (
	ShowAll     = "all"
	ShowRuns    = "runs" // that ended, and those that never came
	ShowPings   = "pings"
	ShowChanges = "changes"
	ShowAlerts  = "alerts"
)

// Shows returns all of them, in the order in which they are offered.
func Shows() []string { return []string{ShowAll, ShowRuns, ShowPings, ShowChanges, ShowAlerts} }

// Cursor is where a page of the timeline begins: below these numbers. Zero is the
// newest of a kind.
type Cursor struct {
	Ping     int64
	Rev      int64
	Delivery monitor.DeliveryID
	Missed   int64 // the deadline, in unix microseconds
	At       int64 // unix microseconds of the last entry before; 0 on the first page
}

// ParseCursor reads a cursor; what makes no sense is the first page.
func ParseCursor(text string) Cursor {
	var c Cursor
	if _, err := fmt.Sscanf(text, "%d-%d-%d-%d-%d", &c.Ping, &c.Rev, &c.Delivery, &c.Missed, &c.At); err != nil ||
		c.Ping < 0 || c.Rev < 0 || c.Delivery < 0 || c.Missed < 0 || c.At <= 0 {
		return Cursor{}
	}
	return c
}

// String is the cursor as it stands in an address.
func (c Cursor) String() string {
	return fmt.Sprintf("%d-%d-%d-%d-%d", c.Ping, c.Rev, c.Delivery, c.Missed, c.At)
}

// Timeline is one page of what happened, newest first.
type Timeline struct {
	Show   string
	First  bool
	Blocks []Block
	Older  string // the address of the next page; "" on the last
}

// Block is a stretch under one heading, or a quiet one that is folded away.
type Block struct {
	Heading string
	Fold    *Fold
	Entries []Entry
}

// Fold is the summary of a quiet stretch.
type Fold struct{ ID, When, What string }

// Entry is one thing that happened.
type Entry struct {
	At     time.Time
	Time   Said
	Icon   string         // when there is no status
	Status monitor.Status // a change to it, or Unknown for a blind interval
	Old    monitor.Status // of a change
	// Corrected is set for a change that takes an alarm back and leaves the status.
	Corrected bool
	Blind     bool
	Lead      string
	Href      string // where the lead leads to
	Why       string // where it is explained who was told, and who was not; "" here
	Code      string // an answer, as it came
	Quote     string // what a ping carried, when it is one short line
	Rest      string
	Note      string // on a line of its own
	More      string // the words of a link to Why; "" has the time lead there
	End       string // a figure at the right edge
	Output    *Output
	quiet     *monitor.Ping // an ordinary success
}

// Output is what a ping carried.
type Output struct{ ID, Summary, Text, Href string }

// TimelineOf merges what happened into one page.
func TimelineOf(h History, path string, clock Clock) Timeline {
	t := Timeline{Show: h.Show, First: h.From == Cursor{}}
	entries, next, more := h.merge(path, clock)
	if more {
		t.Older = fmt.Sprintf("%s?show=%s&before=%s#timeline", path, h.Show, next)
	}
	for i, e := range entries {
		entries[i].Why = WhyPath(h.Check.UUID, e.At, clock)
	}
	t.Blocks = blocksOf(entries, t.First, clock)
	return t
}

// merge takes the newest Size entries of all kinds and says where the next page begins.
func (h History) merge(path string, clock Clock) ([]Entry, Cursor, bool) {
	var entries []Entry
	next := h.From
	starts := h.startsOf()
	above := h.From.Ping // the number of the ping above; those between were not kept
	if above == 0 {
		above = h.Check.NPings + 1
	}
	var ping, flip, told, missed int
	for range h.Size {
		switch h.newest(ping, flip, told, missed) {
		case "delivery":
			d := h.Deliveries[told]
			entries = append(entries, deliveryEntry(d, h.Check.UUID, clock))
			next.Delivery, next.At = d.ID, d.Created.UnixMicro()
			told++
		case "flip":
			f := h.Flips[flip]
			if h.Show != ShowRuns || neverCame(f) {
				entries = append(entries, h.flipEntry(f, clock))
			}
			next.Rev, next.At = f.Rev, f.At.UnixMicro()
			flip++
		case "missed":
			d := h.Missed[missed]
			entries = append(entries, missedEntry(d, clock))
			next.Missed, next.At = d.Key, d.Deadline.UnixMicro()
			missed++
		case "ping":
			p := h.Pings[ping]
			if lost := above - p.N - 1; lost > 0 && h.Show != ShowRuns {
				entries = append(entries, gapEntry(p, lost, clock))
			}
			if !h.hides(p, starts) {
				entries = append(entries, h.pingEntry(p, path, clock))
			}
			above, next.Ping, next.At = p.N, p.N, p.Received().UnixMicro()
			ping++
		default:
			return h.withBlinds(entries, time.Time{}, clock), next, false
		}
	}
	if h.newest(ping, flip, told, missed) == "" {
		return h.withBlinds(entries, time.Time{}, clock), next, false
	}
	return h.withBlinds(entries, time.UnixMicro(next.At), clock), next, true
}

// hides reports whether a ping has no entry of its own: one that is no end of a run
// when only those are shown, and a start about which its end says all.
func (h History) hides(p monitor.Ping, starts map[int64]bool) bool {
	switch h.Show {
	case ShowRuns:
		return !p.Signal.Ends() || p.Ignored != ""
	case ShowPings:
		return false
	}
	return starts[p.N]
}

// neverCame reports whether a flip stands for a run that never came or never ended.
func neverCame(f monitor.Flip) bool {
	return f.Reason == monitor.Silent || f.Reason == monitor.Overran || f.Reason == monitor.Overlooked
}

// newest says of which kind the next entry is. Of things at the same moment the
// consequence stands above its cause.
func (h History) newest(ping, flip, told, missed int) string {
	kind, at := "", time.Time{}
	if told < len(h.Deliveries) {
		kind, at = "delivery", h.Deliveries[told].Created
	}
	if flip < len(h.Flips) && (kind == "" || h.Flips[flip].Judged.After(at)) {
		kind, at = "flip", h.Flips[flip].Judged
	}
	if missed < len(h.Missed) && (kind == "" || h.Missed[missed].Deadline.After(at)) {
		kind, at = "missed", h.Missed[missed].Deadline
	}
	if ping < len(h.Pings) && (kind == "" || h.Pings[ping].Received().After(at)) {
		kind = "ping"
	}
	return kind
}

// startsOf finds the starts whose end is on the page too and says all about them.
func (h History) startsOf() map[int64]bool {
	type key struct {
		run string
		at  int64
	}
	ended := map[key]bool{}
	starts := map[int64]bool{}
	for _, p := range h.Pings { // newest first: an end comes before its start
		switch {
		case p.Signal.Ends() && p.Duration != nil:
			ended[key{p.RunID, p.At.Add(-*p.Duration).UnixMicro()}] = true
		case p.Signal == monitor.Start && p.Ignored == "" && len(p.Body) == 0:
			starts[p.N] = ended[key{p.RunID, p.At.UnixMicro()}]
		}
	}
	return starts
}

// withBlinds puts the blind intervals of the page between its entries.
func (h History) withBlinds(entries []Entry, since time.Time, clock Clock) []Entry {
	upTo := clock.Now
	if h.From.At > 0 {
		upTo = time.UnixMicro(h.From.At)
	}
	for _, b := range h.Blinds {
		if h.Show != ShowAll || !b.From.After(since) || b.From.After(upTo) || b.To.Before(h.Check.Created) {
			continue
		}
		at := 0
		for at < len(entries) && entries[at].At.After(b.From) {
			at++
		}
		entries = append(entries[:at], append([]Entry{blindEntry(b, clock)}, entries[at:]...)...)
	}
	return entries
}

func blindEntry(b monitor.Blind, clock Clock) Entry {
	rest := "until " + clock.TimeOfDay(b.To)
	if clock.days(b.From) != clock.days(b.To) {
		rest = "until " + clock.At(b.To)
	}
	if b.Cause != "" {
		rest += ": " + b.Cause
	}
	return Entry{
		At: b.From, Time: clock.say(clock.TimeOfDay(b.From), b.From), Status: monitor.Unknown, Blind: true,
		Lead: "Rollcall was blind", Rest: rest + ". Pings sent then could not be stored.", End: Duration(b.To.Sub(b.From).Truncate(time.Second)),
	}
}

func gapEntry(p monitor.Ping, lost int64, clock Clock) Entry {
	return Entry{
		At: p.At, Time: clock.say(clock.TimeOfDay(p.At), p.At), Icon: "lines",
		Rest: Count(lost, "more ping", "more pings") + " in this second " + wasOrWere(lost) + " counted but not kept.",
	}
}

func wasOrWere(n int64) string {
	if n == 1 {
		return "was"
	}
	return "were"
}

func (h History) flipEntry(f monitor.Flip, clock Clock) Entry {
	e := Entry{
		At: f.At, Time: clock.say(clock.TimeOfDay(f.At), f.At), Status: f.New, Old: f.Old, Corrected: f.Old == f.New,
		Note: strings.Join(FlipSentences(f, clock), " "),
	}
	if neverCame(f) {
		e.Note = FlipSentences(f, clock)[0] + " Judged at " + f.Judged.In(clock.Zone).Format("15:04:05.0") + "."
	}
	if refutedOf(h.Flips)[f.Rev] {
		e.Note += " Corrected since: a late report showed that it had run."
	}
	if h.Show == ShowAll && f.Tell {
		e.Note += " " + h.toldOf(f.Rev)
	}
	return e
}

// toldOf says how many channels took the message about a change.
func (h History) toldOf(rev int64) string {
	owed, took, merged, late := 0, 0, 0, 0
	for _, d := range h.Deliveries {
		if d.Rev == rev {
			owed++
			switch {
			case d.State == monitor.Sent:
				took++
			case d.WithEnd():
				late++
			case d.State == monitor.Merged:
				merged++
			}
		}
	}
	switch {
	case merged > 0:
		return fmt.Sprintf("Told in a digest: %d of %s.", merged, Count(int64(owed), "channel", "channels"))
	case late > 0:
		return fmt.Sprintf("Told together with its end: %d of %s.", late, Count(int64(owed), "channel", "channels"))
	case owed == 0:
		return "No channel was told."
	case owed == 1 && took == 1:
		return "The channel took the message."
	case took == owed:
		return fmt.Sprintf("All %d channels took the message.", owed)
	}
	return fmt.Sprintf("%d of %s took the message.", took, Count(int64(owed), "channel", "channels"))
}

func deliveryEntry(d Telling, check uuid.UUID, clock Clock) Entry {
	e := Entry{
		At: d.Created, Time: clock.say(clock.TimeOfDay(d.Created), d.Created), Icon: channelIcon(d.ChannelKind),
		Lead: d.ChannelName, Code: d.Answer,
		Href: DeliveryQuery{Check: check.String(), Open: int64(d.ID)}.URL(),
	}
	switch {
	case d.State == monitor.Sent:
		e.Rest, e.End = "answered", "after"+nbsp+Duration(d.Ended.Sub(d.Created))
		if d.ChannelKind == monitor.Email {
			e.Rest = "took the mail:"
		}
		if d.Answer == "" {
			e.Rest = "took the message"
		}
	case d.WithEnd():
		e.Rest, e.Href = "did not take it before it was up again; one message tells both:", digestURL(d.Delivery)
	case d.State == monitor.Merged:
		e.Rest, e.Href = "is told in a digest", digestURL(d.Delivery)
	case d.State == monitor.Dead:
		e.Rest = fmt.Sprintf("was given up after %s:", Count(int64(d.Attempts), "attempt", "attempts"))
	case d.Attempts == 0:
		e.Rest = "is being told"
	default:
		e.Rest = fmt.Sprintf("did not take it, for the %s time:", Ordinal(d.Attempts))
		e.End = "next try " + clock.At(d.NextAt)
	}
	return e
}

// ignoredWords say by which rule a ping had no effect.
var ignoredWords = map[monitor.Ignored]string{
	monitor.IgnoredPaused: "the check was paused",
	monitor.IgnoredMethod: "only POST counts for this check",
	monitor.IgnoredFilter: "none of the keywords occurs in its body",
}

// missedEntry is a deadline that passed and did not take the check down.
func missedEntry(d monitor.Decision, clock Clock) Entry {
	e := Entry{At: d.Deadline, Time: clock.say(clock.TimeOfDay(d.Deadline), d.Deadline), Icon: "clock"}
	if d.Reason == monitor.Overran {
		e.Lead, e.Rest = "Run over its limit", "started "+clock.AtSecond(d.Due)
	} else {
		e.Lead, e.Rest = "Missed", "expected by "+clock.At(d.Due)
	}
	e.Rest += "; " + toleratedWords(d)
	return e
}

func toleratedWords(d monitor.Decision) string {
	return fmt.Sprintf("%d of %d bad results in a row, nobody was told", d.Bad, d.Of)
}

func (h History) pingEntry(p monitor.Ping, path string, clock Clock) Entry {
	e := pingEntry(p, path, clock)
	if i := slices.IndexFunc(h.Failed, func(d monitor.Decision) bool { return d.Key == p.N }); i >= 0 {
		e.Rest = strings.TrimPrefix(e.Rest+"; "+toleratedWords(h.Failed[i]), "; ")
	}
	return e
}

func pingEntry(p monitor.Ping, path string, clock Clock) Entry {
	e := Entry{
		At: p.Received(), Time: clock.say(clock.TimeOfDay(p.Received()), p.Received()),
		Href: fmt.Sprintf("%s/pings/%d", path, p.N),
		Rest: strings.Join(pingFacts(p, clock), ", "),
	}
	e.Lead, e.Icon = pingLead(p)
	if p.Ignored != "" {
		e.Lead, e.Icon = "Ping ignored", "lines"
		e.Rest = fmt.Sprintf("%s; it said %s. %s", ignoredWords[p.Ignored], signalWords(p), e.Rest)
	}
	if p.Duration != nil {
		e.End = Duration(*p.Duration)
	}
	e.Quote = p.Detail.Message
	if text := Excerpt(p.Body); e.Quote == "" && isQuote(text) {
		e.Quote = strings.TrimSpace(text)
	} else if text != "" {
		e.Output = &Output{"out-" + strconv.FormatInt(p.N, 10), outputWords(text, p), text, e.Href}
	}
	if p.Signal == monitor.Success && p.Ignored == "" {
		e.quiet = &p
	}
	return e
}

// quoteLimit is how many characters a body may have that stands in the line of its ping.
const quoteLimit = 80

// isQuote reports whether a body is short enough to stand in the line of its ping.
func isQuote(text string) bool {
	text = strings.TrimSpace(text)
	return text != "" && !strings.Contains(text, "\n") && utf8.RuneCountInString(text) <= quoteLimit
}

func pingLead(p monitor.Ping) (lead, icon string) {
	switch {
	case p.Signal == monitor.Start:
		return "Run started", "play"
	case p.Signal == monitor.Log:
		return "Log", "lines"
	case p.Signal == monitor.Fail && p.Duration != nil:
		return "Run failed", "close"
	case p.Signal == monitor.Fail:
		return "Failure", "close"
	case p.Duration != nil:
		return "Run succeeded", "check"
	}
	return "Success", "check"
}

// signalWords are what a ping said.
func signalWords(p monitor.Ping) string {
	if p.Exit != nil {
		return fmt.Sprintf("exit status %d", *p.Exit)
	}
	return string(p.Signal)
}

func pingFacts(p monitor.Ping, clock Clock) []string {
	var facts []string
	if !p.Detail.Arrived.IsZero() {
		facts = append(facts, fmt.Sprintf("happened %s, reported %s late", clock.AtSecond(p.At), Duration(p.Detail.Arrived.Sub(p.At).Truncate(time.Second))))
	}
	if p.Exit != nil && p.Ignored == "" {
		facts = append(facts, signalWords(p))
	}
	if p.RunID != "" {
		facts = append(facts, "run "+p.RunID)
	}
	if p.Duration != nil {
		start := p.At.Add(-*p.Duration)
		if clock.days(start) == clock.days(p.At) {
			facts = append(facts, "started "+clock.local(start).Format("15:04:05"))
		} else {
			facts = append(facts, "started "+clock.AtSecond(start))
		}
	}
	if p.Detail.Environment != "" {
		facts = append(facts, "in "+p.Detail.Environment)
	}
	if p.Detail.Host != "" {
		facts = append(facts, "on "+p.Detail.Host)
	}
	if p.RemoteAddr != "" {
		facts = append(facts, "from "+p.RemoteAddr)
	}
	return facts
}

func outputWords(text string, p monitor.Ping) string {
	lines := strings.Count(strings.TrimRight(text, "\n"), "\n") + 1
	size := Size(p.BodySize)
	if int64(len(p.Body)) < p.BodySize {
		return fmt.Sprintf("Output, the first %s of %s", Count(int64(lines), "line", "lines"), size)
	}
	return fmt.Sprintf("Output, %s, %s", Count(int64(lines), "line", "lines"), size)
}

// Excerpt is a body as text that can be shown: what is not UTF-8, and characters
// that would act on the terminal or turn the text around, become visible signs.
func Excerpt(body []byte) string {
	text := strings.ToValidUTF8(strings.ReplaceAll(string(body), "\r\n", "\n"), "\uFFFD")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r < ' ':
			return '\u2400' + r // its picture: ␀, ␛
		case r == 0x7f:
			return '\u2421'
		case r >= 0x80 && r < 0xa0, r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069':
			return '\uFFFD'
		}
		return r
	}, text)
}
