// Package app is one running Rollcall: it opens the store, wires the workers to
// it, and starts and stops them in the order that loses nothing.
//
// It owns the configuration, the clock (the only one in the program), the
// listeners, health, metrics and logs. It decides nothing about checks, and it is
// the only package that knows which engine is used.
package app

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"rollcall/internal/account"
	"rollcall/internal/alerter"
	"rollcall/internal/ingest"
	"rollcall/internal/mailbox"
	"rollcall/internal/monitor"
	"rollcall/internal/outbound"
	"rollcall/internal/provision"
	"rollcall/internal/scheduler"
	"rollcall/internal/store"
	"rollcall/internal/store/postgres"
	"rollcall/internal/store/sqlite"
	"rollcall/internal/vitals"
	"rollcall/web"
)

// App is a process of Rollcall. Make one with Open, use it with Run.
type App struct {
	config  Config
	base    *url.URL
	store   store.Store
	health  *health
	loops   *loops
	metrics *metrics

	// The parts that the roles of this process do not need are nil.
	public    *server
	private   *server
	ingest    *ingest.Ingest
	scheduler *scheduler.Scheduler
	alerter   *alerter.Alerter
	postman   *alerter.Postman
	clerk     *alerter.Clerk
	lookout   *alerter.Lookout
	mail      net.Listener
	mailbox   *mailbox.Mailbox
	keyUses   *web.KeyUses
	live      *web.Live
	vitals    *vitals.Vitals
}

// now is the clock of the whole program.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// Open makes everything ready: the store is open, the provision file is in force,
// and the ports are bound, so that a client that comes before Run waits instead of
// being refused. What is wrong with the configuration is found before anything is
// written.
func Open(ctx context.Context, c Config) (*App, error) {
	mail, err := c.smtp()
	if err != nil {
		return nil, err
	}
	if _, err := c.baseURL(c.Listen); err != nil {
		return nil, err
	}
	if err := c.checkSockets(); err != nil {
		return nil, err
	}
	if err := c.checkMail(); err != nil {
		return nil, err
	}
	if err := c.checkSignup(); err != nil {
		return nil, err
	}
	if err := c.OIDC.check(); err != nil {
		return nil, err
	}
	if _, err := c.heartbeat(); err != nil {
		return nil, err
	}
	var described provision.Document
	if c.Provision != "" {
		if described, err = provision.Load(c.Provision); err != nil {
			return nil, err
		}
	}
	st, err := OpenStore(ctx, c.Database, c.KeyFile)
	if err != nil {
		return nil, err
	}
	a := &App{config: c, store: st, health: &health{ask: st.Ready, now: now}, loops: &loops{now: now}}
	if err := a.prepare(ctx, mail, described); err != nil {
		a.closeListeners()
		return nil, errors.Join(err, st.Close())
	}
	return a, nil
}

// OpenStore opens the database by its address, brings its schema up to date, and lets
// it seal its secrets.
func OpenStore(ctx context.Context, database string, keys KeyFile) (store.Store, error) {
	st, err := openEngine(ctx, database)
	if err != nil {
		return nil, err
	}
	if err = unlock(ctx, st, database, keys); errors.Is(err, errNoKeys) {
		err = makeKeys(st, keys.of(database))
	}
	if err != nil {
		return nil, errors.Join(err, st.Close())
	}
	return st, nil
}

func openEngine(ctx context.Context, database string) (store.Store, error) {
	if manyNodes(database) {
		return opened(postgres.Open(ctx, database))
	}
	if strings.Contains(database, "://") {
		return nil, errors.New("--database must be a path, or an address that begins with postgres://")
	}
	return opened(sqlite.Open(ctx, database))
}

// opened keeps an engine that is nil from becoming a store.Store that is not.
func opened[Engine store.Store](st Engine, err error) (store.Store, error) {
	if err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	return st, nil
}

func (a *App) prepare(ctx context.Context, mail alerter.SMTPConfig, described provision.Document) error {
	if err := a.bind(); err != nil {
		return err
	}
	a.store.Bound(store.Limits{Checks: a.config.MaxChecks, Members: a.config.MaxMembers})
	file := account.Actor{Kind: account.ByFile, Name: filepath.Base(a.config.Provision), At: now()}
	changed, err := described.Apply(store.By(ctx, file), a.store, now())
	if err != nil {
		return err
	}
	if a.config.Provision != "" {
		a.config.Log.Info("provision file in force", "file", a.config.Provision, "created", changed.Created, "edited", changed.Edited)
	}
	for _, owner := range changed.Owners {
		a.config.Log.Warn("account made without a password; rollcall user password sets one", "email", owner)
	}
	return a.wire(mail)
}

// manyNodes reports whether other processes may work on the same database.
func manyNodes(database string) bool {
	return strings.HasPrefix(database, "postgres://") || strings.HasPrefix(database, "postgresql://")
}

// What a database of many nodes asks for.
const (
	settle    = 250 * time.Millisecond // for a node that has just started
	writers   = 2                      // batches at a time: one commits while the other is written
	markEvery = 2 * time.Second        // other nodes' schedulers judge no further than a mark
)

// bind takes the ports, except where it was given a socket.
func (a *App) bind() error {
	c := a.config
	address := c.Listen
	if c.Has(RoleWeb) {
		l, err := listen(c.Sockets.HTTP, "--listen", c.Listen)
		if err != nil {
			return err
		}
		a.public = newServer(l, writeLimit, c.Log)
		address = l.Addr().String()
	}
	if c.OpsListen != "" {
		l, err := listen(nil, "--ops-listen", c.OpsListen)
		if err != nil {
			return err
		}
		a.private = newServer(l, opsWriteLimit, c.Log)
	}
	if c.takesMail() {
		l, err := listen(c.Sockets.SMTP, "--mail-listen", c.MailListen)
		if err != nil {
			return err
		}
		a.mail = l
	}
	var err error
	a.base, err = c.baseURL(address)
	return err
}

