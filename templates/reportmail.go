package templates

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"rollcall/internal/account"
	"rollcall/internal/monitor"
)

// mailLines is how many checks one part of a regular mail names.
const mailLines = 50

// ReportInput is what a report is made of.
type ReportInput struct {
	Every    account.Every
	Periods  []monitor.Period // at least two, the newest first
	Projects []ReportProject
	Blinds   []monitor.Blind // of the newest period, in the order of time
	Zone     *time.Location
	Checks   string // the page of all checks
	StopPage string
}

// ReportProject is one project of a report.
type ReportProject struct {
	Name    string
	Tallies []monitor.Tally
}

// NewReport returns the report, and false when nothing was watched that it could be
// about.
func NewReport(in ReportInput) (Mail, bool) {
	r := reportOf(in)
	if r.watched == 0 && len(r.never) == 0 {
		return Mail{}, false
	}
	every := Capital(string(in.Every)) + " report"
	span := in.span(in.Periods[0])
	m := Mail{
		Title:  every + ": " + r.headline(),
		Button: "Open the checks", Page: in.Checks,
		FactsTitle: "Uptime of all checks", StopPage: in.StopPage, OneClick: true,
		Why:     fmt.Sprintf("You get this every %s because you asked for it.", in.unit()),
		Closing: fmt.Sprintf("Times are in %s. Shares are of the time that counts: not while a check is new or paused, nor while Rollcall could not see.", in.Zone),
	}
	m.Subject = strings.ReplaceAll(fmt.Sprintf("%s, %s: %s", every, span, r.headline()), nbsp, " ")
	if r.calm() {
		m.Status = monitor.Up
	}
	m.Sentences = append([]string{in.fullSpan() + ": " + r.sum(0) + "."}, r.before()...)
	m.Parts = r.parts()
	year := in.Periods[0].To.Add(-time.Second).In(in.Zone).Format(" 2006")
	for i, p := range in.Periods {
		m.Facts = append(m.Facts, Fact{strings.TrimSuffix(in.span(p), year), shareWords(r.shares[i])})
	}
	return m, true
}

// report is the sum of everything in a ReportInput.
type report struct {
	in      ReportInput
	shares  []monitor.Share // of all checks together, by period
	alerts  int
	watched int // checks of which some of the newest period counts
	fallen  int // of these, were down
	never   []string
}

func reportOf(in ReportInput) report {
	r := report{in: in, shares: make([]monitor.Share, len(in.Periods))}
	for _, project := range in.Projects {
		for _, t := range project.Tallies {
			for i, s := range t.Shares {
				r.shares[i].Up += s.Up
				r.shares[i].Down += s.Down
				r.shares[i].Falls += s.Falls
			}
			r.alerts += t.Alerts
			if t.Check.NPings == 0 {
				r.never = append(r.never, shown(t.Check.Title()))
			}
			if t.Share().Counted() {
				r.watched++
			}
			if t.Share().Down > 0 {
				r.fallen++
			}
		}
	}
	return r
}

func (r report) calm() bool { return r.watched > 0 && r.fallen == 0 }

func (r report) headline() string {
	switch {
	case r.watched == 0:
		return "nothing was watched"
	case r.calm():
		return "everything was up"
	case r.watched == 1:
		return "1 check was down"
	}
	return fmt.Sprintf("%d of %d checks %s down", r.fallen, r.watched, wasWere(r.fallen))
}

func wasWere(n int) string {
	if n == 1 {
		return "was"
	}
	return "were"
}

// sum says how a period went in a few words. Nothing that counts is not the same as
// no downtime.
func (r report) sum(period int) string {
	s := r.shares[period]
	var words string
	switch {
	case !s.Counted():
		return "nothing was watched"
	case s.Down == 0 && period > 0:
		return "no downtime"
	case s.Down == 0:
		words = "everything was up, " + Count(int64(r.watched), "check", "checks")
	default:
		words = fmt.Sprintf("%s, %s of downtime in all", Count(int64(s.Falls), "outage", "outages"), Duration(s.Down))
	}
	if period == 0 {
		words += ", " + Count(int64(r.alerts), "alarm", "alarms")
	}
	return words
}

func (r report) before() []string {
	return []string{fmt.Sprintf("The %s before: %s.", r.in.unit(), r.sum(1))}
}

// parts are the lists: what was down, by project, what never reported, and when
// nothing could be seen.
func (r report) parts() []MailPart {
	var parts []MailPart
	for _, project := range r.in.Projects {
		title := "Downtime"
		if len(r.in.Projects) > 1 {
			title = "Downtime in " + shown(project.Name)
		}
		if lines := r.fallenLines(project.Tallies); len(lines) > 0 {
			parts = append(parts, MailPart{title, lines})
		}
	}
	if len(r.never) > 0 {
		parts = append(parts, MailPart{"Never pinged", []MailLine{{Words: inALine(r.never)}}})
	}
	if len(r.in.Blinds) > 0 {
		c := Clock{Now: r.in.Periods[0].To, Zone: r.in.Zone}
		var lines []MailLine
		for _, b := range r.in.Blinds[:min(mailLines, len(r.in.Blinds))] {
			lines = append(lines, MailLine{Words: c.Date(b.From) + ", for " + Duration(b.To.Sub(b.From))})
		}
		parts = append(parts, MailPart{"Rollcall could not see", lines})
	}
	return parts
}

