package web

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"strconv"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"rollcall/internal/account"
	"rollcall/internal/dialect"
	"rollcall/internal/fault"
	"rollcall/internal/ingest"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
)

// foreign takes a request in the form of another service and reports whether it
// was one.
func (p *Pings) foreign(w http.ResponseWriter, r *http.Request, matches []dialect.Match) bool {
	query := dialect.Query(r.URL.RawQuery)
	matches = slices.DeleteFunc(matches, func(m dialect.Match) bool { return m.Asks != "" && !query.Has(m.Asks) })
	if len(matches) == 0 {
		return false
	}
	match, found, err := p.choose(r, matches)
	if err != nil {
		p.conclude(w, r, matches[0], dialect.TryAgain)
		return true
	}
	if !found {
		return false
	}
	if !allowed(w, r, match.Methods) {
		return true
	}
	limit := int64(match.Limit)
	if limit == 0 {
		limit = monitor.BodyLimit
	}
	body, size, err := readBody(w, r, limit)
	if err != nil {
		refuseBody(w, err)
		return true
	}
	events, err := match.Read(dialect.Request{
		Method: r.Method, Pattern: match.Pattern, Path: match.Path, Query: query, Header: r.Header,
		Body: body, Cut: size > int64(len(body)),
	})
	if err != nil {
		p.refuse(w, r, err)
		return true
	}
	for i := range events {
		ping := &events[i].Ping
		ping.BodySize = int64(len(ping.Body))
		if len(ping.Body) > 0 && len(ping.Body) == len(body) {
			ping.BodySize = size
		}
		ping.Body = ping.Body[:min(len(ping.Body), monitor.BodyLimit)]
		if warning := events[i].Warning; warning != "" {
			w.Header().Set("Ping-Warning", warning)
		}
	}
	p.conclude(w, r, match, p.storeAll(r, match.Name, events))
	return true
}

// rootToken is what a token at the beginning of an address looks like.
var rootToken = regexp.MustCompile(`^[A-Za-z0-9_-]{8,64}$`)

// choose picks the format that reads a request. Addresses that begin with a token
// look alike in several of them: whose token it is decides, not its look. A UUID
// or a ping key is ours.
func (p *Pings) choose(r *http.Request, matches []dialect.Match) (dialect.Match, bool, error) {
	named := func(format string) (dialect.Match, bool, error) {
		at := slices.IndexFunc(matches, func(m dialect.Match) bool { return m.Name == format })
		if at < 0 {
			return dialect.Match{}, false, nil
		}
		return matches[at], true, nil
	}
	if !matches[0].Root {
		return matches[0], true, nil
	}
	token := matches[0].Path["token"]
	if p.reserved[token] || !rootToken.MatchString(token) {
		return dialect.Match{}, false, nil
	}
	if _, err := uuid.Parse(token); err == nil && len(token) == 36 {
		if matches[0].Words > 0 {
			return matches[0], true, nil
		}
		switch query := dialect.Query(r.URL.RawQuery); {
		case query.Has("state"):
			return named(dialect.Cronitor.Name)
		case query.Has("s"), query.Has("m"):
			return named(dialect.DeadMansSnitch.Name)
		}
		return named(dialect.Hosted.Name)
	}
	owner, _, err := p.Directory.TokenOwner(r.Context(), token)
	switch {
	case err == nil:
		return named(owner)
	case !errors.Is(err, fault.NotFound):
		return dialect.Match{}, false, err
	case account.ValidPingKey(token) == nil:
		return named(dialect.Hosted.Name)
	}
	return dialect.Match{}, false, nil
}

// storeAll stores the reports of one request and returns the worst outcome. They
// are submitted at once, so that they share a commit.
func (p *Pings) storeAll(r *http.Request, format string, events []dialect.Event) dialect.Outcome {
	outcomes := make([]dialect.Outcome, len(events)+1) // the last one for a request without any
	var all errgroup.Group
	for i, event := range events {
		all.Go(func() error {
			outcomes[i] = p.storeOne(r, format, event)
			return nil
		})
	}
	_ = all.Wait()
	return slices.Max(outcomes)
}

func (p *Pings) storeOne(r *http.Request, format string, event dialect.Event) dialect.Outcome {
	ref := refOf(event)
	err := error(nil)
	if event.Token != "" {
		_, ref.ID, err = p.Directory.TokenOwner(r.Context(), event.Token)
	}
	if err == nil && event.Signed != nil {
		if err = p.Directory.Known(r.Context(), ref); err == nil && !event.Signed(secretOf(event)) {
			return dialect.Unsigned
		}
	}
	created := false
	if err == nil {
		var result store.Result
		result, err = p.submit(r, ref, event, format)
		created = result.Created
	}
	switch {
	case errors.Is(err, fault.NotFound), errors.Is(err, fault.Forbidden): // of its kind there is no such check, and there will be none
		return dialect.Unknown
	case err != nil:
		return dialect.TryAgain
	case created:
		return dialect.Created
	}
	return dialect.Stored
}

// secretOf is what signs the requests to an address: the secret that it holds.
func secretOf(event dialect.Event) string {
	if event.Token != "" {
		return event.Token
	}
	return event.UUID.String()
}

// ingest stores a report. Several services give out UUIDs as tokens, so that one
// which is none of ours may have been imported.
func (p *Pings) ingest(ctx context.Context, report ingest.Report) (store.Result, error) {
	result, err := p.Ingest.Submit(ctx, report)
	if report.Ref.UUID == uuid.Nil || !errors.Is(err, fault.NotFound) {
		return result, err
	}
	_, id, err := p.Directory.TokenOwner(ctx, report.Ref.UUID.String())
	if err != nil {
		return store.Result{}, err
	}
	report.Ref = store.Ref{ID: id}
	return p.Ingest.Submit(ctx, report)
}

// conclude answers a request in the words of its format.
func (p *Pings) conclude(w http.ResponseWriter, r *http.Request, match dialect.Match, outcome dialect.Outcome) {
	if outcome == dialect.Unknown && match.Name == dialect.Hosted.Name {
		id, _ := uuid.Parse(match.Path["token"]) // else a ping key
		p.miss(w, r, id)
		return
	}
	switch outcome {
	case dialect.Unknown:
		if !match.Unthrottled && p.tooMany(w, r) {
			return
		}
	case dialect.TryAgain:
		w.Header().Set("Retry-After", strconv.Itoa(5+rand.IntN(6)))
	}
	said := dialect.Plainly(outcome)
	if match.Answer != nil {
		said = match.Answer(outcome)
	}
	sayAs(w, said.Code, said.Text, said.Type)
}
