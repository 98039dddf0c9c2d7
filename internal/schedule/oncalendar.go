package schedule

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

const (
	maxCalendarLength = 1000
	maxCalendarLines  = 10
)

// shorthands are systemd's words for common schedules.
var shorthands = map[string]string{
	"minutely":      "*:*",
	"hourly":        "*:00",
	"daily":         "00:00",
	"weekly":        "Mon 00:00",
	"monthly":       "*-01 00:00",
	"quarterly":     "01,04,07,10-01 00:00",
	"semiannually":  "01,07-01 00:00",
	"semi-annually": "01,07-01 00:00",
	"biannually":    "01,07-01 00:00",
	"bi-annually":   "01,07-01 00:00",
	"yearly":        "01-01 00:00",
	"annually":      "01-01 00:00",
}

// parseCalendar reads one line of systemd's OnCalendar: weekdays, date, time
// and time zone, each of which may be missing. loc is for a line without zone.
func parseCalendar(line string, loc *time.Location) (rule, error) {
	r := rule{loc: loc, clocks: firstOnly}
	words := strings.Fields(line)
	if last := words[len(words)-1]; len(words) > 1 && startsWithLetter(last) {
		var err error
		if r.loc, err = Zone(last); err != nil {
			return rule{}, fmt.Errorf("has a fault in %s: %w", quote(line), err)
		}
		words = words[:len(words)-1]
	}
	if meaning, ok := shorthands[strings.ToLower(words[0])]; ok && len(words) == 1 {
		words = strings.Fields(meaning)
	}
	var err error
	if r.pattern, err = calendarPattern(words); err != nil {
		return rule{}, fmt.Errorf("has a fault in %s: %w", quote(line), err)
	}
	return r, nil
}

func startsWithLetter(word string) bool {
	c := word[0] | 0x20
	return c >= 'a' && c <= 'z'
}

// calendarPattern reads weekdays, date and time, in this order.
func calendarPattern(words []string) (pattern, error) {
	p := pattern{
		years:  everyYear(),
		months: span(1, 12),
		days:   days{dates: anyDate, weekdays: anyWeekday},
		hours:  1, minutes: 1, seconds: 1,
	}
	if startsWithLetter(words[0]) {
		var err error
		if p.days.weekdays, err = calendarWeekdays(words[0]); err != nil {
			return pattern{}, err
		}
		words = words[1:]
	}
	if len(words) > 0 && !strings.Contains(words[0], ":") && strings.ContainsAny(words[0], "-~") {
		if err := p.readDate(words[0]); err != nil {
			return pattern{}, err
		}
		words = words[1:]
	}
	if len(words) > 0 {
		if err := p.readTime(words[0]); err != nil {
			return pattern{}, err
		}
		words = words[1:]
	}
	if len(words) > 0 {
		return pattern{}, fmt.Errorf("%s comes unexpected; write weekdays, date, time and zone in this order", quote(words[0]))
	}
	return p, nil
}

// calendarWeekdays reads names and ranges of weekdays. One comma may follow.
func calendarWeekdays(text string) (found set, err error) {
	for item := range strings.SplitSeq(strings.TrimSuffix(text, ","), ",") {
		first, last, ranged := strings.Cut(strings.Replace(item, "-", "..", 1), "..")
		low, lowOK := calendarWeekday(first)
		high, highOK := low, lowOK
		if ranged {
			high, highOK = calendarWeekday(last)
		}
		if !lowOK || !highOK || low > high {
			return 0, fmt.Errorf("%s is not a weekday; write Mon, Mon,Thu or Mon..Fri", quote(item))
		}
		for day := low; day <= high; day++ {
			found |= 1 << (day % 7)
		}
	}
	return found, nil
}

// calendarWeekday reads a name as a number from 1, Monday, to 7, Sunday: the
// order in which ranges ascend.
func calendarWeekday(text string) (int, bool) {
	for n, name := range weekdayNames {
		if strings.EqualFold(text, name) || strings.EqualFold(text, name[:3]) {
			return (n+6)%7 + 1, true
		}
	}
	return 0, false
}

var errDate = errors.New("a date is written as 2026-12-31, *-*-01,15, *-1..3-01 or *-*~01 for the last day")

