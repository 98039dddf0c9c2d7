package importer

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"rollcall/internal/fault"
	"rollcall/internal/schedule"
)

// cronitorMonitor is what counts of a monitor in Cronitor's YAML.
type cronitorMonitor struct {
	key, name, note, group, zone string
	schedules                    []string
	tags, assertions             []string
	grace                        *time.Duration
	tolerance                    int // missed schedules before somebody is told
	paused                       bool
	foreign                      []string // members without a counterpart
}

// ReadCronitor reads the YAML that Cronitor exports: monitors by their key under
// jobs and heartbeats. Those under checks are asked by Cronitor itself and are
// left out. A monitor without a time zone is in the given one.
func ReadCronitor(text, zone string) (Import, error) {
	var found Import
	var root yaml.Node
	if err := yaml.Unmarshal([]byte(text), &root); err != nil {
		return found, fault.Invalid{"file": "is not YAML: " + oneLine(err.Error(), 200)}
	}
	if root.Kind == 0 || resolve(root.Content[0]).Kind != yaml.MappingNode {
		return found, fault.Invalid{"file": "has no jobs and no heartbeats; export the monitors from Cronitor as YAML"}
	}
	taken := slugs{}
	others := 0
	for kind, listed := range members(root.Content[0]) {
		if kind != "jobs" && kind != "heartbeats" {
			if kind == "checks" {
				others += len(listed.Content) / 2
			}
			continue
		}
		for key, node := range members(listed) {
			m := cronitorMonitor{key: key, zone: zone}
			m.read(node)
			if err := found.addCronitor(m, taken); err != nil {
				return found, err
			}
		}
	}
	if others > 0 {
		found.note("", "not imported: %s that Cronitor itself asks", monitors(others))
	}
	if len(found.Checks) == 0 && len(found.Notes) == 0 {
		return found, fault.Invalid{"file": "has no monitors under jobs or heartbeats; export the monitors from Cronitor as YAML"}
	}
	return found, nil
}

// read takes the members of a monitor. A value of an unexpected form counts as
// one without a counterpart.
func (m *cronitorMonitor) read(node *yaml.Node) {
	for name, value := range members(node) {
		ok := true
		switch name {
		case "key", "type", "platform", "created", "initialized", "running", "passing", "latest_event", "latest_events", "latest_issue", "latest_incident", "statistics":
		case "name":
			ok = value.Decode(&m.name) == nil
		case "note":
			ok = value.Decode(&m.note) == nil
		case "group":
			ok = value.Decode(&m.group) == nil
		case "timezone":
			ok = value.Decode(&m.zone) == nil
		case "schedule", "schedules":
			m.schedules = append(m.schedules, texts(value)...)
		case "tags":
			m.tags = texts(value)
		case "assertions":
			m.assertions = texts(value)
		case "grace_seconds":
			var n int64
			if ok = value.Decode(&n) == nil; ok && value.Tag != "!!null" {
				m.grace = new(seconds(n))
			}
		case "schedule_tolerance":
			ok = value.Decode(&m.tolerance) == nil
		case "paused":
			ok = value.Decode(&m.paused) == nil
		default:
			ok = empty(value)
		}
		if !ok {
			m.foreign = append(m.foreign, oneLine(name, 60))
		}
	}
}

func (i *Import) addCronitor(m cronitorMonitor, taken slugs) error {
	c := Check{
		Name:        cmp.Or(oneLine(m.name, nameLimit), oneLine(m.key, nameLimit), "unnamed"),
		Description: m.note,
		Tags:        m.tags,
	}
	if m.group != "" {
		c.Tags = append([]string{m.group}, c.Tags...)
	}
	schedules := mergeCron(m.schedules)
	if len(schedules) == 0 {
		i.note(c.Name, "not imported: it has no schedule, so nothing would be missed")
		return nil
	}
	if len(schedules) > 1 {
		i.note(c.Name, "has several schedules, of which the check has the first; without counterpart: %s", quote(strings.Join(schedules[1:], ", ")))
	}
	c.Schedule = cronitorSchedule(schedules[0], m.zone)
	c.Grace = graceFor(c.Schedule)
	if m.grace != nil {
		c.Grace = *m.grace
	}
	if gap, ok := shortestGap(c.Schedule); ok && m.tolerance > 0 {
		c.Grace += min(gap, longestSpan) * time.Duration(min(m.tolerance, 100))
		i.note(c.Name, "tolerates %d missed schedules there; its grace is longer by that", m.tolerance)
	}
	var other []string
	if c.MaxRuntime, other = maxRuntime(m.assertions); len(other) > 0 {
		i.note(c.Name, "without counterpart: the assertions %s", quote(strings.Join(other, ", ")))
	}
	if len(m.foreign) > 0 {
		i.note(c.Name, "without counterpart: %s", strings.Join(m.foreign, ", "))
	}
	c.Slug = taken.take(m.key, m.name)
	if m.paused {
		i.notePaused(c)
	}
	if c.Slug != slugOf(m.key) || len(m.key) > slugLimit {
		i.note(c.Name, "its key %s does not lead to this check: change it to %s in the job", quote(m.key), c.Slug)
	}
	_, err := i.add(c.Name, c)
	return err
}

