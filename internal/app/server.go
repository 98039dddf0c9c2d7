package app

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/net/netutil"
)

// Limits of a listener: what a slow or hostile client can hold, and for how long.
const (
	headerLimit     = 5 * time.Second
	readLimit       = 15 * time.Second
	writeLimit      = 30 * time.Second
	idleLimit       = time.Minute // keep-alive spares a pinging client the connection
	headerBytes     = 16 << 10
	connectionLimit = 4096
	opsWriteLimit   = 2 * time.Minute  // a profile is taken for as long as was asked
	shutdownLimit   = 10 * time.Second // for requests that are being answered
)

// server is one listener and what answers on it.
type server struct {
	http.Server
	listener net.Listener
	open     sync.WaitGroup // connections
}

func newServer(l net.Listener, write time.Duration, log *slog.Logger) *server {
	s := &server{
		Server: http.Server{
			ReadHeaderTimeout: headerLimit,
			ReadTimeout:       readLimit,
			WriteTimeout:      write,
			IdleTimeout:       idleLimit,
			MaxHeaderBytes:    headerBytes,
			ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		},
		listener: netutil.LimitListener(l, connectionLimit),
	}
	s.ConnState = s.count
	return s
}

// count keeps the number of connections.
func (s *server) count(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		s.open.Add(1)
	case http.StateClosed, http.StateHijacked:
		s.open.Done()
	}
}

// addr is where the server listens; "" for none.
func (s *server) addr() string {
	if s == nil {
		return ""
	}
	return s.listener.Addr().String()
}

// run serves until ctx ends and whoever was accepted by then is answered. Shutdown of
// net/http would not do that: it leaves a request without an answer that is read after
// the stop has begun, although its connection was accepted before.
func (s *server) run(ctx context.Context) error {
	keep := context.AfterFunc(ctx, func() { _ = s.listener.Close() })
	s.Handler = apart(s.Handler)
	if err := s.Serve(s.listener); keep() {
		return err // nobody has told it to stop
	}
	s.SetKeepAlivesEnabled(false) // ends those that are idle, and the others with their answer
	answered := make(chan struct{})
	go func() {
		s.open.Wait()
		close(answered)
	}()
	select {
	case <-answered:
	case <-time.After(shutdownLimit):
	}
	return s.Close()
}

// apart ends the connection after a request whose body comes in chunks. If its header
// gave a length as well, net/http leaves that out without a word; a proxy before us
// may have gone by it, and what would follow on the connection could be a request
// that nobody made.
func apart(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.TransferEncoding) > 0 {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}
