package templates_test

import (
	"strings"
	"testing"
	"time"

	"rollcall/internal/monitor"
	"rollcall/templates"
)

func TestWhyPage(t *testing.T) {
	s := nights(t)
	from := instant(t, "2026-11-23T01:15:00Z")
	e := monitor.Explanation{
		From: from, To: from.Add(time.Minute), Status: monitor.Down, Answer: "A message was sent, and 1 of 3 channels took it.",
		Statements: []monitor.Statement{
			{Text: "Rollcall itself was blind."},
			{At: from.Add(400 * time.Millisecond), Is: monitor.Down, Text: "Nothing had arrived.", Suppressed: []monitor.Suppression{monitor.ChannelDisabled}},
			{At: from.Add(time.Second), Text: "It was so since then.", See: from.Add(-24 * time.Hour)},
		},
		Fates: []monitor.Fate{
			{Rev: 2, Channel: 1, Name: "Night shift", Delivery: 7, State: monitor.Sent, Text: "Taken 02:15:02."},
			{Rev: 2, Channel: 2, Name: "Paging", Delivery: 8, State: monitor.Dead, Text: "It was given up."},
			{Rev: 2, Channel: 3, Name: "Old room", Suppressed: monitor.ChannelDisabled, Text: "It was disabled then."},
		},
		Earlier: from.Add(-24 * time.Hour),
	}
	page := templates.WhyPageOf(frame(t, "Why? Offsite backup", "/checks"), s.check, e)
	goldenPage(t, "why.html", templates.Why(page))

	e = monitor.Explanation{From: from, To: from.Add(time.Minute), Answer: "What was decided then is not kept any more.", Later: from.Add(time.Hour)}
	page = templates.WhyPageOf(frame(t, "Why? Offsite backup", "/checks"), s.check, e)
	page.Wrong = "That is no time."
	html := rendered(t, templates.Why(page))
	for _, want := range []string{"The status of the check then is not known.", "Decided after:", "That is no time."} {
		if !strings.Contains(html, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

func TestWhyPathIsInTheZoneOfTheReader(t *testing.T) {
	s := nights(t)
	got := templates.WhyPath(s.check.UUID, instant(t, "2026-11-23T01:15:00.4Z"), clock(t))
	if want := templates.CheckPath(s.check.UUID) + "/why?at=2026-11-23T02%3A15"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestLatencyPage(t *testing.T) {
	goldenPage(t, "latency.html", templates.Latency(templates.LatencyPage{
		Page: frame(t, "Latency", "/deliveries"), Bound: 5000,
		Spans: []templates.LatencySpan{
			{Days: 7},
			{Days: 30, Latencies: monitor.Latencies{
				Detection: monitor.Spread{Count: 1204, P50: 30 * time.Millisecond, P90: 400 * time.Millisecond, P99: 2 * time.Second, Max: time.Minute},
				Delivery:  monitor.Spread{Count: 1, Max: 0}, Waiting: 2, Dead: 1,
			}},
		},
	}))
}

func TestDayVoiceNamesOtherDays(t *testing.T) {
	voice := templates.DayVoice{Clock: clock(t), Day: instant(t, "2026-11-21T23:30:00Z")} // the 22nd in Berlin
	for at, want := range map[string]string{
		"2026-11-22T01:00:05Z": "02:00:05", "2026-11-21T22:59:00Z": "Sat 21 Nov, 23:59:00", "2025-11-22T01:00:00Z": "Sat 22 Nov 2025, 02:00:00",
	} {
		if got := voice.AtSecond(instant(t, at)); got != want {
			t.Errorf("%s: %s, want %s", at, got, want)
		}
	}
}
