package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sync/errgroup"

	"rollcall/internal/failpoint"
	"rollcall/web"
)

// How long a stop takes at most, and how long a load balancer is given to notice
// it before connections are refused.
const (
	stopLimit  = 40 * time.Second
	stopNotice = 3 * time.Second
	quietLimit = 20 * time.Second // for who judges and who sends, before the way in is closed
	leaveLimit = 2 * time.Second  // for the last coverage mark
	closeLimit = 5 * time.Second  // of the database, when all else has ended
)

var (
	errStop  = errors.New("not everything ended within the time for a stop; what was accepted is stored, and what was not confirmed as sent is sent again")
	errHurry = errors.New("told a second time to stop: what was under way is cut off; what was accepted is stored, and what was not confirmed as sent is sent again")
)

// worker is a part of the process that works until it is told to stop. The zero value
// stands for one that this process does not have.
type worker struct {
	stop context.CancelFunc
	done chan struct{}
}

// start lets work run in the group until the worker is stopped. It does not end
// with ctx: the order in which the parts stop is Run's.
func start(ctx context.Context, group *errgroup.Group, name string, work func(context.Context) error) worker {
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	group.Go(func() error {
		defer close(done)
		if err := work(ctx); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	})
	return worker{stop, done}
}

// end stops the worker and waits until it has ended, or for the end of limit.
func (w worker) end(limit context.Context) {
	tell(w)
	await(limit, w)
}

// tell tells workers to end, all at once.
func tell(all ...worker) {
	for _, w := range all {
		if w.stop != nil {
			w.stop()
		}
	}
}

// await waits until all have ended, or for the end of limit.
func await(limit context.Context, all ...worker) {
	for _, w := range all {
		if w.done == nil {
			continue
		}
		select {
		case <-w.done:
		case <-limit.Done():
			return
		}
	}
}

// workers are the parts of a running process.
type workers struct {
	public, live, private, mail, ingest, scheduler, alerter, postman, clerk, lookout, trimmer, keyUses, vitals, sealer, supervisor worker
}

// gcPercent lets the heap, of which a few megabytes are in use, grow further than
// usual before it is swept: pings leave nothing behind that lives long. The bench
// shows what it buys and what it costs in memory. GOGC overrides it.
const gcPercent = 200

// Run works until ctx ends or a part of the process fails, and then stops in good
// order: nothing that was accepted is lost, nothing that is being sent is cut off.
func (a *App) Run(ctx context.Context) error {
	if err := a.greet(ctx); err != nil {
		a.closeListeners()
		return errors.Join(err, a.store.Close())
	}
	group, failed := errgroup.WithContext(context.WithoutCancel(ctx))
	w := a.start(ctx, group)
	debug.FreeOSMemory() // what only the start needed, such as migrations
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	select {
	case <-ctx.Done():
	case <-failed.Done():
	}
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopLimit)
	defer cancel()
	patience := a.patience(limit)
	a.stop(patience, w)
	switch {
	case limit.Err() != nil:
		return errStop
	case patience.Err() != nil:
		return errors.Join(errHurry, a.hurry(limit, w))
	}
	failpoint.Here("stop.before_close")
	err := errors.Join(group.Wait(), a.close(limit))
	a.config.Log.Info("stopped")
	return err
}

// patience returns a context that ends with limit, or when somebody wants the stop to
// be a quick one.
func (a *App) patience(limit context.Context) context.Context {
	patience, hurry := context.WithCancel(limit)
	start(limit, &errgroup.Group{}, "patience", func(context.Context) error {
		defer hurry()
		select {
		case <-a.config.Hurry:
		case <-limit.Done():
		}
		return nil
	})
	return patience
}

// hurry gives back what is being sent, so that another process need not wait for its
// leases to run out, and closes the database. Every part has been told to end.
func (a *App) hurry(limit context.Context, w workers) error {
	limit, cancel := context.WithTimeout(limit, closeLimit)
	defer cancel()
	if a.alerter != nil {
		a.alerter.Hurry()
	}
	w.alerter.end(limit)
	w.ingest.end(limit)
	return a.close(limit)
}

