package web

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"net/http"
	"net/url"

	"github.com/gorilla/mux"
	"github.com/pquerna/otp"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/templates"
)

// security shows by what the signed-in person logs in.
func (s *Server) security(w http.ResponseWriter, r *http.Request) error {
	return s.showSecurity(w, r, nil)
}

// showSecurity shows recovery codes too when some were just made: they are kept as
// hashes, so this is the one moment at which they can be shown.
func (s *Server) showSecurity(w http.ResponseWriter, r *http.Request, codes []string) error {
	who := s.who(r)
	frame, err := s.page(r, who, "Security", "/account/security")
	if err != nil {
		return err
	}
	factors, err := s.Store.Factors(r.Context(), who.User.ID)
	if err != nil {
		return err
	}
	page := templates.SecurityPage{
		Page: frame, Factors: factors, Codes: codes, Password: who.User.PasswordHash != "", CanPasskey: s.party != nil,
	}
	if s.provider != nil {
		page.SSO, page.Issuer = s.provider.Name, s.provider.Issuer
	}
	return s.render(w, r, http.StatusOK, templates.Security(page))
}

// newTOTP makes a secret for an authenticator app. It counts once the app has
// shown a code.
func (s *Server) newTOTP(w http.ResponseWriter, r *http.Request) error {
	err := s.Store.ProposeTOTP(r.Context(), s.who(r).User.ID, account.NewTOTP().Secret)
	if errors.Is(err, fault.Conflict) {
		return fault.Say(fault.Conflict, "There is an authenticator app already. Remove it before you set another up.")
	}
	if err != nil {
		return err
	}
	return s.redirect(w, r, "/account/security/totp")
}

func (s *Server) totpForm(w http.ResponseWriter, r *http.Request) error {
	return s.showTOTP(w, r, "", http.StatusOK)
}

func (s *Server) showTOTP(w http.ResponseWriter, r *http.Request, wrong string, status int) error {
	who := s.who(r)
	app, err := s.Store.ProposedTOTP(r.Context(), who.User.ID)
	if errors.Is(err, fault.NotFound) {
		return s.redirect(w, r, "/account/security")
	}
	if err != nil {
		return err
	}
	frame, err := s.page(r, who, "Set up an authenticator app", "")
	if err != nil {
		return err
	}
	address := otpAddress(app, who.User.Email)
	picture, err := qrCode(address)
	if err != nil {
		return err
	}
	page := templates.TOTPPage{Page: frame, Secret: app.Secret, Address: address, Picture: picture, Error: wrong}
	return s.render(w, r, status, templates.TOTP(page))
}

// confirmTOTP takes the first code of an app. The codes for the day it is lost are
// made with it, unless some are left.
func (s *Server) confirmTOTP(w http.ResponseWriter, r *http.Request) error {
	ctx, user := r.Context(), s.who(r).User
	app, err := s.Store.ProposedTOTP(ctx, user.ID)
	if errors.Is(err, fault.NotFound) {
		return s.redirect(w, r, "/account/security")
	}
	if err != nil {
		return err
	}
	step, right := app.Match(r.PostFormValue("code"), s.Now())
	if !right {
		return s.showTOTP(w, r, wrongCode, http.StatusUnprocessableEntity)
	}
	factors, err := s.Store.Factors(ctx, user.ID)
	if err != nil {
		return err
	}
	var codes []string
	if factors.Recovery == 0 {
		codes = account.NewRecoveryCodes()
	}
	app.Step, app.Since = step, s.Now()
	epoch, err := s.Store.ConfirmTOTP(ctx, s.change(user, account.FactorNotice{What: account.TOTPAdded}), app, hashes(codes))
	if err != nil {
		return err
	}
	s.flash(r, "The authenticator app is set up. Your other sessions were ended.")
	if err := s.changed(ctx, epoch); err != nil {
		return err
	}
	return s.showSecurity(w, r, codes)
}

func (s *Server) removeTOTP(w http.ResponseWriter, r *http.Request) error {
	epoch, err := s.Store.RemoveTOTP(r.Context(), s.change(s.who(r).User, account.FactorNotice{What: account.TOTPRemoved}))
	return s.removed(w, r, epoch, err, "The authenticator app")
}

