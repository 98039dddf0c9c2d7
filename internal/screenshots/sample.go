package main

import (
	"time"

	"rollcall/internal/monitor"
	"rollcall/internal/schedule"
)

// job is one check of the sample project and how its runs went. Runs are counted
// from the newest, 0, which is the run of the last slot before now.
type job struct {
	name, slug, about string
	tags              []string
	spec              schedule.Spec
	grace, limit      time.Duration // a limit of 0 is not set
	took              time.Duration // about how long a run takes; 0: it sends no start signal
	runs              int
	ago               time.Duration // of the last slot of a plain period
	failed            map[int]int64 // exit status by run
	missed            []int
	running           time.Duration // since when a run is open; 0: none is
	paused            time.Duration // how long ago somebody paused it
	output            bool          // its ends carry output
	flood             int           // pings in one second, at the end
	channels          []string      // nil: all
}

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
func jobs() []job {
	return []job{
		{
			name: "Offsite backup", slug: "offsite-backup", tags: []string{"backup", "prod"},
			about: "Restic to the Helsinki bucket.\nIf it fails, run restic unlock on ark-2, then start it by hand.",
			spec:  cron("0 2 * * *"), grace: 15 * minute, limit: 45 * minute, took: 21 * minute, runs: 60,
			failed: map[int]int64{51: 3}, missed: []int{0, 17}, output: true,
		},
		{
			name: "Invoice export", slug: "invoice-export", tags: []string{"billing", "prod"},
			spec: cron("5 * * * *"), grace: 10 * minute, took: 41 * second, runs: 60,
			failed: map[int]int64{0: 1, 1: 1, 20: 2}, output: true,
		},
		{
			name: "Search re-index", slug: "search-re-index", tags: []string{"search", "prod"},
			spec: every(2 * hour), grace: 15 * minute, took: 6 * minute, runs: 34, ago: 2*hour + 10*minute + 20*second,
		},
		{
			name: "Monthly tape rotation", slug: "tape-rotation", tags: []string{"backup", "hardware"},
			spec: cron("30 2 14 * *"), grace: hour, took: 20 * minute, runs: 8,
		},
		{
			name: "Postgres base backup", tags: []string{"backup", "db", "prod"},
			spec: cron("0 3 * * *"), grace: hour, took: 38 * minute, runs: 50,
		},
		{
			name: "WAL archive", slug: "wal", tags: []string{"backup", "db", "prod"},
			spec: every(5 * minute), grace: 5 * minute, took: 3 * second, runs: 90, ago: 2 * minute, flood: 48,
		},
		{
			name: "Photo library snapshot", tags: []string{"backup", "media"},
			spec: every(6 * hour), grace: hour, took: 14 * minute, runs: 40, ago: 6*hour + 30*minute, running: 12 * minute,
		},
		{
			name: "Card settlement", tags: []string{"billing", "prod"},
			spec: cron("30 6 * * 1-5"), grace: 30 * minute, took: 4 * minute, runs: 40,
		},
		{
			name: "Dunning mails", tags: []string{"billing", "mail"},
			spec: cron("0 8 * * 1-5"), grace: 30 * minute, took: 106 * second, runs: 40,
		},
		{
			name: "Ledger close", tags: []string{"billing", "finance"},
			spec: cron("30 2 28 * *"), grace: 6 * hour, took: 6 * minute, runs: 12,
		},
		{
			name: "Warehouse load", tags: []string{"data", "prod"},
			spec: every(15 * minute), grace: 15 * minute, took: 8 * minute, runs: 60, ago: 17 * minute,
			failed: map[int]int64{26: 137}, running: 2 * minute,
		},
		{
			name: "Events compaction", tags: []string{"data"},
			spec: every(30 * minute), grace: 15 * minute, took: 65 * second, runs: 60, ago: 13 * minute,
		},
		{
			name: "Nightly report", tags: []string{"data", "reports", "prod"},
			spec: cron("30 4 * * 1-5"), grace: hour, took: 90 * second, runs: 50, failed: map[int]int64{12: 1},
		},
		{
			name: "Fraud model training", tags: []string{"data", "ml"},
			spec: cron("0 1 * * 0"), grace: 6 * hour, limit: 3 * hour, took: 94 * minute, runs: 40,
		},
		{
			name: "Certificate renewal", tags: []string{"infra", "web"},
			spec: cron("20 5 * * *"), grace: 12 * hour, took: 12 * second, runs: 40,
		},
		{
			name: "DNS zone sync", tags: []string{"infra"},
			spec: every(10 * minute), grace: 10 * minute, runs: 50, ago: 6 * minute,
		},
		{
			name: "Log rotation", tags: []string{"infra", "housekeeping"},
			spec: cron("15 0 * * 1,4"), grace: 12 * hour, took: 5 * second, runs: 40,
		},
		{
			name: "Disk SMART self-test", tags: []string{"infra", "hardware"},
			spec: cron("0 1 * * 0"), grace: 12 * hour, took: 21 * minute, runs: 40, paused: 20 * hour,
		},
		{
			name: "Queue worker heartbeat", slug: "worker", tags: []string{"web", "worker", "prod"},
			spec: every(minute), grace: 2 * minute, runs: 90, ago: 22 * second, missed: []int{25, 26, 27},
		},
		{
			name: "Cache warm-up", tags: []string{"web", "prod"},
			spec: every(10 * minute), grace: 10 * minute, took: 45 * second, runs: 40, ago: 6 * minute,
		},
		{
			name: "Thumbnail generator", tags: []string{"web", "media"},
			spec: every(15 * minute), grace: 15 * minute, took: 65 * second, runs: 40, ago: 8 * minute,
		},
		{
			name: "Sitemap", slug: "sitemap", tags: []string{"web"},
			spec: cron("0 6 * * *"), grace: hour, channels: []string{},
		},
	}
}

const sampleOutput = `snapshot 9e0f31c2 saved
Files:        1204 new,    88 changed, 402771 unmodified
Added to the repository: 1.873 GiB (1.402 GiB stored)
processed 404063 files, 311.482 GiB in 21:54
`
