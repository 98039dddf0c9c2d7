package templates

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"rollcall/internal/monitor"
)

// ChecksPage is the list of a project's checks.
type ChecksPage struct {
	Page
	List
	// TryAddress is the address of the check that a new project begins with, as long
	// as it is the only one and was never pinged; "" otherwise.
	TryAddress string
}

// Empty reports whether there is nothing to list yet.
func (p ChecksPage) Empty() bool { return p.Total == 0 || p.TryAddress != "" }

// Seen names what the page shows, so that a browser that shows it already need
// not be sent it again.
func (p ChecksPage) Seen() string {
	if p.Empty() {
		return SeenEmpty
	}
	return p.List.Seen()
}

// Query is what the list is asked to show; it is the whole of its address.
type Query struct {
	Text   string         // words that all must occur
	Status monitor.Status // "" for all
	Tags   []string       // a check has to carry all of them
	Group  string         // GroupTag, GroupStatus or GroupNone
	Sort   string         // SortUrgent, SortName, SortNext or SortTook
}

// The ways to group and to sort. The first of each is the rule.
const (
	GroupTag    = "tag"
	GroupStatus = "status"
	GroupNone   = "none"
	SortUrgent  = "urgent"
	SortName    = "name"
	SortNext    = "next"
	SortTook    = "took"
)

// severity is the statuses, the most urgent first.
var severity = []monitor.Status{
	monitor.Down, monitor.Late, monitor.Unknown, monitor.Running, monitor.Up, monitor.New, monitor.Paused,
}

// ParseQuery reads a query from an address. What it does not know it leaves out.
func ParseQuery(v url.Values) Query {
	q := Query{Text: strings.TrimSpace(v.Get("q")), Group: GroupTag, Sort: SortUrgent}
	if s := monitor.Status(v.Get("status")); slices.Contains(severity, s) {
		q.Status = s
	}
	for _, tag := range v["tag"] {
		if tag != "" && !slices.Contains(q.Tags, tag) {
			q.Tags = append(q.Tags, tag)
		}
	}
	if g := v.Get("group"); g == GroupStatus || g == GroupNone {
		q.Group = g
	}
	if s := v.Get("sort"); s == SortName || s == SortNext || s == SortTook {
		q.Sort = s
	}
	return q
}

// URL is the address of the list as the query asks for it.
func (q Query) URL() string {
	v := url.Values{}
	set := func(key, value, rule string) {
		if value != rule {
			v.Set(key, value)
		}
	}
	set("q", q.Text, "")
	set("status", string(q.Status), "")
	set("group", q.Group, GroupTag)
	set("sort", q.Sort, SortUrgent)
	for _, tag := range q.Tags {
		v.Add("tag", tag)
	}
	if len(v) == 0 {
		return "/checks"
	}
	return "/checks?" + v.Encode()
}

func (q Query) withStatus(s monitor.Status) Query { q.Status = s; return q }
func (q Query) withGroup(g string) Query          { q.Group = g; return q }
func (q Query) withSort(s string) Query           { q.Sort = s; return q }
func (q Query) withTag(tag string) Query          { q.Tags = []string{tag}; return q }

// List is what a query found.
type List struct {
	Query  Query
	Total  int // checks of the project
	Found  int
	Facets []Facet
	Tags   []TagChoice
	Groups []Group
}

// Facet is a status with how many of the checks found have it.
type Facet struct {
	Status monitor.Status // "" for all
	Count  int
}

// TagChoice is a tag with how many checks carry it.
type TagChoice struct {
	Name   string
	Count  int
	Chosen bool
}

// Group is some rows under one heading.
type Group struct {
	ID    string // of the heading, when it is linked to
	Tag   string // the heading is a tag
	Name  string // the heading is words; neither: there is no heading
	Above int    // how many more of the group need attention and stand there
	Rows  []Row
}

// Row is one check in the list.
type Row struct {
	ID       string
	Name     string
	Status   monitor.Status
	Why      string
	Tags     []string // without that of the group
	Schedule string
	Last     Said
	Next     Said
	Overdue  bool
	Spark    Spark
	Took     string
	TookWhy  string // why there is no duration
}

// Said is a time in words, and in full for whoever points at it.
type Said struct{ Words, Full, Machine string }

func (c Clock) say(words string, t time.Time) Said {
	if t.IsZero() {
		return Said{Words: words}
	}
	return Said{words, c.Full(t), Machine(t)}
}

// Seen names what the list shows.
func (l List) Seen() string { return seen(l) }

// SeenEmpty is what the page of a project that only begins shows: another page than the list.
const SeenEmpty = "empty"

