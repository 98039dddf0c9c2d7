package schedule

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

var (
	weekdayNames = [7]string{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"}
	monthNames   = [13]string{1: "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"}
	ordinals     = [6]string{1: "first", "second", "third", "fourth", "fifth"}
)

// Words returns the schedule as a phrase for people, such as "Weekdays at
// 06:30". It names no zone, except of a line that has one of its own.
func (s Schedule) Words() string {
	if s.spec.Kind == Every {
		return "Every " + periodWords(s.spec.Period)
	}
	var phrases []string
	for i := range s.rules {
		phrase := s.rules[i].pattern.words()
		if zone := s.rules[i].loc.String(); zone != s.spec.Zone {
			phrase += " (" + zone + ")"
		}
		phrases = append(phrases, phrase)
	}
	text := strings.Join(phrases, "; ")
	if text == "" {
		return "Never"
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

// periodWords spells a period: "5 minutes", "hour", "1 hour and 30 minutes".
func periodWords(period time.Duration) string {
	var parts []string
	for _, unit := range []struct {
		name   string
		length time.Duration
	}{{"day", 24 * time.Hour}, {"hour", time.Hour}, {"minute", time.Minute}, {"second", time.Second}} {
		n := int(period / unit.length)
		period %= unit.length
		if n == 1 && period == 0 && parts == nil {
			return unit.name
		}
		if n > 0 {
			parts = append(parts, plural(n, unit.name))
		}
	}
	return enumerate(parts)
}

// words returns the pattern as a phrase that may begin in lower case. Clock
// times follow the days ("Sundays at 01:00"), a rhythm comes before them
// ("every hour on Sundays").
func (p *pattern) words() string {
	lead, trail := p.dayWords()
	years := p.yearList()
	once := len(years) == 1 && p.months.count() == 1 && p.days.dates.count() == 1 && p.days == (days{dates: p.days.dates, weekdays: anyWeekday})
	if once {
		date := time.Unix(midnight(years[0], p.months.least(), p.days.dates.least()), 0).UTC().Format("2 Jan 2006")
		lead, trail = "once, on "+date, "on "+date
	}
	times, text := p.times(), p.rhythm()
	switch {
	case text == "" || len(times) == 1 || len(times) == 2:
		text = lead + " at " + enumerate(times)
	case trail != "":
		text += " " + trail
	}
	if !once && len(years) <= lastYear-firstYear {
		text += ", in " + spell(years, "year", 0)
	}
	return text
}

// dayWords returns the days in the form that clock times follow, and in the
// form that follows a rhythm.
func (p *pattern) dayWords() (lead, trail string) {
	d := &p.days
	of, in := "of the month", ""
	if p.months != span(1, 12) {
		months := runs(slices.Collect(p.months.each()), func(n int) string { return monthNames[n] })
		of, in = "of "+months, " in "+months
		if p.months.count() > 2 && p.months == span(p.months.least(), p.months.greatest()) {
			in = " from " + months
		}
	}
	everyDate, everyWeekday := d.dates == anyDate, d.weekdays == anyWeekday
	dates, single := d.dateWords()
	switch {
	case d.either && !everyDate && !everyWeekday:
		text := "on " + dates + " " + of + " and on " + d.weekdayWords(of)
		if in != "" {
			text = "on " + dates + " and on " + d.weekdayWords("") + "," + in
		}
		return text, text
	case d.either || everyDate && everyWeekday:
		return "every day" + in, strings.TrimPrefix(in, " ")
	case everyDate && d.weekdays != 0 && d.nth == [6]set{} && d.last == 0:
		names := d.weekdayWords(of)
		return names + in, "on " + names + in
	case everyDate:
		dates, single = d.weekdayWords(""), d.weekdays == 0 && d.nth[5] == 0
	case !everyWeekday:
		text := "on " + d.weekdayWords(of) + " that fall on " + dates + " " + of
		return text, text
	case in != "" && d.fromEnd == 0 && !d.lastWork && d.dates.count() == 1 && p.months.count() == 1:
		date := fmt.Sprintf("on %d %s", d.dates.least(), monthNames[p.months.least()])
		if date == "on 29 Feb" {
			return date, date
		}
		return "yearly " + date, date
	}
	trail = "on " + dates + " " + of
	if single && in == "" {
		return "monthly on " + dates, trail
	}
	return trail, trail
}

// dateWords lists the dates, and tells whether it is a single one that each
// month has.
func (d *days) dateWords() (text string, single bool) {
	var parts []string
	if d.dates != 0 {
		parts = append(parts, spell(slices.Collect(d.dates.each()), "day", 31))
	}
	if n := d.fromEnd.count(); n > 1 && d.fromEnd == span(1, n) {
		parts = append(parts, fmt.Sprintf("the last %d days", n))
	} else {
		for n := range d.fromEnd.each() {
			parts = append(parts, "the "+strings.TrimPrefix(ordinal(n)+" last day", "1st "))
		}
	}
	if d.lastWork {
		parts = append(parts, "the last working day")
	}
	single = len(parts) == 1 && d.fromEnd.count() <= 1 && (d.dates == 0 || d.dates.count() == 1 && d.dates.least() <= 28)
	return enumerate(parts), single
}

// weekdayWords lists the weekdays; of says of which months the first or last
// of its kind is meant, where that is not clear.
func (d *days) weekdayWords(of string) string {
	var parts []string
	switch d.weekdays {
	case 0:
	case span(1, 5):
		parts = append(parts, "weekdays")
	case 1<<0 | 1<<6:
		parts = append(parts, "weekends")
	default:
		sundayLast := d.weekdays&^1 | d.weekdays&1<<7
		list := slices.Collect(sundayLast.each())
		if len(list) == 1 {
			parts = append(parts, weekdayNames[list[0]%7]+"s")
		} else {
			parts = append(parts, runs(list, func(n int) string { return weekdayNames[n%7][:3] }))
		}
	}
	if of != "" {
		of = " " + of
	}
	for n, weekdays := range d.nth {
		for weekday := range weekdays.each() {
			parts = append(parts, "the "+ordinals[n]+" "+weekdayNames[weekday]+of)
		}
	}
	for weekday := range d.last.each() {
		parts = append(parts, "the last "+weekdayNames[weekday]+of)
	}
	return enumerate(parts)
}

// times lists the clock times of a day when there are at most 6, which people
// can take in.
func (p *pattern) times() (texts []string) {
	if p.hours.count()*p.minutes.count()*p.seconds.count() > 6 {
		return nil
	}
	for c, ok := p.clockFrom(0); ok; c, ok = p.clockFrom(c + 1) {
		texts = append(texts, clockText(int64(c)))
	}
	return texts
}
