package account

import (
	"strings"
	"time"

	"rollcall/internal/fault"
	"rollcall/internal/monitor"
)

// KeyID is the row identity of a key.
type KeyID int64

// KeyKind is what a key may do.
type KeyKind string

// The kinds of key.
const (
	KeyReadWrite KeyKind = "rw"
	KeyReadOnly  KeyKind = "ro"
	KeyPing      KeyKind = "ping" // addresses a project's checks by their slugs, and can do nothing else
)

// Words is what a key of the kind is called.
func (k KeyKind) Words() string {
	switch k {
	case KeyReadOnly:
		return "read-only API key"
	case KeyPing:
		return "ping key"
	}
	return "API key"
}

// FirstKey is the name of a key that was made with its project, or set by a file.
const FirstKey = "first"

// Limits of keys.
const (
	KeyNameLimit = 60 // characters
	KeysEach     = 20 // of one kind in a project
)

// Key speaks for a project. The key itself is shown when it is made and kept
// nowhere. It is identified by (Project, Kind, Name).
type Key struct {
	ID      KeyID
	Project monitor.ProjectID
	Kind    KeyKind
	Name    string
	Hash    string    // of HashKey
	Ending  string    // the last characters of the key; "" when they are not known
	By      string    // address of who made it; "" when it was nobody in particular
	Created time.Time // by the server's clock
	Used    time.Time // last, to the minute; zero: never
}

// NewKey returns a random key of its kind, and what is kept of it.
func NewKey(k Key) (string, Key) {
	text := NewAPIKey(k.Kind)
	if k.Kind == KeyPing {
		text = NewPingKey()
	}
	return text, k.Of(text)
}

// Of fills in what is kept of the text of a key.
func (k Key) Of(text string) Key {
	k.Hash, k.Ending = HashKey(text), text[max(0, len(text)-4):]
	return k
}

// ValidKeyName returns the name in its stored form, or a fault.Invalid.
func ValidKeyName(name string) (string, error) {
	wrong := fault.Invalid{}
	name = monitor.ValidName(wrong, "name", name, KeyNameLimit)
	if name == "" {
		wrong["name"] = "is missing: say who or what uses the key"
	}
	return strings.Join(strings.Fields(name), " "), wrong.OrNil()
}
