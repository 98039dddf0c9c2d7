package templates

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/a-h/templ"

	"rollcall/internal/monitor"
)

// MailInput is what a mail is made of. It does not depend on when the mail is
// sent, so that each attempt sends the same one.
type MailInput struct {
	ID          string // of the message
	Project     string
	Channel     string
	Flip        *monitor.Flip    // nil for others
	Alarm       *monitor.Flip    // that the mail about its end tells too; nil: none
	Roundup     *monitor.Roundup // nil for others; with neither it is a test of the channel
	Secret      string           // the UUID of the check, which whoever knows it can report with
	Ping        *monitor.Ping    // that caused the flip, or the last one before it; nil when it is not kept
	CheckPage   string
	DigestPage  string
	ChannelPage string
}

// Mail is one mail. Its text and its HTML say the same in the same order. What is
// "" is left out.
type Mail struct {
	Subject     string
	Title       string
	Status      monitor.Status // of an alert
	Project     string
	Sentences   []string
	Button      string
	Page        string // where the button leads
	Advice      string // what the check's description says to do
	Parts       []MailPart
	FactsTitle  string // "" is Facts
	Facts       []Fact
	OutputTitle string
	Output      string
	Why         string // the reader gets it
	StopPage    string // where these mails can be changed or stopped
	// OneClick lets mail programs stop these mails by a POST to StopPage (RFC 8058).
	OneClick bool
	Closing  string
}

// Fact is one line of what is known, by name.
type Fact struct{ Key, Value string }

// MailPart is a list under a heading.
type MailPart struct {
	Title string
	Lines []MailLine
}

// MailLine is a thing by name and what is to be said of it.
type MailLine struct{ Name, Words string }

// NewMail returns the mail about a flip, a digest or a test.
func NewMail(in MailInput) Mail {
	in.Project, in.Channel = shown(in.Project), shown(in.Channel)
	m := Mail{
		Title: "Test: " + in.Channel, Project: in.Project,
		Sentences: []string{"This is a test; it arrived.", "Alerts to this channel come from the same address and look like this."},
		Button:    "Open the channels", Page: in.ChannelPage, StopPage: in.ChannelPage,
		Why:     fmt.Sprintf("You get this because somebody pressed Test on %s.", in.Channel),
		Closing: fmt.Sprintf("The message id ends in %s.", ending(in.ID)),
	}
	switch {
	case in.Roundup != nil:
		m = m.roundup(*in.Roundup, in)
	case in.Flip != nil:
		m = m.about(*in.Flip, in)
	}
	m.Subject = strings.ReplaceAll(m.Title+". "+strings.TrimSuffix(m.Sentences[0], "."), nbsp, " ")
	return m
}

// ending is enough of a message id to find it in a log.
func ending(id string) string { return id[max(0, len(id)-6):] }

func (m Mail) about(f monitor.Flip, in MailInput) Mail {
	c := FlipClock(f)
	name, status := shown(f.Facts.Name), Capital(string(f.New))
	m.Status, m.Title, m.Sentences = f.New, status+": "+name, FlipSentences(f, c)
	if in.Alarm != nil {
		m.Sentences = afterwards(*in.Alarm, f, m.Sentences, c)
	}
	m.Button, m.Page = "Open the check", in.CheckPage
	if f.New != monitor.Up {
		m.Advice = strings.Map(visible, f.Facts.Advice)
	}
	m.Facts = []Fact{{"Schedule", scheduleAndZone(f.Facts)}}
	if f.Reason == monitor.Corrected {
		m.Title = "Corrected: " + name
	} else {
		m.Facts = append(m.Facts, Fact{status + " since", c.Full(f.At)})
	}
	if f.Facts.Before != nil && f.Reason != monitor.Corrected {
		since := monitor.FromMicros(f.Facts.Before)
		m.Facts = append(m.Facts, Fact{"Before that", fmt.Sprintf("%s for %s, since %s", f.Old, Duration(f.At.Sub(since)), c.At(since))})
	}
	if len(f.Facts.Tags) > 0 {
		m.Facts = append(m.Facts, Fact{"Tags", shown(strings.Join(f.Facts.Tags, ", "))})
	}
	if in.Ping != nil {
		m.Output = tail(*in.Ping, in.Secret)
		m.OutputTitle = "Last output, " + c.At(in.Ping.At)
		if f.Reason == monitor.Failed || f.Reason == monitor.Succeeded || f.Reason == monitor.Corrected {
			m.OutputTitle = "Output, " + c.At(in.Ping.At)
		}
	}
	m.Why = fmt.Sprintf("You get this because %s is told about %s.", in.Channel, name)
	m.Closing = fmt.Sprintf("Rollcall judged this at %s. Times are in %s. The message id ends in %s.", c.AtSecond(f.Judged), c.Zone, ending(in.ID))
	return m
}

