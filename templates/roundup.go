package templates

import (
	"fmt"
	"time"

	"rollcall/internal/monitor"
)

// RoundupSentence sums up what a digest tells.
func RoundupSentence(d monitor.Roundup) string {
	return fmt.Sprintf("%s within %s: %s.", Count(int64(d.Len()), "change", "changes"), roundupSpan(d), roundupCounts(d.Down, d.Up))
}

// roundupSpan says within which time it all was decided, in whole seconds begun.
func roundupSpan(d monitor.Roundup) string {
	return Duration(d.To.Sub(d.From).Truncate(time.Second) + time.Second)
}

// roundupCounts says how many checks went which way.
func roundupCounts(down, up int) string {
	wentDown, cameUp := Count(int64(down), "check went down", "checks went down"), Count(int64(up), "check came up", "checks came up")
	switch {
	case up == 0:
		return wentDown
	case down == 0:
		return cameUp
	}
	return wentDown + ", " + thousands(int64(up)) + " came up"
}

// roundup is the mail about what a storm owes.
func (m Mail) roundup(d monitor.Roundup, in MailInput) Mail {
	clock := Clock{Now: d.To, Zone: time.UTC}
	m.Status = monitor.Up
	if d.Down > 0 {
		m.Status = monitor.Down
	}
	m.Title = roundupCounts(d.Down, d.Up)
	m.Sentences = []string{
		fmt.Sprintf("%s within %s, more than are told one by one.", Count(int64(d.Len()), "change", "changes"), roundupSpan(d)),
		fmt.Sprintf("The first %d of such a series come singly, the others in mails like this one.", monitor.StormAfter),
	}
	m.Button, m.Page = "Show all of them", in.DigestPage
	part := MailPart{Title: "Changes"}
	if d.Len() > len(d.Changes) {
		part.Title = fmt.Sprintf("The first %d of %s changes", len(d.Changes), thousands(int64(d.Len())))
	}
	for _, t := range d.Changes {
		part.Lines = append(part.Lines, MailLine{shown(t.Name), turnWords(t) + ", " + clock.AtSecond(t.At) + "."})
	}
	m.Parts = []MailPart{part}
	m.Why = fmt.Sprintf("You get this because %s is told about these checks.", in.Channel)
	m.Closing = fmt.Sprintf("Times are in UTC. The message id ends in %s.", ending(in.ID))
	return m
}

// turnWords says in few words what became of a check.
func turnWords(t monitor.Turn) string {
	switch {
	case t.Corrects != 0:
		return "The alarm was none"
	case t.New == monitor.Down && t.Reason == monitor.Silent:
		return "Down: nothing arrived"
	case t.New == monitor.Down && t.Reason == monitor.Overran:
		return "Down: its run takes too long"
	case t.New == monitor.Down:
		return "Down: it reported a failure"
	}
	return Capital(StatusWord(t.New)) + " again"
}
