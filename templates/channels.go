package templates

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"rollcall/internal/monitor"
)

// ChannelsPage lists where Rollcall speaks up.
type ChannelsPage struct {
	Page
	Channels []ChannelLine
}

// ChannelLine is one channel in the list.
type ChannelLine struct {
	ID     string
	Name   string
	Kind   monitor.ChannelKind
	Target string
	Proved string // when it last proved to work; "" never
	Checks string
	Spark  Spark
	Count  string
	Notice *Notice // what is wrong with it
}

// Notice is a sentence in the colours of a status.
type Notice struct {
	Status monitor.Status
	Text   string
	Code   string // an answer, after the text
	Rest   string // after the answer
	Link   string // "" none
	Words  string // of the link
}

// ChannelRow is a channel and how it is used.
type ChannelRow struct {
	monitor.Channel
	Checks   int
	LastSent time.Time     // zero: never
	Messages []DeliveryRow // the newest first
	NoMail   bool          // this server cannot send mail
	Fixed    bool          // the reader may not change it
	Health   monitor.Health
}

// messagesDrawn is how many messages of a channel its list shows.
const messagesDrawn = 30

// ChannelLines arranges channels: trouble first, then by name.
func ChannelLines(rows []ChannelRow, clock Clock) []ChannelLine {
	lines := make([]ChannelLine, 0, len(rows))
	for _, row := range rows {
		line := ChannelLine{
			ID: strconv.FormatInt(int64(row.ID), 10), Name: row.Name, Kind: row.Kind, Target: row.Target(),
			Checks: Count(int64(row.Checks), "check", "checks"),
			Spark:  messageSpark(row.Messages), Count: messageCount(len(row.Messages)),
			Notice: noticeOf(row, clock),
		}
		if !row.LastSent.IsZero() {
			line.Proved = provedWords(row.LastSent, clock)
		}
		lines = append(lines, line)
	}
	slices.SortStableFunc(lines, func(a, b ChannelLine) int {
		return cmp.Or(cmp.Compare(a.rank(), b.rank()), cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)))
	})
	return lines
}

// rank puts trouble first, and what merely lacks a test last.
func (l ChannelLine) rank() int {
	switch {
	case l.Notice == nil:
		return 2
	case l.Notice.Status == monitor.Down:
		return 0
	case l.Notice.Status == monitor.Late:
		return 1
	}
	return 3
}

func provedWords(t time.Time, clock Clock) string {
	if clock.days(t) == 0 {
		return "today " + clock.TimeOfDay(t)
	}
	return clock.At(t)
}

// noticeOf says what is wrong with a channel, the worst alone.
func noticeOf(row ChannelRow, clock Clock) *Notice {
	log := DeliveryQuery{Channel: int64(row.ID)}.URL()
	stuck, waiting := stuckMessage(row.Messages)
	switch {
	case row.Disabled != "":
		notice := &Notice{Status: monitor.Down, Text: "Switched off: " + strings.TrimSuffix(row.Disabled, ".") + "."}
		if waiting > 0 {
			notice.Text += " " + Capital(Count(int64(waiting), "message waits", "messages wait")) + " for it to be switched on."
		}
		if !row.Fixed {
			notice.Link, notice.Words = "/channels/"+strconv.FormatInt(int64(row.ID), 10), "Test it and switch it on"
		}
		return notice
	case row.Kind == monitor.Email && row.NoMail:
		return &Notice{Status: monitor.Down, Text: "This server has no mail server to send by. Whoever runs it can name one with --smtp."}
	case redirectWords(row.Health) != "":
		return &Notice{Status: monitor.Late, Text: redirectWords(row.Health), Link: log, Words: "See attempts"}
	case stuck != nil:
		return &Notice{
			Status: monitor.Late, Text: "Answers", Code: stuck.Answer,
			Rest: fmt.Sprintf(". %s waiting; next try at %s.", Capital(Count(int64(waiting), "message is", "messages are")), clock.TimeOfDay(nextTry(*stuck, row))),
			Link: log, Words: "See attempts",
		}
	case len(row.Messages) > 0 && row.Messages[0].State == monitor.Dead:
		last := row.Messages[0]
		return &Notice{
			Status: monitor.Down, Text: fmt.Sprintf("The last message was given up %s after", clock.At(last.Ended)),
			Code: last.Answer, Rest: ".", Link: log, Words: "See attempts",
		}
	case givenUpBefore(row.Messages) > 0:
		given := givenUpBefore(row.Messages)
		return &Notice{
			Status: monitor.New, Text: "It took the test. Before that, " + Count(int64(given), "message was", "messages were") + " given up.",
			Link: DeliveryQuery{Channel: int64(row.ID), State: monitor.Dead}.URL(), Words: "Replay what still matters",
		}
	case row.LastSent.IsZero():
		return &Notice{Status: monitor.New, Text: "Never proved to work. Send a test before you rely on it."}
	}
	return nil
}

