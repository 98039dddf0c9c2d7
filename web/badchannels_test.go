package web_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"rollcall/internal/monitor"
	"rollcall/internal/prove"
	"rollcall/internal/store"
)

// badChannel is a row of the corpus of bad inputs about where alerts go: an address
// that a person types, and what becomes of it.
type badChannel struct {
	id     string
	url    string // of a webhook, when there is no mail
	mail   string // of a mailbox; a space is none
	more   string // "name=value", a field that no form has
	words  string // of the page that refuses it; "" when it is taken
	saved  string // the address as it is then kept; "" is as it was typed
	proved string // in the place of all, the test that has it
}

const (
	noAddress = "is not a valid address"
	noScheme  = "must begin with http:// or https://"
	noHost    = "names no host"
	badHost   = "names no valid host"
	noPort    = "names a port that is none"
	noMailbox = "is not one plain address"
)

// badChannels are refused with words beside the field, and nothing is saved. What can be
// saved and leads inside is blocked when it is called: TestBadTargets of
// internal/alerter, whose settings may have opened the way there.
var badChannels = []badChannel{
	{id: "W01", url: "ftp://x.example", words: noScheme},
	{id: "W01", url: "file:///etc/passwd", words: noScheme},
	{id: "W01", url: "gopher://x.example", words: noScheme},
	{id: "W01", url: "javascript:alert(1)", words: noScheme},
	{id: "W01", url: "//x.example/", words: noScheme},
	{id: "W01", url: "http:x.example", words: noHost},
	{id: "W01", url: "http:///x", words: noHost},
	{id: "W01", url: "", words: "is missing"},
	{id: "W02", url: "http://user:pass@x.example/", words: "must not contain a user name"},
	{id: "W02", url: "http://user@x.example/", words: "must not contain a user name"},
	{id: "W03", url: "http://x.example:0/", words: noPort},
	{id: "W03", url: "http://x.example:99999/", words: noPort},
	{id: "W03", url: "http://x.example:-1/", words: noAddress},
	{id: "W03", url: "http://x.example:22/", saved: "http://x.example:22/"},
	{id: "W04", proved: "alerter.TestBadTargets"},
	{id: "W05", proved: "alerter.TestBadTargets"},
	{id: "W06", proved: "alerter.TestBadTargets"},
	{id: "W07", proved: "alerter.TestBadTargets"},
	{id: "W08", proved: "alerter.TestBadTargets"},
	{id: "W09", proved: "alerter.TestBadTargets"},
	{id: "W09", proved: "outbound.TestSecondAnswerOfANameServerIsChecked"},
	{id: "W10", proved: "alerter.TestBadTargets"},
	{id: "W11", url: "http://example.com#@127.0.0.1/", words: "must not contain a # part"},
	{id: "W11", url: "http://example.com/#", saved: "http://example.com/#"}, // nothing stands behind it
	{id: "W11", url: "http://127.0.0.1%2f@example.com/", words: "must not contain a user name"},
	{id: "W11", url: `http://127.0.0.1\@example.com`, words: noAddress},
	{id: "W11", url: "http://example.com/a b", words: noAddress},
	{id: "W12", url: "https://ex\u0430mple.com/hook", saved: "https://xn--exmple-4nf.com/hook"}, // a Cyrillic letter
	{id: "W12", url: "https://B\u00fccher.example:8443/%C3%BC?a=b", saved: "https://xn--bcher-kva.example:8443/%C3%BC?a=b"},
	{id: "W12", url: "https://" + strings.Repeat("a", 300) + ".example/", words: badHost},
	{id: "W12", url: "https://xn--" + strings.Repeat("a", 59) + ".example/", words: badHost},
	{id: "W12", url: "https://a..example/", words: badHost},
	{id: "W12", url: "https://B\u00fccher\x9a.example/", words: noAddress}, // no UTF-8
	{id: "W12", url: "https://r3---sn-a.example/", saved: "https://r3---sn-a.example/"},
	{id: "W12", url: "https://my_host.example./", saved: "https://my_host.example./"},
	{id: "W13", proved: "alerter.TestBadReceivers"},
	{id: "W13", proved: "outbound.TestRedirectIsNotFollowed"},
	{id: "W14", proved: "outbound.TestAnswerIsBounded"},
	{id: "W15", proved: "alerter.TestSlowBodyHoldsNoWorker"},
	{id: "W16", proved: "alerter.TestBadReceivers"},
	{id: "W17", proved: "alerter.TestBadReceivers"},
	{id: "W18", proved: "alerter.TestBadTargets"},
	{id: "W19", proved: "alerter.TestHangingReceiversDelayNobodyElse"}, // eight at a time to a host
	// There are no headers of one's own: what is asked for is not there afterwards.
	{id: "W20", url: "https://x.example/", more: "headers=X: a\r\nInjected: 1", saved: "https://x.example/"},
	{id: "W21", url: "https://x.example/", more: "headers=Host: evil.example", saved: "https://x.example/"},
	{id: "W22", url: "https://x.example/", more: "headers=a b: c", saved: "https://x.example/"},
	{id: "W23", proved: "alerter.TestNamesStayOneMember"},
	// Nothing of an alert stands in an address: there are no templates.
	{id: "W24", url: "https://x.example/?text=$BODY", saved: "https://x.example/?text=$BODY"},
	{id: "W24", url: "https://x.example/" + strings.Repeat("x", monitor.URLLimit), words: "is longer than 2048 bytes"},
	{id: "W25", proved: "alerter.TestRetryAfter"},
	{id: "W26", proved: "alerter.TestAnswers"},
	{id: "W27", proved: "alerter.TestAnswers"}, // 400 is doubted for half an hour, then it is a dead letter, and the page says so
	{id: "W28", mail: "a@b\nBcc: c@d", words: noMailbox},
	{id: "W28", mail: "a@b.example, c@d.example", words: noMailbox},
	{id: "W28", mail: "\"x\r\n\"@b.example", words: noMailbox},
	{id: "W28", mail: strings.Repeat("a", 300) + "@b.example", words: noMailbox},
	{id: "W28", mail: "Ops <ops@b.example>", words: noMailbox},
	{id: "W28", mail: "ops\xff@b.example", words: noMailbox},
	{id: "W28", mail: "ops", words: noMailbox},
	{id: "W28", mail: " ", words: "is missing"},
}

