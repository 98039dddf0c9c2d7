package account

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base32"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"

	"rollcall/internal/fault"
)

// Limits of what people prove by who they are.
const (
	PasskeyLimit       = 20 // of one account
	FactorNameLimit    = 60 // characters of the name of a passkey
	RecoveryCodes      = 10 // made at once
	recoveryCodeLength = 16 // letters and digits, 82 bits
	totpPeriod         = 30 // seconds of a step
	totpSkew           = 1  // steps before and after the present one whose code is taken
	totpSecretSize     = 20 // bytes, as long as the hash that is used
)

// PasskeyID and IdentityID are row identities.
type (
	PasskeyID  int64
	IdentityID int64
)

// Factors is all by which somebody proves who they are besides a password.
type Factors struct {
	TOTP       *TOTP // nil: no authenticator app, or one that has shown no code yet
	Passkeys   []Passkey
	Recovery   int // recovery codes that are left
	Identities []Identity
	// Epoch counts the changes of all this. A session that began under an earlier one
	// has ended.
	Epoch int64
}

// Second reports whether a first means, such as a password, is not enough.
func (f Factors) Second() bool { return f.TOTP != nil || len(f.Passkeys) > 0 }

// Passkey returns the passkey with this credential.
func (f Factors) Passkey(credential string) (Passkey, bool) {
	at := slices.IndexFunc(f.Passkeys, func(p Passkey) bool { return p.Credential == credential })
	if at < 0 {
		return Passkey{}, false
	}
	return f.Passkeys[at], true
}

// Passkey is a key pair in somebody's device, of which we have the public half.
type Passkey struct {
	ID         PasskeyID
	User       UserID
	Name       string
	Credential string // its id, in base64url
	Record     string // JSON: the public key, and what else is checked of it
	Counter    uint32 // of its signatures; 0 when it does not count
	Created    time.Time
	Used       time.Time // zero: never
}

// Identity is an account at a provider of single sign-on. Issuer and subject are
// what it is known by: an address can be given to somebody else.
type Identity struct {
	ID      IdentityID
	User    UserID
	Issuer  string
	Subject string
	Email   string // as the provider said it when the two were linked; for people only
	Created time.Time
}

// TOTP is an authenticator app: a secret that it shares, and how far its codes
// were used up.
type TOTP struct {
	Secret string // base32
	Step   int64  // of the newest code that was used; no code of it or before it counts
	Since  time.Time
}

// NewTOTP returns an authenticator app with a secret of its own.
func NewTOTP() TOTP {
	secret := make([]byte, totpSecretSize)
	rand.Read(secret) // never fails, see crypto/rand
	return TOTP{Secret: base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(secret)}
}

// Match returns the step whose code this is. A code counts a step before and after
// its own, because clocks differ, and never again once it or a later one was used.
func (t TOTP) Match(code string, now time.Time) (step int64, ok bool) {
	code = strings.Join(strings.Fields(code), "")
	present := now.Unix() / totpPeriod
	for at := present - totpSkew; at <= present+totpSkew; at++ {
		right, err := hotp.GenerateCodeCustom(t.Secret, uint64(at), hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
		if err == nil && at > t.Step && subtle.ConstantTimeCompare([]byte(code), []byte(right)) == 1 {
			step, ok = at, true
		}
	}
	return step, ok
}

// NewRecoveryCodes returns codes such as "7k2m-x0fp-q9aa-3tz8", to be shown once.
func NewRecoveryCodes() []string {
	codes := make([]string, RecoveryCodes)
	for i := range codes {
		text := randomText(recoveryCodeLength)
		codes[i] = strings.Join([]string{text[:4], text[4:8], text[8:12], text[12:]}, "-")
	}
	return codes
}

// HashRecoveryCode returns the form in which a recovery code is stored, however it
// was typed.
func HashRecoveryCode(code string) string {
	return HashKey(strings.Map(func(r rune) rune {
		if r == '-' || unicode.IsSpace(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, code))
}

// ValidFactorName returns the name of a passkey in its stored form, or a fault.Invalid.
func ValidFactorName(name string) (string, error) {
	name = strings.Join(strings.Fields(name), " ")
	switch {
	case name == "":
		return "", fault.Invalid{"name": "is missing"}
	case !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }):
		return "", fault.Invalid{"name": "has characters that cannot be shown"}
	case utf8.RuneCountInString(name) > FactorNameLimit:
		return "", fault.Invalid{"name": fmt.Sprintf("is longer than %d characters", FactorNameLimit)}
	}
	return name, nil
}

// FactorsChanged is a letter that says that by what somebody logs in was changed.
const FactorsChanged LetterKind = "factors_changed"

// FactorNotice is the data of such a letter.
type FactorNotice struct {
	What FactorEvent `json:"what"`
	Name string      `json:"name,omitempty"` // of the passkey or the provider
	Left int         `json:"left,omitempty"` // recovery codes
	At   time.Time   `json:"at"`
}

// FactorEvent is what happened.
type FactorEvent string

// What happens to that by which somebody logs in.
const (
	PasskeyAdded   FactorEvent = "passkey_added"
	PasskeyRemoved FactorEvent = "passkey_removed"
	TOTPAdded      FactorEvent = "totp_added"
	TOTPRemoved    FactorEvent = "totp_removed"
	CodesMade      FactorEvent = "codes_made"
	CodeUsed       FactorEvent = "code_used"
	SSOLinked      FactorEvent = "sso_linked"
	SSOUnlinked    FactorEvent = "sso_unlinked"
)
