package e2e_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/smtp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
)

// mailDomain follows the @ of the checks' addresses.
const mailDomain = "checks.rollcall.test"

// ackLog is the clients' side of a history.
type ackLog struct {
	acks atomic.Int64 // pings acknowledged so far

	mu sync.Mutex // guards history
	history
}

// sending notes that a ping is about to be sent.
func (l *ackLog) sending(id pingID, failure bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if failure {
		l.failures[id.check]++
	}
	if l.sent[id].IsZero() {
		l.sent[id] = time.Now()
	}
}

func (l *ackLog) acknowledged(id pingID, coalesced bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if coalesced {
		l.coalesced[id.check]++
	} else {
		l.acked[id] = time.Now()
	}
	l.acks.Add(1)
}

// client reports for its checks in turn, until it is told to end.
type client struct {
	checks []uuid.UUID
	pace   time.Duration
	rounds int // how often each check reports at most: as often as all its pings are kept; 0 for no bound
	calls  func(n int) []call
	mail   bool // it reports by mail
}

// call is one ping. One that Rollcall can tell when it is sent again, which is one of
// a run or one by mail, is repeated until it is acknowledged; another one is not.
type call struct{ path, signal, run, body string }

// bodies sends one ping with a body of its own, by the given paths in turn.
func bodies(paths ...string) func(int) []call {
	return func(n int) []call {
		path := paths[n%len(paths)]
		signal := "success"
		if path != "" {
			signal = strings.TrimPrefix(path, "/")
		}
		return []call{{path: path, signal: signal, body: fmt.Sprintf("report %d", n)}}
	}
}

// startAndEnd sends the two pings of a run.
func startAndEnd(n int) []call {
	run := fmt.Sprintf("run-%d", n)
	return []call{
		{path: "/start?rid=" + run, signal: "start", run: run},
		{path: "?rid=" + run, signal: "success", run: run},
	}
}

func newPingID(check uuid.UUID, signal, run, body string) pingID {
	if run != "" {
		return pingID{check, signal + " of " + run}
	}
	return pingID{check, strings.TrimSpace(body)}
}

// load is a set of clients at work.
type load struct {
	log     *ackLog
	end     context.CancelFunc
	working sync.WaitGroup
}

// begin starts clients of a server that may not run yet.
func begin(t *testing.T, s *site, clients ...client) *load {
	ctx, end := context.WithCancel(t.Context())
	l := &load{log: &ackLog{history: newHistory()}, end: end}
	t.Cleanup(func() { l.stop() })
	for _, c := range clients {
		send := sendHTTP(s)
		if c.mail {
			send = sendMail(s)
		}
		l.working.Go(func() { c.run(ctx, l.log, send) })
	}
	return l
}

// stop ends the clients and returns what they saw.
func (l *load) stop() history {
	l.end()
	l.working.Wait()
	return l.log.history
}

// acknowledged waits until one more ping is.
func (l *load) acknowledged(t *testing.T, limit time.Duration) {
	t.Helper()
	before := l.log.acks.Load()
	eventually(t, limit, "a ping is acknowledged", func() bool { return l.log.acks.Load() > before })
}

func (c client) run(ctx context.Context, log *ackLog, send func(uuid.UUID, call) reply) {
	pace := time.NewTicker(c.pace)
	defer pace.Stop()
	for n := 0; c.rounds == 0 || n < c.rounds; n++ {
		for _, check := range c.checks {
			for _, call := range c.calls(n) {
				for {
					select {
					case <-ctx.Done():
						return
					case <-pace.C:
					}
					id := newPingID(check, call.signal, call.run, call.body)
					log.sending(id, call.signal == "fail")
					answer := send(check, call)
					if answer == stored || answer == counted {
						log.acknowledged(id, answer == counted)
					}
					if answer != turnedAway || call.run == "" && !c.mail {
						break
					}
				}
			}
		}
	}
}

// reply is what a client is told.
type reply int

const (
	turnedAway reply = iota // or nothing at all
	stored
	counted // and not kept
)

// sendHTTP sends by HTTP, on one connection for as long as it lasts.
func sendHTTP(s *site) func(uuid.UUID, call) reply {
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 1}}
	return func(check uuid.UUID, call call) reply {
		resp, err := client.Post("http://"+s.Listen+"/ping/"+check.String()+call.path, "text/plain", strings.NewReader(call.body))
		if err != nil {
			return turnedAway
		}
		defer resp.Body.Close()
		_, err = io.Copy(io.Discard, resp.Body)
		switch {
		case err != nil || resp.StatusCode != http.StatusOK:
			return turnedAway
		case resp.Header.Get("Ping-Coalesced") != "":
			return counted
		}
		return stored
	}
}

// sendMail sends by SMTP, as a mail system does: the same mail until it is told 250.
func sendMail(s *site) func(uuid.UUID, call) reply {
	return func(check uuid.UUID, call call) reply {
		mail := fmt.Sprintf("Message-ID: <%s.%s@jobs.test>\r\nDate: Sun, 01 Mar 2026 12:00:00 +0000\r\nFrom: jobs@jobs.test\r\nSubject: report\r\n\r\n%s\r\n",
			strings.ReplaceAll(call.body, " ", "-"), check, call.body)
		err := smtp.SendMail(s.mail, nil, "jobs@jobs.test", []string{check.String() + "@" + mailDomain}, []byte(mail))
		if err != nil {
			return turnedAway
		}
		return stored
	}
}
