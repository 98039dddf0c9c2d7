// Package account owns who people are and what they may do: users, projects,
// roles, and the keys by which programs speak for a project.
//
// It is pure: it makes and checks secrets but stores none, and it knows no
// sessions, cookies or mail.
package account

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/mail"
	"strings"
	"time"

	"rollcall/internal/fault"
	"rollcall/internal/monitor"
)

// UserID is the row identity of a user.
type UserID int64

// User is a person who can log in.
type User struct {
	ID           UserID
	Email        string // lower case
	PasswordHash string // "" as long as no password is set
	Zone         string // of the times in what is told to the user; "" is UTC
	Created      time.Time
}

// Project holds checks, channels and keys, and the people who see them.
type Project struct {
	ID   monitor.ProjectID
	Name string
	// PingKey is the key that a new project is given, 22 characters; "" for none, and
	// for every project that was read: only hashes of keys are kept.
	PingKey string
	// BadgeKey stands in the addresses of badges; "" makes a new project one of its own.
	BadgeKey string
	Created  time.Time
}

// Limits of what people type.
const (
	ProjectNameLimit = 100 // characters
	PingKeyLength    = 22
	APIKeyLength     = 32
)

const lowerAlphanumeric = "abcdefghijklmnopqrstuvwxyz0123456789"

// NewPingKey returns a random ping key: 22 lower-case letters and digits, 113 bits.
func NewPingKey() string { return randomText(PingKeyLength) }

// NewAPIKey returns a random API key of 32 characters whose prefix tells its kind.
func NewAPIKey(kind KeyKind) string {
	prefix := map[KeyKind]string{KeyReadWrite: "rcw_", KeyReadOnly: "rcr_"}[kind]
	return prefix + randomText(APIKeyLength-len(prefix))
}

// NewToken returns 32 random lower-case letters and digits, 165 bits.
func NewToken() string { return randomText(32) }

func randomText(n int) string { return randomOf(lowerAlphanumeric, n) }

// randomOf draws each character evenly; bytes that would favour the first ones are
// thrown away.
func randomOf(alphabet string, n int) string {
	text := make([]byte, 0, n)
	buf := make([]byte, 2*n)
	for {
		rand.Read(buf) // never fails, see crypto/rand
		for _, b := range buf {
			if int(b) < 256-256%len(alphabet) {
				text = append(text, alphabet[int(b)%len(alphabet)])
			}
			if len(text) == n {
				return string(text)
			}
		}
	}
}

// HashKey returns the form in which keys and tokens are stored. They carry enough
// randomness for a fast hash.
func HashKey(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}

// ValidEmail returns the address in its stored form, or a fault.Invalid.
func ValidEmail(text string) (string, error) {
	text = strings.ToLower(strings.TrimSpace(text))
	addr, err := mail.ParseAddress(text)
	if err != nil || addr.Address != text || len(text) > monitor.AddressLimit {
		return "", fault.Invalid{"email": "is not one plain address, such as you@example.org"}
	}
	return text, nil
}

// ValidProjectName returns the name in its stored form, or a fault.Invalid.
func ValidProjectName(name string) (string, error) {
	wrong := fault.Invalid{}
	name = monitor.ValidName(wrong, "project", name, ProjectNameLimit)
	if name == "" {
		wrong["project"] = "needs a name"
	}
	return name, wrong.OrNil()
}

// ValidPingKey refuses a given ping key that is not of the right form.
func ValidPingKey(key string) error {
	if len(key) != PingKeyLength || strings.Trim(key, lowerAlphanumeric) != "" {
		return fault.Invalid{"ping_key": fmt.Sprintf("must be %d lower-case letters and digits", PingKeyLength)}
	}
	return nil
}

// ValidAPIKey refuses a given API key that is not of the right form.
func ValidAPIKey(field, key string) error {
	if len(key) != APIKeyLength || strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return fault.Invalid{field: fmt.Sprintf("must be %d printable characters without spaces", APIKeyLength)}
	}
	return nil
}

// Mailbox returns what addresses of the same mailbox have in common, as far as one
// can tell: without dots and what follows a plus. It is for counting, never for
// sending.
func Mailbox(email string) string {
	at := strings.LastIndexByte(email, '@')
	if at < 0 {
		return email
	}
	local, _, _ := strings.Cut(email[:at], "+")
	return strings.ReplaceAll(local, ".", "") + email[at:]
}
