package main

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"rollcall/internal/client"
)

// How much of a check's history is shown.
const (
	shownPings = 10
	shownFlips = 5
)

type checksShow struct {
	JSON     bool `name:"json" help:"Print the document of the API."`
	oneCheck `embed:""`
}

// Help is shown below the flags.
func (checksShow) Help() string {
	return `Example:

  rollcall checks show nightly-backup` + apiHelp
}

// Run implements the command.
func (c checksShow) Run(ctx context.Context, streams streams) error {
	api, check, err := c.find(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(streams.out, check.JSON)
	}
	var pings []client.RecordedPing
	if check.UUID != "" { // a read-only key may not read them
		if pings, err = api.Pings(ctx, check.ID()); err != nil {
			return err
		}
	}
	flips, err := api.Flips(ctx, check.ID(), 0)
	if err != nil {
		return err
	}
	channels, err := channelNames(ctx, api, check)
	if err != nil {
		return err
	}
	out, now := newPaper(streams.out), time.Now()
	out.details(details(api, check, channels, now))
	out.pings(pings[:min(len(pings), shownPings)], now)
	out.flips(flips[:min(len(flips), shownFlips)], now)
	return nil
}

// channelNames says who is told about a check, as far as the key may know.
func channelNames(ctx context.Context, api *client.API, check client.Check) (string, error) {
	if check.Channels == "" {
		return "", nil
	}
	all, err := api.Channels(ctx)
	if err != nil {
		return "", err
	}
	var names []string
	ids := strings.Split(check.Channels, ",")
	for _, channel := range all {
		if slices.Contains(ids, channel.ID) {
			names = append(names, cmp.Or(channel.Name, channel.Kind))
		}
	}
	return strings.Join(names, ", "), nil
}

// detail is a line about a check; it is left out when it has nothing to say.
type detail struct {
	name  string
	value cell
}

func details(api *client.API, check client.Check, channels string, now time.Time) []detail {
	limit, threshold, took, page := "", "", "", ""
	if check.MaxRuntime != nil {
		limit = seconds(*check.MaxRuntime)
	}
	if check.Threshold != nil {
		threshold = fmt.Sprintf("after %d bad results in a row", *check.Threshold)
	}
	if check.LastDuration != nil {
		took = span(time.Duration(*check.LastDuration) * time.Second)
	}
	if check.UUID != "" {
		page = api.PageURL(check)
	}
	return []detail{
		{"Name", cell{text: called(check)}},
		{"Status", status(check)},
		{"Slug", cell{text: check.Slug}},
		{"Tags", cell{text: check.Tags}},
		{"Description", cell{text: check.Desc}},
		{"Schedule", cell{text: scheduled(check)}},
		{"Grace", cell{text: seconds(check.Grace)}},
		{"Run limit", cell{text: limit}},
		{"Down", cell{text: threshold}},
		{"Last ping", cell{text: dated(check.LastPing, now, "never")}},
		{"Last run took", cell{text: took}},
		{"Expected", cell{text: dated(expected(check), now, "")}},
		{"Tells", cell{text: channels}},
		{"Ping URL", cell{text: check.PingURL}},
		{"Page", cell{text: page}},
	}
}

// dated says how far t is from now, and when it is by the clock on the wall.
func dated(t *time.Time, now time.Time, without string) string {
	if t == nil {
		return without
	}
	return relative(t, now, without) + ", at " + t.Local().Format(time.DateTime)
}

func (p paper) details(lines []detail) {
	for _, line := range lines {
		if line.value.text == "" {
			continue
		}
		label := fmt.Sprintf("%-15s", line.name)
		fmt.Fprintln(p, p.in(dim, label)+p.in(line.value.colour, printable(line.value.text)))
	}
}

