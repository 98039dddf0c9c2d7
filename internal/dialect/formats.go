package dialect

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"slices"
	"strings"

	"github.com/google/uuid"

	"rollcall/internal/monitor"
)

// Formats lists every format but our own, which Healthchecks reads. Several may
// claim an address that begins with a token; whose token it is decides then.
func Formats() []Format {
	return []Format{
		DeadMansSnitch,
		Kuma,
		Gatus,
		BetterStack,
		OhDear,
		Checkly,
		Cronhub,
		Honeybadger,
		AppSignal,
		Opsgenie,
		StatusCake,
		Cronitor,
		SentryCheckIn,
		SentryEnvelope,
		Alertmanager,
		GitHub,
		GitLab,
		Hosted,
	}
}

// Match is a format that claims an address.
type Match struct {
	Format
	Pattern string            // which of the format's Paths it has
	Path    map[string]string // the named parts of the address
	Root    bool              // the address begins with a token and not with a word of the format
	// Words is how many fixed words the address has.
	Words int
}

// Find returns the formats that claim an escaped path, those whose address begins
// with a fixed word first, then those with the most fixed words. Repeated and
// trailing slashes do not matter.
func Find(formats []Format, path string) []Match {
	parts, err := segments(path)
	if err != nil {
		return nil
	}
	var found []Match
	for _, format := range formats {
		for _, pattern := range format.Paths {
			if named, ok := match(pattern, parts); ok {
				words := strings.Count(pattern, "/") - strings.Count(pattern, "{")
				found = append(found, Match{format, pattern, named, strings.HasPrefix(pattern, "/{"), words})
			}
		}
	}
	slices.SortStableFunc(found, func(a, b Match) int {
		if a.Root != b.Root {
			return map[bool]int{false: -1, true: 1}[a.Root]
		}
		return b.Words - a.Words
	})
	return found
}

// match compares a path with a pattern such as "/api/push/{token}".
func match(pattern string, parts []string) (map[string]string, bool) {
	words := strings.FieldsFunc(pattern, func(r rune) bool { return r == '/' })
	if len(words) != len(parts) {
		return nil, false
	}
	named := map[string]string{}
	for i, word := range words {
		if name, ok := strings.CutPrefix(word, "{"); ok {
			named[strings.TrimSuffix(name, "}")] = parts[i]
		} else if !strings.EqualFold(word, parts[i]) {
			return nil, false
		}
	}
	return named, true
}

// byToken names the check by its UUID when the token is one, and else by the
// token, which was imported from another service. What can be neither names none.
func (e Event) byToken(token string) Event {
	if id, err := uuid.Parse(token); err == nil && len(token) == 36 {
		e.UUID = id
	} else if slugPattern.MatchString(token) {
		e.Token = token
	}
	return e
}

// bySlug names the check by a project's ping key and the name that the other
// service uses; create tells whether an unknown one is made. What can be no ping key
// names none.
func (e Event) bySlug(pingKey, name string, create bool) Event {
	e.Slug, e.Title = Slug(name), strings.TrimSpace(name)
	if pingKey = strings.TrimSpace(pingKey); slugPattern.MatchString(pingKey) {
		e.PingKey, e.Create = pingKey, create
	}
	return e
}

// Slug returns a name in the form of a slug: lower-case letters, digits, dashes and
// underscores, at most monitor.SlugLimit of them. What else there is becomes dashes. A name
// that is too long, or of nothing that could stay, ends in a hash of it, so that
// different names remain different; "" is the slug of nothing but spaces.
func Slug(name string) string {
	if name = strings.TrimSpace(name); slugPattern.MatchString(name) {
		return strings.ToLower(name)
	}
	text := monitor.SlugOf(name)
	if name == "" || text != "" && len(text) <= monitor.SlugLimit {
		return text
	}
	hash := "-" + fingerprint(name)
	return strings.Trim(text[:min(len(text), monitor.SlugLimit-len(hash))]+hash, "-")
}

// fingerprint is a short hash that tells texts apart: 16 letters and digits.
func fingerprint(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}

// Hosted reads an address of the hosted Healthchecks, which lacks the word ping:
//
//	/<uuid>[/start|/fail|/log|/<exit status>]
//	/<ping key>/<slug>[/start|/fail|/log|/<exit status>]
var Hosted = Format{
	Name:    "healthchecks",
	Methods: "GET, HEAD, POST, PUT",
	Paths:   []string{"/{token}", "/{token}/{second}", "/{token}/{second}/{third}"},
	Read: func(r Request) ([]Event, error) {
		path := "/ping"
		for _, part := range []string{"token", "second", "third"} {
			path += "/" + url.PathEscape(r.Path[part])
		}
		event, err := Healthchecks(path, r.Query.Encode())
		event.Ping.Body = r.Body
		return []Event{event}, err
	},
}

// Plainly answers like Healthchecks.
func Plainly(o Outcome) Answer {
	switch o {
	case Created:
		return Answer{Code: 201, Text: "Created"}
	case Unknown:
		return Answer{Code: 404, Text: "not found"}
	case Unsigned:
		return Answer{Code: 401, Text: "the signature is missing or wrong"}
	case TryAgain:
		return Answer{Code: 503, Text: "try again"}
	}
	return Answer{Code: 200, Text: "OK"}
}
