package templates

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"rollcall/internal/account"
)

// AuditPage shows who changed what.
type AuditPage struct {
	Page
	Query  AuditQuery
	Actors []string // who stands in the log
	Days   []AuditDay
	Older  string // where older entries are; "" when there are none
}

// AuditQuery is what of the log is shown. Zero members show all.
type AuditQuery struct {
	Object account.Object
	Actor  string
	Before int64
}

// URL is the address of the log so filtered.
func (q AuditQuery) URL() string {
	v := url.Values{}
	if q.Object != "" {
		v.Set("kind", string(q.Object))
	}
	if q.Actor != "" {
		v.Set("who", q.Actor)
	}
	if q.Before > 0 {
		v.Set("before", strconv.FormatInt(q.Before, 10))
	}
	if len(v) == 0 {
		return "/settings/audit"
	}
	return "/settings/audit?" + v.Encode()
}

func (q AuditQuery) href() templ.SafeURL { return templ.SafeURL(q.URL()) }
func (q AuditQuery) newest() AuditQuery  { return AuditQuery{q.Object, q.Actor, 0} }

func (q AuditQuery) withObject(o account.Object) AuditQuery { return AuditQuery{o, q.Actor, 0} }
func (q AuditQuery) withActor(name string) AuditQuery       { return AuditQuery{q.Object, name, 0} }

func (p AuditPage) who() string {
	if p.Query.Actor == "" {
		return "Everybody"
	}
	return p.Query.Actor
}

func (p AuditPage) empty() string {
	if p.Query == (AuditQuery{}) {
		return "Nobody has changed anything yet. What people, keys and files change stands here."
	}
	return "Nothing like this has been changed."
}

func auditObjects() []account.Object {
	return []account.Object{
		"", account.OfCheck, account.OfChannel, account.OfDelivery, account.OfMember, account.OfInvitation, account.OfKey, account.OfProject, account.OfPage,
	}
}

// objectsWord names a kind of thing in a filter.
func objectsWord(o account.Object) string {
	switch o {
	case "":
		return "All"
	case account.OfDelivery:
		return "Deliveries"
	case account.OfPage:
		return "Public pages"
	}
	return Capital(string(o)) + "s"
}

// AuditDay is the entries of one day.
type AuditDay struct {
	Title string
	Lines []AuditLine
}

// AuditLine is one entry: who did what.
type AuditLine struct {
	At      Said
	Icon    string
	Who     string
	Did     string
	Title   string
	Changes []AuditChange
	From    string
	Request string
}

// AuditChange is one field as it was and is; "" is none.
type AuditChange struct{ Name, Old, New string }

// AuditDays arranges entries, the newest first.
func AuditDays(entries []account.Entry, clock Clock) []AuditDay {
	var days []AuditDay
	for _, e := range entries {
		title := clock.Day(e.At)
		if len(days) == 0 || days[len(days)-1].Title != title {
			days = append(days, AuditDay{Title: title})
		}
		day := &days[len(days)-1]
		day.Lines = append(day.Lines, AuditLine{
			At:   Said{Words: clock.TimeOfDay(e.At), Full: clock.Full(e.At), Machine: Machine(e.At)},
			Icon: objectIcon(e.Object), Who: actorWords(e.Actor), Did: didWords(e), Title: e.Title,
			Changes: auditChanges(e), From: e.From, Request: e.Request,
		})
	}
	return days
}

func actorWords(a account.Actor) string {
	switch a.Kind {
	case account.ByKey:
		return "A program with the " + a.Name
	case account.ByFile:
		return "The file " + a.Name
	case account.ByCommand:
		return "The command " + a.Name
	}
	return a.Name
}

// didWords says what was done, to be read between who did it and to what.
func didWords(e account.Entry) string {
	thing := " the " + string(e.Object)
	switch {
	case e.Object == account.OfKey && e.Verb == account.Created:
		return "made the"
	case e.Object == account.OfKey:
		return "revoked the"
	case e.Object == account.OfProject && e.Verb == account.Edited:
		return "renamed the project to"
	case e.Verb == account.Enabled:
		return "switched on" + thing
	case e.Verb == account.Disabled:
		return "switched off" + thing
	case e.Verb == account.Warned:
		return "warned the owners of" + thing
	case e.Verb == account.Replayed:
		return "sent again the message"
	case e.Verb == account.Hurried:
		return "tried at once the message"
	case e.Verb == account.GivenUp:
		return "gave up the message"
	case e.Verb == account.Rotated:
		return "gave a new address to the check"
	case e.Verb == account.Parted:
		return "moved to another project the check"
	case e.Verb == account.Arrived:
		return "moved here the check"
	case e.Verb == account.Reminded:
		return "sent another invitation to"
	case e.Verb == account.Invited:
		return "invited"
	case e.Verb == account.Revoked:
		return "took back the invitation of"
	case e.Verb == account.Left:
		return "left the project, as"
	case e.Verb == account.Joined:
		return "joined the project, as"
	case e.Verb == account.Proposed:
		return "proposed as the owner"
	case e.Verb == account.Withdrawn:
		return "withdrew the proposal to own the project to"
	case e.Verb == account.Declined:
		return "declined to own the project, as"
	case e.Verb == account.Accepted:
		return "became the owner, as"
	case e.Verb == account.Paired:
		return "let this installation send its heartbeat, paired"
	case e.Verb == account.Unpaired:
		return "ended the heartbeat of this installation, paired"
	case e.Verb == account.Restored:
		return "restored from a backup"
	case e.Verb == account.Edited && e.Object == account.OfMember:
		return "gave another role to"
	}
	return string(e.Verb) + thing
}

func auditChanges(e account.Entry) []AuditChange {
	names := maps.Clone(e.After)
	if names == nil {
		names = map[string]string{}
	}
	maps.Copy(names, e.Before)
	var changes []AuditChange
	for _, name := range slices.Sorted(maps.Keys(names)) {
		change := AuditChange{name, e.Before[name], e.After[name]}
		if name == "role" {
			change.Old, change.New = roleOrNone(change.Old), roleOrNone(change.New)
		}
		changes = append(changes, change)
	}
	return changes
}

func roleOrNone(role string) string {
	if role == "" {
		return ""
	}
	return RoleWords(account.Role(role))
}

// FieldsText is fields in one line: "grace: 5 min; name: Nightly".
func FieldsText(fields map[string]string) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		parts = append(parts, name+": "+fields[name])
	}
	return strings.Join(parts, "; ")
}

func objectIcon(o account.Object) string {
	switch o {
	case account.OfCheck:
		return "clock"
	case account.OfChannel:
		return "bell"
	case account.OfDelivery:
		return "retry"
	case account.OfKey:
		return "key"
	case account.OfInvitation:
		return "mail"
	case account.OfMember:
		return "check"
	}
	return "tag"
}
