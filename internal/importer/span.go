package importer

import (
	"strconv"
	"strings"
	"time"
)

// month is a twelfth of a year of 365.25 days, as systemd has it.
const month = 30*24*time.Hour + 10*time.Hour + 30*time.Minute

// units are the names of lengths of time, as systemd and people write them. Of
// systemd's, only the capital M is not the same as the small one.
var units = map[string]time.Duration{
	"us": time.Microsecond, "usec": time.Microsecond,
	"ms": time.Millisecond, "msec": time.Millisecond, "millisecond": time.Millisecond, "milliseconds": time.Millisecond,
	"s": time.Second, "sec": time.Second, "secs": time.Second, "second": time.Second, "seconds": time.Second,
	"m": time.Minute, "min": time.Minute, "mins": time.Minute, "minute": time.Minute, "minutes": time.Minute,
	"h": time.Hour, "hr": time.Hour, "hour": time.Hour, "hours": time.Hour,
	"d": 24 * time.Hour, "day": 24 * time.Hour, "days": 24 * time.Hour,
	"w": 7 * 24 * time.Hour, "week": 7 * 24 * time.Hour, "weeks": 7 * 24 * time.Hour,
	"M": month, "month": month, "months": month,
	"y": 12 * month, "year": 12 * month, "years": 12 * month,
}

// parseSpan adds up numbers with their units, such as "1h 30min"; a number alone
// is seconds. It is false for anything else, and for more than a hundred years.
func parseSpan(text string) (time.Duration, bool) {
	const longest = 100 * longestSpan
	var sum time.Duration
	rest := strings.TrimSpace(text)
	for rest != "" {
		digits := rest[:len(rest)-len(strings.TrimLeft(rest, "0123456789."))]
		rest = strings.TrimLeft(rest[len(digits):], " \t")
		word := rest[:len(rest)-len(strings.TrimLeft(rest, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"))]
		rest = strings.TrimLeft(rest[len(word):], " \t")
		number, err := strconv.ParseFloat(digits, 64)
		unit, known := units[word]
		if !known {
			unit, known = units[strings.ToLower(word)]
		}
		if word == "" {
			unit, known = time.Second, true
		}
		if err != nil || !known || number > float64(longest-sum)/float64(unit) {
			return 0, false
		}
		sum += time.Duration(number * float64(unit))
	}
	return sum, strings.TrimSpace(text) != ""
}
