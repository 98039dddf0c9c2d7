// Command rollcall is a dead man's switch for scheduled jobs.
//
// It owns the command line and nothing else: package app does the work. Whatever
// goes wrong is told in one line, without a secret, and with a status that is not 0.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	_ "time/tzdata" // schedules have zones also where the system has none

	"github.com/alecthomas/kong"
	_ "golang.org/x/crypto/x509roots/fallback" // and webhooks TLS where it has no certificates

	"rollcall/internal/app"
)

// The exit statuses.
const (
	exitOK    = 0
	exitError = 1
	exitUsage = 2
)

func main() {
	ctx, stop := stopped(context.Background())
	// A second signal ends the process at once, unless it is a server, which then hurries.
	// That loses nothing either: what was answered is stored.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr}))
}

// stopped returns a context that ends when the process is told to.
func stopped(ctx context.Context) (context.Context, context.CancelFunc) {
	signals := heeded(os.Interrupt, syscall.SIGTERM)
	if len(signals) == 0 {
		return ctx, func() {} // no signals would be all signals
	}
	return signal.NotifyContext(ctx, signals...)
}

// stoppedAgain returns a channel that is closed when the process is told to stop for the
// second time from now on. The third time ends it at once.
func stoppedAgain() <-chan struct{} {
	again := make(chan struct{})
	signals := heeded(os.Interrupt, syscall.SIGTERM)
	if len(signals) == 0 {
		return again
	}
	told := make(chan os.Signal, 2)
	signal.Notify(told, signals...)
	go func() {
		<-told
		<-told
		signal.Stop(told)
		close(again)
	}()
	return again
}

// heeded returns those of the signals that the parent did not have us ignore. What
// nohup, or a shell in the background, keeps from us stays away from our jobs too.
func heeded(signals ...os.Signal) (heeded []os.Signal) {
	for _, s := range signals {
		if !signal.Ignored(s) {
			heeded = append(heeded, s)
		}
	}
	return heeded
}

// exitStatus is the error of a command that has said itself what there was to say
// and ends with this status.
type exitStatus int

// Error returns the status.
func (s exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

// streams are what a command reads and writes.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// run does what the arguments say and returns the exit status.
func run(ctx context.Context, args []string, io streams) int {
	var line commandLine
	exited := -1
	parser, err := kong.New(&line,
		kong.Name("rollcall"),
		kong.Description(description),
		kong.Vars{"database": defaultDatabase},
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.Writers(io.out, io.err),
		kong.Exit(func(code int) { exited = code }),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(io),
	)
	if err != nil {
		return fail(io, exitError, err) // a mistake in a tag
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	command, err := parser.Parse(args)
	if exited >= 0 {
		return exited // help was shown
	}
	if err != nil {
		return fail(io, exitUsage, fmt.Errorf("%w (%s --help shows what there is)", err, asked(err)))
	}
	err = command.Run()
	var status exitStatus
	switch {
	case errors.As(err, &status):
		return int(status)
	case err != nil:
		return fail(io, exitError, err)
	}
	return exitOK
}

// asked is the command that was given, as far as it was understood.
func asked(err error) string {
	var parse *kong.ParseError
	if errors.As(err, &parse) {
		if selected := parse.Context.Selected(); selected != nil {
			return selected.FullPath()
		}
	}
	return "rollcall"
}

// fail tells what went wrong in one line, however many an error has. A driver
// that tries the same address twice says the same thing twice.
func fail(io streams, code int, err error) int {
	var said []string
	for line := range strings.Lines(app.Scrub(err.Error())) {
		if line = strings.TrimSpace(line); line != "" && !slices.Contains(said, line) {
			said = append(said, line)
		}
	}
	fmt.Fprintf(io.err, "rollcall: %s\n", strings.ReplaceAll(strings.Join(said, "; "), ":; ", ": "))
	return code
}