// stuckMessage returns the message that holds up the others of its check because
// it was not taken yet, nil when there is none, and how many wait.
func stuckMessage(messages []DeliveryRow) (stuck *DeliveryRow, waiting int) {
	for i, m := range messages {
		if m.State != monitor.Pending && m.State != monitor.Sending {
			continue
		}
		waiting++
		if m.State == monitor.Pending && m.Tries > 0 {
			stuck = &messages[i]
		}
	}
	return stuck, waiting
}

// nextTry is when the message that holds up the others is tried again. While the
// breaker is open that may be sooner than planned.
func nextTry(stuck DeliveryRow, row ChannelRow) time.Time {
	if row.Health.Opened.IsZero() {
		return stuck.NextAt
	}
	return row.Health.ProbeAt(stuck.NextAt, slices.ContainsFunc(row.Messages, func(m DeliveryRow) bool {
		waits := m.State == monitor.Pending || m.State == monitor.Sending
		return waits && (m.DigestDown > 0 || m.Flip != nil && m.Flip.New == monitor.Down)
	}))
}

// givenUpBefore is how many messages were given up before a test was taken that is
// the newest message.
func givenUpBefore(messages []DeliveryRow) int {
	given := 0
	for i, m := range messages {
		switch {
		case i == 0 && (m.Kind != monitor.ForTest || m.State != monitor.Sent):
			return 0
		case m.State == monitor.Dead:
			given++
		}
	}
	return given
}

// messageSpark draws the newest messages of a channel, the newest at the right
// edge: taken at once, taken after repetition, given up.
func messageSpark(messages []DeliveryRow) Spark {
	var ok, slow, bad strings.Builder
	for i, m := range messages[:min(len(messages), messagesDrawn)] {
		x := 145 - 5*i
		switch {
		case m.State == monitor.Dead:
			fmt.Fprintf(&bad, "M%d 10v-2h3v2zm0-3.5v-6.5h3v6.5z", x)
		case m.State == monitor.Sent && m.Attempts == 1:
			fmt.Fprintf(&ok, "M%d 10v-5h3v5z", x)
		case m.Attempts > 0:
			fmt.Fprintf(&slow, "M%d 10v-9h3v9z", x)
		}
	}
	spark := Spark{Label: messageCount(len(messages))}
	for _, path := range []Path{{Class: "ok", D: ok.String()}, {Class: "slow", D: slow.String()}, {Class: "bad", D: bad.String()}} {
		if path.D != "" {
			spark.Paths = append(spark.Paths, path)
		}
	}
	return spark
}

func messageCount(n int) string {
	switch {
	case n == 0:
		return "no message yet"
	case n < messagesDrawn:
		return Count(int64(n), "message in all", "messages in all")
	}
	return fmt.Sprintf("last %d messages", messagesDrawn)
}

// ChannelPage makes a channel or shows one, with its form and its last messages.
type ChannelPage struct {
	Page
	ID       string // "" for a new one
	Name     string // as it is called now
	Form     ChannelForm
	Problems []Problem
	Wrong    map[string]string
	Secret   string // that signs the messages; "" for a new one, and for e-mail
	Notice   *Notice
	Disabled bool
	Facts    ChannelFacts
	Tellers  []Teller // all checks of the project
	Messages Messages
}

// ChannelFacts is how a channel did.
type ChannelFacts struct {
	Proved Said // when it last proved to work; no words: never
	Last   StateWord
	At     Said // of the last result
	Answer string
	Fails  string // since when it takes nothing; "" when it does
	Waits  bool   // its breaker is open
	Spark  Spark
	Count  string
}

// Teller is a check that may tell a channel.
type Teller struct {
	ID     int64
	Name   string
	Path   string
	Status monitor.Status
	Chosen bool
}

// ChannelFactsOf sums up what became of a channel's newest messages.
func ChannelFactsOf(row ChannelRow, clock Clock) ChannelFacts {
	f := ChannelFacts{Spark: messageSpark(row.Messages), Count: messageCount(len(row.Messages))}
	if !row.LastSent.IsZero() {
		f.Proved = clock.say(provedWords(row.LastSent, clock), row.LastSent)
	}
	if len(row.Messages) > 0 {
		last := row.Messages[0]
		f.Last, f.At, f.Answer = StateOf(last.Delivery), clock.say(clock.At(last.Created), last.Created), last.Answer
	}
	if h := row.Health; h.Failures > 0 {
		f.Fails = fmt.Sprintf("since %s, %s", clock.At(h.Since), Count(int64(h.Failures), "attempt", "attempts"))
		f.Waits = !h.Opened.IsZero() && row.Disabled == ""
	}
	return f
}

