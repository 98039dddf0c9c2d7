package web

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"rollcall/internal/account"
	"rollcall/internal/fault"
)

// ceremonyLife is how long a challenge to a passkey can be answered.
const ceremonyLife = 5 * time.Minute

// purpose is what a passkey is asked for. It follows from who the session is.
type purpose string

const (
	toRegister purpose = "register" // a new passkey of who is signed in
	toLogIn    purpose = "login"    // by a passkey alone
	toFinish   purpose = "second"   // the second step of a log-in
	toConfirm  purpose = "confirm"  // that it is still the same person
)

// ceremony is a challenge that waits for its one answer.
type ceremony struct {
	Purpose purpose              `json:"purpose"`
	User    account.UserID       `json:"user,omitempty"` // 0: whoever answers
	Next    string               `json:"next,omitempty"`
	Until   time.Time            `json:"until"`
	Data    webauthn.SessionData `json:"data"`
}

var (
	errPasskey = fault.Say(fault.Forbidden, "This passkey is not known here, or its answer does not fit. Nothing was done.")
	errTooLate = fault.Say(fault.Forbidden, "The question to the passkey is no longer open. Load the page again and try once more.")
	errCloned  = fault.Say(fault.Forbidden, "This passkey counts fewer uses than it was used here, so there may be a copy of it. Log in by other means and remove it.")
	errNoParty = fault.Say(fault.Forbidden, "Passkeys need this server to have a name and https.")
)

// newParty returns who asks for passkeys: this server under its configured name.
// Browsers have passkeys neither for addresses nor without https; nil then.
func newParty(base *url.URL) (*webauthn.WebAuthn, error) {
	host := base.Hostname()
	if _, err := netip.ParseAddr(host); err == nil || base.Scheme != "https" && host != "localhost" {
		return nil, nil
	}
	return webauthn.New(&webauthn.Config{
		RPID: host, RPDisplayName: "Rollcall", RPOrigins: []string{base.Scheme + "://" + base.Host},
		AttestationPreference: protocol.PreferNoAttestation,
	})
}

// holder is a user as the library knows one.
type holder struct {
	user     account.User
	passkeys []account.Passkey
}

// WebAuthnID is what devices know the user by.
func (h holder) WebAuthnID() []byte { return []byte(numberText(h.user.ID)) }

// WebAuthnName is what people know the user by.
func (h holder) WebAuthnName() string { return h.user.Email }

// WebAuthnDisplayName is the same.
func (h holder) WebAuthnDisplayName() string { return h.user.Email }

// WebAuthnCredentials returns the passkeys; one that cannot be read is left out.
func (h holder) WebAuthnCredentials() []webauthn.Credential {
	var all []webauthn.Credential
	for _, p := range h.passkeys {
		var c webauthn.Credential
		if json.Unmarshal([]byte(p.Record), &c) == nil {
			c.Authenticator.SignCount = p.Counter
			all = append(all, c)
		}
	}
	return all
}

func (s *Server) holder(ctx context.Context, user account.User) (holder, error) {
	factors, err := s.Store.Factors(ctx, user.ID)
	return holder{user, factors.Passkeys}, err
}

// asking returns what a passkey would prove in this session, and of whom.
func (s *Server) asking(ctx context.Context) (purpose, account.User, error) {
	if who, err := s.signedIn(ctx); !errors.Is(err, errSignedOut) {
		return toConfirm, who.User, err
	}
	_, user, err := s.halfway(ctx)
	if !errors.Is(err, errSignedOut) {
		return toFinish, user, err
	}
	return toLogIn, account.User{}, nil
}

