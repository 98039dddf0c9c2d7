package templates

import (
	"fmt"
	"strings"

	"github.com/a-h/templ"

	"rollcall/internal/account"
)

// Ways are those to log in besides a password.
type Ways struct {
	Passkeys bool   // this server can ask for them
	SSO      string // name of the provider; "" when there is none
}

// onlyWithScript marks what the script shows once it has found that the browser
// has passkeys; yes is false for what is shown in any case.
func onlyWithScript(yes bool) templ.Attributes {
	if !yes {
		return nil
	}
	return templ.Attributes{"hidden": true, "data-needs-passkeys": true}
}

// SecondPage asks for the second step of a log-in.
type SecondPage struct {
	Page
	Email    string
	Passkeys bool // they have some
	App      bool // they have an authenticator app
	Recovery bool // they have recovery codes left
	// What was wrong with what was typed.
	CodeError, RecoveryError string
}

func codeField(wrong string) Field {
	return Field{
		ID: "code", Label: "Code", Error: wrong, Hint: "Six digits, from your authenticator app.", Mono: true,
		Attrs: attrs("autocomplete", "one-time-code", "inputmode", "numeric", "required", "required", "maxlength", "9"),
	}
}

func (p SecondPage) recovery() Field {
	return Field{
		ID: "recovery", Label: "Recovery code", Error: p.RecoveryError, Hint: "Each works once.", Mono: true,
		Attrs: attrs("autocomplete", "off", "autocapitalize", "none", "spellcheck", "false", "required", "required", "maxlength", "40"),
	}
}

// SecurityPage shows by what somebody logs in.
type SecurityPage struct {
	Page
	Factors    account.Factors
	Codes      []string // recovery codes that were just made
	Password   bool     // they have one
	CanPasskey bool     // this server can ask for passkeys
	SSO        string   // name of the provider; "" when there is none
	Issuer     string   // its address
}

// lone reports whether the second factor could be lost for good.
func (p SecurityPage) lone() bool { return p.Factors.Second() && p.Factors.Recovery == 0 }

func (p SecurityPage) newName() Field {
	return Field{
		ID: "name", Label: "Name", Value: fmt.Sprintf("Passkey %d", len(p.Factors.Passkeys)+1), Hint: "What it is on, such as “Work laptop”.",
		Attrs: attrs("maxlength", fmt.Sprint(account.FactorNameLimit), "autocomplete", "off", "required", "required"),
	}
}

// linked reports whether an identity is one of the provider that is configured.
func (p SecurityPage) linked() bool {
	for _, i := range p.Factors.Identities {
		if i.Issuer == p.Issuer {
			return true
		}
	}
	return false
}

// at names the provider of an identity.
func (p SecurityPage) at(i account.Identity) string {
	if i.Issuer == p.Issuer {
		return p.SSO
	}
	return strings.TrimPrefix(i.Issuer, "https://")
}

// TOTPPage sets up an authenticator app.
type TOTPPage struct {
	Page
	Secret  string
	Address string // what the picture says
	Picture string // a data URL
	Error   string
}

// grouped is the secret as people type it.
func (p TOTPPage) grouped() string {
	var groups []string
	for secret := p.Secret; secret != ""; secret = secret[min(4, len(secret)):] {
		groups = append(groups, secret[:min(4, len(secret))])
	}
	return strings.Join(groups, " ")
}

// OnwardPage leads to a provider of single sign-on.
type OnwardPage struct {
	Page
	Name    string
	Address string
}
