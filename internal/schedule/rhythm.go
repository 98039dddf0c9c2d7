package schedule

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// rhythm tells the times of day as a repetition ("every 15 minutes from 09:00
// to 16:45"), or as sets when they are none and too many to be listed; "" when
// they are better listed.
func (p *pattern) rhythm() string {
	allHours := p.hours == span(0, 23)
	var text string
	switch {
	case p.seconds != 1 && allHours && p.minutes == span(0, 59):
		text = p.secondRhythm()
	case p.seconds != 1:
	case allHours:
		text = p.minuteRhythm()
	default:
		text = p.hourRhythm()
	}
	if text == "" && p.times() == nil {
		return p.setWords()
	}
	return text
}

// secondRhythm is for each minute of a day alike.
func (p *pattern) secondRhythm() string {
	first, step, even := cycle(p.seconds, 60)
	switch {
	case p.seconds.count() == 1:
		return fmt.Sprintf("every minute at second %d", first)
	case even && first == 0:
		return every(step, "second")
	case even:
		return fmt.Sprintf("%s from second %d", every(step, "second"), first)
	}
	return ""
}

// minuteRhythm is for each hour of a day alike.
func (p *pattern) minuteRhythm() string {
	first, step, even := cycle(p.minutes, 60)
	switch {
	case p.minutes == 1:
		return "every hour"
	case even && first == 0:
		return every(step, "minute")
	case p.minutes.count() <= 4:
		var texts []string
		for n := range p.minutes.each() {
			texts = append(texts, fmt.Sprintf(":%02d", n))
		}
		return "every hour at " + enumerate(texts)
	case even:
		return fmt.Sprintf("%s from :%02d", every(step, "minute"), first)
	}
	return ""
}

// hourRhythm is for some of the hours.
func (p *pattern) hourRhythm() string {
	firstHour, lastHour := p.hours.least(), p.hours.greatest()
	ends := fmt.Sprintf(" from %02d:%02d to %02d:%02d", firstHour, p.minutes.least(), lastHour, p.minutes.greatest())
	if p.minutes.count() > 1 {
		_, step, even := cycle(p.minutes, 60)
		if even && p.hours == span(firstHour, lastHour) {
			return every(step, "minute") + ends
		}
		return ""
	}
	step, ok := progression(slices.Collect(p.hours.each()))
	if !ok || p.hours.count() < 3 {
		return ""
	}
	first, _, even := cycle(p.hours, 24)
	switch {
	case !even || first != 0:
		return every(step, "hour") + ends
	case p.minutes == 1:
		return every(step, "hour")
	}
	return fmt.Sprintf("%s at :%02d", every(step, "hour"), p.minutes.least())
}

// setWords tells the times of day as what they are: three sets.
func (p *pattern) setWords() string {
	text := spell(slices.Collect(p.minutes.each()), "minute", 60) + " past " + spell(slices.Collect(p.hours.each()), "hour", 24)
	if p.seconds != 1 {
		text = spell(slices.Collect(p.seconds.each()), "second", 60) + " of " + text
	}
	if !strings.HasPrefix(text, "every") {
		text = "at " + text
	}
	return text
}

// cycle returns the first member and the step of a set that goes on evenly
// from one hour, minute or day, of the given length, into the next.
func cycle(s set, length int) (first, step int, even bool) {
	step, ok := progression(slices.Collect(s.each()))
	return s.least(), step, ok && step*s.count() == length
}

// progression returns the distance of ascending numbers, when it is always the
// same.
func progression(numbers []int) (step int, ok bool) {
	if len(numbers) < 2 {
		return 0, false
	}
	step = numbers[1] - numbers[0]
	for i := range numbers[1:] {
		if numbers[i+1]-numbers[i] != step {
			return 0, false
		}
	}
	return step, true
}

// every says "every minute" or "every 5 minutes".
func every(n int, unit string) string {
	if n == 1 {
		return "every " + unit
	}
	return "every " + plural(n, unit)
}

func plural(n int, unit string) string {
	if n == 1 {
		return "1 " + unit
	}
	return fmt.Sprintf("%d %ss", n, unit)
}

// spell names ascending numbers of a unit of which there are so many in all:
// "minute 5", "minutes 0, 15 and 30", "hours 9 to 17", "every minute".
func spell(numbers []int, unit string, all int) string {
	n := len(numbers)
	step, ok := progression(numbers)
	switch {
	case n == all:
		return "every " + unit
	case n == 1:
		return unit + " " + strconv.Itoa(numbers[0])
	case ok && step > 1 && n > 4:
		return fmt.Sprintf("every %s %s from %d to %d", ordinal(step), unit, numbers[0], numbers[n-1])
	}
	return unit + "s " + runs(numbers, strconv.Itoa)
}

// runs lists ascending numbers; three or more in a row become "9 to 17".
func runs(numbers []int, name func(int) string) string {
	var parts []string
	for i := 0; i < len(numbers); {
		end := i
		for end+1 < len(numbers) && numbers[end+1] == numbers[end]+1 {
			end++
		}
		if end-i < 2 {
			end = i
			parts = append(parts, name(numbers[i]))
		} else {
			parts = append(parts, name(numbers[i])+" to "+name(numbers[end]))
		}
		i = end + 1
	}
	return enumerate(parts)
}

// enumerate joins with commas and an "and".
func enumerate(parts []string) string {
	if len(parts) < 2 {
		return strings.Join(parts, "")
	}
	last := len(parts) - 1
	return strings.Join(parts[:last], ", ") + " and " + parts[last]
}

// ordinal says 1st, 2nd, 3rd, 4th, 11th, 21st.
func ordinal(n int) string {
	suffix := "th"
	if n/10%10 != 1 {
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