// afterwards says of an alarm and its end in one message what two would have said.
func afterwards(alarm, end monitor.Flip, said []string, c Clock) []string {
	from, to := c.TimeOfDay(alarm.At), c.TimeOfDay(end.At)
	if c.days(alarm.At) != c.days(end.At) {
		from, to = c.At(alarm.At), c.At(end.At)
	}
	was := fmt.Sprintf("Was down %s (%s–%s), now up.", Duration(end.At.Sub(alarm.At)), from, to)
	if end.Reason != monitor.Corrected {
		said = said[1:] // for how long it was down
	}
	why := FlipSentences(alarm, c)
	return slices.Concat([]string{was}, why[:len(why)-1], said, // without the last success
		[]string{"This is the first message about it: the alarm had been tried and was not taken."})
}

func scheduleAndZone(f monitor.Facts) string {
	if f.Zone == "" || strings.Contains(f.Schedule, f.Zone) {
		return f.Schedule
	}
	return f.Schedule + ", " + f.Zone
}

// Limits of the output in a mail.
const (
	outputLines = 20
	outputBytes = 2000
)

// credentials are ping addresses and API keys in what a job has said, as under set -x
// or curl -v. A mail goes to people and through servers that need not know them.
var credentials = regexp.MustCompile(`(?i)(/ping/)[0-9a-z_-]{22,}|\brc[wr]_[0-9a-z]{28}\b`)

// tail returns the last lines of a ping's body as text that shows every byte as
// something visible. An ellipsis stands for what was left out before or behind.
func tail(p monitor.Ping, secret string) string {
	text := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(p.Body))
	text = credentials.ReplaceAllString(text, "$1…")
	if secret != "" {
		text = strings.NewReplacer(secret, "…", strings.ToUpper(secret), "…").Replace(text)
	}
	text = strings.TrimSpace(strings.Map(visible, strings.ToValidUTF8(text, "\uFFFD")))
	if text == "" {
		return ""
	}
	lines := strings.Split(text, "\n")
	kept := strings.Join(lines[max(0, len(lines)-outputLines):], "\n")
	cut := len(lines) > outputLines
	if len(kept) > outputBytes {
		start := len(kept) - outputBytes
		for !utf8.RuneStart(kept[start]) {
			start++
		}
		kept, cut = kept[start:], true
	}
	if cut {
		kept = "…\n" + kept
	}
	if p.BodySize > int64(len(p.Body)) {
		kept += "\n…"
	}
	return kept
}

// shown makes a name fit for one line, though none with other characters is taken.
func shown(name string) string {
	name = strings.Join(strings.Fields(strings.ToValidUTF8(name, "\uFFFD")), " ")
	return strings.Map(visible, name)
}

// visible replaces what cannot be seen, or would hide or turn what is around it.
func visible(r rune) rune {
	if r == '\n' || r == '\t' || unicode.IsPrint(r) {
		return r
	}
	return '·'
}

// HTML returns the page of the mail.
func (m Mail) HTML(ctx context.Context) (string, error) {
	var page bytes.Buffer
	if err := mailPage(m).Render(ctx, &page); err != nil {
		return "", fmt.Errorf("render mail: %w", err)
	}
	return page.String(), nil
}

// Text returns the mail for readers without HTML.
func (m Mail) Text() string {
	var b strings.Builder
	para := func(lines ...string) { b.WriteString(strings.Join(lines, "\n") + "\n\n") }
	para(m.Title)
	para(strings.Join(m.Sentences, " "))
	if m.Button != "" {
		para(m.Button + ": " + m.Page)
	}
	if m.Advice != "" {
		para("What to do", m.Advice)
	}
	for _, part := range m.Parts {
		lines := []string{part.Title}
		for _, l := range part.Lines {
			lines = append(lines, "- "+strings.TrimPrefix(l.Name+": ", ": ")+l.Words)
		}
		para(lines...)
	}
	if len(m.Facts) > 0 {
		lines := []string{m.factsTitle()}
		for _, f := range m.Facts {
			lines = append(lines, f.Key+": "+f.Value)
		}
		para(lines...)
	}
	if m.Output != "" {
		para(m.OutputTitle, "  "+strings.ReplaceAll(m.Output, "\n", "\n  "))
	}
	foot := []string{m.Why}
	if m.StopPage != "" {
		foot = append(foot, "Change or stop these mails: "+m.StopPage)
	}
	if m.Closing != "" {
		foot = append(foot, m.Closing)
	}
	para(foot...)
	return strings.TrimSuffix(b.String(), "\n")
}

