package storetest

import (
	"time"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/internal/store"
)

var sessionTests = []test{
	{"a session is kept until it expires or is ended", sessionKept},
	{"a session that has ended stays ended", sessionStaysEnded},
	{"sessions are listed and ended by whose they are", sessionsOfOne},
	{"another password ends all sessions and links of its user", passwordShutsOut},
}

// session is one of a user, last seen at the start of the tests.
func session(hash string, user account.UserID, expires time.Time) store.Session {
	return store.Session{
		Hash: hash, User: user, Data: []byte("a\x00\xff"), Began: at(-time.Hour), Seen: at(0), Expires: expires,
		Browser: "Firefox on Linux", Network: "203.0.113.x",
	}
}

// finds checks what is kept under a hash, nil being nothing.
func (s *site) finds(hash string, now time.Time, want []byte) {
	s.Helper()
	got, found, err := s.FindSession(s.ctx, hash, now)
	s.ok(err)
	s.same("found", found, want != nil)
	s.same("data", got, want)
}

func sessionKept(s *site) {
	s.finds("one", at(0), nil)
	one, two := session("one", 0, at(time.Minute)), session("two", s.user.ID, at(time.Minute))
	two.Data = []byte{}
	s.ok(s.BeginSession(s.ctx, one))
	s.ok(s.BeginSession(s.ctx, two))
	s.fails(s.BeginSession(s.ctx, one), fault.Conflict)
	s.finds("one", at(0), one.Data)
	s.finds("two", at(0), []byte{})
	s.finds("one", at(time.Minute), nil) // it has expired
	one.User, one.Data, one.Expires = s.user.ID, []byte("b"), at(time.Hour)
	s.ok(s.SaveSession(s.ctx, one))
	s.finds("one", at(time.Minute), []byte("b"))
	s.ok(s.EndSession(s.ctx, "one"))
	s.finds("one", at(0), nil)
	s.ok(s.EndSession(s.ctx, "one")) // it has ended, as was asked
}

// A request that was under way when its session was ended writes it afterwards.
func sessionStaysEnded(s *site) {
	slow := session("slow", s.user.ID, at(time.Hour))
	s.ok(s.BeginSession(s.ctx, slow))
	s.ok(s.EndSessionOf(s.ctx, s.user.ID, "slow"))
	s.ok(s.SaveSession(s.ctx, slow))
	s.finds("slow", at(0), nil)
}

func sessionsOfOne(s *site) {
	other := s.addUser()
	early, late := session("early", s.user.ID, at(time.Hour)), session("late", s.user.ID, at(time.Hour))
	late.Seen = at(time.Minute)
	idle := session("idle", s.user.ID, at(time.Hour))
	idle.Seen = at(-time.Minute)
	for _, one := range []store.Session{early, late, idle, session("theirs", other.ID, at(time.Hour)), session("nobody's", 0, at(time.Hour))} {
		s.ok(s.BeginSession(s.ctx, one))
	}
	early.Data, late.Data = nil, nil
	list, err := s.SessionsOf(s.ctx, s.user.ID, at(-time.Minute))
	s.ok(err)
	s.same("sessions", list, []store.Session{late, early})

	s.fails(s.EndSessionOf(s.ctx, s.user.ID, "theirs"), fault.NotFound)
	s.fails(s.EndSessionOf(s.ctx, s.user.ID, "nobody's"), fault.NotFound)
	s.ok(s.EndSessionOf(s.ctx, s.user.ID, "early"))
	s.fails(s.EndSessionOf(s.ctx, s.user.ID, "early"), fault.NotFound)
	s.putLink("door", store.Link{Purpose: account.ForLogin, User: s.user.ID})
	s.ok(s.EndSessionsOf(s.ctx, s.user.ID))
	for _, hash := range []string{"early", "late", "idle"} {
		s.finds(hash, at(0), nil)
	}
	s.finds("theirs", at(0), []byte("a\x00\xff"))
	_, err = s.FindLink(s.ctx, account.ForLogin, "door", at(0))
	s.fails(err, fault.NotFound)
}

func passwordShutsOut(s *site) {
	other := s.addUser()
	for _, u := range []account.User{s.user, other} {
		s.ok(s.BeginSession(s.ctx, session("of "+u.Email, u.ID, at(time.Hour))))
		s.putLink("to "+u.Email, store.Link{Purpose: account.ForDevice, User: u.ID})
	}
	s.ok(s.SetPassword(s.ctx, s.user.ID, ""))
	s.finds("of "+s.user.Email, at(0), nil)
	_, err := s.FindLink(s.ctx, account.ForDevice, "to "+s.user.Email, at(0))
	s.fails(err, fault.NotFound)
	s.finds("of "+other.Email, at(0), []byte("a\x00\xff"))
	_, err = s.FindLink(s.ctx, account.ForDevice, "to "+other.Email, at(0))
	s.ok(err)
	got, err := s.User(s.ctx, s.user.ID)
	s.ok(err)
	s.same("password", got.PasswordHash, "")
}
