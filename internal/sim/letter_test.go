package sim_test

import (
	"context"
	"fmt"
	"mime"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"rollcall/internal/account"
	"rollcall/internal/alerter"
	"rollcall/internal/store"
	"rollcall/templates"
)

// reader is the mail host of the person who asks for reports and reminders.
const reader = "reader.example"

// The rules of regular mails as docs/status-pages-and-reports.md has them.
const (
	hourOfMails = 9
	downFor     = time.Hour        // before anybody is reminded
	inHand      = 20 * time.Minute // for what is written to have been tried
	mostNamed   = 50               // checks in a reminder
)

// useful is for how long a mail is of use that cannot be sent.
var useful = map[account.Every]time.Duration{
	account.Weekly: 5 * day, account.Monthly: 5 * day, account.Daily: 12 * time.Hour, account.Hourly: 50 * time.Minute,
}

// asked is what the person wants to be told, from some time on by the servers' clock.
type asked struct {
	account.Notices
	since time.Time
}

// letters is what is known of regular mails.
type letters struct {
	at     time.Duration // nobody looks for them before
	more   atomic.Bool   // some were sent, perhaps there are others
	asked  []asked
	judged time.Time     // up to when what was due has been looked for
	calm   time.Duration // since when nothing is in their way; negative: something is
}

// letter is a mail as it was read.
type letter struct {
	key     string    // its name: what it is about
	subject string    // as people see it
	clock   time.Time // of the servers
}

// ask is a change of mind about reports and reminders.
func (w *world) ask() {
	if w.store == nil || w.trouble.away.Load() || w.over {
		return
	}
	n := account.NewNotices(w.user)
	n.Report = []account.Every{account.Weekly, account.Weekly, account.Monthly, account.Off}[w.rng.IntN(4)]
	n.Day = 1 + w.rng.IntN(7)
	n.Reminder = []account.Every{account.Daily, account.Daily, account.Daily, account.Hourly, account.Off}[w.rng.IntN(5)]
	if n.Reminder == account.Hourly { // for a day
		w.agenda.at(w.lived()+day, w.ask)
	}
	now := w.now()
	if err := w.store.SetNotices(w.t.Context(), n.Plan(now, w.local)); err != nil {
		w.t.Error(err)
	}
	w.note("reports are asked for %s on day %d, reminders %s", n.Report, n.Day, n.Reminder)
	w.letters.asked = append(w.letters.asked, asked{n, now})
	w.letters.at = 0
}

// clerks gives a process the parts that write to people.
func (n *node) clerks() {
	w := n.w
	from := w.port(n, noting)
	const base = "https://rollcall.example"
	n.clerk = &alerter.Clerk{Store: from, Now: w.now, Log: quietLog, Kick: func() {}}
	n.postman = &alerter.Postman{
		Store: from, Server: relay, Dial: n.ring, Now: w.now, Log: quietLog, BaseURL: base,
		Writers: map[account.LetterKind]alerter.Writer{
			account.ReportLetter: named(alerter.ReportWriter(from, base)), account.ReminderLetter: named(alerter.ReminderWriter(from, base)),
		},
	}
}

// named puts the name of a letter before its subject, so that it is known when it is read.
func named(write alerter.Writer) alerter.Writer {
	return func(ctx context.Context, l account.Letter, now time.Time) (templates.Mail, error) {
		mail, err := write(ctx, l, now)
		mail.Subject = "[" + l.Key + "] " + mail.Subject
		return mail, err
	}
}

// ring opens a connection to the mail server, which ends with the process.
func (n *node) ring(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := n.w.net.ring(ctx, network, address)
	if err == nil {
		context.AfterFunc(n.ctx, func() { _ = conn.Close() })
	}
	return conn, err
}

// correspond lets a process write what is due.
func (w *world) correspond() {
	if w.letters.more.Swap(false) {
		w.letters.at = 0
	}
	if w.lived() < w.letters.at {
		return
	}
	w.letters.at = w.lived() + day // or until somebody asks, a process starts, or the database is back
	if len(w.nodes) == 0 || w.trouble.away.Load() {
		return
	}
	next, err := w.store.NextNotice(context.Background())
	waiting, failed := w.store.NextLetter(context.Background())
	if err != nil || failed != nil {
		w.t.Error(err, failed)
	}
	if next.IsZero() || !waiting.IsZero() && waiting.Before(next) {
		next = waiting
	}
	if next.IsZero() {
		return
	}
	if wait := next.Sub(w.now()); wait > 0 {
		w.letters.at = w.lived() + wait + w.between(0, time.Second)
		return
	}
	w.letters.at = w.lived() + time.Second
	n := w.nodes[w.rng.IntN(len(w.nodes))]
	if n.dead.Load() || !n.writing.CompareAndSwap(false, true) {
		return
	}
	n.parts.Go(func() {
		_, err := n.clerk.Tick(n.ctx, w.now())
		_, failed := n.postman.Tick(n.ctx, w.now())
		n.writing.Store(false)
		w.letters.more.Store(err == nil && failed == nil) // else it takes a nap
		w.wakeUp()
	})
}

