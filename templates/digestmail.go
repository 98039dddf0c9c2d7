package templates

import (
	"fmt"
	"strings"
	"time"

	"rollcall/internal/monitor"
)

// DigestInput is what the mail about a blind interval is made of.
type DigestInput struct {
	ID, Project, Channel    string
	Digest                  monitor.Digest
	Decided                 time.Time
	ChecksPage, ChannelPage string
}

// DigestSentence says when Rollcall was blind and how many checks that concerns, in
// UTC: the checks may be of several zones.
func DigestSentence(d monitor.Digest) string {
	return fmt.Sprintf("Rollcall was blind %s UTC and could not verify %s.", spokenInterval(d), Count(int64(d.Total), "check", "checks"))
}

func spokenInterval(d monitor.Digest) string {
	from, to := monitor.FromMicros(&d.From), monitor.FromMicros(&d.To)
	layout := "15:04"
	if from.Truncate(time.Minute).Equal(to.Truncate(time.Minute)) {
		layout = "15:04:05"
	}
	until := to.Format(layout)
	if from.Truncate(24*time.Hour) != to.Truncate(24*time.Hour) {
		until = to.Format("2 Jan " + layout)
	}
	return fmt.Sprintf("from %s to %s", from.Format("2 Jan "+layout), until)
}

// NewDigestMail returns the mail that names the checks that could not be verified.
func NewDigestMail(in DigestInput) Mail {
	d, clock := in.Digest, Clock{Now: in.Decided, Zone: time.UTC}
	m := Mail{
		Title: "Not verified: " + Count(int64(d.Total), "check", "checks"), Status: monitor.Unknown, Project: shown(in.Project),
		Sentences: []string{
			DigestSentence(d),
			"Their pings may have been sent then and could not be stored, so nobody was alerted.",
			"The next run of each decides: if it is missed, the check is down and you are told. If one matters now, look whether its job has run.",
		},
		Button: "Open the checks", Page: in.ChecksPage, StopPage: in.ChannelPage,
		FactsTitle: "The blind interval",
		Facts: []Fact{
			{"From", clock.Full(monitor.FromMicros(&d.From))},
			{"To", clock.Full(monitor.FromMicros(&d.To))},
			{"Cause", d.Cause},
		},
		Why:     fmt.Sprintf("You get this because %s is told about these checks.", shown(in.Channel)),
		Closing: fmt.Sprintf("Rollcall decided this at %s. Times are in UTC. The message id ends in %s.", clock.AtSecond(in.Decided), ending(in.ID)),
	}
	part := MailPart{Title: "Checks that could not be verified"}
	for _, c := range d.Checks {
		words := "a run may have ended unseen"
		if c.Due != nil {
			words = "expected by " + clock.At(monitor.FromMicros(c.Due))
		}
		part.Lines = append(part.Lines, MailLine{shown(c.Name), words})
	}
	if more := d.Total - len(d.Checks); more > 0 {
		part.Lines = append(part.Lines, MailLine{Words: fmt.Sprintf("and %s more", thousands(int64(more)))})
	}
	m.Parts = []MailPart{part}
	m.Subject = strings.ReplaceAll(m.Title+". "+strings.TrimSuffix(m.Sentences[0], "."), nbsp, " ")
	return m
}
