package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"rollcall/internal/monitor"
	"rollcall/web"
)

// stored is the checks of the site's project by name.
func (s *site) stored() map[string]monitor.Check {
	s.Helper()
	list, err := s.st.Checks(s.Context(), s.project.ID, 10_000)
	s.ok(err)
	checks := map[string]monitor.Check{}
	for _, c := range list {
		checks[c.Name] = c
	}
	return checks
}

// bulkForm selects checks.
func bulkForm(do string, checks ...monitor.Check) url.Values {
	form := url.Values{"do": {do}, "back": {"/checks?sort=name"}}
	for _, c := range checks {
		form.Add("check", c.UUID.String())
	}
	return form
}

func TestManyChecksAreChangedAtOnce(t *testing.T) {
	s := newSite(t)
	desk, night := s.addChannel(s.project.ID, "Desk"), s.addChannel(s.project.ID, "Night shift")
	a, b, c := s.addCheck(s.project.ID, "A", desk.ID), s.addCheck(s.project.ID, "B"), s.addCheck(s.project.ID, "C")
	user := s.signedIn()
	told := func(check monitor.Check) []monitor.ChannelID {
		ids, err := s.st.AssignedChannels(t.Context(), check.ID)
		s.ok(err)
		return ids
	}
	for _, step := range []struct {
		form  url.Values
		says  string
		right func(now map[string]monitor.Check) bool
	}{
		{bulkForm("pause", a), "1 check paused.", func(now map[string]monitor.Check) bool { return now["A"].Status == monitor.Paused }},
		{bulkForm("pause", a, b, c, c), "2 checks paused; 1 was paused already.", func(now map[string]monitor.Check) bool {
			return now["B"].Status == monitor.Paused && now["C"].Status == monitor.Paused
		}},
		{bulkForm("resume", a, b), "2 checks resumed.", func(now map[string]monitor.Check) bool { return now["A"].Status == monitor.New }},
		{bulkForm("resume", a, b), "No checks resumed; 2 were not paused.", nil},
		{with(bulkForm("add-tags", a, b), "tags", " prod #db prod "), "2 checks tagged #prod #db.", func(now map[string]monitor.Check) bool {
			return cmp.Equal(now["A"].Tags, []string{"prod", "db"}) && now["C"].Tags == nil
		}},
		{with(bulkForm("add-tags", b, c), "tags", "prod"), "1 check tagged #prod; 1 was tagged so already.", func(now map[string]monitor.Check) bool {
			return cmp.Equal(now["B"].Tags, []string{"prod", "db"}) && cmp.Equal(now["C"].Tags, []string{"prod"})
		}},
		{with(bulkForm("drop-tags", a, c), "tags", "db"), "1 check no longer tagged #db; 1 was not tagged so.", func(now map[string]monitor.Check) bool {
			return cmp.Equal(now["A"].Tags, []string{"prod"})
		}},
		{with(bulkForm("tell", a, b), "channel", idOf(night.ID)), "2 checks now telling Night shift.", func(map[string]monitor.Check) bool {
			return cmp.Equal(told(a), []monitor.ChannelID{desk.ID, night.ID}) && cmp.Equal(told(b), []monitor.ChannelID{night.ID})
		}},
		{with(bulkForm("untell", a, b, c), "channel", idOf(desk.ID)), "1 check no longer telling Desk; 2 were not telling it.", func(map[string]monitor.Check) bool {
			return cmp.Equal(told(a), []monitor.ChannelID{night.ID}) && len(told(c)) == 0
		}},
		{with(bulkForm("delete-all", b, c), "confirm", "yes"), "2 checks deleted.", func(now map[string]monitor.Check) bool { return len(now) == 1 }},
		{with(bulkForm("pause", a, b), "confirm", "yes"), "1 check paused; 1 is not there any more.", nil},
	} {
		s.leads(user.ask("POST", "/checks/bulk", step.form), "/checks?sort=name")
		s.wants(user.get("/checks?sort=name"), http.StatusOK, ">"+step.says+"</p>")
		if step.right != nil && !step.right(s.stored()) {
			t.Errorf("%s: %+v", step.says, s.stored())
		}
	}
}

