package templates

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"rollcall/internal/monitor"
)

// Bounds of a public status page.
const (
	BoardDays    = 90  // bars of each job
	BoardJobs    = 200 // that are listed; those that are down come first when there are more
	boardSpan    = 30 * day
	boardEntries = 50 // of what happened
)

// Board is a public status page. It holds what readers may know and nothing else.
type Board struct {
	Page
	Name        string // of the whole
	Description string
	Path        string // of the page itself
	Status      monitor.Status
	Head        string // the verdict
	Sentence    string
	Groups      []BoardGroup
	Left        int // jobs that are not listed
	History     bool
	Past        []BoardDay
}

// BoardGroup is the jobs under one heading; "" has none.
type BoardGroup struct {
	Name string
	Jobs []BoardJob
}

// BoardJob is one job. Its history is empty when the page shows none.
type BoardJob struct {
	Name   string
	Status monitor.Status
	Since  time.Time // when the status began; zero when the job never reported
	Share  monitor.Share
	Days   []monitor.Spell

	log []monitor.Incident
}

// BoardDay is what happened on one day, the newest first.
type BoardDay struct {
	Heading string
	Entries []BoardEntry
}

// BoardEntry is one thing that happened.
type BoardEntry struct {
	At     time.Time
	Status monitor.Status
	Lead   string
	Rest   string
	Job    string        // "" for a blind interval
	From   time.Time     // of a downtime or blind interval
	To     time.Time     // zero while it goes on
	Long   time.Duration // until now while it goes on
}

// BoardInput is what a board is made of.
type BoardInput struct {
	Page   monitor.StatusPage
	Path   string
	Checks []monitor.Check // of the project, in their order
	Flips  map[monitor.CheckID][]monitor.Flip
	Since  time.Time // flips and blind intervals are complete from here on
	Blinds []monitor.Blind
}

// BoardOf makes a public status page.
func BoardOf(page Page, in BoardInput) Board {
	b := Board{
		Page: page, Name: in.Page.Title, Description: in.Page.Description, Path: in.Path, History: in.Page.History,
	}
	var jobs []BoardJob
	groups := map[string]int{}
	first := page.Now
	type placed struct {
		job   BoardJob
		group string
	}
	var all []placed
	for _, c := range in.Checks {
		if !in.Page.Shows(c) {
			continue
		}
		job := jobOf(c, in, page.Clock)
		jobs = append(jobs, job)
		all = append(all, placed{job, in.Page.GroupOf(c)})
		if c.Created.Before(first) {
			first = c.Created
		}
	}
	b.Status, b.Head, b.Sentence = boardVerdict(jobs, page.Clock)
	b.Worst, b.Title = b.Status, b.Name+": "+b.Head
	if len(all) > BoardJobs {
		slices.SortStableFunc(all, func(x, y placed) int { return rank(x.job.Status) - rank(y.job.Status) })
		b.Left, all = len(all)-BoardJobs, all[:BoardJobs]
	}
	for _, p := range all {
		at, known := groups[p.group]
		if !known {
			at = len(b.Groups)
			groups[p.group] = at
			b.Groups = append(b.Groups, BoardGroup{Name: p.group})
		}
		b.Groups[at].Jobs = append(b.Groups[at].Jobs, p.job)
	}
	slices.SortFunc(b.Groups, func(x, y BoardGroup) int { // what is in no group comes last
		if (x.Name == "") != (y.Name == "") {
			return len(y.Name) - len(x.Name)
		}
		return strings.Compare(strings.ToLower(x.Name), strings.ToLower(y.Name))
	})
	if b.History {
		b.Past = pastOf(jobs, in.Blinds, first, page.Clock)
	}
	return b
}

func rank(s monitor.Status) int { return slices.Index(severity, s) }

func jobOf(c monitor.Check, in BoardInput, clock Clock) BoardJob {
	job := BoardJob{Name: in.Page.NameOf(c), Status: c.Shown(clock.Now)}
	if c.NPings > 0 {
		job.Since = c.Since
	}
	if !in.Page.History {
		return job
	}
	flips := in.Flips[c.ID]
	ledger := monitor.LedgerOf(c, flips, in.Blinds, in.Since, clock.Now)
	job.Share = ledger.Share(in.Since, clock.Now)
	job.Days = ledger.Days(BoardDays, clock.Now, clock.Zone)
	job.log = monitor.Incidents(c, flips, in.Since)
	return job
}

