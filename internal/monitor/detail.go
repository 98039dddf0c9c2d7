package monitor

import (
	"maps"
	"math"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Detail is what a job says beyond its signal. Most jobs say nothing more.
type Detail struct {
	Dialect     string             `json:"dialect,omitempty"` // "" is our own
	Message     string             `json:"message,omitempty"`
	Environment string             `json:"environment,omitempty"`
	Host        string             `json:"host,omitempty"`
	Metrics     map[string]float64 `json:"metrics,omitempty"` // by name, in the unit that the job chose
	// Arrived is when a late report came in, long after it happened; zero otherwise.
	Arrived time.Time `json:"arrived,omitzero"`
}

// Limits of a ping's details. What goes beyond is cut off: a long message is no
// reason to lose a ping.
const (
	MessageLimit    = 2000 // characters
	LabelLimit      = 100  // characters of a host, an environment or a metric's name
	MetricsLimit    = 20   // metrics of one ping, the first ones by name
	LargestMetric   = 1e18 // and its negative; anything beyond is not kept
	BackdateLimit   = 7 * 24 * time.Hour
	LongestReported = 366 * 24 * time.Hour // of a duration that a job reports
)

// Empty reports whether there is nothing to keep.
func (d Detail) Empty() bool {
	return d.Dialect == "" && d.Message == "" && d.Environment == "" && d.Host == "" &&
		len(d.Metrics) == 0 && d.Arrived.IsZero()
}

// Bounded returns the details within their limits, as texts that any database
// takes and any page can show.
func (d Detail) Bounded() Detail {
	d.Message = Plain(d.Message, MessageLimit)
	d.Environment = Plain(d.Environment, LabelLimit)
	d.Host = Plain(d.Host, LabelLimit)
	metrics := map[string]float64{}
	for _, name := range slices.Sorted(maps.Keys(d.Metrics)) {
		value, label := d.Metrics[name], Plain(name, LabelLimit)
		if label != "" && math.Abs(value) <= LargestMetric && len(metrics) < MetricsLimit {
			metrics[label] = value
		}
	}
	d.Metrics = nil
	if len(metrics) > 0 {
		d.Metrics = metrics
	}
	return d
}

// ReportedDuration returns the duration that a job reports in seconds, nil when it
// cannot be one.
func ReportedDuration(seconds float64) *time.Duration {
	if !(seconds >= 0 && seconds <= LongestReported.Seconds()) { // NaN is neither
		return nil
	}
	took := time.Duration(seconds * float64(time.Second)).Truncate(time.Microsecond)
	return &took
}

// Plain makes a client's bytes a text that any database takes: valid UTF-8 without
// control characters, at most limit characters.
func Plain(text string, limit int) string {
	plain := len(text) <= limit
	for i := 0; plain && i < len(text); i++ {
		plain = text[i] >= ' ' && text[i] <= '~'
	}
	if plain {
		return text
	}
	text = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case unicode.IsControl(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "\ufffd"))
	if utf8.RuneCountInString(text) > limit {
		text = string([]rune(text)[:limit])
	}
	return text
}