var everyWords = regexp.MustCompile(`(?i)^every\s+(.+)$`)

// cronitorSchedule reads "every 5 minutes" or a cron expression.
func cronitorSchedule(text, zone string) schedule.Spec {
	if every := everyWords.FindStringSubmatch(strings.TrimSpace(text)); every != nil {
		span, ok := parseSpan(every[1])
		if !ok {
			span, ok = parseSpan("1 " + every[1]) // every hour
		}
		if ok {
			return schedule.Spec{Kind: schedule.Every, Period: clamp(span)}
		}
	}
	return schedule.Spec{Kind: schedule.Cron, Expr: text, Zone: zone}
}

// mergeCron joins cron expressions that differ in one field into one with a list
// there, which has the slots of all of them.
func mergeCron(schedules []string) []string {
	if len(schedules) < 2 {
		return schedules
	}
	merged := strings.Fields(schedules[0])
	differs := -1
	for _, other := range schedules[1:] {
		fields := strings.Fields(other)
		if len(merged) != 5 || len(fields) != 5 {
			return schedules
		}
		for i := range fields {
			switch {
			case fields[i] == strings.Fields(schedules[0])[i]:
			case differs >= 0 && differs != i, strings.Contains(fields[i]+merged[i], "*"):
				return schedules
			default:
				differs = i
				merged[i] += "," + fields[i]
			}
		}
	}
	return []string{strings.Join(merged, " ")}
}

var durationAssertion = regexp.MustCompile(`(?i)^metric\.duration\s*<=?\s*(.+)$`)

// maxRuntime finds the shortest duration that is asserted, and the assertions
// that say something else.
func maxRuntime(assertions []string) (limit *time.Duration, other []string) {
	for _, assertion := range assertions {
		span, ok := time.Duration(0), false
		if found := durationAssertion.FindStringSubmatch(strings.TrimSpace(assertion)); found != nil {
			span, ok = parseSpan(found[1])
		}
		switch {
		case !ok:
			other = append(other, assertion)
		case limit == nil || span < *limit:
			limit = &span
		}
	}
	return limit, other
}

// members yields the members of a mapping in their order; none of anything else.
func members(node *yaml.Node) func(yield func(string, *yaml.Node) bool) {
	return func(yield func(string, *yaml.Node) bool) {
		node := resolve(node)
		if node.Kind != yaml.MappingNode {
			return
		}
		for i := 0; i+1 < len(node.Content); i += 2 {
			if !yield(node.Content[i].Value, resolve(node.Content[i+1])) {
				return
			}
		}
	}
}

// resolve follows an alias to what it stands for.
func resolve(node *yaml.Node) *yaml.Node {
	if node.Kind == yaml.AliasNode {
		return node.Alias
	}
	return node
}

// texts are the plain values of a list, or the one value that stands instead.
func texts(node *yaml.Node) []string {
	items := []*yaml.Node{node}
	if node.Kind == yaml.SequenceNode {
		items = node.Content
	}
	var values []string
	for _, item := range items {
		if item = resolve(item); item.Kind == yaml.ScalarNode && item.Tag != "!!null" && strings.TrimSpace(item.Value) != "" {
			values = append(values, item.Value)
		}
	}
	return values
}

// empty reports whether a value says nothing.
func empty(node *yaml.Node) bool {
	return node.Tag == "!!null" || node.Kind == yaml.ScalarNode && slices.Contains([]string{"", "0", "false", "default"}, node.Value) ||
		node.Kind != yaml.ScalarNode && len(node.Content) == 0
}
