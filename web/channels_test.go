package web_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/internal/account"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
	"rollcall/web"
)

func projectNamed(name string) account.Project {
	return account.Project{Name: name, PingKey: account.NewPingKey(), Created: time.Now().UTC().Truncate(time.Microsecond)}
}

// onlyChannel returns the one channel of the project.
func (s *site) onlyChannel() monitor.Channel {
	s.Helper()
	channels, err := s.st.Channels(s.Context(), s.project.ID)
	s.ok(err)
	if len(channels) != 1 {
		s.Fatalf("%d channels", len(channels))
	}
	return channels[0].Channel
}

func TestChannels(t *testing.T) {
	s := newSite(t)
	b := s.signedIn()
	s.wants(b.get("/channels"), 200, "Nobody is told anything yet")
	s.wants(b.get("/channels/new?kind=webhook"), 200, "New webhook", "a new one is made")
	s.wants(b.get("/channels/new?kind=pigeon"), 200, "New e-mail channel")

	s.wants(b.post("/channels", "kind", "webhook", "name", "", "url", "ftp://x", "secret", "whsec_short"), http.StatusUnprocessableEntity,
		"Not saved: 3 fields need a change.", `value="ftp://x"`, `value="whsec_short"`, "Name is missing", "Address must begin with http", "Secret must be")
	s.wants(b.post("/channels", "kind", "pigeon", "name", "x"), http.StatusUnprocessableEntity, "Kind is either email or webhook")

	w := b.post("/channels", "kind", "webhook", "name", "Hook", "url", "https://example.org/h?token=1", "secret", "")
	channel := s.onlyChannel()
	s.leads(w, "/channels/"+idOf(channel.ID))
	if !strings.HasPrefix(channel.Settings.Secret, monitor.SecretPrefix) || len(channel.Settings.Secret) < 40 {
		t.Errorf("secret %q", channel.Settings.Secret)
	}
	s.wants(b.get("/channels/"+idOf(channel.ID)), 200, channel.Settings.Secret, "data-copy", "Added. Send a test", "Never proved to work")
	page := b.get("/channels")
	s.wants(page, 200, "Webhook to example.org", "Never proved to work")
	if strings.Contains(page.Body.String(), "token=1") || strings.Contains(page.Body.String(), channel.Settings.Secret) {
		t.Error("the list shows a secret")
	}

	s.leads(b.post("/channels/"+idOf(channel.ID), "name", "Pager", "url", "https://example.org/other", "secret", "", "kind", "email"), "/channels/"+idOf(channel.ID))
	edited := s.onlyChannel()
	want := channel
	want.Name, want.Settings.URL = "Pager", "https://example.org/other"
	if diff := cmp.Diff(want, edited); diff != "" {
		t.Error(diff)
	}
	other := "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	b.post("/channels/"+idOf(channel.ID), "name", "Pager", "url", "https://example.org/other", "secret", other)
	if got := s.onlyChannel().Settings.Secret; got != other {
		t.Errorf("secret %q", got)
	}

	s.leads(b.post("/channels/"+idOf(channel.ID)+"/delete"), "/channels")
	s.wants(b.get("/channels"), 200, "Deleted Pager.")
	s.leads(b.post("/channels", "kind", "email", "name", "Desk", "address", "desk@example.org", "url", "https://x"), "/channels/"+idOf(s.onlyChannel().ID))
	if diff := cmp.Diff(monitor.Settings{Address: "desk@example.org"}, s.onlyChannel().Settings); diff != "" {
		t.Error(diff)
	}
}

