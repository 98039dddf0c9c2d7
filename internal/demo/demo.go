// Package demo shows the product to somebody who has just found it: the real server
// on a temporary database, with a sample project whose jobs really report, and with
// what is otherwise an account elsewhere: a mail catcher and a receiver of webhooks.
//
// It owns the sample project and how its jobs live, what is kept of mails and
// webhooks (the newest of each), and the words for the person who started it. It
// refuses to listen beyond this machine, and leaves nothing behind. The pages that
// show what was caught are web's; a production server has none of this.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"rollcall/internal/app"
	"rollcall/internal/client"
	"rollcall/internal/mailcatch"
	"rollcall/internal/monitor"
	"rollcall/templates"
)

// Config says how a demo runs.
type Config struct {
	Listen  string // on this machine; port 0 takes any
	Version string
	Log     *slog.Logger
	Out     io.Writer // what the person who started it reads
	Now     func() time.Time
}

// Run shows the product until ctx ends, and removes what it has made.
func Run(ctx context.Context, c Config) (err error) {
	if err := onThisMachine(c.Listen); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "rollcall-demo-")
	if err != nil {
		return err
	}
	defer func() {
		if ctx.Err() != nil && errors.Is(err, context.Canceled) {
			err = nil // it was told to end before it had quite begun
		}
		err = errors.Join(err, os.RemoveAll(dir))
	}()
	d := &demo{Config: c, began: c.Now(), database: filepath.Join(dir, "rollcall.db"), password: newPassword()}
	defer d.close()
	if err := d.prepare(ctx); err != nil {
		return err
	}
	d.welcome()
	return d.run(ctx)
}

// onThisMachine refuses an address that others reach: the demo tells its password to
// whoever looks at its first page.
func onThisMachine(listen string) error {
	host, _, err := net.SplitHostPort(listen)
	if addr, wrong := netip.ParseAddr(host); err == nil && (host == "localhost" || wrong == nil && addr.IsLoopback()) {
		return nil
	}
	return fmt.Errorf("the demo is for this machine alone: --listen takes 127.0.0.1:PORT, not %q", listen)
}

// demo is one that runs.
type demo struct {
	Config
	began    time.Time
	database string
	password string
	told     *printer
	mails    shelf[templates.CaughtMail]
	receiver *receiver
	sown     seeded
	app      *app.App
	mail     net.Listener // of the mail catcher
	hooks    net.Listener // of the receiver
}

// prepare makes everything ready to run: what is around the server, its database,
// the server itself.
func (d *demo) prepare(ctx context.Context) (err error) {
	secret := newSecret()
	if d.receiver, err = newReceiver(secret, d.Now); err != nil {
		return err
	}
	d.told = &printer{out: d.Out, now: d.Now}
	d.mails.heard, d.receiver.hooks.heard = d.told.mail, d.told.hook
	for _, listener := range []*net.Listener{&d.mail, &d.hooks} {
		if *listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return err
		}
	}
	d.sown, err = seed(ctx, d.database, d.password, []monitor.Channel{
		{Name: "Ana", Kind: monitor.Email, Settings: monitor.Settings{Address: email}},
		{Name: "Receiver", Kind: monitor.Webhook, Settings: monitor.Settings{URL: d.receiverURL(), Secret: secret}},
	}, d.began)
	if err != nil {
		return fmt.Errorf("make the sample project: %w", err)
	}
	hooks, err := netip.ParseAddrPort(d.hooks.Addr().String())
	if err != nil {
		return err
	}
	d.app, err = app.Open(ctx, app.Config{
		Listen: d.Listen, Database: d.database, SMTP: "smtp://" + d.mail.Addr().String() + "?from=" + sender,
		EgressExact: []netip.AddrPort{hooks}, Demo: d,
		Version: d.Version, Log: d.Log, Out: io.Discard,
	})
	return err
}

func (d *demo) receiverURL() string { return "http://" + d.hooks.Addr().String() + "/rollcall" }

