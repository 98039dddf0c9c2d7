package alerter

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/schedule"
	"rollcall/internal/store"
	"rollcall/templates"
)

// Bounds of a regular mail.
const (
	reportPeriods  = 4      // the one it is about and those before it
	reportChecks   = 10_000 // of one project
	reportBlinds   = 1_000
	reminderChecks = 50
)

// NoticeStore is what writing regular mails needs of a store.
type NoticeStore interface {
	store.Notices
	User(ctx context.Context, id account.UserID) (account.User, error)
	ProjectsOf(ctx context.Context, id account.UserID) ([]store.Membership, error)
	Checks(ctx context.Context, project monitor.ProjectID, limit int) ([]monitor.Check, error)
	History(ctx context.Context, project monitor.ProjectID, since time.Time) (store.History, error)
	Blinds(ctx context.Context, since time.Time, limit int) ([]monitor.Blind, error)
}

// reader is whom a regular mail is for. One who has stopped such mails since it was
// queued is owed none any more.
func reader(ctx context.Context, st NoticeStore, id account.UserID, topic account.Topic) (account.User, account.Notices, error) {
	n, err := st.Notices(ctx, id)
	if errors.Is(err, fault.NotFound) || err == nil && n.Asked(topic) == account.Off {
		return account.User{}, n, ErrNotOwed
	}
	if err != nil {
		return account.User{}, n, err
	}
	user, err := st.User(ctx, id)
	return user, n, err
}

// Where a regular mail leads, behind the address of this server.
const (
	checksPage = "/checks"
	stopPage   = "/unsubscribe/"
)

// ReportWriter writes account.ReportLetter.
func ReportWriter(st NoticeStore, baseURL string) Writer {
	return func(ctx context.Context, l account.Letter, _ time.Time) (templates.Mail, error) {
		var data account.ReportData
		if err := json.Unmarshal([]byte(l.Data), &data); err != nil {
			return templates.Mail{}, fmt.Errorf("read report letter: %w", err)
		}
		user, n, err := reader(ctx, st, data.User, account.Reports)
		if err != nil {
			return templates.Mail{}, err
		}
		in := templates.ReportInput{
			Every: data.Every, Zone: schedule.LocationOf(user.Zone),
			Checks: baseURL + checksPage, StopPage: baseURL + stopPage + n.StopToken(account.Reports),
		}
		for back := range reportPeriods {
			from, to := data.Period(back, in.Zone)
			in.Periods = append(in.Periods, monitor.Period{From: from, To: to})
		}
		if err := fillReport(ctx, st, n, &in); err != nil {
			return templates.Mail{}, err
		}
		mail, owed := templates.NewReport(in)
		if !owed {
			return templates.Mail{}, ErrNotOwed
		}
		return mail, nil
	}
}

// fillReport reads how everything did that the person is told about.
func fillReport(ctx context.Context, st NoticeStore, n account.Notices, in *templates.ReportInput) error {
	since := in.Periods[len(in.Periods)-1].From
	blinds, err := st.Blinds(ctx, since, reportBlinds)
	if err != nil {
		return err
	}
	for _, b := range slices.Backward(blinds) {
		if p := in.Periods[0]; b.To.After(p.From) && b.From.Before(p.To) {
			in.Blinds = append(in.Blinds, b)
		}
	}
	projects, err := st.ProjectsOf(ctx, n.User)
	if err != nil {
		return err
	}
	for _, p := range projects {
		if slices.Contains(n.LeftOut, p.ID) {
			continue
		}
		checks, err := st.Checks(ctx, p.ID, reportChecks)
		if err != nil {
			return err
		}
		history, err := st.History(ctx, p.ID, since)
		if err != nil {
			return err
		}
		project := templates.ReportProject{Name: p.Name}
		for _, c := range checks {
			project.Tallies = append(project.Tallies, monitor.TallyOf(c, history.Flips[c.ID], blinds, history.Since, in.Periods))
		}
		in.Projects = append(in.Projects, project)
	}
	return nil
}

// ReminderWriter writes account.ReminderLetter.
func ReminderWriter(st NoticeStore, baseURL string) Writer {
	return func(ctx context.Context, l account.Letter, now time.Time) (templates.Mail, error) {
		var data account.ReminderData
		if err := json.Unmarshal([]byte(l.Data), &data); err != nil {
			return templates.Mail{}, fmt.Errorf("read reminder letter: %w", err)
		}
		user, n, err := reader(ctx, st, data.User, account.Reminders)
		if err != nil {
			return templates.Mail{}, err
		}
		down, err := st.DownOf(ctx, data.User, reminderChecks+1)
		if err != nil {
			return templates.Mail{}, err
		}
		if len(down) == 0 { // all is up again since it was queued
			return templates.Mail{}, ErrNotOwed
		}
		projects, err := st.ProjectsOf(ctx, data.User)
		if err != nil {
			return templates.Mail{}, err
		}
		in := templates.ReminderInput{
			Every: n.Reminder, Clock: templates.Clock{Now: now, Zone: schedule.LocationOf(user.Zone)}, More: len(down) > reminderChecks,
			Page: baseURL + checksPage, StopPage: baseURL + stopPage + n.StopToken(account.Reminders),
		}
		if len(down) == 1 {
			in.Page = baseURL + "/go/" + monitor.PageKey(down[0].UUID)
		}
		for _, c := range down[:min(reminderChecks, len(down))] {
			line := templates.ReminderCheck{Check: c}
			for _, p := range projects {
				if p.ID == c.Project {
					line.Project = p.Name
				}
			}
			in.Down = append(in.Down, line)
		}
		return templates.NewReminder(in), nil
	}
}
