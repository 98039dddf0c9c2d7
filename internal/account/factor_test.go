package account_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"rollcall/internal/account"
	"rollcall/internal/fault"
)

func TestCodesOfAnApp(t *testing.T) {
	now := time.Date(2026, 11, 24, 9, 14, 31, 0, time.UTC)
	app := account.NewTOTP()
	present := now.Unix() / 30
	for _, test := range []struct {
		name  string
		shift time.Duration
		used  int64 // the newest step that was used, relative to the present one; -10: long ago
		write func(string) string
		ok    bool
	}{
		{"the present one", 0, -10, nil, true},
		{"a step early", 30 * time.Second, -10, nil, true},
		{"a step late", -30 * time.Second, -10, nil, true},
		{"two steps early", 60 * time.Second, -10, nil, false},
		{"two steps late", -60 * time.Second, -10, nil, false},
		{"in two groups", 0, -10, func(c string) string { return " " + c[:3] + " " + c[3:] + "\n" }, true},
		{"used", 0, 0, nil, false},
		{"of the step before a used one", -30 * time.Second, 0, nil, false},
		{"of the step after a used one", 30 * time.Second, 0, nil, true},
		{"cut", 0, -10, func(c string) string { return c[:5] }, false},
		{"longer", 0, -10, func(c string) string { return c + "0" }, false},
		{"nothing", 0, -10, func(string) string { return "" }, false},
	} {
		code, err := totp.GenerateCode(app.Secret, now.Add(test.shift))
		if err != nil {
			t.Fatal(err)
		}
		if test.write != nil {
			code = test.write(code)
		}
		app.Step = present + test.used
		step, ok := app.Match(code, now)
		if ok != test.ok {
			t.Errorf("%s: %v, want %v", test.name, ok, test.ok)
		}
		if want := present + int64(test.shift/(30*time.Second)); ok && step != want {
			t.Errorf("%s: step %d, want %d", test.name, step, want)
		}
	}
	if _, ok := (account.TOTP{Secret: "not base32!"}).Match("000000", now); ok {
		t.Error("a damaged secret has codes")
	}
}

func TestSecretsDiffer(t *testing.T) {
	if a, b := account.NewTOTP(), account.NewTOTP(); a.Secret == b.Secret || len(a.Secret) != 32 {
		t.Errorf("secrets %q, %q", a.Secret, b.Secret)
	}
	seen := map[string]bool{}
	for _, code := range append(account.NewRecoveryCodes(), account.NewRecoveryCodes()...) {
		if seen[code] || len(code) != 19 || strings.Count(code, "-") != 3 {
			t.Errorf("code %q", code)
		}
		seen[code] = true
		hash := account.HashRecoveryCode(code)
		for _, typed := range []string{strings.ToUpper(code), " " + code + "\n", strings.ReplaceAll(code, "-", ""), strings.ReplaceAll(code, "-", " ")} {
			if account.HashRecoveryCode(typed) != hash {
				t.Errorf("%q is not %q", typed, code)
			}
		}
	}
}

func TestFactorNames(t *testing.T) {
	for name, want := range map[string]string{
		" Ines's  laptop ": "Ines's laptop", strings.Repeat("x", account.FactorNameLimit): strings.Repeat("x", account.FactorNameLimit),
		"": "", " ": "", "a\x00b": "", "\u202eevil": "", "\xff": "", strings.Repeat("x", account.FactorNameLimit+1): "",
	} {
		got, err := account.ValidFactorName(name)
		var invalid fault.Invalid
		if got != want || (want == "") != errors.As(err, &invalid) {
			t.Errorf("%q: %q, %v", name, got, err)
		}
	}
}
