// Package mailbox takes pings by e-mail: an SMTP server whose only mailboxes are
// checks.
//
// It owns the addresses of checks, what the keyword rules see of a mail, the
// limits of a session, and that a mail which is sent again counts once. It answers
// 250 only after every recipient's ping is committed. It refuses to relay, to send
// anything, to ask for a password, and to fail over what is inside a mail.
package mailbox

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/emersion/go-smtp"

	"rollcall/internal/ingest"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
)

// Limits of the server, its sessions and its mails.
const (
	MessageLimit    = 10 << 20        // bytes of a mail; announced as SIZE, 552 beyond
	RecipientLimit  = 10              // of one mail; 452 beyond, which a mail system sends separately
	LineLimit       = 64 << 10        // bytes of a line, of a command and of a mail
	HelloLimit      = 255             // characters of the name in EHLO
	SessionLimit    = 200             // sessions at a time; 421 beyond
	ClientSessions  = 25              // of one client network; a mail system opens 20 to one host
	SessionTime     = 5 * time.Minute // of a session; 421 beyond
	IdleLimit       = time.Minute     // for the next bytes of a client; 421 beyond
	MailsPerMinute  = 1000            // of one client network; 421 beyond
	MissesPerMinute = 60              // unknown recipients of one client network; 421 beyond
	writeLimit      = 10 * time.Second
	lookupLimit     = 5 * time.Second  // for the database to say whether a check exists
	deliverLimit    = 30 * time.Second // for all recipients of a mail
	stopLimit       = 15 * time.Second // for mails that are under way when the server stops
)

// Pinger makes pings durable; *ingest.Ingest is the one.
type Pinger interface {
	Submit(ctx context.Context, report ingest.Report) (store.Result, error)
	// Evidence returns the instant up to which every ping received is stored.
	Evidence(now time.Time) time.Time
}

// Archive is what is known of checks and their pings.
type Archive interface {
	store.Door
	Known(ctx context.Context, ref store.Ref) error
	TokenOwner(ctx context.Context, token string) (dialect string, id monitor.CheckID, err error)
	Pings(ctx context.Context, id monitor.CheckID, before int64, limit int) ([]monitor.Ping, error)
}

// Config is what a Mailbox needs.
type Config struct {
	Domain  string // what follows the @ of every address
	Ingest  Pinger
	Archive Archive
	Now     func() time.Time
	Log     *slog.Logger
	TLS     *tls.Config // nil offers no STARTTLS
}

// Mailbox is the server. Make one with New, and run it with Serve.
type Mailbox struct {
	Config
	misses tally
	mails  tally
	doubts doubts
	stats  Stats
}

// Stats counts since the start.
type Stats struct {
	Stored   atomic.Int64 // pings
	Repeated atomic.Int64 // pings that were stored before: their mail was sent again
	Unknown  atomic.Int64 // recipients that are no check, answered 550
	Deferred atomic.Int64 // mails and recipients answered 451
	Limited  atomic.Int64 // answered 421 for a limit
	Sessions atomic.Int64 // now
}

// New returns a Mailbox.
func New(c Config) *Mailbox {
	c.Domain = strings.ToLower(strings.TrimSuffix(c.Domain, "."))
	return &Mailbox{Config: c, misses: tally{limit: MissesPerMinute}, mails: tally{limit: MailsPerMinute}}
}

// Stats returns the counters; read them with Load.
func (m *Mailbox) Stats() *Stats { return &m.stats }

// Serve takes mail from a listener until ctx ends. Mails that are being sent then
// are finished; who only waits is told 421, and comes again later.
func (m *Mailbox) Serve(ctx context.Context, l net.Listener) error {
	server := smtp.NewServer(smtp.BackendFunc(m.session))
	server.Domain = m.Domain
	server.TLSConfig = m.TLS
	server.MaxMessageBytes = MessageLimit
	server.MaxRecipients = RecipientLimit
	server.MaxLineLength = LineLimit
	server.WriteTimeout = writeLimit // what bounds reading is in conn
	server.EnableSMTPUTF8 = true
	server.ErrorLog = serverLog{m.Log}

	door := &doorkeeper{Listener: l, now: m.Now, stats: &m.stats}
	closed := make(chan struct{})
	keep := context.AfterFunc(ctx, func() {
		defer close(closed)
		limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopLimit)
		defer cancel()
		_ = l.Close()
		door.finish()
		if server.Shutdown(limit) != nil {
			door.each(func(c *conn) { _ = c.Close() })
		}
	})
	err := server.Serve(door)
	if keep() {
		return err
	}
	<-closed
	return nil
}

// Certificate returns what STARTTLS needs. The files are read again for every
// client, so that a renewed certificate is in use at once.
func Certificate(certFile, keyFile string) (*tls.Config, error) {
	load := func() (*tls.Certificate, error) {
		pair, err := tls.LoadX509KeyPair(certFile, keyFile)
		return &pair, err
	}
	if _, err := load(); err != nil {
		return nil, fmt.Errorf("certificate for mail: %w", err)
	}
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return load() },
	}, nil
}

// serverLog is where the library says what went wrong. A connection that breaks
// off is nothing to be told of; a panic in our code is. One in the library's own is
// not, because any client can cause it: after QUIT the library goes on with the
// commands that were sent along, misses the session, and stumbles.
type serverLog struct{ log *slog.Logger }

// Printf implements smtp.Logger.
func (l serverLog) Printf(format string, v ...any) {
	level, text := slog.LevelDebug, fmt.Sprintf(format, v...)
	if strings.HasPrefix(text, "panic") && strings.Contains(text, "mailbox.(*session)") {
		level = slog.LevelError
	}
	l.log.Log(context.Background(), level, "smtp: "+text)
}

// Println implements smtp.Logger.
func (l serverLog) Println(v ...any) { l.log.Debug("smtp: " + fmt.Sprint(v...)) }
