package mailbox

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"rollcall/internal/fault"
	"rollcall/internal/ingest"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
)

// How a mail that is sent again is known.
//
// A mail system sends again what it saw no 250 for, minutes or days later, to the
// last byte as before. It may be stored all the same: the answer was lost, we died
// before we gave it, or another recipient could not be stored. So the ping itself
// carries what tells its mail from others, in the same row and the same commit, and
// before a mail is stored the pings of its check are asked for it. That holds
// however the first attempt ended, and whichever process took it. Only what a flood
// to one check leaves without a row, see monitor.BurstLimit, may be counted again.
const (
	RetrySpan    = 5 * 24 * time.Hour // a mail system gives up after that
	lookBack     = 1000               // pings of a check that are looked at
	lookBackPage = 100
)

// deliver stores the ping of every recipient and returns the answer to the mail.
// After a failure the mail is to come again, and only what is missing is stored.
func (m *Mailbox) deliver(letter Letter, from, peer string, to []recipient) error {
	ctx, cancel := context.WithTimeout(context.Background(), deliverLimit)
	defer cancel()
	deleted := 0
	for _, r := range to {
		switch err := m.deliverTo(ctx, r, letter, from, peer); {
		case errors.Is(err, fault.NotFound): // since RCPT
			deleted++
		case err != nil:
			return m.later(err)
		}
	}
	if deleted == len(to) {
		m.stats.Unknown.Add(1)
		return unknownRecipient
	}
	return stored
}

func (m *Mailbox) deliverTo(ctx context.Context, to recipient, letter Letter, from, peer string) error {
	id, ref, err := m.find(ctx, to.ref)
	if err != nil {
		return err
	}
	ping := monitor.Ping{
		Signal: to.signal, Exit: to.exit, Scheme: monitor.Mail, RemoteAddr: peer,
		UserAgent: "Email from " + monitor.Plain(from, senderLimit),
		Body:      letter.Body[:min(len(letter.Body), monitor.BodyLimit)], BodySize: int64(len(letter.Body)),
		Detail: monitor.Detail{Message: letter.Subject}.Bounded(),
		Mail:   &monitor.MailText{Subject: letter.Subject, Text: letter.Text},
	}
	if letter.Automatic {
		// No keyword may make a report of it, so there is nothing to find one in.
		ping.Signal, ping.Exit, ping.Mail, ping.Body, ping.BodySize = monitor.Log, nil, nil, nil, 0
	}
	report := ingest.Report{Ref: ref, Ping: ping}
	if letter.ID == "" {
		return m.submit(ctx, report)
	}
	mark := markOf(letter.ID, to.word)
	report.Ping.UserAgent += mark
	doubt := fmt.Sprint(id, mark)
	if !m.doubts.begin(doubt, m.Ingest.Evidence(m.Now())) {
		return fmt.Errorf("the same mail is being stored: %w", fault.Unavailable)
	}
	again, err := m.has(ctx, id, mark)
	if err == nil && !again {
		err = m.submit(ctx, report)
	}
	m.doubts.end(doubt, m.Now(), err)
	if err == nil && again {
		m.stats.Repeated.Add(1)
	}
	return err
}

func (m *Mailbox) submit(ctx context.Context, report ingest.Report) error {
	_, err := m.Ingest.Submit(ctx, report)
	if err == nil {
		m.stats.Stored.Add(1)
	}
	return err
}

// find returns the check of an address, and how to name it. It asks the door, which
// waits for whoever is changing the check. A UUID that was replaced may hold for a while.
func (m *Mailbox) find(ctx context.Context, ref store.Ref) (monitor.CheckID, store.Ref, error) {
	results, err := m.Archive.Transitions(ctx, []store.Step{{Ref: ref, Decide: func(c monitor.Check) monitor.Change {
		return monitor.Change{Check: c, Unchanged: true}
	}}})
	if err == nil {
		err = results[0].Err
	}
	if ref.UUID != uuid.Nil && errors.Is(err, fault.NotFound) {
		_, id, err := m.Archive.TokenOwner(ctx, ref.UUID.String())
		return id, store.Ref{ID: id}, err
	}
	if err != nil {
		return 0, ref, fmt.Errorf("find check of mail: %w", err)
	}
	return results[0].Change.Check.ID, ref, nil
}

const (
	markPrefix  = ", message "
	markLength  = 32
	senderLimit = monitor.UserAgentLimit - len("Email from ") - len(markPrefix) - markLength
)

// markOf names a mail to one check in the row of its ping. The word of the address
// is part of it: a mail to two mailboxes of the same check says two things.
func markOf(letter, word string) string {
	sum := sha256.Sum256([]byte(letter + "+" + word))
	return markPrefix + hex.EncodeToString(sum[:markLength/2])
}

// has reports whether the check has kept a ping with this mark.
func (m *Mailbox) has(ctx context.Context, id monitor.CheckID, mark string) (bool, error) {
	oldest := m.Now().Add(-RetrySpan)
	before := int64(0)
	for range lookBack / lookBackPage {
		pings, err := m.Archive.Pings(ctx, id, before, lookBackPage)
		if err != nil {
			return false, fmt.Errorf("look for the ping of a mail: %w", err)
		}
		for _, p := range pings {
			if p.Scheme == monitor.Mail && strings.HasSuffix(p.UserAgent, mark) {
				return true, nil
			}
			if p.Received().Before(oldest) {
				return false, nil
			}
			before = p.N
		}
		if len(pings) < lookBackPage {
			return false, nil
		}
	}
	return false, nil
}

// doubts are the pings of mails of which it is not known yet whether they are
// stored: they are being stored, or there was no answer in time and they may still
// be waiting in the queue. The same mail is not taken meanwhile.
type doubts struct {
	mu   sync.Mutex
	open map[string]time.Time // when it was given up; zero while it is being stored
}

// begin reports whether nothing is open about a ping, and opens it. Everything that
// came before evidence is stored or never will be.
func (d *doubts) begin(ping string, evidence time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for other, since := range d.open {
		if !since.IsZero() && since.Before(evidence) {
			delete(d.open, other)
		}
	}
	if _, open := d.open[ping]; open {
		return false
	}
	if d.open == nil {
		d.open = map[string]time.Time{}
	}
	d.open[ping] = time.Time{}
	return true
}

// end closes a ping, or leaves it open from now on when err does not tell what
// became of it.
func (d *doubts) end(ping string, now time.Time, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.open, ping)
	if err != nil && !errors.Is(err, fault.NotFound) {
		d.open[ping] = now
	}
}