// What a person has to say or confirm first is a page that names the checks.
func TestBulkPagesNameTheChecks(t *testing.T) {
	s := newSite(t)
	s.addChannel(s.project.ID, "Desk")
	a, b := s.addCheck(s.project.ID, "Nightly & backup"), s.addCheck(s.project.ID, "Queue")
	s.addCheck(s.project.ID, "Not selected")
	user := s.signedIn()
	for _, test := range []struct {
		form url.Values
		code int
		want []string
	}{
		{bulkForm("tag", a, b), http.StatusOK, []string{"<h1>Tag 2 checks</h1>", `value="add-tags"`}},
		{bulkForm("channels", a), http.StatusOK, []string{"<h1>Channels of 1 check</h1>", "Desk", `value="untell"`}},
		{bulkForm("delete", a, b), http.StatusOK, []string{"<h1>Delete 2 checks</h1>", "cannot be undone", `value="delete-all"`}},
		{with(bulkForm("add-tags", a), "tags", "  "), http.StatusUnprocessableEntity, []string{"Tags are missing", `href="#tags"`}},
		{with(bulkForm("add-tags", a), "tags", "a,b"), http.StatusUnprocessableEntity, []string{"are single words", `value="a,b"`}},
		{with(bulkForm("add-tags", a), "tags", strings.Repeat("x", monitor.TagLimit+1)), http.StatusUnprocessableEntity, []string{"longer than 50"}},
		{bulkForm("tell", a), http.StatusUnprocessableEntity, []string{"choose at least one", `href="#channels"`}},
		{bulkForm("delete-all", a, b), http.StatusUnprocessableEntity, []string{"tick it to delete", `href="#confirm"`}},
	} {
		w := user.ask("POST", "/checks/bulk", test.form)
		s.wants(w, test.code, append(test.want, "Nightly &amp; backup", a.UUID.String(), `href="/checks?sort=name"`)...)
		if strings.Contains(w.Body.String(), "Not selected") {
			t.Error("a check is named that was not selected")
		}
	}
	if got := len(s.stored()); got != 3 {
		t.Errorf("%d checks are left", got)
	}
}

func TestBulkSelections(t *testing.T) {
	s := newSite(t)
	_, other := s.addAccount("eve@example.org", "", "Theirs")
	theirs, ours := s.addCheck(other.ID, "Theirs"), s.addCheck(s.project.ID, "Ours")
	foreign := s.addChannel(other.ID, "Their desk")
	user := s.signedIn()
	random := monitor.Check{UUID: uuid.New()}
	many := bulkForm("pause", ours)
	for range web.BulkLimit {
		many.Add("check", uuid.NewString())
	}
	damaged := bulkForm("pause", ours)
	damaged.Add("check", "x")
	for _, test := range []struct {
		name string
		form url.Values
		code int
		want string
	}{
		{"nothing", bulkForm("pause"), http.StatusUnprocessableEntity, "The selection is empty"},
		{"too many", many, http.StatusUnprocessableEntity, "holds 2001 checks; at most 2000 can be changed at once"},
		{"not an id", damaged, http.StatusBadRequest, ""},
		{"nothing that can be done", bulkForm("explode", ours), http.StatusBadRequest, ""},
		{"another project's", bulkForm("pause", theirs), http.StatusNotFound, ""},
		{"what never was", bulkForm("pause", random), http.StatusNotFound, ""},
		{"another project's channel", with(bulkForm("tell", ours), "channel", idOf(foreign.ID)), http.StatusNotFound, ""},
	} {
		t.Run(test.name, func(*testing.T) { s.wants(user.ask("POST", "/checks/bulk", test.form), test.code, test.want) })
	}
	if got := s.stored()["Ours"]; got.Status != monitor.New || got.Rev != 0 {
		t.Errorf("what was refused had an effect: %+v", got)
	}
	s.leads(user.ask("POST", "/checks/bulk", with(bulkForm("delete-all", ours, theirs), "confirm", "yes")), "/checks?sort=name")
	if _, err := s.st.Check(t.Context(), other.ID, theirs.UUID); err != nil {
		t.Errorf("another project's check is gone: %v", err)
	}
	evil := bulkForm("pause", s.addCheck(s.project.ID, "Again"))
	evil.Set("back", "https://evil.example/")
	s.leads(user.ask("POST", "/checks/bulk", evil), "/checks")
}

// All checks of one page of the list can be changed at once; one that has as many
// tags as it may is left as it is, and said.
func TestAWholePageIsChangedAtOnce(t *testing.T) {
	s := newSite(t)
	full := s.addCheck(s.project.ID, "Full")
	config := full.Config
	for i := range monitor.TagsLimit {
		config.Tags = append(config.Tags, strings.Repeat("t", i+1))
	}
	s.change(full, func(c monitor.Check) monitor.Change { return c.Reconfigure(config, s.now()) })
	all := []monitor.Check{full}
	for range web.BulkLimit - 1 {
		all = append(all, s.addCheck(s.project.ID, ""))
	}
	user := s.signedIn()
	s.leads(user.ask("POST", "/checks/bulk", with(bulkForm("add-tags", all...), "tags", "more")), "/checks?sort=name")
	s.wants(user.get("/checks?q=Full"), http.StatusOK, "1,999 checks tagged #more; 1 is as it was: tags are more than 20.")
}
