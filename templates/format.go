package templates

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"rollcall/internal/monitor"
)

// nbsp joins a number to its unit, so that no line ends between them.
const nbsp = "\u00a0"

const day = 24 * time.Hour

// unit is a unit of time and how many of it are said before the next one is used.
type unit struct {
	size  time.Duration
	upTo  time.Duration
	words [2]string // one, several
}

var units = [...]unit{
	{time.Second, time.Minute, [2]string{"s", "s"}},
	{time.Minute, time.Hour, [2]string{"min", "min"}},
	{time.Hour, 2 * day, [2]string{"h", "h"}},
	{day, 1<<63 - 1, [2]string{"day", "days"}},
}

func (u unit) say(n int64) string {
	if n == 1 {
		return "1" + nbsp + u.words[0]
	}
	return thousands(n) + nbsp + u.words[1]
}

// Duration says a measured span in its two largest units: "21 min 58 s",
// "1 h 34 min", "3 s", and "0.4 s" below ten seconds.
func Duration(d time.Duration) string {
	switch {
	case d < 0:
		return "–" + Duration(-d)
	case d == 0:
		return units[0].say(0)
	case d < 10*time.Millisecond:
		return "under" + nbsp + "0.01" + nbsp + "s"
	case d < 100*time.Millisecond:
		return strconv.FormatFloat(d.Seconds(), 'f', 2, 64) + nbsp + "s"
	case d < 9950*time.Millisecond && d%time.Second != 0:
		text := strconv.FormatFloat(d.Seconds(), 'f', 1, 64)
		return strings.TrimSuffix(text, ".0") + nbsp + "s"
	}
	d = d.Round(time.Second)
	for i, u := range units {
		if d >= u.upTo {
			continue
		}
		words := u.say(int64(d / u.size))
		if i > 0 {
			if rest := int64(d % u.size / units[i-1].size); rest > 0 {
				words += nbsp + units[i-1].say(rest)
			}
		}
		return words
	}
	return "" // unreachable: the last unit has no end
}

// Span says a span in one unit, rounded: "22 s", "73 min", "31 h", "40 days".
func Span(d time.Duration) string {
	d = max(d, -d).Round(time.Second)
	switch {
	case d < time.Minute:
		return units[0].say(int64(d / time.Second))
	case d.Round(time.Minute) < 100*time.Minute:
		return units[1].say(int64(d.Round(time.Minute) / time.Minute))
	case d.Round(time.Hour) < 36*time.Hour:
		return units[2].say(int64(d.Round(time.Hour) / time.Hour))
	}
	return units[3].say(int64(d.Round(day) / day))
}

// Clock says when things were and will be: Now is the moment a page is made, Zone
// the one that its times are said in.
type Clock struct {
	Now  time.Time
	Zone *time.Location
}

func (c Clock) local(t time.Time) time.Time { return t.In(c.Zone) }

// Relative says how far t is from now: "9 min ago", "in 50 min", "now", and
// "never" for the zero time.
func (c Clock) Relative(t time.Time) string {
	d := t.Sub(c.Now).Round(time.Second)
	switch {
	case t.IsZero():
		return "never"
	case d == 0:
		return "now"
	case d < 0:
		return Span(d) + nbsp + "ago"
	}
	return "in" + nbsp + Span(d)
}

// Recent says a time as a list does: "yesterday 02:25" when that is clearer than
// the hours since then, and otherwise as Relative.
func (c Clock) Recent(t time.Time) string {
	if ago := c.Now.Sub(t); ago > 6*time.Hour && ago < 2*day && c.days(t) == -1 {
		return c.At(t)
	}
	return c.Relative(t)
}

// Overdue says for how long a ping has been awaited: "7 h overdue".
func (c Clock) Overdue(due time.Time) string { return Span(c.Now.Sub(due)) + nbsp + "overdue" }

// days is how many calendar days t is away from today.
func (c Clock) days(t time.Time) int {
	date := func(t time.Time) time.Time {
		y, m, d := c.local(t).Date()
		return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	}
	return int(date(t).Sub(date(c.Now)) / day)
}

// At says when: "02:15" today, "yesterday 02:25", "tomorrow 02:00", and
// otherwise as Date does.
func (c Clock) At(t time.Time) string { return c.at(t, "15:04") }

// AtSecond is At with seconds, for where they prove something.
func (c Clock) AtSecond(t time.Time) string { return c.at(t, "15:04:05") }

