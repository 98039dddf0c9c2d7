package templates

import (
	"fmt"
	"time"

	"github.com/a-h/templ"

	"rollcall/internal/monitor"
	"rollcall/internal/schedule"
)

// How much of a list is sent. A row that is not drawn has every fact in words; its
// runs and exact times follow when it is scrolled to.
const (
	PageRows  = 2_000 // of one page of the list
	DrawnRows = 200   // of a list that is drawn as a whole
	FirstRows = 60    // of a longer one that are drawn: what fits on a screen or two
	PartRows  = 100   // drawn at a time when they are scrolled to
)

// Row is one check in the list.
type Row struct {
	ID       string
	Name     string
	Status   monitor.Status
	Why      string
	Tags     []Tag // without that of the group
	Schedule string
	Last     Said
	Next     Said
	Overdue  bool
	Drawn    bool // with its runs and exact times
	Spark    Spark
	Took     string
	TookWhy  string // why there is no duration

	check   listed
	group   string // the tag of its heading
	version int    // changes with what the row says; at most maxVersion
}

// Tag is a tag and the address of the checks that carry it.
type Tag struct{ Name, URL string }

// Said is a time in words, and in full for whoever points at it.
type Said struct{ Words, Full, Machine string }

func (c Clock) say(words string, t time.Time) Said {
	if t.IsZero() {
		return Said{Words: words}
	}
	return Said{words, c.Full(t), Machine(t)}
}

// fill makes the rows of one page of the groups.
func (l *List) fill(groups []bunch) {
	before := 0 // rows of this page and of those before it
	for _, g := range groups {
		g.Count = len(g.checks)
		from, to := max(0, l.Query.From-before), min(len(g.checks), l.Query.From+PageRows-before)
		before += len(g.checks)
		if from >= to {
			continue
		}
		g.Rows, g.First = make([]Row, to-from), len(l.rows)
		for i, check := range g.checks[from:to] {
			g.Rows[i] = l.made.row(check, g.Tag)
			l.rows = append(l.rows, &g.Rows[i])
		}
		l.Groups = append(l.Groups, g.Group)
	}
	l.shape = shapeOf(*l)
}

// Part is a part of the rows of one group, which is drawn together.
type Part struct {
	Head     bool // the heading of the group stands before it
	Rows     []Row
	From, To int // places on the page
}

// long reports whether the list is not drawn as a whole.
func (l List) long() bool { return len(l.rows) > DrawnRows }

// First returns the rows that are drawn at first.
func (l List) First() Rows {
	if l.long() {
		return l.Rows(0, FirstRows)
	}
	return l.Rows(0, DrawnRows)
}

// parts cuts a group of a long list where rows begin that are not drawn at first.
func (g Group) parts(long bool) []Part {
	if !long {
		return []Part{{true, g.Rows, g.First, g.First + len(g.Rows)}}
	}
	var parts []Part
	for at := 0; at < len(g.Rows); {
		size := min(PartRows, len(g.Rows)-at)
		if first := g.First + at; first < FirstRows {
			size = min(FirstRows-first, len(g.Rows)-at)
		}
		parts = append(parts, Part{at == 0, g.Rows[at : at+size], g.First + at, g.First + at + size})
		at += size
	}
	return parts
}

// drawLater lets a part that is not drawn ask for its rows when it is scrolled to.
func drawLater(q Query, part Part, long bool) templ.Attributes {
	if !long || part.From < FirstRows {
		return nil
	}
	return attrs("hx-get", q.rowsURL(part.From, part.To), "hx-trigger", "intersect once", "hx-swap", "none")
}

// title is the heading in one piece.
func (g Group) title() string {
	if g.Tag != "" {
		return "#" + g.Tag
	}
	return g.Name
}

func (l List) rowsWords() string {
	return fmt.Sprintf("Rows %s to %s of %s", thousands(int64(l.Query.From+1)), thousands(int64(l.Query.From+len(l.rows))), thousands(int64(l.Found)))
}

// undrawnWords tells who has no script what it would fill in.
func undrawnWords() string {
	return fmt.Sprintf("Runs are drawn for the first %d rows; search or filter to see those of the others.", FirstRows)
}

// Rows returns the rows in a range of places on the page, as far as there are any.
func (l List) Rows(from, to int) Rows {
	to = min(max(to, 0), len(l.rows))
	return Rows{l.rows[min(max(from, 0), to):to], l.made}
}

// Rows are some rows of a list.
type Rows struct {
	List []*Row
	made rowMaker
}

