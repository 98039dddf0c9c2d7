package templates

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strconv"
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

// Query is what the list is asked to show; it is the whole of its address.
type Query struct {
	Text   string         // words that all must occur
	Status monitor.Status // "" for all
	Tags   []string       // a check has to carry all of them
	Group  string         // GroupTag, GroupStatus or GroupNone
	Sort   string         // SortUrgent, SortName, SortNext or SortTook
	From   int            // how many rows stand on the pages before
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
	if from, err := strconv.Atoi(v.Get("from")); err == nil && from > 0 {
		q.From = from
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
	set("from", strconv.Itoa(q.From), "0")
	if len(v) == 0 {
		return "/checks"
	}
	return "/checks?" + v.Encode()
}

func (q Query) withStatus(s monitor.Status) Query { q.Status, q.From = s, 0; return q }
func (q Query) withGroup(g string) Query          { q.Group, q.From = g, 0; return q }
func (q Query) withSort(s string) Query           { q.Sort, q.From = s, 0; return q }
func (q Query) withTag(tag string) Query          { q.Tags, q.From = []string{tag}, 0; return q }
func (q Query) withFrom(from int) Query           { q.From = max(0, from); return q }

// rowsURL is the address of some rows of the list, drawn; see Part.
func (q Query) rowsURL(from, to int) string {
	mark := "?"
	if strings.Contains(q.URL(), "?") {
		mark = "&"
	}
	return fmt.Sprintf("%s%srows=%d-%d", q.URL(), mark, from, to)
}

// List is what a query found, one page of it.
type List struct {
	Query  Query
	Total  int // checks of the project
	Found  int
	Facets []Facet
	Tags   []TagChoice
	Groups []Group

	rows  []*Row // of all groups, in their order
	made  rowMaker
	shape string // names which rows stand where
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
	Count int    // of its checks, on whichever page
	Above int    // how many more of the group need attention and stand there
	Rows  []Row
	First int // the place of its first row on the page
}

// listed is a check on its way into the list.
type listed struct {
	*monitor.Check
	shown monitor.Status
	name  string // to sort by
}

// ListOf arranges the checks of a project as the query asks for. No row is drawn.
func ListOf(q Query, checks []monitor.Check, clock Clock) List {
	l := List{Query: q, Total: len(checks), Tags: tagsOf(checks, q.Tags), made: newRowMaker(q, clock)}
	var found []listed
	counts := map[monitor.Status]int{}
	words := strings.Fields(strings.ToLower(q.Text))
	for i := range checks {
		c := &checks[i]
		if !l.made.matches(c, q.Tags, words) {
			continue
		}
		shown := c.Shown(clock.Now)
		counts[shown]++
		if q.Status == "" || q.Status == shown {
			found = append(found, listed{c, shown, strings.ToLower(c.Name)})
		}
	}
	l.Found = len(found)
	l.Facets = facetsOf(counts, q.Status)
	sortChecks(found, q.Sort, clock)
	l.fill(groupsOf(q, found))
	return l
}

// matches reports whether the check carries the tags and all the words occur in
// its name, slug, tags or schedule.
func (m rowMaker) matches(c *monitor.Check, tags, words []string) bool {
	for _, tag := range tags {
		if !slices.Contains(c.Tags, tag) {
			return false
		}
	}
	if len(words) == 0 {
		return true
	}
	text := strings.ToLower(strings.Join(append([]string{c.Title(), c.Slug, c.Schedule.Expr, m.scheduleWords(c.Schedule)}, c.Tags...), "\n"))
	for _, word := range words {
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

func sortChecks(checks []listed, by string, clock Clock) {
	name := func(a, b listed) int { return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.ID, b.ID)) }
	compare := name
	switch by {
	case SortNext:
		compare = func(a, b listed) int {
			return cmp.Or(soonest(a, clock.Now).Compare(soonest(b, clock.Now)), name(a, b))
		}
	case SortTook:
		compare = func(a, b listed) int { return cmp.Or(cmp.Compare(took(b), took(a)), name(a, b)) }
	}
	slices.SortFunc(checks, compare)
}

// soonest is when the check is expected; nothing expected comes last.
func soonest(e listed, now time.Time) time.Time {
	if next := e.NextExpected(now); !next.IsZero() {
		return next
	}
	return now.AddDate(1000, 0, 0)
}

func took(e listed) time.Duration {
	if e.LastDuration == nil {
		return -1
	}
	return *e.LastDuration
}

// troubled reports whether a check stands in the group that needs attention.
func (e listed) troubled() bool { return e.Trouble != "" || Loud(e.shown) }

// bunch is a group and its checks, all of them.
type bunch struct {
	Group
	checks []listed
}

// groupsOf puts what needs attention first when urgency is the order, and then
// groups the rest. A check appears once.
func groupsOf(q Query, found []listed) []bunch {
	var groups []bunch
	above := map[string]int{}
	if q.Sort == SortUrgent && q.Group != GroupStatus {
		var urgent, rest []listed
		for _, e := range found {
			if e.troubled() {
				urgent = append(urgent, e)
				above[firstTag(e)]++
			} else {
				rest = append(rest, e)
			}
		}
		rank := func(e listed) int { return slices.Index(severity, e.shown) }
		slices.SortStableFunc(urgent, func(a, b listed) int {
			return cmp.Or(cmp.Compare(rank(a), rank(b)), a.Since.Compare(b.Since))
		})
		if len(urgent) > 0 {
			groups = append(groups, bunch{Group{ID: "attention", Name: "Needs attention"}, urgent})
		}
		found = rest
	}
	heads, members := headings(q.Group, found)
	for _, head := range heads {
		g := Group{Name: head}
		if q.Group == GroupTag {
			g.Tag, g.Above = head, above[head]
			if head == "" {
				g.Name = "No tag"
			}
		}
		groups = append(groups, bunch{g, members[head]})
	}
	if len(groups) == 1 && groups[0].Name == "No tag" {
		groups[0].Name = "" // one group needs no heading
	}
	return groups
}

// headings divides the checks and returns the headings in their order.
func headings(by string, checks []listed) ([]string, map[string][]listed) {
	members := map[string][]listed{}
	var heads []string
	for _, e := range checks {
		head := ""
		switch by {
		case GroupTag:
			head = firstTag(e)
		case GroupStatus:
			head = StatusWord(e.shown)
		}
		if len(members[head]) == 0 {
			heads = append(heads, head)
		}
		members[head] = append(members[head], e)
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

func firstTag(e listed) string {
	if len(e.Tags) == 0 {
		return ""
	}
	return e.Tags[0]
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
