package alerter_test

import (
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
// other while that lasts; when one channel takes it, there is none.
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
	began := w.Now()
	var after time.Duration
	for w.Now().Sub(began) < 6*time.Hour {
		w.tick()
		if err := look.Tick(t.Context(), w.Now()); err != nil {
			t.Fatal(err)
		}
		must(post.Tick(t.Context(), w.Now()))(t)
		if len(in.Messages()) == 1 && after == 0 {
			after = w.Now().Sub(began)
		}
		w.advance(30 * time.Second)
	}
	got := in.Messages()
	wrong := 0
	if len(got) != 1 || after < monitor.UntoldAfter || after > monitor.UntoldAfter+time.Minute {
		t.Fatalf("%d mails, the first after %s", len(got), after)
	}
	if subject := got[0].Subject(); !strings.Contains(subject, "Nobody was told: 2") || !strings.Contains(got[0].Text, baseURL+"/deliveries") {
		wrong++
		t.Errorf("%s\n%s", subject, got[0].Text)
	}
	prove.Report(t, "UNTOLD: an alarm that no channel takes is told to the owner once, five minutes later", 3, wrong)
}
