package sim_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// manner is how a receiver treats messages.
type manner string

// The manners. A reset after reading, a cut and a hang are ambiguous: the message
// has arrived and its sender cannot know.
const (
	fine    manner = "fine"
	slow    manner = "slow" // answers after seconds
	broken  manner = "500"
	wrong   manner = "404"
	busy    manner = "503 with Retry-After"
	gone    manner = "410"
	hangs   manner = "hangs"
	resets  manner = "resets"
	refuses manner = "refuses" // the connection
	flaps   manner = "flaps"   // between fine and 500
)

var manners = []manner{fine, slow, broken, wrong, busy, gone, hangs, resets, refuses, flaps}

// reception is one message that a receiver has read.
type reception struct {
	at        time.Duration // since the life began; the clock of the receiver is right
	host, id  string
	kind      string // check.down, check.up, check.corrected, or about several checks
	turns     []turn // that it tells
	letter    letter // a report or a reminder
	down, up  int    // of a digest: how many it says it tells
	accepted  bool   // answered 2xx
	ambiguous bool
}

// turn is one change of one check, as it is told.
type turn struct {
	check, kind string
	rev         int64
	ended       bool // it is told with its end, under the id of that
}

func (r reception) String() string {
	if r.letter.key != "" {
		return r.letter.key
	}
	if len(r.turns) == 1 {
		return fmt.Sprintf("%s of %s, rev %d", r.kind, r.turns[0].check, r.turns[0].rev)
	}
	return fmt.Sprintf("%s of %d changes", r.kind, len(r.turns))
}

// network connects the senders of Rollcall with receivers in memory.
type network struct {
	w *world

	mu         sync.Mutex // guards all below
	manners    map[string]manner
	seen       map[string]int // attempts by message id
	receptions []reception
	letters    map[string]reception // what mails tell, by id
	refused    []time.Time          // when the reader's host took no mail, by the servers' clock

	post *line
}

func newNetwork(w *world) *network {
	return &network{w: w, manners: map[string]manner{}, seen: map[string]int{}, letters: map[string]reception{}}
}

func (n *network) mannerOf(host string) manner {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.manners[host]
}

func (n *network) set(host string, m manner) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.manners[host] = m
}

// dial opens a connection to a receiver.
func (n *network) dial(_ context.Context, _, address string) (net.Conn, error) {
	host, _, _ := strings.Cut(address, ":")
	if n.mannerOf(host) == refuses {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	}
	near, far := net.Pipe()
	go n.serve(host, far)
	return near, nil
}

// serve reads one message and answers as is the manner of its host.
func (n *network) serve(host string, conn net.Conn) {
	defer conn.Close()
	r, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil {
		return
	}
	got := reception{host: host, id: r.Header.Get("webhook-id")}
	var body struct {
		Type string
		Data change
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		return
	}
	got.kind, got.down, got.up = body.Type, body.Data.Down, body.Data.Up
	switch body.Type {
	case roundup:
		for _, c := range body.Data.Changes {
			kind := "check." + c.Status
			if c.Corrects != nil {
				kind = corrected
			}
			got.turns = append(got.turns, turn{check: c.Check.Name, kind: kind, rev: c.Seq})
		}
	case unverified:
	default:
		got.turns = []turn{{check: body.Data.Check.Name, kind: body.Type, rev: body.Data.Seq}}
	}
	m := n.read(&got)
	if m == hangs {
		_, _ = io.Copy(io.Discard, conn) // until the other side gives up
		return
	}
	if got.ambiguous {
		return
	}
	_, _ = io.WriteString(conn, map[manner]string{
		fine:   "HTTP/1.1 204 No Content\r\n\r\n",
		broken: "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n",
		wrong:  "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
		busy:   "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 90\r\nContent-Length: 0\r\n\r\n",
		gone:   "HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n",
	}[m])
}

// The kinds of message that are no plain change.
const (
	corrected  = "check.corrected"
	roundup    = "checks.digest"     // what belongs to a storm
	unverified = "checks.unverified" // what Rollcall could not see
)

// change is what a message says, or one of several things that a digest says.
type change struct {
	Check    struct{ Name string }
	Status   string
	Seq      int64
	Corrects *int64
	Down, Up int
	Changes  []change
}

// read notes the message and decides how it is treated. The way here takes a time
// that no other message's takes, so that the order of all things is the same each
// time a seed is played.
func (n *network) read(got *reception) manner {
	n.mu.Lock()
	n.seen[got.id]++
	chance := hash(n.w.seed, got.host, got.String(), got.id, n.seen[got.id])
	m := n.manners[got.host]
	n.mu.Unlock()
	time.Sleep(time.Duration(1_000_000 + chance%40_000_000))
	if m == flaps {
		m = [...]manner{fine, broken}[chance>>32%2]
	}
	answer := m
	if answer == slow || answer == "" {
		answer = fine
	}
	got.at, got.letter.clock = n.w.lived(), n.w.now()
	got.ambiguous = m == hangs || m == resets
	got.accepted = answer == fine
	n.mu.Lock()
	n.receptions = append(n.receptions, *got)
	n.mu.Unlock()
	n.w.note("  %s reads %s: %s", got.host, got, m)
	if m == slow {
		time.Sleep(time.Duration(1+chance>>16%8) * time.Second)
	}
	return answer
}

// hash is a number that follows from what it is given, and looks like chance.
func hash(parts ...any) uint64 {
	h := fnv.New64a()
	_ = json.NewEncoder(h).Encode(parts)
	sum := h.Sum64()
	sum ^= sum >> 31
	sum *= 0x9e3779b97f4a7c15
	return sum ^ sum>>29
}
