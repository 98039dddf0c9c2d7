package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"runtime/debug"
	"strconv"
	"strings"

	"rollcall/internal/app"
)

const description = `Rollcall tells you when a scheduled job did not run.

A job reports in at a secret URL. When it does not by its deadline, or reports a failure, the people responsible are told.`

const defaultDatabase = "rollcall-data/rollcall.db"

type commandLine struct {
	Demo        showDemo    `cmd:"" help:"Show it: a server with a sample project, an inbox and a receiver of webhooks."`
	Serve       serve       `cmd:"" help:"Run the server."`
	Migrate     migrate     `cmd:"" help:"Bring the database's schema up to date and end."`
	User        user        `cmd:"" help:"Manage accounts."`
	Healthcheck healthcheck `cmd:"" help:"Ask a running server whether it is ready; the exit status answers."`
	Run         runJob      `cmd:"" help:"Run a job and report how it went."`
	Ping        pingCheck   `cmd:"" help:"Report about a job with one ping."`
	Checks      checks      `cmd:"" help:"Look after checks."`
	Events      events      `cmd:"" help:"Show the pings, flips and deliveries of the project as they happen."`
	Apply       apply       `cmd:"" help:"Bring about the channels and checks that a file describes."`
	Export      export      `cmd:"" help:"Print the project as the file that apply takes."`
	Import      imports     `cmd:"" help:"Make checks of crontabs, timers, and what other services watch."`
	Pair        pair        `cmd:"" help:"Let two installations watch each other."`
	Backup      backup      `cmd:"" help:"Copy a SQLite database, which may be in use, into a file."`
	Restore     restore     `cmd:"" help:"Put a backup in place, or find out whether it could be."`
	Verify      verify      `cmd:"" help:"Look at a whole database for what must not be there."`
	Secrets     secrets     `cmd:"" help:"Look after the keys that seal the secrets in the database."`
	Audit       audit       `cmd:"" help:"Look at the logs of who changed what."`
	Completion  completion  `cmd:"" help:"Print what makes a shell complete the command line."`
	Version     showVersion `cmd:"" help:"Show the version."`
}

// database is the one flag that most commands have.
type database struct {
	Database      string      `env:"ROLLCALL_DATABASE" default:"${database}" placeholder:"ADDRESS" help:"Path of a SQLite file (${default}), or postgres://user:password@host/name."`
	SecretKeyFile app.KeyFile `name:"secret-key-file" env:"ROLLCALL_SECRET_KEY_FILE" placeholder:"FILE" help:"File of the keys that seal the secrets in the database. Without it, the one beside a SQLite file, which is made at the first start; with PostgreSQL, none."`
	DatabaseFile  string      `env:"ROLLCALL_DATABASE_FILE" placeholder:"FILE" help:"Read the database's address from a file, so that it stands in no process list."`
}

func (d database) address() (string, error) { return fromFile(d.Database, d.DatabaseFile) }

