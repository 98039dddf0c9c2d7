package main

import (
	"context"
	"log/slog"
	"time"

	"rollcall/internal/app"
	"rollcall/internal/demo"
)

// showDemo shows the product with a sample project.
type showDemo struct {
	Listen string `default:"127.0.0.1:0" placeholder:"HOST:PORT" help:"Where pages and pings are served, on this machine alone (127.0.0.1, any free port)."`
}

// Help is shown below the flags.
func (showDemo) Help() string {
	return `It is the real server on a temporary database, with a sample project whose jobs really report: most are well, one runs now, one fails, one is paused, and one stays silent half a minute after the start. Mails go to an inbox and webhooks to a receiver that are pages of the demo, so nothing else is needed, and nobody is told by mistake.

Open the page that it prints. Ctrl-C ends the demo and removes the database.

Examples:

  rollcall demo

  rollcall demo --listen 127.0.0.1:8000

What is printed afterwards is a line for each mail and each webhook that arrives; the newest 100 of each are kept. The environment of rollcall serve has no meaning for the demo.`
}

// Run implements the command.
func (d showDemo) Run(ctx context.Context, streams streams) error {
	return demo.Run(ctx, demo.Config{
		Listen: d.Listen, Version: programVersion(), Out: streams.out,
		Log: app.NewLogger(streams.err, app.LogText, slog.LevelWarn),
		Now: func() time.Time { return time.Now().UTC().Truncate(time.Microsecond) },
	})
}
