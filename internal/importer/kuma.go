package importer

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"rollcall/internal/fault"
	"rollcall/internal/schedule"
)

// kumaMonitor is a monitor in a backup of Uptime Kuma.
type kumaMonitor struct {
	ID            int64
	Type          string
	Name          string
	Description   string
	PushToken     string
	Interval      int64 // seconds
	RetryInterval int64 // seconds
	MaxRetries    int64
	Active        looseBool
	UpsideDown    looseBool
	Notifications json.RawMessage `json:"notificationIDList"`
	Tags          []struct{ Name, Value string }
}

// looseBool is true, false, or a number as SQLite has it; unset it is nil.
type looseBool struct{ value *bool }

// UnmarshalJSON implements json.Unmarshaler.
func (b *looseBool) UnmarshalJSON(text []byte) error {
	switch string(text) {
	case "true", "1":
		b.value = new(true)
	case "false", "0":
		b.value = new(false)
	}
	return nil
}

func (b looseBool) is(value bool) bool { return b.value != nil && *b.value == value }

// leastKumaGrace is how long after its interval a push monitor may be late that
// is not tried again.
const leastKumaGrace = time.Minute

// ReadKuma reads the backup that Uptime Kuma exports as JSON. Its push monitors
// become checks that their jobs still reach with their tokens.
func ReadKuma(text string) (Import, error) {
	var found Import
	var backup struct{ MonitorList []json.RawMessage }
	if err := json.Unmarshal([]byte(text), &backup); err != nil {
		return found, fault.Invalid{"file": "is not a backup of Uptime Kuma as JSON; export one under Settings, Backup: " + oneLine(err.Error(), 200)}
	}
	taken := slugs{}
	others := 0
	var kept, told bool
	for n, raw := range backup.MonitorList {
		var m kumaMonitor
		if err := json.Unmarshal(raw, &m); err != nil {
			found.note(fmt.Sprintf("monitor %d", n+1), "not imported: it is not what Uptime Kuma exports: %s", oneLine(err.Error(), 200))
			continue
		}
		if m.Type != "push" {
			others++
			continue
		}
		c := m.check()
		c.Slug = taken.take(m.Name, fmt.Sprint("kuma ", m.ID))
		found.noteKuma(m, c)
		kept, told = kept || len(c.Tokens) > 0, told || len(m.Notifications) > len("null")
		if _, err := found.add(c.Name, c); err != nil {
			return found, err
		}
	}
	if kept {
		found.note("", "the checks keep their push tokens: in the addresses of the jobs, only the host changes")
	}
	if others > 0 {
		found.note("", "not imported: %s that Uptime Kuma itself asks", monitors(others))
	}
	if told {
		found.note("", "notifications are not imported; all channels of the project are told")
	}
	if len(backup.MonitorList) == 0 {
		found.note("", "the file has no monitorList; is it a backup of Uptime Kuma?")
	}
	return found, nil
}

// monitors is a number of them.
func monitors(n int) string {
	if n == 1 {
		return "1 monitor"
	}
	return fmt.Sprint(n, " monitors")
}

func (m kumaMonitor) check() Check {
	c := Check{
		Name:        cmp.Or(oneLine(m.Name, nameLimit), "unnamed"),
		Description: m.Description,
		Schedule:    schedule.Spec{Kind: schedule.Every, Period: clamp(seconds(m.Interval))},
		Grace:       max(leastKumaGrace, seconds(min(m.MaxRetries, 1000)*min(m.RetryInterval, int64(longestSpan/time.Second)))),
	}
	for _, tag := range m.Tags {
		c.Tags = append(c.Tags, strings.Trim(tag.Name+"="+tag.Value, "= "))
	}
	if m.PushToken != "" {
		c.Tokens = []Token{{"kuma", m.PushToken}}
	}
	return c
}

// noteKuma says what of a monitor cannot be carried over.
func (i *Import) noteKuma(m kumaMonitor, c Check) {
	if m.PushToken == "" {
		i.note(c.Name, "has no push token, so its job needs the new ping address")
	}
	if m.Active.is(false) {
		i.notePaused(c)
	}
	if m.UpsideDown.is(true) {
		i.note(c.Name, "is upside down there: it wants silence, and a check wants pings")
	}
}
