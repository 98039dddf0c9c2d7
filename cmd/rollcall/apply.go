package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mattn/go-runewidth"

	"rollcall/internal/client"
	"rollcall/internal/provision"
)

// exitDrift is the status of apply --plan when something would change.
const exitDrift = 2

// apply brings about what a file describes.
type apply struct {
	File   string `short:"f" required:"" placeholder:"FILE" help:"YAML file that describes the project; - is standard input."`
	Plan   bool   `help:"Change nothing, and end with status 2 when something would change."`
	Prune  bool   `help:"Delete the channels and checks that the file does not name."`
	JSON   bool   `name:"json" help:"Print the document of the API."`
	remote `embed:""`
}

// Help is shown below the flags.
func (apply) Help() string {
	return `The file has the form of serve --provision, of which it describes one project; rollcall export writes one. Channels are matched by name, checks by slug. Members such as secret_file name files beside it, which are read here and sent.

Examples:

  rollcall apply -f checks.yaml --plan

  rollcall export > checks.yaml

The exit status is 0 when all is done, 1 when something is wrong, and with --plan 2 when something would change.` + apiHelp
}

// Run implements the command.
func (a apply) Run(ctx context.Context, streams streams) error {
	api, err := a.api()
	if err != nil {
		return err
	}
	raw, err := a.read(streams.in)
	if err != nil {
		return err
	}
	options := client.ApplyOptions{Plan: true, Prune: a.Prune}
	if a.JSON {
		return a.printDocument(ctx, api, raw, streams.out)
	}
	plan, err := api.Apply(ctx, raw, options)
	if err != nil {
		return a.refused(err)
	}
	out := newPaper(streams.out)
	if len(plan.Changes) == 0 {
		fmt.Fprintf(out, "%s is as %s describes it.\n", printable(plan.Project), a.source())
		return nil
	}
	for _, change := range plan.Changes {
		out.change(change)
	}
	if a.Plan {
		fmt.Fprintf(out, "\n%s to create, %s to change, %s to delete.\n", counts(plan.Changes)...)
		return exitStatus(exitDrift)
	}
	options.Plan = false
	done, err := api.Apply(ctx, raw, options)
	if err != nil {
		return a.refused(err)
	}
	fmt.Fprintf(out, "\n%s created, %s changed, %s deleted.\n", counts(done.Changes)...)
	return nil
}

// read returns the file as it is sent.
func (a apply) read(stdin io.Reader) ([]byte, error) {
	var raw []byte
	var err error
	dir := "."
	if a.File == "-" {
		raw, err = io.ReadAll(io.LimitReader(stdin, provision.SizeLimit+1))
	} else {
		dir = filepath.Dir(a.File)
		raw, err = os.ReadFile(a.File)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", a.source(), err)
	}
	raw, err = provision.Inline(raw, dir)
	return raw, a.refused(err)
}

// source is the name of what is applied.
func (a apply) source() string {
	if a.File == "-" {
		return "standard input"
	}
	return a.File
}

// refused says in which file the fault is that was found by us or by the server.
func (a apply) refused(err error) error {
	var mistake provision.Mistake
	if errors.As(err, &mistake) {
		return fmt.Errorf("%s: %w", a.source(), err)
	}
	refusal, ok := errors.AsType[*client.Error](err)
	if ok && refusal.Detail != "" && (refusal.Status == http.StatusUnprocessableEntity || refusal.Status == http.StatusConflict) {
		return fmt.Errorf("%s: %s", a.source(), refusal.Detail) // which says what to do
	}
	return err
}

// printDocument prints the server's answer, and tells whether it is drift.
func (a apply) printDocument(ctx context.Context, api *client.API, raw []byte, out io.Writer) error {
	answer, err := api.Apply(ctx, raw, client.ApplyOptions{Plan: a.Plan, Prune: a.Prune})
	if err != nil {
		return a.refused(err)
	}
	if err := printJSON(out, answer.JSON); err != nil {
		return err
	}
	if a.Plan && len(answer.Changes) > 0 {
		return exitStatus(exitDrift)
	}
	return nil
}

// counts is how many things are created, changed and deleted.
func counts(changes []client.Change) []any {
	n := map[string]int{}
	for _, change := range changes {
		n[change.Action]++
	}
	return []any{fmt.Sprint(n["create"]), fmt.Sprint(n["update"]), fmt.Sprint(n["delete"])}
}

// change writes a change as in a diff: in one line when one member differs, else
// with a line for each.
func (p paper) change(c client.Change) {
	sign, shade := "?", dim
	switch c.Action {
	case "create":
		sign, shade = "+", green
	case "update":
		sign, shade = "~", yellow
	case "delete":
		sign, shade = "-", red
	}
	line := p.in(shade, sign) + " " + printable(c.Kind+" "+c.Name)
	names := slices.Sorted(maps.Keys(c.Fields))
	if len(names) == 1 {
		fmt.Fprintf(p, "%s  %s %s\n", line, printable(names[0]), beforeAfter(c, names[0]))
		return
	}
	fmt.Fprintln(p, line)
	widest := 0
	for _, name := range names {
		widest = max(widest, runewidth.StringWidth(name))
	}
	for _, name := range names {
		fmt.Fprintf(p, "    %s  %s\n", runewidth.FillRight(printable(name), widest), beforeAfter(c, name))
	}
}

// beforeAfter says what a member was and will be.
func beforeAfter(c client.Change, member string) string {
	field := c.Fields[member]
	if c.Action == "create" {
		return value(field.New)
	}
	return value(field.Old) + " → " + value(field.New)
}

// longestValue is how many columns of a value are shown.
const longestValue = 60

func value(v any) string {
	text := "none"
	if v != nil {
		text = strings.Join(strings.Fields(printable(fmt.Sprint(v))), " ")
	}
	return cmp.Or(runewidth.Truncate(text, longestValue, "…"), "none")
}
