package schedule

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/robfig/cron/v3"
)

const maxCronLength = 200

// nicknames are cron's words for common schedules.
var nicknames = map[string]string{
	"@hourly":   "0 * * * *",
	"@daily":    "0 0 * * *",
	"@midnight": "0 0 * * *",
	"@weekly":   "0 0 * * 0",
	"@monthly":  "0 0 1 * *",
	"@yearly":   "0 0 1 1 *",
	"@annually": "0 0 1 1 *",
}

// cronField is one of the five parts of a cron expression.
type cronField struct {
	name      string
	low, high int
	examples  string
}

// The positions of the fields in an expression.
const (
	minuteField = iota
	hourField
	dateField
	monthField
	weekdayField
)

var cronFields = [5]cronField{
	{"minute", 0, 59, "0-30, or 0,15,30, or */5"},
	{"hour", 0, 23, "9-17, or 6,18, or */2"},
	{"day of month", 1, 31, "1-7, or 1,15, or */2, or L for the last day, or LW for the last working day"},
	{"month", 1, 12, "1-6, or */3, or names as JAN,JUL"},
	{"weekday", 0, 7, "1-5, or MON,THU, or 5L for the last Friday, or MON#1 for the first Monday"},
}

// cronItems is a field in two parts: the items that any cron knows, ready for
// the parser, and the words for a month's end and the like.
type cronItems struct {
	plain   []string
	special []string
}

// parseCron reads five fields or a nickname. The library's parser makes the bit
// sets; the rest here keeps from it what it would misread or panic at ("TZ=")
// and adds what it lacks: 7 for Sunday, L, LW, 5L and MON#1.
func parseCron(expr string) (pattern, clocks, error) {
	fields := strings.Fields(expr)
	if strings.HasPrefix(expr, "@") {
		meaning, ok := nicknames[strings.ToLower(expr)]
		if !ok {
			return pattern{}, 0, fmt.Errorf("has %s; write @hourly, @daily, @weekly, @monthly or @yearly, or choose a period", quote(expr))
		}
		fields = strings.Fields(meaning)
	}
	if len(fields) != len(cronFields) {
		return pattern{}, 0, fmt.Errorf("needs five fields (minute, hour, day of month, month, weekday) and has %d", len(fields))
	}
	var items [5]cronItems
	plain := [5]string{"*", "*", "*", "*", "*"}
	for i, field := range fields {
		var err error
		if items[i], err = splitField(i, field); err != nil {
			return pattern{}, 0, err
		}
		if len(items[i].plain) > 0 {
			plain[i] = strings.Join(items[i].plain, ",")
		}
	}
	sets, err := cronSets(plain, fields)
	if err != nil {
		return pattern{}, 0, err
	}
	p := pattern{
		years:   everyYear(),
		minutes: set(sets.Minute) & span(0, 59),
		hours:   set(sets.Hour) & span(0, 23),
		months:  set(sets.Month) & span(1, 12),
		seconds: 1,
	}
	p.days.either = fields[dateField][0] != '*' && fields[weekdayField][0] != '*'
	if len(items[dateField].plain) > 0 {
		p.days.dates = set(sets.Dom) & anyDate
	}
	if len(items[weekdayField].plain) > 0 {
		p.days.weekdays = set(sets.Dow) & anyWeekday
	}
	p.days.addDates(items[dateField].special)
	p.days.addWeekdays(items[weekdayField].special)
	if fields[minuteField][0] == '*' || fields[hourField][0] == '*' {
		return p, realTime, nil
	}
	return p, fixedTime, nil
}

// cronSets has the library parse the five fields and says which one it refuses.
func cronSets(plain [5]string, typed []string) (*cron.SpecSchedule, error) {
	parse := func(fields [5]string) (*cron.SpecSchedule, bool) {
		parsed, err := cron.ParseStandard(strings.Join(fields[:], " "))
		sets, ok := parsed.(*cron.SpecSchedule)
		return sets, err == nil && ok
	}
	if sets, ok := parse(plain); ok {
		return sets, nil
	}
	for i, field := range plain {
		alone := [5]string{"*", "*", "*", "*", "*"}
		alone[i] = field
		if _, ok := parse(alone); !ok {
			return nil, cronFields[i].refuse(typed[i])
		}
	}
	return nil, fmt.Errorf("%s is not a cron expression", quote(strings.Join(typed, " ")))
}

