package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"regexp"
	"strings"
	"time"

	"golang.org/x/term"

	"rollcall/internal/client"
)

// What two installations expect of each other: a heartbeat leaves every 30 seconds.
const (
	pairPeriod = 60 // seconds
	pairGrace  = 60
	pairWait   = 75 * time.Second // for the first heartbeats
	pairPoll   = time.Second
)

type pair struct {
	Other    string `arg:"" name:"url" help:"Address of the other installation, such as https://watch.example.net."`
	OtherKey string `name:"other-api-key-file" env:"ROLLCALL_OTHER_API_KEY_FILE" placeholder:"FILE" help:"File that holds an API key of a project there. Without it the key is the value of ROLLCALL_OTHER_API_KEY, or what is typed."`
	Undo     bool   `help:"Delete the two checks, and send no more heartbeats."`
	NoWait   bool   `help:"Do not wait for the first heartbeats."`
	remote   `embed:""`
}

// Help is shown below the flags.
func (pair) Help() string {
	return `On both sides a check is made for the other one, and each side sends its heartbeat to its check on the other: every 30 seconds, as long as deadlines are judged, alerts go out and writes are kept there. Whichever stops, the other tells its own people, within 2 minutes. When the network between them is cut, both tell.

Run it once, wherever both can be reached. Running it again changes nothing. The channels of the checks are all that the two projects have; change them like those of any check.

Example:

  rollcall pair https://watch.example.net --url https://rollcall.example.org --api-key-file key --other-api-key-file other-key`
}

// side is one of two installations.
type side struct {
	api  *client.API
	name string // host and port
}

// Run implements the command.
func (p pair) Run(ctx context.Context, streams streams) error {
	own, err := p.api()
	if err != nil {
		return err
	}
	here, err := sideOf(own)
	if err != nil {
		return err
	}
	key, err := p.otherKey(streams)
	if err != nil {
		return err
	}
	there, err := sideOf(&client.API{BaseURL: p.Other, Key: key, UserAgent: own.UserAgent})
	if err != nil {
		return err
	}
	if here.name == there.name {
		return fmt.Errorf("%s cannot watch itself; give the address of another installation", here.name)
	}
	if p.Undo {
		return errors.Join(here.part(ctx, streams.out, there), there.part(ctx, streams.out, here))
	}
	for _, s := range [][2]side{{here, there}, {there, here}} {
		if err := s[0].expect(ctx, streams.out, s[1]); err != nil {
			return fmt.Errorf("%s: %w; what is done stays, run it again for the rest, or with --undo", s[0].name, err)
		}
	}
	if p.NoWait {
		return nil
	}
	return errors.Join(here.await(ctx, streams.out, there), there.await(ctx, streams.out, here))
}

func sideOf(api *client.API) (side, error) {
	u, err := url.Parse(api.BaseURL)
	if err != nil || u.Host == "" {
		return side{}, fmt.Errorf("%q is no address of a server, such as https://rollcall.example.org", api.BaseURL)
	}
	return side{api, u.Host}, nil
}

// otherKey returns the key of the other side: of a file, of the environment, or typed.
func (p pair) otherKey(streams streams) (string, error) {
	key, err := fromFile(os.Getenv("ROLLCALL_OTHER_API_KEY"), p.OtherKey)
	if err != nil {
		return "", fmt.Errorf("read the API key of the other side: %w", err)
	}
	if in, ok := streams.in.(*os.File); key == "" && ok && term.IsTerminal(int(in.Fd())) {
		fmt.Fprintf(streams.err, "API key of %s (it is not shown): ", p.Other)
		typed, err := term.ReadPassword(int(in.Fd()))
		fmt.Fprintln(streams.err)
		if err != nil {
			return "", fmt.Errorf("read the API key of the other side: %w", err)
		}
		key = strings.TrimSpace(string(typed))
	}
	if key == "" {
		return "", errors.New("there is no API key of the other side: set ROLLCALL_OTHER_API_KEY, or name a file that holds one with --other-api-key-file")
	}
	return key, nil
}

var noSlug = regexp.MustCompile("[^a-z0-9]+")

// slugFor names the check for the other side.
func slugFor(other side) string {
	return "rollcall-" + strings.Trim(noSlug.ReplaceAllString(strings.ToLower(other.name), "-"), "-")
}

// find returns the check for the other side; nil when there is none.
func (s side) find(ctx context.Context, other side) (*client.Check, error) {
	found, err := s.api.Checks(ctx, client.CheckFilter{Slug: slugFor(other)})
	if err != nil || len(found) == 0 {
		return nil, err
	}
	if found[0].UUID == "" {
		return nil, errors.New("the API key is a read-only one; a pair takes one that may write")
	}
	return &found[0], nil
}

// expect makes the check for the other side here, and lets the other side ping it.
func (s side) expect(ctx context.Context, out io.Writer, other side) error {
	check, err := s.find(ctx, other)
	if err != nil {
		return err
	}
	if check == nil {
		slug, name, tags, all := slugFor(other), "Rollcall at "+other.name, "rollcall", "*"
		period, grace := pairPeriod, pairGrace
		desc := "The heartbeat of another installation. It stops when something is wrong there."
		made, _, err := s.api.SaveCheck(ctx, client.CheckFields{
			Name: &name, Slug: &slug, Tags: &tags, Desc: &desc, Timeout: &period, Grace: &grace, Channels: &all, Unique: []string{"slug"},
		})
		if err != nil {
			return err
		}
		check = &made
	}
	to, err := other.api.Heartbeat(ctx)
	if err == nil && to != "" && to != hostOf(check.PingURL) {
		err = fmt.Errorf("its project sends its heartbeat to %s already, and a project has one; take the key of another project there, or undo that pair first", to)
	}
	if err == nil {
		err = other.api.PutHeartbeat(ctx, check.PingURL)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", other.name, err)
	}
	fmt.Fprintf(out, "%s expects the heartbeat of %s: %s\n", s.name, other.name, s.api.PageURL(*check))
	if check.Channels == "" {
		fmt.Fprintf(out, "  Nobody is told when it stops: the check has no channels yet.\n")
	}
	return nil
}

// await waits for the other side's first heartbeat after now.
func (s side) await(ctx context.Context, out io.Writer, other side) error {
	ctx, cancel := context.WithTimeout(ctx, pairWait)
	defer cancel()
	for {
		check, err := s.find(ctx, other)
		switch {
		case err == nil && check == nil:
			return fmt.Errorf("%s: the check for %s is gone", s.name, other.name)
		case err == nil && check.NPings > 0 && check.Status == "up":
			fmt.Fprintf(out, "%s hears %s.\n", s.name, other.name)
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s has heard nothing of %s within %s: can %s reach the base URL of %s? A private address has to be allowed there with --egress-allow, and its log says what is wrong", s.name, other.name, pairWait, other.name, s.name)
		case <-time.After(pairPoll):
		}
	}
}

// part takes back what expect did: the check here, and the other side's heartbeat to
// it. What is gone already is no error.
func (s side) part(ctx context.Context, out io.Writer, other side) error {
	check, err := s.find(ctx, other)
	if err != nil {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	if check == nil {
		fmt.Fprintf(out, "%s does not watch %s.\n", s.name, other.name)
		return nil
	}
	to, err := other.api.Heartbeat(ctx)
	if err == nil && to == hostOf(check.PingURL) {
		err = other.api.DropHeartbeat(ctx)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", other.name, err)
	}
	if _, err := s.api.DeleteCheck(ctx, check.UUID); err != nil {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	fmt.Fprintf(out, "%s no longer watches %s.\n", s.name, other.name)
	return nil
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}