// fromFile returns the value, or what stands in the file when one is given.
func fromFile(value, file string) (string, error) {
	if file == "" {
		return value, nil
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	text := strings.TrimSpace(string(raw))
	if text == "" {
		return "", fmt.Errorf("%s is empty", file)
	}
	return text, nil
}

type serve struct {
	Listen         string `env:"ROLLCALL_LISTEN" default:"127.0.0.1:8000" placeholder:"HOST:PORT" help:"Where pages and pings are served (${default}). A socket from systemd takes its place."`
	database       `embed:""`
	BaseURL        string        `env:"ROLLCALL_BASE_URL" placeholder:"URL" help:"How people and jobs reach this server, such as https://rollcall.example.org. Without it, the address it listens on."`
	SMTP           string        `name:"smtp" env:"ROLLCALL_SMTP" placeholder:"URL" help:"Mail server: smtp[s]://user:password@host:port?from=alerts@example.org. Without it no mail is sent."`
	SMTPFile       string        `name:"smtp-file" env:"ROLLCALL_SMTP_FILE" placeholder:"FILE" help:"Read the mail server's URL from a file."`
	Signup         string        `env:"ROLLCALL_SIGNUP" enum:"open,closed" default:"closed" help:"Who may make an account: anybody who can read mail at an address (open), or nobody but you (closed)."`
	MailListen     string        `env:"ROLLCALL_MAIL_LISTEN" placeholder:"HOST:PORT" help:"Where pings by e-mail are taken, by SMTP. Without it, nowhere. A socket named smtp from systemd takes its place."`
	MailDomain     string        `env:"ROLLCALL_MAIL_DOMAIN" placeholder:"DOMAIN" help:"What follows the @ of the addresses of checks. Without it, the host of the base URL."`
	MailTLSCert    string        `name:"mail-tls-cert" env:"ROLLCALL_MAIL_TLS_CERT" placeholder:"FILE" help:"Certificate with which mail is taken encrypted (STARTTLS)."`
	MailTLSKey     string        `name:"mail-tls-key" env:"ROLLCALL_MAIL_TLS_KEY" placeholder:"FILE" help:"Its private key."`
	OIDC           oidc          `embed:"" prefix:"oidc-"`
	HeartbeatURL   string        `name:"heartbeat-url" env:"ROLLCALL_HEARTBEAT_URL" placeholder:"URL" help:"Address, such as that of a check at another Rollcall, that is pinged every 30 seconds as long as this server does its work."`
	HeartbeatFile  string        `name:"heartbeat-url-file" env:"ROLLCALL_HEARTBEAT_URL_FILE" placeholder:"FILE" help:"Read that address from a file."`
	OpsListen      string        `env:"ROLLCALL_OPS_LISTEN" default:"127.0.0.1:8001" placeholder:"HOST:PORT" help:"Where health, metrics and profiles are served, without a password (${default}; empty: nowhere)."`
	EgressAllow    []network     `env:"ROLLCALL_EGRESS_ALLOW" placeholder:"CIDR" help:"Networks that alerts may reach although they are private, separated by commas."`
	TrustedProxies []network     `env:"ROLLCALL_TRUSTED_PROXIES" placeholder:"CIDR" help:"Proxies that may say in X-Forwarded-For who a client is."`
	MaxChecks      limit         `env:"ROLLCALL_MAX_CHECKS" default:"none" placeholder:"N" help:"How many checks an account may have, over all projects it owns, or none for no limit (${default})."`
	MaxMembers     limit         `env:"ROLLCALL_MAX_MEMBERS" default:"none" placeholder:"N" help:"How many members a project may have, or none for no limit (${default})."`
	Roles          []app.Role    `env:"ROLLCALL_ROLES" enum:"web,scheduler,alerter" default:"web,scheduler,alerter" placeholder:"ROLE" help:"What this process does: ${enum}. Several processes can share one PostgreSQL."`
	Provision      string        `env:"ROLLCALL_PROVISION" placeholder:"FILE" help:"YAML file with projects, channels and checks to bring about at the start."`
	LogFormat      app.LogFormat `env:"ROLLCALL_LOG_FORMAT" enum:"text,json" default:"text" help:"How log lines are written: ${enum}."`
	LogLevel       string        `env:"ROLLCALL_LOG_LEVEL" enum:"debug,info,warn,error" default:"info" help:"What is logged: ${enum}."`
}

// Help is shown below the flags.
func (serve) Help() string {
	return `Examples:

  rollcall serve

  rollcall serve --listen :8000 --base-url https://rollcall.example.org --smtp-file /run/secrets/smtp

  ROLLCALL_DATABASE=postgres://rollcall@db/rollcall rollcall serve --provision rollcall.yml --log-format json

Every flag can be given in the environment too. SIGTERM stops the server in good order within 40 seconds; at a second one it lets go of what is under way and ends within seconds, and at a third one at once. None of them loses anything.`
}

// Run implements the command.
func (s serve) Run(ctx context.Context, streams streams) error {
	database, err := s.address()
	if err != nil {
		return err
	}
	smtp, err := fromFile(s.SMTP, s.SMTPFile)
	if err != nil {
		return err
	}
	heartbeat, err := fromFile(s.HeartbeatURL, s.HeartbeatFile)
	if err != nil {
		return err
	}
	sso, err := s.OIDC.provider()
	if err != nil {
		return err
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(s.LogLevel)); err != nil {
		return err
	}
	sockets, err := app.TakeSockets()
	if err != nil {
		return err
	}
	a, err := app.Open(ctx, app.Config{
		Sockets: sockets,
		Listen:  s.Listen, OpsListen: s.OpsListen, Database: database, KeyFile: s.SecretKeyFile, BaseURL: s.BaseURL, SMTP: smtp, SignupOpen: s.Signup == "open",
		MailListen: s.MailListen, MailDomain: s.MailDomain, MailCert: s.MailTLSCert, MailKey: s.MailTLSKey,
		OIDC: sso, HeartbeatURL: heartbeat,
		EgressAllow: prefixes(s.EgressAllow), TrustedProxies: prefixes(s.TrustedProxies), Roles: s.Roles, Provision: s.Provision,
		MaxChecks: s.MaxChecks.n, MaxMembers: s.MaxMembers.n, Hurry: stoppedAgain(),
		Version: programVersion(), Log: app.NewLogger(streams.err, s.LogFormat, level), Out: streams.out,
	})
	if err != nil {
		return err
	}
	return a.Run(ctx)
}

// oidc says by which provider people can log in.
type oidc struct {
	Issuer           string `env:"ROLLCALL_OIDC_ISSUER" placeholder:"URL" help:"Provider of single sign-on (OpenID Connect) by which people can log in, such as https://id.example.org."`
	ClientID         string `env:"ROLLCALL_OIDC_CLIENT_ID" placeholder:"ID" help:"What the provider calls this server. Its redirect address is /login/sso/callback below the base URL."`
	ClientSecretFile string `env:"ROLLCALL_OIDC_CLIENT_SECRET_FILE" placeholder:"FILE" help:"Read the secret that the provider shares with this server from a file. Without it, there is none."`
	Name             string `env:"ROLLCALL_OIDC_NAME" default:"single sign-on" placeholder:"NAME" help:"What the button calls the provider: Continue with … (${default})."`
	Signup           bool   `env:"ROLLCALL_OIDC_SIGNUP" help:"Make an account for whoever the provider knows by a verified address."`
}

func (o oidc) provider() (app.OIDC, error) {
	secret, err := fromFile("", o.ClientSecretFile)
	return app.OIDC{Issuer: o.Issuer, ClientID: o.ClientID, ClientSecret: secret, Name: o.Name, SignUp: o.Signup}, err
}

// network is a range of addresses, or one.
type network netip.Prefix

// UnmarshalText implements encoding.TextUnmarshaler.
func (n *network) UnmarshalText(text []byte) error {
	prefix, err := netip.ParsePrefix(string(text))
	if addr, single := netip.ParseAddr(string(text)); single == nil {
		prefix, err = netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	if err != nil {
		return fmt.Errorf("%q is no network, such as 10.0.0.0/8, and no address", text)
	}
	*n = network(prefix)
	return nil
}

// limit is a number of things that there may be at most, or "none".
type limit struct{ n *int }

// UnmarshalText implements encoding.TextUnmarshaler.
func (l *limit) UnmarshalText(text []byte) error {
	if string(text) == "none" {
		l.n = nil
		return nil
	}
	n, err := strconv.Atoi(string(text))
	if err != nil || n < 1 {
		return fmt.Errorf("%q is no limit; give a number from 1, or none", text)
	}
	l.n = &n
	return nil
}

func prefixes(networks []network) []netip.Prefix {
	list := make([]netip.Prefix, len(networks))
	for i, n := range networks {
		list[i] = netip.Prefix(n)
	}
	return list
}

type migrate struct {
	database `embed:""`
}

// Run implements the command.
func (m migrate) Run(ctx context.Context, streams streams) error {
	database, err := m.address()
	if err != nil {
		return err
	}
	if err := app.Migrate(ctx, database, m.SecretKeyFile); err != nil {
		return err
	}
	fmt.Fprintln(streams.out, "The database is up to date.")
	return nil
}

type user struct {
	Add      userAdd      `cmd:"" help:"Make an account with a project and its keys. The password is read from standard input."`
	Password userPassword `cmd:"" help:"Give an account a new password, read from standard input."`
}

const oneProcess = "A SQLite file belongs to the server while it runs: stop it first. With PostgreSQL the server may run."

type userAdd struct {
	Email    string `arg:"" help:"Address of the person."`
	Project  string `required:"" placeholder:"NAME" help:"Name of their project."`
	JSON     bool   `name:"json" help:"Print the account and its keys as JSON."`
	database `embed:""`
}

// Help is shown below the flags.
func (userAdd) Help() string {
	return `The keys are printed once and cannot be read again.

Example:

  rollcall user add ops@example.org --project Main --json < password.txt

` + oneProcess
}

// Run implements the command.
func (u userAdd) Run(ctx context.Context, streams streams) error {
	database, err := u.address()
	if err != nil {
		return err
	}
	password, err := readPassword(streams.in)
	if err != nil {
		return err
	}
	made, err := app.AddUser(ctx, database, u.SecretKeyFile, app.NewAccount{Email: u.Email, Password: password, Project: u.Project})
	if err != nil {
		return err
	}
	if u.JSON {
		return json.NewEncoder(streams.out).Encode(accountJSON{
			User:    userJSON{made.User.Email},
			Project: projectJSON{strconv.FormatInt(int64(made.Project.ID), 10), made.Project.Name},
			PingKey: made.Project.PingKey, APIKey: made.APIKey, ReadOnlyKey: made.ReadOnlyKey,
		})
	}
	fmt.Fprintf(streams.out, "%s can log in and owns the project %s.\n\n  ping key            %s\n  API key             %s\n  API key, read-only  %s\n\nKeep the keys now: they are not shown again.\n",
		made.User.Email, made.Project.Name, made.Project.PingKey, made.APIKey, made.ReadOnlyKey)
	return nil
}

// accountJSON is what user add --json prints. The id of a project is text, so
// that it can stay opaque.
type accountJSON struct {
	User        userJSON    `json:"user"`
	Project     projectJSON `json:"project"`
	PingKey     string      `json:"ping_key"`
	APIKey      string      `json:"api_key"`
	ReadOnlyKey string      `json:"api_key_readonly"`
}

type userJSON struct {
	Email string `json:"email"`
}

type projectJSON struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

type userPassword struct {
	Email    string `arg:"" help:"Address of the person."`
	database `embed:""`
}

// Help is shown below the flags.
func (userPassword) Help() string {
	return `Example:

  rollcall user password ops@example.org < password.txt

` + oneProcess
}

// Run implements the command.
func (u userPassword) Run(ctx context.Context, streams streams) error {
	database, err := u.address()
	if err != nil {
		return err
	}
	password, err := readPassword(streams.in)
	if err != nil {
		return err
	}
	if err := app.SetPassword(ctx, database, u.SecretKeyFile, u.Email, password); err != nil {
		return err
	}
	fmt.Fprintf(streams.out, "%s has a new password.\n", u.Email)
	return nil
}

// readPassword reads the first line of standard input.
func readPassword(in io.Reader) (string, error) {
	line, err := bufio.NewReader(in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read the password: %w", err)
	}
	if line = strings.TrimRight(line, "\r\n"); line == "" {
		return "", errors.New("the password is read from standard input, and there was none")
	}
	return line, nil
}

type healthcheck struct {
	OpsListen string `env:"ROLLCALL_OPS_LISTEN" default:"127.0.0.1:8001" placeholder:"HOST:PORT" help:"Where the server serves its health (${default}; empty: ask the pages)."`
	Listen    string `env:"ROLLCALL_LISTEN" default:"127.0.0.1:8000" placeholder:"HOST:PORT" help:"Where the server serves its pages (${default})."`
}

// Run implements the command.
func (h healthcheck) Run(ctx context.Context, streams streams) error {
	if err := app.Healthcheck(ctx, h.OpsListen, h.Listen); err != nil {
		return err
	}
	fmt.Fprintln(streams.out, "ready")
	return nil
}

type showVersion struct{}

// Run implements the command.
func (showVersion) Run(streams streams) error {
	fmt.Fprintln(streams.out, "rollcall", programVersion())
	return nil
}

// version is set by the linker when a release is built.
var version string

// programVersion is the released version, or what the build knows of its commit.
func programVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, setting := range info.Settings {
			if setting.Key == "vcs.revision" {
				return "dev-" + setting.Value[:min(12, len(setting.Value))]
			}
		}
	}
	return "dev"
}
