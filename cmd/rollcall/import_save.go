package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"rollcall/internal/client"
	"rollcall/internal/importer"
	"rollcall/internal/schedule"
)

// progressEvery is after how many checks a long import says how far it is.
const progressEvery = 50

// saved is what became of an import.
type saved struct {
	dry                           bool
	found                         int
	created, changed, same, wrong int
	checks                        map[string]client.Check // by the slug in the source
	placeholders                  bool                    // in the addresses that were printed
}

// save shows what was found, and brings it about unless it is a dry run. A check
// that the server refuses does not stop the others; a server that is away does.
func (i importing) save(ctx context.Context, streams streams, found importer.Import) (*saved, error) {
	s := &saved{dry: i.DryRun, found: len(found.Checks), checks: map[string]client.Check{}}
	if i.DryRun {
		printFound(streams.out, found)
		printNotes(streams.out, found.Notes)
		return s, nil
	}
	api, err := i.api()
	if err != nil {
		return s, fmt.Errorf("%w; --dry-run needs none", err)
	}
	existing, err := api.Checks(ctx, client.CheckFilter{})
	if err != nil {
		return s, err
	}
	out := newPaper(streams.out)
	for n, c := range found.Checks {
		err := s.one(ctx, out, api, existing, c)
		var refused *client.Error
		switch {
		case err == nil:
		case ctx.Err() != nil, !errors.As(err, &refused) && !errors.Is(err, errOther), refused != nil && fatal(refused.Status):
			return s, fmt.Errorf("%d of %d checks are done, run it again for the others: %w", n-s.wrong, s.found, err)
		default:
			s.wrong++
			fmt.Fprintf(streams.err, "rollcall: %s: %v\n", printable(c.Name), err)
		}
		if done := n + 1; done%progressEvery == 0 && done < s.found {
			fmt.Fprintf(streams.err, "%d of %d checks\n", done, s.found)
		}
	}
	printNotes(streams.out, found.Notes)
	return s, nil
}

// fatal reports whether a refusal would meet the other checks too.
func fatal(status int) bool {
	return status == http.StatusUnauthorized || status >= 500
}

var errOther = errors.New("a check with this slug is there already, and has another UUID: give one of them another slug and import again")

// one makes a check, or brings an existing one in line.
func (s *saved) one(ctx context.Context, out paper, api *client.API, existing []client.Check, c importer.Check) error {
	at := slices.IndexFunc(existing, func(e client.Check) bool { return c.UUID != "" && e.UUID == strings.ToLower(c.UUID) })
	if at < 0 {
		at = slices.IndexFunc(existing, func(e client.Check) bool { return e.Slug == c.Slug })
		if at >= 0 && c.UUID != "" && existing[at].UUID != "" {
			return errOther
		}
	}
	if at < 0 {
		check, _, err := api.SaveCheck(ctx, newFields(c))
		if err != nil {
			return err
		}
		s.created++
		s.checks[c.Slug] = check
		fmt.Fprintf(out, "%s %s  %s\n", out.in(green, "+"), printable(c.Slug), printable(c.Name))
		return nil
	}
	check := existing[at]
	fields, differs := changedFields(check, c)
	var err error
	switch {
	case len(c.Tokens) > 0: // which the server does not show
		fields.Slug, fields.Unique, fields.Tokens = &c.Slug, []string{"slug"}, tokens(c)
		_, _, err = api.SaveCheck(ctx, fields)
	case differs:
		_, err = api.UpdateCheck(ctx, check.ID(), fields)
	}
	if err != nil {
		return err
	}
	s.checks[c.Slug] = check
	if !differs {
		s.same++
		return nil
	}
	s.changed++
	fmt.Fprintf(out, "%s %s  %s\n", out.in(yellow, "~"), printable(c.Slug), printable(c.Name))
	return nil
}

// end tells what was done, and returns the status of the command.
func (s *saved) end(streams streams) error {
	switch {
	case s.dry:
		fmt.Fprintf(streams.out, "\n%s would be imported.", number(s.found))
		if s.placeholders {
			fmt.Fprint(streams.out, " The addresses with PING-KEY are placeholders.")
		}
		fmt.Fprintln(streams.out)
		return nil
	case s.wrong > 0:
		fmt.Fprintf(streams.out, "\n%s created, %d changed, %d as they were.\n", number(s.created), s.changed, s.same)
		fmt.Fprintf(streams.err, "rollcall: %s refused, for the reasons above: put them right where they come from and import again, or make the checks by hand\n", number(s.wrong))
		return exitStatus(exitError)
	}
	fmt.Fprintf(streams.out, "\n%s created, %d changed, %d as they were.\n", number(s.created), s.changed, s.same)
	return nil
}

func number(checks int) string {
	if checks == 1 {
		return "1 check"
	}
	return fmt.Sprintf("%d checks", checks)
}

// newFields are all members of a new check. Everybody is told of it: a check of
// which nobody is told would be worse than none.
func newFields(c importer.Check) client.CheckFields {
	fields := sourceFields(c)
	fields.Name, fields.Slug, fields.Channels = &c.Name, &c.Slug, new("*")
	fields.Tags, fields.Grace = new(strings.Join(c.Tags, " ")), inSeconds(c.Grace)
	fields.Unique = []string{"slug"}
	fields.ImportUUID, fields.Tokens = c.UUID, tokens(c)
	return fields
}

