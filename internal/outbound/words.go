package outbound

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"syscall"
	"unicode"
	"unicode/utf8"
)

// Class says in one word what stood in the way of an exchange.
type Class string

// The classes.
const (
	Timeout Class = "timeout"
	NoHost  Class = "nohost" // the name does not exist
	DNS     Class = "dns"    // the name could not be looked up
	Refused Class = "refused"
	TLS     Class = "tls"
	Blocked Class = "blocked" // by the address filter
	Reset   Class = "reset"   // the connection ended before the answer
	Other   Class = "other"
)

// WordsLimit is the length of the longest text about a failure or answer, in characters.
const WordsLimit = 300

// Explain returns the class of an error of an exchange and says it in words. The
// words hold no part of the URL but its host, and nothing of what is to be hidden.
func Explain(err error, hide ...string) (Class, string) {
	var wrapped *url.Error
	for errors.As(err, &wrapped) { // its text is the whole URL
		err = wrapped.Err
	}
	class, words := explain(err)
	return class, Clean(words, hide...)
}

func explain(err error) (Class, string) {
	var (
		filtered blocked
		lookup   *net.DNSError
		network  net.Error
	)
	switch {
	case errors.As(err, &filtered):
		return Blocked, filtered.Error()
	case errors.As(err, &lookup) && lookup.IsNotFound:
		return NoHost, "there is no host named " + lookup.Name
	case errors.As(err, &lookup):
		return DNS, "the host name " + lookup.Name + " could not be looked up"
	case isTLS(err):
		return TLS, "no secure connection: " + innermost(err).Error()
	case errors.Is(err, syscall.ECONNREFUSED):
		return Refused, "the connection was refused"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded),
		errors.As(err, &network) && network.Timeout():
		return Timeout, "no answer in time"
	case errors.Is(err, context.Canceled):
		return Timeout, "given up before the answer came"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, io.EOF),
		errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		return Reset, "the connection ended before the answer came"
	}
	return Other, innermost(err).Error()
}

func isTLS(err error) bool {
	var (
		verify  *tls.CertificateVerificationError
		record  tls.RecordHeaderError
		alert   tls.AlertError
		unknown x509.UnknownAuthorityError
		name    x509.HostnameError
		invalid x509.CertificateInvalidError
	)
	return errors.As(err, &verify) || errors.As(err, &record) || errors.As(err, &alert) ||
		errors.As(err, &unknown) || errors.As(err, &name) || errors.As(err, &invalid) ||
		strings.HasPrefix(innermost(err).Error(), "tls: ")
}

// innermost unwraps an error as far as it is one chain.
func innermost(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

// Clean makes a text fit to be kept and shown: printable, on one line, at most
// WordsLimit characters, and without the strings that are to be hidden.
func Clean(text string, hide ...string) string {
	for _, secret := range hide {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "…")
		}
	}
	text = strings.ToValidUTF8(text, "\uFFFD")
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, text)
	text = strings.Join(strings.Fields(text), " ")
	if utf8.RuneCountInString(text) > WordsLimit {
		text = string([]rune(text)[:WordsLimit-1]) + "…"
	}
	return text
}

// shortestSecret is the length from which a part of a URL may be a secret. Words
// as short as "v1" or "hook" are not, and hiding them would garble every text.
const shortestSecret = 6

// Secrets returns the parts of a URL that must not be repeated to anybody, the
// longest first: all but its scheme and host, as written and as decoded.
func Secrets(u *url.URL) []string {
	parts := []string{u.RequestURI(), u.Path, u.EscapedPath(), u.RawQuery, u.Fragment}
	parts = append(parts, strings.Split(u.Path, "/")...)
	parts = append(parts, strings.Split(u.EscapedPath(), "/")...)
	for key, values := range u.Query() {
		parts = append(append(parts, key), values...)
	}
	parts = append(parts, strings.FieldsFunc(u.RawQuery, func(r rune) bool { return r == '&' || r == '=' })...)
	if u.User != nil {
		password, _ := u.User.Password()
		parts = append(parts, u.User.Username(), password)
	}
	parts = slices.DeleteFunc(parts, func(s string) bool { return len(s) < shortestSecret })
	slices.SortFunc(parts, func(a, b string) int { return len(b) - len(a) })
	return slices.Compact(parts)
}
