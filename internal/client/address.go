package client

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"strings"
)

// Address is where the pings of one check go. Whoever knows it can ping the check,
// so it prints itself without what is secret.
type Address struct {
	// Create makes the check when there is none of that slug yet. It says nothing to a
	// check that is named by its UUID.
	Create bool

	url *url.URL // of a success, without a query
	key string   // UUID or ping key; it signs late reports
}

var (
	uuidForm = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	slugForm = regexp.MustCompile(`^[a-z0-9_-]{1,100}$`)
	keyForm  = regexp.MustCompile(`^[A-Za-z0-9_-]{1,100}$`)
)

// ParseAddress reads the name of a check: its ping URL; its UUID, together with the
// server's URL; or its slug, together with the server's URL and the ping key of the
// project. A ping URL ends with the UUID, or with a ping key and a slug; ?create=1
// is understood.
func ParseAddress(check, server, pingKey string) (Address, error) {
	check = strings.TrimSpace(check)
	lower := strings.ToLower(check)
	switch {
	case check == "":
		return Address{}, errors.New("no check is named")
	case strings.HasPrefix(lower, "http://"), strings.HasPrefix(lower, "https://"):
		return parsePingURL(check)
	case uuidForm.MatchString(lower):
		return addressAt(server, lower, lower)
	case !slugForm.MatchString(check):
		return Address{}, errors.New("a check is named by its ping URL, its UUID, or its slug: at most 100 lower-case letters, digits, dashes and underscores")
	case pingKey == "":
		return Address{}, errors.New("a check that is named by its slug needs the ping key of its project")
	case !keyForm.MatchString(pingKey):
		return Address{}, errors.New("the ping key has characters that none has: only letters, digits, dashes and underscores")
	}
	return addressAt(server, pingKey, pingKey, check)
}

// addressAt returns an address below /ping/ of a server.
func addressAt(server, key string, check ...string) (Address, error) {
	if server == "" {
		return Address{}, errors.New("it is not known where the server is: its URL is needed, such as https://rollcall.example.org")
	}
	base, err := url.Parse(server)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return Address{}, errors.New("the server's URL must be one such as https://rollcall.example.org")
	}
	base.RawQuery, base.Fragment = "", ""
	return Address{url: base.JoinPath(append([]string{"ping"}, check...)...), key: key}, nil
}

// parsePingURL reads a whole ping URL. The errors do not repeat it.
func parsePingURL(text string) (Address, error) {
	at, err := url.Parse(text)
	if err != nil || at.Host == "" {
		return Address{}, errors.New("the ping URL cannot be read: it must be one such as https://rollcall.example.org/ping/<uuid>")
	}
	create := at.Query().Get("create") == "1"
	at.RawQuery, at.Fragment = "", ""
	at.Path, at.RawPath = strings.TrimRight(at.Path, "/"), ""
	parts := strings.Split(at.Path, "/")
	last := parts[len(parts)-1]
	before := parts[max(0, len(parts)-2)]
	switch {
	case uuidForm.MatchString(strings.ToLower(last)):
		last = strings.ToLower(last)
		at.Path = strings.Join(append(parts[:len(parts)-1], last), "/")
		return Address{url: at, key: last, Create: create}, nil
	case uuidForm.MatchString(strings.ToLower(before)):
		return Address{}, errors.New("the ping URL must end with the check's UUID: what happened is added to it")
	case slugForm.MatchString(last) && keyForm.MatchString(before):
		return Address{url: at, key: before, Create: create}, nil
	}
	return Address{}, errors.New("the ping URL must end with the check's UUID, or with a ping key and a slug")
}

// URL is the ping URL in full. It is a secret.
func (a Address) URL() string {
	whole := *a.url
	if a.Create {
		whole.RawQuery = "create=1"
	}
	return whole.String()
}

// Host is the server's name or address, with its port.
func (a Address) Host() string { return a.url.Host }

// Slug is the check's slug; "" for a check that is named by its UUID.
func (a Address) Slug() string {
	if last := path.Base(a.url.Path); last != a.key {
		return last
	}
	return ""
}

// String says which server it is and nothing that is secret.
func (a Address) String() string {
	if slug := a.Slug(); slug != "" {
		return fmt.Sprintf("check %s at %s", slug, a.Host())
	}
	return "a check at " + a.Host()
}

// ping is the URL of a ping: what happened stands in the path.
func (a Address) ping(p Ping) string {
	whole := *a.url
	switch {
	case p.Exit != nil:
		whole.Path += fmt.Sprintf("/%d", *p.Exit)
	case p.Signal != Success:
		whole.Path += "/" + string(p.Signal)
	}
	query := url.Values{}
	if a.Create {
		query.Set("create", "1")
	}
	if p.RunID != "" {
		query.Set("rid", p.RunID)
	}
	whole.RawQuery = query.Encode()
	return whole.String()
}
