package alerter

import (
	"time"

	"rollcall/internal/monitor"
	"rollcall/templates"
)

// The body of a webhook about checks that became unknown by a blind interval:
//
//	{
//	  "type": "checks.unverified",
//	  "timestamp": "2026-11-23T02:20:00Z",       // when it was decided
//	  "data": {
//	    "project": {"name": "Production"},
//	    "sentence": "Rollcall was blind from 02:02 to 02:09 UTC and could not verify 2 checks.",
//	    "from": "2026-11-23T02:02:00Z",           // of the blind interval
//	    "to": "2026-11-23T02:09:00Z",
//	    "cause": "Rollcall was restarted",
//	    "count": 2,
//	    "checks": [                               // the first 50
//	      {"name": "Offsite backup", "url": "https://rollcall.example/go/0b1c…", "due": "2026-11-23T02:05:00Z"}
//	    ],
//	    "url": "https://rollcall.example/checks?status=unknown"
//	  }
//	}
type digestData struct {
	Project  named         `json:"project"`
	Sentence string        `json:"sentence"`
	From     string        `json:"from"`
	To       string        `json:"to"`
	Cause    string        `json:"cause"`
	Count    int           `json:"count"`
	Checks   []digestCheck `json:"checks"`
	URL      string        `json:"url"`
}

type digestCheck struct {
	Name string  `json:"name"`
	URL  string  `json:"url"`
	Due  *string `json:"due"`
}

// unknownPage lists the checks that are unknown.
const unknownPage = checksPage + "?status=unknown"

func digestEvent(m Message, d monitor.Digest) event {
	data := digestData{
		Project: named{m.Project.Name}, Sentence: templates.DigestSentence(d),
		From: stamp(fromMicros(d.From)), To: stamp(fromMicros(d.To)), Cause: d.Cause,
		Count: d.Total, Checks: make([]digestCheck, len(d.Checks)), URL: m.BaseURL + unknownPage,
	}
	for i, c := range d.Checks {
		data.Checks[i] = digestCheck{c.Name, m.goTo(c), stampOf(c.Due)}
	}
	return event{"checks.unverified", stamp(m.Delivery.Created), data}
}

func digestMail(m Message, d monitor.Digest) templates.Mail {
	return templates.NewDigestMail(templates.DigestInput{
		ID: m.ID, Project: m.Project.Name, Channel: m.Channel.Name, Digest: d, Decided: m.Delivery.Created,
		ChecksPage: m.BaseURL + unknownPage, ChannelPage: m.ChannelPage(),
	})
}

// goTo is the address of a check's page, whatever project it has gone to.
func (m Message) goTo(c monitor.DigestCheck) string {
	return m.BaseURL + "/go/" + monitor.PageKey(c.UUID)
}

func fromMicros(us int64) time.Time { return monitor.FromMicros(&us) }