func TestTestButton(t *testing.T) {
	s := newSite(t)
	channel := s.addChannel(s.project.ID, "Desk")
	b := s.signedIn()
	path := "/channels/" + idOf(channel.ID)
	s.leads(b.post(path+"/test"), path+"#messages")
	if s.kicks.Load() != 1 {
		t.Errorf("the alerter was woken %d times", s.kicks.Load())
	}
	polls := `hx-get="` + path + `/messages"`
	s.wants(b.get(path), 200, "Test message", "Waiting", polls)
	s.wants(b.get(path+"/messages"), 200, "Waiting", polls)

	leased, err := s.st.LeaseDeliveries(t.Context(), store.Lease{Now: s.now(), Until: s.now().Add(time.Minute), Limit: 1, PerChannel: 1})
	s.ok(err)
	code := 250
	result := monitor.Result{Verdict: monitor.Done, Code: &code, Answer: "250 taken"}
	after, _ := leased[0].Delivery.Settle(result, s.now())
	s.ok(s.st.RecordAttempt(t.Context(), monitor.Attempt{Delivery: after.ID, N: 1, Started: s.now(), OK: true, Code: &code, Answer: result.Answer}, after, ""))
	ended := b.get(path + "/messages")
	s.wants(ended, 200, "Delivered", "250 taken")
	if strings.Contains(ended.Body.String(), "hx-get") {
		t.Error("it asks again although the message was taken")
	}
	s.wants(b.get("/channels"), 200, "Proved <b>today", "1 message in all")

	for range 5 {
		s.leads(b.post(path+"/test"), path+"#messages")
	}
	w := b.post(path + "/test")
	s.wants(w, http.StatusTooManyRequests)
	if w.Header().Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
}

func TestChannelInTrouble(t *testing.T) {
	s := newSite(t, func(c *web.Config) { c.MailConfigured = false })
	channel := s.addChannel(s.project.ID, "Desk")
	b := s.signedIn()
	s.wants(b.get("/channels"), 200, "no mail server to send by")
	channel.Disabled = "the receiver answered 410 twice"
	s.ok(s.st.EditChannel(t.Context(), channel))
	s.wants(b.get("/channels"), 200, "Switched off: the receiver answered 410 twice.", `data-s="down"`)
	path := "/channels/" + idOf(channel.ID)
	s.wants(b.get(path), 200, "Test and switch on")
	s.leads(b.post(path+"/enable"), path+"#messages")
	s.wants(b.get(path), 200, "A test is on its way. When it is taken, the channel is on again.")
	if got := s.onlyChannel().Disabled; got == "" {
		t.Error("it is on before the test was taken")
	}
	s.takes(monitor.Result{Verdict: monitor.Done, Answer: "250 queued"})
	if got := s.onlyChannel().Disabled; got != "" {
		t.Errorf("still switched off: %q", got)
	}
}

func TestAChannelThatTakesNothingShows(t *testing.T) {
	s := newSite(t)
	channel := s.addChannel(s.project.ID, "Desk")
	for range monitor.BreakerAfter {
		_, err := s.st.EnqueueTest(t.Context(), channel.Project, channel.ID, s.now())
		s.ok(err)
		leased, err := s.st.LeaseDeliveries(t.Context(), store.Lease{Now: s.now(), Until: s.now().Add(time.Minute), Limit: 1, PerChannel: 1})
		s.ok(err)
		after, _ := leased[0].Delivery.Settle(monitor.Result{Verdict: monitor.Refuse}, s.now())
		s.ok(s.st.RecordAttempt(t.Context(), monitor.Attempt{
			Delivery: after.ID, N: after.Attempts, Started: s.now().Add(-30 * time.Hour), Redirect: "new.example",
		}, after, ""))
	}
	b := s.signedIn()
	for _, page := range []string{"/checks", "/channels"} {
		s.wants(b.get(page), 200, "The channel Desk has taken no message since")
	}
	for _, page := range []string{"/channels", "/channels/" + idOf(channel.ID)} {
		s.wants(b.get(page), 200, "The receiver redirects to new.example")
	}
}

