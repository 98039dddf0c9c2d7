package main

import (
	"cmp"
	"context"
	"fmt"
	"hash/fnv"
	"maps"
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

// seeded is what the pictures show.
type seeded struct {
	at      map[string]string // addresses of checks and channels by their names
	watched monitor.CheckID   // of the demonstration
}

// seed makes the account and its projects, and lets the jobs of the sample happen.
func seed(ctx context.Context, st store.Store, now time.Time) (shown seeded, err error) {
	hash, err := web.HashPassword(password)
	if err != nil {
		return seeded{}, err
	}
	user, err := st.CreateUser(ctx, account.User{Email: email, PasswordHash: hash, Created: now.Add(-90 * day)})
	if err != nil {
		return seeded{}, err
	}
	if err := st.SetZone(ctx, user.ID, zone); err != nil {
		return seeded{}, err
	}
	if err := seedFactors(ctx, st, user.ID, now); err != nil {
		return seeded{}, err
	}
	s := &seeder{Store: st, now: now, channels: map[string]monitor.ChannelID{}}
	for _, name := range []string{"Home lab", "Production"} {
		s.project, err = st.CreateProject(ctx, account.Project{Name: name, PingKey: pingKey(name), Created: now.Add(-90 * day)}, user.ID)
		if err != nil {
			return seeded{}, err
		}
		if name == "Home lab" { // it is as it began
			first := monitor.Create(monitor.Provisioned(uuid.NewSHA1(uuid.NameSpaceURL, []byte(name)), "my-first-job", "My first job", nil), s.project.Created)
			first.Project = s.project.ID
			if _, err := st.CreateCheck(ctx, first, nil); err != nil {
				return seeded{}, err
			}
		}
	}
	if err := s.addChannels(ctx, []monitor.Channel{
		{Name: "Night shift", Kind: monitor.Email, Settings: monitor.Settings{Address: "nightshift@northwind.example"}},
		{Name: "Ops room", Kind: monitor.Webhook, Settings: monitor.Settings{URL: "https://ops.northwind.example/hooks/rollcall", Secret: webhookSecret}},
		{Name: "Paging", Kind: monitor.Webhook, Settings: monitor.Settings{URL: "https://paging.example/v1/events", Secret: webhookSecret}},
	}); err != nil {
		return seeded{}, err
	}
	shown.at = s.channelPages()
	if err := s.addLogins(ctx, user); err != nil {
		return seeded{}, err
	}
	if err := st.AddBlind(ctx, blind(now)); err != nil {
		return seeded{}, err
	}
	ids := map[string]uuid.UUID{}
	past := sample.Past{Store: st, Project: s.project.ID, Channels: s.channels, Now: now, Blind: blind(now)}
	for _, j := range jobs() {
		ids[j.Name] = uuid.NewSHA1(uuid.NameSpaceURL, []byte(j.Name))
		check, err := past.Live(ctx, ids[j.Name], j)
		if err != nil {
			return seeded{}, fmt.Errorf("%s: %w", j.Name, err)
		}
		if j.Name == "Search re-index" {
			shown.watched = check.ID
		}
		shown.at[j.Name] = "/checks/" + ids[j.Name].String()
	}
	if err := s.publish(ctx, user.ID, ids); err != nil {
		return seeded{}, err
	}
	if err := s.addTeam(ctx, user); err != nil {
		return seeded{}, err
	}
	if err := s.tell(ctx); err != nil {
		return seeded{}, err
	}
	channels, err := s.addTrouble(ctx, user)
	maps.Copy(shown.at, channels)
	return shown, err
}

// invitationToken is that of the link to an invitation of somebody else.
const invitationToken = "sample"

// addTeam makes colleagues, invites two more, and lets all of them do something.
func (s *seeder) addTeam(ctx context.Context, owner account.User) error {
	by := func(u account.User, ago time.Duration) context.Context {
		a := account.ByPersonOf(u)
		a.From, a.Request, a.At = "203.0.113.14", "K3WX2M", s.now.Add(-ago)
		return store.By(ctx, a)
	}
	for _, m := range []struct {
		name string
		role account.Role
	}{{"auditor", account.ReadOnly}, {"tomas", account.Member}, {"kim.ortega", account.Manager}} {
		user, err := s.CreateUser(ctx, account.User{Email: m.name + "@northwind.example", Created: s.now.Add(-60 * day)})
		if err != nil {
			return err
		}
		if err := s.SetMember(by(owner, 3*day), s.project.ID, user.ID, m.role); err != nil {
			return err
		}
		if m.role != account.Manager {
			continue
		}
		for _, guest := range []string{"new.colleague", "ines.from-the-other-office-with-a-long-name"} {
			i := account.Invitation{Project: s.project.ID, Email: guest + "@northwind.example", Role: account.Member, Inviter: user.Email}
			if i, err = s.Invite(by(user, 26*hour), i, s.now.Add(-26*hour)); err != nil {
				return err
			}
			if err := s.AddInvitationToken(ctx, i.ID, account.HashKey(map[bool]string{true: invitationToken, false: guest}[guest == "new.colleague"])); err != nil {
				return err
			}
		}
		if err := s.ProposeTransfer(by(owner, 3*hour), account.Transfer{Project: s.project.ID, From: owner.ID, To: user.ID, Created: s.now.Add(-3 * hour)}); err != nil {
			return err
		}
	}
	channel, err := s.Channel(ctx, s.project.ID, s.channels["Ops room"])
	if err != nil {
		return err
	}
	channel.Settings.URL = "https://ops.northwind.example/hooks/rollcall-2"
	if err := s.EditChannel(by(owner, 2*hour), channel); err != nil {
		return err
	}
	checks, err := s.Checks(ctx, s.project.ID, 3)
	if err != nil {
		return err
	}
	for i, check := range checks {
		config := check.Config
		config.Grace, config.Description = config.Grace+time.Duration(i+1)*10*minute, "Call the night shift, then look at the queue of the warehouse before anything is restarted."
		edit := store.Step{Ref: store.Ref{ID: check.ID}, Decide: func(c monitor.Check) monitor.Change { return c.Reconfigure(config, c.Updated) }}
		if _, err := s.Transitions(by(owner, time.Duration(90-i)*minute), []store.Step{edit}); err != nil {
			return err
		}
	}
	for i, k := range []account.Key{
		{Kind: account.KeyReadOnly, Name: "Grafana", Used: s.now.Add(-4 * minute)}, {Kind: account.KeyReadWrite, Name: "Terraform"}, {Kind: account.KeyPing, Name: "web-1", Used: s.now.Add(-20 * second)},
	} {
		k.Project, k.By, k.Created = s.project.ID, owner.Email, s.now.Add(-time.Duration(i)*20*day)
		used := k.Used
		if k, err = s.AddKey(by(owner, 30*minute), k.Of("sample "+k.Name)); err != nil {
			return err
		}
		if !used.IsZero() {
			if err := s.UseKeys(ctx, map[string]time.Time{k.Hash: used}); err != nil {
				return err
			}
		}
	}
	return nil
}

// pingKey is a key that is the same in every picture.
func pingKey(name string) string {
	sum := fnv.New64a()
	sum.Write([]byte(name))
	return fmt.Sprintf("%022x", sum.Sum64())
}

// webhookSecret is that of every webhook.
const webhookSecret = monitor.SecretPrefix + "c2FtcGxlLXNlY3JldC1mb3ItcGljdHVyZXMhISE="

func (s *seeder) addChannels(ctx context.Context, channels []monitor.Channel) error {
	for _, c := range channels {
		c.Project, c.Created = s.project.ID, s.now.Add(-89*day)
		made, err := s.CreateChannel(ctx, c)
		if err != nil {
			return err
		}
		s.channels[made.Name] = made.ID
	}
	return nil
}

// channelPages are the addresses of the channels' pages by name.
func (s *seeder) channelPages() map[string]string {
	pages := map[string]string{}
	for name, id := range s.channels {
		pages[name] = fmt.Sprintf("/channels/%d", id)
	}
	return pages
}

// The tokens of the mailed links.
const (
	linkToken   = "picture"
	signupToken = "newcomer"
	emailToken  = "moved"
	setupToken  = "first"
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
		{Purpose: account.ForEmail, Hash: account.HashKey(emailToken), User: user.ID, Email: "ines.marten@northwind.example"},
	} {
		link.Expires = s.now.Add(hour)
		if err := s.PutLink(ctx, link); err != nil {
			return err
		}
	}
	return s.PutToken(ctx, "setup", account.HashKey(setupToken), s.now.Add(hour))
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
		"Depot desk":  {Verdict: monitor.Done, Code: new(250), Answer: "250 2.0.0 queued as 7B20e"},
		"Shift pager": {Verdict: monitor.Doubt, Code: new(404), Answer: "404 Not Found: no such hook"},
		"Old board":   {Verdict: monitor.Gone, Code: new(410), Answer: "410 Gone"},
	}
	result, took := answers[d.Channel.Name], 700*time.Millisecond
	if d.Channel.Kind == monitor.Email {
		took = 1600 * time.Millisecond
	}
	if d.Channel.Name == "Paging" && s.now.Sub(d.Delivery.Created) < 12*hour {
		result = monitor.Result{Code: new(503), Answer: "503 Service Unavailable"}
	}
	delivery, at := d.Delivery, d.Delivery.Created
	if delivery.Attempts > 0 { // it is what finds out whether the channel takes messages again
		at = s.now
	}
	for {
		began := at
		at = at.Add(took)
		after, gone := delivery.Settle(result, at)
		attempt := monitor.Attempt{
			Delivery: delivery.ID, N: after.Attempts, Started: began, Took: took,
			OK: result.Verdict == monitor.Done, Code: result.Code, Answer: result.Answer, Probe: !delivery.Planned.IsZero(),
		}
		waits := !after.NextAt.IsZero() && after.NextAt.Before(s.now)
		disable := ""
		if gone {
			disable = monitor.ReceiverGone
		}
		if err := s.RecordAttempt(ctx, attempt, after, disable); err != nil {
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
