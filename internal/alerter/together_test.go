package alerter_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rollcall/internal/alerter"
	"rollcall/internal/mailtest"
	"rollcall/internal/monitor"
	"rollcall/internal/prove"
)

// A mail server takes nothing until the check is up again: people get one mail, a
// program both messages.
func TestAnAlarmIsToldWithItsEnd(t *testing.T) {
	w, in, ops := mailWorld(t)
	hook := receive(t, func(rw http.ResponseWriter, _ *http.Request, before int) {
		if before < 2 {
			rw.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	c := w.check(ops, w.webhook(hook.URL))
	in.Behave(mailtest.Behaviour{Rcpt: mailtest.Reply(451, "come again")})
	w.set(time.Date(2027, 1, 4, 2, 15, 0, 0, time.UTC))
	w.fail(c)
	w.tick()
	w.advance(3 * time.Second)
	w.tick()
	in.Behave(mailtest.Behaviour{})
	w.set(time.Date(2027, 1, 4, 2, 18, 0, 0, time.UTC))
	w.succeed(c)
	w.tick()
	got := in.Messages()
	if len(got) != 1 {
		t.Fatalf("%d mails", len(got))
	}
	if subject, want := got[0].Subject(), "Up: Offsite backup. Was down 3 min (02:15–02:18), now up"; subject != want {
		t.Errorf("subject %q, want %q", subject, want)
	}
	if !strings.Contains(got[0].Text, "Reported exit status 1.") {
		t.Errorf("the mail does not say why it was down:\n%s", got[0].Text)
	}
	w.drain()
	var seqs []float64
	for _, r := range hook.all()[2:] {
		seqs = append(seqs, r.data()["seq"].(float64))
	}
	if !slices.Equal(seqs, []float64{1, 2}) {
		t.Errorf("the program took %v", seqs)
	}
	var alarm, end monitor.Delivery
	for _, d := range w.deliveries() {
		switch {
		case d.Channel != ops.ID:
		case d.Rev == 1:
			alarm = d.Delivery
		default:
			end = d.Delivery
		}
	}
	if !alarm.WithEnd() || alarm.Digest != end.ID || alarm.Attempts != 2 || end.State != monitor.Sent {
		t.Errorf("the alarm is %+v, its end %+v", alarm, end)
	}
	if err := w.store.ReplayDelivery(t.Context(), w.project.ID, end.ID, w.Now()); err != nil {
		t.Fatal(err)
	}
	w.tick()
	if again := in.Messages(); len(again) != 2 || again[1].Text != got[0].Text {
		t.Errorf("replayed it is another mail: %+v", again)
	}
}

// What was never tried is never held back, also when its end is there already.
func TestAnAlarmThatWasNotTriedGoesByItself(t *testing.T) {
	w, in, ops := mailWorld(t)
	c := w.check(ops)
	w.fail(c)
	w.advance(time.Minute)
	w.succeed(c)
	w.tick()
	w.advance(time.Second)
	w.tick()
	if got := in.Messages(); len(got) != 2 || !strings.HasPrefix(got[0].Subject(), "Down: ") || !strings.HasPrefix(got[1].Subject(), "Up: ") {
		t.Errorf("%d mails", len(got))
	}
}

// lane is what the receiver of one channel sees of one check.
type lane struct {
	channel monitor.ChannelID
	revs    []int64          // in the order in which they were acknowledged
	first   map[string]int64 // of each message the rev of the alarm that it tells too, or 0
	lost    map[int64]bool   // acknowledged, and the process died before it was recorded
}

// take is one attempt. What was sent before under the same id has to be the same.
func (l *lane) take(m alerter.Message, acknowledged bool) error {
	var alarm int64
	if m.Ends != nil {
		alarm = m.Ends.Rev
	}
	if before, known := l.first[m.ID]; known && before != alarm {
		return fmt.Errorf("message %d told of %d first, and of %d later", m.Flip.Rev, before, alarm)
	}
	l.first[m.ID] = alarm
	if !acknowledged || l.lost[m.Flip.Rev] { // it fails, or is a repetition
		return nil
	}
	if alarm != 0 && !l.lost[alarm] {
		l.revs = append(l.revs, alarm)
	}
	l.revs = append(l.revs, m.Flip.Rev)
	return nil
}

// A check flaps, receivers fail or answer too late, and the process dies between
// sending and recording. Of every change each channel acknowledges one message, in
// order; programs get each by itself.
func TestPeopleAreToldTogether(t *testing.T) {
	flips, together, wrong := 0, 0, 0
	for seed := range uint64(prove.Scale(15, 2000)) {
		w := newWorld(t)
		random := rand.New(rand.NewPCG(seed, 18))
		mail := &lane{channel: w.channel(monitor.Channel{Kind: monitor.Email, Settings: monitor.Settings{Address: "ops@example.org"}}).ID, first: map[string]int64{}, lost: map[int64]bool{}}
		hook := &lane{channel: w.webhook("https://hook.example.org").ID, first: map[string]int64{}, lost: map[int64]bool{}}
		calm := false
		var mu sync.Mutex // two channels are tried at the same time
		crash := errors.New("the process died")
		take := sender(func(_ context.Context, m alerter.Message) alerter.Outcome {
			mu.Lock()
			defer mu.Unlock()
			l := mail
			if m.Channel.ID == hook.channel {
				l = hook
			}
			fine := calm || random.Float64() < 0.4
			if err := l.take(m, fine); err != nil {
				wrong++
				t.Errorf("seed %d: %v", seed, err)
			}
			if fine {
				return done()
			}
			return alerter.Outcome{Result: monitor.Result{Verdict: monitor.Retry, Answer: "503"}, Class: "5xx"}
		})
		w.alerter.Senders = map[monitor.ChannelKind]alerter.Sender{monitor.Email: take, monitor.Webhook: take}
		w.alerter.Store = interfering{w.store, func(ctx context.Context, a monitor.Attempt, after monitor.Delivery, disable string) error {
			mu.Lock()
			dies := !calm && random.Float64() < 0.1
			if dies {
				l := mail
				if after.Channel == hook.channel {
					l = hook
				}
				l.lost[after.Rev] = l.lost[after.Rev] || a.OK
			}
			mu.Unlock()
			if dies {
				return crash
			}
			return w.store.RecordAttempt(ctx, a, after, disable)
		}}
		both := []monitor.Channel{{ID: mail.channel}, {ID: hook.channel}}
		c := w.check(both...)
		var owed int64
		for down := false; owed < 12; {
			if random.Float64() < 0.4 {
				if down = !down; down {
					w.fail(c)
				} else {
					w.succeed(c)
				}
				owed++
			}
			w.tick()
			w.advance(time.Duration(random.Int64N(int64(4 * time.Minute))))
		}
		calm = true
		w.drain()
		for _, l := range []*lane{mail, hook} {
			for i, rev := range l.revs {
				if rev != int64(i+1) {
					wrong++
					t.Errorf("seed %d: channel %d acknowledged %v", seed, l.channel, l.revs)
					break
				}
			}
			if len(l.revs) != int(owed) {
				wrong++
				t.Errorf("seed %d: channel %d acknowledged %d of %d changes", seed, l.channel, len(l.revs), owed)
			}
		}
		for _, alarm := range hook.first {
			if alarm != 0 {
				wrong++
				t.Errorf("seed %d: a program was told of two changes at once", seed)
			}
		}
		for _, alarm := range mail.first {
			if alarm != 0 {
				together++
			}
		}
		for _, d := range w.deliveries() {
			if d.Channel == mail.channel {
				flips++
			}
			if d.State != monitor.Sent && !d.WithEnd() {
				wrong++
				t.Errorf("seed %d: delivery of %d is %s", seed, d.Rev, d.State)
			}
		}
	}
	if together == 0 {
		t.Error("nothing was told together")
	}
	t.Logf("%d of %d changes were told with their ends", together, flips)
	prove.Report(t, "TOGETHER: an alarm that was tried in vain is told with its end, each change once and in order", flips, wrong)
}