// close closes the database. One that stands still can keep its connections from being
// closed for ever.
func (a *App) close(limit context.Context) error {
	var last errgroup.Group
	closing, cancel := context.WithTimeout(limit, closeLimit)
	defer cancel()
	start(limit, &last, "close the database", func(context.Context) error { return a.store.Close() }).end(closing)
	if closing.Err() != nil {
		return errStop
	}
	return last.Wait()
}

func (a *App) start(ctx context.Context, group *errgroup.Group) workers {
	var w workers
	if a.ingest != nil {
		w.ingest = start(ctx, group, "ingest", a.ingest.Run)
	}
	if a.scheduler != nil {
		w.scheduler = start(ctx, group, "scheduler", a.judge)
		w.trimmer = start(ctx, group, "trimmer", a.trim)
	}
	if a.alerter != nil {
		w.alerter = start(ctx, group, "alerter", a.alerter.Run)
		w.postman = start(ctx, group, "postman", a.postman.Run)
		w.clerk = start(ctx, group, "clerk", a.clerk.Run)
		w.lookout = start(ctx, group, "lookout", a.lookout.Run)
	}
	if a.public != nil {
		w.public = start(ctx, group, "pages and pings", a.public.run)
		w.keyUses = start(ctx, group, "uses of keys", a.keyUses.Run)
		w.live = start(ctx, group, "live pages", a.live.Run)
	}
	if a.mailbox != nil {
		w.mail = start(ctx, group, "mailbox", func(ctx context.Context) error { return a.mailbox.Serve(ctx, a.mail) })
	}
	if a.config.KeyFile.of(a.config.Database) != "" {
		w.sealer = start(ctx, group, "sealer", a.seal)
	}
	w.vitals = start(ctx, group, "vitals", a.vitals.Run)
	if supervised() {
		w.supervisor = start(ctx, group, "supervisor", a.report)
	}
	if a.private != nil {
		w.private = start(ctx, group, "operations", a.private.run)
	}
	return w
}

// judge runs the scheduler, once those have been heard who waited at a held socket.
func (a *App) judge(ctx context.Context) error {
	if a.config.Sockets.held() {
		select {
		case <-time.After(backlogTime):
		case <-ctx.Done():
		}
	}
	return a.scheduler.Run(ctx)
}

// stop ends the parts in the order that loses nothing and lets nobody wait in vain:
// who judges and who sends; then the way in, which is open meanwhile, because to send
// may take seconds; and who stores last, when all that came in is answered.
func (a *App) stop(limit context.Context, w workers) {
	a.config.Log.Info("stopping")
	w.supervisor.end(limit)
	a.notify(daemon.SdNotifyStopping)
	a.health.stopping.Store(true)
	if a.public != nil && a.health.watched() {
		select {
		case <-time.After(stopNotice):
		case <-limit.Done():
		}
	}
	w.sealer.end(limit)
	w.vitals.end(limit)
	outward := []worker{w.scheduler, w.trimmer, w.alerter, w.clerk, w.lookout, w.postman}
	tell(outward...)
	quiet, cancel := context.WithTimeout(limit, quietLimit)
	await(quiet, outward...)
	cancel()
	w.live.end(limit) // a stream is a request that would not end by itself
	if a.ingest != nil {
		leaving, cancel := context.WithTimeout(limit, leaveLimit)
		a.ingest.Leave(leaving)
		cancel()
	}
	inward := []worker{w.public, w.mail}
	tell(inward...) // they accept no more, and answer what they have accepted
	failpoint.Here("stop.no_way_in")
	await(limit, append(inward, outward...)...)
	w.ingest.end(limit)
	w.keyUses.end(limit)
	w.private.end(limit)
}

// greet tells the person who started the process where it is, and how the first
// account is made as long as there is none.
func (a *App) greet(ctx context.Context) error {
	a.config.Log.Info("started", "version", a.config.Version, "listen", a.Addr(), "ops", a.OpsAddr(), "mail", a.MailAddr(), "base_url", a.base)
	if a.public == nil {
		return nil
	}
	fmt.Fprintf(a.config.Out, "Rollcall is ready at %s\n", a.base)
	has, err := a.store.HasUsers(ctx)
	if err != nil || has {
		return err
	}
	link, err := web.SetupLink(ctx, a.store, a.base, now())
	if err != nil {
		return err
	}
	fmt.Fprintf(a.config.Out, "Nobody has an account yet. Make the first one here (the link works once):\n  %s\n", link)
	return nil
}