// boardVerdict sums up all jobs of a board.
func boardVerdict(jobs []BoardJob, clock Clock) (worst monitor.Status, head, sentence string) {
	count := map[monitor.Status]int{}
	for _, j := range jobs {
		status := j.Status
		if status == monitor.Running { // it is up, and busy
			status = monitor.Up
		}
		count[status]++
	}
	n := len(jobs)
	for _, s := range []monitor.Status{monitor.Down, monitor.Unknown, monitor.Late} {
		if count[s] > 0 {
			return s, headOf(count[s], n, s), strings.TrimSpace(loudWords(jobs, s, clock) + " " + restWords(count, s))
		}
	}
	switch {
	case n == 0:
		return monitor.New, "No job is shown here yet", ""
	case count[monitor.Up] == 0 && count[monitor.Paused] > 0:
		return monitor.Paused, "No job is watched at present", restWords(count, "")
	case count[monitor.Up] == 0:
		return monitor.New, "No job has reported yet", restWords(count, "")
	case count[monitor.Up] == n && n == 1:
		return monitor.Up, "The job is up", ""
	case count[monitor.Up] == n:
		return monitor.Up, fmt.Sprintf("All %d jobs are up", n), ""
	}
	return monitor.Up, "All jobs that are watched are up", restWords(count, "")
}

var boardWords = map[monitor.Status]string{
	monitor.Down: "down", monitor.Late: "late", monitor.Unknown: "not known", monitor.Up: "up", monitor.Paused: "paused", monitor.New: "new",
}

func headOf(some, all int, s monitor.Status) string {
	words := boardWords[s]
	switch {
	case all == 1:
		return "The job is " + words
	case some == 1:
		return fmt.Sprintf("1 of %d jobs is %s", all, words)
	}
	return fmt.Sprintf("%d of %d jobs are %s", some, all, words)
}

// loudNames is how many jobs a verdict names.
const loudNames = 3

// loudWords names the jobs of a status: "Offsite backup since 02:15, Invoices since 08:06."
func loudWords(jobs []BoardJob, s monitor.Status, clock Clock) string {
	var names []string
	for _, j := range jobs {
		if j.Status != s {
			continue
		}
		name := j.Name
		if s != monitor.Late { // which is computed, and has no beginning of its own
			name += " since " + clock.At(j.Since)
		}
		names = append(names, name)
	}
	if more := len(names) - loudNames; more > 0 {
		names = append(names[:loudNames], fmt.Sprintf("and %d more", more))
	}
	return strings.Join(names, ", ") + "."
}

// restWords counts the other statuses: "6 are up, 1 is paused."
func restWords(count map[monitor.Status]int, said monitor.Status) string {
	var words []string
	for _, s := range []monitor.Status{monitor.Unknown, monitor.Late, monitor.Up, monitor.Paused, monitor.New} {
		switch n := count[s]; {
		case n == 0 || s == said:
		case n == 1:
			words = append(words, "1 is "+boardWords[s])
		default:
			words = append(words, fmt.Sprintf("%d are %s", n, boardWords[s]))
		}
	}
	if len(words) == 0 {
		return ""
	}
	return strings.Join(words, ", ") + "."
}

// pastOf lists downtimes and blind intervals of the last weeks, the newest first. A
// downtime that is over stands at its end.
func pastOf(jobs []BoardJob, blinds []monitor.Blind, first time.Time, clock Clock) []BoardDay {
	begin := clock.Now.Add(-boardSpan)
	var list []BoardEntry
	for _, j := range jobs {
		for _, i := range j.log {
			if e := incidentEntry(j.Name, i, clock); e.At.After(begin) {
				list = append(list, e)
			}
		}
	}
	for _, b := range blinds {
		if b.To.After(begin) && b.To.After(first) {
			list = append(list, BoardEntry{
				At: b.From, Status: monitor.Unknown, Lead: "Not observed", From: b.From, To: b.To, Long: b.To.Sub(b.From),
				Rest: "until " + clock.TimeOfDay(b.To) + ". Jobs may have run; this page could not see them, and the time is not counted.",
			})
		}
	}
	slices.SortStableFunc(list, func(a, b BoardEntry) int { return b.At.Compare(a.At) })
	var days []BoardDay
	for _, e := range list[:min(boardEntries, len(list))] {
		heading := clock.Day(e.At)
		if n := len(days); n == 0 || days[n-1].Heading != heading {
			days = append(days, BoardDay{Heading: heading})
		}
		day := &days[len(days)-1]
		day.Entries = append(day.Entries, e)
	}
	return days
}

