package web

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"rollcall/internal/fault"
	"rollcall/templates"
)

// numberOf reads an id that one of our own forms sent.
func numberOf(text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n <= 0 {
		return 0, fault.NotFound
	}
	return n, nil
}

// numberText is an id as text.
func numberText[T ~int64](id T) string { return strconv.FormatInt(int64(id), 10) }

const day = 24 * time.Hour

// longestSpan bounds what is added up, long before it could overflow. What a
// field allows is for the rules to say.
const longestSpan = 100 * 365 * day

// spanUnits are the units that people write behind a number.
func spanUnit(name string) (time.Duration, bool) {
	switch name {
	case "s", "sec", "secs", "second", "seconds":
		return time.Second, true
	case "m", "min", "mins", "minute", "minutes":
		return time.Minute, true
	case "h", "hr", "hrs", "hour", "hours":
		return time.Hour, true
	case "d", "day", "days":
		return day, true
	case "w", "week", "weeks":
		return 7 * day, true
	}
	return 0, false
}

// parseSpan reads a length of time as people write it: "90 s", "15 min", "1h30m",
// "2 days". A number alone is in the given unit; 0 takes none.
func parseSpan(text string, unit time.Duration) (time.Duration, bool) {
	rest := strings.ToLower(strings.Join(strings.Fields(text), ""))
	if rest == "" {
		return 0, false
	}
	var sum time.Duration
	for rest != "" {
		digits := rest[:len(rest)-len(strings.TrimLeftFunc(rest, unicode.IsDigit))]
		rest = rest[len(digits):]
		name := rest[:len(rest)-len(strings.TrimLeftFunc(rest, unicode.IsLetter))]
		rest = rest[len(name):]
		number, err := strconv.ParseInt(digits, 10, 64)
		if err != nil {
			return 0, false
		}
		size, known := spanUnit(name)
		if name == "" && sum == 0 && rest == "" && unit > 0 {
			size, known = unit, true
		}
		if !known || number > int64((longestSpan-sum)/size) {
			return 0, false
		}
		sum += time.Duration(number) * size
	}
	return sum, true
}

// merge collects what several rules say is wrong; any other error is returned.
func merge(errs ...error) (fault.Invalid, error) {
	all := fault.Invalid{}
	for _, err := range errs {
		var wrong fault.Invalid
		switch {
		case err == nil:
		case errors.As(err, &wrong):
			maps.Copy(all, wrong)
		default:
			return nil, err
		}
	}
	return all, nil
}

// labelled says where in a form a field of the rules is, and what it is called there.
type labelled struct{ field, id, label string }

// problems lists what is wrong in the order of the form. What no field of the form
// stands for comes last, so that nothing is ever refused without a reason.
func problems(wrong fault.Invalid, form []labelled) []templates.Problem {
	var list []templates.Problem
	listed := map[string]bool{}
	for _, l := range form {
		if words, ok := wrong[l.field]; ok && !listed[l.field] {
			listed[l.field] = true
			list = append(list, templates.Problem{ID: l.id, Label: l.label, Words: words})
		}
	}
	for _, field := range slices.Sorted(maps.Keys(wrong)) {
		if !listed[field] {
			list = append(list, templates.Problem{Label: templates.Capital(field), Words: wrong[field]})
		}
	}
	return list
}
