package app

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// ops is the handler of the listener for operators. It has no log-in, so it is
// never part of the public listener.
func (a *App) ops() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", a.livez)
	mux.HandleFunc("GET /readyz", a.readyz)
	mux.HandleFunc("GET /startupz", a.startupz)
	mux.HandleFunc("GET /statusz", a.statusz)
	mux.Handle("GET /metrics", promhttp.HandlerFor(a.metrics.registry, promhttp.HandlerOpts{ErrorLog: promLog{a.config.Log}}))
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return mux
}

// livez says whether a new start of this process would help.
func (a *App) livez(w http.ResponseWriter, _ *http.Request) {
	if still := a.standingStill(); len(still) > 0 {
		reply(w, http.StatusServiceUnavailable, map[string]any{"status": "dead", "standing_still": still})
		return
	}
	reply(w, http.StatusOK, map[string]any{"status": "alive"})
}

// standingStill returns the loops that only a new start of the process would help. It
// does not ask the database, and excuses loops that wait for one that is away: a new
// start would not bring that back.
func (a *App) standingStill() []string {
	still := a.loops.still()
	if len(still) == 0 || a.vitals.Report().Unwritten {
		return nil
	}
	a.config.Log.Error("a loop stands still", "loops", still)
	return still
}

// readyz says whether work may be sent here.
func (a *App) readyz(w http.ResponseWriter, r *http.Request) {
	database, stopping := a.health.probe(r.Context())
	code, status := http.StatusOK, "ready"
	switch {
	case stopping:
		code, status = http.StatusServiceUnavailable, "stopping"
	case database != nil:
		code, status = http.StatusServiceUnavailable, "database away"
	}
	report, open := a.vitals.Report(), code == http.StatusOK
	reply(w, code, map[string]any{
		"status": status, "database": database == nil, "stopping": stopping,
		"pings": open && a.ingest != nil, "alerts": open && a.alerter != nil && !report.Unjudged && !report.Unsent,
	})
}

// startupz says whether the start is over: with the scheduler's first pass, any
// time in which nothing ran is on record.
func (a *App) startupz(w http.ResponseWriter, _ *http.Request) {
	if a.scheduler != nil && a.scheduler.JudgedUpTo().IsZero() {
		reply(w, http.StatusServiceUnavailable, map[string]any{"status": "starting"})
		return
	}
	reply(w, http.StatusOK, map[string]any{"status": "started"})
}

// status is what statusz answers. A time is null when there is none.
type status struct {
	Version       string     `json:"version"`
	Now           time.Time  `json:"now"`
	Database      bool       `json:"database"`
	JudgedUpTo    *time.Time `json:"judged_up_to"`
	Waiting       *int       `json:"deliveries_waiting"`
	OldestWaiting *time.Time `json:"deliveries_oldest"`
	LastBlind     *blind     `json:"last_blind"`
	DelayedSince  *time.Time `json:"alerts_delayed_since"`
	Trouble       []string   `json:"trouble"`
}

type blind struct {
	From  time.Time `json:"from"`
	To    time.Time `json:"to"`
	Cause string    `json:"cause"`
}

// statusz says how the product does: what is judged, what waits to be told, and
// when it was last blind.
func (a *App) statusz(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readyLimit)
	defer cancel()
	now := now()
	s := status{Version: a.config.Version, Now: now, Database: a.health.database(ctx) == nil}
	if a.scheduler != nil {
		s.JudgedUpTo = known(a.scheduler.JudgedUpTo())
	}
	if oldest, waiting, err := a.store.OutboxAge(ctx, now); err == nil {
		s.Waiting, s.OldestWaiting = &waiting, known(oldest)
	}
	if blinds, err := a.store.Blinds(ctx, time.Time{}, 1); err == nil && len(blinds) > 0 {
		s.LastBlind = &blind{blinds[0].From, blinds[0].To, blinds[0].Cause}
	}
	report := a.vitals.Report()
	s.DelayedSince, s.Trouble = known(report.Delayed), append([]string{}, report.Trouble...)
	reply(w, http.StatusOK, s)
}

func known(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func reply(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body) // who asked is gone
}
