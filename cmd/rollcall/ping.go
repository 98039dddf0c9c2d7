package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"rollcall/internal/client"
)

// exitKept says that a ping was not delivered but is kept and will be: EX_TEMPFAIL.
const exitKept = 75

type pingCheck struct {
	reporting `embed:""`
	RID       string   `name:"rid" placeholder:"ID" help:"The run that the ping is about, at most 64 characters. All pings of a run have the same."`
	Message   string   `short:"m" placeholder:"TEXT" help:"What is sent with the ping."`
	Stdin     bool     `help:"Send the end of standard input with the ping, at most 100,000 bytes. A last argument - does the same."`
	Flush     bool     `help:"Send nothing but what earlier reports are kept."`
	What      []string `arg:"" optional:"" help:"What happened: start, success, fail, log or an exit status. Without it, success."`
}

// Help is shown below the flags.
func (pingCheck) Help() string {
	return `For a job that rollcall run cannot be put in front of. The ping is sent a few times if need be, for no longer than --timeout; then it is kept on disk, and the next rollcall run, rollcall ping or rollcall ping --flush sends it with the time at which it happened.

Examples:

  rollcall ping --check https://rollcall.example.org/ping/<uuid>

  rollcall ping --check nightly-backup fail --message "no space left"

  backup 2>&1 | rollcall ping --check nightly-backup log -

In a crontab, the exit status of a job that must not be wrapped, and what is kept, every ten minutes:

  15 3 * * *  backup; rollcall ping --check nightly-backup $?

  */10 * * * *  rollcall ping --flush

Exit status: 0 when the server has stored the ping, or with --flush when nothing is kept any more; 75 when it is kept and will be sent later; 1 when it is refused or cannot be kept; 2 for a mistake in the command line.`
}

// Validate is called when the command line has been read.
func (p pingCheck) Validate() error {
	_, fromInput, err := p.read()
	switch {
	case err != nil:
		return err
	case p.Flush && (len(p.What) > 0 || p.RID != "" || p.Message != "" || p.Stdin):
		return errors.New("--flush sends what is kept, and no ping besides")
	case fromInput && p.Message != "":
		return errors.New("a ping has either a --message or standard input")
	case len(p.Message) > client.LargestBody:
		return fmt.Errorf("--message is longer than %d bytes", client.LargestBody)
	}
	return p.reporting.Validate()
}

// read says what the arguments mean.
func (p pingCheck) read() (ping client.Ping, fromInput bool, err error) {
	what := p.What
	fromInput = p.Stdin
	if n := len(what); n > 0 && what[n-1] == "-" {
		what, fromInput = what[:n-1], true
	}
	switch len(what) {
	case 0:
		ping = client.Ping{Signal: client.Success}
	case 1:
		ping, err = client.ParsePing(what[0])
	default:
		err = fmt.Errorf("one thing happens at a time: %q is too much", what[1])
	}
	ping.RunID = p.RID
	return ping, fromInput, err
}

// Run implements the command.
func (p pingCheck) Run(ctx context.Context, streams streams) error {
	pinger := p.pinger(streams)
	if p.Flush {
		return p.flush(ctx, pinger, streams)
	}
	to, err := p.address()
	if err != nil {
		return err
	}
	ping, fromInput, err := p.read()
	if err != nil {
		return err
	}
	ping.Body = []byte(p.Message)
	if fromInput {
		if isTerminal(streams.in) {
			return errors.New("standard input is a terminal: send something into it, or give --message")
		}
		input := tail{keep: client.LargestBody}
		if _, err := io.Copy(&input, streams.in); err != nil {
			return fmt.Errorf("read standard input: %w", err)
		}
		ping.Body = input.bytes()
	}
	ctx, cancel := context.WithTimeout(ctx, p.Timeout)
	defer cancel()
	err = pinger.Deliver(ctx, to, ping)
	if _, kept := errors.AsType[*client.Kept](err); kept {
		tell(streams, err)
		return exitStatus(exitKept)
	}
	_, _ = pinger.Flush(ctx) // what is left is sent by the next one
	return err
}

// flush sends what is kept.
func (p pingCheck) flush(ctx context.Context, pinger *client.Pinger, streams streams) error {
	ctx, cancel := context.WithTimeout(ctx, p.Timeout)
	defer cancel()
	left, err := pinger.Flush(ctx)
	if left > 0 {
		tell(streams, fmt.Errorf("%d kept pings are not delivered yet: %w", left, err))
		return exitStatus(exitKept)
	}
	return err
}
