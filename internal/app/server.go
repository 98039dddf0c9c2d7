package app

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
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
}

func newServer(l net.Listener, write time.Duration, log *slog.Logger) *server {
	return &server{
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
}

// addr is where the server listens; "" for none.
func (s *server) addr() string {
	if s == nil {
		return ""
	}
	return s.listener.Addr().String()
}

// run serves until ctx ends and the requests that had come by then are answered.
func (s *server) run(ctx context.Context) error {
	closed := make(chan struct{})
	keep := context.AfterFunc(ctx, func() {
		defer close(closed)
		limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownLimit)
		defer cancel()
		if s.Shutdown(limit) != nil {
			_ = s.Close()
		}
	})
	s.Handler = apart(s.Handler)
	err := s.Serve(s.listener)
	if !keep() {
		<-closed
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
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
