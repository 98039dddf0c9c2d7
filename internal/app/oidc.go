package app

import (
	"errors"
	"net/netip"
	"net/url"

	"rollcall/internal/outbound"
	"rollcall/web"
)

// OIDC is a provider of single sign-on. Without an issuer there is none.
type OIDC struct {
	Issuer       string
	ClientID     string
	ClientSecret string // "" for none
	Name         string // on buttons
	SignUp       bool   // make accounts for those whom the provider knows
}

// check finds what is wrong with the configuration. Whether the provider answers is
// no part of it: the server starts without it.
func (o OIDC) check() error {
	if o.Issuer == "" {
		if o.ClientID != "" || o.ClientSecret != "" || o.SignUp {
			return errors.New("the flags --oidc-… describe a provider; give --oidc-issuer as well")
		}
		return nil
	}
	issuer, err := url.Parse(o.Issuer)
	switch {
	case err != nil, issuer.Hostname() == "", issuer.RawQuery != "", issuer.Fragment != "", issuer.User != nil:
		return errors.New("--oidc-issuer must be an address such as https://id.example.org")
	case issuer.Scheme != "https" && (issuer.Scheme != "http" || !ownMachine(issuer.Hostname())):
		return errors.New("--oidc-issuer must begin with https://, unless it is on this machine")
	case o.ClientID == "":
		return errors.New("--oidc-issuer needs --oidc-client-id, which the provider gives")
	case o.Name == "":
		return errors.New("--oidc-name must not be empty; it stands on the button")
	}
	return nil
}

func ownMachine(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// sso is the provider as the pages use it; nil for none.
func (c Config) sso() *web.SSO {
	if c.OIDC.Issuer == "" {
		return nil
	}
	issuer, _ := url.Parse(c.OIDC.Issuer) // was checked
	return &web.SSO{
		Issuer: c.OIDC.Issuer, ClientID: c.OIDC.ClientID, ClientSecret: c.OIDC.ClientSecret,
		Name: c.OIDC.Name, SignUp: c.OIDC.SignUp,
		Client: outbound.New(outbound.Config{Allow: c.EgressAllow}).ClientTo(issuer),
	}
}
