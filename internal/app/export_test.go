package app

import (
	"context"
	"log/slog"
	"net"
	"net/http"

	"rollcall/internal/store"
)

// The limits that the documentation tells.
const (
	KeepPings       = keepPings
	KeepFlips       = keepFlips
	KeepDeliveries  = keepDeliveries
	HeaderLimit     = headerLimit
	ReadLimit       = readLimit
	WriteLimit      = writeLimit
	IdleLimit       = idleLimit
	HeaderBytes     = headerBytes
	ConnectionLimit = connectionLimit
	StopLimit       = stopLimit
)

// Store is the store of a process.
func (a *App) Store() store.Store { return a.store }

// ServeOn serves a handler within the limits of the public listener until ctx ends.
func ServeOn(ctx context.Context, l net.Listener, h http.Handler) error {
	s := newServer(l, writeLimit, slog.New(slog.DiscardHandler))
	s.Handler = h
	return s.run(ctx)
}