func incidentEntry(job string, i monitor.Incident, clock Clock) BoardEntry {
	e := BoardEntry{At: i.From, Status: monitor.Down, Lead: job + " went down", Job: job, From: i.From, To: i.To}
	e.Long = i.Within(i.From, clock.Now)
	over := !i.To.IsZero()
	switch {
	case i.Reason == monitor.Silent && over:
		e.Rest = "It had not reported in by " + clock.At(i.From) + "."
	case i.Reason == monitor.Silent:
		e.Rest = "It did not report in by " + clock.At(i.From) + "."
	case i.Reason == monitor.Overran && over:
		e.Rest = "A run had not ended in time."
	case i.Reason == monitor.Overran:
		e.Rest = "A run did not end in time."
	case i.Reason == monitor.Failed && over:
		e.Rest = "It had reported a failure."
	case i.Reason == monitor.Failed:
		e.Rest = "It reported a failure."
	}
	if !over {
		return e
	}
	e.At, e.Status, e.Lead = i.To, i.After, job+" is up again"
	switch i.After {
	case monitor.Paused, monitor.New:
		e.Status, e.Lead = monitor.Paused, job+" is not watched any more"
	case monitor.Unknown:
		e.Lead = job + " was down, and is not known since then"
	}
	return e
}

// long says how long an entry lasted.
func (e BoardEntry) long() string {
	switch {
	case e.Job == "":
		return Duration(e.Long)
	case e.To.IsZero():
		return "for " + Duration(e.Long.Truncate(time.Second))
	}
	return "after " + Duration(e.Long.Truncate(time.Second))
}

// pct is the share of the counted time that the job was up.
func (j BoardJob) pct() string { return Share(j.Share.Up, j.Share.Up+j.Share.Down) }

// Measures of a strip: each day is a bar of three in a step of four.
const (
	stripStep   = 4
	stripBar    = 3
	stripHeight = 28
	stripLeast  = 6 // of a bad day
	stripGap    = 2 // between the bad and the good part of a day
)

// Strip is a job's days as paths by class.
type Strip struct{ Up, Part, Down, Blind, None, Label string }

// stripWidth is the width of all days.
const stripWidth = BoardDays*stripStep - (stripStep - stripBar)

// stripOf draws the days of a job, today at the right.
func (b Board) stripOf(j BoardJob) Strip {
	known := map[string]monitor.Spell{}
	for _, d := range j.Days {
		known[d.From.In(b.Zone).Format(time.DateOnly)] = d
	}
	var s Strip
	bad, blind, watched := 0, 0, 0
	y, m, d := b.Now.In(b.Zone).Date()
	for i := range BoardDays {
		date := time.Date(y, m, d-(BoardDays-1-i), 12, 0, 0, 0, time.UTC).Format(time.DateOnly)
		spell, x := known[date], i*stripStep
		switch {
		case spell.Down > 0:
			share := float64(spell.Down) / float64(spell.Up+spell.Down)
			height := min(stripHeight, max(stripLeast, int(share*stripHeight+0.5)))
			s.Down += boardBar(x, stripHeight-height, height)
			if rest := stripHeight - height - stripGap; rest > 0 {
				s.Part += boardBar(x, 0, rest)
			}
			bad++
		case spell.Blind > 0:
			s.Blind += fmt.Sprintf("M%d 0h3v4h-3zm0 8h3v4h-3zm0 8h3v4h-3zm0 8h3v4h-3z", x)
			blind++
		case spell.Up > 0:
			s.Up += boardBar(x, 0, stripHeight)
		default:
			s.None += boardBar(x, stripHeight-1, 1)
			continue
		}
		watched++
	}
	s.Label = fmt.Sprintf("%s: %s watched", j.Name, Count(int64(watched), "day", "days"))
	if bad > 0 {
		s.Label += fmt.Sprintf(", down on %d", bad)
	}
	if blind > 0 {
		s.Label += fmt.Sprintf(", not fully observed on %d", blind)
	}
	return s
}

func boardBar(x, y, height int) string {
	return fmt.Sprintf("M%d %dh%dv%dh-%dz", x, y, stripBar, height, stripBar)
}
