package dialect

import (
	"encoding/json"
	"math"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"rollcall/internal/monitor"
)

// Query reads a query or a form. Unlike package net/url it leaves nothing out: what
// is escaped wrongly stands for itself, a semicolon is a letter like any other, and
// there may be any number of parameters. A failure that is misspelled must not be
// taken for a request without one.
func Query(text string) url.Values {
	said := url.Values{}
	for pair := range strings.SplitSeq(text, "&") {
		if pair != "" {
			name, value, _ := strings.Cut(pair, "=")
			said.Add(unescaped(name), unescaped(value))
		}
	}
	return said
}

func unescaped(text string) string {
	if plain, err := url.QueryUnescape(text); err == nil {
		return plain
	}
	return text
}

// isForm reports whether a request says that its body is a form. Curl says so of
// everything that it is given with -d.
func (r Request) isForm() bool {
	return strings.HasPrefix(strings.ToLower(r.Header.Get("Content-Type")), "application/x-www-form-urlencoded")
}

// badBody warns that a body was meant to be read and cannot be in full.
const badBody = "bad-body"

// memberTexts reads the members of a JSON object, by their names in lower case,
// whatever the Content-Type. Those of the member that inner names stand for
// themselves. A body that is no object says nothing. One that is broken, as scripts
// make them that put a job's output between quotes, gives what can be made out, with
// a warning.
func memberTexts(body []byte, inner string) (said url.Values, warning string) {
	said = url.Values{}
	if !strings.HasPrefix(strings.TrimLeft(string(body), "\ufeff \t\r\n"), "{") {
		return said, ""
	}
	var object, within map[string]json.RawMessage
	if json.Unmarshal(body, &object) != nil {
		for _, found := range looseMember.FindAllStringSubmatch(string(body), -1) {
			if found[3] != "null" {
				said.Add(strings.ToLower(found[1]), found[2]+found[3])
			}
		}
		return said, badBody
	}
	for name, value := range object {
		if strings.EqualFold(name, inner) && json.Unmarshal(value, &within) == nil {
			for name, value := range within {
				add(said, name, value)
			}
		}
		add(said, name, value)
	}
	return said, ""
}

// looseMember is a member with a plain value, wherever it stands.
var looseMember = regexp.MustCompile(`"([A-Za-z_]+)"\s*:\s*(?:"([^"\\]*)|([^\s",{}\[\]]+))`)

func add(said url.Values, name string, value json.RawMessage) {
	var text string
	switch err := json.Unmarshal(value, &text); {
	case string(value) == "null":
		return
	case err != nil:
		text = string(value)
	}
	said.Add(strings.ToLower(name), text)
}

// ended makes the event a success, or a failure when one of the exit statuses is not
// 0. One that is no number is left out.
func (e *Event) ended(statuses []string) {
	if e.Ping.Signal == "" {
		e.Ping.Signal = monitor.Success
	}
	for _, text := range statuses {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		if signal, exit, err := monitor.ExitSignal(text); err == nil {
			if e.Ping.Exit == nil || signal == monitor.Fail {
				e.Ping.Exit = &exit
			}
			if signal == monitor.Fail {
				e.Ping.Signal = monitor.Fail
			}
			continue
		}
		e.Warning = "bad-exit-status"
		if number, _ := strconv.ParseFloat(text, 64); number != 0 {
			e.Ping.Signal = monitor.Fail
		}
	}
}

// took sets how long the job says that it took. What is no such time is left out.
func (e *Event) took(text string, unit time.Duration) {
	if text = strings.TrimSpace(text); text == "" {
		return
	}
	number, err := strconv.ParseFloat(text, 64)
	if duration := monitor.ReportedDuration(number * unit.Seconds()); err == nil && duration != nil {
		e.Ping.Duration = duration
	} else {
		e.Warning = "bad-duration"
	}
}

// measured keeps a metric. What is no number, or too large, is left out.
func (e *Event) measured(name, text string) {
	if text = strings.TrimSpace(text); text == "" {
		return
	}
	number, err := strconv.ParseFloat(text, 64)
	if err != nil || !(math.Abs(number) <= monitor.LargestMetric) { // NaN is no number either
		e.Warning = "bad-" + name
		return
	}
	if e.Ping.Detail.Metrics == nil {
		e.Ping.Detail.Metrics = map[string]float64{}
	}
	e.Ping.Detail.Metrics[name] = number
}

// saysFailure reports whether a word can only mean that something went wrong.
func saysFailure(word string) bool {
	word = strings.ToLower(strings.TrimSpace(word))
	return word == "down" || strings.HasPrefix(word, "fail") || strings.HasPrefix(word, "err")
}

// blank reports whether nothing but spaces was said.
func blank(text string) bool { return strings.TrimSpace(text) == "" }

const jsonType = "application/json; charset=utf-8"
