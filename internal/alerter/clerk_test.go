package alerter_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/internal/account"
	"rollcall/internal/alerter"
	"rollcall/internal/mailtest"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
)

func wall() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// clerkOf is a clerk on the store of a world; the world may be in a bubble of
// virtual time.
func (w *world) clerkOf(st alerter.NoticeStore, now func() time.Time) *alerter.Clerk {
	return &alerter.Clerk{Store: st, Now: now, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Kick: func() {}}
}

// reader makes a member of the project who asks for regular mails.
func (w *world) reader(email string, ask func(*account.Notices)) account.Notices {
	w.Helper()
	user := must(w.store.CreateUser(w.Context(), account.User{Email: email, Zone: "Europe/Berlin", Created: w.Now()}))(w.T)
	if err := w.store.SetMember(w.Context(), w.project.ID, user.ID, account.ReadOnly); err != nil {
		w.Fatal(err)
	}
	n := account.NewNotices(user.ID)
	ask(&n)
	w.ask(n)
	return n
}

func (w *world) ask(n account.Notices) {
	w.Helper()
	berlin := must(time.LoadLocation("Europe/Berlin"))(w.T)
	if err := w.store.SetNotices(w.Context(), n.Plan(w.Now(), berlin)); err != nil {
		w.Fatal(err)
	}
}

func weekly(n *account.Notices)  { n.Report = account.Weekly }
func monthly(n *account.Notices) { n.Report, n.Day = account.Monthly, 1 }
func hourly(n *account.Notices)  { n.Reminder = account.Hourly }
func each(n *account.Notices)    { n.Reminder = account.Daily }

// queued takes all letters out of the queue, by recipient and in order.
func (w *world) queued() map[string][]account.Letter {
	w.Helper()
	all := map[string][]account.Letter{}
	for {
		letters := must(w.store.LeaseLetters(w.Context(), w.Now().AddDate(1, 0, 0), w.Now().AddDate(2, 0, 0), 100))(w.T)
		if len(letters) == 0 {
			return all
		}
		for _, l := range letters {
			all[l.To] = append(all[l.To], l)
			if err := w.store.RecordLetter(w.Context(), l, l.Settle(monitor.Result{Verdict: monitor.Done}, w.Now())); err != nil {
				w.Fatal(err)
			}
		}
	}
}

func keysOf(letters []account.Letter) []string {
	var keys []string
	for _, l := range letters {
		_, key, _ := strings.Cut(l.Key, "/")
		_, key, _ = strings.Cut(key, "/")
		keys = append(keys, key)
	}
	return keys
}

// Six weeks pass while two nodes work on one database: each report is queued once,
// at nine in the reader's morning, and reminders stop when all is up.
func TestReportsAndRemindersOfSixWeeks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.set(wall()) // 1 January 2000, a Saturday, midnight in UTC
		begin := w.Now()
		w.reader("weekly@example.org", weekly)
		w.reader("monthly@example.org", monthly)
		w.reader("hourly@example.org", hourly)
		w.reader("daily@example.org", each)
		w.reader("nothing@example.org", func(*account.Notices) {})
		check := w.check()

		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error)
		nodes := []*alerter.Clerk{w.clerkOf(w.store, wall), w.clerkOf(w.store, wall)}
		for _, node := range nodes {
			go func() { ended <- node.Run(ctx) }()
		}
		sleepUntil := func(d time.Duration) {
			time.Sleep(begin.Add(d).Sub(wall()))
			w.set(wall())
		}
		const day = 24 * time.Hour
		sleepUntil(3*day + 6*time.Hour + 30*time.Minute) // a Tuesday
		w.fail(check)
		sleepUntil(4*day + 9*time.Hour + 10*time.Minute)
		w.succeed(check)
		sleepUntil(5*day + 8*time.Hour) // nine in Berlin
		w.fail(check)
		sleepUntil(5*day + 8*time.Hour + 50*time.Minute) // before anybody is reminded of it
		w.succeed(check)
		sleepUntil(42 * day)
		cancel()
		for range nodes {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}

		got := w.queued()
		if who := slices.Sorted(maps.Keys(got)); !slices.Equal(who, []string{"daily@example.org", "hourly@example.org", "monthly@example.org", "weekly@example.org"}) {
			t.Errorf("letters to %v", who)
		}
		var mondays []string
		for monday := begin.AddDate(0, 0, 2); monday.Before(begin.Add(42 * day)); monday = monday.AddDate(0, 0, 7) {
			mondays = append(mondays, "weekly-"+monday.Format(time.DateOnly))
		}
		if keys := keysOf(got["weekly@example.org"]); !slices.Equal(keys, mondays) {
			t.Errorf("weekly: %v, want %v", keys, mondays)
		}
		if keys := keysOf(got["monthly@example.org"]); !slices.Equal(keys, []string{"monthly-2000-01-01", "monthly-2000-02-01"}) {
			t.Errorf("monthly: %v", keys)
		}
		var hours []string
		for hour := begin.Add(3*day + 8*time.Hour); hour.Before(begin.Add(4*day + 9*time.Hour + time.Minute)); hour = hour.Add(time.Hour) {
			hours = append(hours, hour.Format("2006-01-02T15"))
		}
		if keys := keysOf(got["hourly@example.org"]); !slices.Equal(keys, hours) {
			t.Errorf("hourly: %v, want %v", keys, hours)
		}
		if keys := keysOf(got["daily@example.org"]); !slices.Equal(keys, []string{"2000-01-04T08", "2000-01-05T08"}) {
			t.Errorf("daily: %v", keys)
		}
		for _, l := range append(got["weekly@example.org"], got["monthly@example.org"]...) {
			if at := l.Created.UTC(); at.Hour() != 8 || at.Minute() > 0 || l.Expires.Sub(at) != account.ReportLife {
				t.Errorf("%s was queued at %v until %v", l.Key, at, l.Expires)
			}
		}
	})
}

