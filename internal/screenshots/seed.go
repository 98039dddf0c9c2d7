package main

import (
	"cmp"
	"context"
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	"github.com/google/uuid"

	"rollcall/internal/account"
	"rollcall/internal/monitor"
	"rollcall/internal/sample"
	"rollcall/internal/store"
	"rollcall/web"
)

// The account that looks at the pages.
const (
	email    = "ines@northwind.example"
	password = "a long password for pictures"
)

// The fixed moment at which the pictures are taken.
func moment() time.Time { return time.Date(2026, 11, 23, 8, 14, 31, 0, time.UTC) }

// seeder fills a store by the same rules and the same door as the server.
type seeder struct {
	store.Store
	now      time.Time
	project  account.Project
	channels map[string]monitor.ChannelID
}

// seed makes the account and its projects, and lets the jobs of the sample happen.
// It returns the addresses of the pages worth a picture of their own.
func seed(ctx context.Context, st store.Store, now time.Time) (map[string]uuid.UUID, error) {
	hash, err := web.HashPassword(password)
	if err != nil {
		return nil, err
	}
	user, err := st.CreateUser(ctx, account.User{Email: email, PasswordHash: hash, Created: now.Add(-90 * day)})
	if err != nil {
		return nil, err
	}
	if err := seedFactors(ctx, st, user.ID, now); err != nil {
		return nil, err
	}
	s := &seeder{Store: st, now: now, channels: map[string]monitor.ChannelID{}}
	for _, name := range []string{"Home lab", "Production"} {
		s.project, err = st.CreateProject(ctx, account.Project{Name: name, PingKey: pingKey(name), Created: now.Add(-90 * day)}, user.ID)
		if err != nil {
			return nil, err
		}
	}
	if err := s.addChannels(ctx); err != nil {
		return nil, err
	}
	if err := s.addLogins(ctx, user); err != nil {
		return nil, err
	}
	if err := st.AddBlind(ctx, blind(now)); err != nil {
		return nil, err
	}
	ids := map[string]uuid.UUID{}
	past := sample.Past{Store: st, Project: s.project.ID, Channels: s.channels, Now: now, Blind: blind(now)}
	for _, j := range jobs() {
		ids[j.Name] = uuid.NewSHA1(uuid.NameSpaceURL, []byte(j.Name))
		if _, err := past.Live(ctx, ids[j.Name], j); err != nil {
			return nil, fmt.Errorf("%s: %w", j.Name, err)
		}
	}
	if err := s.publish(ctx, user.ID, ids); err != nil {
		return nil, err
	}
	return ids, s.tell(ctx)
}

// pingKey is a key that is the same in every picture.
func pingKey(name string) string {
	sum := fnv.New64a()
	sum.Write([]byte(name))
	return fmt.Sprintf("%022x", sum.Sum64())
}

func (s *seeder) addChannels(ctx context.Context) error {
	secret := monitor.SecretPrefix + "c2FtcGxlLXNlY3JldC1mb3ItcGljdHVyZXMhISE="
	for _, c := range []monitor.Channel{
		{Name: "Night shift", Kind: monitor.Email, Settings: monitor.Settings{Address: "nightshift@northwind.example"}},
		{Name: "Ops room", Kind: monitor.Webhook, Settings: monitor.Settings{URL: "https://ops.northwind.example/hooks/rollcall", Secret: secret}},
		{Name: "Paging", Kind: monitor.Webhook, Settings: monitor.Settings{URL: "https://paging.example/v1/events", Secret: secret}},
	} {
		c.Project, c.Created = s.project.ID, s.now.Add(-89*day)
		made, err := s.CreateChannel(ctx, c)
		if err != nil {
			return err
		}
		s.channels[made.Name] = made.ID
	}
	return nil
}

// The tokens of the mailed links.
const (
	linkToken   = "picture"
	signupToken = "newcomer"
)

// addLogins lets the person be logged in elsewhere, and wait for mails.
func (s *seeder) addLogins(ctx context.Context, user account.User) error {
	for i, session := range []store.Session{
		{Browser: "Safari on iPhone", Network: "2001:db8:4f::/48"},
		{Browser: "Chrome on Windows", Network: "198.51.100.x"},
	} {
		session.Hash, session.User, session.Data = session.Browser, user.ID, []byte{}
		session.Began, session.Seen = s.now.Add(-time.Duration(i*8+1)*day), s.now.Add(-time.Duration(i*50+4)*hour)
		session.Expires = s.now.Add(day)
		if err := s.BeginSession(ctx, session); err != nil {
			return err
		}
	}
	for _, link := range []store.Link{
		{Purpose: account.ForLogin, Hash: account.HashKey(linkToken), User: user.ID, Email: email},
		{Purpose: account.ForSignup, Hash: account.HashKey(signupToken), Email: "new@northwind.example"},
	} {
		link.Expires = s.now.Add(hour)
		if err := s.PutLink(ctx, link); err != nil {
			return err
		}
	}
	return nil
}

// tell lets every delivery be tried as the alerter would, by the same rules. The
// channel "Paging" does not answer to what was decided today.
func (s *seeder) tell(ctx context.Context) error {
	for {
		leased, err := s.LeaseDeliveries(ctx, store.Lease{Now: s.now, Until: s.now.Add(minute), Limit: 100, PerChannel: 100})
		if err != nil || len(leased) == 0 {
			return err
		}
		for _, d := range leased {
			if err := s.try(ctx, d); err != nil {
				return err
			}
		}
	}
}

// try makes the attempts of one leased delivery until it ends or has to wait.
func (s *seeder) try(ctx context.Context, d store.Dispatch) error {
	answers := map[string]monitor.Result{
		"Night shift": {Verdict: monitor.Done, Code: new(250), Answer: "250 2.0.0 queued as 4F1c9"},
		"Ops room":    {Verdict: monitor.Done, Code: new(200), Answer: "200 OK"},
		"Paging":      {Verdict: monitor.Done, Code: new(202), Answer: "202 Accepted"},
	}
	result, took := answers[d.Channel.Name], 700*time.Millisecond
	if d.Channel.Kind == monitor.Email {
		took = 1600 * time.Millisecond
	}
	if d.Channel.Name == "Paging" && s.now.Sub(d.Delivery.Created) < 12*hour {
		result = monitor.Result{Code: new(503), Answer: "503 Service Unavailable"}
	}
	delivery, at := d.Delivery, d.Delivery.Created
	for {
		began := at
		at = at.Add(took)
		after, _ := delivery.Settle(result, at)
		attempt := monitor.Attempt{
			Delivery: delivery.ID, N: after.Attempts, Started: began, Took: took,
			OK: result.Verdict == monitor.Done, Code: result.Code, Answer: result.Answer,
		}
		waits := !after.NextAt.IsZero() && after.NextAt.Before(s.now)
		if err := s.RecordAttempt(ctx, attempt, after, ""); err != nil {
			return err
		}
		if !waits {
			return nil
		}
		next, err := s.LeaseDeliveries(ctx, store.Lease{Now: after.NextAt, Until: after.NextAt.Add(minute), Limit: 100, PerChannel: 100})
		if err != nil {
			return err
		}
		i := slices.IndexFunc(next, func(n store.Dispatch) bool { return n.Delivery.ID == delivery.ID })
		if i < 0 {
			return nil
		}
		delivery, at = next[i].Delivery, cmp.Or(after.NextAt, at)
	}
}