func TestBadChannels(t *testing.T) {
	for n := 1; n <= 28; n++ {
		if id := fmt.Sprintf("W%02d", n); !slices.ContainsFunc(badChannels, func(c badChannel) bool { return c.id == id }) {
			t.Errorf("%s is not in the table", id)
		}
	}
	trials, violations := 0, 0
	onBothEngines(t, func(s *site) {
		b := s.signedIn()
		for i, row := range badChannels {
			if row.proved != "" {
				continue
			}
			trials++
			if !s.Run(fmt.Sprintf("%s/%d", row.id, i), func(t *testing.T) { b.typeChannel(t, row, fmt.Sprintf("channel %d", i)) }) {
				violations++
			}
		}
	})
	prove.Report(t, "INPUT W: no configured address leads inside, and no receiver holds a worker", trials, violations)
}

// typeChannel sends the form of a new channel and looks at what is kept.
func (b *browser) typeChannel(t *testing.T, row badChannel, name string) {
	form := []string{"kind", "webhook", "name", name, "url", row.url, "secret", ""}
	if row.mail != "" {
		form = []string{"kind", "email", "name", name, "address", row.mail}
	}
	if key, value, more := strings.Cut(row.more, "="); more {
		form = append(form, key, value)
	}
	w := b.post("/channels", form...)
	uses, err := b.st.Channels(t.Context(), b.project.ID)
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(uses, func(c store.ChannelUse) bool { return c.Name == name })
	switch {
	case row.words != "":
		if w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), row.words) || at >= 0 {
			t.Errorf("answered %d, saved %t; want 422 with %q", w.Code, at >= 0, row.words)
		}
	case w.Code != http.StatusSeeOther || at < 0:
		t.Errorf("answered %d, saved %t; want 303", w.Code, at >= 0)
	case uses[at].Settings.URL != row.saved:
		t.Errorf("kept as %q, want %q", uses[at].Settings.URL, row.saved)
	}
}
