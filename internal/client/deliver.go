package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Kept is the error of pings that could not be delivered and are in the spool, to be
// sent later.
type Kept struct {
	Dir string // of the spool
	Err error  // why they were not delivered
}

// Error says why and where.
func (k *Kept) Error() string {
	return fmt.Sprintf("not delivered: %v; kept in %s to be sent later", k.Err, k.Dir)
}

// Unwrap returns why they were not delivered.
func (k *Kept) Unwrap() error { return k.Err }

// errNoSpool is why nothing is kept without a spool.
var errNoSpool = errors.New("there is no spool")

// Deliver sends pings of one check in their order, and tries again and again, with
// pauses that grow and that the server may name, until all are stored or ctx ends.
// After the first failure they are in the spool, so that they survive the end of this
// process, and stay there when ctx ends: then the error is a *Kept. A ping that the
// server refuses is not tried again nor kept; its error is among those returned.
func (p *Pinger) Deliver(ctx context.Context, to Address, pings ...Ping) error {
	left := slices.Clone(pings)
	for i := range left {
		if err := left[i].check(); err != nil {
			return err
		}
		if left[i].At.IsZero() {
			left[i].At = p.Now()
		}
	}
	var refused []error
	var kept []*entry // of left, once something has failed
	var cause, unkept error
	defer func() {
		for _, e := range kept {
			e.release()
		}
	}()
	for pause := firstWait; len(left) > 0; {
		_, err := p.Send(ctx, to, left[0])
		if err == nil || final(err) {
			if err != nil {
				refused = append(refused, err)
			}
			if len(kept) > 0 {
				kept[0].remove()
				kept = kept[1:]
			}
			left = left[1:]
			continue
		}
		if cause == nil {
			kept, unkept = p.keep(to, left)
		}
		cause = err
		if !wait(ctx, jitter(pause), err) {
			break
		}
		pause = min(2*pause, LongestPause)
	}
	switch {
	case len(left) == 0:
	case unkept != nil:
		refused = append(refused, fmt.Errorf("not delivered: %w; and not kept for later: %w", cause, unkept))
	default:
		refused = append(refused, &Kept{p.Spool.Dir, cause})
	}
	return errors.Join(refused...)
}

// keep puts pings into the spool and holds them there, all or none.
func (p *Pinger) keep(to Address, pings []Ping) ([]*entry, error) {
	if p.Spool == nil {
		return nil, errNoSpool
	}
	var kept []*entry
	for _, ping := range pings {
		e, err := p.Spool.add(to, ping)
		if err != nil {
			for _, e := range kept {
				e.remove()
			}
			return nil, err
		}
		kept = append(kept, e)
	}
	return kept, nil
}

// final says whether trying the same again is of no use.
func final(err error) bool {
	var answered *PingError
	return errors.As(err, &answered) && answered.Final()
}

// wait pauses before the next try, at least for as long as the server asked. It
// returns false at once when ctx would end before.
func wait(ctx context.Context, pause time.Duration, err error) bool {
	var answered *PingError
	if errors.As(err, &answered) && answered.RetryAfter != nil {
		pause = max(pause, *answered.RetryAfter)
	}
	paused, cancel := context.WithTimeout(ctx, pause)
	defer cancel()
	until, _ := paused.Deadline()
	if end, ends := ctx.Deadline(); ends && !until.Before(end) {
		return false
	}
	<-paused.Done()
	return ctx.Err() == nil
}

// Flush sends what is in the spool, oldest first, until it is empty or ctx ends, and
// returns how many pings are left. A server that cannot take one is asked for no
// more of them; what a server refuses, and what is older than SpoolAge, is dropped,
// and the spool's Note says so. An error is about the spool, or why pings are left.
func (p *Pinger) Flush(ctx context.Context) (left int, err error) {
	if p.Spool == nil {
		return 0, errNoSpool
	}
	names, err := p.Spool.names()
	if err != nil {
		return 0, err
	}
	away := map[string]bool{} // hosts
	for i, name := range names {
		if ctx.Err() != nil {
			return left + len(names) - i, errors.Join(err, ctx.Err())
		}
		e, problem := p.Spool.claim(name)
		switch {
		case problem != nil:
			err = problem
			left++
		case e == nil: // sent by another process, or just being sent
		case away[e.to.Host()]:
			e.release()
			left++
		default:
			if failure := p.sendKept(ctx, e); failure != nil {
				away[e.to.Host()] = true
				err = failure
				left++
			}
		}
	}
	return left, err
}

// sendKept sends a ping from the spool. The error is a reason to try it again later.
func (p *Pinger) sendKept(ctx context.Context, e *entry) error {
	if p.age(e.ping) > SpoolAge {
		p.Spool.note("a ping of %s for %s is older than %s and dropped", stamp(e.ping.At), e.to, days(SpoolAge))
		e.remove()
		return nil
	}
	_, err := p.Send(ctx, e.to, e.ping)
	switch {
	case err == nil:
		e.remove()
	case final(err):
		p.Spool.note("a ping of %s is refused and dropped: %v", stamp(e.ping.At), err)
		e.remove()
	default:
		e.release()
		return err
	}
	return nil
}

func stamp(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05 MST") }

func days(d time.Duration) string { return fmt.Sprintf("%d days", d/(24*time.Hour)) }
