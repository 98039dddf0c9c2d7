package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/pquerna/otp/totp"

	"rollcall/internal/account"
	"rollcall/internal/store"
	"rollcall/web"
)

// The account that has a second factor of every kind, and the provider it is linked to.
const (
	careful  = "mara@northwind.example"
	provider = "https://id.northwind.example"
	secret   = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
)

// sso is the provider as the log-in page offers it; nobody is led there.
func sso() *web.SSO {
	return &web.SSO{Issuer: provider, ClientID: "rollcall", Name: "Northwind SSO"}
}

// lasting lets browsers keep cookies that end at the moment of the pictures, which
// may be long ago.
type lasting struct{ http.ResponseWriter }

var ending = regexp.MustCompile(`; (?:Expires|Max-Age)=[^;]*`)

// WriteHeader implements http.ResponseWriter.
func (w lasting) WriteHeader(code int) {
	for i, cookie := range w.Header()["Set-Cookie"] {
		w.Header()["Set-Cookie"][i] = ending.ReplaceAllString(cookie, "")
	}
	w.ResponseWriter.WriteHeader(code)
}

// SetWriteDeadline does nothing: the moment of the pictures is over.
func (w lasting) SetWriteDeadline(time.Time) error { return nil }

// SetReadDeadline does nothing for the same reason.
func (w lasting) SetReadDeadline(time.Time) error { return nil }

// Unwrap lets the stream of a page be flushed.
func (w lasting) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// seedFactors makes the careful account, and an app that the other is setting up.
func seedFactors(ctx context.Context, st store.Store, other account.UserID, now time.Time) error {
	hash, err := web.HashPassword(password)
	if err != nil {
		return err
	}
	user, err := st.CreateUser(ctx, account.User{Email: careful, PasswordHash: hash, Created: now.Add(-80 * day)})
	if err != nil {
		return err
	}
	if _, err := st.CreateProject(ctx, account.Project{Name: "Payroll", PingKey: pingKey("Payroll"), Created: now.Add(-80 * day)}, user.ID); err != nil {
		return err
	}
	change := store.FactorChange{User: user.ID, Notice: account.Letter{Kind: account.FactorsChanged, To: careful, Created: now, NextAt: now, Expires: now.Add(hour)}}
	_, linked := st.LinkIdentity(ctx, change, account.Identity{Issuer: provider, Subject: "7", Email: careful, Created: now.Add(-60 * day)})
	proposed := st.ProposeTOTP(ctx, user.ID, secret)
	_, confirmed := st.ConfirmTOTP(ctx, change, account.TOTP{Secret: secret, Since: now.Add(-21 * day)}, account.NewRecoveryCodes()[1:])
	errs := []error{linked, proposed, confirmed, st.ProposeTOTP(ctx, other, secret)}
	for i, name := range []string{"Work laptop", "Spare key in the safe at the office"} {
		record, _ := json.Marshal(map[string]any{"id": []byte{byte(i)}})
		_, err := st.AddPasskey(ctx, change, account.Passkey{Name: name, Credential: fmt.Sprint(i), Record: string(record), Created: now.Add(-20 * day)})
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// takeFactors takes the pages of the careful account, from its second step on.
func (c camera) takeFactors(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	pages := []shot{
		{name: "security", path: "/account/security"},
		{name: "confirm", path: "/confirm"},
	}
	second := shot{name: "second", path: "/login/second", open: ".fold"}
	if !strings.HasPrefix(second.name, c.only) && !strings.HasPrefix("security", c.only) && !strings.HasPrefix("confirm", c.only) {
		return nil
	}
	code, err := totp.GenerateCode(secret, moment())
	if err != nil {
		return err
	}
	err = chromedp.Do(ctx, chromedp.Navigate(c.address+"/login"),
		chromedp.SendKeys("#email", careful), chromedp.SendKeys("#password", password), chromedp.Submit("#password"),
		chromedp.WaitReady("#code"))
	if err != nil {
		return err
	}
	problems := []error{c.take(ctx, second)}
	err = chromedp.Do(ctx, chromedp.Navigate(c.address+second.path), chromedp.SendKeys("#code", code), chromedp.Submit("#code"),
		chromedp.WaitReady("nav[aria-label=Project]"))
	if err != nil {
		return err
	}
	for _, s := range pages {
		problems = append(problems, c.take(ctx, s))
	}
	err = chromedp.Do(ctx, chromedp.Navigate(c.address+"/checks"), chromedp.Evaluate[chromedp.Void](`document.querySelector("form[action='/logout']").submit()`),
		chromedp.WaitReady("#email"))
	return errors.Join(append(problems, err)...)
}
