package templates_test

import (
	"testing"

	"rollcall/internal/account"
	"rollcall/templates"
)

func TestSecurityPage(t *testing.T) {
	goldenPage(t, "security-none.html", templates.Security(templates.SecurityPage{
		Page: frame(t, "Security", ""), Password: true, CanPasskey: true,
	}))
	goldenPage(t, "security.html", templates.Security(templates.SecurityPage{
		Page: frame(t, "Security", ""), Password: true, CanPasskey: true, SSO: "Northwind SSO", Issuer: "https://id.northwind.example",
		Factors: account.Factors{
			TOTP: &account.TOTP{Since: instant(t, "2026-11-02T10:00:00Z")},
			Passkeys: []account.Passkey{
				{ID: 3, Name: "Work laptop", Created: instant(t, "2026-10-02T10:00:00Z"), Used: instant(t, "2026-11-23T06:00:00Z")},
				{ID: 5, Name: "Spare key", Created: instant(t, "2026-10-02T10:05:00Z")},
			},
			Identities: []account.Identity{{ID: 7, Issuer: "https://id.northwind.example", Email: "ines@northwind.example", Created: instant(t, "2026-10-02T10:00:00Z")}},
		},
		Codes: []string{"7k2m-x0fp-q9aa-3tz8", "aaaa-bbbb-cccc-dddd"},
	}))
}

func TestSecondPage(t *testing.T) {
	goldenPage(t, "second.html", templates.Second(templates.SecondPage{
		Page: door(t, "One more step"), Email: "ines@northwind.example", Passkeys: true, App: true, Recovery: true, CodeError: "That is not the code of this moment.",
	}))
}

func TestConfirmPage(t *testing.T) {
	goldenPage(t, "confirm-factors.html", templates.Confirm(templates.ConfirmPage{
		Page: door(t, "Is it still you?"), Email: "ines@northwind.example", Next: "/account/security",
		Password: true, App: true, Passkeys: true, SSO: "Northwind SSO",
	}))
}

func TestTOTPPage(t *testing.T) {
	goldenPage(t, "totp.html", templates.TOTP(templates.TOTPPage{
		Page: frame(t, "Set up an authenticator app", ""), Secret: "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
		Address: "otpauth://totp/Rollcall:ines@northwind.example?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", Picture: "data:image/png;base64,AA==",
	}))
}

func TestOnwardPage(t *testing.T) {
	goldenPage(t, "onward.html", templates.Onward(templates.OnwardPage{
		Page: door(t, "On to Northwind SSO"), Name: "Northwind SSO", Address: "https://id.northwind.example/authorize?state=x&nonce=y",
	}))
}