// passkeyChallenge asks the browser for a passkey.
func (s *Server) passkeyChallenge(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	var body struct {
		Next string `json:"next"`
	}
	if err := s.readJSON(r, &body); err != nil {
		return err
	}
	purpose, user, err := s.asking(ctx)
	if err != nil {
		return err
	}
	c := ceremony{Purpose: purpose, User: user.ID, Next: body.Next}
	verified := webauthn.WithUserVerification(protocol.VerificationRequired)
	var options *protocol.CredentialAssertion
	var data *webauthn.SessionData
	switch purpose {
	case toLogIn:
		if after, ok := s.clients.take(network(clientIP(r, s.TrustedProxies)), s.Now()); !ok {
			return tooMany{after}
		}
		options, data, err = s.party.BeginDiscoverableLogin(verified)
	default:
		if purpose == toFinish { // the password was the other factor
			verified = webauthn.WithUserVerification(protocol.VerificationPreferred)
		}
		var h holder
		if h, err = s.holder(ctx, user); err != nil {
			return err
		}
		if len(h.passkeys) == 0 {
			return errPasskey
		}
		options, data, err = s.party.BeginLogin(h, verified)
	}
	if err != nil {
		return err
	}
	return s.beginCeremony(w, r, c, data, options.Response)
}

func (s *Server) beginCeremony(w http.ResponseWriter, r *http.Request, c ceremony, data *webauthn.SessionData, options any) error {
	c.Until, c.Data = s.Now().Add(ceremonyLife), *data
	s.stranger(r.Context(), c.Until)
	s.keep(r.Context(), keyCeremony, c)
	return s.writeJSON(w, options)
}

// endCeremony returns the challenge that waits for an answer; it waits no more.
func (s *Server) endCeremony(ctx context.Context, purpose purpose, user account.UserID) (c ceremony, err error) {
	known := s.recall(ctx, keyCeremony, &c)
	s.sessions.Remove(ctx, keyCeremony)
	if !known || c.Purpose != purpose || c.User != user || !s.Now().Before(c.Until) {
		return c, errTooLate
	}
	return c, nil
}

// passkeyAnswer takes what a passkey answered, and tells the browser where to go.
func (s *Server) passkeyAnswer(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	raw, err := s.readBody(r)
	if err != nil {
		return err
	}
	purpose, user, err := s.asking(ctx)
	if err != nil {
		return err
	}
	c, err := s.endCeremony(ctx, purpose, user.ID)
	if err != nil {
		return err
	}
	if user.ID, err = s.prove(ctx, c, user, raw); err != nil {
		return err
	}
	next := localPath(c.Next)
	switch purpose {
	case toLogIn:
		next, err = s.enter(ctx, half{User: user.ID, Next: c.Next})
	case toFinish:
		h, _, lost := s.halfway(ctx)
		if lost != nil {
			return lost
		}
		next, err = s.enter(ctx, h)
	default:
		err = s.beSure(ctx)
	}
	if err != nil {
		return err
	}
	return s.writeJSON(w, onward{next})
}

// onward tells the script of a page where to go.
type onward struct {
	Next string `json:"next"`
}

// prove checks the answer to a challenge and returns whose passkey it is. The use is
// written down before it counts, so that of two answers with the same count one does.
func (s *Server) prove(ctx context.Context, c ceremony, user account.User, raw []byte) (account.UserID, error) {
	answer, err := protocol.ParseCredentialRequestResponseBytes(raw)
	if err != nil {
		return 0, errPasskey
	}
	before, err := s.Store.PasskeyByCredential(ctx, base64.RawURLEncoding.EncodeToString(answer.RawID))
	switch {
	case errors.Is(err, fault.NotFound), err == nil && c.User != 0 && before.User != c.User:
		return 0, errPasskey
	case err != nil:
		return 0, err
	}
	user.ID = before.User
	h, err := s.holder(ctx, user)
	if err != nil {
		return 0, err
	}
	var used *webauthn.Credential
	if c.User == 0 {
		owner := func([]byte, []byte) (webauthn.User, error) { return h, nil } // who it is was looked up already
		_, used, err = s.party.ValidatePasskeyLogin(owner, c.Data, answer)
	} else {
		used, err = s.party.ValidateLogin(h, c.Data, answer)
	}
	if err != nil {
		s.Log.WarnContext(ctx, "passkey refused", "user", before.User, "passkey", before.ID, "reason", err)
		return 0, errPasskey
	}
	if used.Authenticator.CloneWarning {
		s.Log.WarnContext(ctx, "passkey refused: its counter went back", "user", before.User, "passkey", before.ID)
		return 0, errCloned
	}
	after := before
	after.Record, after.Counter, after.Used = recordOf(*used), used.Authenticator.SignCount, s.Now()
	err = s.Store.UsePasskey(ctx, before, after)
	if errors.Is(err, fault.Conflict) {
		return 0, errCloned
	}
	return before.User, err
}

