package account

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"rollcall/internal/monitor"
	"rollcall/internal/schedule"
)

// CheckFields is a check's configuration for the audit log, with the names of the
// channels it tells.
func CheckFields(c monitor.Config, told string) Fields {
	open := map[string]string{
		"name": c.Name, "slug": c.Slug, "description": c.Description, "tags": strings.Join(c.Tags, " "),
		"schedule": scheduleWords(c.Schedule), "timezone": c.Schedule.Zone, "grace": spanWords(&c.Grace), "run limit": spanWords(c.MaxRuntime),
		"bad results until it is down": numberWords(c.Threshold),
		"resumed by hand":              yes(c.ManualResume), "POST only": yes(c.PostOnly), "channels": told,
	}
	if c.Filter != (monitor.Filter{}) {
		open["keywords"] = filterWords(c.Filter)
	}
	return Fields{Open: open}
}

// CheckEntry is the entry about a check.
func CheckEntry(verb Verb, c monitor.Check) Entry {
	return Entry{Project: c.Project, Verb: verb, Object: OfCheck, Key: fmt.Sprint(c.ID), Title: c.Title()}
}

// ChannelFields is a channel for the audit log. The address of a webhook can be a
// secret too, so only its host is told.
func ChannelFields(c monitor.Channel) Fields {
	fields := Fields{
		Open:   map[string]string{"name": c.Name, "kind": string(c.Kind), "address": c.Settings.Address, "switched off": c.Disabled},
		Secret: map[string]string{"secret": c.Settings.Secret, "URL": c.Settings.URL},
	}
	if c.Kind == monitor.Webhook {
		fields.Open["host"] = c.Target()
	}
	return fields
}

// ChannelEntry is the entry about a channel.
func ChannelEntry(verb Verb, c monitor.Channel) Entry {
	return Entry{Project: c.Project, Verb: verb, Object: OfChannel, Key: fmt.Sprint(c.ID), Title: c.Name}
}

// Changes returns the entry with what differs between two states of its thing.
func (e Entry) Changes(before, after Fields) Entry {
	e.Before, e.After = Differ(before, after)
	return e
}

// One is a thing of one field that can be told.
func One(name, value string) Fields { return Fields{Open: map[string]string{name: value}} }

func scheduleWords(s schedule.Spec) string {
	if s.Kind == schedule.Every {
		return "every " + spanWords(&s.Period)
	}
	return s.Expr
}

// spanWords is a length of time: "1d 2h", "90s" as "1m 30s"; "" for none.
func spanWords(d *time.Duration) string {
	if d == nil {
		return ""
	}
	rest, words := *d, []string{}
	for _, unit := range []struct {
		size time.Duration
		name string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "min"}, {time.Second, "s"}} {
		if n := rest / unit.size; n > 0 {
			words = append(words, fmt.Sprintf("%d %s", n, unit.name))
			rest -= n * unit.size
		}
	}
	if len(words) == 0 {
		return "0 s"
	}
	return strings.Join(words, " ")
}

func numberWords(n *int) string {
	if n == nil {
		return ""
	}
	return strconv.Itoa(*n)
}

func yes(on bool) string {
	if on {
		return "yes"
	}
	return "no"
}

func filterWords(f monitor.Filter) string {
	var words []string
	for _, part := range []struct {
		name string
		on   bool
		text string
	}{
		{"body", f.On, ""},
		{"subject of mails", f.Subject, ""},
		{"text of mails", f.Mail, ""},
		{"success", f.Success != "", f.Success},
		{"failure", f.Fail != "", f.Fail},
		{"start", f.Start != "", f.Start},
		{"others fail", f.Default != "", ""},
	} {
		if part.on {
			words = append(words, strings.TrimSpace(part.name+" "+part.text))
		}
	}
	return strings.Join(words, ", ")
}

// Moved is the entry about what somebody did to a check, with the names of the
// channels it told before and tells now; false when nothing changed.
func Moved(before, after monitor.Check, told, tells string) (Entry, bool) {
	verb := Edited
	switch {
	case after.Status == monitor.Paused && before.Status != monitor.Paused:
		verb = Paused
	case before.Status == monitor.Paused && after.Status != monitor.Paused:
		verb = Resumed
	}
	entry := CheckEntry(verb, after).Changes(CheckFields(before.Config, told), CheckFields(after.Config, tells))
	return entry, verb != Edited || len(entry.Before)+len(entry.After) > 0
}
