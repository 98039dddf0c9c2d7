package storetest

import (
	"time"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
)

var letterTests = []test{
	{"a letter is leased once, and again when its lease has run out", letterLeased},
	{"a letter with a key is queued once", letterKeyed},
	{"a letter that has ended is forgotten after a while", letterTrimmed},
}

func letter(to string) account.Letter {
	return account.Letter{Kind: "login", To: to, Data: `{"next":"/"}`, Created: at(0), Expires: at(time.Hour), NextAt: at(0)}
}

// lease leases everything that is due at now for a minute.
func (s *site) leaseLetters(now time.Time) []account.Letter {
	s.Helper()
	letters, err := s.LeaseLetters(s.ctx, now, now.Add(time.Minute), 10)
	s.ok(err)
	return letters
}

// endLetters leases and ends whatever is left.
func (s *site) endLetters() {
	s.Helper()
	for letters := s.leaseLetters(at(1000 * time.Hour)); len(letters) > 0; letters = s.leaseLetters(at(1000 * time.Hour)) {
		for _, l := range letters {
			s.ok(s.RecordLetter(s.ctx, l, l.Settle(monitor.Result{Verdict: monitor.Done}, at(time.Minute))))
		}
	}
}

func letterLeased(s *site) {
	s.ok(s.QueueLetter(s.ctx, letter("ana@example.org")))
	s.same("leased before it is due", len(s.leaseLetters(at(-time.Second))), 0)
	next, err := s.NextLetter(s.ctx)
	s.ok(err)
	s.same("next", next, at(0))
	first := s.leaseLetters(at(0))
	s.same("leased", len(first), 1)
	want := letter("ana@example.org")
	want.ID, want.State, want.NextAt = first[0].ID, monitor.Sending, at(time.Minute)
	s.same("letter", first[0], want)
	s.same("leased again at once", len(s.leaseLetters(at(time.Second))), 0)
	second := s.leaseLetters(at(time.Minute))
	s.same("leased after the lease", len(second), 1)

	retried := second[0].Settle(monitor.Result{Answer: "451 later"}, at(2*time.Minute))
	s.fails(s.RecordLetter(s.ctx, first[0], retried), fault.Conflict)
	s.ok(s.RecordLetter(s.ctx, second[0], retried))
	s.fails(s.RecordLetter(s.ctx, second[0], retried), fault.Conflict)
	third := s.leaseLetters(retried.NextAt)
	s.same("leased for the second attempt", len(third), 1)
	s.same("its tries and answer", []any{third[0].Tries, third[0].Answer}, []any{1, "451 later"})
	s.endLetters()
	next, err = s.NextLetter(s.ctx)
	s.ok(err)
	s.same("next when all have ended", next, time.Time{})
}

func letterKeyed(s *site) {
	keyed := letter("ben@example.org")
	keyed.Key = "report/7/2026-03"
	s.ok(s.QueueLetter(s.ctx, keyed))
	s.ok(s.QueueLetter(s.ctx, keyed))
	s.ok(s.QueueLetter(s.ctx, letter("ben@example.org")))
	s.ok(s.QueueLetter(s.ctx, letter("ben@example.org")))
	s.same("letters", len(s.leaseLetters(at(0))), 3)
	s.endLetters()
	for prefix, want := range map[string]time.Time{"report/7/": keyed.Created, "report/70/": {}, "report/7/2026-04": {}} {
		last, err := s.LastLetter(s.ctx, prefix)
		s.ok(err)
		s.same("the last letter "+prefix, last, want)
	}
	s.ok(s.QueueLetter(s.ctx, keyed))
	s.same("letters after it was sent", len(s.leaseLetters(at(0))), 0)
}

func letterTrimmed(s *site) {
	keyed := letter("cem@example.org")
	keyed.Key = "kept"
	s.ok(s.QueueLetter(s.ctx, keyed))
	keep := all()
	keep.Expired = keyed.Expires.Add(store.LetterKept + time.Second)
	s.trim(keep)
	s.same("letters that wait", len(s.leaseLetters(at(0))), 1)
	s.endLetters()
	s.trim(keep)
	s.ok(s.QueueLetter(s.ctx, keyed))
	s.same("letters once it is forgotten", len(s.leaseLetters(at(0))), 1)
	s.endLetters()
}
