package alerter_test

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"rollcall/internal/account"
	"rollcall/internal/alerter"
	"rollcall/internal/mailtest"
	"rollcall/internal/monitor"
	"rollcall/internal/prove"
)

// When no channel takes an alarm, its owner gets one mail after five minutes, and no
// other while that lasts; when one channel takes it, there is none. An alarm that comes
// later is another one: of those there is one mail an hour.
func TestNobodyTakesAnAlarm(t *testing.T) {
	w, in := newWorld(t), mailtest.Start(t, mailtest.Options{})
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	look := &alerter.Lookout{Store: w.store, Now: w.Now, Log: quiet, Kick: func() {}}
	post := &alerter.Postman{
		Store: w.store, Server: server(t, in), Dial: relay(), Now: w.Now, Log: quiet, BaseURL: baseURL,
		Writers: map[account.LetterKind]alerter.Writer{account.UntoldLetter: alerter.UntoldLetter(baseURL)},
	}
	bad, worse, good := receive(t, status(500)), receive(t, status(404)), receive(t, status(200))
	w.fail(w.check(w.webhook(bad.URL), w.webhook(good.URL))) // one takes it
	w.fail(w.check(w.webhook(bad.URL+"/a"), w.webhook(worse.URL)))
	w.fail(w.check(w.webhook(bad.URL + "/b")))
	// mails lets a time pass, and returns when mails came, counted from its beginning.
	mails := func(span time.Duration) (after []time.Duration) {
		began, before := w.Now(), len(in.Messages())
		for ; w.Now().Sub(began) < span; w.advance(30 * time.Second) {
			w.tick()
			if err := look.Tick(t.Context(), w.Now()); err != nil {
				t.Fatal(err)
			}
			must(post.Tick(t.Context(), w.Now()))(t)
			for ; before < len(in.Messages()); before++ {
				after = append(after, w.Now().Sub(began))
			}
		}
		return after
	}
	wrong := 0
	expect := func(what string, after []time.Duration, from time.Duration, checks int) {
		t.Helper()
		if len(after) != 1 || after[0] < from || after[0] > from+time.Minute {
			wrong++
			t.Fatalf("%s: mails after %v, want one after %s", what, after, from)
		}
		last := in.Messages()[len(in.Messages())-1]
		if !strings.Contains(last.Subject(), fmt.Sprint("Nobody was told: ", checks)) || !strings.Contains(last.Text, baseURL+"/deliveries") {
			wrong++
			t.Errorf("%s: %q\n%s", what, last.Subject(), last.Text)
		}
	}
	expect("two at a time", mails(6*time.Hour), monitor.UntoldAfter, 2)
	w.fail(w.check(w.webhook(bad.URL + "/c")))
	expect("another one", mails(20*time.Minute), monitor.UntoldAfter, 3)
	w.fail(w.check(w.webhook(bad.URL + "/d")))
	if after := mails(20 * time.Minute); len(after) > 0 {
		wrong++
		t.Errorf("two mails in less than an hour: %v", after)
	}
	w.fail(w.check(w.webhook(bad.URL + "/e")))
	expect("two more, an hour after the mail before", mails(6*time.Hour), monitor.UntoldAfter+20*time.Minute, 5)
	prove.Report(t, "UNTOLD: an alarm that no channel takes is told to the owner once, five minutes later", 6, wrong)
}
