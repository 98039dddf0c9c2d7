package web

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/internal/monitor"
)

// projectMetrics serves the state of a project's checks to Prometheus. The key
// names the project: the id in the address is for people, as at Healthchecks,
// whose addresses hold another kind of id. It must be the read-only one, because it
// stands in addresses and configuration files.
func (s *Server) projectMetrics(c *apiCall) error {
	key := c.path("key")
	if key == "" {
		var ok bool
		if key, ok = bearer(c.r); !ok {
			return refuse(http.StatusUnauthorized, "send the read-only key as Authorization: Bearer")
		}
	}
	if len(key) != account.APIKeyLength {
		return refuse(http.StatusBadRequest, "the key must be of %d characters", account.APIKeyLength)
	}
	project, found, err := s.projectOfKey(c, key)
	switch {
	case errors.Is(err, fault.NotFound), err == nil && found.Kind != account.KeyReadOnly:
		return refuse(http.StatusForbidden, "not the read-only key of a project")
	case err != nil:
		return err
	}
	s.KeyUses.note(found.Hash, s.Now())
	c.project, c.key = project, found
	if err := s.pace(c); err != nil {
		return err
	}
	checks, err := s.Store.Checks(c.ctx(), project.ID, checksLimit)
	if err != nil {
		return err
	}
	return c.send(http.StatusOK, "text/plain; version=0.0.4; charset=utf-8", exposed(checks, s.Now()))
}

// gauge is one metric of a check; its value is absent where there is none.
type gauge struct {
	name, help string
	value      func(monitor.Check, time.Time) (float64, bool)
}

var gauges = []gauge{
	{"hc_check_up", "Whether the check is up: 0 only when it is down.", yes(func(c monitor.Check, _ time.Time) bool { return c.Status != monitor.Down })},
	{"hc_check_started", "Whether a run of the job is open.", yes(func(c monitor.Check, _ time.Time) bool { return c.Running() })},
	{"hc_check_grace", "Whether the check is late, and its grace is not over.", yes(func(c monitor.Check, now time.Time) bool { return c.Shown(now) == monitor.Late })},
	{"hc_check_paused", "Whether the check is paused.", yes(func(c monitor.Check, _ time.Time) bool { return c.Status == monitor.Paused })},
	{"hc_check_last_ping_age_seconds", "Time since the last success or failure.", func(c monitor.Check, now time.Time) (float64, bool) {
		return max(0, now.Sub(c.LastPing).Seconds()), !c.LastPing.IsZero()
	}},
	{"hc_check_last_duration_seconds", "How long the last run took.", func(c monitor.Check, _ time.Time) (float64, bool) {
		if c.LastDuration == nil {
			return 0, false
		}
		return c.LastDuration.Seconds(), true
	}},
	{"hc_check_next_deadline_timestamp_seconds", "When the check goes down if nothing arrives.", func(c monitor.Check, _ time.Time) (float64, bool) {
		deadline, ok := c.Deadline()
		return float64(deadline.At.UnixMilli()) / 1000, ok
	}},
}

func yes(is func(monitor.Check, time.Time) bool) func(monitor.Check, time.Time) (float64, bool) {
	return func(c monitor.Check, now time.Time) (float64, bool) {
		if is(c, now) {
			return 1, true
		}
		return 0, true
	}
}

// exposed writes the state of checks in the text format of Prometheus. The two
// totals go up and down in spite of their names, which are Healthchecks'; they have
// no type so that nobody takes a rate of them.
func exposed(checks []monitor.Check, now time.Time) []byte {
	var text strings.Builder
	slices.SortFunc(checks, func(a, b monitor.Check) int { return int(a.ID - b.ID) })
	for _, g := range gauges {
		begun := false
		for _, check := range checks {
			value, ok := g.value(check, now)
			if !ok {
				continue
			}
			if !begun {
				begin(&text, g.name, "gauge", g.help)
				begun = true
			}
			fmt.Fprintf(&text, "%s{name=%s,tags=%s,unique_key=%s} %s\n", g.name,
				label(check.Name), label(strings.Join(check.Tags, " ")), label(uniqueKey(check.UUID)), number(value))
		}
	}
	down, tags := 0, map[string]bool{} // whether all checks of a tag are up
	for _, check := range checks {
		isDown := check.Status == monitor.Down
		if isDown {
			down++
		}
		for _, tag := range check.Tags {
			before, known := tags[tag]
			tags[tag] = (before || !known) && !isDown
		}
	}
	if len(tags) > 0 {
		begin(&text, "hc_tag_up", "gauge", "Whether no check with the tag is down.")
	}
	for _, tag := range slices.Sorted(maps.Keys(tags)) {
		up := 0.0
		if tags[tag] {
			up = 1
		}
		fmt.Fprintf(&text, "hc_tag_up{tag=%s} %s\n", label(tag), number(up))
	}
	begin(&text, "hc_checks_total", "untyped", "Number of checks.")
	fmt.Fprintf(&text, "hc_checks_total %d\n", len(checks))
	begin(&text, "hc_checks_down_total", "untyped", "Number of checks that are down.")
	fmt.Fprintf(&text, "hc_checks_down_total %d\n", down)
	return []byte(text.String())
}

func begin(text *strings.Builder, name, kind, help string) {
	fmt.Fprintf(text, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
}

// label quotes the value of a label.
func label(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(text) + `"`
}

func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
