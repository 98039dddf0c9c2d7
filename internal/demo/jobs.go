package demo

import (
	"context"
	"log/slog"
	"time"

	"rollcall/internal/client"
	"rollcall/internal/sample"
	"rollcall/internal/schedule"
)

const (
	second = time.Second
	minute = time.Minute
	hour   = time.Hour
	day    = 24 * time.Hour
)

// habit is a job of the sample project: its past, and how it goes on. What is said
// of its runs is used in turn, again and again.
type habit struct {
	sample.Job
	idle  bool          // it does not go on
	first time.Duration // when it runs first, after the start of the demo
	beat  time.Duration // from one start to the next; 0: as its schedule says
	takes []time.Duration
	exits []int64 // of its runs; none: 0
	quiet int     // runs that are left out after every two; 0: none
}

// silent names the job of the tour, which was well until the demo began.
const silent = "Report generator"

// How long after the start of the demo the silence of that job is late and told:
// long enough to look at it before, short enough to wait for.
const (
	silentGrace = 20 * second
	silentDue   = 30 * second
)

// habits are the jobs of an invented shop. Of everything that can happen to a check
// there is a bit, and something happens every few seconds. A job without a schedule
// of the calendar reports a little more often than it has to.
func habits() []habit {
	return []habit{
		{
			Job: sample.Job{
				Name: silent, Slug: "report-generator", Tags: []string{"reports", "prod"},
				About: "The job of the tour. When it stays silent, report for it:\nthe line to copy stands under “How to ping”.",
				Spec:  every(10 * minute), Grace: silentGrace, Runs: 300, Ago: 10*minute - silentDue + 2*second,
				Failed: map[int]int64{40: 1}, Missed: []int{120, 121, 230, 231}, Output: "41 reports written\n", Trouble: "no space left on device\n",
			},
			idle: true,
		},
		{
			Job: sample.Job{
				Name: "Invoice export", Slug: "invoice-export", Tags: []string{"billing", "prod"},
				About: "Fails now and then, and is well again with its next run.",
				Spec:  every(50 * second), Grace: 30 * second, Took: 3 * second, Runs: 90, Ago: 40 * second,
				Failed: map[int]int64{12: 1, 31: 2, 32: 2}, Output: "1,204 invoices exported\n", Trouble: exportTrouble,
			},
			first: 8 * second, beat: 47 * second, takes: []time.Duration{3 * second, 2 * second, 4 * second},
			exits: []int64{1, 0, 0, 0, 0},
		},
		{
			Job: sample.Job{
				Name: "Price feed", Slug: "price-feed", Tags: []string{"shop", "prod"},
				About: "Goes silent after every two reports, and comes back by itself.",
				Spec:  every(20 * second), Grace: 20 * second, Runs: 90, Ago: 14 * second,
			},
			first: 4 * second, beat: 19 * second, quiet: 9,
		},
		{
			Job: sample.Job{
				Name: "Warehouse load", Slug: "warehouse-load", Tags: []string{"data", "prod"},
				Spec: every(4 * minute), Grace: 2 * minute, Limit: 5 * minute, Took: 100 * second, Runs: 60, Ago: 4 * minute,
				Failed: map[int]int64{26: 137}, Output: "8 tables loaded, 311,482 rows\n", Trouble: "Killed\n",
			},
			beat: 4 * minute, takes: []time.Duration{100 * second, 85 * second, 120 * second},
		},
		{
			Job: sample.Job{
				Name: "Queue worker", Slug: "queue-worker", Tags: []string{"shop", "worker"},
				Spec: every(15 * second), Grace: 15 * second, Runs: 90, Ago: 6 * second, Missed: []int{60, 61, 62},
			},
			first: 6 * second, beat: 14 * second,
		},
		{
			Job: sample.Job{
				Name: "Thumbnails", Slug: "thumbnails", Tags: []string{"shop", "media"},
				Spec: every(30 * second), Grace: 30 * second, Took: 4 * second, Runs: 90, Ago: 14 * second, Output: "12 pictures scaled\n",
			},
			first: 14 * second, beat: 29 * second, takes: []time.Duration{4 * second, 3 * second, 6 * second, 5 * second},
		},
		{
			Job: sample.Job{
				Name: "Search index", Slug: "search-index", Tags: []string{"shop", "search"},
				Spec: every(minute), Grace: 30 * second, Took: 11 * second, Runs: 90, Ago: 28 * second, Output: "2,017 documents indexed\n",
			},
			first: 26 * second, beat: 58 * second, takes: []time.Duration{9 * second, 12 * second, 10 * second, 15 * second},
		},
		{
			Job: sample.Job{
				Name: "Nightly backup", Slug: "nightly-backup", Tags: []string{"backup", "prod"},
				About: "Restic to another town.\nIf it fails, unlock the repository, then start it by hand.",
				Spec:  calendar(schedule.Cron, "0 2 * * *"), Grace: hour, Took: 21 * minute, Runs: 88,
				Failed: map[int]int64{51: 3}, Missed: []int{17}, Output: backupOutput, Trouble: "repository is locked\n",
			},
			takes: []time.Duration{40 * second},
		},
		{
			Job: sample.Job{
				Name: "Certificate check", Slug: "certificates", Tags: []string{"infra"},
				Spec: calendar(schedule.Cron, "*/5 * * * *"), Grace: 2 * minute, Runs: 200, Output: "9 certificates, the first ends in 31 days\n",
			},
		},
		{
			Job: sample.Job{
				Name: "DNS zone sync", Slug: "dns-zones", Tags: []string{"infra"},
				Spec: calendar(schedule.OnCalendar, "*:0/2"), Grace: minute, Took: 2 * second, Runs: 200, Failed: map[int]int64{77: 9},
			},
			takes: []time.Duration{2 * second, 1 * second, 3 * second},
		},
		{
			Job: sample.Job{
				Name: "Disk self-test", Slug: "disks", Tags: []string{"infra", "hardware"},
				Spec: every(day), Grace: 6 * hour, Took: 21 * minute, Runs: 40, Ago: 30 * hour, Paused: 20 * hour,
			},
			idle: true,
		},
		{
			Job:  sample.Job{Name: "Sitemap", Slug: "sitemap", Tags: []string{"shop"}, Spec: calendar(schedule.Cron, "0 6 * * *"), Grace: hour},
			idle: true,
		},
	}
}

