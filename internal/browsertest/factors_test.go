package browsertest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
	"github.com/pquerna/otp/totp"

	"rollcall/internal/browsertest"
)

// plugIn gives the computer in front of the tab an authenticator that knows whose
// finger is on it.
func plugIn(b *browsertest.Tab) webauthn.AuthenticatorID {
	b.Helper()
	if _, err := chromedp.Call(b.Context, webauthn.Enable, webauthn.EnableParams{}); err != nil {
		b.Fatal(err)
	}
	made, err := chromedp.Call(b.Context, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{
		Options: &webauthn.VirtualAuthenticatorOptions{
			Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal,
			HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
		},
	})
	if err != nil {
		b.Fatal(err)
	}
	return made.AuthenticatorID
}

// knows tells the authenticator whether it still knows whose finger it is.
func knows(b *browsertest.Tab, id webauthn.AuthenticatorID, whose bool) {
	b.Helper()
	_, err := chromedp.Call(b.Context, webauthn.SetUserVerified, webauthn.SetUserVerifiedParams{AuthenticatorID: id, IsUserVerified: whose})
	if err != nil {
		b.Fatal(err)
	}
}

// A passkey is added, lets its owner in alone, is the second step after the
// password, and is removed.
func TestPasskeyJourney(t *testing.T) {
	b := browsertest.Start(t).Open(t)
	key := plugIn(b)
	b.LogIn()
	b.Press("Account of")
	b.Press("Security")
	b.At("/account/security")
	b.Fill("name", "Work laptop")
	b.Press("Add a passkey")
	b.Sees("The passkey Work laptop was added.")
	b.Sees("You have no recovery codes.")
	b.Press("Add a passkey") // once more with the same device
	b.Sees("This device holds a passkey for your account already.")
	b.LogOut()

	b.Go("/login?next=/channels")
	b.Press("Use a passkey")
	b.At("/channels")
	b.LogOut()

	knows(b, key, false) // a stranger's finger is not enough
	b.Go("/login")
	b.Press("Use a passkey")
	b.Sees("Nothing was done: it was stopped, or took too long.")
	knows(b, key, true)

	b.LogIn()
	b.At("/login/second")
	b.Press("Use a passkey")
	b.At("/checks")

	b.Go("/account/security")
	b.Press("Remove Work laptop")
	b.Sees("The passkey Work laptop was removed.")
	b.LogOut()
	b.Press("Use a passkey") // the device still has it
	b.Sees("This passkey is not known here")
	b.LogIn()
	b.At("/checks")
}

// code is the code of an authenticator app, so many steps from now.
func code(b *browsertest.Tab, secret string, steps int) string {
	b.Helper()
	text, err := totp.GenerateCode(secret, time.Now().Add(time.Duration(steps)*30*time.Second))
	if err != nil {
		b.Fatal(err)
	}
	return text
}

// An authenticator app is set up, asked for after the password, and no code of it
// counts twice. When it is lost, a recovery code lets in, once.
func TestAuthenticatorAppJourney(t *testing.T) {
	b := browsertest.Start(t).Open(t)
	b.LogIn()
	b.Go("/account/security")
	b.Press("Set up an app")
	b.At("/account/security/totp")
	b.True(`document.querySelector("img.qr").naturalWidth > 200`)
	secret := strings.Join(strings.Fields(b.Text(`document.querySelector(".code code").innerText`)), "")
	b.Fill("code", "000000")
	b.Press("Use this app")
	b.Sees("That is not the code of this moment")
	b.Fill("code", code(b, secret, 0))
	b.Press("Use this app")
	b.Sees("They are shown this once")
	recovery := b.Text(`document.querySelector(".codes code").innerText`)
	b.LogOut()

	next := code(b, secret, 1)
	b.LogIn()
	b.At("/login/second")
	b.Go("/checks") // half logged in is not in
	b.At("/login/second")
	b.Fill("code", next)
	b.Press("Go on")
	b.At("/checks")
	b.LogOut()

	b.LogIn()
	b.Fill("code", next)
	b.Press("Go on")
	b.Sees("or it was used already")
	b.Press("Use a recovery code")
	b.Fill("recovery", strings.ToUpper(recovery))
	b.Do(chromedp.Submit("#recovery"))
	b.At("/checks")
	b.LogOut()

	b.LogIn()
	b.Press("Use a recovery code")
	b.Fill("recovery", recovery)
	b.Do(chromedp.Submit("#recovery"))
	b.Sees("That is none of the recovery codes that are left.")
	b.Press("Log in as somebody else")
	b.At("/login")
}
