package alerter

import (
	"fmt"

	"rollcall/internal/monitor"
	"rollcall/templates"
)

// The body of a webhook about another channel of the project, which takes nothing:
//
//	{
//	  "type": "channel.failing",                  // or channel.disabled: it was switched off
//	  "timestamp": "2026-11-23T08:14:31Z",         // when it was noticed
//	  "data": {
//	    "channel": {"name": "Paging", "kind": "webhook", "url": "https://rollcall.example/channels/3"},
//	    "project": {"name": "Production"},
//	    "sentence": "The channel Paging has taken no message since 22 Nov 2026, 08:10 UTC.",
//	    "failing_since": "2026-11-22T08:10:00Z",   // when the first attempt since its last success failed
//	    "failures": 41                             // attempts since then
//	  }
//	}
type failingData struct {
	Channel  failingChannel `json:"channel"`
	Project  named          `json:"project"`
	Sentence string         `json:"sentence"`
	Since    string         `json:"failing_since"`
	Failures int            `json:"failures"`
}

type failingChannel struct {
	Name string              `json:"name"`
	Kind monitor.ChannelKind `json:"kind"`
	URL  string              `json:"url"`
}

func failingEvent(m Message, f monitor.Failing) event {
	kind := "channel.failing"
	if f.Warned == monitor.SwitchedOff {
		kind = "channel.disabled"
	}
	return event{kind, stamp(m.Delivery.Created), failingData{
		Channel: failingChannel{f.Name, f.Kind, fmt.Sprintf("%s/channels/%d", m.BaseURL, f.Channel)},
		Project: named{m.Project.Name}, Sentence: templates.FailingSentence(f), Since: stamp(f.Since), Failures: f.Failures,
	}}
}

func failingMail(m Message, f monitor.Failing) templates.Mail {
	return templates.NewFailingNotice(f, templates.MailInput{ID: m.ID, Channel: m.Channel.Name, ChannelPage: m.ChannelPage()}, m.BaseURL)
}