// seen is a short name for what is shown.
func seen(shown ...any) string {
	text, err := json.Marshal(shown)
	if err != nil {
		panic(err) // never: what is shown is made of words and numbers
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// ListOf arranges the checks of a project as the query asks for.
func ListOf(q Query, checks []monitor.Check, runs map[monitor.CheckID][]RunEnd, clock Clock) List {
	l := List{Query: q, Total: len(checks), Tags: tagsOf(checks, q.Tags)}
	var found []monitor.Check
	counts := map[monitor.Status]int{}
	for _, c := range checks {
		if !matches(c, q) {
			continue
		}
		shown := c.Shown(clock.Now)
		counts[shown]++
		if q.Status == "" || q.Status == shown {
			found = append(found, c)
		}
	}
	l.Found = len(found)
	l.Facets = facetsOf(counts, q.Status)
	sortChecks(found, q.Sort, clock)
	row := func(c monitor.Check, group string) Row { return rowOf(c, group, runs[c.ID], clock) }
	l.Groups = groupsOf(q, found, clock, row)
	return l
}

// matches reports whether the check carries the tags and all the words occur in
// its name, slug, tags or schedule.
func matches(c monitor.Check, q Query) bool {
	for _, tag := range q.Tags {
		if !slices.Contains(c.Tags, tag) {
			return false
		}
	}
	if q.Text == "" {
		return true
	}
	text := strings.ToLower(strings.Join(append([]string{c.Title(), c.Slug, c.Schedule.Expr, scheduleWords(c.Schedule)}, c.Tags...), "\n"))
	for word := range strings.FieldsSeq(strings.ToLower(q.Text)) {
		if !strings.Contains(text, strings.TrimPrefix(word, "#")) {
			return false
		}
	}
	return true
}

func tagsOf(checks []monitor.Check, chosen []string) []TagChoice {
	counts := map[string]int{}
	for _, c := range checks {
		for _, tag := range c.Tags {
			counts[tag]++
		}
	}
	choices := make([]TagChoice, 0, len(counts))
	for tag, n := range counts {
		choices = append(choices, TagChoice{tag, n, slices.Contains(chosen, tag)})
	}
	slices.SortFunc(choices, func(a, b TagChoice) int { return cmp.Compare(a.Name, b.Name) })
	return choices
}

func facetsOf(counts map[monitor.Status]int, current monitor.Status) []Facet {
	facets := []Facet{{}}
	for _, s := range severity {
		facets[0].Count += counts[s]
		if counts[s] > 0 || s == current {
			facets = append(facets, Facet{s, counts[s]})
		}
	}
	return facets
}

func sortChecks(checks []monitor.Check, by string, clock Clock) {
	name := func(a, b monitor.Check) int {
		return cmp.Or(cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)), cmp.Compare(a.ID, b.ID))
	}
	compare := name
	switch by {
	case SortNext:
		compare = func(a, b monitor.Check) int {
			return cmp.Or(soonest(a, clock.Now).Compare(soonest(b, clock.Now)), name(a, b))
		}
	case SortTook:
		compare = func(a, b monitor.Check) int { return cmp.Or(cmp.Compare(took(b), took(a)), name(a, b)) }
	}
	slices.SortFunc(checks, compare)
}

// soonest is when the check is expected; nothing expected comes last.
func soonest(c monitor.Check, now time.Time) time.Time {
	if next := c.NextExpected(now); !next.IsZero() {
		return next
	}
	return now.AddDate(1000, 0, 0)
}

func took(c monitor.Check) time.Duration {
	if c.LastDuration == nil {
		return -1
	}
	return *c.LastDuration
}

// troubled reports whether a check stands in the group that needs attention.
func troubled(c monitor.Check, clock Clock) bool {
	return c.Trouble != "" || Loud(c.Shown(clock.Now))
}

// groupsOf puts what needs attention first when urgency is the order, and then
// groups the rest. A check appears once.
func groupsOf(q Query, found []monitor.Check, clock Clock, row func(monitor.Check, string) Row) []Group {
	var groups []Group
	above := map[string]int{}
	if q.Sort == SortUrgent && q.Group != GroupStatus {
		var urgent, rest []monitor.Check
		for _, c := range found {
			if troubled(c, clock) {
				urgent = append(urgent, c)
				above[firstTag(c)]++
			} else {
				rest = append(rest, c)
			}
		}
		rank := func(c monitor.Check) int { return slices.Index(severity, c.Shown(clock.Now)) }
		slices.SortStableFunc(urgent, func(a, b monitor.Check) int {
			return cmp.Or(cmp.Compare(rank(a), rank(b)), a.Since.Compare(b.Since))
		})
		if len(urgent) > 0 {
			groups = append(groups, Group{ID: "attention", Name: "Needs attention"})
			for _, c := range urgent {
				groups[0].Rows = append(groups[0].Rows, row(c, ""))
			}
		}
		found = rest
	}
	heads, members := headings(q.Group, found, clock)
	for _, head := range heads {
		g := Group{Name: head}
		if q.Group == GroupTag {
			g.Tag, g.Above = head, above[head]
			if head == "" {
				g.Name = "No tag"
			}
		}
		for _, c := range members[head] {
			g.Rows = append(g.Rows, row(c, g.Tag))
		}
		groups = append(groups, g)
	}
	if len(groups) > 0 && groups[0].Name == "No tag" && len(groups) == 1 {
		groups[0].Name = "" // one group needs no heading
	}
	return groups
}

