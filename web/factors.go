package web

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/internal/store"
	"rollcall/templates"
)

// Limits of the second step of a log-in, and of what says that it was changed.
const (
	secondTries  = 5 // codes that are heard within secondWindow, by account
	secondWindow = 15 * time.Minute
	halfLife     = 5 * time.Minute // from the first step to the second
)

// What a session holds of a log-in that is under way. Beginning a session ends it.
const (
	keyEpoch    = "epoch"    // int64, account.Factors.Epoch when the session began
	keyHalf     = "half"     // JSON of half
	keyCeremony = "ceremony" // JSON of ceremony
	keyFlow     = "flow"     // JSON of flow
)

// half is a log-in whose first step is done. A session that holds it holds nothing
// else, and can do nothing but the second step.
type half struct {
	User  account.UserID    `json:"user"`
	Next  string            `json:"next"`
	Until time.Time         `json:"until"`
	Link  *account.Identity `json:"link,omitempty"` // to be linked once it is known who this is
}

// arrive lets somebody in whose first step is done, or asks for the second.
func (s *Server) arrive(w http.ResponseWriter, r *http.Request, h half) error {
	ctx := r.Context()
	factors, err := s.Store.Factors(ctx, h.User)
	if err != nil {
		return err
	}
	if !factors.Second() {
		next, err := s.enter(ctx, h)
		if err != nil {
			return err
		}
		return s.redirect(w, r, next)
	}
	if err := s.sessions.Clear(ctx); err != nil {
		return err
	}
	if err := s.sessions.RenewToken(ctx); err != nil {
		return err
	}
	h.Until = s.Now().Add(halfLife)
	s.sessions.SetDeadline(ctx, h.Until)
	s.keep(ctx, keyHalf, h)
	return s.redirect(w, r, "/login/second")
}

// enter ends a log-in: it begins the session, and returns where it leads.
func (s *Server) enter(ctx context.Context, h half) (next string, err error) {
	if h.Link != nil {
		if _, err := s.link(ctx, h.User, *h.Link); err != nil {
			return "", err
		}
	}
	return localPath(h.Next), s.signIn(ctx, h.User)
}

// halfway returns the log-in that waits for its second step, or errSignedOut.
func (s *Server) halfway(ctx context.Context) (h half, user account.User, err error) {
	if !s.recall(ctx, keyHalf, &h) || !s.Now().Before(h.Until) {
		return h, user, errSignedOut
	}
	user, err = s.Store.User(ctx, h.User)
	if errors.Is(err, fault.NotFound) {
		err = errSignedOut
	}
	return h, user, err
}

// secondForm asks for the second step of a log-in.
func (s *Server) secondForm(w http.ResponseWriter, r *http.Request) error {
	_, user, err := s.halfway(r.Context())
	if errors.Is(err, errSignedOut) {
		return s.redirect(w, r, "/login")
	}
	if err != nil {
		return err
	}
	return s.askSecond(w, r, user, templates.SecondPage{}, http.StatusOK)
}

func (s *Server) askSecond(w http.ResponseWriter, r *http.Request, user account.User, page templates.SecondPage, status int) error {
	factors, err := s.Store.Factors(r.Context(), user.ID)
	if err != nil {
		return err
	}
	page.Page, page.Email = s.bare("One more step"), user.Email
	page.App, page.Recovery = factors.TOTP != nil, factors.Recovery > 0
	page.Passkeys = s.party != nil && len(factors.Passkeys) > 0
	return s.render(w, r, status, templates.Second(page))
}

// second takes a code of the app, or a recovery code.
func (s *Server) second(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	h, user, err := s.halfway(ctx)
	if errors.Is(err, errSignedOut) {
		return s.redirect(w, r, "/login")
	}
	if err != nil {
		return err
	}
	var page templates.SecondPage
	var right bool
	if r.PostForm.Has("recovery") {
		page.RecoveryError = "That is none of the recovery codes that are left."
		right, err = s.takeRecoveryCode(ctx, user, r.PostFormValue("recovery"))
	} else {
		page.CodeError = wrongCode
		right, err = s.takeCode(ctx, user.ID, r.PostFormValue("code"))
	}
	if err != nil {
		return err
	}
	if !right {
		return s.askSecond(w, r, user, page, http.StatusUnprocessableEntity)
	}
	next, err := s.enter(ctx, h)
	if err != nil {
		return err
	}
	return s.redirect(w, r, next)
}