// SettleNotices implements store.Notices.
func (p *port) SettleNotices(ctx context.Context, due, after account.Notices, owed ...account.Letter) error {
	return p.through(planning, func() error { return p.w.bug.settle(p, ctx, due, after, owed) })
}

// DueNotices implements store.Notices.
func (p *port) DueNotices(ctx context.Context, now time.Time, limit int) (due []account.Notices, err error) {
	err = p.through(finding, func() error {
		var err error
		due, err = p.Store.DueNotices(ctx, now, limit)
		return err
	})
	return due, err
}

// LeaseLetters implements store.Letters.
func (p *port) LeaseLetters(ctx context.Context, now, until time.Time, limit int) (leased []account.Letter, err error) {
	err = p.through(leasing, func() error {
		var err error
		leased, err = p.Store.LeaseLetters(ctx, now, until, limit)
		return err
	})
	if err != nil {
		return nil, err
	}
	return leased, nil
}

// RecordLetter implements store.Letters.
func (p *port) RecordLetter(ctx context.Context, leased, after account.Letter) error {
	return p.through(noting, func() error { return p.Store.RecordLetter(ctx, leased, after) })
}

var (
	_ alerter.NoticeStore = (*port)(nil)
	_ store.Letters       = (*port)(nil)
)

// letterOf understands a letter by its subject.
func letterOf(subject string) (letter, bool) {
	text, err := new(mime.WordDecoder).DecodeHeader(subject)
	if err != nil {
		return letter{}, false
	}
	key, words, ok := strings.Cut(strings.TrimPrefix(text, "["), "] ")
	return letter{key: key, subject: words}, ok && strings.HasPrefix(text, "[")
}

// slots are the instants at which mails of a frequency are due after one time and up to
// another: every hour, or at nine of the day, the week or the month.
func slots(every account.Every, on int, after, until time.Time, zone *time.Location) (list []time.Time) {
	if every == account.Hourly {
		for at := after.Truncate(time.Hour).Add(time.Hour); !at.After(until); at = at.Add(time.Hour) {
			list = append(list, at)
		}
		return list
	}
	for date := after.In(zone).AddDate(0, 0, -1); !date.After(until.AddDate(0, 0, 1)); date = date.AddDate(0, 0, 1) {
		y, m, d := date.Date()
		at := time.Date(y, m, d, hourOfMails, 0, 0, 0, zone)
		fits := every == account.Daily ||
			every == account.Weekly && (int(at.Weekday())+6)%7+1 == on || every == account.Monthly && d == on
		if fits && at.After(after) && !at.After(until) {
			list = append(list, at)
		}
	}
	return list
}

// demandLetters looks for mails that ought to have come, once nothing has been in the way
// of any for an hour.
func (w *world) demandLetters() {
	l := &w.letters
	calm := len(w.nodes) > 0 && !w.trouble.away.Load() && w.net.mannerOf(reader) == fine &&
		!w.trouble.armed(planning, finding, leasing, noting)
	w.mu.Lock()
	switch {
	case !calm:
		l.calm = -1
	case l.calm < 0:
		l.calm = w.lived()
	}
	since := l.calm
	w.mu.Unlock()
	if since < 0 || w.lived()-since < time.Hour || len(l.asked) == 0 {
		return
	}
	last := l.asked[len(l.asked)-1]
	until := w.now().Add(-time.Hour)
	if until.Sub(l.judged) < time.Hour {
		return
	}
	from := w.now().Add(since - w.lived())
	for _, every := range []account.Every{last.Report, last.Reminder} {
		due := slots(every, last.Day, latest(last.since, l.judged), until, w.local)
		for i, at := range due {
			if at.Before(from) && (i+1 < len(due) && !due[i+1].After(from) || from.Sub(at) > useful[every]) {
				continue // of several that were missed only the newest comes
			}
			w.demandLetter(every, at, latest(at, from))
		}
	}
	l.judged = until
}

// demandLetter looks for the mail of one slot, which was to be written at the given time.
func (w *world) demandLetter(every account.Every, slot, written time.Time) {
	owed := w.wasDown(slot.Add(-downFor-time.Minute), written.Add(inHand))
	if every == account.Weekly || every == account.Monthly {
		owed = w.wasWatched(slot.AddDate(0, 0, -6), slot.Add(-day))
	}
	if owed && !w.net.hasTried(letterKey(w.user, every, slot.In(w.local))) && !w.net.turnedAway(slot, written) {
		w.wrong("LETTER", 0, "nothing came %s, due %s", every, clock(slot))
	}
}

// letterKey names the mail of a slot.
func letterKey(user account.UserID, every account.Every, slot time.Time) string {
	if every == account.Weekly || every == account.Monthly {
		return fmt.Sprintf("report/%d/%s-%s", user, every, slot.Format(time.DateOnly))
	}
	return fmt.Sprintf("reminder/%d/%s", user, slot.UTC().Format("2006-01-02T15"))
}

func (n *network) hasTried(key string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.ContainsFunc(n.receptions, func(r reception) bool { return r.letter.key == key })
}

