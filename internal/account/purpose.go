package account

import (
	"fmt"
	"strings"
	"time"
)

// Purpose is what a one-time secret is good for, and for nothing else.
type Purpose string

// The purposes of what is mailed, or kept by a browser.
const (
	ForLogin  Purpose = "login"  // lets somebody in
	ForSignup Purpose = "signup" // makes an account
	ForEmail  Purpose = "email"  // makes the address that of an account
	ForCode   Purpose = "code"   // proves again who somebody is
	ForDevice Purpose = "device" // tells a browser that has logged in from a stranger's
)

// How long a secret is good.
const (
	LinkLife   = 30 * time.Minute
	CodeLife   = 15 * time.Minute
	DeviceLife = 180 * 24 * time.Hour
)

// CodeLength is how many digits a mailed code has. One is worth nothing without a
// session of the person it was mailed to, and tries are few.
const CodeLength = 8

// NewCode returns a random code.
func NewCode() string { return randomOf("0123456789", CodeLength) }

// HashCode returns the form in which a code is stored, however it was typed. It
// holds the user: another's code is another code.
func HashCode(user UserID, code string) string {
	return HashKey(fmt.Sprintf("%d/%s", user, strings.Join(strings.Fields(code), "")))
}