// A server that was away during three reports sends the newest one, once.
func TestAReportThatWasDueWhileNobodyWorked(t *testing.T) {
	w := newWorld(t)
	w.set(time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC))
	w.reader("weekly@example.org", weekly)
	w.set(time.Date(2026, 12, 9, 3, 0, 0, 0, time.UTC))
	clerk := w.clerkOf(w.store, w.Now)
	for _, want := range []int{1, 0} {
		if n, err := clerk.Tick(t.Context(), w.Now()); n != want || err != nil {
			t.Errorf("queued %d, want %d; %v", n, want, err)
		}
	}
	if keys := keysOf(w.queued()["weekly@example.org"]); !slices.Equal(keys, []string{"weekly-2026-12-07"}) {
		t.Errorf("queued %v", keys)
	}
	if next := must(w.store.NextNotice(t.Context()))(t); !next.Equal(time.Date(2026, 12, 14, 8, 0, 0, 0, time.UTC)) {
		t.Errorf("the next is due %v", next)
	}
}

// crashing is a store that loses one user and, when told, whatever it writes.
type crashing struct {
	alerter.NoticeStore
	lost    account.UserID
	writing error
}

func (c crashing) User(ctx context.Context, id account.UserID) (account.User, error) {
	if id == c.lost {
		return account.User{}, errors.New("cannot be read")
	}
	return c.NoticeStore.User(ctx, id)
}

func (c crashing) SettleNotices(ctx context.Context, due, after account.Notices, owed ...account.Letter) error {
	if c.writing != nil {
		return c.writing
	}
	return c.NoticeStore.SettleNotices(ctx, due, after, owed...)
}

func TestWhatCannotBeSettledIsTriedAgain(t *testing.T) {
	w := newWorld(t)
	w.set(time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC))
	lost := w.reader("lost@example.org", weekly)
	w.reader("weekly@example.org", weekly)
	w.set(time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC))
	for _, step := range []struct {
		st   crashing
		want int
		err  string
	}{
		{crashing{w.store, lost.User, errors.New("disk full")}, 0, "disk full"},
		{crashing{w.store, lost.User, nil}, 1, "cannot be read"},
		{crashing{w.store, 0, nil}, 1, ""},
	} {
		n, err := w.clerkOf(step.st, w.Now).Tick(t.Context(), w.Now())
		if n != step.want || (err == nil) != (step.err == "") || err != nil && !strings.Contains(err.Error(), step.err) {
			t.Errorf("queued %d, want %d; %v", n, step.want, err)
		}
	}
}

// noticePostman is a postman who writes regular mails.
func noticePostman(t *testing.T, w *world, in *mailtest.Inbox) *alerter.Postman {
	t.Helper()
	return &alerter.Postman{
		Store: w.store, Server: server(t, in), Dial: relay(), Now: w.Now,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)), BaseURL: baseURL,
		Writers: map[account.LetterKind]alerter.Writer{
			account.ReportLetter:   alerter.ReportWriter(w.store, baseURL),
			account.ReminderLetter: alerter.ReminderWriter(w.store, baseURL),
		},
	}
}

