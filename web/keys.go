package web

import (
	"errors"
	"net/http"

	"github.com/gorilla/mux"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/templates"
)

func (s *Server) keys(w http.ResponseWriter, r *http.Request) error {
	return s.showKeys(w, r, http.StatusOK, templates.KeysPage{Kind: account.KeyReadWrite})
}

// showKeys fills in what the page of keys shows beyond what is being done on it.
func (s *Server) showKeys(w http.ResponseWriter, r *http.Request, status int, page templates.KeysPage) error {
	who := s.who(r)
	frame, err := s.page(r, who, "Keys", "/settings")
	if err != nil {
		return err
	}
	list, err := s.Store.KeysOf(r.Context(), who.Project.ID)
	if err != nil {
		return err
	}
	page.Page, page.Base, page.List = frame, s.base(), list
	return s.render(w, r, status, templates.Keys(page))
}

// newKey answers with the page itself instead of a redirect: the key is kept
// nowhere, so this is the one moment at which it can be shown.
func (s *Server) newKey(w http.ResponseWriter, r *http.Request) error {
	who, ctx := s.who(r), r.Context()
	page := templates.KeysPage{Kind: account.KeyKind(r.PostFormValue("kind")), Name: r.PostFormValue("name")}
	switch page.Kind {
	case account.KeyReadWrite, account.KeyReadOnly, account.KeyPing:
	default:
		return fault.Invalid{"kind": "of key is not known"}
	}
	name, err := account.ValidKeyName(page.Name)
	if err == nil {
		key := account.Key{Project: who.Project.ID, Kind: page.Kind, Name: name, By: who.User.Email, Created: s.Now()}
		page.Fresh, key = account.NewKey(key)
		_, err = s.Store.AddKey(ctx, key)
	}
	var wrong fault.Invalid
	switch {
	case errors.As(err, &wrong):
		page.Fresh, page.Wrong = "", wrong["name"]
		return s.showKeys(w, r, http.StatusUnprocessableEntity, page)
	case errors.Is(err, fault.Conflict):
		page.Fresh, page.Wrong = "", orElse(conflictWords(err), fault.Conflict, "is the name of another key of this kind")
		return s.showKeys(w, r, http.StatusUnprocessableEntity, page)
	case err != nil:
		return err
	}
	return s.showKeys(w, r, http.StatusOK, page)
}

func (s *Server) revokeKey(w http.ResponseWriter, r *http.Request) error {
	id, err := numberOf(mux.Vars(r)["id"])
	if err != nil {
		return err
	}
	if err := s.Store.RevokeKey(r.Context(), s.who(r).Project.ID, account.KeyID(id)); err != nil {
		return err
	}
	s.flash(r, "The key is revoked. What used it is refused from now on.")
	return s.redirect(w, r, "/settings/keys")
}

func conflictWords(err error) string {
	words, _ := fault.Words(err)
	return words
}
