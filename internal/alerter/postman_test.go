package alerter_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"rollcall/internal/account"
	"rollcall/internal/alerter"
	"rollcall/internal/fault"
	"rollcall/internal/mailtest"
	"rollcall/internal/store"
	"rollcall/templates"
)

// postWorld is a world with a postman who knows two kinds of letters.
func postWorld(t *testing.T) (*world, *mailtest.Inbox, *alerter.Postman) {
	t.Helper()
	w, in := newWorld(t), mailtest.Start(t, mailtest.Options{})
	written := 0
	return w, in, &alerter.Postman{
		Store: w.store, Server: server(t, in), Dial: relay(), Now: w.Now,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)), BaseURL: baseURL,
		Writers: map[account.LetterKind]alerter.Writer{
			"greeting": func(_ context.Context, l account.Letter, _ time.Time) (templates.Mail, error) {
				written++
				return templates.Mail{
					Subject: "Hello", Title: "Hello", Sentences: []string{"Somebody asked for this.", l.Data},
					Button: "Go on", Page: baseURL + "/" + strings.Repeat("x", written), Why: "You asked for it.",
				}, nil
			},
			"silence": func(context.Context, account.Letter, time.Time) (templates.Mail, error) {
				return templates.Mail{}, alerter.ErrNotOwed
			},
		},
	}
}

func (w *world) queue(l account.Letter) {
	w.Helper()
	l.To, l.Data, l.Created, l.NextAt, l.Expires = "ana@example.org", "Welcome.", w.Now(), w.Now(), w.Now().Add(time.Hour)
	if err := w.store.QueueLetter(w.Context(), l); err != nil {
		w.Fatal(err)
	}
}

func (w *world) post(p *alerter.Postman, want int) {
	w.Helper()
	if n, err := p.Tick(w.Context(), w.Now()); err != nil || n != want {
		w.Fatalf("%d letters were due, want %d; %v", n, want, err)
	}
}

func TestLettersArrive(t *testing.T) {
	w, in, p := postWorld(t)
	w.queue(account.Letter{Kind: "greeting"})
	w.queue(account.Letter{Kind: "silence"})
	w.post(p, 2)
	w.post(p, 0)
	got := in.Messages()
	if len(got) != 1 || got[0].Subject() != "Hello" || !strings.Contains(got[0].Text, "Go on: "+baseURL+"/x") {
		t.Fatalf("%+v", got)
	}
	if strings.Contains(got[0].Text, "Change or stop") || strings.Contains(got[0].HTML, "project ") {
		t.Errorf("the letter speaks of channels or projects:\n%s", got[0].Text)
	}
}

// A letter that was not taken is written anew for the next attempt: a secret in
// it is never kept.
func TestLettersAreTriedAgain(t *testing.T) {
	w, in, p := postWorld(t)
	in.Behave(mailtest.Behaviour{Data: mailtest.Reply(451, "later")})
	w.queue(account.Letter{Kind: "greeting"})
	w.post(p, 1)
	in.Behave(mailtest.Behaviour{})
	w.advance(10 * time.Second)
	w.post(p, 1)
	if got := in.Messages(); len(got) != 1 || !strings.Contains(got[0].Text, baseURL+"/xx") {
		t.Fatalf("%+v", got)
	}
}

// forgetful is a store that fails to record letters at first, once without saying that
// it did.
type forgetful struct {
	store.Letters
	tries int
}

func (f *forgetful) RecordLetter(ctx context.Context, leased, after account.Letter) error {
	switch f.tries++; f.tries {
	case 1, 2:
		return fmt.Errorf("record: %w", fault.Unavailable)
	case 3:
		if err := f.Letters.RecordLetter(ctx, leased, after); err != nil {
			return err
		}
		return fmt.Errorf("recorded, and yet: %w", fault.Unavailable)
	}
	return f.Letters.RecordLetter(ctx, leased, after)
}

// A letter whose sending cannot be recorded at once is not sent a second time.
func TestALetterIsRecordedWhileItIsLeased(t *testing.T) {
	w, in, p := postWorld(t)
	st := &forgetful{Letters: w.store}
	p.Store = st
	w.queue(account.Letter{Kind: "greeting"})
	w.post(p, 1)
	w.advance(2 * time.Minute)
	w.post(p, 0)
	if got := len(in.Messages()); got != 1 || st.tries != 4 {
		t.Errorf("%d mails, recorded in %d tries; want one, in four", got, st.tries)
	}
}

func TestLettersEndWhenTheyAreOfNoMoreUse(t *testing.T) {
	w, in, p := postWorld(t)
	in.Behave(mailtest.Behaviour{Data: mailtest.Reply(451, "later")})
	w.queue(account.Letter{Kind: "greeting"})
	attempts := 0
	for {
		next, err := w.store.NextLetter(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if next.IsZero() {
			break
		}
		w.set(next)
		w.post(p, 1)
		attempts++
	}
	in.Behave(mailtest.Behaviour{})
	w.advance(2 * time.Hour)
	w.post(p, 0)
	if attempts < 5 || len(in.Messages()) > 0 {
		t.Errorf("%d attempts, %d mails", attempts, len(in.Messages()))
	}
}

func TestLettersOfAnUnknownKindAreKept(t *testing.T) {
	w, _, p := postWorld(t)
	w.queue(account.Letter{Kind: "riddle"})
	w.post(p, 1)
	if next, err := w.store.NextLetter(t.Context()); err != nil || next.IsZero() {
		t.Errorf("next attempt %v, %v", next, err)
	}
}
