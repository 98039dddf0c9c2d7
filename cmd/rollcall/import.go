package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/diff"

	"rollcall/internal/client"
	"rollcall/internal/importer"
	"rollcall/internal/schedule"
)

// imports are the commands that make checks of what is watched elsewhere, or is
// not watched yet.
type imports struct {
	Crontab      importCrontab      `cmd:"" help:"Make checks of a crontab, and print the crontab with pings in it."`
	Systemd      importSystemd      `cmd:"" help:"Make checks of systemd timers, and print what makes their services report."`
	Healthchecks importHealthchecks `cmd:"" help:"Make checks of a project of Healthchecks, through its API."`
	Cronitor     importCronitor     `cmd:"" help:"Make checks of the YAML that Cronitor exports."`
	Kuma         importKuma         `cmd:"" help:"Make checks of the push monitors in a backup of Uptime Kuma."`
}

// importing is what these commands have in common.
type importing struct {
	DryRun bool `help:"Show what would be imported. Makes nothing and asks no Rollcall."`
	remote `embed:""`
}

const importHelp = `

Checks are matched by their slugs, or by the UUIDs that they keep: importing again makes no second ones. New checks are told to all channels of the project. The exit status is 1 when the server refuses some of them; the others are imported.` + apiHelp

// jobPlace are the flags about where jobs run.
type jobPlace struct {
	Timezone string  `placeholder:"ZONE" help:"Time zone of the machine, such as Europe/Berlin. Without it, that of this one."`
	Prefix   *string `placeholder:"WORD" help:"What tells these jobs from those of other machines and users: the beginning of their slugs, and a tag. Without it, the name of this machine, and of the user unless that is root."`
}

// place returns where jobs run: of the system, or of a user.
func (p jobPlace) place(system bool) (importer.Place, error) {
	place := importer.Place{Zone: p.Timezone}
	if p.Timezone == "" {
		place.Zone = machineZone("/")
	}
	if _, err := (schedule.Spec{Kind: schedule.Cron, Expr: "@daily", Zone: place.Zone}).Parse(); err != nil {
		return place, err
	}
	if p.Prefix != nil {
		place.Prefix = *p.Prefix
		return place, nil
	}
	host, err := os.Hostname()
	if err != nil {
		return place, fmt.Errorf("the name of this machine is not known (%w): give --prefix", err)
	}
	place.Prefix, _, _ = strings.Cut(host, ".")
	if name := userName(); !system && name != "" && name != "root" {
		place.Prefix += "-" + name
	}
	return place, nil
}

type importCrontab struct {
	From      []string `arg:"" optional:"" placeholder:"FILE" help:"Crontabs, or directories of them such as /etc/cron.d; - is standard input. Without any, what crontab -l prints."`
	System    bool     `help:"The files have a column for the user. Known of /etc/crontab and /etc/cron.d."`
	With      string   `enum:"curl,run" default:"curl" help:"How jobs report: curl pings after a success; run is rollcall run, which also reports failures, durations and output."`
	Write     string   `placeholder:"FILE" help:"Write the edited crontab into this file."`
	jobPlace  `embed:""`
	importing `embed:""`
}

// Help is shown below the flags.
func (importCrontab) Help() string {
	return `Nothing on this machine is changed: the crontab with pings is printed as a diff, or written where --write says. Jobs that ping something already are left alone. Where a job has ; & # or the like, a shell of its own keeps its meaning.

A check gets the schedule of its job, the zone that CRON_TZ says, and a grace of a tenth of the shortest gap between runs, but at least 5 minutes and at most an hour. Its name is made of the program; command lines are sent nowhere.

With ROLLCALL_PING_KEY or ROLLCALL_PING_KEY_FILE set, the addresses in the crontab have the slugs of the checks; without, their UUIDs.

Examples:

  rollcall import crontab --dry-run

  rollcall import crontab --write new && crontab new

  rollcall import crontab /etc/crontab /etc/cron.d --with run` + importHelp
}

