package alerter_test

import (
	"encoding/json"
	"strings"
	"testing"

	"rollcall/internal/account"
	"rollcall/internal/alerter"
)

func TestNoticesOfChangedFactors(t *testing.T) {
	w, in, p := postWorld(t)
	p.Writers[account.FactorsChanged] = alerter.FactorsLetter(baseURL)
	for _, test := range []struct {
		notice  account.FactorNotice
		subject string
		texts   []string
	}{
		{account.FactorNotice{What: account.PasskeyAdded, Name: "Work laptop"}, "A passkey was added to your account", []string{"The passkey Work laptop was added on", "All other sessions"}},
		{account.FactorNotice{What: account.PasskeyRemoved, Name: "Key"}, "A passkey was removed from your account", nil},
		{account.FactorNotice{What: account.TOTPAdded}, "An authenticator app was added to your account", nil},
		{account.FactorNotice{What: account.TOTPRemoved}, "The authenticator app was removed from your account", nil},
		{account.FactorNotice{What: account.CodesMade}, "Your account has new recovery codes", nil},
		{account.FactorNotice{What: account.CodeUsed, Left: 7}, "A recovery code was used", []string{"7\u00a0codes are left."}},
		{account.FactorNotice{What: account.CodeUsed}, "A recovery code was used", []string{"No codes are left."}},
		{account.FactorNotice{What: account.SSOLinked, Name: "Northwind"}, "Northwind was linked to your account", nil},
		{account.FactorNotice{What: account.SSOUnlinked, Name: "Northwind"}, "Northwind was unlinked from your account", nil},
	} {
		test.notice.At = w.Now()
		data, err := json.Marshal(test.notice)
		if err != nil {
			t.Fatal(err)
		}
		l := account.Letter{Kind: account.FactorsChanged, To: "ana@example.org", Data: string(data)}
		mail, err := alerter.FactorsLetter(baseURL)(t.Context(), l, w.Now())
		if err != nil || mail.Subject != test.subject || len(mail.Sentences) != 2 {
			t.Errorf("%s: %+v, %v", test.notice.What, mail, err)
			continue
		}
		text := strings.Join(mail.Sentences, " ")
		for _, want := range test.texts {
			if !strings.Contains(text, want) {
				t.Errorf("%s lacks %q: %s", test.notice.What, want, text)
			}
		}
		if strings.Contains(text, "  ") {
			t.Errorf("%s: %s", test.notice.What, text)
		}
	}
	w.queue(account.Letter{Kind: account.FactorsChanged}) // whose data is none
	w.post(p, 1)
	if got := in.Messages(); len(got) != 0 {
		t.Errorf("a damaged notice was sent: %+v", got)
	}
}