func (f cronField) refuse(text string) error {
	return fmt.Errorf("has %s as %s; write numbers from %d to %d, such as %s; ranges go upwards", quote(text), f.name, f.low, f.high, f.examples)
}

// splitField separates a field into its items, in lower case.
func splitField(i int, text string) (items cronItems, err error) {
	f := cronFields[i]
	for item := range strings.SplitSeq(strings.ToLower(text), ",") {
		if special(i, item) {
			items.special = append(items.special, item)
			continue
		}
		rest, star := strings.CutPrefix(item, "*")
		odd := strings.Trim(rest, "abcdefghijklmnopqrstuvwxyz0123456789-/") != ""
		if item == "" || odd || star && rest != "" && rest[0] != '/' {
			return items, f.refuse(text)
		}
		_, step, stepped := strings.Cut(item, "/")
		if n, err := strconv.Atoi(step); stepped && (err != nil || n < 1 || n > f.high-f.low+1) {
			return items, fmt.Errorf("has %s as %s; a step must be 1 to %d", quote(text), f.name, f.high-f.low+1)
		}
		if i == weekdayField {
			item = sundayFirst(item)
		}
		items.plain = append(items.plain, item)
	}
	return items, nil
}

// special reports whether item is one of the words for a month's end and the
// like that field i knows.
func special(i int, item string) bool {
	switch i {
	case dateField:
		return item == "l" || item == "lw"
	case weekdayField:
		if day, nth, ok := strings.Cut(item, "#"); ok {
			_, known := weekdayNumber(day)
			return known && len(nth) == 1 && nth >= "1" && nth <= "5"
		}
		day, ok := strings.CutSuffix(item, "l")
		_, known := weekdayNumber(day)
		return ok && known
	}
	return false
}

// addDates adds the special items of the day of month field.
func (d *days) addDates(special []string) {
	for _, item := range special {
		if item == "lw" {
			d.lastWork = true
		} else {
			d.fromEnd |= 1 << 1
		}
	}
}

// addWeekdays adds the special items of the weekday field.
func (d *days) addWeekdays(special []string) {
	for _, item := range special {
		if day, nth, counted := strings.Cut(item, "#"); counted {
			n, _ := weekdayNumber(day)
			d.nth[nth[0]-'0'] |= 1 << n
		} else {
			n, _ := weekdayNumber(strings.TrimSuffix(item, "l"))
			d.last |= 1 << n
		}
	}
}

// weekdayNumber reads a weekday in lower case: 0 to 7 or a name's beginning.
func weekdayNumber(text string) (int, bool) {
	if len(text) == 1 && text >= "0" && text <= "7" {
		return int(text[0]-'0') % 7, true
	}
	for n, name := range weekdayNames {
		if len(text) == 3 && strings.EqualFold(text, name[:3]) {
			return n, true
		}
	}
	return 0, false
}

// sundayFirst rewrites a weekday item that reaches 7, which the library does
// not know, as a list that begins with 0.
func sundayFirst(item string) string {
	values, stepText, stepped := strings.Cut(item, "/")
	lowText, highText, ranged := strings.Cut(values, "-")
	low, known := weekdayNumber(lowText)
	if lowText == "7" {
		low = 7
	}
	switch {
	case !known,
		ranged && highText != "7",
		!ranged && !stepped && low != 7:
		return item
	}
	step := 1
	if stepped {
		step, _ = strconv.Atoi(stepText) // checked by split
	}
	var list []string
	for day := low; day <= 7; day += step {
		list = append(list, strconv.Itoa(day%7))
	}
	return strings.Join(list, ",")
}
