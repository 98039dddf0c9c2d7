package templates

import (
	"fmt"

	"rollcall/internal/account"
)

// PingKeyPlace stands in addresses where a project's ping key belongs. The key
// itself is not known here: only its hash is kept.
const PingKeyPlace = "PING-KEY"

// KeysPage lists a project's keys and makes new ones.
type KeysPage struct {
	Page
	Base  string // how people and jobs reach this server
	List  []account.Key
	Kind  account.KeyKind // of the form
	Name  string          // of the form
	Wrong string          // with the name
	Fresh string          // a key that was just made, "" otherwise
}

// keyKinds are the kinds in the order of the form.
func keyKinds() []account.KeyKind {
	return []account.KeyKind{account.KeyReadWrite, account.KeyReadOnly, account.KeyPing}
}

// keyWords say what a key of the kind is.
func keyWords(kind account.KeyKind) string {
	return Capital(kind.Words())
}

// keyMaker says what a key is, and who made it.
func keyMaker(k account.Key) string {
	if k.By == "" {
		return keyWords(k.Kind)
	}
	return keyWords(k.Kind) + ", made by " + k.By
}

// keyMeans say what a key of the kind can do.
func keyMeans(kind account.KeyKind) string {
	switch kind {
	case account.KeyReadWrite:
		return "reads and changes everything in the project that the API can"
	case account.KeyReadOnly:
		return "reads checks, pings and changes; no addresses of checks, no bodies"
	case account.KeyPing:
		return "pings the project's checks by their names, and makes those that it lacks"
	}
	return ""
}

func (p KeysPage) name() Field {
	return Field{
		ID: "name", Label: "Name", Value: p.Name, Error: complaint("Name", p.Wrong),
		Hint:  "Who or what will use it, such as Terraform or web-1.",
		Attrs: attrs("required", "required", "maxlength", fmt.Sprint(account.KeyNameLimit), "autocomplete", "off"),
	}
}

// shownKey is what can be said of a key by which it is recognised.
func shownKey(k account.Key) string {
	if k.Ending == "" {
		return "not known"
	}
	return "…" + k.Ending
}

// keyUsed says when a key was used last.
func (p KeysPage) keyUsed(k account.Key) Said {
	if k.Used.IsZero() {
		return Said{Words: "never"}
	}
	return p.say(p.Recent(k.Used), k.Used)
}
