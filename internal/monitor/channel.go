package monitor

import (
	"encoding/base64"
	"fmt"
	"net/mail"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
	"golang.org/x/net/idna"

	"rollcall/internal/fault"
)

// ChannelKind is how a channel takes messages.
type ChannelKind string

// The kinds of channel.
const (
	Email   ChannelKind = "email"
	Webhook ChannelKind = "webhook"
)

// ForPeople reports whether people read what the channel takes. A program may count on
// being told of every change by a message of its own.
func (k ChannelKind) ForPeople() bool { return k != Webhook }

// Channel is one way to tell somebody.
type Channel struct {
	ID       ChannelID
	Project  ProjectID
	Name     string
	Kind     ChannelKind
	Settings Settings
	Created  time.Time
	// Disabled says why the channel takes no messages any more, such as a receiver
	// that answered 410 twice; "" while it takes them.
	Disabled string
}

// Settings holds the members of every kind; each kind uses its own.
type Settings struct {
	Address string `json:"address,omitempty"` // Email: one mailbox
	URL     string `json:"url,omitempty"`     // Webhook: http or https
	Secret  string `json:"secret,omitempty"`  // Webhook: signs each message; whsec_ and base64
}

// channelSpace is the name space of channels' UUIDs.
var channelSpace = uuid.MustParse("5a3ed6a1-6b0d-4c58-a7f0-1d3f0c8c7a55")

// UUID is the channel's public name. It is derived from what never changes: its
// row, and when that was made, so that no other server's channel has the same.
func (c Channel) UUID() uuid.UUID {
	return uuid.NewSHA1(channelSpace, fmt.Appendf(nil, "%d/%d", c.ID, c.Created.UnixMicro()))
}

// Limits of a channel's settings.
const (
	AddressLimit  = 254  // characters, RFC 5321
	URLLimit      = 2048 // bytes
	SecretPrefix  = "whsec_"
	MinSecretSize = 24 // bytes, Standard Webhooks
	MaxSecretSize = 64
)

// Valid returns the channel in its canonical form, or a fault.Invalid.
func (c Channel) Valid() (Channel, error) {
	wrong := fault.Invalid{}
	c.Name = ValidName(wrong, "name", c.Name, NameLimit)
	if c.Name == "" {
		wrong["name"] = "is missing; say who or what is told"
	}
	switch c.Kind {
	case Email:
		c.Settings = Settings{Address: strings.TrimSpace(c.Settings.Address)}
		if words := wrongAddress(c.Settings.Address); words != "" {
			wrong["address"] = words
		}
	case Webhook:
		c.Settings = Settings{URL: strings.TrimSpace(c.Settings.URL), Secret: strings.TrimSpace(c.Settings.Secret)}
		var words string
		if c.Settings.URL, words = plainURL(c.Settings.URL); words != "" {
			wrong["url"] = words
		}
		if words := wrongSecret(c.Settings.Secret); words != "" {
			wrong["secret"] = words
		}
	default:
		wrong["kind"] = fmt.Sprintf("is either %s or %s", Email, Webhook)
	}
	return c, wrong.OrNil()
}

func wrongAddress(text string) string {
	addr, err := mail.ParseAddress(text)
	switch {
	case text == "":
		return "is missing; one address, such as ops@example.org"
	case err != nil || addr.Address != text || len(text) > AddressLimit || !utf8.ValidString(text) || strings.ContainsFunc(text, unshowable):
		return "is not one plain address, such as ops@example.org"
	}
	return ""
}

// plainURL returns the address with its host as name servers know it, or what is
// wrong with it. Which addresses and ports may be reached is known to who runs the
// server, and checked when a message is sent.
func plainURL(text string) (plain, wrong string) {
	u, err := url.Parse(text)
	switch {
	case text == "":
		return text, "is missing; an address such as https://example.org/hook"
	case len(text) > URLLimit:
		return text, fmt.Sprintf("is longer than %d bytes", URLLimit)
	case err != nil || !utf8.ValidString(text) || strings.ContainsFunc(text, unshowable) || strings.ContainsAny(text, "\\ "):
		return text, "is not a valid address"
	case u.Scheme != "http" && u.Scheme != "https":
		return text, "must begin with http:// or https://"
	case u.Hostname() == "":
		return text, "names no host"
	case u.User != nil:
		return text, "must not contain a user name or password"
	case u.Fragment != "":
		return text, "must not contain a # part; it is never sent"
	}
	if port, err := strconv.ParseUint(u.Port(), 10, 16); u.Port() != "" && (err != nil || port == 0) {
		return text, "names a port that is none; leave it out, or give 1 to 65535"
	}
	if _, err := netip.ParseAddr(u.Hostname()); err == nil {
		return text, ""
	}
	host, err := hostNames.ToASCII(strings.TrimSuffix(u.Hostname(), "."))
	if err != nil || host == "" {
		return text, "names no valid host"
	}
	if !isASCII(u.Host) {
		// A name that only looks like another is told apart by its plain form.
		if u.Port() != "" {
			host += ":" + u.Port()
		}
		u.Host = host
		text = u.String()
	}
	return text, ""
}

// hostNames reads the names of hosts, also those with underscores that containers have.
var hostNames = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(false), idna.CheckHyphens(false), idna.VerifyDNSLength(true))

func isASCII(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r > unicode.MaxASCII })
}

func wrongSecret(text string) string {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(text, SecretPrefix))
	if !strings.HasPrefix(text, SecretPrefix) || err != nil || len(key) < MinSecretSize || len(key) > MaxSecretSize {
		return fmt.Sprintf("must be %s and the base64 of %d to %d bytes; leave it empty to get a new one", SecretPrefix, MinSecretSize, MaxSecretSize)
	}
	return ""
}

// Target is the channel's destination in words that hold no secret: an address,
// or the host of a URL.
func (c Channel) Target() string {
	if c.Kind == Email {
		return c.Settings.Address
	}
	u, err := url.Parse(c.Settings.URL)
	if err != nil {
		return ""
	}
	return u.Host
}
