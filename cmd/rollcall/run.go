package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"rollcall/internal/client"
)

type runJob struct {
	reporting   `embed:""`
	Schedule    string    `placeholder:"TEXT" help:"With --create and an API key: when the job runs, as a length of time (1h), cron expression or OnCalendar."`
	Timezone    string    `placeholder:"ZONE" help:"With --create and an API key: the zone of the schedule, such as Europe/Berlin."`
	Grace       lasting   `placeholder:"TIME" help:"With --create and an API key: how late the job may be, such as 30m."`
	APIKeyFile  string    `name:"api-key-file" env:"ROLLCALL_API_KEY_FILE" placeholder:"FILE" help:"File that holds an API key of the project. Without it the key is the value of ROLLCALL_API_KEY."`
	NoStart     bool      `help:"Report only the end, not the start."`
	Quiet       bool      `help:"Send no output. The job then writes to our output itself, as if it ran alone."`
	OutputLimit int       `default:"10000" placeholder:"BYTES" help:"How much of the end of the output is sent, at most 100000 (${default})."`
	Redact      []pattern `sep:"none" placeholder:"REGEX" help:"Mask what matches in the output that is sent; what is shown stays as it is. May be repeated."`
	KillAfter   lasting   `placeholder:"TIME" help:"End the job, and all that it has started, when it runs longer: SIGTERM, 10 s later SIGKILL."`
	Command     []string  `arg:"" passthrough:"partial" help:"The command and its arguments."`
}

// Help is shown below the flags.
func (runJob) Help() string {
	return `The command runs as it would alone: its input, output, signals and exit status are its own, and it starts at once. That it has started, how it ended and the end of its output are reported beside it. When the server is away the job does not notice: after --timeout the report is kept on disk, and the next rollcall run, rollcall ping or rollcall ping --flush sends it with the time at which things happened.

In a crontab:

  ROLLCALL_URL=https://rollcall.example.org

  ROLLCALL_PING_KEY_FILE=/etc/rollcall/ping-key

  15 3 * * *  rollcall run --check nightly-backup --kill-after 6h -- /usr/local/bin/backup --all

  */5 * * * *  rollcall run --check sync --create -- sync-mail

With all of the command line being one check's business:

  rollcall run --check https://rollcall.example.org/ping/<uuid> --redact 'token=\S+' -- sh -c 'fetch && convert'

Exit status: that of the command; 128 and the signal's number when a signal ended it; 127 when there is no such command, 126 when it cannot be run.

SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1 and SIGUSR2 are handed on, and the job is waited for. In a systemd unit use KillMode=mixed, or the job gets SIGTERM twice.

Something that the job leaves running in the background loses its output when the job has ended; with --quiet it does not.`
}

// Validate is called when the command line has been read.
func (r runJob) Validate() error {
	switch {
	case len(r.command()) == 0:
		return errors.New("there is no command to run")
	case r.OutputLimit < 0 || r.OutputLimit > client.LargestBody:
		return fmt.Errorf("--output-limit must be from 0 to %d bytes", client.LargestBody)
	case r.hasSettings() && !r.Create:
		return errors.New("--schedule, --timezone and --grace are for a check that is made: give --create too")
	}
	return r.reporting.Validate()
}

// ending are the signals that end a process which does not know them.
func ending() []os.Signal {
	return []os.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT}
}

// Run implements the command. Whatever is wrong with the reporting, the job runs, and
// its exit status is ours.
func (r runJob) Run(ctx context.Context, streams streams) error {
	ctx = context.WithoutCancel(ctx) // a signal is for the job, and not for us
	signals := make(chan os.Signal, 16)
	if handed := heeded(append(ending(), syscall.SIGUSR1, syscall.SIGUSR2)...); len(handed) > 0 {
		signal.Notify(signals, handed...)
	}
	// Whoever reads our output may go away. That is for the job to know and not our end.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)

	reports, trouble := r.open(streams)
	job := job{command: r.command(), streams: streams, killAfter: time.Duration(r.KillAfter), patience: usual()}
	if reports != nil && !r.Quiet && r.OutputLimit > 0 {
		job.tail = &tail{keep: r.OutputLimit + redactMargin}
	}
	began := time.Now()
	err := job.start()
	if err == nil && reports != nil {
		reports.start(ctx, began)
	}
	if trouble != nil {
		tell(streams, fmt.Errorf("%w; the job runs all the same, and nothing is reported", trouble))
	}
	var end ended
	if err != nil {
		tell(streams, err)
		end = notStarted(err, began)
	} else {
		end = job.wait(signals)
	}
	if reports != nil {
		if err := reports.end(ctx, end, job.tail); err != nil {
			tell(streams, err)
		}
	}
	return exitStatus(end.code)
}

// command is the command without the dashes before it.
func (r runJob) command() []string {
	if len(r.Command) > 0 && r.Command[0] == "--" {
		return r.Command[1:]
	}
	return r.Command
}

// reports tell the server of one run, beside the job and after it.
type reports struct {
	runJob
	to     client.Address
	pinger *client.Pinger
	run    string // id

	begun  chan struct{}      // closed when nothing goes on beside the job any more
	hurry  context.CancelFunc // ends the tries to tell the start again and again
	giveUp context.CancelFunc // ends all that goes on beside the job

	// What came of the work beside the job; to be read when begun is closed.
	missing   []client.Ping // the start, when it is not delivered
	bodyLimit int           // of the server; 0 when it does not say
	trouble   []error
}