// readDate reads year, month and day, or month and day.
func (p *pattern) readDate(text string) error {
	head, day, fromEnd := strings.Cut(text, "~")
	parts := strings.Split(head, "-")
	if fromEnd {
		parts = append(parts, day)
	}
	if len(parts) == 3 && parts[0] != "*" {
		p.years = years{}
		err := calendarChain(parts[0], component{"year", firstYear, lastYear}, p.years.add)
		if err != nil {
			return err
		}
	} else if len(parts) < 2 || len(parts) > 3 {
		return errDate
	}
	month, day := parts[len(parts)-2], parts[len(parts)-1]
	var err error
	if p.months, err = calendarSet(month, component{"month", 1, 12}); err != nil {
		return err
	}
	if !fromEnd || day == "*" {
		p.days.dates, err = calendarSet(day, component{"day", 1, 31})
		return err
	}
	p.days.dates = 0
	p.days.fromEnd, err = calendarSet(day, lastDays)
	return err
}

var errTime = errors.New("a time is written as 02:30, 02:30:15, *:0/15 or 9..17:00")

// readTime reads hours and minutes, and seconds when given.
func (p *pattern) readTime(text string) (err error) {
	parts := strings.Split(text, ":")
	if len(parts) < 2 || len(parts) > 3 {
		return errTime
	}
	if p.hours, err = calendarSet(parts[0], component{"hour", 0, 23}); err != nil {
		return err
	}
	if p.minutes, err = calendarSet(parts[1], component{"minute", 0, 59}); err != nil {
		return err
	}
	if len(parts) == 3 {
		p.seconds, err = calendarSet(parts[2], component{"second", 0, 59})
	}
	return err
}

// component is one place in a date or time.
type component struct {
	name      string
	low, high int
}

// lastDays are days counted from the month's end: those that each month has.
var lastDays = component{"day before the month's end", 1, 28}

// calendarSet reads a component of a date or time.
func calendarSet(text string, c component) (found set, err error) {
	if text == "*" {
		return span(c.low, c.high), nil
	}
	err = calendarChain(text, c, func(n int) { found |= 1 << n })
	return found, err
}

// calendarChain reads a list of 5, 5..9, 5/2 and 5..9/2, and adds what it means.
func calendarChain(text string, c component, add func(int)) error {
	for item := range strings.SplitSeq(text, ",") {
		values, stepText, stepped := strings.Cut(item, "/")
		lowText, highText, ranged := strings.Cut(values, "..")
		low, lowOK := c.number(lowText)
		high, highOK := low, lowOK
		if ranged {
			high, highOK = c.number(highText)
		}
		if !lowOK || !highOK || low > high {
			return c.refuse(item)
		}
		step := 1
		if stepped {
			var err error
			if step, err = strconv.Atoi(stepText); err != nil || !digits(stepText) || step < 1 {
				return c.refuse(item)
			}
		}
		switch {
		case ranged || !stepped:
			for n := low; n <= high; n += step {
				add(n)
			}
		case c == lastDays && low-step >= c.low: // towards the month's end
			for n := low; n >= c.low; n -= step {
				add(n)
			}
		case c != lastDays && low+step <= c.high:
			for n := low; n <= c.high; n += step {
				add(n)
			}
		default:
			return fmt.Errorf("the step of %s is too long", quote(item))
		}
	}
	return nil
}

func (c component) refuse(item string) error {
	switch {
	case strings.Contains(item, "."):
		if _, fraction, _ := strings.Cut(item, "."); !strings.HasPrefix(fraction, ".") {
			return errors.New("fractions of a second are not possible; write whole seconds")
		}
	case strings.HasPrefix(item, "*/"):
		return fmt.Errorf("%s must be written as %d%s", quote(item), c.low, item[1:])
	}
	return fmt.Errorf("%s is not a %s from %d to %d, a range as 1..5 or a repetition as 0/15", quote(item), c.name, c.low, c.high)
}

// number reads a number within the component's bounds. Years may have two digits.
func (c component) number(text string) (int, bool) {
	n, err := strconv.Atoi(text)
	if err != nil || !digits(text) {
		return 0, false
	}
	if c.low == firstYear && n < 70 {
		n += 2000
	} else if c.low == firstYear && n < 100 {
		n += 1900
	}
	return n, n >= c.low && n <= c.high
}

// digits reports whether text has no sign, which Atoi would take.
func digits(text string) bool {
	return strings.Trim(text, "0123456789") == ""
}