func tokens(c importer.Check) []client.Token {
	var list []client.Token
	for _, token := range c.Tokens {
		list = append(list, client.Token{Dialect: token.Dialect, Token: token.Token})
	}
	return list
}

// sourceFields are the members of which every source says something.
func sourceFields(c importer.Check) client.CheckFields {
	fields := client.CheckFields{Desc: &c.Description}
	if c.Schedule.Kind == schedule.Every {
		fields.Timeout = inSeconds(c.Schedule.Period)
	} else {
		fields.Schedule, fields.TZ = &c.Schedule.Expr, &c.Schedule.Zone
	}
	if c.MaxRuntime != nil {
		fields.MaxRuntime = new(client.OrNone(*c.MaxRuntime / time.Second))
	}
	if c.Threshold != nil {
		fields.Threshold = new(client.OrNone(*c.Threshold))
	}
	if r := c.Rules; r != nil {
		fields.ManualResume, fields.Methods = &r.ManualResume, new("")
		if r.PostOnly {
			*fields.Methods = "POST"
		}
		fields.StartKw, fields.SuccessKw, fields.FailureKw = &r.Start, &r.Success, &r.Failure
		fields.FilterSubject, fields.FilterBody, fields.FilterHTTPBody, fields.FilterDefaultFail = &r.Subject, &r.Body, &r.HTTPBody, &r.DefaultFail
	}
	return fields
}

// changedFields are the members in which an existing check is not what its source
// says, and whether there are any. Of what the source does not say, a person may
// have said it since.
func changedFields(e client.Check, c importer.Check) (fields client.CheckFields, differs bool) {
	want := sourceFields(c)
	if c.Chosen {
		want = client.CheckFields{Timeout: want.Timeout, Schedule: want.Schedule, TZ: want.TZ}
	} else {
		want.Name, want.Slug, want.Tags, want.Grace = &c.Name, &c.Slug, new(strings.Join(c.Tags, " ")), inSeconds(c.Grace)
	}
	keep(&fields.Name, want.Name, e.Name)
	keep(&fields.Slug, want.Slug, e.Slug)
	keep(&fields.Tags, want.Tags, e.Tags)
	keep(&fields.Desc, want.Desc, e.Desc)
	keep(&fields.Grace, want.Grace, e.Grace)
	keep(&fields.Schedule, want.Schedule, e.Schedule)
	keep(&fields.TZ, want.TZ, e.TZ)
	keep(&fields.ManualResume, want.ManualResume, e.ManualResume)
	keep(&fields.Methods, want.Methods, e.Methods)
	keep(&fields.StartKw, want.StartKw, e.StartKw)
	keep(&fields.SuccessKw, want.SuccessKw, e.SuccessKw)
	keep(&fields.FailureKw, want.FailureKw, e.FailureKw)
	keep(&fields.FilterSubject, want.FilterSubject, e.FilterSubject)
	keep(&fields.FilterBody, want.FilterBody, e.FilterBody)
	keep(&fields.FilterHTTPBody, want.FilterHTTPBody, e.FilterHTTPBody)
	keep(&fields.FilterDefaultFail, want.FilterDefaultFail, e.FilterDefaultFail)
	if want.Timeout != nil && (e.Timeout == nil || *e.Timeout != *want.Timeout) {
		fields.Timeout = want.Timeout
	}
	if want.MaxRuntime != nil && (e.MaxRuntime == nil || *e.MaxRuntime != int(*want.MaxRuntime)) {
		fields.MaxRuntime = want.MaxRuntime
	}
	if want.Threshold != nil && (e.Threshold == nil || *e.Threshold != int(*want.Threshold)) {
		fields.Threshold = want.Threshold
	}
	if (fields.Schedule != nil) != (fields.TZ != nil) { // they change together
		fields.Schedule, fields.TZ = want.Schedule, want.TZ
	}
	return fields, !reflect.ValueOf(fields).IsZero()
}

// keep takes over a wanted member that is not what is there.
func keep[T comparable](to **T, want *T, is T) {
	if want != nil && *want != is {
		*to = want
	}
}

func inSeconds(d time.Duration) *int { return new(int(d / time.Second)) }

// addresses returns how the ping address of a check is found: with a ping key in
// the environment, by slug; else what the server said. In a dry run without a key
// it is a placeholder. A check that was refused has none.
func (i importing) addresses(s *saved) (func(slug string) string, error) {
	key, err := fromFile(os.Getenv("ROLLCALL_PING_KEY"), os.Getenv("ROLLCALL_PING_KEY_FILE"))
	if err != nil {
		return nil, fmt.Errorf("read the ping key: %w", err)
	}
	server := i.URL
	if server == "" {
		server = "https://rollcall.example.org"
	}
	if key != "" {
		if _, err := client.ParseAddress("x", server, key); err != nil {
			return nil, err
		}
	}
	return func(slug string) string {
		check, saved := s.checks[slug]
		switch {
		case !saved && !s.dry: // it was refused
			return ""
		case key != "":
			if address, err := client.ParseAddress(slug, server, key); err == nil {
				return address.URL()
			}
			return ""
		case saved:
			return check.PingURL
		}
		s.placeholders = true
		return strings.TrimRight(server, "/") + "/ping/PING-KEY/" + slug
	}, nil
}
