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
	if err := st.AddBlind(ctx, blind(now)); err != nil {
		return nil, err
	}
	ids := map[string]uuid.UUID{}
	for _, j := range jobs() {
		if ids[j.name], err = s.live(ctx, j); err != nil {
			return nil, fmt.Errorf("%s: %w", j.name, err)
		}
	}
	if err := s.addTeam(ctx, user); err != nil {
		return nil, err
	}
	return ids, s.tell(ctx)
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
	for name, role := range map[string]account.Role{"kim.ortega": account.Manager, "auditor": account.ReadOnly, "tomas": account.Member} {
		user, err := s.CreateUser(ctx, account.User{Email: name + "@northwind.example", Created: s.now.Add(-60 * day)})
		if err != nil {
			return err
		}
		if err := s.SetMember(by(owner, 3*day), s.project.ID, user.ID, role); err != nil {
			return err
		}
		if role != account.Manager {
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
		if err := s.ProposeTransfer(by(owner, hour), account.Transfer{Project: s.project.ID, From: owner.ID, To: user.ID, Created: s.now.Add(-hour)}); err != nil {
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
	return s.SetAPIKey(by(owner, 30*minute), s.project.ID, account.KeyReadOnly, account.HashKey("sample"), s.now)
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

// event is a transition at its time.
type event struct {
	at     time.Time
	decide func(monitor.Check) monitor.Change
}

// live makes the check of a job and lets everything happen to it, in order.
func (s *seeder) live(ctx context.Context, j job) (uuid.UUID, error) {
	config := monitor.Config{Name: j.name, Slug: j.slug, Description: j.about, Tags: j.tags, Schedule: j.spec, Grace: j.grace}
	if j.limit > 0 {
		config.MaxRuntime = &j.limit
	}
	config, err := config.Valid()
	if err != nil {
		return uuid.Nil, err
	}
	slots := slotsOf(j, s.now)
	created := s.now.Add(-2 * day)
	if len(slots) > 0 {
		created = slots[0].Add(-time.Hour)
	}
	id := uuid.NewSHA1(uuid.NameSpaceURL, []byte(j.name))
	var told []monitor.ChannelID
	for name, channel := range s.channels {
		if j.channels == nil || slices.Contains(j.channels, name) {
			told = append(told, channel)
		}
	}
	slices.Sort(told)
	check, err := s.CreateCheck(ctx, monitor.Create(monitor.Check{UUID: id, Project: s.project.ID, Config: config}, created), told)
	if err != nil {
		return uuid.Nil, err
	}
	var steps []store.Step
	for _, e := range eventsOf(j, slots, s.now) {
		steps = append(steps, store.Step{Ref: store.Ref{ID: check.ID}, Decide: e.decide})
	}
	results, err := s.Transitions(ctx, steps)
	if err != nil {
		return uuid.Nil, err
	}
	for _, r := range results {
		if r.Err != nil {
			return uuid.Nil, r.Err
		}
	}
	return id, nil
}

// slotsOf returns when the runs of a job were due, the oldest first.
func slotsOf(j job, now time.Time) []time.Time {
	if j.runs == 0 {
		return nil
	}
	if j.spec.Period > 0 {
		slots := make([]time.Time, j.runs)
		for i := range slots {
			slots[i] = now.Add(-j.ago - time.Duration(j.runs-1-i)*j.spec.Period)
		}
		return slots
	}
	sched, err := j.spec.Parse()
	if err != nil {
		return nil
	}
	var slots []time.Time
	for at, ok := sched.Next(now.AddDate(-1, 0, 0)); ok && at.Before(now); at, ok = sched.Next(at) {
		slots = append(slots, at)
	}
	return slots[max(0, len(slots)-j.runs):]
}

// eventsOf is everything that happens to the check of a job, in order. Silence is
// judged shortly after it became one.
func eventsOf(j job, slots []time.Time, now time.Time) []event {
	var events []event
	for i, slot := range slots {
		n := len(slots) - 1 - i
		switch {
		case slices.Contains(j.missed, n):
			judged := slot.Add(j.grace + 400*time.Millisecond)
			events = append(events, event{judged, func(c monitor.Check) monitor.Change { return c.Expire(judged, judged) }})
		case within(slot, blind(now)):
			judged := blind(now).To.Add(j.grace + 2*hour)
			events = append(events, event{judged, func(c monitor.Check) monitor.Change { return c.Expire(judged, judged) }})
		default:
			events = append(events, runOf(j, n, slot)...)
		}
	}
	b := blind(now)
	events = append(events, event{b.To, func(c monitor.Check) monitor.Change { return c.Overlook(b) }})
	if j.running > 0 {
		events = append(events, ping(monitor.Ping{At: now.Add(-j.running), Signal: monitor.Start, RunID: "8f2c"}))
	}
	if j.paused > 0 {
		at := now.Add(-j.paused)
		events = append(events, event{at, func(c monitor.Check) monitor.Change { return c.Pause(at) }})
	}
	for i := range j.flood {
		at := now.Add(-90*second + time.Duration(i)*10*time.Millisecond)
		events = append(events, ping(monitor.Ping{At: at, Signal: monitor.Log, Body: []byte("archived 00000001000000A3")}))
	}
	slices.SortStableFunc(events, func(a, b event) int { return a.at.Compare(b.at) })
	return events
}

func within(t time.Time, b monitor.Blind) bool { return !t.Before(b.From) && t.Before(b.To) }

// runOf is the pings of one run: how long it takes only has to look uneven.
func runOf(j job, n int, slot time.Time) []event {
	sum := fnv.New32a()
	fmt.Fprintf(sum, "%s %d", j.name, n)
	share := time.Duration(sum.Sum32()>>8%24) - 12 // percent
	if sum.Sum32()%11 == 0 {
		share += 45
	}
	took := j.took + j.took*share/100
	start := slot.Add(2 * second)
	end := monitor.Ping{At: start.Add(took), Signal: monitor.Success}
	status, failed := j.failed[n]
	if failed {
		end.Signal = monitor.Fail
	}
	var events []event
	if took > 0 {
		end.RunID = fmt.Sprintf("%04x", sum.Sum32()>>16)
		end.Exit = &status
		events = append(events, ping(monitor.Ping{At: start, Signal: monitor.Start, RunID: end.RunID}))
	}
	if j.output {
		end.Body = []byte(sampleOutput)
		if failed {
			end.Body = []byte("connecting to billing-db …\nFATAL:  remaining connection slots are reserved\nexport: gave up after 3 attempts\n")
		}
	}
	return append(events, ping(end))
}

func ping(p monitor.Ping) event {
	p.At = p.At.Truncate(time.Microsecond)
	p.Scheme, p.Method, p.RemoteAddr, p.UserAgent = "https", "POST", "203.0.113.14", "curl/8.14.1"
	p.BodySize = int64(len(p.Body))
	return event{p.At, func(c monitor.Check) monitor.Change { return c.Receive(p) }}
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
