package account

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"rollcall/internal/fault"
	"rollcall/internal/monitor"
)

// Every is how often somebody is told something.
type Every string

// How often. Off and "" are never.
const (
	Off     Every = "off"
	Hourly  Every = "hourly"
	Daily   Every = "daily"
	Weekly  Every = "weekly"
	Monthly Every = "monthly"
)

// Rules of reports and reminders.
const (
	// NoticeHour is the hour of the day, in the reader's zone, at which reports and
	// daily reminders are due.
	NoticeHour = 9
	// LastDay is the last day of a month on which a report can be due: each month has it.
	LastDay = 28
	// RemindAfter is for how long something must be down before anybody is reminded:
	// they were told when it went down.
	RemindAfter = time.Hour
	// stopNameLength is how much of a StopKey stands in addresses.
	stopNameLength = 16
)

// Notices is what a person asked to be told regularly. Nobody is told anything
// unasked.
type Notices struct {
	User     UserID
	Report   Every // Off, Weekly or Monthly
	Day      int   // of a report: 1 for Monday to 7, or the day of the month, 1 to LastDay
	Reminder Every // Off, Hourly or Daily
	// LeftOut are projects of which nothing is told.
	LeftOut []monitor.ProjectID

	NextReport   time.Time // zero: none is due
	NextReminder time.Time // zero: none is due
	// StopKey signs the addresses at which the person can stop the mails. Its first
	// characters name the person there.
	StopKey string
}

// NewNotices is what holds for who has not asked for anything.
func NewNotices(user UserID) Notices {
	return Notices{User: user, Report: Off, Day: 1, Reminder: Off, StopKey: NewToken() + NewToken()}
}

// Valid returns the notices in their canonical form, or a fault.Invalid.
func (n Notices) Valid() (Notices, error) {
	wrong := fault.Invalid{}
	if !slices.Contains([]Every{Off, Weekly, Monthly}, n.Report) {
		wrong["report"] = "is weekly, monthly or off"
	}
	if !slices.Contains([]Every{Off, Hourly, Daily}, n.Reminder) {
		wrong["reminder"] = "is hourly, daily or off"
	}
	switch {
	case n.Report == Weekly && (n.Day < 1 || n.Day > 7):
		wrong["day"] = "is a day of the week"
	case n.Report == Monthly && (n.Day < 1 || n.Day > LastDay):
		wrong["day"] = fmt.Sprintf("is from 1 to %d, which each month has", LastDay)
	}
	slices.Sort(n.LeftOut)
	n.LeftOut = slices.Compact(n.LeftOut)
	return n, wrong.OrNil()
}

// Plan returns the notices with what is due next after now.
func (n Notices) Plan(now time.Time, zone *time.Location) Notices {
	n.NextReport, n.NextReminder = time.Time{}, time.Time{}
	if n.Report == Weekly || n.Report == Monthly {
		n.NextReport = n.reportAfter(now, zone).UTC()
	}
	switch n.Reminder {
	case Hourly:
		n.NextReminder = now.Truncate(time.Hour).Add(time.Hour).UTC()
	case Daily:
		n.NextReminder = daily(now, zone, 1).UTC()
	}
	return n
}

// OwesReport says which report is owed at now. None is when the one that was due
// last is older than what was planned: the person has moved to another zone.
func (n Notices) OwesReport(now time.Time, zone *time.Location) (ReportEnd, bool) {
	const furthest = 26 * time.Hour // between two zones
	if n.NextReport.IsZero() || n.NextReport.After(now) {
		return ReportEnd{}, false
	}
	last := n.LastReport(now, zone)
	return last, last.Due(zone).After(n.NextReport.Add(-furthest))
}

// Remind reports whether there is something to be reminded of, by when the oldest
// downtime began.
func Remind(oldest, now time.Time) bool {
	return !oldest.IsZero() && now.Sub(oldest) >= RemindAfter
}

// ReminderSlot is the instant at which the last reminder up to now was due: its name.
func (n Notices) ReminderSlot(now time.Time, zone *time.Location) time.Time {
	if n.Reminder == Hourly {
		return now.Truncate(time.Hour).UTC()
	}
	return daily(now, zone, 0).UTC()
}

// daily is the NoticeHour that was last at or before now, or so many days later.
func daily(now time.Time, zone *time.Location, ahead int) time.Time {
	y, m, d := now.In(zone).Date()
	if time.Date(y, m, d, NoticeHour, 0, 0, 0, zone).After(now) {
		d--
	}
	return time.Date(y, m, d+ahead, NoticeHour, 0, 0, 0, zone)
}

