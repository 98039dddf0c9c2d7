package mailbox_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"rollcall/internal/fault"
	"rollcall/internal/ingest"
	"rollcall/internal/mailbox"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
)

// wait lets o's clock go on.
func (o *office) wait(d time.Duration) { o.ahead.Add(int64(d)) }

// reopen is a new process on the same database.
func (o *office) reopen(change ...func(*mailbox.Config)) {
	o.Helper()
	o.shut()
	o.open(change...)
}

// deaf sends a mail and is gone before the answer comes.
func (o *office) deaf(raw, to string) {
	o.Helper()
	taken := make(chan bool, 1)
	o.reopen(func(c *mailbox.Config) {
		c.Ingest = moody{Pinger: o.in, after: func(uuid.UUID) error {
			taken <- true
			return nil
		}}
	})
	c := o.dial()
	c.tell("EHLO job.example", "250")
	c.tell("MAIL FROM:<root@nas.example>", "250")
	c.tell("RCPT TO:<"+to+"@%domain>", "250")
	c.tell("DATA", "354")
	c.send(onWire(raw))
	_ = c.Close()
	<-taken
}

// moody stores pings, and then says what it likes.
type moody struct {
	mailbox.Pinger
	after  func(uuid.UUID) error // the answer although the ping is stored
	before func(uuid.UUID) error // the answer instead of storing it
}

func (m moody) Submit(ctx context.Context, r ingest.Report) (store.Result, error) {
	if m.before != nil {
		if err := m.before(r.Ref.UUID); err != nil {
			return store.Result{}, err
		}
	}
	result, err := m.Pinger.Submit(ctx, r)
	if m.after != nil && err == nil {
		err = m.after(r.Ref.UUID)
	}
	return result, err
}

func TestMailThatIsSentAgainCountsOnce(t *testing.T) {
	onBothEngines(t, func(o *office) {
		for _, to := range []string{"%uuid", "%uuid+start", "%uuid+fail", "%uuid+log", "%uuid+3", "%key+%slug", "%key+%slug+fail"} {
			o.row(to, func() { o.sendAgain(to) })
		}
	})
}

func (o *office) sendAgain(to string) {
	o.deaf(nightly, to)
	for _, later := range []time.Duration{0, time.Minute, 30 * time.Minute, 24 * time.Hour, mailbox.RetrySpan - 48*time.Hour} {
		o.wait(later)
		o.reopen()
		if got := o.mail(nightly, to); got != "250 2.0.0 stored" {
			o.Errorf("%s later: %s", later, got)
		}
	}
	// Along another way, with the traces it leaves, and to the check's other name.
	o.mail("Received: from a by b; Mon, 23 Nov 2026 04:00:00 +0100"+nightly, to)
	if !strings.HasPrefix(to, "%key") {
		o.mail(nightly, strings.Replace(to, "%uuid", "%key+%slug", 1))
	}
	if n := o.counted(o.check); n != 1 {
		o.Errorf("%d pings, want 1", n)
	}
	if n := o.box.Stats().Repeated.Load(); n == 0 {
		o.Error("no repeated ping was noticed")
	}
}

func TestEveryMailOfItsOwnCounts(t *testing.T) {
	change := func(old, new string) func(string) string {
		return func(raw string) string { return strings.ReplaceAll(raw, old, new) }
	}
	without := func(fields ...string) func(string) string {
		return func(raw string) string {
			header, body, _ := strings.Cut(strings.TrimPrefix(raw, "\n"), "\n\n")
			var kept []string
			for line := range strings.SplitSeq(header, "\n") {
				name, _, _ := strings.Cut(line, ":")
				if !strings.Contains(strings.Join(fields, " "), name) {
					kept = append(kept, line)
				}
			}
			return strings.Join(kept, "\n") + "\n\n" + body
		}
	}
	for _, c := range []struct {
		name          string
		first, second func(string) string
		want          int64
	}{
		{"the next night", change("x", "x"), change("2026112302", "2026112402"), 2},
		{"a program that knows one Message-ID only", change("x", "x"), change("Mon, 23", "Tue, 24"), 2},
		{"and not the time", without("Date"), func(raw string) string { return without("Date")(change("12 GB", "13 GB")(raw)) }, 2},
		{"no Message-ID, another time", without("Message-ID"), func(raw string) string { return without("Message-ID")(change("03:00:07", "03:00:08")(raw)) }, 2},
		{"no Message-ID, the same time", without("Message-ID"), without("Message-ID"), 1},
		{"by hand, without both: a script that sends the same words each time", without("Message-ID", "Date"), without("Message-ID", "Date"), 2},
		{"the same, as a mail system passed it on", func(raw string) string {
			return "Received: by relay with id 1\n" + without("Message-ID", "Date")(raw)
		}, func(raw string) string { return "Received: by relay with id 1\n" + without("Message-ID", "Date")(raw) }, 1},
		{"and the next one", func(raw string) string { return "Received: by relay with id 1\n" + without("Message-ID", "Date")(raw) }, func(raw string) string {
			return "Received: by relay with id 2\n" + without("Message-ID", "Date")(raw)
		}, 2},
	} {
		o := newOffice(t)
		o.mail(c.first(nightly), "%uuid")
		o.wait(time.Minute)
		o.mail(c.second(nightly), "%uuid")
		if n := o.counted(o.check); n != c.want {
			t.Errorf("%s: %d pings, want %d", c.name, n, c.want)
		}
	}
}

