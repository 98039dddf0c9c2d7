package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"rollcall/internal/account"
	"rollcall/internal/monitor"
)

func TestNoticesAreChosen(t *testing.T) {
	s := newSite(t)
	second, err := s.st.CreateProject(t.Context(), account.Project{Name: "Second", PingKey: account.NewPingKey(), Created: s.now()}, s.user.ID)
	s.ok(err)
	b := s.signedIn()
	s.wants(b.get("/account/notifications"), 200, "ines@example.org", "None is due.", "UTC", "Second")
	form := func(report, weekday, monthday, reminder string, projects ...string) url.Values {
		return url.Values{"report": {report}, "weekday": {weekday}, "monthday": {monthday}, "reminder": {reminder}, "project": projects}
	}
	both := []string{idOf(s.project.ID), idOf(second.ID)}
	for name, tt := range map[string]struct {
		form url.Values
		want account.Notices
	}{
		"weekly":  {form("weekly", "3", "28", "off", both...), account.Notices{Report: account.Weekly, Day: 3, Reminder: account.Off}},
		"monthly": {form("monthly", "3", "28", "daily", both...), account.Notices{Report: account.Monthly, Day: 28, Reminder: account.Daily}},
		"one project": {
			form("off", "3", "28", "hourly", both[0]),
			account.Notices{Report: account.Off, Reminder: account.Hourly, LeftOut: []monitor.ProjectID{second.ID}},
		},
	} {
		s.leads(b.ask("POST", "/account/notifications", tt.form), "/account/notifications")
		got, err := s.st.Notices(t.Context(), s.user.ID)
		s.ok(err)
		if got.NextReport.IsZero() != (tt.want.Report == account.Off) || got.NextReminder.IsZero() != (tt.want.Reminder == account.Off) {
			t.Errorf("%s: planned %v and %v", name, got.NextReport, got.NextReminder)
		}
		if tt.want.Report == account.Off {
			got.Day = 0
		}
		if diff := cmp.Diff(tt.want, account.Notices{Report: got.Report, Day: got.Day, Reminder: got.Reminder, LeftOut: got.LeftOut}, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	for _, wrong := range []url.Values{form("hourly", "1", "1", "off"), form("weekly", "8", "1", "off"), form("monthly", "1", "29", "off"), form("weekly", "x", "1", "off"), form("off", "1", "1", "weekly"), {}} {
		s.wants(b.ask("POST", "/account/notifications", wrong), http.StatusUnprocessableEntity, "Not saved")
	}
}

func TestUnsubscribing(t *testing.T) {
	s := newSite(t)
	n := account.NewNotices(s.user.ID)
	n.Report, n.Day, n.Reminder = account.Monthly, 28, account.Hourly
	s.ok(s.st.SetNotices(t.Context(), n.Plan(s.now(), s.now().Location())))
	asked := func() []account.Every {
		t.Helper()
		got, err := s.st.Notices(t.Context(), s.user.ID)
		s.ok(err)
		if got.NextReport.IsZero() != (got.Report == account.Off) {
			t.Errorf("%s reports are due %v", got.Report, got.NextReport)
		}
		return []account.Every{got.Report, got.Reminder}
	}
	is := func(what string, report, reminder account.Every) {
		t.Helper()
		if diff := cmp.Diff([]account.Every{report, reminder}, asked()); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
	report, reminder := "/unsubscribe/"+n.StopToken(account.Reports), "/unsubscribe/"+n.StopToken(account.Reminders)

	// A scanner looks at every address in a mail.
	for _, method := range []string{"GET", "HEAD", "OPTIONS"} {
		s.browser().ask(method, report, nil, "Sec-Fetch-Site", "cross-site")
	}
	is("a scanner", account.Monthly, account.Hourly)
	w := s.browser().get(report)
	s.wants(w, 200, "You get monthly reports.", "Stop them")
	if w.Header().Get("Referrer-Policy") != "no-referrer" || w.Header().Get("Set-Cookie") != "" || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("headers %v", w.Header())
	}
	if strings.Contains(w.Body.String(), "ines@") {
		t.Error("the page tells whose it is to whoever a mail was forwarded to")
	}

	// The mail program of the reader posts, as RFC 8058 has it, from wherever it is.
	one := s.browser().ask("POST", report, url.Values{"List-Unsubscribe": {"One-Click"}}, "Sec-Fetch-Site", "cross-site", "Origin", "https://mail.example")
	s.wants(one, 200, "Done. You get no more reports.", "Get them again")
	is("one click", account.Off, account.Hourly)
	s.wants(s.browser().ask("POST", report, url.Values{"List-Unsubscribe": {"One-Click"}}), 200)
	multipart := s.browser().ask("POST", reminder, url.Values{}, "Content-Type", "multipart/form-data; boundary=x")
	s.wants(multipart, 200, "no more reminders")
	is("one click in parts", account.Off, account.Off)
	s.wants(s.browser().get(report), 200, "You get no reports.")

	// Taking it back is a matter of the page alone.
	s.wants(s.browser().ask("POST", report+"/again", url.Values{"every": {"weekly"}}, "Sec-Fetch-Site", "cross-site"), http.StatusForbidden, "another site")
	is("another site", account.Off, account.Off)
	s.wants(s.browser().post(report+"/again", "every", "weekly"), 200, "Done. You get weekly reports.")
	s.wants(s.browser().post(reminder+"/again", "every", "daily"), 200, "Done. You get daily reminders")
	is("taken back", account.Weekly, account.Daily)
	for _, every := range []string{"", "hourly", "always"} {
		s.wants(s.browser().post(report+"/again", "every", every), http.StatusUnprocessableEntity)
	}
	is("strange wishes", account.Weekly, account.Daily)
}

// A token stops one kind of mail to one person, and opens nothing.
func TestStopTokensDoNothingElse(t *testing.T) {
	s := newSite(t)
	other, _ := s.addAccount("else@example.org", "", "Other")
	n, theirs := account.NewNotices(s.user.ID), account.NewNotices(other.ID)
	n.Report, theirs.Report = account.Weekly, account.Weekly
	s.ok(s.st.SetNotices(t.Context(), n))
	s.ok(s.st.SetNotices(t.Context(), theirs))
	token := n.StopToken(account.Reports)
	sign := token[strings.LastIndex(token, "."):]
	for name, forged := range map[string]string{
		"topic":     strings.Replace(token, "report", "reminder", 1),
		"person":    "report." + theirs.StopName() + sign,
		"cut":       token[:len(token)-1],
		"longer":    token + "A",
		"no sign":   "report." + n.StopName() + ".",
		"no person": "report.0123456789abcdef" + sign,
		"nothing":   "none",
	} {
		for _, path := range []string{"/unsubscribe/" + forged, "/unsubscribe/" + forged + "/again"} {
			if w := s.browser().post(path, "every", "monthly"); w.Code != http.StatusNotFound {
				t.Errorf("%s: POST %s: %d", name, path, w.Code)
			}
		}
		s.wants(s.browser().get("/unsubscribe/"+forged), http.StatusNotFound)
	}
	for _, user := range []account.UserID{s.user.ID, other.ID} {
		if got, err := s.st.Notices(t.Context(), user); err != nil || got.Report != account.Weekly {
			t.Errorf("user %d: %+v, %v", user, got, err)
		}
	}
	for _, path := range []string{"/setup/" + token, "/go/" + token, "/checks", "/account/notifications", "/status/" + token, "/status/" + n.StopName()} {
		if w := s.browser().ask("GET", path, nil, "Cookie", "rollcall="+token, "X-Api-Key", token); w.Code == 200 {
			t.Errorf("%s opens", path)
		}
	}
	s.browser().ask("POST", "/unsubscribe/"+token, url.Values{"List-Unsubscribe": {"One-Click"}})
	if got, err := s.st.Notices(t.Context(), other.ID); err != nil || got.Report != account.Weekly {
		t.Errorf("somebody else's reports were stopped: %+v, %v", got, err)
	}
}