// open returns nil and why when nothing can be reported.
func (r runJob) open(streams streams) (*reports, error) {
	to, err := r.address()
	if err != nil {
		return nil, err
	}
	done := make(chan struct{})
	close(done)
	nothing := func() {}
	return &reports{
		runJob: r, to: to, pinger: r.pinger(streams), run: client.NewRunID(),
		begun: done, hurry: nothing, giveUp: nothing,
	}, nil
}

// start tells of the start beside the job. What cannot be told is tried again for as
// long as the job runs: a start that is known late is better than none.
func (r *reports) start(ctx context.Context, at time.Time) {
	var untilEnd context.Context
	ctx, r.giveUp = context.WithCancel(ctx)
	untilEnd, r.hurry = context.WithCancel(ctx)
	r.begun = make(chan struct{})
	go func() {
		defer close(r.begun)
		var err error
		start := client.Ping{Signal: client.Start, RunID: r.run, At: at}
		if !r.NoStart {
			var receipt client.Receipt
			receipt, err = r.pinger.Send(ctx, r.to, start)
			r.bodyLimit = receipt.BodyLimit
		}
		if r.hasSettings() {
			r.note(r.configure(ctx))
		}
		if err != nil && !final(err) {
			pause(untilEnd, err)
			again := *r.pinger
			again.Spool = nil // what is missing at the end is told, or kept, with the end
			err = again.Deliver(untilEnd, r.to, start)
		}
		if err != nil && !final(err) {
			r.missing = []client.Ping{start}
		} else {
			r.note(err)
		}
	}()
}

// pause waits before what has failed is tried again, as long as the server asks.
func pause(ctx context.Context, err error) {
	wait := time.Second
	if answered, ok := errors.AsType[*client.PingError](err); ok && answered.RetryAfter != nil {
		wait = max(wait, *answered.RetryAfter)
	}
	select {
	case <-time.After(wait):
	case <-ctx.Done():
	}
}

// note remembers what is told after the job, so that nothing comes between the lines
// of its output.
func (r *reports) note(err error) {
	if err != nil {
		r.trouble = append(r.trouble, err)
	}
}

// final says whether the server has refused a ping for good.
func final(err error) bool {
	refused, ok := errors.AsType[*client.PingError](err)
	return ok && refused.Final()
}

// end tells how the job ended, and then what is left of earlier reports, within the
// timeout. A signal cuts it short; what is not delivered is kept.
func (r *reports) end(ctx context.Context, end ended, tail *tail) error {
	ctx, cancel := context.WithTimeout(ctx, r.Timeout)
	defer cancel()
	if signals := heeded(ending()...); len(signals) > 0 {
		ctx, cancel = signal.NotifyContext(ctx, signals...)
		defer cancel()
	}
	r.hurry()
	select {
	case <-r.begun:
	case <-ctx.Done():
	}
	r.giveUp()
	<-r.begun

	ping := end.ping
	ping.RunID, ping.At, ping.Body = r.run, end.at, r.body(end, tail)
	err := r.pinger.Deliver(ctx, r.to, append(r.missing, ping)...)
	if _, kept := errors.AsType[*client.Kept](err); !kept {
		_, _ = r.pinger.Flush(ctx) // what is left is sent by the next one
	}
	return errors.Join(append(slices.Clone(r.trouble), err)...)
}

// body is what is sent of the output, and how the job ended if that is not said by
// an exit status.
func (r *reports) body(end ended, tail *tail) []byte {
	var text []byte
	limit := max(r.OutputLimit, len(end.note)+len("rollcall: \n\n"))
	if tail != nil {
		text = tail.bytes()
	}
	if end.note != "" {
		if len(text) > 0 && text[len(text)-1] != '\n' {
			text = append(text, '\n')
		}
		text = fmt.Appendf(text, "rollcall: %s\n", end.note)
	}
	if r.bodyLimit > 0 {
		limit = min(limit, r.bodyLimit)
	}
	return masked(text, r.Redact, min(limit, client.LargestBody))
}

// hasSettings reports whether the check is given settings.
func (r runJob) hasSettings() bool { return r.Schedule != "" || r.Timezone != "" || r.Grace != 0 }

// configure gives the check its settings, and makes it when there is none.
func (r *reports) configure(ctx context.Context) error {
	slug := r.to.Slug()
	if slug == "" {
		return errors.New("--schedule, --timezone and --grace are for a check that is named by its slug")
	}
	api, err := remote{URL: r.URL, APIKeyFile: r.APIKeyFile}.api()
	if err != nil {
		return fmt.Errorf("the check's settings are not sent: %w", err)
	}
	fields := client.CheckFields{Slug: &slug, Grace: r.Grace.seconds(), Unique: []string{"slug"}}
	if r.Timezone != "" {
		fields.TZ = &r.Timezone
	}
	var period lasting
	if err := period.UnmarshalText([]byte(r.Schedule)); err == nil {
		fields.Timeout = period.seconds()
	} else if r.Schedule != "" {
		fields.Schedule = &r.Schedule
	}
	ctx, cancel := context.WithTimeout(ctx, r.Timeout/2)
	defer cancel()
	if _, _, err := api.SaveCheck(ctx, fields); err != nil {
		return fmt.Errorf("the check's settings are not saved: %w", err)
	}
	return nil
}