// wire makes the parts that the roles need and joins them.
func (a *App) wire(mail alerter.SMTPConfig) error {
	c, kick := a.config, func() {}
	var changed func(monitor.ProjectID) // nobody looks at pages where there are none
	if c.Has(RoleWeb) {
		a.live = web.NewLive(a.store, now)
		changed = a.live.Changed
	}
	a.metrics = newMetrics(c.Version, parts{a})
	out := outbound.New(outbound.Config{Allow: c.EgressAllow, AllowExact: c.EgressExact})
	if c.Has(RoleAlerter) {
		a.alerter = &alerter.Alerter{
			Store: a.store, Pings: a.store, Now: a.loops.clock("alerter", loopLimit), Delivered: a.metrics.delivered, Log: c.Log, BaseURL: a.base.String(), Changed: changed,
			Senders: map[monitor.ChannelKind]alerter.Sender{
				monitor.Email:   alerter.Email(mail, out.DialRelay),
				monitor.Webhook: alerter.Webhook(out.Client(), c.Version),
			},
		}
		a.postman = &alerter.Postman{
			Store: a.store, Server: mail, Dial: out.DialRelay, Now: a.loops.clock("postman", longLoop), Log: c.Log, BaseURL: a.base.String(),
			Writers: a.writers(),
		}
		a.clerk = &alerter.Clerk{Store: a.store, Now: now, Log: c.Log, Kick: a.postman.Kick}
		a.lookout = &alerter.Lookout{Store: a.store, Now: a.loops.clock("lookout", longLoop), Log: c.Log, Kick: a.postman.Kick}
		kick = func() { a.alerter.Kick(); a.postman.Kick() }
	}
	if c.Has(RoleWeb) {
		options := ingest.Options{Now: now, Log: c.Log, Flipped: kick, Changed: changed, Node: a.node()}
		if manyNodes(c.Database) {
			options.Writers, options.MarkEvery = writers, markEvery
		}
		a.ingest = ingest.New(a.store, options)
	}
	judgedUpTo := func() time.Time { return time.Time{} }
	if c.Has(RoleScheduler) {
		a.scheduler = &scheduler.Scheduler{Store: a.store, Now: a.loops.clock("scheduler", loopLimit), Flipped: kick, Changed: changed, Node: a.node(), Log: c.Log}
		if a.ingest != nil {
			a.scheduler.Evidence = a.ingest.Evidence
		}
		if manyNodes(c.Database) {
			a.scheduler.Settle = settle
		}
		judgedUpTo = a.scheduler.JudgedUpTo
	}
	if err := a.watch(mail, out); err != nil {
		return err
	}
	if a.private != nil {
		a.private.Handler = a.ops()
	}
	if a.public == nil {
		return nil
	}
	if err := a.takeMail(); err != nil {
		return err
	}
	a.keyUses = &web.KeyUses{Store: a.store, Log: c.Log}
	handler, err := web.New(web.Config{
		Store: a.store, KeyUses: a.keyUses, SSO: c.sso(),
		Pings:   web.NewPings(web.PingConfig{Ingest: a.ingest, Directory: a.store, Trusted: c.TrustedProxies, Now: now, KeyUses: a.keyUses}),
		BaseURL: a.base, Now: now, Log: c.Log, Version: c.Version, TrustedProxies: c.TrustedProxies,
		Kick: kick, Live: a.live, Delayed: func() time.Time { return a.vitals.Report().Delayed }, JudgedUpTo: judgedUpTo, MailDomain: a.offeredMailDomain(), MailConfigured: c.SMTP != "",
		SignupOpen: c.SignupOpen, Observe: a.metrics.observe, Demo: c.Demo,
	})
	a.public.Handler = handler
	return err
}

// writers puts letters of each kind into words.
func (a *App) writers() map[account.LetterKind]alerter.Writer {
	all := map[account.LetterKind]alerter.Writer{
		account.LetterInvitation: alerter.InvitationLetter(a.store, a.base.String()),
		account.UntoldLetter:     alerter.UntoldLetter(a.base.String()),
		account.FailsLetter:      alerter.FailsLetter(a.base.String()),
		account.FactorsChanged:   alerter.FactorsLetter(a.base.String()),
		account.ReportLetter:     alerter.ReportWriter(a.store, a.base.String()),
		account.ReminderLetter:   alerter.ReminderWriter(a.store, a.base.String()),
	}
	maps.Copy(all, alerter.AccountLetters(a.store, a.base.String()))
	return all
}

// node names this process in the coverage ledger: the one that listens there after it
// is the same node.
func (a *App) node() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return host + " " + a.Addr()
}

// Addr is where pages and pings are served; "" without that role.
func (a *App) Addr() string { return a.public.addr() }

// OpsAddr is where health and metrics are served; "" when they are not.
func (a *App) OpsAddr() string { return a.private.addr() }

// BaseURL is how people and jobs reach this server.
func (a *App) BaseURL() string { return a.base.String() }

func (a *App) closeListeners() {
	for _, s := range []*server{a.public, a.private} {
		if s != nil {
			_ = s.listener.Close()
		}
	}
	if a.mail != nil {
		_ = a.mail.Close()
	}
}