// close ends what run has not ended, because it never came to it.
func (d *demo) close() {
	for _, listener := range []net.Listener{d.mail, d.hooks} {
		if listener != nil {
			_ = listener.Close()
		}
	}
}

// run lets everything work. The server ends first: until then somebody takes what
// it has to tell.
func (d *demo) run(ctx context.Context) error {
	jobs, err := d.jobs()
	if err != nil {
		return err
	}
	inside, ctx := errgroup.WithContext(ctx)
	aroundCtx, end := context.WithCancel(context.WithoutCancel(ctx))
	around, aroundCtx := errgroup.WithContext(aroundCtx)
	around.Go(func() error { return mailcatch.Serve(aroundCtx, d.mail, "inbox.test", d.keep) })
	around.Go(func() error { return serve(aroundCtx, d.receiver.server(), d.hooks) })

	inside.Go(func() error { return d.app.Run(ctx) })
	inside.Go(func() error { // what is around is not to be missed
		select {
		case <-ctx.Done():
			return nil
		case <-aroundCtx.Done():
			return context.Cause(aroundCtx)
		}
	})
	for _, j := range jobs {
		inside.Go(func() error { return j.run(ctx) })
	}
	err = inside.Wait()
	end()
	return errors.Join(err, around.Wait())
}

// jobs are those that go on, as clients of the server.
func (d *demo) jobs() ([]job, error) {
	pinger := &client.Pinger{UserAgent: "rollcall-demo/" + d.Version, Now: d.Now}
	var jobs []job
	for i, h := range d.sown.jobs {
		if h.idle {
			continue
		}
		to, err := client.ParseAddress(d.pingURL(d.sown.checks[i]), "", "")
		if err != nil {
			return nil, err
		}
		jobs = append(jobs, job{habit: h, began: d.began, due: d.sown.checks[i].Due, pinger: pinger, to: to, log: d.Log})
	}
	return jobs, nil
}

// serve serves until ctx ends.
func serve(ctx context.Context, server *http.Server, l net.Listener) error {
	unwatch := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer unwatch()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// keep puts a mail into the inbox.
func (d *demo) keep(m mailcatch.Message) {
	var head strings.Builder
	for fields := m.Header.Fields(); fields.Next(); {
		text, err := fields.Text()
		if err != nil {
			text = fields.Value()
		}
		head.WriteString(fields.Key() + ": " + text + "\n")
	}
	at := d.Now()
	d.mails.put(func(n int, _ []templates.CaughtMail) templates.CaughtMail {
		return templates.CaughtMail{
			N: n, At: at, To: strings.Join(m.To, ", "), Subject: m.Subject(), Head: head.String(), Text: m.Text, HTML: m.HTML,
		}
	})
}

func (d *demo) pingURL(c monitor.Check) string { return d.app.BaseURL() + "/ping/" + c.UUID.String() }

// Tour implements web.Demo.
func (d *demo) Tour() templates.Tour {
	watched := d.sown.watched()
	return templates.Tour{
		Email: email, Password: d.password, Checks: len(d.sown.checks), Check: watched.ID, Name: watched.Name,
		Ping: d.pingURL(watched), Keeps: Kept,
	}
}

// Mails implements web.Demo.
func (d *demo) Mails() []templates.CaughtMail { return d.mails.newest() }

// Hooks implements web.Demo.
func (d *demo) Hooks() []templates.CaughtHook { return d.receiver.hooks.newest() }

// Refuse implements web.Demo.
func (d *demo) Refuse(on bool) { d.receiver.refusing.Store(on) }

// Refusing implements web.Demo.
func (d *demo) Refusing() bool { return d.receiver.refusing.Load() }

// find returns the habit of a name.
func (s seeded) find(name string) habit {
	return s.jobs[slices.IndexFunc(s.jobs, func(h habit) bool { return h.Name == name })]
}
