package web_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"rollcall/internal/account"
	"rollcall/internal/monitor"
	"rollcall/internal/schedule"
	"rollcall/internal/store"
	"rollcall/templates"
)

func TestACheckIsCopiedIntoTheForm(t *testing.T) {
	s := newSite(t)
	hook, other := s.addChannel(s.project.ID, "Desk"), s.addChannel(s.project.ID, "Night shift")
	check := s.addCheck(s.project.ID, "Nightly", hook.ID)
	b := s.signedIn()
	page := b.get("/checks/new?copy=" + check.UUID.String())
	s.wants(page, 200, `value="Copy of Nightly"`, `name="slug" value=""`, `value="1 min"`)
	html := page.Body.String()
	if !strings.Contains(html, `value="`+idOf(hook.ID)+`" checked`) || strings.Contains(html, `value="`+idOf(other.ID)+`" checked`) {
		t.Errorf("channels are not those of the original\n%s", html)
	}
	for _, nothing := range []string{"nonsense", uuid.NewString()} {
		s.wants(b.get("/checks/new?copy="+nothing), 200, "New check")
	}
}

func TestACheckMovesToAnotherProject(t *testing.T) {
	s := newSite(t)
	second, err := s.st.CreateProject(t.Context(), projectNamed("Second"), s.user.ID)
	s.ok(err)
	looked, err := s.st.CreateProject(t.Context(), projectNamed("Looked at"), s.user.ID)
	s.ok(err)
	owner, theirs := s.addAccount("jo@example.org", "hash", "Theirs")
	s.ok(s.st.SetMember(t.Context(), looked.ID, owner.ID, account.Owner))
	s.ok(s.st.SetMember(t.Context(), looked.ID, s.user.ID, account.ReadOnly))
	check := s.addCheck(s.project.ID, "Nightly", s.addChannel(s.project.ID, "Desk").ID)
	b := s.signedIn()
	path := "/checks/" + check.UUID.String()
	page := b.get(path).Body.String()
	if !strings.Contains(page, ">Second</option>") || strings.Contains(page, ">Looked at</option>") || strings.Contains(page, ">Theirs</option>") {
		t.Errorf("the page offers other projects than one can move to\n%s", page)
	}
	s.wants(b.post(path+"/move", "project", idOf(theirs.ID)), http.StatusNotFound)
	s.wants(b.post(path+"/move", "project", idOf(looked.ID)), http.StatusForbidden)
	s.wants(b.post(path+"/move", "project", "x"), http.StatusNotFound)

	same := s.addCheck(second.ID, "Nightly")
	s.wants(b.post(path+"/move", "project", idOf(second.ID)), http.StatusConflict, "Second has the slug nightly already")
	s.ok(s.st.DeleteCheck(t.Context(), second.ID, same.ID))
	same.Slug, same.UUID = "", uuid.New()
	_, err = s.st.CreateCheck(t.Context(), same, nil)
	s.ok(err)
	for range 2 { // a form that is sent twice moves once
		s.leads(b.post(path+"/move", "project", idOf(second.ID)), path)
	}
	s.wants(b.get(path), 200, "Moved to Second.", "Another check there has the same name.", "Nobody. When this check goes down")
	_, err = s.st.Check(t.Context(), second.ID, check.UUID)
	s.ok(err)
}

func TestARotatedCheckIsFoundByEveryoneButStrangers(t *testing.T) {
	a := newAPI(t)
	s := a.site
	check := s.addCheck(s.project.ID, "Nightly")
	b := s.signedIn()
	path := "/checks/" + check.UUID.String()
	badge := a.local(a.get("/api/v3/checks/" + check.UUID.String()).is(200).doc()["badge_url"])
	key := uniqueKeyOf(a, check)
	next := uuid.NewString()
	s.wants(b.get(path), 200, `name="uuid" value="`, "Rotate the address")
	s.wants(b.post(path+"/rotate", "uuid", "nonsense"), http.StatusBadRequest)
	for range 2 {
		s.leads(b.post(path+"/rotate", "uuid", next, "old", templates.OldGoesOn), "/checks/"+next)
	}
	s.leads(b.get(path), "/checks/"+next)
	s.wants(b.get("/checks/"+next), 200, "The old one goes on for 24 hours.", "the old address, which ends tomorrow", check.UUID.String())
	for _, id := range []uuid.UUID{check.UUID, uuid.MustParse(next)} {
		if id == check.UUID {
			s.leads(b.get("/go/"+monitor.PageKey(id)), path)
			continue
		}
		s.leads(b.get("/go/"+monitor.PageKey(id)), "/checks/"+next)
	}
	if got := a.get("/api/v3/checks/" + check.UUID.String()).is(200).doc()["uuid"]; got != next {
		t.Errorf("a program that knows the old id is told %v", got)
	}
	a.ask(roKey, http.MethodGet, "/api/v3/checks/"+key, "").is(200)
	a.stranger(badge).is(200)
	last := uuid.NewString()
	s.leads(b.post("/checks/"+next+"/rotate", "uuid", last, "old", "ends"), "/checks/"+last)
	s.wants(b.get("/checks/"+last), 200, "The old one has ended.", check.UUID.String())
	old, err := s.st.OldAddresses(t.Context(), s.project.ID)
	s.ok(err)
	if len(old) != 2 || old[0].Ends.IsZero() || !old[1].Ends.IsZero() {
		t.Errorf("old addresses %+v", old)
	}
}

