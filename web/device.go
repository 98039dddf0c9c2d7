package web

import (
	"errors"
	"net/http"
	"strconv"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/internal/store"
)

// hear uses up one of the tries at an account, or says when there is one again. A
// browser that has logged in to it before has tries of its own, so that nobody who
// guesses can keep its owner out; device is its key then.
func (s *Server) hear(r *http.Request, email string) (device string, err error) {
	now := s.Now()
	device, err = s.deviceOf(r, email)
	switch {
	case err != nil:
		return "", err
	case device != "":
		return device, s.devices.allow(device, now)
	}
	if err := s.clients.allow(network(note(r).ip), now); err != nil {
		return "", err
	}
	return "", s.accounts.allow(account.HashKey(email), now) // as a hash, however long it is
}

// deviceName is the cookie by which a browser is known that has logged in. It lets
// nobody in.
func (s *Server) deviceName() string {
	if s.secure {
		return "__Host-rollcall-device"
	}
	return "rollcall-device"
}

// deviceOf returns the hash of the browser's cookie when it has logged in to the
// account of this address, otherwise "".
func (s *Server) deviceOf(r *http.Request, email string) (string, error) {
	cookie, err := r.Cookie(s.deviceName())
	if err != nil {
		return "", nil
	}
	link, err := s.Store.FindLink(r.Context(), account.ForDevice, account.HashKey(cookie.Value), s.Now())
	if err == nil {
		var user account.User
		if user, err = s.Store.User(r.Context(), link.User); err == nil && user.Email == email {
			return link.Hash, nil
		}
	}
	if errors.Is(err, fault.NotFound) {
		err = nil
	}
	return "", err
}

// remember lets the browser be known at the next log-in to this account.
func (s *Server) remember(w http.ResponseWriter, r *http.Request, user account.User) error {
	if device, err := s.deviceOf(r, user.Email); err != nil || device != "" {
		return err
	}
	token := account.NewToken()
	err := s.Store.PutLink(r.Context(), store.Link{
		Purpose: account.ForDevice, Hash: account.HashKey(token), User: user.ID, Expires: s.Now().Add(account.DeviceLife),
	})
	if err != nil {
		return err
	}
	http.SetCookie(w, &http.Cookie{
		Name: s.deviceName(), Value: token, Path: "/", MaxAge: int(account.DeviceLife.Seconds()),
		HttpOnly: true, Secure: s.secure, SameSite: http.SameSiteLaxMode,
	})
	return nil
}

// userKey is a user as a limiter knows them.
func userKey(id account.UserID) string { return strconv.FormatInt(int64(id), 10) }
