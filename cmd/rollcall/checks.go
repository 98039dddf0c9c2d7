package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"

	"rollcall/internal/client"
)

// checks are the commands that look after checks through the management API.
type checks struct {
	List   checksList   `cmd:"" help:"List the checks of the project."`
	Show   checksShow   `cmd:"" help:"Show a check with its last pings and flips."`
	Pause  checksPause  `cmd:"" help:"Stop watching a check until it is resumed or pinged."`
	Resume checksResume `cmd:"" help:"Watch a paused check again."`
	Delete checksDelete `cmd:"" help:"Delete a check and all that is known of it."`
	Open   checksOpen   `cmd:"" help:"Print the address of a check's page, and open it where there is a display."`
}

// remote is the server and the project that a command talks to.
type remote struct {
	URL        string `name:"url" env:"ROLLCALL_URL" placeholder:"URL" help:"Address of the server, such as https://rollcall.example.org."`
	APIKeyFile string `name:"api-key-file" env:"ROLLCALL_API_KEY_FILE" placeholder:"FILE" help:"File that holds an API key of the project. Without it the key is the value of ROLLCALL_API_KEY."`
}

// api returns what speaks to the server.
func (r remote) api() (*client.API, error) {
	if r.URL == "" {
		return nil, errors.New("it is not known where the server is: give --url or set ROLLCALL_URL, such as https://rollcall.example.org")
	}
	key, err := fromFile(os.Getenv("ROLLCALL_API_KEY"), r.APIKeyFile)
	if err != nil {
		return nil, fmt.Errorf("read the API key: %w", err)
	}
	if key == "" {
		return nil, errors.New("there is no API key: set ROLLCALL_API_KEY, or name a file that holds one with --api-key-file")
	}
	return &client.API{BaseURL: r.URL, Key: key, UserAgent: "rollcall/" + programVersion()}, nil
}

const apiHelp = `

The project is that of the API key. Set ROLLCALL_URL, and ROLLCALL_API_KEY or ROLLCALL_API_KEY_FILE, once; then no command needs them.`

type checksList struct {
	Tag    []string `placeholder:"TAG" help:"Only checks that have this tag; of several, all."`
	Status []string `enum:"new,up,late,down,paused,unknown" placeholder:"STATUS" help:"Only checks with one of these: ${enum}."`
	Search string   `placeholder:"TEXT" help:"Only checks with this in their name, slug or tags."`
	JSON   bool     `name:"json" help:"Print the documents of the API."`
	remote `embed:""`
}

// Help is shown below the flags.
func (checksList) Help() string {
	return `Examples:

  rollcall checks list --status down,late

  rollcall checks list --tag prod | cut -f 2

Without a terminal a line is: status, slug, name, schedule, last ping, next expected, tags; with tabs between them.` + apiHelp
}

// Run implements the command.
func (c checksList) Run(ctx context.Context, streams streams) error {
	api, err := c.api()
	if err != nil {
		return err
	}
	all, err := api.Checks(ctx, client.CheckFilter{Tags: c.Tag})
	if err != nil {
		return err
	}
	list := slices.DeleteFunc(all, func(check client.Check) bool { return !c.wants(check) })
	slices.SortStableFunc(list, func(a, b client.Check) int {
		return cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
	})
	if c.JSON {
		documents := make([]json.RawMessage, len(list))
		for i, check := range list {
			documents[i] = check.JSON
		}
		return printJSON(streams.out, map[string]any{"checks": documents})
	}
	out := newPaper(streams.out)
	if len(list) == 0 && out.terminal {
		fmt.Fprintln(out, "No check is like that.")
		return nil
	}
	if !out.terminal {
		for _, c := range list {
			if err := out.tabs(statusWord(c), c.Slug, c.Name, scheduled(c), stamp(c.LastPing), stamp(expected(c)), c.Tags); err != nil {
				return fmt.Errorf("print the list: %w", err)
			}
		}
		return nil
	}
	now, rows := time.Now(), make([][]cell, len(list))
	for i, c := range list {
		rows[i] = []cell{
			status(c),
			{text: called(c)},
			{text: scheduled(c)},
			{text: relative(c.LastPing, now, "never")},
			{text: relative(expected(c), now, "–")},
			{text: c.Tags},
		}
	}
	out.table([]string{"STATUS", "NAME", "SCHEDULE", "LAST PING", "EXPECTED", "TAGS"}, rows)
	return nil
}

func (c checksList) wants(check client.Check) bool {
	if len(c.Status) > 0 && !slices.Contains(c.Status, statusWord(check)) {
		return false
	}
	return holds(check.Name, c.Search) || holds(check.Slug, c.Search) || holds(check.Tags, c.Search)
}

// holds says whether a text has a part, in whatever case.
func holds(text, part string) bool {
	return strings.Contains(strings.ToLower(text), strings.ToLower(part))
}

// called is the name of a check as people see it.
func called(check client.Check) string { return cmp.Or(check.Name, check.Slug, "unnamed") }

// statusWord is the status in the words of the pages. The API has only grace for
// late and unknown; a read-write key sees which of them it is.
func statusWord(check client.Check) string {
	switch {
	case check.Status != "grace":
		return check.Status
	case check.Kind != "" && !check.Late:
		return "unknown"
	}
	return "late"
}