// Run implements the command.
func (c importCrontab) Run(ctx context.Context, streams streams) error {
	crontabs, err := c.read(ctx, streams.in)
	if err != nil {
		return err
	}
	switch {
	case c.Write != "" && len(crontabs) != 1:
		return fmt.Errorf("--write takes one crontab, and there are %d: give them one by one", len(crontabs))
	case c.Write != "" && c.DryRun:
		return errors.New("--write needs the addresses of the checks, which --dry-run does not make: leave one of them out")
	}
	place, err := c.place(crontabs[0].System)
	if err != nil {
		return err
	}
	found, err := importer.ReadCrontabs(crontabs, place)
	if err != nil {
		return err
	}
	how := importer.Reporting{}
	if c.With == "run" {
		if how.Run, err = os.Executable(); err != nil {
			return fmt.Errorf("find this program for the crontab: %w", err)
		}
	}
	saved, err := c.save(ctx, streams, found.Import)
	if err != nil {
		return err
	}
	if how.URL, err = c.addresses(saved); err != nil {
		return err
	}
	for i, crontab := range crontabs {
		edited, notes := found.Edited(i, how)
		printNotes(streams.out, notes)
		if edited != crontab.Text {
			name := strings.ReplaceAll(crontab.Name, " ", "-")
			fmt.Fprintf(streams.out, "\n%s", diff.Diff(name, []byte(crontab.Text), name+".new", []byte(edited)))
		}
		if c.Write != "" {
			if err := os.WriteFile(c.Write, []byte(edited), 0o600); err != nil {
				return fmt.Errorf("write the crontab: %w", err)
			}
		}
	}
	return saved.end(streams)
}

type importSystemd struct {
	From      []string `arg:"" optional:"" placeholder:"DIR" help:"Directories of unit files, or unit files; - is standard input, as systemctl cat prints it. Without any, /etc/systemd/system and ~/.config/systemd/user."`
	jobPlace  `embed:""`
	importing `embed:""`
}

// Help is shown below the flags.
func (importSystemd) Help() string {
	return `Timers with OnCalendar= or OnUnitActiveSec= become checks; a RandomizedDelaySec= lengthens their grace. Drop-ins that make the services report their ends, successful or not, are printed and not put in place.

Examples:

  rollcall import systemd --dry-run

  systemctl cat 'backup-*.timer' | rollcall import systemd -` + importHelp
}

// Run implements the command.
func (c importSystemd) Run(ctx context.Context, streams streams) error {
	units, err := readUnits(c.From, streams.in)
	if err != nil {
		return err
	}
	place, err := c.place(len(c.From) > 0 || userName() == "root")
	if err != nil {
		return err
	}
	found, err := importer.ReadTimers(units, place)
	if err != nil {
		return err
	}
	saved, err := c.save(ctx, streams, found.Import)
	if err != nil {
		return err
	}
	url, err := c.addresses(saved)
	if err != nil {
		return err
	}
	files := found.DropIns(url)
	for _, file := range files {
		fmt.Fprintf(streams.out, "\n# %s\n%s", printable(file.Path), file.Text)
	}
	if len(files) > 0 {
		fmt.Fprintln(streams.out, "\nPut these files in place, and run systemctl daemon-reload.")
	}
	return saved.end(streams)
}

type importHealthchecks struct {
	From        string `default:"https://healthchecks.io" placeholder:"URL" help:"Address of the server (${default})."`
	FromKeyFile string `required:"" placeholder:"FILE" help:"File that holds an API key of the project there. With a read-write key checks keep their UUIDs."`
	importing   `embed:""`
}

// Help is shown below the flags.
func (importHealthchecks) Help() string {
	return `Nothing is changed there. Checks that keep their UUIDs need no edit of their jobs but the host in the ping address. Integrations are listed and not imported; pings are not imported.

Example:

  rollcall import healthchecks --from-key-file healthchecks.key --dry-run` + importHelp
}

// Run implements the command.
func (c importHealthchecks) Run(ctx context.Context, streams streams) error {
	key, err := fromFile("", c.FromKeyFile)
	if err != nil {
		return fmt.Errorf("read the API key: %w", err)
	}
	source := &client.API{BaseURL: c.From, Key: key, UserAgent: "rollcall/" + programVersion()}
	checks, err := source.Checks(ctx, client.CheckFilter{})
	if err != nil {
		return fmt.Errorf("read the checks there: %w", err)
	}
	documents := make([]json.RawMessage, len(checks))
	for i, check := range checks {
		documents[i] = check.JSON
	}
	found, err := importer.ReadHealthchecks(documents)
	if err != nil {
		return err
	}
	found.Notes = append(found.Notes, integrations(ctx, source)...)
	saved, err := c.save(ctx, streams, found)
	if err != nil {
		return err
	}
	return saved.end(streams)
}