// Checks returns the checks whose runs are to be drawn: those of all the rows.
func (r Rows) Checks() []monitor.CheckID {
	ids := make([]monitor.CheckID, len(r.List))
	for i, row := range r.List {
		ids[i] = row.check.ID
	}
	return ids
}

// Draw adds to the rows their runs and exact times.
func (r Rows) Draw(runs map[monitor.CheckID][]RunEnd) {
	for _, row := range r.List {
		r.made.draw(row, runs[row.check.ID])
	}
}

// rowMaker makes the rows of one list. What many checks have in common is put into
// words once.
type rowMaker struct {
	query Query
	clock Clock
	words map[schedule.Spec]string
	tags  map[string]Tag
}

func newRowMaker(q Query, clock Clock) rowMaker {
	return rowMaker{q, clock, map[schedule.Spec]string{}, map[string]Tag{}}
}

func (m rowMaker) scheduleWords(spec schedule.Spec) string {
	words, known := m.words[spec]
	if !known {
		words = scheduleWords(spec)
		m.words[spec] = words
	}
	return words
}

func (m rowMaker) tag(name string) Tag {
	tag, known := m.tags[name]
	if !known {
		tag = Tag{name, m.query.withTag(name).URL()}
		m.tags[name] = tag
	}
	return tag
}

// row says all that can be said of a check without its runs.
func (m rowMaker) row(e listed, group string) Row {
	c := *e.Check
	r := Row{
		ID: c.UUID.String(), Name: c.Title(), Status: e.shown, Why: WhyOf(c, m.clock),
		Schedule: m.scheduleWords(c.Schedule), check: e, group: group,
	}
	for _, tag := range c.Tags {
		if tag != group {
			r.Tags = append(r.Tags, m.tag(tag))
		}
	}
	r.Last = Said{Words: m.clock.Recent(heard(c))}
	next, overdue := nextOf(e, nil, m.clock)
	r.Next, r.Overdue = next.Said, overdue
	run, running := openRun(c)
	switch {
	case r.Status == monitor.Running && running:
		r.Took = Span(m.clock.Now.Sub(run.Start)) + nbsp + "so" + nbsp + "far"
	case c.LastDuration != nil:
		r.Took = Duration(*c.LastDuration)
	case c.LastPing.IsZero():
		r.TookWhy = "It has not run yet"
	default:
		r.TookWhy = "Its last run sent no start signal"
	}
	r.version = versionOf(r)
	return r
}

// draw adds the runs and the exact times.
func (m rowMaker) draw(r *Row, runs []RunEnd) {
	c := *r.check.Check
	next, _ := nextOf(r.check, runs, m.clock)
	r.Drawn, r.Last, r.Next = true, m.clock.say(r.Last.Words, heard(c)), next.Said
	if !next.at.IsZero() {
		r.Next = m.clock.say(next.Words, next.at)
	}
	r.Spark = sparkOf(withPresent(runs, c, m.clock.Now))
}

// heard is when the check was heard of last.
func heard(c monitor.Check) time.Time {
	if c.LastStart.After(c.LastPing) {
		return c.LastStart
	}
	return c.LastPing
}

// expected is a time in words, and as such when it is one.
type expected struct {
	Said
	at time.Time
}

// nextOf says when the check is expected next, or for how long it has been awaited.
func nextOf(e listed, runs []RunEnd, clock Clock) (words expected, overdue bool) {
	missed := e.shown == monitor.Late || e.shown == monitor.Down && e.Reason == monitor.Silent
	run, running := openRun(*e.Check)
	next := e.NextExpected(clock.Now)
	switch {
	case missed && !e.Due.IsZero():
		return expected{Said{Words: clock.Overdue(e.Due)}, e.Due}, true
	case e.shown == monitor.Running && running:
		return expected{Said: Said{Words: leftOf(run, runs, clock)}}, false
	case !next.IsZero():
		return expected{Said{Words: clock.Relative(next)}, next}, false
	case e.shown == monitor.New:
		return expected{Said: Said{Words: "after the first ping"}}, false
	case e.shown == monitor.Paused:
		return expected{Said: Said{Words: "–", Full: "Nothing is expected while it is paused"}}, false
	}
	return expected{Said: Said{Words: "–", Full: "Nothing is expected before it reports again"}}, false
}

// leftOf guesses from the last runs how long this one goes on.
func leftOf(run monitor.Run, runs []RunEnd, clock Clock) string {
	u, ok := usualOf(runs)
	if !ok {
		return "when it ends"
	}
	left := run.Start.Add(u.middle).Sub(clock.Now)
	if left <= 0 {
		return Span(left) + nbsp + "over the usual"
	}
	return fmt.Sprintf("about%s%s%sleft", nbsp, Span(left), nbsp)
}
