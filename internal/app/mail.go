package app

import (
	"crypto/tls"
	"errors"
	"strings"

	"rollcall/internal/mailbox"
)

// takesMail reports whether pings by e-mail are taken.
func (c Config) takesMail() bool { return c.MailListen != "" || c.Sockets.SMTP != nil }

// checkMail finds what is wrong with the configuration of pings by e-mail.
func (c Config) checkMail() error {
	switch {
	case !c.takesMail() && (c.MailDomain != "" || c.MailCert != "" || c.MailKey != ""):
		return errors.New("--mail-domain, --mail-tls-cert and --mail-tls-key say how mail is taken; give --mail-listen as well")
	case !c.takesMail():
		return nil
	case !c.Has(RoleWeb):
		return errors.New("--mail-listen takes pings, which is work of the role web; add it to --roles")
	case strings.ContainsAny(c.MailDomain, "@<> /:"):
		return errors.New("--mail-domain must be a domain such as ping.example.org")
	}
	_, err := c.mailTLS()
	return err
}

// mailTLS is what STARTTLS needs; nil offers none.
func (c Config) mailTLS() (*tls.Config, error) {
	if c.MailCert == "" && c.MailKey == "" {
		return nil, nil
	}
	if c.MailCert == "" || c.MailKey == "" {
		return nil, errors.New("--mail-tls-cert and --mail-tls-key belong together; give both")
	}
	return mailbox.Certificate(c.MailCert, c.MailKey)
}

// takeMail makes the mailbox.
func (a *App) takeMail() error {
	if a.mail == nil {
		return nil
	}
	secure, err := a.config.mailTLS()
	if err != nil {
		return err
	}
	a.mailbox = mailbox.New(mailbox.Config{
		Domain: a.mailDomain(), Ingest: a.ingest, Archive: a.store, Now: now, Log: a.config.Log, TLS: secure,
	})
	return nil
}

// MailAddr is where pings by e-mail are taken; "" when they are not.
func (a *App) MailAddr() string {
	if a.mail == nil {
		return ""
	}
	return a.mail.Addr().String()
}

// mailDomain is what follows the @ of the addresses of checks.
func (a *App) mailDomain() string {
	if a.config.MailDomain != "" {
		return a.config.MailDomain
	}
	return a.base.Hostname()
}

// offeredMailDomain is the domain that pages tell; "" when this process takes no mail.
func (a *App) offeredMailDomain() string {
	if !a.config.takesMail() {
		return ""
	}
	return a.mailDomain()
}
