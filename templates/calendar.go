package templates

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"rollcall/internal/monitor"
)

// Calendar is how a check did on each of the last days, and in each month.
type Calendar struct {
	Label   string
	Share   string // of all the days; "" when nothing counts
	Cut     string // why it does not go back further; ""
	Names   []Name
	Squares []Square // the oldest first
	Months  []MonthRow
	Earlier []MonthRow // folded away
}

// Name is a word beside the squares.
type Name struct{ X, Y, Word string }

// Square is one day.
type Square struct {
	X, Y  string
	Class string // what it stands for: up, part, down, blind or idle
	Fill  string // the path of its downtime, from below; "" none
	Hatch string // the path of its hatching; "" none
	Title string
	Row   DayRow
}

// DayRow is a day in the table, for those who do not see the squares.
type DayRow struct{ Day, Up, Down, Uncounted string }

// MonthRow is a month.
type MonthRow struct{ Month, Up, Why, Down, Uncounted string }

// The measures of a calendar: its days, and the side of a square and its step.
const (
	calendarDays   = 90
	calendarMonths = 12
	monthsShown    = 4
	square         = 14
	squareStep     = 18
	calendarTop    = 16
)

// CalendarOf draws the last days of a ledger. Since is the instant before which its
// history is not known; zero when it is known since creation.
func CalendarOf(l monitor.Ledger, since time.Time, clock Clock) Calendar {
	days := l.Days(calendarDays, clock.Now, clock.Zone)
	if len(days) == 0 {
		return Calendar{}
	}
	first := noon(days[0], clock)
	c := Calendar{Names: calendarNames(first, noon(days[len(days)-1], clock))}
	var whole monitor.Share
	var good, bad, uncounted int
	for _, day := range days {
		sq := squareOf(day, first, clock)
		c.Squares = append(c.Squares, sq)
		whole.Up, whole.Down = whole.Up+day.Up, whole.Down+day.Down
		switch {
		case day.Down > 0:
			bad++
		case sq.Class == "up":
			good++
		default:
			uncounted++
		}
	}
	c.Label = fmt.Sprintf("The last %s: %d up, %d with downtime, %d not counted", Count(int64(len(days)), "day", "days"), good, bad, uncounted)
	if whole.Counted() {
		c.Share = Share(whole.Up, whole.Up+whole.Down) + " up"
	}
	if !since.IsZero() {
		c.Cut = "It changed so often that only the time since " + clock.At(since) + " is summed up."
	}
	for _, month := range l.Months(calendarMonths, clock.Now, clock.Zone) {
		c.Earlier = append([]MonthRow{monthRow(month, l.Begin(), clock)}, c.Earlier...)
	}
	shown := min(monthsShown, len(c.Earlier))
	c.Months, c.Earlier = c.Earlier[:shown], c.Earlier[shown:]
	return c
}

// has reports whether any day is of a class.
func (c Calendar) has(classes ...string) bool {
	return slices.ContainsFunc(c.Squares, func(sq Square) bool { return slices.Contains(classes, sq.Class) })
}

// noon is a day's own in UTC, which no change of clocks moves.
func noon(day monitor.Spell, clock Clock) time.Time {
	y, m, d := clock.local(day.From).Add(12 * time.Hour).Date()
	return time.Date(y, m, d, 12, 0, 0, 0, time.UTC)
}

// squareOf puts a day into its week and weekday, Monday at the top, in the calendar
// that begins with the week of first.
func squareOf(day monitor.Spell, first time.Time, clock Clock) Square {
	x, top := cell(noon(day, clock), first)
	name := clock.date(day.From.Add(12*time.Hour), "Mon 2 Jan", "Mon 2 Jan 2006")
	sq := Square{
		X: strconv.Itoa(x), Y: strconv.Itoa(top),
		Row: DayRow{name, shareWords(day.Share), downWords(day.Share), uncountedWords(day.Share)},
	}
	var said []string
	switch {
	case day.Down > 0:
		sq.Class = "part"
		height := int(square * max(1.0/3, float64(day.Down)/float64(day.Up+day.Down)))
		if height >= square {
			sq.Class = "down"
		}
		sq.Fill = fmt.Sprintf("M%d %dh14v%da3 3 0 0 1-3 3h-8a3 3 0 0 1-3-3z", x, top+square-height, max(0, height-3))
		said = append(said, "down "+Duration(day.Down), shareWords(day.Share)+" up")
	case day.Up > 0 && day.Blind < time.Hour:
		sq.Class = "up"
		said = append(said, "up")
	case day.Blind > 0:
		sq.Class = "blind"
		sq.Hatch = fmt.Sprintf("M%d %dl5-5M%d %dl11-11M%d %dl5-5", x+1, top+6, x+1, top+13, x+8, top+13)
		if day.Up > 0 {
			said = append(said, "up")
		}
	default:
		sq.Class = "idle"
		said = append(said, "not watched")
	}
	if day.Blind > 0 {
		said = append(said, "Rollcall did not see "+Duration(day.Blind))
	}
	if day.Idle > 0 && sq.Class != "idle" {
		said = append(said, "not watched for "+Duration(day.Idle))
	}
	sq.Title = name + ": " + strings.Join(said, ", ")
	return sq
}

// cell is where a day stands whose calendar begins with the week of first.
func cell(day, first time.Time) (x, y int) {
	weekday := (int(first.Weekday()) + 6) % 7
	n := int(day.Sub(first)/(24*time.Hour)) + weekday
	return n / 7 * squareStep, calendarTop + n%7*squareStep
}

// calendarNames are the months above the weeks in which they begin, and every other
// weekday.
func calendarNames(first, last time.Time) []Name {
	var names []Name
	x := 0
	for day := first; !day.After(last); day = day.AddDate(0, 0, 1) {
		x, _ = cell(day, first)
		if day.Day() == 1 {
			names = append(names, Name{strconv.Itoa(x), "9", day.Format("Jan")})
		}
	}
	for row, word := range []string{"Mon", "", "Wed", "", "Fri", "", "Sun"} {
		if word != "" {
			names = append(names, Name{strconv.Itoa(x + squareStep + 6), strconv.Itoa(calendarTop + row*squareStep + 11), word})
		}
	}
	return names
}

func monthRow(m monitor.Spell, begin time.Time, clock Clock) MonthRow {
	row := MonthRow{
		Month: clock.date(m.From, "January", "January 2006"), Up: shareWords(m.Share),
		Down: downWords(m.Share), Uncounted: uncountedWords(m.Share),
	}
	if begin.After(m.From) {
		row.Month += " from " + Ordinal(clock.local(begin).Day())
	}
	if m.To.After(clock.Now) {
		row.Month += " so far"
	}
	if !m.Counted() {
		row.Why = "None of it counts"
	}
	return row
}

func shareWords(s monitor.Share) string { return Share(s.Up, s.Up+s.Down) }

// downWords says how often and for how long a check was down.
func downWords(s monitor.Share) string {
	if s.Down == 0 {
		return "none"
	}
	return Often(s.Falls) + ", " + Duration(s.Down)
}

// uncountedWords says what is left out of a share, "" for nothing worth a word.
func uncountedWords(s monitor.Share) string {
	if s.Blind+s.Idle < time.Second {
		return ""
	}
	return Duration(s.Blind+s.Idle) + " not counted"
}