const wrongCode = "That is not the code of this moment, or it was used already. Wait for the next one."

// tryCode uses up one of the tries that an account has for its codes.
func (s *Server) tryCode(id account.UserID) error {
	if after, ok := s.seconds.take(codeKey(id), s.Now()); !ok {
		return tooMany{after}
	}
	return nil
}

func codeKey(id account.UserID) string { return numberText(id) }

// takeCode uses a code of the app up; it is wrong also when it was used before.
func (s *Server) takeCode(ctx context.Context, id account.UserID, code string) (right bool, err error) {
	if err := s.tryCode(id); err != nil {
		return false, err
	}
	factors, err := s.Store.Factors(ctx, id)
	if err != nil || factors.TOTP == nil {
		return false, err
	}
	step, ok := factors.TOTP.Match(code, s.Now())
	if !ok {
		return false, nil
	}
	err = s.Store.UseTOTP(ctx, id, step)
	if errors.Is(err, fault.Conflict) {
		return false, nil
	}
	if err == nil {
		s.seconds.forget(codeKey(id))
	}
	return err == nil, err
}

func (s *Server) takeRecoveryCode(ctx context.Context, user account.User, code string) (right bool, err error) {
	if err := s.tryCode(user.ID); err != nil {
		return false, err
	}
	factors, err := s.Store.Factors(ctx, user.ID)
	if err != nil {
		return false, err
	}
	notice := account.FactorNotice{What: account.CodeUsed, Left: factors.Recovery - 1}
	err = s.Store.UseRecoveryCode(ctx, s.change(user, notice), account.HashRecoveryCode(code))
	if errors.Is(err, fault.NotFound) {
		return false, nil
	}
	if err == nil {
		s.seconds.forget(codeKey(user.ID))
		s.Kick()
	}
	return err == nil, err
}

// change is a change of a user's factors, with the letter that tells of it.
func (s *Server) change(user account.User, notice account.FactorNotice) store.FactorChange {
	notice.At = s.Now()
	data, _ := json.Marshal(notice) // never fails: texts, a number, a time
	return store.FactorChange{
		User: user.ID, ByMail: s.MailConfigured,
		Notice: account.Letter{
			Kind: account.FactorsChanged, To: user.Email, Data: string(data),
			Created: notice.At, NextAt: notice.At, Expires: notice.At.Add(noticeLife),
		},
	}
}

// changed ends a change of the signed-in person's factors: their other sessions
// ended with it, and this one goes on under a new token.
func (s *Server) changed(ctx context.Context, epoch int64) error {
	s.sessions.Put(ctx, keyEpoch, epoch)
	s.Kick()
	return s.renew(ctx)
}

// keep puts a value into the session, recall reads it.
func (s *Server) keep(ctx context.Context, key string, value any) {
	text, _ := json.Marshal(value) // never fails: our own types
	s.sessions.Put(ctx, key, string(text))
}

func (s *Server) recall(ctx context.Context, key string, value any) bool {
	text := s.sessions.GetString(ctx, key)
	return text != "" && json.Unmarshal([]byte(text), value) == nil
}

// stranger bounds the life of the session of who is not signed in: it holds a
// log-in that is under way, and is of no use after that.
func (s *Server) stranger(ctx context.Context, until time.Time) {
	if s.sessions.GetInt64(ctx, keyUser) == 0 && !s.sessions.Exists(ctx, keyHalf) {
		s.sessions.SetDeadline(ctx, until)
	}
}

// confirmCode takes a code of the app as the proof that it is still the same person.
func (s *Server) confirmCode(w http.ResponseWriter, r *http.Request) error {
	user, next := s.who(r).User, r.PostFormValue("next")
	right, err := s.takeCode(r.Context(), user.ID, strings.TrimSpace(r.PostFormValue("code")))
	if err != nil {
		return err
	}
	if !right {
		return s.showConfirm(w, r, http.StatusUnprocessableEntity, templates.ConfirmPage{Next: next, CodeError: wrongCode})
	}
	if err := s.beSure(r.Context()); err != nil {
		return err
	}
	return s.redirect(w, r, localPath(next))
}

// ways are those to log in besides a password.
func (s *Server) ways() templates.Ways {
	ways := templates.Ways{Passkeys: s.party != nil}
	if s.provider != nil {
		ways.SSO = s.provider.Name
	}
	return ways
}
