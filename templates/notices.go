package templates

import (
	"strconv"
	"strings"
	"time"

	"rollcall/internal/account"
)

// NoticesPage is where somebody chooses what they are told regularly.
type NoticesPage struct {
	Page
	Asked    account.Notices
	NoMail   bool // this server sends none
	Told     []NoticeProject
	Problems []Problem
}

// NoticeProject is a project of the reader.
type NoticeProject struct {
	ID   int64
	Name string
	Told bool
}

// choice is one of several.
type choice struct{ value, name string }

func reportChoices() []choice {
	return []choice{{string(account.Off), "Off"}, {string(account.Weekly), "Every week"}, {string(account.Monthly), "Every month"}}
}

func reminderChoices() []choice {
	return []choice{{string(account.Off), "Off"}, {string(account.Hourly), "Every hour"}, {string(account.Daily), "Every day"}}
}

// weekdays are the days of a week from Monday on.
func weekdays() []choice {
	var days []choice
	for d := 1; d <= 7; d++ {
		days = append(days, choice{strconv.Itoa(d), time.Weekday(d % 7).String()})
	}
	return days
}

func monthdays() []choice {
	var days []choice
	for d := 1; d <= account.LastDay; d++ {
		days = append(days, choice{strconv.Itoa(d), "the " + Ordinal(d)})
	}
	return days
}

// next says when the next mail of a topic comes.
func (p NoticesPage) next(at time.Time) string {
	if at.IsZero() {
		return "None is due."
	}
	when := p.At(at)
	if p.days(at) == 0 {
		when = "today " + when
	}
	return "The next is due " + when + "."
}

// SubscriptionPage is what the address in a regular mail leads to.
type SubscriptionPage struct {
	Page
	Path  string
	Topic account.Topic
	Every account.Every
	Done  bool // something was just changed
}

// says is what holds now.
func (p SubscriptionPage) says() string {
	words := "You get no " + string(p.Topic) + "s."
	if p.Every != account.Off {
		words = "You get " + string(p.Every) + " " + string(p.Topic) + "s."
	}
	if p.Done {
		return "Done. " + strings.Replace(words, "no ", "no more ", 1)
	}
	return words
}

// again is how often the mails can be had.
func (p SubscriptionPage) again() []choice {
	if p.Topic == account.Reminders {
		return reminderChoices()[1:]
	}
	return reportChoices()[1:]
}