// fallenLines lists the checks that were down, the worst first.
func (r report) fallenLines(tallies []monitor.Tally) []MailLine {
	var fallen []monitor.Tally
	well := 0
	for _, t := range tallies {
		switch {
		case t.Share().Down > 0:
			fallen = append(fallen, t)
		case t.Share().Counted():
			well++
		}
	}
	if len(fallen) == 0 {
		return nil
	}
	slices.SortStableFunc(fallen, func(a, b monitor.Tally) int { return cmp.Compare(b.Share().Down, a.Share().Down) })
	var lines []MailLine
	for _, t := range fallen[:min(mailLines, len(fallen))] {
		lines = append(lines, MailLine{shown(t.Check.Title()), r.fallenWords(t)})
	}
	if more := len(fallen) - len(lines); more > 0 {
		lines = append(lines, MailLine{Words: Count(int64(more), "more check was", "more checks were") + " down."})
	}
	if well > 0 {
		lines = append(lines, MailLine{Words: Capital(Count(int64(well), "other check was", "other checks were")) + " up all the time."})
	}
	return lines
}

func (r report) fallenWords(t monitor.Tally) string {
	s := t.Share()
	words := "Down for " + Duration(s.Down)
	if s.Falls > 1 {
		words += fmt.Sprintf(" in %s, the longest %s", Count(int64(s.Falls), "outage", "outages"), Duration(t.Longest))
	}
	words += fmt.Sprintf("; %s. Up %s of the time", Count(int64(t.Alerts), "alarm", "alarms"), shareWords(s))
	if before := t.Shares[1]; before.Counted() {
		words += fmt.Sprintf(", %s the %s before", shareWords(before), r.in.unit())
	}
	return words + "."
}

// unit is what a period is called.
func (in ReportInput) unit() string {
	if in.Every == account.Monthly {
		return "month"
	}
	return "week"
}

// span says a period by its first and last day, in few letters.
func (in ReportInput) span(p monitor.Period) string {
	from, last := p.From.In(in.Zone), p.To.Add(-time.Second).In(in.Zone)
	switch {
	case from.Day() == 1 && last.Month() == from.Month() && p.To.In(in.Zone).Day() == 1:
		return from.Format("January 2006")
	case from.Month() == last.Month():
		return from.Format("2") + "–" + last.Format("2 Jan 2006")
	case from.Year() == last.Year():
		return from.Format("2 Jan") + " – " + last.Format("2 Jan 2006")
	}
	return from.Format("2 Jan 2006") + " – " + last.Format("2 Jan 2006")
}

func (in ReportInput) fullSpan() string {
	p := in.Periods[0]
	return fmt.Sprintf("%s to %s", p.From.In(in.Zone).Format("Mon 2 Jan"), p.To.Add(-time.Second).In(in.Zone).Format("Mon 2 Jan 2006"))
}

// inALine names a few things in one line.
func inALine(names []string) string {
	more := len(names) - mailLines
	if more <= 0 {
		return strings.Join(names, ", ")
	}
	return strings.Join(names[:mailLines], ", ") + fmt.Sprintf(" and %d more", more)
}

// ReminderInput is what a reminder is made of.
type ReminderInput struct {
	Every    account.Every
	Down     []ReminderCheck // the longest down first, at least one
	More     bool            // there are more than these
	Clock    Clock
	Page     string // where to look
	StopPage string
}

func often(every account.Every) string {
	if every == account.Hourly {
		return "every hour"
	}
	return "every day"
}

// ReminderCheck is a check that is down.
type ReminderCheck struct {
	monitor.Check
	Project string // its name
}

// NewReminder returns the mail that says what is still down.
func NewReminder(in ReminderInput) Mail {
	n, first := len(in.Down), in.Down[0]
	m := Mail{
		Status: monitor.Down, Title: fmt.Sprintf("Still down: %d checks", n),
		Sentences: []string{fmt.Sprintf("The longest since %s, for %s.", in.Clock.At(first.Since), Span(in.Clock.Now.Sub(first.Since)))},
		Button:    "Open the checks", Page: in.Page, StopPage: in.StopPage, OneClick: true,
		Why:     fmt.Sprintf("You get this %s while something is down because you asked for it.", often(in.Every)),
		Closing: fmt.Sprintf("Times are in %s.", in.Clock.Zone),
	}
	switch {
	case in.More:
		m.Title = fmt.Sprintf("Still down: more than %d checks", n)
	case n == 1:
		m.Title = "Still down: " + shown(first.Title())
		m.Sentences = []string{fmt.Sprintf("Down since %s, for %s.", in.Clock.At(first.Since), Span(in.Clock.Now.Sub(first.Since))), WhyOf(first.Check, in.Clock)}
		m.Button, m.Project = "Open the check", shown(first.Project)
	}
	m.Subject = strings.ReplaceAll(m.Title+". "+strings.TrimSuffix(m.Sentences[0], "."), nbsp, " ")
	if n == 1 {
		return m
	}
	part := MailPart{Title: "Down"}
	for _, c := range in.Down {
		words := fmt.Sprintf("Since %s, for %s. %s", in.Clock.At(c.Since), Span(in.Clock.Now.Sub(c.Since)), WhyOf(c.Check, in.Clock))
		part.Lines = append(part.Lines, MailLine{shown(c.Title()) + ", " + shown(c.Project), words})
	}
	m.Parts = []MailPart{part}
	return m
}
