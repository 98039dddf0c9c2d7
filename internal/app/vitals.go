package app

import (
	"context"
	"errors"
	"net/url"
	"path/filepath"
	"strings"

	"rollcall/internal/account"
	"rollcall/internal/alerter"
	"rollcall/internal/outbound"
	"rollcall/internal/vitals"
)

// heartbeat reads the address that the operator has set; nil is none.
func (c Config) heartbeat() (*url.URL, error) {
	if c.HeartbeatURL == "" {
		return nil, nil
	}
	u, err := account.ValidHeartbeat(c.HeartbeatURL)
	if err != nil {
		return nil, errors.New("--heartbeat-url must be an address that expects a ping, such as https://watch.example.org/ping/…")
	}
	return u, nil
}

// watch makes the part that looks after the others.
func (a *App) watch(mail alerter.SMTPConfig, out *outbound.Out) error {
	own, err := a.config.heartbeat()
	if err != nil {
		return err
	}
	beats := &beats{store: a.store, others: out.Client()}
	if own != nil {
		beats.own = &vitals.Target{URL: own.String(), Via: out.ClientTo(own)}
	}
	a.vitals = &vitals.Vitals{
		Store: a.store, Now: a.loops.clock("vitals", loopLimit), Log: a.config.Log, Alerts: a.alerter != nil, Disk: a.room(), Still: a.loops.still,
		Heartbeat: &vitals.Heartbeat{Targets: beats.targets, Log: a.config.Log, UserAgent: "rollcall/" + a.config.Version},
	}
	if a.scheduler != nil {
		a.vitals.JudgedUpTo = a.scheduler.JudgedUpTo
	}
	if a.alerter != nil && mail.Host != "" {
		a.vitals.Relay = func(ctx context.Context) error { return alerter.ProbeRelay(ctx, mail, out.DialRelay) }
	}
	return nil
}

// room returns how the room for the database is measured; nil for one that is
// elsewhere.
func (a *App) room() func() (free, size uint64, err error) {
	if manyNodes(a.config.Database) || strings.Contains(a.config.Database, "://") {
		return nil
	}
	dir := filepath.Dir(a.config.Database)
	return func() (free, size uint64, err error) { return diskRoom(dir) }
}

// beats knows who expects a heartbeat: whom the operator has set, and whom projects
// have paired with.
type beats struct {
	own    *vitals.Target
	others vitals.Doer
	store  interface {
		Heartbeats(ctx context.Context) ([]string, error)
	}

	paired []string // as last read: a database that is away is what they are to be told of
}

func (b *beats) targets(ctx context.Context) ([]vitals.Target, error) {
	ctx, cancel := context.WithTimeout(ctx, readyLimit)
	defer cancel()
	paired, err := b.store.Heartbeats(ctx)
	if err == nil {
		b.paired = paired
	}
	var all []vitals.Target
	if b.own != nil {
		all = append(all, *b.own)
	}
	for _, address := range b.paired {
		all = append(all, vitals.Target{URL: address, Via: b.others})
	}
	return all, err
}
