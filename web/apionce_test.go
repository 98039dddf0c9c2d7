package web_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
	"rollcall/web"
)

func TestAPIIdempotency(t *testing.T) {
	bothEngines(t, func(a *api) {
		key := func(text string) []string { return []string{"Idempotency-Key", text} }
		count := func() int {
			a.Helper()
			checks, err := a.st.Checks(a.Context(), a.project.ID, 100)
			a.ok(err)
			return len(checks)
		}
		first := a.post(createPath, `{"name":"Once"}`, key(`"8e03978e-40d5-43dd-bc93-6894a57f9324"`)...).is(201)
		if first.header.Get("Idempotent-Replayed") != "" {
			a.Error("the first answer says that it is a repetition")
		}
		again := a.post(createPath, `{"name":"Once"}`, key(`8e03978e-40d5-43dd-bc93-6894a57f9324`)...).is(201)
		if string(again.body) != string(first.body) || again.header.Get("Idempotent-Replayed") != "true" || again.header.Get("Content-Type") != "application/json" {
			a.Errorf("the second answer is %v %s", again.header, again.body)
		}
		const another = "this Idempotency-Key belongs to another request; use a new one for each"
		a.post(createPath, `{"name":"Twice"}`, key("8e03978e-40d5-43dd-bc93-6894a57f9324")...).refused(422, another)
		a.post("/api/v1/checks/", `{"name":"Once"}`, key("8e03978e-40d5-43dd-bc93-6894a57f9324")...).refused(422, another)
		a.ask(foreignKey, "POST", createPath, `{"name":"Theirs"}`, key("8e03978e-40d5-43dd-bc93-6894a57f9324")...).is(201)
		if n := count(); n != 1 {
			a.Errorf("%d checks were made", n)
		}
		a.Run("a refusal is repeated too", func(t *testing.T) {
			a.post(createPath, `{"name":5}`, key("refused")...).refused(400, "json validation error: name is not a string")
			w := a.post(createPath, `{"name":5}`, key("refused")...)
			w.refused(400, "json validation error: name is not a string")
			if w.header.Get("Idempotent-Replayed") != "true" {
				t.Error("it was refused anew")
			}
		})
		a.Run("what is no key", func(*testing.T) {
			const text = "Idempotency-Key takes one text of 1 to 255 printable characters without spaces"
			for _, wrong := range []string{strings.Repeat("k", 256), `""`, "two words", "umläut"} {
				a.post(createPath, "{}", key(wrong)...).refused(400, text)
			}
			a.post(createPath, "{}", "Idempotency-Key", "a", "Idempotency-Key", "b").refused(400, text)
			a.post(createPath, "{}", key(strings.Repeat("k", 255))...).is(201)
		})
		a.Run("20 at once make one", func(t *testing.T) {
			before := count()
			codes := a.together(20, func(int) reply { return a.post(createPath, `{"name":"At once"}`, key("at-once")...) })
			if made := count() - before; made != 1 || codes[201]+codes[409] != 20 || codes[201] < 1 {
				t.Errorf("%d were made; answers: %v", made, codes)
			}
		})
		a.Run("a day later it is another request", func(*testing.T) {
			a.ahead.Store(int64(24*time.Hour + time.Second))
			a.post(createPath, `{"name":"Twice"}`, key("8e03978e-40d5-43dd-bc93-6894a57f9324")...).is(201)
		})
		a.Run("one that is being answered", func(*testing.T) {
			request := store.Request{Project: a.project.ID, Key: "busy", Fingerprint: "of another", Begun: a.now()}
			_, err := a.st.BeginRequest(a.Context(), request)
			a.ok(err)
			a.post(createPath, "{}", key("busy")...).refused(422, another)
		})
	})
}

// failing is a store whose checks cannot be made for a while.
type failing struct {
	store.Store
	with atomic.Pointer[error]
	hold chan struct{} // what a request waits for, when not nil
}

func (f *failing) FindOrCreateCheck(ctx context.Context, c monitor.Check, same func(monitor.Check) bool, channels []monitor.ChannelID, tokens ...monitor.Token) (monitor.Check, bool, error) {
	if f.hold != nil {
		f.hold <- struct{}{}
		<-f.hold
	}
	if err := f.with.Load(); err != nil {
		if *err == nil {
			panic("made for the test")
		}
		return c, false, *err
	}
	return f.Store.FindOrCreateCheck(ctx, c, same, channels, tokens...)
}

// What fails on our side is answered in the API's words, tells nothing of the
// inside, and leaves the key free for who tries again.
func TestAPIFailures(t *testing.T) {
	broken := &failing{}
	a := listen(newSite(t, func(c *web.Config) {
		broken.Store = c.Store
		c.Store = broken
	}))
	fail := func(err error) { broken.with.Store(&err) }
	body, key := `{"name":"Nightly"}`, []string{"Idempotency-Key", "k"}

	fail(fmt.Errorf("read tcp 10.0.0.1: %w", fault.Unavailable))
	w := a.post(createPath, body, key...)
	w.refused(503, "try again later")
	if w.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	fail(errors.New("SELECT secret FROM checks"))
	w = a.post(createPath, body, key...)
	w.refused(500, "internal error, request "+w.header.Get("X-Request-Id"))
	if !strings.Contains(a.log.String(), "SELECT secret") {
		t.Error("the log does not say what failed")
	}
	fail(nil) // it panics
	w = a.post(createPath, body, key...)
	w.refused(500, "internal error, request "+w.header.Get("X-Request-Id"))
	if !strings.Contains(a.log.String(), "made for the test") {
		t.Error("the log does not tell of the panic")
	}
	broken.with.Store(nil)
	a.post(createPath, body, key...).is(201)
	if strings.Contains(a.log.String(), rwKey) {
		t.Error("the log holds the key")
	}

	broken.hold = make(chan struct{})
	slow := make(chan reply)
	go func() { slow <- a.post(createPath, body, "Idempotency-Key", "slow") }()
	<-broken.hold // it has begun
	a.post(createPath, body, "Idempotency-Key", "slow").refused(409, "a request with this Idempotency-Key is being answered; ask again in a moment")
	broken.hold <- struct{}{}
	(<-slow).is(201)
}