// status is a word with a sign; the colour only repeats it.
func status(check client.Check) cell {
	word := statusWord(check)
	look := map[string]cell{
		"up":      {text: "✓", colour: green},
		"down":    {text: "✗", colour: red},
		"late":    {text: "!", colour: yellow},
		"new":     {text: "○", colour: dim},
		"paused":  {text: "‖", colour: dim},
		"unknown": {text: "?", colour: yellow},
	}[word]
	look.text = strings.TrimSpace(look.text + " " + word)
	if check.Started {
		look.text += ", running"
	}
	return look
}

// scheduled says the schedule in short.
func scheduled(check client.Check) string {
	switch {
	case check.Schedule == "" && check.Timeout != nil:
		return "every " + seconds(*check.Timeout)
	case check.TZ == "" || check.TZ == "UTC" || check.TZ == "Etc/UTC":
		return strings.ReplaceAll(check.Schedule, "\n", " / ")
	}
	return strings.ReplaceAll(check.Schedule, "\n", " / ") + " " + check.TZ
}

// expected is when the next ping is awaited. While a check is down nothing is.
func expected(check client.Check) *time.Time {
	if check.Status == "down" {
		return nil
	}
	return check.NextPing
}

// printJSON prints a document with its members in their order.
func printJSON(out io.Writer, document any) error {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(document); err != nil {
		return fmt.Errorf("print the document: %w", err)
	}
	return nil
}

// oneCheck is the argument of the commands about a single check.
type oneCheck struct {
	Check  string `arg:"" complete:"checks" placeholder:"CHECK" help:"Slug, name or UUID of the check; of the UUID, the first eight digits are enough."`
	remote `embed:""`
}

// find asks the server which check is meant.
func (o oneCheck) find(ctx context.Context) (*client.API, client.Check, error) {
	api, err := o.api()
	if err != nil {
		return nil, client.Check{}, err
	}
	check, err := findCheck(ctx, api, o.Check)
	return api, check, err
}

// findToChange is find for what a read-only key cannot do.
func (o oneCheck) findToChange(ctx context.Context) (*client.API, client.Check, error) {
	api, check, err := o.find(ctx)
	if err == nil && check.UUID == "" {
		err = errors.New("the API key is read-only: give a read-write one for this")
	}
	return api, check, err
}

// changed tells what was done to a check: its document, or a sentence.
func changed(out io.Writer, asJSON bool, check client.Check, done string) error {
	if asJSON {
		return printJSON(out, check.JSON)
	}
	fmt.Fprintf(out, "%s %s.\n", done, printable(called(check)))
	return nil
}

type checksPause struct {
	JSON     bool `name:"json" help:"Print the document of the API."`
	oneCheck `embed:""`
}

// Run implements the command.
func (c checksPause) Run(ctx context.Context, streams streams) error {
	api, check, err := c.findToChange(ctx)
	if err != nil {
		return err
	}
	if check, err = api.Pause(ctx, check.ID()); err != nil {
		return err
	}
	return changed(streams.out, c.JSON, check, "Paused")
}

type checksResume struct {
	JSON     bool `name:"json" help:"Print the document of the API."`
	oneCheck `embed:""`
}

// Run implements the command.
func (c checksResume) Run(ctx context.Context, streams streams) error {
	api, check, err := c.findToChange(ctx)
	if err != nil {
		return err
	}
	if check, err = api.Resume(ctx, check.ID()); err != nil {
		return err
	}
	return changed(streams.out, c.JSON, check, "Resumed")
}

type checksDelete struct {
	Yes      bool `short:"y" help:"Do not ask."`
	JSON     bool `name:"json" help:"Print the document that the check had."`
	oneCheck `embed:""`
}

// Run implements the command.
func (c checksDelete) Run(ctx context.Context, streams streams) error {
	api, check, err := c.findToChange(ctx)
	if err != nil {
		return err
	}
	if !c.Yes {
		if !isTerminal(streams.in) {
			return errors.New("nobody can be asked here whether the check may be deleted: give --yes if so")
		}
		fmt.Fprintf(streams.err, "Delete %s with its %d pings, for good? [y/N] ", printable(called(check)), check.NPings)
		answer, _ := bufio.NewReader(streams.in).ReadString('\n') // no answer is a no
		if answer = strings.ToLower(strings.TrimSpace(answer)); answer != "y" && answer != "yes" {
			return errors.New("nothing was deleted")
		}
	}
	if check, err = api.DeleteCheck(ctx, check.ID()); err != nil {
		return err
	}
	return changed(streams.out, c.JSON, check, "Deleted")
}

type checksOpen struct {
	oneCheck `embed:""`
}

// Run implements the command.
func (c checksOpen) Run(ctx context.Context, streams streams) error {
	api, check, err := c.findToChange(ctx)
	if err != nil {
		return err
	}
	page := api.PageURL(check)
	fmt.Fprintln(streams.out, page)
	opener := browser()
	if opener == "" {
		return nil
	}
	if err := exec.CommandContext(ctx, opener, page).Run(); err != nil {
		return fmt.Errorf("open the page with %s: %w", opener, err)
	}
	return nil
}

// browser is the program that opens a page, "" where there is no display.
func browser() string {
	switch {
	case runtime.GOOS == "darwin":
		return "open"
	case os.Getenv("DISPLAY") == "" && os.Getenv("WAYLAND_DISPLAY") == "":
		return ""
	}
	opener, err := exec.LookPath("xdg-open")
	if err != nil {
		return ""
	}
	return opener
}
