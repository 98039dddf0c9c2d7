package account

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"time"

	"rollcall/internal/monitor"
)

// Actor is who changes something, as the audit log names them.
type Actor struct {
	Kind    ActorKind
	ID      int64     // of the person; 0 of the others
	Name    string    // the address at that time, or the name of a key, file or command
	From    string    // the network address the request came from; "" for none
	Request string    // its id; "" for none
	At      time.Time // when the request was received
}

// ActorKind is what kind of actor changed something.
type ActorKind string

// The kinds of actor.
const (
	ByPerson  ActorKind = "person"
	ByKey     ActorKind = "key"      // a program with an API key
	ByFile    ActorKind = "file"     // serve --provision
	ByCommand ActorKind = "command"  // a command on the server, such as user add
	ByItself  ActorKind = "rollcall" // nobody asked for it
)

// ByPersonOf is the actor that a signed-in person is.
func ByPersonOf(u User) Actor { return Actor{Kind: ByPerson, ID: int64(u.ID), Name: u.Email} }

// Verb is what was done.
type Verb string

// The verbs that are recorded.
const (
	Created   Verb = "created"
	Edited    Verb = "edited"
	Deleted   Verb = "deleted"
	Paused    Verb = "paused"
	Resumed   Verb = "resumed"
	Enabled   Verb = "enabled"
	Disabled  Verb = "disabled"
	Tested    Verb = "tested"
	Warned    Verb = "warned" // the owners, of a channel
	Replayed  Verb = "replayed"
	Hurried   Verb = "hurried"   // a delivery that waits
	GivenUp   Verb = "given up"  // a delivery that waits
	Rotated   Verb = "rotated"   // the address of a check
	Parted    Verb = "moved"     // a check, to another project
	Arrived   Verb = "received"  // a check, from another project
	Added     Verb = "added"     // a member
	Removed   Verb = "removed"   // a member
	Left      Verb = "left"      // a member, by themselves
	Invited   Verb = "invited"   // an address
	Reminded  Verb = "reminded"  // an address that was invited before
	Revoked   Verb = "revoked"   // an invitation
	Joined    Verb = "joined"    // by an invitation
	Proposed  Verb = "proposed"  // another owner
	Withdrawn Verb = "withdrawn" // the proposal of another owner
	Declined  Verb = "declined"  // to become the owner
	Accepted  Verb = "accepted"  // to become the owner
	Restored  Verb = "restored"  // the whole database, from a backup
	Paired    Verb = "paired"    // a project, with another installation
	Unpaired  Verb = "unpaired"  // a project, from another installation
)

// Object is what kind of thing was changed.
type Object string

// The kinds of thing.
const (
	OfCheck      Object = "check"
	OfChannel    Object = "channel"
	OfDelivery   Object = "delivery"
	OfKey        Object = "key"
	OfMember     Object = "member"
	OfInvitation Object = "invitation"
	OfProject    Object = "project"
	OfPage       Object = "page" // a public one
)

// Entry is one change in the audit log of a project: who changed what, when, from
// where. The log only grows. Each entry is sealed with the hash of the one before,
// so that one that was altered, or is missing between two others, shows.
type Entry struct {
	Project monitor.ProjectID
	N       int64 // counts from 1 in each project
	Actor
	Verb   Verb
	Object Object
	Key    string // what identifies the thing; never a secret
	Title  string // its name at that time
	Before map[string]string
	After  map[string]string // of what changed alone; a secret is never told
	Prev   string            // the hash of the entry before; "" of the first
	Hash   string
}

// Seal numbers the entry behind the last one and returns it with its hash.
func (e Entry) Seal(last Entry) Entry {
	e.N, e.Prev = last.N+1, last.Hash
	e.Hash = e.sum()
	return e
}

func (e Entry) sum() string {
	// What is empty and what is not there are the same; nil and an empty map too.
	text, err := json.Marshal([]any{
		e.Project, e.N, e.Kind, e.ID, e.Name, e.From, e.Request, e.At.UnixMicro(),
		e.Verb, e.Object, e.Key, e.Title, filled(e.Before), filled(e.After), e.Prev,
	})
	if err != nil {
		panic(fmt.Sprintf("encode an entry: %v", err)) // texts and numbers
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

func filled(fields map[string]string) map[string]string {
	if fields == nil {
		return map[string]string{}
	}
	return fields
}

// Follows says what is wrong with an entry that should come right behind another;
// "" when nothing is. The zero entry before says nothing: what came first may have
// been deleted because of its age.
func (e Entry) Follows(before Entry) string {
	switch {
	case e.Hash != e.sum():
		return "was altered"
	case before.N != 0 && e.N != before.N+1:
		return "does not follow the one before it: entries are missing"
	case before.N != 0 && e.Prev != before.Hash:
		return "was sealed behind another entry than the one before it"
	}
	return ""
}

// Fields is a thing as the audit log compares it.
type Fields struct {
	Open   map[string]string
	Secret map[string]string // only that they changed is told
}

// Differ returns the fields of which two states of a thing differ, as they were and
// as they are. What is empty is left out.
func Differ(before, after Fields) (was, is map[string]string) {
	was, is = map[string]string{}, map[string]string{}
	for name := range union(before.Open, after.Open) {
		if a, b := before.Open[name], after.Open[name]; a != b {
			put(was, name, a)
			put(is, name, b)
		}
	}
	for name := range union(before.Secret, after.Secret) {
		if a, b := before.Secret[name], after.Secret[name]; a != b {
			put(was, name, hidden(a, "set"))
			put(is, name, hidden(b, map[bool]string{true: "set", false: "another one"}[a == ""]))
		}
	}
	return was, is
}

func union(a, b map[string]string) map[string]string {
	all := maps.Clone(a)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, b)
	return all
}

func put(to map[string]string, name, value string) {
	if value != "" {
		to[name] = value
	}
}

func hidden(secret, words string) string {
	if secret == "" {
		return ""
	}
	return words
}

// OfMember says that the entry is about a member.
func (e Entry) OfMember(id UserID, email string) Entry {
	e.Object, e.Key, e.Title = OfMember, fmt.Sprint(id), email
	return e
}