func TestDeliveries(t *testing.T) {
	s := newSite(t)
	b := s.signedIn()
	s.wants(b.get("/deliveries"), 200, "No messages in the last 30 days.", "Nothing was told to anybody yet.", "Add a channel")
	channel := s.addChannel(s.project.ID, "Desk")
	s.wants(b.get("/deliveries"), 200, "Send a test to a channel")
	dead := s.addDead(channel)
	s.wants(b.get("/deliveries"), 200, "0 of 1 message", "Dead letter", "550 no such mailbox", "Replay", "Dead letters <b>1</b>", "Test message")
	open := "/deliveries?open=" + idOf(dead)
	s.wants(b.get(open), 200, `aria-expanded="true"`, "What it says", "msg_")
	s.wants(b.get("/deliveries?state=sent"), 200, "No message is in this state", "Show all deliveries")
	s.wants(b.get("/deliveries?state=nonsense&before=x&channel=-1&open=zz"), 200, "Dead letter")
	s.wants(b.get("/deliveries?state=dead&channel="+idOf(channel.ID)), 200, "550 no such mailbox")

	s.leads(b.post("/deliveries/"+idOf(dead)+"/replay", "back", open), open)
	if s.kicks.Load() != 1 {
		t.Errorf("the alerter was woken %d times", s.kicks.Load())
	}
	s.wants(b.get("/deliveries?state=pending"), 200, "on its way again", "Waiting", "550 no such mailbox")
	s.wants(b.post("/deliveries/"+idOf(dead)+"/replay"), http.StatusConflict)
	s.leads(b.post("/deliveries/"+idOf(s.addDead(channel))+"/replay", "back", "https://evil/"), "/checks")
}

// What a page of dead letters lists is sent once more by one button, and no other.
func TestDeadLettersAreReplayedTogether(t *testing.T) {
	s := newSite(t)
	b, desk, ops := s.signedIn(), s.addChannel(s.project.ID, "Desk"), s.addChannel(s.project.ID, "Ops")
	for range 3 {
		s.addDead(desk)
	}
	s.addDead(ops)
	list := "/deliveries?state=dead&channel=" + idOf(desk.ID)
	s.wants(b.get(list), 200, "Replay these 3", `action="/deliveries/replay"`)
	s.wants(b.get("/deliveries?state=dead&channel="+idOf(ops.ID)), 200, "Replay it")
	if w := b.get("/deliveries"); strings.Contains(w.Body.String(), "/deliveries/replay") {
		t.Error("what did not fail is offered to be replayed with all else")
	}
	woken := s.kicks.Load()
	s.leads(b.post("/deliveries/replay", "state", "dead", "channel", idOf(desk.ID)), "/deliveries?channel="+idOf(desk.ID)+"&state=dead")
	s.wants(b.get(list), 200, "3 messages are on the way again", "No message is in this state")
	s.wants(b.get("/deliveries?state=dead"), 200, "Replay it") // the one of the other channel
	if s.kicks.Load() == woken {
		t.Error("the alerter was not woken")
	}
	s.leads(b.post("/deliveries/replay", "channel", idOf(desk.ID)), "/deliveries?channel="+idOf(desk.ID)+"&state=dead")
	s.wants(b.get(list), 200, "Nothing was left to replay")
	s.wants(b.post("/deliveries/replay", "check", "5f0b1c9e-6d43-4a4e-9a53-0d2f6c1f7a99"), http.StatusNotFound)
}

func TestDeliveriesInPages(t *testing.T) {
	s := newSite(t)
	channel := s.addChannel(s.project.ID, "Desk")
	for range 60 {
		_, err := s.st.EnqueueTest(t.Context(), s.project.ID, channel.ID, s.now())
		s.ok(err)
	}
	b := s.signedIn()
	first := b.get("/deliveries?state=pending").Body.String()
	if n := strings.Count(first, "Test message"); n != 50 {
		t.Errorf("%d on the first page", n)
	}
	older := regexp.MustCompile(`href="(/deliveries\?before=[^"]*)">Older`).FindStringSubmatch(first)
	if older == nil {
		t.Fatalf("no link to the older ones\n%s", first)
	}
	second := b.get(strings.ReplaceAll(older[1], "&amp;", "&")).Body.String()
	if n := strings.Count(second, "Test message"); n != 10 || strings.Contains(second, "Older") {
		t.Errorf("%d on the second page", n)
	}
}