// reportAfter is when the first report after now is due.
func (n Notices) reportAfter(now time.Time, zone *time.Location) time.Time {
	end := n.LastReport(now, zone)
	return end.back(-1).at(NoticeHour, zone)
}

// LastReport says which report was due last up to now.
func (n Notices) LastReport(now time.Time, zone *time.Location) ReportEnd {
	y, m, d := now.In(zone).Date()
	end := ReportEnd{Every: n.Report, Date: date(y, m, d)}
	if n.Report == Monthly {
		end.Date = date(y, m, n.Day)
	} else {
		weekday := (int(end.Date.Weekday()) + 6) % 7 // Monday is 0
		end.Date = end.Date.AddDate(0, 0, -(weekday-(n.Day-1)+7)%7)
	}
	if end.at(NoticeHour, zone).After(now) {
		end = end.back(1)
	}
	return end
}

// ReportEnd names a report: by how often it comes and the day on which it is due.
// It is about the days before that one, back to the report before it.
type ReportEnd struct {
	Every Every     `json:"every"`
	Date  time.Time `json:"date"` // midnight in UTC, standing for the day in any zone
}

func date(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 0, 0, 0, time.UTC) }

// Name is the name of the report among all of one person: "weekly-2026-11-23".
func (e ReportEnd) Name() string { return string(e.Every) + "-" + e.Date.Format(time.DateOnly) }

// back is the report so many before this one.
func (e ReportEnd) back(n int) ReportEnd {
	if e.Every == Monthly {
		e.Date = e.Date.AddDate(0, -n, 0)
	} else {
		e.Date = e.Date.AddDate(0, 0, -7*n)
	}
	return e
}

// at is an hour of the day in a zone.
func (e ReportEnd) at(hour int, zone *time.Location) time.Time {
	y, m, d := e.Date.Date()
	t := time.Date(y, m, d, hour, 0, 0, 0, zone)
	if t.Day() != d {
		t = t.Add(time.Hour) // where the clocks change at midnight, the day begins at one
	}
	return t
}

// Due is when the report is due.
func (e ReportEnd) Due(zone *time.Location) time.Time { return e.at(NoticeHour, zone).UTC() }

// Period is what a report is about, or the one so many before it: from the first
// instant to the second.
func (e ReportEnd) Period(back int, zone *time.Location) (from, to time.Time) {
	return e.back(back+1).at(0, zone).UTC(), e.back(back).at(0, zone).UTC()
}

// Topic is one kind of regular mail.
type Topic string

// The topics.
const (
	Reports   Topic = "report"
	Reminders Topic = "reminder"
)

// Asked is how often the person wants to be told of the topic.
func (n Notices) Asked(t Topic) Every {
	if t == Reminders {
		return n.Reminder
	}
	return n.Report
}

// Ask returns the notices with another wish for the topic.
func (n Notices) Ask(t Topic, every Every) Notices {
	if t == Reminders {
		n.Reminder = every
	} else {
		n.Report = every
	}
	return n
}

// StopName names the person in the addresses that stop mails.
func (n Notices) StopName() string { return n.StopKey[:stopNameLength] }

// StopToken is what stands in the address that stops the mails of a topic. It
// allows nothing else.
func (n Notices) StopToken(t Topic) string {
	return string(t) + "." + n.StopName() + "." + n.stopSign(t)
}

func (n Notices) stopSign(t Topic) string {
	mac := hmac.New(sha256.New, []byte(n.StopKey[stopNameLength:]))
	mac.Write([]byte(t))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16])
}

// Stops reports whether a token is that of the topic.
func (n Notices) Stops(t Topic, token string) bool {
	return hmac.Equal([]byte(n.StopToken(t)), []byte(token))
}

// ReadStopToken returns what a token says of itself; whether it is true is
// [Notices.Stops]'s to say.
func ReadStopToken(token string) (t Topic, stopName string, ok bool) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 || len(parts[1]) != stopNameLength {
		return "", "", false
	}
	t = Topic(parts[0])
	return t, parts[1], t == Reports || t == Reminders
}

// The letters of regular mails.
const (
	ReportLetter   LetterKind = "report"
	ReminderLetter LetterKind = "reminder"
)

// ReportData is what a ReportLetter is about.
type ReportData struct {
	User UserID `json:"user"`
	ReportEnd
}

// ReminderData is what a ReminderLetter is about.
type ReminderData struct {
	User UserID `json:"user"`
}

// ReportLife is how long a report is of use.
const ReportLife = 5 * 24 * time.Hour

// ReminderLife is how long a reminder is of use: until about the next one, at most
// for half a day.
func (n Notices) ReminderLife() time.Duration {
	if n.Reminder == Hourly {
		return 50 * time.Minute
	}
	return 12 * time.Hour
}
