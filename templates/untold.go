package templates

import (
	"fmt"
	"time"

	"rollcall/internal/monitor"
)

// untoldWords says what nobody was told of.
func untoldWords(u monitor.Untold, clock Clock) string {
	return fmt.Sprintf("%s down, and no channel has taken the message since %s.",
		Capital(Count(int64(u.Checks), "check went", "checks went")), clock.At(u.Since))
}

// NewUntoldMail is the mail to an owner about alarms that no channel takes.
func NewUntoldMail(u monitor.Untold, base string) Mail {
	clock := Clock{Now: u.Since, Zone: time.UTC}
	title := "Nobody was told: " + Count(int64(u.Checks), "check is down", "checks are down")
	return Mail{
		Subject: title + ", project " + shown(u.Name), Title: title, Status: monitor.Down, Project: shown(u.Name),
		Sentences: []string{untoldWords(u, clock), "Every channel of it refuses, or does not answer; each is tried again for about a day."},
		Button:    "See what they answer", Page: base + "/deliveries",
		Advice:  "Look at what went down, then at the channels: Test on the page of channels shows at once whether one works again.",
		Why:     "You get this because you own the project.",
		Closing: "Times are in UTC.",
	}
}