const (
	exportTrouble = "connecting to billing-db …\nFATAL:  remaining connection slots are reserved\nexport: gave up after 3 attempts\n"
	backupOutput  = "snapshot 9e0f31c2 saved\nFiles:        1204 new,    88 changed, 402771 unmodified\nprocessed 404063 files, 311.482 GiB in 21:54\n"
)

func every(period time.Duration) schedule.Spec {
	return schedule.Spec{Kind: schedule.Every, Period: period}
}

func calendar(kind schedule.Kind, expr string) schedule.Spec {
	return schedule.Spec{Kind: kind, Expr: expr, Zone: "UTC"}
}

// job is a habit that is lived: a client of the server like any other.
type job struct {
	habit
	began  time.Time // of the demo
	due    time.Time // what is awaited of it then
	pinger *client.Pinger
	to     client.Address
	log    *slog.Logger
}

// run lives the habit until ctx ends.
func (j job) run(ctx context.Context) error {
	sched, err := j.Spec.Parse()
	if err != nil {
		return err
	}
	at := j.began.Add(j.first)
	if j.beat == 0 {
		at = j.due
	}
	for n := 0; j.until(ctx, at); n++ {
		if j.quiet == 0 || n%(2+j.quiet) < 2 {
			j.once(ctx, n)
		}
		if j.beat > 0 {
			at = at.Add(j.beat)
		} else {
			at, _ = sched.Next(j.pinger.Now())
		}
	}
	return nil
}

// until waits for an instant; it returns false when ctx ends before.
func (j job) until(ctx context.Context, at time.Time) bool {
	timer := time.NewTimer(at.Sub(j.pinger.Now()))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return ctx.Err() == nil
	}
}

// once is one run of the job.
func (j job) once(ctx context.Context, n int) {
	end, output := client.Exited(j.exit(n)), j.Output
	if end.Signal == client.Fail {
		output = j.Trouble
	}
	if len(j.takes) == 0 {
		end.Exit = nil
	} else {
		end.RunID = client.NewRunID()
		j.say(ctx, client.Ping{Signal: client.Start, RunID: end.RunID})
		if !j.until(ctx, j.pinger.Now().Add(j.takes[n%len(j.takes)])) {
			return
		}
	}
	end.Body = []byte(output)
	j.say(ctx, end)
}

func (j job) exit(n int) int64 {
	if len(j.exits) == 0 {
		return 0
	}
	return j.exits[n%len(j.exits)]
}

// say sends a ping. Nobody waits for a job of the demo, so one that is lost is only
// told of.
func (j job) say(ctx context.Context, ping client.Ping) {
	if _, err := j.pinger.Send(ctx, j.to, ping); err != nil && ctx.Err() == nil {
		j.log.Warn("a job of the demo could not report", "job", j.Name, "err", err)
	}
}
