package main

import (
	"context"
	"strings"

	"github.com/google/uuid"

	"rollcall/internal/account"
	"rollcall/internal/monitor"
	"rollcall/internal/schedule"
)

// statusAddress is where the status page of the sample is found.
const statusAddress = "northwind"

// notices is what the account of the pictures asked to be told.
func notices(user account.UserID) account.Notices {
	return account.Notices{
		User: user, Report: account.Weekly, Day: 1, Reminder: account.Daily,
		StopKey: strings.Repeat("sample", 8),
	}
}

// stopToken stands in the address that stops the reports of the pictures.
func stopToken() string { return notices(0).StopToken(account.Reports) }

// publish makes the status page of the sample, and asks for a weekly report.
func (s *seeder) publish(ctx context.Context, user account.UserID, ids map[string]uuid.UUID) error {
	page := monitor.StatusPage{
		Project: s.project.ID, Address: statusAddress, Title: "Northwind", Description: "Scheduled jobs behind our services.",
		Scope: monitor.ChosenChecks, Grouped: true, History: true, Created: s.now.Add(-60 * day), Checks: map[monitor.CheckID]monitor.Appearance{},
	}
	for name, public := range map[string]string{
		"Offsite backup": "", "Invoice export": "Invoices", "Warehouse load": "Data warehouse", "Monthly tape rotation": "Archive tapes",
		"Thumbnail generator": "Image processing", "Cache warm-up": "", "Sitemap": "", "Disk SMART self-test": "Disk self-test",
	} {
		check, err := s.Check(ctx, s.project.ID, ids[name])
		if err != nil {
			return err
		}
		page.Checks[check.ID] = monitor.Appearance{Chosen: true, Name: public}
	}
	if _, err := s.CreateStatusPage(ctx, page); err != nil {
		return err
	}
	return s.SetNotices(ctx, notices(user).Plan(s.now, schedule.LocationOf(zone)))
}