func TestAChannelChoosesItsChecks(t *testing.T) {
	s := newSite(t)
	channel := s.addChannel(s.project.ID, "Desk")
	one, two := s.addCheck(s.project.ID, "One", channel.ID), s.addCheck(s.project.ID, "Two")
	_, other := s.addAccount("jo@example.org", "hash", "Theirs")
	theirs := s.addCheck(other.ID, "Not ours")
	b := s.signedIn()
	path := "/channels/" + idOf(channel.ID)
	page := b.get(path)
	s.wants(page, 200, "Told by", `href="/checks/`+one.UUID.String(), `name="shown" value="`+idOf(one.ID)+" "+idOf(two.ID)+`"`)
	if strings.Contains(page.Body.String(), `href="/checks/`+two.UUID.String()) {
		t.Error("a check is said to tell it that does not")
	}
	late := s.addCheck(s.project.ID, "Made meanwhile", channel.ID)
	shown := idOf(one.ID) + " " + idOf(two.ID)
	s.leads(b.post(path+"/checks", "shown", shown, "check", idOf(two.ID)), path)
	told := func(want ...monitor.CheckID) {
		t.Helper()
		got, err := s.st.ChecksOf(t.Context(), s.project.ID, channel.ID)
		s.ok(err)
		if !slices.Equal(got, want) {
			t.Errorf("told by %v, want %v", got, want)
		}
	}
	told(two.ID, late.ID)
	s.wants(b.post(path+"/checks", "shown", shown, "check", idOf(theirs.ID)), http.StatusNotFound)
	s.wants(b.post(path+"/checks", "shown", "x"), http.StatusNotFound)
	s.wants(b.post("/channels/999/checks", "shown", shown), http.StatusNotFound)
	told(two.ID, late.ID)
}

func TestDeliveriesAreSearchedAndSettled(t *testing.T) {
	s := newSite(t)
	desk, night := s.addChannel(s.project.ID, "Desk"), s.addChannel(s.project.ID, "Night shift")
	check := s.addCheck(s.project.ID, "Nightly", desk.ID, night.ID)
	s.receive(check, monitor.Ping{Signal: monitor.Fail})
	b := s.signedIn()
	count := func(query string, want int) {
		t.Helper()
		w := b.get("/deliveries?" + query)
		s.wants(w, 200)
		if got := strings.Count(w.Body.String(), `<tr id="d`); got != want {
			t.Errorf("%s finds %d, want %d", query, got, want)
		}
	}
	today, tomorrow := s.now().Format(time.DateOnly), s.now().AddDate(0, 0, 1).Format(time.DateOnly)
	count("", 2)
	count("q=NIGHT", 2)
	count("q=desk", 1)
	count("q=desk&state=sent", 0)
	count("q=desk&state=pending&from="+today+"&to="+today, 1)
	count("from="+tomorrow, 0)
	count("to=nonsense", 2)
	for _, zone := range []string{"Pacific/Kiritimati", "Pacific/Midway"} { // of which one is on another day
		s.leads(b.post("/account/zone", "zone", zone), "/account")
		day := s.now().In(schedule.LocationOf(zone)).Format(time.DateOnly)
		count("from="+day+"&to="+day, 2)
	}
	s.wants(b.get("/deliveries?q=%3Cb%3E&state=pending"), 200, "No check or channel with “&lt;b&gt;”", `value="&lt;b&gt;"`, `name="state" value="pending"`)

	rows, err := s.st.Deliveries(t.Context(), store.DeliveryQuery{Project: s.project.ID, Channel: desk.ID, Limit: 1})
	s.ok(err)
	path, back := "/deliveries/"+idOf(rows[0].ID), "/deliveries?open="+idOf(rows[0].ID)
	s.wants(b.get(back), 200, "Try now", "Give up")
	kicks := s.kicks.Load()
	s.leads(b.post(path+"/now", "back", back), back)
	s.leads(b.post(path+"/give-up", "back", back), back)
	if s.kicks.Load() != kicks+2 {
		t.Error("the alerter was not woken")
	}
	s.wants(b.get(back), 200, "Dead letter", "given up by ines@example.org", "Replay")
	s.wants(b.post(path+"/give-up"), http.StatusConflict, "does not wait")
	s.wants(b.post("/deliveries/999/now"), http.StatusNotFound)
	s.leads(b.post(path+"/replay", "back", back), back)
}

func TestSettingsAreTriedOnThePast(t *testing.T) {
	s := newSite(t)
	check := s.addCheck(s.project.ID, "Nightly") // every hour, a minute of grace
	b := s.signedIn()
	path := "/checks/" + check.UUID.String()
	s.wants(b.get(path+"/edit"), 200, "There are no pings yet on which these settings could be tried.")
	begin := s.now().Add(-10 * time.Hour)
	for _, after := range []time.Duration{0, time.Hour, 3 * time.Hour, 4 * time.Hour} {
		s.receive(check, monitor.Ping{At: begin.Add(after), Signal: monitor.Success})
	}
	s.wants(b.get(path+"/edit"), 200, "Tried on the 4 pings that are kept since", "2 alerts, 5 h 58 min down")
	form := with(newCheck("Nightly"), "every", "3", "unit", "hours", "preview", "1")
	w := b.ask(http.MethodPost, path, form)
	s.wants(w, 200, "1 alert, 2 h down", "As it is set now: 2 alerts, 5 h 58 min down.")
	s.wants(b.ask(http.MethodPost, path, with(form, "grace", "soon")), 200, "once they make sense")
}
