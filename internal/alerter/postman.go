package alerter

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/outbound"
	"rollcall/internal/store"
	"rollcall/templates"
)

// Limits of the letters under way.
const (
	postmanBatch = 16              // letters at a time
	postmanNap   = 2 * time.Second // another process may have queued something
)

// Writer puts a letter into words when it is sent. It makes what is secret in it,
// such as a log-in link, so that no secret waits in the queue. ErrNotOwed means
// that there is nothing to say any more.
type Writer func(ctx context.Context, l account.Letter, now time.Time) (templates.Mail, error)

// ErrNotOwed ends a letter without a mail.
var ErrNotOwed = errors.New("there is nothing to say any more")

// Postman sends the mails that are owed to people: links, invitations, reports.
// A letter is leased before it is sent and recorded after it, as an alert is. Its
// fields are set before use and never after.
type Postman struct {
	Store   store.Letters
	Server  SMTPConfig
	Dial    Dial
	Writers map[account.LetterKind]Writer
	Now     func() time.Time
	Log     *slog.Logger
	BaseURL string // of the pages, without a slash at the end

	once   sync.Once
	kicked chan struct{}
}

// Run sends whatever becomes due until ctx ends.
func (p *Postman) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		n, err := p.Tick(ctx, p.Now())
		if err != nil {
			p.Log.Error("letters not sent", "err", err)
		}
		if n == 0 || err != nil {
			p.nap(ctx)
		}
	}
	return nil
}

// Kick says that something was queued. It never blocks.
func (p *Postman) Kick() {
	select {
	case p.kicks() <- struct{}{}:
	default: // one kick is as good as two
	}
}

func (p *Postman) kicks() chan struct{} {
	p.once.Do(func() { p.kicked = make(chan struct{}, 1) })
	return p.kicked
}

func (p *Postman) nap(ctx context.Context) {
	nap := postmanNap
	if next, err := p.Store.NextLetter(ctx); err == nil && !next.IsZero() {
		nap = min(nap, max(0, next.Sub(p.Now())))
	}
	timer := time.NewTimer(max(nap, leasePace))
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-p.kicks():
	case <-timer.C:
	}
}

// Tick sends the letters that are due at now, side by side, and returns how many
// they were.
func (p *Postman) Tick(ctx context.Context, now time.Time) (int, error) {
	letters, err := p.Store.LeaseLetters(ctx, now, now.Add(leaseTime), postmanBatch)
	if err != nil {
		return 0, err
	}
	var wait sync.WaitGroup
	errs := make([]error, len(letters))
	for i, l := range letters {
		wait.Go(func() { errs[i] = p.post(context.WithoutCancel(ctx), l) })
	}
	wait.Wait()
	return len(letters), errors.Join(errs...)
}

// post makes one attempt to send a letter and records it.
func (p *Postman) post(ctx context.Context, l account.Letter) error {
	limited, cancel := context.WithTimeout(ctx, emailLimit)
	defer cancel()
	result := p.send(limited, l)
	after := l.Settle(result, p.Now())
	if after.State == monitor.Dead {
		p.Log.Warn("letter given up", "kind", l.Kind, "letter", l.ID, "tries", after.Tries, "answer", after.Answer)
	}
	err := whileLeased(ctx, p.Now, l.NextAt, func(ctx context.Context) error { return p.Store.RecordLetter(ctx, l, after) })
	if errors.Is(err, fault.Conflict) { // another process has recorded it, or this one did and was not told
		p.Log.Info("lease of a letter lost", "letter", l.ID, "tries", after.Tries)
		return nil
	}
	if err != nil {
		return fmt.Errorf("record letter %d: %w", l.ID, err)
	}
	return nil
}

func (p *Postman) send(ctx context.Context, l account.Letter) monitor.Result {
	now := p.Now()
	write, known := p.Writers[l.Kind]
	switch {
	case !known:
		return monitor.Result{Verdict: monitor.Doubt, Answer: fmt.Sprintf("nobody writes letters of the kind %q", l.Kind)}
	case !now.Before(l.Expires):
		return monitor.Result{Verdict: monitor.Refuse, Answer: "it was of no more use"}
	}
	page, err := write(ctx, l, now)
	if errors.Is(err, ErrNotOwed) {
		return monitor.Result{Verdict: monitor.Done, Answer: ErrNotOwed.Error()}
	}
	if err != nil {
		return monitor.Result{Answer: outbound.Clean("the letter could not be written: " + err.Error())}
	}
	page.Subject = strings.TrimSpace(page.Subject)
	envelope := email{p.Server, p.Dial}
	msg, err := envelope.mail(ctx, page, l.To, letterName(l), p.BaseURL)
	if err != nil {
		return monitor.Result{Verdict: monitor.Doubt, Answer: outbound.Clean("the mail could not be composed: " + err.Error())}
	}
	msg.SetDateWithValue(now)
	return envelope.hand(ctx, msg).Result
}

// letterName is the public name of a letter, the same for every attempt.
func letterName(l account.Letter) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%d/%d", l.Kind, l.ID, l.Created.UnixMicro()))
	return "ltr_" + hex.EncodeToString(sum[:16])
}
