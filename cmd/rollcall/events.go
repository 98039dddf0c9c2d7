package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"rollcall/internal/client"
)

// pollEvery is how often events --follow asks for what is new.
const pollEvery = 2 * time.Second

// events shows what happens to the checks of the project.
type events struct {
	Follow bool          `short:"f" help:"Go on with what happens, until interrupted."`
	Since  time.Duration `xor:"begin" placeholder:"TIME" help:"Begin so long ago: 90s, 15m, 48h. Without it, a day; with --follow, now."`
	After  string        `xor:"begin" placeholder:"CURSOR" help:"Begin behind this cursor, which the documents of the API name."`
	Check  []string      `complete:"checks" placeholder:"CHECK" help:"Only events of this check (slug, name or UUID); of several, of any."`
	JSON   bool          `name:"json" help:"Print the document of the API; with --follow that of each event, one in a line."`
	remote `embed:""`
}

// Help is shown below the flags.
func (events) Help() string {
	return `Examples:

  rollcall events --since 15m

  rollcall events --follow --check nightly-backup

  rollcall events --follow --json | jq 'select(.kind == "flip")'

Events are shown when they are a few seconds old, and of each check at most the newest 200 pings. Without a terminal a line is: time, kind, slug, name, what happened; with tabs between them.` + apiHelp
}

// Run implements the command.
func (e events) Run(ctx context.Context, streams streams) error {
	api, err := e.api()
	if err != nil {
		return err
	}
	show := shownEvents{out: newPaper(streams.out), json: e.JSON}
	for _, text := range e.Check {
		check, err := findCheck(ctx, api, text)
		if err != nil {
			return err
		}
		show.only = append(show.only, check)
	}
	if e.Follow {
		return follow(ctx, api, e.begin(0), show, streams.err)
	}
	return show.past(ctx, api, e.begin(24*time.Hour))
}

// begin is the cursor to begin at, "" for now.
func (e events) begin(ago time.Duration) string {
	if e.Since != 0 {
		ago = e.Since
	}
	if e.After != "" || ago == 0 {
		return e.After
	}
	return client.EventsSince(time.Now().Add(-ago))
}

// follow shows events until ctx ends. A server that is away is told of once, and
// missed nothing: the cursor goes on where it was.
func follow(ctx context.Context, api *client.API, cursor string, show shownEvents, errs io.Writer) error {
	away := false
	for ctx.Err() == nil {
		page, err := api.Events(ctx, cursor)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && !passing(err):
			return err
		case err != nil && !away:
			away = true
			fmt.Fprintf(errs, "rollcall: %s; asking again until it is back\n", printable(err.Error()))
		case err == nil:
			if away {
				away = false
				fmt.Fprintln(errs, "rollcall: the server is back")
			}
			if err := show.page(page); err != nil {
				return err
			}
			cursor = page.Cursor
			if page.Full() {
				continue
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(pollEvery):
		}
	}
	return nil
}

// passing says whether an error is one of those that end by themselves: the
// network's, and those of a server that restarts or has too much to do.
func passing(err error) bool {
	refused, ok := errors.AsType[*client.Error](err)
	return !ok || refused.Status >= 500 || refused.Status == http.StatusTooManyRequests
}

// shownEvents is how events are shown, and which.
type shownEvents struct {
	out  paper
	json bool
	only []client.Check // empty: of all checks
}

func (s shownEvents) wants(e client.Event) bool {
	return len(s.only) == 0 || slices.ContainsFunc(s.only, func(c client.Check) bool { return c.ID() == e.Check.ID() })
}

// past shows what happened between a cursor and now.
func (s shownEvents) past(ctx context.Context, api *client.API, cursor string) error {
	documents := []json.RawMessage{}
	for more := true; more; {
		page, err := api.Events(ctx, cursor)
		if err != nil {
			return err
		}
		cursor, more = page.Cursor, page.Full()
		if !s.json {
			if err := s.page(page); err != nil {
				return err
			}
			continue
		}
		for _, event := range page.Events {
			if s.wants(event) {
				documents = append(documents, event.JSON)
			}
		}
	}
	if !s.json {
		return nil
	}
	return printJSON(s.out, struct {
		Events []json.RawMessage `json:"events"`
		Cursor string            `json:"cursor"`
	}{documents, cursor})
}

// page prints a line for each wanted event.
func (s shownEvents) page(page client.EventPage) error {
	for _, event := range page.Events {
		if !s.wants(event) {
			continue
		}
		if err := s.event(event); err != nil {
			return fmt.Errorf("print an event: %w", err)
		}
	}
	return nil
}

func (s shownEvents) event(event client.Event) error {
	switch {
	case s.json:
		var line bytes.Buffer
		if err := json.Compact(&line, event.JSON); err != nil {
			return err
		}
		_, err := fmt.Fprintln(s.out, line.String())
		return err
	case !s.out.terminal:
		return s.out.tabs(event.At.UTC().Format(time.RFC3339Nano), event.Kind, event.Check.Slug, event.Check.Name, happened(event).text)
	}
	what := happened(event)
	_, err := fmt.Fprintf(s.out, "%s  %-8s  %s  %s\n",
		s.out.in(dim, event.At.Local().Format(time.DateTime)), printable(event.Kind),
		printable(cmp.Or(event.Check.Name, event.Check.Slug, "–")), s.out.in(what.colour, printable(what.text)))
	return err
}

// happened says what an event was.
func happened(e client.Event) cell {
	switch e.Kind {
	case client.EventPing:
		return pinged(e)
	case client.EventFlip:
		what := cell{text: e.Old + " → " + e.New}
		if e.Reason != "" {
			what.text += ": " + e.Reason
		}
		switch e.New {
		case "up":
			what.colour = green
		case "down":
			what.colour = red
		}
		return what
	case client.EventDelivery:
		what := cell{text: fmt.Sprintf("%s to %s", e.State, e.Channel)}
		if e.Attempts > 1 {
			what.text += fmt.Sprintf(" after %d attempts", e.Attempts)
		}
		if e.Answer != "" {
			what.text += ": " + e.Answer
		}
		return what
	}
	return cell{text: "something newer than this program: " + string(e.JSON)}
}

func pinged(e client.Event) cell {
	what := cell{text: fmt.Sprintf("#%d %s", e.N, e.Signal)}
	if e.Signal == "fail" {
		what.colour = red
	}
	parts := []string{}
	if e.ExitStatus != nil {
		parts = append(parts, fmt.Sprintf("exit status %d", *e.ExitStatus))
	}
	if e.Duration != nil {
		parts = append(parts, "took "+span(time.Duration(*e.Duration*float64(time.Second))))
	}
	if e.Ignored {
		parts = append(parts, "ignored")
		what.colour = dim
	}
	if len(parts) > 0 {
		what.text += ", " + strings.Join(parts, ", ")
	}
	return what
}
