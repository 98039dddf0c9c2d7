package templates

import (
	"fmt"
	"strings"
	"time"

	"rollcall/internal/monitor"
)

// FailingOf are those of some channels of which there is something to say at now.
func FailingOf(channels []monitor.Failing, now time.Time) []monitor.Failing {
	var failing []monitor.Failing
	for _, f := range channels {
		if f.Warned = f.Due(now); f.Warned != monitor.NoWarning {
			failing = append(failing, f)
		}
	}
	return failing
}

// failingWords says which channels take nothing.
func failingWords(failing []monitor.Failing, clock Clock) string {
	if len(failing) == 1 {
		return failsWords(failing[0], clock)
	}
	return Capital(Count(int64(len(failing)), "channel is", "channels are")) + " switched off, or have taken no message for a day or longer."
}

// failsWords says what there is to say of a channel that takes nothing.
func failsWords(f monitor.Failing, clock Clock) string {
	switch f.Warned {
	case monitor.SwitchedOff:
		return fmt.Sprintf("The channel %s is switched off: %s.", f.Name, strings.TrimSuffix(offWords(f), "."))
	case monitor.FailsAlone:
		return fmt.Sprintf("The channel %s has taken no message since %s. It is the only one, so it stays on.", f.Name, clock.At(f.Since))
	}
	return fmt.Sprintf("The channel %s has taken no message since %s.", f.Name, clock.At(f.Since))
}

// FailingSentence says in UTC what there is to say of a channel that takes nothing.
func FailingSentence(f monitor.Failing) string {
	since := f.Since.UTC().Format("2 Jan 2006, 15:04 UTC")
	if f.Warned == monitor.SwitchedOff {
		return fmt.Sprintf("The channel %s was switched off: it has taken no message since %s.", f.Name, since)
	}
	return fmt.Sprintf("The channel %s has taken no message since %s.", f.Name, since)
}

// offWords says why a channel is switched off, or is about to be.
func offWords(f monitor.Failing) string {
	if f.Disabled == "" {
		return monitor.FailedTooLong
	}
	return f.Disabled
}

func failingPage(failing []monitor.Failing) string {
	if len(failing) == 1 {
		return "/channels/" + digits(int64(failing[0].Channel))
	}
	return "/channels"
}

// redirectWords says where a receiver leads; "" when it does not.
func redirectWords(h monitor.Health) string {
	if h.Redirects < monitor.RedirectsTold {
		return ""
	}
	return fmt.Sprintf("The receiver redirects to %s, which is not followed; give the channel that address if it is right.", h.RedirectTo)
}

// NewFailingMail is the mail to an owner about a channel that takes nothing.
func NewFailingMail(f monitor.Failing, base string) Mail {
	clock := Clock{Now: f.Failed, Zone: time.UTC}
	f.Name = shown(f.Name)
	title := "The channel " + f.Name + " takes no messages"
	next := "If nothing is taken for five days, it is switched off."
	switch f.Warned {
	case monitor.SwitchedOff:
		title = "The channel " + f.Name + " was switched off"
		next = "It is sent nothing any more, and checks do not tell it."
	case monitor.FailsAlone:
		next = "What goes wrong in the project reaches nobody else."
	}
	m := Mail{
		Subject: title + ", project " + shown(f.ProjectName), Title: title, Status: monitor.Down, Project: shown(f.ProjectName),
		Sentences: []string{failsWords(f, clock), next},
		Button:    "See what is answered", Page: fmt.Sprintf("%s/channels/%d", base, f.Channel),
		Advice:  "Correct its settings, or what receives its messages, and send a test: it shows at once whether the channel works, and switches it on again. Then replay what still matters.",
		Why:     "You get this because you own the project.",
		Closing: "Times are in UTC.",
	}
	if words := redirectWords(f.Health); words != "" {
		m.Sentences = append(m.Sentences, words)
	}
	return m
}

// NewFailingNotice is the mail about a channel that takes nothing to another channel of
// its project.
func NewFailingNotice(f monitor.Failing, to MailInput, base string) Mail {
	m := NewFailingMail(f, base)
	m.StopPage = to.ChannelPage
	m.Why = fmt.Sprintf("You get this because %s is a channel of the same project.", shown(to.Channel))
	m.Closing = fmt.Sprintf("%s The message id ends in %s.", m.Closing, ending(to.ID))
	return m
}