func TestMailIsDeferredUntilAllIsStored(t *testing.T) {
	o := newOffice(t)
	other := o.newCheck("other", monitor.Filter{})
	full := true
	o.reopen(func(c *mailbox.Config) {
		c.Ingest = moody{Pinger: o.in, before: func(id uuid.UUID) error {
			if full && id == other.UUID {
				return fault.Unavailable
			}
			return nil
		}}
	})
	if got := o.mail(nightly, "%uuid", other.UUID.String()); !strings.HasPrefix(got, "451 4.3.0 ") {
		t.Errorf("half stored: %s", got)
	}
	full = false
	o.wait(30 * time.Minute)
	if got := o.mail(nightly, "%uuid", other.UUID.String()); got != "250 2.0.0 stored" {
		t.Errorf("again: %s", got)
	}
	if a, b := o.counted(o.check), o.counted(other); a != 1 || b != 1 {
		t.Errorf("%d and %d pings, want one each", a, b)
	}
}

// The database says that it failed, and has the ping all the same.
func TestMailThatWasStoredUnnoticedCountsOnce(t *testing.T) {
	o := newOffice(t)
	unnoticed := true
	o.reopen(func(c *mailbox.Config) {
		c.Ingest = moody{Pinger: o.in, after: func(uuid.UUID) error {
			if unnoticed {
				unnoticed = false
				return fmt.Errorf("commit: %w", fault.Unavailable)
			}
			return nil
		}}
	})
	if got := o.mail(nightly, "%uuid"); !strings.HasPrefix(got, "451 ") {
		t.Errorf("at first: %s", got)
	}
	if got := o.mail(nightly, "%uuid"); got != "250 2.0.0 stored" {
		t.Errorf("again: %s", got)
	}
	if n := o.counted(o.check); n != 1 {
		t.Errorf("%d pings", n)
	}
}

// A database that hangs: the mail is given up while its ping still waits.
func TestMailIsNotTakenTwiceWhileItWaits(t *testing.T) {
	o := newOffice(t)
	release := o.door.hold()
	defer release()
	for _, when := range []string{"at first", "again at once", "and once more"} {
		if got := o.mail(nightly, "%uuid"); !strings.HasPrefix(got, "451 4.3.0 ") {
			t.Errorf("%s: %s", when, got)
		}
	}
	release()
	for range 100 { // until the writer has come to it
		if got := o.mail(nightly, "%uuid"); got == "250 2.0.0 stored" {
			break
		}
	}
	if n := o.counted(o.check); n != 1 {
		t.Errorf("%d pings", n)
	}
	if n := o.box.Stats().Repeated.Load(); n != 1 {
		t.Errorf("%d pings repeated", n)
	}
}

func TestTheSameMailTwiceAtATime(t *testing.T) {
	o := newOffice(t)
	answers := make(chan string)
	for range 8 {
		go func() { answers <- o.mail(nightly, "%uuid") }()
	}
	stored := 0
	for range 8 {
		if got := <-answers; got == "250 2.0.0 stored" {
			stored++
		} else if !strings.HasPrefix(got, "451 ") {
			t.Error(got)
		}
	}
	if n := o.counted(o.check); n != 1 || stored == 0 {
		t.Errorf("%d pings, %d times stored", n, stored)
	}
}

// away is a database that is not there.
type away struct{ store.Store }

func (away) Known(context.Context, store.Ref) error { return errAway }

func (away) Transitions(context.Context, []store.Step) ([]store.Result, error) { return nil, errAway }

var errAway = errors.Join(fault.Unavailable, errors.New("dial /var/run/postgresql: no such file"))

func TestDatabaseThatIsAway(t *testing.T) { onBothEngines(t, (*office).defers) }

func (o *office) defers() {
	o.reopen(func(c *mailbox.Config) { c.Archive = away{o.st} })
	s := o.dial()
	s.tell("EHLO job.example", "250")
	s.tell("MAIL FROM:<>", "250")
	if got := s.say("RCPT TO:<%uuid@%domain>"); got != "451 4.3.0 cannot be stored now; try again" {
		o.Errorf("at RCPT: %s", got)
	}
	if !strings.Contains(o.log.String(), "no such file") {
		o.Error("the log does not tell why")
	}
	o.reopen()
	s = o.dial()
	for i := 0; i < len(envelope); i += 2 {
		s.tell(envelope[i], envelope[i+1])
	}
	s.tell("DATA", "354")
	o.door.failWith(errAway)
	s.send(onWire(nightly))
	if got := s.answer(); got != "451 4.3.0 cannot be stored now; try again" {
		o.Errorf("after DATA: %s", got)
	}
	// Its ping may still be stored, which is not known for a while after the database is
	// back; until then the mail is to come again.
	o.door.failWith(nil)
	got := o.mail(nightly, "%uuid")
	for limit := time.After(30 * time.Second); got != "250 2.0.0 stored"; got = o.mail(nightly, "%uuid") {
		select {
		case <-time.After(20 * time.Millisecond):
		case <-limit:
			o.Fatalf("when it is back: %s", got)
		}
	}
	if n := o.counted(o.check); n != 1 {
		o.Errorf("%d pings, want 1", n)
	}
}

// A check can be deleted while a mail to it is being sent.
func TestCheckThatGoesAway(t *testing.T) {
	o := newOffice(t)
	s := o.dial()
	for i := 0; i < len(envelope); i += 2 {
		s.tell(envelope[i], envelope[i+1])
	}
	s.tell("DATA", "354")
	if err := o.st.DeleteCheck(t.Context(), o.project.ID, o.check.ID); err != nil {
		t.Fatal(err)
	}
	s.send(onWire(nightly))
	s.expect("550 5.1.1")
}