func (p paper) pings(list []client.RecordedPing, now time.Time) {
	if len(list) == 0 {
		return
	}
	rows := make([][]cell, len(list))
	for i, ping := range list {
		took := ""
		if ping.Duration != nil {
			took = span(time.Duration(*ping.Duration * float64(time.Second)))
		}
		from := strings.TrimSpace(ping.RemoteAddr + " " + ping.UserAgent)
		signal := cell{text: ping.Type}
		switch ping.Type {
		case "fail":
			signal.colour = red
		case "ign":
			signal = cell{"ignored", dim}
		}
		rows[i] = []cell{{text: fmt.Sprintf("#%d", ping.N)}, signal, {text: relative(&ping.Date, now, "")}, {text: took}, {text: from}}
	}
	fmt.Fprintln(p)
	p.table([]string{"PING", "SIGNAL", "WHEN", "TOOK", "FROM"}, rows)
}

func (p paper) flips(list []client.Flip, now time.Time) {
	if len(list) == 0 {
		return
	}
	rows := make([][]cell, len(list))
	for i, flip := range list {
		to := cell{"✗ not up", red}
		if flip.Up == 1 {
			to = cell{"✓ up", green}
		}
		rows[i] = []cell{to, {text: relative(&flip.Timestamp, now, "")}}
	}
	fmt.Fprintln(p)
	p.table([]string{"FLIP TO", "WHEN"}, rows)
}

// shortUUID is how many digits of a UUID are enough to name a check.
const shortUUID = 8

// findCheck returns the one check that a text means: its UUID, its unique key,
// its slug, the beginning of its UUID, or its name, in that order.
// An empty text means none: a variable that is not set must not delete a check
// that has no name.
func findCheck(ctx context.Context, api *client.API, text string) (client.Check, error) {
	if strings.TrimSpace(text) == "" {
		return client.Check{}, errors.New("no check is given: its slug, name or UUID is empty")
	}
	if id, err := uuid.Parse(text); err == nil {
		return api.Check(ctx, id.String())
	}
	if raw, err := hex.DecodeString(text); err == nil && len(raw) == 20 {
		return api.Check(ctx, strings.ToLower(text))
	}
	all, err := api.Checks(ctx, client.CheckFilter{})
	if err != nil {
		return client.Check{}, err
	}
	for _, means := range []func(client.Check) bool{
		func(c client.Check) bool { return c.Slug == text },
		func(c client.Check) bool {
			return len(text) >= shortUUID && strings.HasPrefix(c.UUID, strings.ToLower(text))
		},
		func(c client.Check) bool { return c.Name == text },
		func(c client.Check) bool { return strings.EqualFold(c.Name, text) },
	} {
		switch found := matching(all, means); len(found) {
		case 0:
		case 1:
			return found[0], nil
		default:
			return client.Check{}, fmt.Errorf("%q means %d checks: %s; give the slug, or the first digits of the UUID", text, len(found), listed(found))
		}
	}
	near := matching(all, func(c client.Check) bool { return holds(c.Name, text) || holds(c.Slug, text) })
	if len(near) == 0 {
		return client.Check{}, fmt.Errorf("no check is called %q: rollcall checks list shows what there is", text)
	}
	return client.Check{}, fmt.Errorf("no check is called %q; there is %s", text, listed(near))
}

func matching(all []client.Check, means func(client.Check) bool) []client.Check {
	var found []client.Check
	for _, check := range all {
		if means(check) {
			found = append(found, check)
		}
	}
	return found
}

// mostListed is how many checks an error names.
const mostListed = 8

// listed names checks so that one can be chosen. A whole UUID would be the secret
// of its ping address.
func listed(found []client.Check) string {
	names := make([]string, 0, mostListed+1)
	for i, check := range found {
		if i == mostListed {
			names = append(names, fmt.Sprintf("%d more", len(found)-i))
			break
		}
		name := cmp.Or(check.Slug, check.Name)
		if check.UUID != "" {
			name += " (" + check.UUID[:min(shortUUID, len(check.UUID))] + ")"
		}
		names = append(names, printable(name))
	}
	return strings.Join(names, ", ")
}