func (m Mail) factsTitle() string { return cmp.Or(m.FactsTitle, "Facts") }

// as gives an element its class and what the class means, because many mail
// programs read style attributes only. The class is for the style sheet of dark
// and narrow windows.
func as(class string) templ.Attributes {
	return templ.Attributes{"class": class, "style": look(class)}
}

const mono = "font-family: ui-monospace, Menlo, Consolas, monospace; "

// look is how a class looks in a light and wide window.
func look(class string) string {
	switch class {
	case "page":
		return "margin: 0; padding: 24px 12px; background: #f8f7f4; color: #1c1b19; " +
			"font: 15px/1.5 -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif; -webkit-text-size-adjust: 100%"
	case "sheet":
		return "max-width: 580px; margin: 0 auto; background: #ffffff; border: 1px solid #e6e3dc; border-radius: 10px; word-break: break-word"
	case "pre":
		return "display: none; font-size: 0; line-height: 0; max-height: 0; overflow: hidden"
	case "from":
		return "margin: 0; padding: 16px 24px 0; font-size: 13px; color: #6b675f"
	case "say", "say up", "say down", "say unknown":
		return "margin: 14px 24px 0; padding: 16px 18px; border-radius: 8px; background: " + toneOf(class).wash
	case "title", "title up", "title down", "title unknown":
		return "margin: 0; font-size: 20px; line-height: 1.3; font-weight: 600; color: " + toneOf(class).ink
	case "mark up", "mark down", "mark unknown":
		t := toneOf(class)
		return "display: inline-block; width: 20px; height: 20px; margin-right: 4px; border-radius: " + t.radius + "; background: " + t.mark +
			"; color: #ffffff; font-size: 15px; line-height: 20px; text-align: center; vertical-align: 2px"
	case "sentence":
		return "margin: 6px 0 0"
	case "advice":
		return "margin: 0; white-space: pre-line"
	case "part":
		return "margin: 0; padding: 20px 24px 0"
	case "head":
		return "margin: 0 0 8px; font-size: 13px; line-height: 1.4; font-weight: 600; color: #6b675f"
	case "line":
		return "margin: 0 0 10px"
	case "name":
		return "font-weight: 600"
	case "fact":
		return "margin: 0 0 6px"
	case "key":
		return "display: inline-block; min-width: 116px; padding-right: 8px; color: #6b675f"
	case "out":
		return mono + "margin: 0; padding: 12px 14px; background: #f2f0ec; border-radius: 6px; " +
			"font-size: 12px; line-height: 1.5; white-space: pre-wrap; word-break: break-word"
	case "go":
		return "display: inline-block; padding: 10px 18px; border-radius: 6px; background: #1c1b19; color: #ffffff; font-weight: 600; text-decoration: none"
	case "why":
		return "margin: 24px 24px 0; padding: 14px 0 16px; border-top: 1px solid #e6e3dc; font-size: 13px; color: #6b675f"
	case "note":
		return "margin: 0 0 4px"
	case "link":
		return "color: #524f49"
	}
	return ""
}

// tone is a status in the light colours of the style sheet.
type tone struct{ wash, ink, mark, radius, glyph string }

// toneOf reads the status in a class; without one it is ink on paper.
func toneOf(class string) tone {
	_, status, _ := strings.Cut(class, " ")
	switch monitor.Status(status) {
	case monitor.Up:
		return tone{"#e7f3ed", "#0a6a48", "#0c7d55", "10px", "✓"}
	case monitor.Down:
		return tone{"#fcecea", "#ac0c27", "#be0d2b", "4px", "×"}
	case monitor.Unknown:
		return tone{"#f5eaf4", "#722c6e", "#722c6e", "4px", "?"}
	}
	return tone{wash: "#f2f0ec", ink: "#1c1b19"}
}

// toned adds the status to a class.
func (m Mail) toned(class string) string {
	switch m.Status {
	case monitor.Up, monitor.Down, monitor.Unknown:
		return class + " " + string(m.Status)
	}
	return class
}