func (c Clock) at(t time.Time, layout string) string {
	clock := c.local(t).Format(layout)
	switch {
	case t.IsZero():
		return "never"
	case c.days(t) == 0:
		return clock
	case c.days(t) == -1:
		return "yesterday " + clock
	case c.days(t) == 1:
		return "tomorrow " + clock
	}
	return c.date(t, "Mon 2 Jan", "Mon 2 Jan 2006") + ", " + clock
}

// Interval says from when until when: "Sat 14 Nov, 01:52–03:10".
func (c Clock) Interval(from, to time.Time) string {
	if c.days(from) == c.days(to) {
		return c.At(from) + "–" + c.TimeOfDay(to)
	}
	return c.At(from) + " – " + c.At(to)
}

// Date says a day and a time of day: "Tue 24 Nov, 02:00", with the year when it
// is not the present one.
func (c Clock) Date(t time.Time) string {
	return c.date(t, "Mon 2 Jan", "Mon 2 Jan 2006") + ", " + c.local(t).Format("15:04")
}

// Day names a day as a heading: "Today, Monday 23 November".
func (c Clock) Day(t time.Time) string {
	words := c.date(t, "Monday 2 January", "Monday 2 January 2006")
	switch c.days(t) {
	case 0:
		return "Today, " + words
	case -1:
		return "Yesterday, " + words
	}
	return words
}

// ShortDay names a day in few letters: "25 Sep", "25 Sep 2025", "today".
func (c Clock) ShortDay(t time.Time) string {
	if c.days(t) == 0 {
		return "today"
	}
	return c.date(t, "2 Jan", "2 Jan 2006")
}

func (c Clock) date(t time.Time, thisYear, otherYear string) string {
	t = c.local(t)
	if t.Year() == c.local(c.Now).Year() {
		return t.Format(thisYear)
	}
	return t.Format(otherYear)
}

// TimeOfDay says the hours and minutes of t: "02:15".
func (c Clock) TimeOfDay(t time.Time) string { return c.local(t).Format("15:04") }

// Full is the whole of a time, for whoever points at it: "Mon 23 Nov 2026,
// 02:15:00 CET (01:15 UTC)".
func (c Clock) Full(t time.Time) string {
	local := c.local(t)
	words := local.Format("Mon 2 Jan 2006, 15:04:05 MST")
	if _, offset := local.Zone(); offset != 0 {
		words += t.UTC().Format(" (15:04 UTC)")
	}
	return words
}

// Machine is a time as a datetime attribute has it.
func Machine(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// Share says a share of a whole, rounded down, so that "100 %" means all of it:
// "98.30 %".
func Share(part, whole time.Duration) string {
	share := monitor.Share{Up: part, Down: whole - part}
	if !share.Counted() {
		return "–"
	}
	hundredths := share.Hundredths()
	if hundredths%10_000 == 0 {
		return strconv.Itoa(hundredths/100) + nbsp + "%"
	}
	return fmt.Sprintf("%d.%02d%s%%", hundredths/100, hundredths%100, nbsp)
}

// Size says a number of bytes: "640 B", "2.1 kB", "100 kB".
func Size(bytes int64) string {
	value, unit := float64(bytes), "B"
	for _, next := range []string{"kB", "MB", "GB"} {
		if value < 999.5 {
			break
		}
		value, unit = value/1000, next
	}
	digits := 0
	if unit != "B" && value < 9.95 {
		digits = 1
	}
	return strconv.FormatFloat(value, 'f', digits, 64) + nbsp + unit
}

// Count says how many: "no pings", "1 ping", "1,204 pings".
func Count(n int64, one, several string) string {
	switch n {
	case 0:
		return "no " + several
	case 1:
		return "1" + nbsp + one
	}
	return thousands(n) + nbsp + several
}

// Often says how often: "once", "twice", "3 times".
func Often(n int) string {
	switch n {
	case 1:
		return "once"
	case 2:
		return "twice"
	}
	return thousands(int64(n)) + nbsp + "times"
}

// Ordinal says a rank: "1st", "2nd", "11th".
func Ordinal(n int) string {
	suffix := "th"
	if tens := n % 100 / 10; tens != 1 {
		switch n % 10 {
		case 1:
			suffix = "st"
		case 2:
			suffix = "nd"
		case 3:
			suffix = "rd"
		}
	}
	return strconv.Itoa(n) + suffix
}

func thousands(n int64) string {
	digits := strconv.FormatInt(n, 10)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// Capital returns text with its first letter in upper case, as a sentence begins.
func Capital(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	if size == 0 {
		return text
	}
	return string(unicode.ToUpper(first)) + text[size:]
}
