package app

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"rollcall/internal/alerter"
	"rollcall/web"
)

// Config says how a process runs.
type Config struct {
	Listen    string  // address of the pages and pings; port 0 takes any
	OpsListen string  // address of health, metrics and profiles; "" serves none
	Database  string  // a path of SQLite, or postgres://…
	KeyFile   KeyFile // of the keys that seal the secrets in the database
	BaseURL   string  // how people and jobs reach this server; "" is where it listens
	SMTP      string  // smtp[s]://user:pass@host:port?from=…; "" sends no mail

	SignupOpen bool // anybody can make an account who can read mail at its address

	MailListen        string // address at which pings by e-mail are taken; "" takes none
	MailDomain        string // what follows the @ of their addresses; "" is the host of BaseURL
	MailCert, MailKey string // files of the certificate for STARTTLS; "" offers none

	HeartbeatURL string // what expects a ping as long as this process does its work; "" is nothing

	OIDC OIDC // the provider of single sign-on

	EgressAllow    []netip.Prefix   // that alerts may reach although private
	EgressExact    []netip.AddrPort // that alerts may reach although private, each on its one port
	TrustedProxies []netip.Prefix   // whose X-Forwarded-For counts

	MaxChecks  *int // of an account; nil is no limit
	MaxMembers *int // of a project; nil is no limit

	Sockets Sockets // that take the place of addresses to listen on

	Roles     []Role // what this process does; none means all
	Provision string // file with the state to bring about; "" is none

	Demo web.Demo // what a demonstration shows beside the product; nil on every other server

	Hurry <-chan struct{} // closed when a stop is to be a quick one; nil never is

	Version string
	Log     *slog.Logger
	Out     io.Writer // the few lines for the person who started it
}

// Role is a part of the work that a process can do alone.
type Role string

// The roles.
const (
	RoleWeb       Role = "web"       // pages and pings
	RoleScheduler Role = "scheduler" // notices silence
	RoleAlerter   Role = "alerter"   // tells people
)

// Has reports whether the process has a role.
func (c Config) Has(role Role) bool {
	return len(c.Roles) == 0 || slices.Contains(c.Roles, role)
}

// smtp reads the mail server; the zero value stands for none.
func (c Config) smtp() (alerter.SMTPConfig, error) {
	if c.SMTP == "" {
		return alerter.SMTPConfig{}, nil
	}
	return alerter.ParseSMTP(c.SMTP)
}

// checkSignup refuses a sign-up that nobody could finish.
func (c Config) checkSignup() error {
	if c.SignupOpen && c.SMTP == "" {
		return errors.New("--signup open mails a link to whoever signs up; give --smtp as well")
	}
	return nil
}

// baseURL reads the base address, or makes it from where the process listens.
func (c Config) baseURL(listening string) (*url.URL, error) {
	if c.BaseURL == "" {
		return &url.URL{Scheme: "http", Host: reachable(listening)}, nil
	}
	u, err := url.Parse(c.BaseURL)
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "":
		return nil, errors.New("--base-url must be an address such as https://rollcall.example.org")
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		return nil, errors.New("--base-url must end after the host and port")
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host}, nil
}

// reachable replaces an address that stands for all interfaces, which no browser
// can open, by the machine itself.
func reachable(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return net.JoinHostPort(host, port)
}

// cause is the innermost error, for words to the person who starts the process.
func cause(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}
