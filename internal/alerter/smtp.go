package alerter

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/mail"
	"net/url"
	"strconv"
)

// SMTPConfig is the mail server through which e-mail is sent. Its zero value
// stands for none.
type SMTPConfig struct {
	Host     string
	Port     int
	Implicit bool // TLS from the first byte; otherwise STARTTLS when it is offered
	User     string
	Password string
	From     mail.Address
	Roots    *x509.CertPool // that verify its certificate; nil: the system's
}

// The ports that hold without one: submission with STARTTLS, and with TLS.
const (
	submissionPort  = 587
	submissionsPort = 465
)

// ParseSMTP reads smtp[s]://user:pass@host:port?from=address. Its errors do not
// repeat the password.
func ParseSMTP(text string) (SMTPConfig, error) {
	u, err := url.Parse(text)
	if err != nil { // its text may hold a part of the password
		return SMTPConfig{}, errors.New("mail server: the address is not valid; write special characters in the password as %2F and the like")
	}
	c := SMTPConfig{Host: u.Hostname(), Port: submissionPort}
	switch u.Scheme {
	case "smtp":
	case "smtps":
		c.Implicit, c.Port = true, submissionsPort
	default:
		return SMTPConfig{}, errors.New("mail server: the address must begin with smtp:// or smtps://")
	}
	if c.Host == "" {
		return SMTPConfig{}, errors.New("mail server: the address names no host")
	}
	if port := u.Port(); port != "" {
		if c.Port, err = strconv.Atoi(port); err != nil || c.Port < 1 || c.Port > 65535 {
			return SMTPConfig{}, fmt.Errorf("mail server: %q is no port", port)
		}
	}
	if u.Path != "" && u.Path != "/" || u.Fragment != "" {
		return SMTPConfig{}, errors.New("mail server: nothing may follow the host and port but ?from=")
	}
	for key := range u.Query() {
		if key != "from" {
			return SMTPConfig{}, fmt.Errorf("mail server: %q is not known; only from is", key)
		}
	}
	if u.User != nil {
		c.User = u.User.Username()
		c.Password, _ = u.User.Password()
	}
	from := u.Query().Get("from")
	if from == "" {
		return SMTPConfig{}, errors.New("mail server: ?from= is missing; it is the address that mails come from")
	}
	address, err := mail.ParseAddress(from)
	if err != nil {
		return SMTPConfig{}, fmt.Errorf("mail server: from: %q is not an address", from)
	}
	c.From = *address
	if c.From.Name == "" {
		c.From.Name = "Rollcall"
	}
	return c, nil
}