// turnedAway reports whether the reader's host refused somebody from one time on, or a
// while after another.
func (n *network) turnedAway(from, to time.Time) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.ContainsFunc(n.refused, func(at time.Time) bool { return !at.Before(from) && !at.After(to.Add(inHand)) })
}

// stretches calls do with each time in which a check had one of the statuses, as it
// was known.
func (j *job) stretches(do func(status string, from, to time.Time)) {
	for i, f := range j.turns {
		end := j.goneAt
		if i+1 < len(j.turns) {
			end = j.turns[i+1].judged
		} else if end.IsZero() {
			end = f.judged.Add(1000 * day)
		}
		do(f.new, f.at, end)
	}
}

// wasDown reports whether some check was down all the time.
func (w *world) wasDown(from, to time.Time) (found bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, j := range w.jobs {
		j.stretches(func(status string, since, end time.Time) {
			found = found || status == "down" && !since.After(from) && !end.Before(to)
		})
	}
	return found
}

// wasWatched reports whether a check that is still there was up or down for an hour
// within the time, of which something is kept.
func (w *world) wasWatched(from, to time.Time) (found bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, j := range w.jobs {
		j.stretches(func(status string, since, end time.Time) {
			counts := (status == "up" || status == "down") && earliest(end, to).Sub(latest(since, from)) > time.Hour
			kept := since.After(w.trimmed.Add(-keptFor)) || since.Equal(j.turns[len(j.turns)-1].at)
			found = found || counts && kept && !j.deleted
		})
	}
	return found
}

// judgeLetters looks at all regular mails that were read.
func (w *world) judgeLetters() {
	ids := map[string]string{}
	for _, r := range w.net.receptions {
		key := r.letter.key
		if key == "" {
			continue
		}
		if known := ids[key]; known != "" && known != r.id {
			w.wrong("LETTER", 0, "%s came as %s and as %s", key, known, r.id)
		}
		ids[key] = r.id
		if !w.wasAsked(r.letter) {
			w.wrong("LETTER", 0, "%s came at %s, and was not asked for", key, clock(r.letter.clock))
		}
		if strings.HasPrefix(key, "reminder/") {
			w.judgeReminder(r.letter)
		}
	}
}

// wasAsked reports whether a mail was due, by what was asked for then, and still asked
// for when it came.
func (w *world) wasAsked(l letter) bool {
	all := w.letters.asked
	for i, a := range all {
		until := l.clock.Add(6 * time.Minute) // the clock may have been set back since
		if i+1 < len(all) && all[i+1].since.Before(until) {
			until = all[i+1].since
		}
		for _, every := range []account.Every{a.Report, a.Reminder} {
			late := 26*time.Hour + useful[every] // it may have waited long to be written at all
			if every == account.Weekly || every == account.Monthly {
				late += 35 * day
			}
			for _, slot := range slots(every, a.Day, latest(a.since, l.clock.Add(-late)), until, w.local) {
				if letterKey(w.user, every, slot.In(w.local)) == l.key {
					return true
				}
			}
		}
	}
	return false
}

// judgeReminder compares what a reminder says with what was down.
func (w *world) judgeReminder(l letter) {
	var down []string
	changing := false
	w.mu.Lock()
	for _, j := range w.jobs {
		j.stretches(func(status string, since, end time.Time) {
			for _, f := range j.turns {
				changing = changing || f.judged.Sub(l.clock).Abs() < 2*time.Minute
			}
			changing = changing || !j.goneAt.IsZero() && j.goneAt.Sub(l.clock).Abs() < 2*time.Minute
			if status == "down" && !since.After(l.clock) && end.After(l.clock) {
				down = append(down, j.name)
			}
		})
	}
	w.mu.Unlock()
	says := fmt.Sprintf("Still down: %d checks.", len(down))
	switch {
	case len(down) == 1:
		says = "Still down: " + down[0] + "."
	case len(down) > mostNamed:
		says = fmt.Sprintf("Still down: more than %d checks.", mostNamed)
	}
	if !changing && !strings.HasPrefix(l.subject, says) {
		w.wrong("LETTER", 0, "%s says %q, want %q", l.key, l.subject, says)
	}
	if !w.wasDownSince(l.clock) {
		w.wrong("LETTER", 0, "%s came at %s, when nothing had been down for an hour", l.key, clock(l.clock))
	}
}

// wasDownSince reports whether something had been down for an hour, or had been within
// the time for which a reminder may wait.
func (w *world) wasDownSince(at time.Time) (found bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, j := range w.jobs {
		j.stretches(func(status string, since, end time.Time) {
			found = found || status == "down" && earliest(end, at.Add(time.Minute)).Sub(since) >= downFor && !end.Before(at.Add(-useful[account.Daily]))
		})
	}
	return found
}

// settle plans what is due next, with the mistakes that are made there.
func (b bug) settle(p *port, ctx context.Context, due, after account.Notices, owed []account.Letter) error {
	if b == unwritten && hash(owed)%2 == 0 {
		owed = nil
	}
	return p.Store.SettleNotices(ctx, due, after, owed...)
}