// headings divides the checks and returns the headings in their order.
func headings(by string, checks []monitor.Check, clock Clock) ([]string, map[string][]monitor.Check) {
	members := map[string][]monitor.Check{}
	var heads []string
	for _, c := range checks {
		head := ""
		switch by {
		case GroupTag:
			head = firstTag(c)
		case GroupStatus:
			head = StatusWord(c.Shown(clock.Now))
		}
		if len(members[head]) == 0 {
			heads = append(heads, head)
		}
		members[head] = append(members[head], c)
	}
	rank := func(head string) int {
		if by == GroupStatus {
			return slices.IndexFunc(severity, func(s monitor.Status) bool { return StatusWord(s) == head })
		}
		if head == "" {
			return 1 // what has no tag comes last
		}
		return 0
	}
	slices.SortFunc(heads, func(a, b string) int { return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a, b)) })
	return heads, members
}

func firstTag(c monitor.Check) string {
	if len(c.Tags) == 0 {
		return ""
	}
	return c.Tags[0]
}

func rowOf(c monitor.Check, group string, runs []RunEnd, clock Clock) Row {
	r := Row{
		ID: c.UUID.String(), Name: c.Title(), Status: c.Shown(clock.Now), Why: WhyOf(c, clock),
		Tags: c.Tags, Schedule: scheduleWords(c.Schedule),
		Spark: sparkOf(withPresent(runs, c, clock.Now)),
	}
	if group != "" {
		r.Tags = c.Tags[1:]
	}
	heard := c.LastPing
	if c.LastStart.After(heard) {
		heard = c.LastStart
	}
	r.Last = clock.say(clock.Recent(heard), heard)
	r.Next, r.Overdue = nextOf(c, runs, clock)
	run, running := openRun(c)
	switch {
	case r.Status == monitor.Running && running:
		r.Took = Duration(clock.Now.Sub(run.Start).Truncate(time.Second)) + nbsp + "so" + nbsp + "far"
	case c.LastDuration != nil:
		r.Took = Duration(*c.LastDuration)
	case c.LastPing.IsZero():
		r.TookWhy = "It has not run yet"
	default:
		r.TookWhy = "Its last run sent no start signal"
	}
	return r
}

// nextOf says when the check is expected next, or for how long it has been awaited.
func nextOf(c monitor.Check, runs []RunEnd, clock Clock) (Said, bool) {
	shown := c.Shown(clock.Now)
	missed := shown == monitor.Late || shown == monitor.Down && c.Reason == monitor.Silent
	run, running := openRun(c)
	next := c.NextExpected(clock.Now)
	switch {
	case missed && !c.Due.IsZero():
		return clock.say(clock.Overdue(c.Due), c.Due), true
	case shown == monitor.Running && running:
		return clock.say(leftOf(run, runs, clock), time.Time{}), false
	case !next.IsZero():
		return clock.say(clock.Relative(next), next), false
	case shown == monitor.New:
		return Said{Words: "after the first ping"}, false
	case shown == monitor.Paused:
		return Said{Words: "–", Full: "Nothing is expected while it is paused"}, false
	}
	return Said{Words: "–", Full: "Nothing is expected before it reports again"}, false
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

func tagsLabel(q Query) string {
	if len(q.Tags) == 0 {
		return "Tags"
	}
	return "#" + strings.Join(q.Tags, " #")
}

// noMatchWords repeats what was asked for and not found.
func noMatchWords(q Query) string {
	words := "No check"
	if q.Text != "" {
		words += " matches “" + q.Text + "”"
	}
	switch {
	case q.Status != "" && q.Text != "":
		words += " and is " + string(q.Status)
	case q.Status != "":
		words += " is " + string(q.Status) + " now"
	}
	if len(q.Tags) > 0 {
		words += " with " + tagsLabel(q)
	}
	return words + "."
}

func groupLabel(g string) string {
	return map[string]string{GroupTag: "By tag", GroupStatus: "By status", GroupNone: "No groups"}[g]
}

func sortLabel(s string) string {
	return map[string]string{
		SortUrgent: "Urgent first", SortName: "By name", SortNext: "Next expected", SortTook: "Longest run",
	}[s]
}

// SeenHeader is how a browser says what it shows already; see List.Seen.
const SeenHeader = "Rollcall-Seen"

func seenHeader(seen string) string { return fmt.Sprintf("{%q:%q}", SeenHeader, seen) }