// recordOf is what is kept of a credential. How it was attested is not: nobody asks.
func recordOf(c webauthn.Credential) string {
	c.Attestation = webauthn.CredentialAttestation{}
	text, _ := json.Marshal(c) // never fails: texts and numbers
	return string(text)
}

// newPasskeyChallenge asks the browser to make a passkey.
func (s *Server) newPasskeyChallenge(w http.ResponseWriter, r *http.Request) error {
	if err := s.readJSON(r, &struct{}{}); err != nil {
		return err
	}
	user := s.who(r).User
	h, err := s.holder(r.Context(), user)
	if err != nil {
		return err
	}
	if len(h.passkeys) >= account.PasskeyLimit {
		return fault.Say(fault.Conflict, "An account has at most %d passkeys. Remove one that you do not use.", account.PasskeyLimit)
	}
	options, data, err := s.party.BeginRegistration(h,
		webauthn.WithAuthenticatorSelection(protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementPreferred, UserVerification: protocol.VerificationPreferred,
		}),
		webauthn.WithExclusions(webauthn.Credentials(h.WebAuthnCredentials()).CredentialDescriptors()))
	if err != nil {
		return err
	}
	return s.beginCeremony(w, r, ceremony{Purpose: toRegister, User: user.ID}, data, options.Response)
}

// newPasskey keeps the passkey that the browser has made.
func (s *Server) newPasskey(w http.ResponseWriter, r *http.Request) error {
	ctx, user := r.Context(), s.who(r).User
	var body struct {
		Name       string          `json:"name"`
		Credential json.RawMessage `json:"credential"`
	}
	if err := s.readJSON(r, &body); err != nil {
		return err
	}
	c, err := s.endCeremony(ctx, toRegister, user.ID)
	if err != nil {
		return err
	}
	name, err := account.ValidFactorName(body.Name)
	if err != nil {
		return err
	}
	answer, err := protocol.ParseCredentialCreationResponseBytes(body.Credential)
	if err != nil {
		return errPasskey
	}
	h, err := s.holder(ctx, user)
	if err != nil {
		return err
	}
	made, err := s.party.CreateCredential(h, c.Data, answer)
	if err != nil {
		s.Log.WarnContext(ctx, "new passkey refused", "user", user.ID, "reason", err)
		return errPasskey
	}
	epoch, err := s.Store.AddPasskey(ctx, s.change(user, account.FactorNotice{What: account.PasskeyAdded, Name: name}), account.Passkey{
		User: user.ID, Name: name, Credential: base64.RawURLEncoding.EncodeToString(made.ID),
		Record: recordOf(*made), Counter: made.Authenticator.SignCount, Created: s.Now(),
	})
	if errors.Is(err, fault.Conflict) {
		return fault.Say(fault.Conflict, "This passkey belongs to an account already.")
	}
	if err != nil {
		return err
	}
	s.flash(r, "The passkey "+name+" was added. Your other sessions were ended.")
	if err := s.changed(ctx, epoch); err != nil {
		return err
	}
	return s.writeJSON(w, onward{"/account/security"})
}

// readBody reads the JSON of a script of ours. Nothing that a form of another site
// could send is taken for it.
func (s *Server) readBody(r *http.Request) ([]byte, error) {
	if s.party == nil {
		return nil, errNoParty
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return nil, errBadForm
	}
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, badForm(err)
	}
	return raw, nil
}

func (s *Server) readJSON(r *http.Request, into any) error {
	raw, err := s.readBody(r)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return errors.Join(errBadForm, err)
	}
	return nil
}

func (s *Server) writeJSON(w http.ResponseWriter, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	if _, err := w.Write(text); err != nil {
		return errors.Join(errGone, err)
	}
	return nil
}

// asksJSON reports whether a request came from a script of ours, which reads errors
// as JSON too.
func asksJSON(r *http.Request) bool {
	return strings.HasPrefix(r.Header.Get("Content-Type"), "application/json")
}
