package alerter

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/internal/store"
	"rollcall/templates"
)

// People is what the letters about accounts need of the store.
type People interface {
	User(ctx context.Context, id account.UserID) (account.User, error)
	UserByEmail(ctx context.Context, email string) (account.User, error)
	PutLink(ctx context.Context, l store.Link) error
}

// AccountLetters returns who writes the letters about people's own accounts. Who
// asks for one is told nothing by whether there is an account: that is found out
// here, when the letter is sent.
func AccountLetters(st People, baseURL string) map[account.LetterKind]Writer {
	w := accountLetters{st, baseURL}
	return map[account.LetterKind]Writer{
		account.LetterLogin: w.login, account.LetterSignup: w.signup, account.LetterEmail: w.email,
		account.LetterCode: w.code, account.LetterNotice: w.notice,
	}
}

type accountLetters struct {
	store People
	base  string
}

func (w accountLetters) head(l account.Letter) templates.Letterhead {
	return templates.Letterhead{To: l.To, Base: w.base}
}

// login writes to who has an account, and to nobody else.
func (w accountLetters) login(ctx context.Context, l account.Letter, now time.Time) (templates.Mail, error) {
	user, err := w.store.UserByEmail(ctx, l.To)
	if err != nil {
		return templates.Mail{}, unlessGone(err)
	}
	return w.loginMail(ctx, l, user, now)
}

// signup writes to a newcomer. Who has an account already gets a way into it.
func (w accountLetters) signup(ctx context.Context, l account.Letter, now time.Time) (templates.Mail, error) {
	user, err := w.store.UserByEmail(ctx, l.To)
	if err == nil {
		return w.loginMail(ctx, l, user, now)
	}
	if !errors.Is(err, fault.NotFound) {
		return templates.Mail{}, err
	}
	link, err := w.link(ctx, "signup", store.Link{Purpose: account.ForSignup, Email: l.To}, now)
	return templates.SignupMail(w.head(l), link), err
}

func (w accountLetters) loginMail(ctx context.Context, l account.Letter, user account.User, now time.Time) (templates.Mail, error) {
	var data account.LoginLetter
	if err := json.Unmarshal([]byte(l.Data), &data); err != nil {
		return templates.Mail{}, err
	}
	link, err := w.link(ctx, "login", store.Link{Purpose: account.ForLogin, User: user.ID, Email: user.Email}, now)
	if data.Next != "" {
		link += "?next=" + url.QueryEscape(data.Next)
	}
	return templates.LoginMail(w.head(l), link, l.Kind == account.LetterSignup), err
}

// email writes to the new address of an account, unless that is another's already.
func (w accountLetters) email(ctx context.Context, l account.Letter, now time.Time) (templates.Mail, error) {
	var data account.EmailLetter
	if err := json.Unmarshal([]byte(l.Data), &data); err != nil {
		return templates.Mail{}, err
	}
	user, err := w.store.User(ctx, data.User)
	if err != nil {
		return templates.Mail{}, unlessGone(err)
	}
	if _, err := w.store.UserByEmail(ctx, l.To); !errors.Is(err, fault.NotFound) {
		if err == nil {
			err = ErrNotOwed
		}
		return templates.Mail{}, err
	}
	link, err := w.link(ctx, "account/email", store.Link{Purpose: account.ForEmail, User: user.ID, Email: l.To}, now)
	return templates.EmailMail(w.head(l), link, user.Email), err
}

func (w accountLetters) code(ctx context.Context, l account.Letter, now time.Time) (templates.Mail, error) {
	var data account.CodeLetter
	if err := json.Unmarshal([]byte(l.Data), &data); err != nil {
		return templates.Mail{}, err
	}
	user, err := w.store.User(ctx, data.User)
	if err != nil {
		return templates.Mail{}, unlessGone(err)
	}
	if user.Email != l.To {
		return templates.Mail{}, ErrNotOwed
	}
	code := account.NewCode()
	err = w.store.PutLink(ctx, store.Link{
		Purpose: account.ForCode, Hash: account.HashCode(user.ID, code), User: user.ID, Email: user.Email, Expires: now.Add(account.CodeLife),
	})
	return templates.CodeMail(w.head(l), code), err
}

func (w accountLetters) notice(_ context.Context, l account.Letter, _ time.Time) (templates.Mail, error) {
	var data account.NoticeLetter
	err := json.Unmarshal([]byte(l.Data), &data)
	return templates.NoticeMail(w.head(l), data, l.Created), err
}

// link makes a secret and returns the address of the page where it is used. Only its
// hash is kept.
func (w accountLetters) link(ctx context.Context, page string, l store.Link, now time.Time) (string, error) {
	token := account.NewToken()
	l.Hash, l.Expires = account.HashKey(token), now.Add(account.LinkLife)
	if err := w.store.PutLink(ctx, l); err != nil {
		return "", fmt.Errorf("make a link: %w", err)
	}
	return fmt.Sprintf("%s/%s/%s", w.base, page, token), nil
}

// unlessGone makes a letter about what is not there one that is not owed.
func unlessGone(err error) error {
	if errors.Is(err, fault.NotFound) {
		return ErrNotOwed
	}
	return err
}