// telling are the checks that tell the channel.
func (p ChannelPage) telling() []Teller {
	var telling []Teller
	for _, t := range p.Tellers {
		if t.Chosen {
			telling = append(telling, t)
		}
	}
	return telling
}

// shown are the ids of the checks in the form.
func (p ChannelPage) shown() string {
	ids := make([]string, len(p.Tellers))
	for i, t := range p.Tellers {
		ids[i] = digits(t.ID)
	}
	return strings.Join(ids, " ")
}

// ChannelForm is a channel as it is typed.
type ChannelForm struct {
	Kind                       monitor.ChannelKind
	Name, Address, URL, Secret string
}

// Messages is the newest messages of a channel.
type Messages struct {
	Channel string // id
	Sheet   Sheet
	Live    bool // one of them is on its way: ask again soon
}

func (p ChannelPage) heading() string {
	switch {
	case p.ID != "":
		return p.Name
	case p.Form.Kind == monitor.Email:
		return "New e-mail channel"
	}
	return "New webhook"
}

func (p ChannelPage) path() string {
	if p.ID == "" {
		return "/channels"
	}
	return "/channels/" + p.ID
}

func (p ChannelPage) field(id, label, value string) Field {
	return Field{ID: id, Label: label, Value: value, Error: complaint(label, p.Wrong[id]), Attrs: attrs("autocomplete", "off")}
}

func (p ChannelPage) name() Field {
	f := p.field("name", "Name", p.Form.Name)
	f.Hint = "Who or what is told, in words that people recognise."
	return f
}

func (p ChannelPage) address() Field {
	f := p.field("address", "Address", p.Form.Address)
	f.Type, f.Hint = "email", "One mailbox: of a person, or of a list."
	return f
}

func (p ChannelPage) url() Field {
	f := p.field("url", "Address", p.Form.URL)
	f.Mono, f.Hint = true, "Beginning with https:// or http://. It is called with POST."
	f.Attrs["spellcheck"] = "false"
	return f
}

func (p ChannelPage) secret() Field {
	f := p.field("secret", "Secret", p.Form.Secret)
	f.Mono, f.Optional = true, true
	f.Attrs["spellcheck"] = "false"
	f.Holder = "a new one is made"
	if p.ID != "" {
		f.Label, f.Holder = "Another secret", "the present one stays"
		f.Error = complaint(f.Label, p.Wrong["secret"])
	}
	f.Hint = "whsec_ and the base64 of 24 to 64 bytes."
	return f
}

// channelKind is a kind of channel as it begins a description.
func channelKind(kind monitor.ChannelKind) string {
	if kind == monitor.Email {
		return "E-mail"
	}
	return "Webhook"
}

// target says where a channel leads.
func (l ChannelLine) target() string {
	if l.Kind == monitor.Email {
		return l.Target
	}
	return "Webhook to " + l.Target
}

// noticeStatus gives a line the colours of its notice.
func noticeStatus(n *Notice) templ.Attributes {
	if n == nil {
		return nil
	}
	return templ.Attributes{"data-s": string(n.Status)}
}

// poll asks again while there is something to wait for.
func (m Messages) poll() templ.Attributes {
	if !m.Live {
		return nil
	}
	return attrs("hx-get", "/channels/"+m.Channel+"/messages", "hx-trigger", LiveTrigger, "hx-swap", "outerHTML")
}

// log is the address of everything that the channel was told.
func (m Messages) log() string { return "/deliveries?channel=" + m.Channel }

// NoticeOf says what is wrong with a channel, nil when nothing is.
func NoticeOf(row ChannelRow, clock Clock) *Notice {
	notice := noticeOf(row, clock)
	if notice != nil && row.Disabled != "" {
		notice.Link = "" // the page has the button
	}
	return notice
}

// MessagesOf is the newest messages of a channel as its own page shows them.
func MessagesOf(row ChannelRow, clock Clock) Messages {
	const shown = 5
	query := DeliveryQuery{Channel: int64(row.ID)}
	m := Messages{
		Channel: strconv.FormatInt(int64(row.ID), 10),
		Sheet:   SheetOf(row.Messages[:min(shown, len(row.Messages))], nil, query, clock),
	}
	m.Sheet.Back, m.Sheet.Fixed = "/channels/"+m.Channel, row.Fixed
	if len(row.Messages) > 0 {
		newest := row.Messages[0]
		waits := newest.State == monitor.Pending || newest.State == monitor.Sending
		m.Live = waits && clock.Now.Sub(newest.Created) < watched
	}
	return m
}

// watched is for how long a message that is on its way is watched from its page.
const watched = 5 * time.Minute
