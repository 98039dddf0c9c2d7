package account

import (
	"encoding/json"
	"fmt"
	"time"
)

// The letters about somebody's own account.
const (
	LetterLogin  LetterKind = "login"  // a link that logs in
	LetterSignup LetterKind = "signup" // a link that makes an account, or logs in who has one
	LetterEmail  LetterKind = "email"  // a link, at a new address, that makes it the account's
	LetterCode   LetterKind = "code"   // a code that proves who somebody is
	LetterNotice LetterKind = "notice" // what was changed, to whom it belongs
	UntoldLetter LetterKind = "untold" // to an owner, when no channel takes an alarm
	FailsLetter  LetterKind = "fails"  // to an owner, when a channel takes nothing
)

// LoginLetter is the data of LetterLogin and LetterSignup.
type LoginLetter struct {
	Next string `json:"next,omitempty"` // where the link leads
}

// EmailLetter is the data of LetterEmail.
type EmailLetter struct {
	User UserID `json:"user"`
}

// CodeLetter is the data of LetterCode.
type CodeLetter struct {
	User UserID `json:"user"`
}

// NoticeLetter is the data of LetterNotice.
type NoticeLetter struct {
	What  Notice `json:"what"`
	Email string `json:"email,omitempty"` // the new address, of NoticeEmail
}

// Notice is a change that is told to whom the account belongs.
type Notice string

// The changes that are told.
const (
	NoticePassword   Notice = "password"    // it was set or changed
	NoticeNoPassword Notice = "no-password" // it was removed
	NoticeEmail      Notice = "email"       // the account has another address
	NoticeDeleted    Notice = "deleted"     // the account is gone
)

// NewLetter returns a letter that is to be sent at once, with the data of its kind,
// and is of use for a while.
func NewLetter(kind LetterKind, to string, data any, now time.Time, life time.Duration) Letter {
	text, err := json.Marshal(data)
	if err != nil {
		panic(fmt.Sprintf("letter data %T: %v", data, err)) // only words and numbers come here
	}
	return Letter{Kind: kind, To: to, Data: string(text), Created: now, NextAt: now, Expires: now.Add(life)}
}