// integrations says which channels there are at a Healthchecks server.
func integrations(ctx context.Context, source *client.API) []importer.Note {
	channels, err := source.Channels(ctx)
	if refused := (*client.Error)(nil); errors.As(err, &refused) {
		return []importer.Note{{Words: "the API key does not tell the integrations; they are not imported"}}
	} else if err != nil {
		return []importer.Note{{Words: "the integrations could not be read (" + err.Error() + "); they are not imported"}}
	}
	var notes []importer.Note
	for _, channel := range channels {
		notes = append(notes, importer.Note{
			Words: fmt.Sprintf("the integration %s (%s) is not imported; add it here as a channel", printable(cmp.Or(channel.Name, "unnamed")), printable(channel.Kind)),
		})
	}
	return notes
}

type importCronitor struct {
	File      string `arg:"" placeholder:"FILE" help:"YAML file that Cronitor exported; - is standard input."`
	Timezone  string `default:"UTC" placeholder:"ZONE" help:"Time zone of monitors that do not say theirs (${default})."`
	importing `embed:""`
}

// Help is shown below the flags.
func (importCronitor) Help() string {
	return `Jobs and heartbeats become checks, with their keys as slugs; what has no counterpart is told for each.

Example:

  rollcall import cronitor cronitor.yaml --dry-run` + importHelp
}

// Run implements the command.
func (c importCronitor) Run(ctx context.Context, streams streams) error {
	return c.file(ctx, streams, c.File, func(text string) (importer.Import, error) { return importer.ReadCronitor(text, c.Timezone) })
}

type importKuma struct {
	File      string `arg:"" placeholder:"FILE" help:"JSON file that Uptime Kuma exported; - is standard input."`
	importing `embed:""`
}

// Help is shown below the flags.
func (importKuma) Help() string {
	return `Push monitors become checks that keep their tokens, so that their jobs need no edit but the host. Versions of Uptime Kuma before 2 export a backup under Settings, Backup.

Example:

  rollcall import kuma Uptime_Kuma_Backup.json --dry-run` + importHelp
}

// Run implements the command.
func (c importKuma) Run(ctx context.Context, streams streams) error {
	return c.file(ctx, streams, c.File, importer.ReadKuma)
}

// file imports what one file describes.
func (i importing) file(ctx context.Context, streams streams, name string, read func(string) (importer.Import, error)) error {
	text, err := readSource(name, streams.in)
	if err != nil {
		return err
	}
	found, err := read(text)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	saved, err := i.save(ctx, streams, found)
	if err != nil {
		return err
	}
	return saved.end(streams)
}

// printFound shows what would be imported.
func printFound(out io.Writer, found importer.Import) {
	rows := make([][]cell, len(found.Checks))
	for i, c := range found.Checks {
		when, limit := c.Schedule.Expr, ""
		if c.Schedule.Kind == schedule.Every {
			when = "every " + spanWords(c.Schedule.Period)
		}
		if c.MaxRuntime != nil {
			limit = spanWords(*c.MaxRuntime)
		}
		rows[i] = []cell{{text: c.Name}, {text: c.Slug}, {text: strings.ReplaceAll(when, "\n", " / ")}, {text: c.Schedule.Zone}, {text: spanWords(c.Grace)}, {text: limit}}
	}
	if len(rows) > 0 {
		newPaper(out).table([]string{"NAME", "SLUG", "SCHEDULE", "ZONE", "GRACE", "RUN LIMIT"}, rows)
	}
}

func spanWords(d time.Duration) string { return seconds(int(d / time.Second)) }

func printNotes(out io.Writer, notes []importer.Note) {
	for i, note := range notes {
		if i == 0 {
			fmt.Fprintln(out, "\nTo know:")
		}
		fmt.Fprintf(out, "  - %s\n", note)
	}
}
