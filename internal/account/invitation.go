package account

import (
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"rollcall/internal/monitor"
)

// Invitation is an offer to somebody, known by address alone, to become a member.
type Invitation struct {
	ID      int64
	Project monitor.ProjectID
	Name    string // of the project, as it is now
	Email   string // lower case
	Role    Role
	Inviter string // the address of who sent it
	Created time.Time
	Expires time.Time
	Letters int // how many mails were sent
}

// Roles are those that somebody can be invited to, and given by a manager. A
// project gets another owner by Transfer, which that one has to accept.
var Roles = []Role{Manager, Member, ReadOnly}

// Transfer is an owner's offer to another member to own the project instead.
type Transfer struct {
	Project  monitor.ProjectID
	From, To UserID
	Created  time.Time
}

// LetterInvitation is the kind of the letter that tells of an invitation.
const LetterInvitation LetterKind = "invitation"

// InvitationData is what the letter is about.
type InvitationData struct {
	Invitation int64 `json:"invitation"`
}

// mailNameLimit is how many characters of a project's name a mail shows to somebody
// who is no member yet.
const mailNameLimit = 60

// linkLike is a word that a mail program might turn into a link.
var linkLike = regexp.MustCompile(`://|[@/\\]|^(?i)www\.|[\pL\pN]\.[\pL\pN]`)

// MailName is a project's name as a mail tells it to a stranger: no word that could
// become a link, and not much of it, so that nobody's advertisement travels in an
// invitation. It may be "".
func MailName(name string) string {
	words := strings.Fields(name)
	kept := words[:0]
	for _, word := range words {
		if !linkLike.MatchString(word) {
			kept = append(kept, word)
		}
	}
	name = strings.Join(kept, " ")
	if utf8.RuneCountInString(name) > mailNameLimit {
		name = strings.TrimSpace(string([]rune(name)[:mailNameLimit-1])) + "…"
	}
	return name
}

// Strongest is the role of the two that allows more.
func Strongest(a, b Role) Role {
	if len(may[b]) > len(may[a]) {
		return b
	}
	return a
}
