package schedule

import (
	"math/bits"
	"time"
)

// Slots lie in the years 1970 to 2199, as systemd has it. Every search ends
// there.
const (
	firstYear = 1970
	lastYear  = 2199
)

// set holds small numbers: bit n stands for n. None of ours exceeds 59.
type set uint64

func (s set) has(n int) bool { return s>>n&1 == 1 }
func (s set) count() int     { return bits.OnesCount64(uint64(s)) }

// from returns the least member that is n or more.
func (s set) from(n int) (int, bool) {
	rest := s >> n << n
	return rest.least(), rest != 0
}

// upTo returns the greatest member that is n or less.
func (s set) upTo(n int) (int, bool) {
	rest := s & (1<<(n+1) - 1)
	return rest.greatest(), rest != 0
}

// least and greatest are for sets that have members.
func (s set) least() int    { return bits.TrailingZeros64(uint64(s)) }
func (s set) greatest() int { return 63 - bits.LeadingZeros64(uint64(s)) }

// each yields the members in ascending order.
func (s set) each() func(yield func(int) bool) {
	return func(yield func(int) bool) {
		for ; s != 0; s &= s - 1 {
			if !yield(bits.TrailingZeros64(uint64(s))) {
				return
			}
		}
	}
}

// span is the set of the numbers from low to high.
func span(low, high int) set {
	return 1<<(high+1) - 1<<low
}

// years holds the years of a pattern.
type years [(lastYear - firstYear + 64) / 64]uint64

func (y *years) add(year int)      { y[(year-firstYear)/64] |= 1 << ((year - firstYear) % 64) }
func (y *years) has(year int) bool { return y[(year-firstYear)/64]>>((year-firstYear)%64)&1 == 1 }

// yearList returns the years meant in ascending order.
func (p *pattern) yearList() (list []int) {
	for year := firstYear; year <= lastYear; year++ {
		if p.years.has(year) {
			list = append(list, year)
		}
	}
	return list
}

// everyYear has bits for years past the last, too; no search gets there.
func everyYear() (y years) {
	for i := range y {
		y[i] = ^uint64(0)
	}
	return y
}

// pattern tells which readings of a wall clock are meant. It knows nothing of
// zones: a reading ("wall") is the seconds since 1970-01-01 00:00 on that same
// wall, as if its clock had never been changed.
type pattern struct {
	years                   years
	months                  set
	days                    days
	hours, minutes, seconds set
}

// next returns the first reading meant, at wall or later.
func (p *pattern) next(wall int64) (int64, bool) {
	year, month, day, clock := reading(max(wall, 0))
	if year <= lastYear && p.in(year, month).has(day) {
		if c, ok := p.clockFrom(clock); ok {
			return midnight(year, month, day) + int64(c), true
		}
	}
	for first, _ := p.clockFrom(0); year <= lastYear; {
		if d, ok := p.in(year, month).from(day + 1); ok {
			return midnight(year, month, d) + int64(first), true
		}
		if month++; month > 12 {
			year, month = year+1, 1
		}
		day = 0
	}
	return 0, false
}

// previous returns the last reading meant, at wall or earlier.
func (p *pattern) previous(wall int64) (int64, bool) {
	if wall < 0 {
		return 0, false
	}
	year, month, day, clock := reading(min(wall, horizon-1))
	if p.in(year, month).has(day) {
		if c, ok := p.clockUpTo(clock); ok {
			return midnight(year, month, day) + int64(c), true
		}
	}
	for last, _ := p.clockUpTo(24*60*60 - 1); year >= firstYear; {
		if d, ok := p.in(year, month).upTo(day - 1); ok {
			return midnight(year, month, d) + int64(last), true
		}
		if month--; month < 1 {
			year, month = year-1, 12
		}
		day = 32
	}
	return 0, false
}

// in returns the days meant in a month.
func (p *pattern) in(year, month int) set {
	if !p.months.has(month) || !p.years.has(year) {
		return 0
	}
	return p.days.in(year, month)
}

// clockFrom returns the first second of a day meant, at clock or later.
func (p *pattern) clockFrom(clock int) (int, bool) {
	hour, minute := clock/3600, clock/60%60
	if p.hours.has(hour) {
		if p.minutes.has(minute) {
			if s, ok := p.seconds.from(clock % 60); ok {
				return clock - clock%60 + s, true
			}
		}
		if m, ok := p.minutes.from(minute + 1); ok {
			s, _ := p.seconds.from(0)
			return hour*3600 + m*60 + s, true
		}
	}
	h, ok := p.hours.from(hour + 1)
	m, _ := p.minutes.from(0)
	s, _ := p.seconds.from(0)
	return h*3600 + m*60 + s, ok
}

// clockUpTo returns the last second of a day meant, at clock or earlier.
func (p *pattern) clockUpTo(clock int) (int, bool) {
	hour, minute := clock/3600, clock/60%60
	if p.hours.has(hour) {
		if p.minutes.has(minute) {
			if s, ok := p.seconds.upTo(clock % 60); ok {
				return clock - clock%60 + s, true
			}
		}
		if m, ok := p.minutes.upTo(minute - 1); ok {
			s, _ := p.seconds.upTo(59)
			return hour*3600 + m*60 + s, true
		}
	}
	h, ok := p.hours.upTo(hour - 1)
	m, _ := p.minutes.upTo(59)
	s, _ := p.seconds.upTo(59)
	return h*3600 + m*60 + s, ok
}

// days tells which days of a month are meant.
type days struct {
	dates    set  // days from the beginning, 1 to 31
	fromEnd  set  // days from the end, 1 being the last
	lastWork bool // the last Monday to Friday

	weekdays set    // 0 is Sunday
	nth      [6]set // nth[2]: the weekdays meant when second of their kind
	last     set    // the weekdays meant when last of their kind

	either bool // a day need only be among the dates or the weekdays, not both
}

const (
	anyDate    set = 1<<32 - 1<<1
	anyWeekday set = 1<<7 - 1
)

func (d *days) in(year, month int) set {
	first := time.Date(year, time.Month(month), 1, 0, 0, 0, 0, time.UTC)
	length := first.AddDate(0, 1, -1).Day()
	all := span(1, length)

	dates := d.dates & all
	for n := range d.fromEnd.each() {
		if n <= length {
			dates |= 1 << (length + 1 - n)
		}
	}
	if d.lastWork {
		dates |= 1 << lastWorkday(first, length)
	}
	weekdays := all
	if d.weekdays != anyWeekday {
		weekdays = d.named(int(first.Weekday()), length)
	}
	if d.either {
		return dates | weekdays
	}
	return dates & weekdays
}

// named returns the days meant by their weekday in a month of that length
// whose first day falls on the given weekday.
func (d *days) named(first, length int) (found set) {
	for day := 1; day <= length; day++ {
		weekday := (first + day - 1) % 7
		if d.weekdays.has(weekday) || d.nth[(day+6)/7].has(weekday) || day+7 > length && d.last.has(weekday) {
			found |= 1 << day
		}
	}
	return found
}

func lastWorkday(first time.Time, length int) int {
	switch first.AddDate(0, 0, length-1).Weekday() {
	case time.Saturday:
		return length - 1
	case time.Sunday:
		return length - 2
	}
	return length
}

// reading takes a wall clock's reading apart; clock is the second of the day.
func reading(wall int64) (year, month, day, clock int) {
	y, m, d := time.Unix(wall, 0).UTC().Date()
	return y, int(m), d, int(wall % (24 * 60 * 60))
}

// midnight puts together the reading at the beginning of a day.
func midnight(year, month, day int) int64 {
	return time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC).Unix()
}
