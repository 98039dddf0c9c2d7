package account_test

import (
	"strings"
	"testing"

	"rollcall/internal/account"
)

// A mail to a stranger never carries what a mail program would make a link of.
func TestNamesInMailsHoldNoLinks(t *testing.T) {
	for name, want := range map[string]string{
		"Production":                            "Production",
		"Claim $500 http://evil.tld":            "Claim $500",
		"Claim $500 at evil.tld!":               "Claim $500 at",
		"www.evil.tld":                          "",
		"WWW.evil":                              "",
		"mail me@evil.tld":                      "mail",
		"hxxp://evil or evil/x or evil\\x":      "or or",
		"Nr. 5, v1. and more":                   "Nr. 5, v1. and more",
		"пример.рф":                             "",
		"  two   spaces ":                       "two spaces",
		strings.Repeat("n", 61):                 strings.Repeat("n", 59) + "…",
		strings.Repeat("n", 60):                 strings.Repeat("n", 60),
		strings.Repeat("é", 58) + " evil tail!": strings.Repeat("é", 58) + "…",
	} {
		if got := account.MailName(name); got != want {
			t.Errorf("%q became %q, want %q", name, got, want)
		}
	}
}

func TestStrongest(t *testing.T) {
	roles := []account.Role{"", account.ReadOnly, account.Member, account.Manager, account.Owner}
	for i, a := range roles {
		for k, b := range roles {
			if got, want := account.Strongest(a, b), roles[max(i, k)]; got != want {
				t.Errorf("the stronger of %q and %q is %q, want %q", a, b, got, want)
			}
		}
	}
}

// Each role may do what a weaker one may.
func TestRolesAreNested(t *testing.T) {
	for action, who := range map[account.Action][4]bool{
		account.See: {true, true, true, true}, account.Change: {true, true, true, false},
		account.Manage: {true, true, false, false}, account.Own: {true, false, false, false}, "": {}, "else": {},
	} {
		for i, role := range []account.Role{account.Owner, account.Manager, account.Member, account.ReadOnly} {
			if role.May(action) != who[i] {
				t.Errorf("%s may %q: %v", role, action, !who[i])
			}
		}
		if account.Role("").May(action) {
			t.Errorf("nobody may %q", action)
		}
	}
}