// A report and a reminder as they arrive, over real SMTP.
func TestRegularMailsArrive(t *testing.T) {
	w, in := newWorld(t), mailtest.Start(t, mailtest.Options{})
	w.set(time.Date(2026, 11, 16, 6, 0, 0, 0, time.UTC))
	down, never := w.check(), w.check()
	n := w.reader("ana@example.org", func(n *account.Notices) { n.Report, n.Reminder = account.Weekly, account.Daily })
	w.succeed(down)
	w.advance(48 * time.Hour)
	w.fail(down)
	w.advance(3 * time.Hour)
	w.succeed(down)
	if err := w.store.AddBlind(t.Context(), monitor.Blind{From: w.Now(), To: w.Now().Add(time.Hour), Cause: "restart"}); err != nil {
		t.Fatal(err)
	}
	w.advance(72 * time.Hour)
	w.fail(down)
	w.set(time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC))
	clerk, postman := w.clerkOf(w.store, w.Now), noticePostman(t, w, in)
	if queued, err := clerk.Tick(t.Context(), w.Now()); queued != 2 || err != nil {
		t.Fatalf("queued %d, %v", queued, err)
	}
	w.post(postman, 2)

	got := map[account.Topic]mailtest.Message{}
	for _, m := range in.Messages() {
		topic := account.Reports
		if strings.HasPrefix(m.Subject(), "Still down") {
			topic = account.Reminders
		}
		got[topic] = m
	}
	report, reminder := got[account.Reports], got[account.Reminders]
	if want := "Weekly report, 16–22 Nov 2026: 1 check was down"; report.Subject() != want {
		t.Errorf("subject %q, want %q", report.Subject(), want)
	}
	for _, want := range []string{
		"Mon 16 Nov to Sun 22 Nov 2026: 2 outages, 41 h of downtime in all, 2 alarms.", "The week before: nothing was watched.",
		"Down for 41 h in 2 outages, the longest 38 h; 2 alarms.", "Never pinged", never.Title(), "Wed 18 Nov, 10:00, for 1 h",
		"9–15 Nov: –", "Times are in Europe/Berlin.",
	} {
		if !strings.Contains(strings.ReplaceAll(report.Text, "\u00a0", " "), want) {
			t.Errorf("the report lacks %q", want)
		}
	}
	if t.Failed() {
		t.Log(report.Text)
	}
	if want := "Still down: Offsite backup. Down since Sat 21 Nov, 10:00, for 2 days"; reminder.Subject() != want {
		t.Errorf("subject %q, want %q", reminder.Subject(), want)
	}
	for topic, m := range got {
		stop := baseURL + "/unsubscribe/" + n.StopToken(topic)
		if got := m.Header.Get("List-Unsubscribe"); got != "<"+stop+">" {
			t.Errorf("%s: List-Unsubscribe %q", topic, got)
		}
		if got := m.Header.Get("List-Unsubscribe-Post"); got != "List-Unsubscribe=One-Click" {
			t.Errorf("%s: List-Unsubscribe-Post %q", topic, got)
		}
		if !strings.Contains(m.Text, stop) || !strings.Contains(m.HTML, stop) {
			t.Errorf("%s: a part lacks the address that stops it", topic)
		}
	}
}

// What holds when a mail is sent decides, not what held when it was queued.
func TestRegularMailsThatAreOwedNoMore(t *testing.T) {
	for name, tt := range map[string]struct {
		ask    func(*account.Notices)
		happen func(*world, monitor.Check, account.Notices)
	}{
		"a reminder of what is up again": {hourly, func(w *world, c monitor.Check, _ account.Notices) { w.succeed(c) }},
		"a reminder that was stopped":    {hourly, func(w *world, _ monitor.Check, n account.Notices) { w.ask(n.Ask(account.Reminders, account.Off)) }},
		"a report that was stopped":      {weekly, func(w *world, _ monitor.Check, n account.Notices) { w.ask(n.Ask(account.Reports, account.Off)) }},
		"a reminder of who has left the project": {hourly, func(w *world, _ monitor.Check, n account.Notices) {
			if err := w.store.RemoveMember(w.Context(), w.project.ID, n.User); err != nil {
				w.Fatal(err)
			}
		}},
		"a report of who has left the project": {weekly, func(w *world, _ monitor.Check, n account.Notices) {
			if err := w.store.RemoveMember(w.Context(), w.project.ID, n.User); err != nil {
				w.Fatal(err)
			}
		}},
		"a report about projects that are left out": {weekly, func(w *world, _ monitor.Check, n account.Notices) {
			n.LeftOut = []monitor.ProjectID{w.project.ID}
			w.ask(n)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w, in := newWorld(t), mailtest.Start(t, mailtest.Options{})
			w.set(time.Date(2026, 11, 23, 5, 0, 0, 0, time.UTC))
			check := w.check()
			n := w.reader("ana@example.org", tt.ask)
			w.fail(check)
			w.set(time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC))
			if queued, err := w.clerkOf(w.store, w.Now).Tick(t.Context(), w.Now()); queued != 1 || err != nil {
				t.Fatalf("queued %d, %v", queued, err)
			}
			tt.happen(w, check, n)
			w.post(noticePostman(t, w, in), 1)
			w.post(noticePostman(t, w, in), 0)
			if got := in.Messages(); len(got) > 0 {
				t.Errorf("sent %s", got[0].Text)
			}
		})
	}
}

// A letter holds nothing secret while it waits.
func TestRegularMailsWaitWithoutSecrets(t *testing.T) {
	w := newWorld(t)
	w.set(time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC))
	n := w.reader("ana@example.org", weekly)
	w.set(time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC))
	must(w.clerkOf(w.store, w.Now).Tick(t.Context(), w.Now()))(t)
	l := w.queued()["ana@example.org"][0]
	var data account.ReportData
	if err := json.Unmarshal([]byte(l.Data), &data); err != nil || data.User != n.User || data.Name() != "weekly-2026-11-23" {
		t.Errorf("data %s, %v", l.Data, err)
	}
	if whole := fmt.Sprintf("%+v", l); strings.Contains(whole, n.StopName()) {
		t.Errorf("the letter holds the key: %s", whole)
	}
}

var _ alerter.NoticeStore = store.Store(nil)
