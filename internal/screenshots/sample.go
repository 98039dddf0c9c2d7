package main

import (
	"time"

	"rollcall/internal/monitor"
	"rollcall/internal/sample"
	"rollcall/internal/schedule"
)

const (
	second = time.Second
	minute = time.Minute
	hour   = time.Hour
	day    = 24 * time.Hour
)

const zone = "Europe/Berlin"

func cron(expr string) schedule.Spec {
	return schedule.Spec{Kind: schedule.Cron, Expr: expr, Zone: zone}
}

func every(period time.Duration) schedule.Spec {
	return schedule.Spec{Kind: schedule.Every, Period: period}
}

// blind is when Rollcall itself could not see.
func blind(now time.Time) monitor.Blind {
	from := time.Date(now.Year(), now.Month(), 14, 0, 52, 0, 0, time.UTC)
	return monitor.Blind{From: from, To: from.Add(78 * minute), Cause: "the database did not answer"}
}

// jobs is a lively project: of everything that can happen to a check, a bit.
func jobs() []sample.Job {
	return []sample.Job{
		{
			Name: "Offsite backup", Slug: "offsite-backup", Tags: []string{"backup", "prod"},
			About: "Restic to the Helsinki bucket.\nIf it fails, run restic unlock on ark-2, then start it by hand.",
			Spec:  cron("0 2 * * *"), Grace: 15 * minute, Limit: 45 * minute, Took: 21 * minute, Runs: 60,
			Failed: map[int]int64{51: 3}, Missed: []int{0, 17}, Output: sampleOutput, Trouble: sampleTrouble,
		},
		{
			Name: "Invoice export", Slug: "invoice-export", Tags: []string{"billing", "prod"},
			Spec: cron("5 * * * *"), Grace: 10 * minute, Took: 41 * second, Runs: 60,
			Failed: map[int]int64{0: 1, 1: 1, 20: 2}, Output: sampleOutput, Trouble: sampleTrouble,
		},
		{
			Name: "Search re-index", Slug: "search-re-index", Tags: []string{"search", "prod"},
			Spec: every(2 * hour), Grace: 15 * minute, Took: 6 * minute, Runs: 34, Ago: 2*hour + 10*minute + 20*second,
		},
		{
			Name: "Monthly tape rotation", Slug: "tape-rotation", Tags: []string{"backup", "hardware"},
			Spec: cron("30 2 14 * *"), Grace: hour, Took: 20 * minute, Runs: 8,
		},
		{
			Name: "Postgres base backup", Tags: []string{"backup", "db", "prod"},
			Spec: cron("0 3 * * *"), Grace: hour, Took: 38 * minute, Runs: 50,
		},
		{
			Name: "WAL archive", Slug: "wal", Tags: []string{"backup", "db", "prod"},
			Spec: every(5 * minute), Grace: 5 * minute, Took: 3 * second, Runs: 90, Ago: 2 * minute, Flood: 48,
		},
		{
			Name: "Photo library snapshot", Tags: []string{"backup", "media"},
			Spec: every(6 * hour), Grace: hour, Took: 14 * minute, Runs: 40, Ago: 6*hour + 30*minute, Running: 12 * minute,
		},
		{
			Name: "Card settlement", Tags: []string{"billing", "prod"},
			Spec: cron("30 6 * * 1-5"), Grace: 30 * minute, Took: 4 * minute, Runs: 40,
		},
		{
			Name: "Dunning mails", Tags: []string{"billing", "mail"},
			Spec: cron("0 8 * * 1-5"), Grace: 30 * minute, Took: 106 * second, Runs: 40,
		},
		{
			Name: "Ledger close", Tags: []string{"billing", "finance"},
			Spec: cron("30 2 28 * *"), Grace: 6 * hour, Took: 6 * minute, Runs: 12,
		},
		{
			Name: "Warehouse load", Tags: []string{"data", "prod"},
			Spec: every(15 * minute), Grace: 15 * minute, Took: 8 * minute, Runs: 60, Ago: 17 * minute,
			Failed: map[int]int64{26: 137}, Running: 2 * minute,
		},
		{
			Name: "Events compaction", Tags: []string{"data"},
			Spec: every(30 * minute), Grace: 15 * minute, Took: 65 * second, Runs: 60, Ago: 13 * minute,
		},
		{
			Name: "Nightly report", Tags: []string{"data", "reports", "prod"},
			Spec: cron("30 4 * * 1-5"), Grace: hour, Took: 90 * second, Runs: 50, Failed: map[int]int64{12: 1},
		},
		{
			Name: "Fraud model training", Tags: []string{"data", "ml"},
			Spec: cron("0 1 * * 0"), Grace: 6 * hour, Limit: 3 * hour, Took: 94 * minute, Runs: 40,
		},
		{
			Name: "Certificate renewal", Tags: []string{"infra", "web"},
			Spec: cron("20 5 * * *"), Grace: 12 * hour, Took: 12 * second, Runs: 40,
		},
		{
			Name: "DNS zone sync", Tags: []string{"infra"},
			Spec: every(10 * minute), Grace: 10 * minute, Runs: 50, Ago: 6 * minute,
		},
		{
			Name: "Log rotation", Tags: []string{"infra", "housekeeping"},
			Spec: cron("15 0 * * 1,4"), Grace: 12 * hour, Took: 5 * second, Runs: 40,
		},
		{
			Name: "Disk SMART self-test", Tags: []string{"infra", "hardware"},
			Spec: cron("0 1 * * 0"), Grace: 12 * hour, Took: 21 * minute, Runs: 40, Paused: 20 * hour,
		},
		{
			Name: "Queue worker heartbeat", Slug: "worker", Tags: []string{"web", "worker", "prod"},
			Spec: every(minute), Grace: 2 * minute, Runs: 90, Ago: 22 * second, Missed: []int{25, 26, 27},
		},
		{
			Name: "Cache warm-up", Tags: []string{"web", "prod"},
			Spec: every(10 * minute), Grace: 10 * minute, Took: 45 * second, Runs: 40, Ago: 6 * minute,
		},
		{
			Name: "Thumbnail generator", Tags: []string{"web", "media"},
			Spec: every(15 * minute), Grace: 15 * minute, Took: 65 * second, Runs: 40, Ago: 8 * minute,
		},
		{
			Name: "Sitemap", Slug: "sitemap", Tags: []string{"web"},
			Spec: cron("0 6 * * *"), Grace: hour, Channels: []string{},
		},
	}
}

const sampleTrouble = "connecting to billing-db …\nFATAL:  remaining connection slots are reserved\nexport: gave up after 3 attempts\n"

const sampleOutput = `snapshot 9e0f31c2 saved
Files:        1204 new,    88 changed, 402771 unmodified
Added to the repository: 1.873 GiB (1.402 GiB stored)
processed 404063 files, 311.482 GiB in 21:54
`