func (s *Server) removePasskey(w http.ResponseWriter, r *http.Request) error {
	ctx, user := r.Context(), s.who(r).User
	id, err := numberOf(mux.Vars(r)["id"])
	if err != nil {
		return errNoPage
	}
	factors, err := s.Store.Factors(ctx, user.ID)
	if err != nil {
		return err
	}
	notice := account.FactorNotice{What: account.PasskeyRemoved}
	for _, p := range factors.Passkeys {
		if p.ID == account.PasskeyID(id) {
			notice.Name = p.Name
		}
	}
	epoch, err := s.Store.RemovePasskey(ctx, s.change(user, notice), account.PasskeyID(id))
	return s.removed(w, r, epoch, err, "The passkey "+notice.Name)
}

func (s *Server) unlinkSSO(w http.ResponseWriter, r *http.Request) error {
	id, err := numberOf(mux.Vars(r)["id"])
	if err != nil {
		return errNoPage
	}
	notice := account.FactorNotice{What: account.SSOUnlinked, Name: s.ssoName()}
	epoch, err := s.Store.UnlinkIdentity(r.Context(), s.change(s.who(r).User, notice), account.IdentityID(id))
	return s.removed(w, r, epoch, err, "The link to "+notice.Name)
}

// removed ends a request that took something away.
func (s *Server) removed(w http.ResponseWriter, r *http.Request, epoch int64, err error, what string) error {
	switch {
	case errors.Is(err, fault.NotFound):
		return errNoPage
	case errors.Is(err, fault.Conflict):
		return fault.Say(fault.Conflict, "You could not log in any more without it. Add another passkey or set a password first.")
	case err != nil:
		return err
	}
	s.flash(r, what+" was removed. Your other sessions were ended.")
	if err := s.changed(r.Context(), epoch); err != nil {
		return err
	}
	return s.redirect(w, r, "/account/security")
}

// newRecoveryCodes replaces the recovery codes and shows the new ones.
func (s *Server) newRecoveryCodes(w http.ResponseWriter, r *http.Request) error {
	ctx, user := r.Context(), s.who(r).User
	factors, err := s.Store.Factors(ctx, user.ID)
	if err != nil {
		return err
	}
	if !factors.Second() {
		return fault.Say(fault.Conflict, "Recovery codes stand in for a second factor, and you have none.")
	}
	codes := account.NewRecoveryCodes()
	epoch, err := s.Store.SetRecoveryCodes(ctx, s.change(user, account.FactorNotice{What: account.CodesMade}), hashes(codes))
	if err != nil {
		return err
	}
	if err := s.changed(ctx, epoch); err != nil {
		return err
	}
	return s.showSecurity(w, r, codes)
}

func hashes(codes []string) []string {
	all := make([]string, len(codes))
	for i, code := range codes {
		all[i] = account.HashRecoveryCode(code)
	}
	return all
}

// otpAddress is what an authenticator app reads from the picture.
func otpAddress(app account.TOTP, email string) string {
	address := url.URL{
		Scheme: "otpauth", Host: "totp", Path: "/Rollcall:" + email,
		RawQuery: url.Values{"secret": {app.Secret}, "issuer": {"Rollcall"}}.Encode(),
	}
	return address.String()
}

// The picture of a code: so many pixels, with the white rim that readers need.
const (
	qrSize = 216
	qrRim  = 16
)

// qrCode draws an address as a data URL.
func qrCode(address string) (string, error) {
	key, err := otp.NewKeyFromURL(address)
	if err != nil {
		return "", fmt.Errorf("draw code: %w", err)
	}
	code, err := key.Image(qrSize, qrSize)
	if err != nil {
		return "", fmt.Errorf("draw code: %w", err)
	}
	picture := image.NewGray(image.Rect(0, 0, qrSize+2*qrRim, qrSize+2*qrRim))
	draw.Draw(picture, picture.Bounds(), image.NewUniform(color.White), image.Point{}, draw.Src)
	draw.Draw(picture, image.Rect(qrRim, qrRim, qrRim+qrSize, qrRim+qrSize), code, code.Bounds().Min, draw.Src)
	var file bytes.Buffer
	if err := png.Encode(&file, picture); err != nil {
		return "", fmt.Errorf("draw code: %w", err)
	}
	return "data:image/png;base64," + base64.StdEncoding.EncodeToString(file.Bytes()), nil
}
