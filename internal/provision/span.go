package provision

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

const day = 24 * time.Hour

var errSpan = errors.New("must be a time such as 90s, 5m, 1h30m or 2d, or a number of seconds")

// span reads a length of time in whole seconds.
func span(to *time.Duration) func(*yaml.Node) error {
	return func(node *yaml.Node) error {
		text, err := scalar(node)
		if err != nil {
			return err
		}
		*to, err = parseSpan(text)
		return err
	}
}

// parseSpan adds up numbers with their units. Whether the sum is within the
// limits of its use is for the rules to say; here it only must not overflow.
func parseSpan(text string) (time.Duration, error) {
	if text != "" && strings.Trim(text, "0123456789") == "" {
		text += "s"
	}
	const longest = 100 * 365 * day
	var sum time.Duration
	for rest := text; ; {
		digits := rest[:len(rest)-len(strings.TrimLeft(rest, "0123456789"))]
		number, err := strconv.ParseInt(digits, 10, 64)
		if err != nil || len(digits) == len(rest) {
			return 0, errSpan
		}
		unit := map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': day}[rest[len(digits)]]
		if unit == 0 || number > int64((longest-sum)/unit) {
			return 0, errSpan
		}
		sum += time.Duration(number) * unit
		if rest = rest[len(digits)+1:]; rest == "" {
			return sum, nil
		}
	}
}

// spanWords writes whole seconds as span reads them: one number of the largest
// unit that goes evenly into them, so that a day and a half is 36h.
func spanWords(d time.Duration) string {
	for _, unit := range []struct {
		of     time.Duration
		letter string
	}{{day, "d"}, {time.Hour, "h"}, {time.Minute, "m"}} {
		if d != 0 && d%unit.of == 0 {
			return strconv.FormatInt(int64(d/unit.of), 10) + unit.letter
		}
	}
	return strconv.FormatInt(int64(d/time.Second), 10) + "s"
}
