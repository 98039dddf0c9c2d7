package storetest

import (
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/internal/store"
)

var factorTests = []test{
	{"an authenticator app counts from its first code on", totpKept},
	{"a code is used once, by one of many", totpUsedOnce},
	{"passkeys are kept, used and removed", passkeysKept},
	{"a passkey is used by one at a time", passkeyUsedOnce},
	{"passkeys have a limit", passkeyLimit},
	{"recovery codes are good once", recoveryCodes},
	{"an identity is one account's", identitiesKept},
	{"the last way in stays", lastWayIn},
	{"a change is written with its letter or not at all", factorLetters},
	{"a user takes their factors along", factorsDeleted},
}

// change is a change of a user's factors, and its letter.
func change(u account.User) store.FactorChange {
	return store.FactorChange{User: u.ID, Notice: letter(u.Email)}
}

// epoch takes the result of a change and checks that it is the epoch that is stored.
func (s *site) epoch(u account.User) func(int64, error) {
	return func(epoch int64, err error) {
		s.Helper()
		s.ok(err)
		stored, err := s.Epoch(s.ctx, u.ID)
		s.ok(err)
		s.same("epoch", stored, epoch)
		s.same("epoch of the factors", s.factors(u).Epoch, epoch)
	}
}

func (s *site) factors(u account.User) account.Factors {
	s.Helper()
	f, err := s.Factors(s.ctx, u.ID)
	s.ok(err)
	return f
}

func (s *site) passkey(u account.User, name string) account.Passkey {
	return account.Passkey{User: u.ID, Name: name, Credential: uuid.NewString(), Record: `{"publicKey":"AA=="}`, Counter: 4, Created: at(0)}
}

func totpKept(s *site) {
	u := s.addUser()
	s.same("factors of who has none", s.factors(u), account.Factors{})
	_, err := s.ProposedTOTP(s.ctx, u.ID)
	s.fails(err, fault.NotFound)
	s.fails(s.ProposeTOTP(s.ctx, u.ID+1_000, "X"), fault.NotFound)

	s.ok(s.ProposeTOTP(s.ctx, u.ID, "FIRST"))
	s.ok(s.ProposeTOTP(s.ctx, u.ID, "SECOND"))
	proposed, err := s.ProposedTOTP(s.ctx, u.ID)
	s.ok(err)
	s.same("proposed", proposed, account.TOTP{Secret: "SECOND"})
	s.same("an app that showed no code counts", s.factors(u).Second(), false)
	s.fails(s.UseTOTP(s.ctx, u.ID, 5), fault.Conflict)

	app := account.TOTP{Secret: "FIRST", Step: 7, Since: at(0)}
	_, err = s.ConfirmTOTP(s.ctx, change(u), app, []string{"a"})
	s.fails(err, fault.Conflict)
	s.same("epoch after a change that failed", s.factors(u), account.Factors{})
	app.Secret = "SECOND"
	s.epoch(u)(s.ConfirmTOTP(s.ctx, change(u), app, []string{"a", "b"}))
	s.same("factors", s.factors(u), account.Factors{TOTP: &app, Recovery: 2, Epoch: 1})
	s.fails(s.ProposeTOTP(s.ctx, u.ID, "THIRD"), fault.Conflict)
	_, err = s.ProposedTOTP(s.ctx, u.ID)
	s.fails(err, fault.NotFound)
	_, err = s.ConfirmTOTP(s.ctx, change(u), app, nil)
	s.fails(err, fault.Conflict)

	s.epoch(u)(s.RemoveTOTP(s.ctx, change(u)))
	s.same("factors after all were removed", s.factors(u), account.Factors{Epoch: 2})
	_, err = s.RemoveTOTP(s.ctx, change(u))
	s.fails(err, fault.NotFound)
	s.same("factors of another", s.factors(s.user), account.Factors{})
	s.endLetters()
}

func totpUsedOnce(s *site) {
	u := s.addUser()
	s.ok(s.ProposeTOTP(s.ctx, u.ID, "SECRET"))
	s.epoch(u)(s.ConfirmTOTP(s.ctx, change(u), account.TOTP{Secret: "SECRET", Step: 7, Since: at(0)}, nil))
	for step, want := range []error{6: fault.Conflict, 7: fault.Conflict} {
		if want != nil {
			s.fails(s.UseTOTP(s.ctx, u.ID, int64(step)), want)
		}
	}
	s.same("of many at once", s.winners(func() error { return s.UseTOTP(s.ctx, u.ID, 8) }), 1)
	s.same("step", s.factors(u).TOTP.Step, int64(8))
	s.fails(s.UseTOTP(s.ctx, u.ID, 7), fault.Conflict)
	s.endLetters()
}

// winners counts how many of some who do the same thing at once succeed.
func (s *site) winners(do func() error) int {
	s.Helper()
	errs := make([]error, 8)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() { errs[i] = do() })
	}
	all.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		}
	}
	return won
}

func passkeysKept(s *site) {
	u, other := s.addUser(), s.addUser()
	laptop, phone := s.passkey(u, "Laptop"), s.passkey(u, "Phone")
	s.epoch(u)(s.AddPasskey(s.ctx, change(u), laptop))
	s.epoch(u)(s.AddPasskey(s.ctx, change(u), phone))
	s.epoch(u)(s.SetRecoveryCodes(s.ctx, change(u), []string{"a"}))
	stored := s.factors(u).Passkeys
	s.same("passkeys", len(stored), 2)
	laptop.ID, phone.ID = stored[0].ID, stored[1].ID
	s.same("passkeys", stored, []account.Passkey{laptop, phone})
	_, err := s.AddPasskey(s.ctx, change(other), account.Passkey{Name: "Stolen", Credential: phone.Credential, Created: at(0)})
	s.fails(err, fault.Conflict)
	got, err := s.PasskeyByCredential(s.ctx, phone.Credential)
	s.ok(err)
	s.same("by credential", got, phone)
	_, err = s.PasskeyByCredential(s.ctx, "none")
	s.fails(err, fault.NotFound)

	used := phone
	used.Counter, used.Record, used.Used = 5, `{}`, at(time.Hour)
	s.ok(s.UsePasskey(s.ctx, phone, used))
	s.fails(s.UsePasskey(s.ctx, phone, used), fault.Conflict)
	s.same("used", s.factors(u).Passkeys[1], used)
	s.same("using a passkey is no change", s.factors(u).Epoch, int64(3))

	_, err = s.RemovePasskey(s.ctx, change(other), phone.ID)
	s.fails(err, fault.NotFound)
	s.epoch(u)(s.RemovePasskey(s.ctx, change(u), phone.ID))
	s.same("recovery codes beside a passkey", s.factors(u).Recovery, 1)
	s.epoch(u)(s.RemovePasskey(s.ctx, change(u), laptop.ID))
	s.same("after the last", s.factors(u), account.Factors{Epoch: 5})
	s.endLetters()
}

func passkeyUsedOnce(s *site) {
	u := s.addUser()
	s.epoch(u)(s.AddPasskey(s.ctx, change(u), s.passkey(u, "Key")))
	before := s.factors(u).Passkeys[0]
	after := before
	after.Counter, after.Used = 9, at(time.Minute)
	s.same("of many at once", s.winners(func() error { return s.UsePasskey(s.ctx, before, after) }), 1)
	s.endLetters()
}

func passkeyLimit(s *site) {
	u := s.addUser()
	for i := range account.PasskeyLimit {
		s.epoch(u)(s.AddPasskey(s.ctx, change(u), s.passkey(u, fmt.Sprint("Key ", i))))
	}
	_, err := s.AddPasskey(s.ctx, change(u), s.passkey(u, "One more"))
	s.fails(err, fault.Conflict)
	s.same("passkeys", len(s.factors(u).Passkeys), account.PasskeyLimit)
	s.endManyLetters()
}

// endManyLetters ends more letters than are leased at once.
func (s *site) endManyLetters() {
	for range 3 {
		s.endLetters()
	}
}

func recoveryCodes(s *site) {
	u, other := s.addUser(), s.addUser()
	s.epoch(u)(s.SetRecoveryCodes(s.ctx, change(u), []string{"old"}))
	s.epoch(u)(s.SetRecoveryCodes(s.ctx, change(u), []string{"a", "b"}))
	s.epoch(other)(s.SetRecoveryCodes(s.ctx, change(other), []string{"a"})) // by chance the same
	s.fails(s.UseRecoveryCode(s.ctx, change(u), "old"), fault.NotFound)
	s.same("of many at once", s.winners(func() error { return s.UseRecoveryCode(s.ctx, change(u), "a") }), 1)
	s.same("left", s.factors(u).Recovery, 1)
	s.same("left to another", s.factors(other).Recovery, 1)
	s.same("epoch", s.factors(u).Epoch, int64(2))
	_, err := s.SetRecoveryCodes(s.ctx, store.FactorChange{User: u.ID + 1_000, Notice: letter("x")}, []string{"a"})
	s.fails(err, fault.NotFound)
	s.endLetters()
}

func identitiesKept(s *site) {
	u, other := s.addUser(), s.addUser()
	i := account.Identity{User: u.ID, Issuer: "https://id.example", Subject: uuid.NewString(), Email: "ana@example.org", Created: at(0)}
	_, err := s.Identity(s.ctx, i.Issuer, i.Subject)
	s.fails(err, fault.NotFound)
	s.epoch(u)(s.LinkIdentity(s.ctx, change(u), i))
	_, err = s.LinkIdentity(s.ctx, change(other), i)
	s.fails(err, fault.Conflict)
	elsewhere := i
	elsewhere.Issuer, elsewhere.User = "https://other.example", other.ID
	s.epoch(other)(s.LinkIdentity(s.ctx, change(other), elsewhere))

	got, err := s.Identity(s.ctx, i.Issuer, i.Subject)
	s.ok(err)
	i.ID = got.ID
	s.same("identity", got, i)
	s.same("identities", s.factors(u).Identities, []account.Identity{i})
	s.same("an identity is a second factor", s.factors(u).Second(), false)
	_, err = s.UnlinkIdentity(s.ctx, change(other), i.ID)
	s.fails(err, fault.NotFound)
	s.epoch(u)(s.UnlinkIdentity(s.ctx, change(u), i.ID))
	s.same("identities after the last", s.factors(u), account.Factors{Epoch: 2})
	s.endLetters()
}

// Who has no password cannot take away all by which they log in.
func lastWayIn(s *site) {
	u, err := s.CreateUser(s.ctx, account.User{Email: uuid.NewString() + "@example.org", Created: at(0)})
	s.ok(err)
	s.epoch(u)(s.AddPasskey(s.ctx, change(u), s.passkey(u, "A")))
	s.epoch(u)(s.LinkIdentity(s.ctx, change(u), account.Identity{Issuer: "i", Subject: uuid.NewString(), Created: at(0)}))
	f := s.factors(u)
	s.same("of two that are removed at once", s.winners(func() error {
		_, err := s.RemovePasskey(s.ctx, change(u), f.Passkeys[0].ID)
		_, other := s.UnlinkIdentity(s.ctx, change(u), f.Identities[0].ID)
		if err == nil || other == nil {
			return nil
		}
		return err
	}), 1)
	after := s.factors(u)
	s.same("ways left", len(after.Passkeys)+len(after.Identities), 1)
	for _, p := range after.Passkeys {
		_, err = s.RemovePasskey(s.ctx, change(u), p.ID)
		s.fails(err, fault.Conflict)
	}
	for _, i := range after.Identities {
		_, err = s.UnlinkIdentity(s.ctx, change(u), i.ID)
		s.fails(err, fault.Conflict)
	}
	mailed := change(u)
	mailed.ByMail = true
	for _, i := range after.Identities {
		s.epoch(u)(s.UnlinkIdentity(s.ctx, mailed, i.ID))
	}
	for _, p := range after.Passkeys {
		s.epoch(u)(s.RemovePasskey(s.ctx, mailed, p.ID))
	}
	s.endLetters()
}

func factorLetters(s *site) {
	s.endManyLetters()
	u := s.addUser()
	key := s.passkey(u, "Key")
	s.epoch(u)(s.AddPasskey(s.ctx, change(u), key))
	_, err := s.AddPasskey(s.ctx, change(u), key)
	s.fails(err, fault.Conflict)
	s.epoch(u)(s.SetRecoveryCodes(s.ctx, change(u), []string{"a"}))
	s.ok(s.UseRecoveryCode(s.ctx, change(u), "a"))
	s.fails(s.UseRecoveryCode(s.ctx, change(u), "a"), fault.NotFound)
	s.same("epoch", s.factors(u).Epoch, int64(2))
	s.same("letters", len(s.leaseLetters(at(time.Hour))), 3)
	s.endLetters()
}

func factorsDeleted(s *site) {
	u := s.addUser()
	s.ok(s.ProposeTOTP(s.ctx, u.ID, "SECRET"))
	s.epoch(u)(s.ConfirmTOTP(s.ctx, change(u), account.TOTP{Secret: "SECRET", Since: at(0)}, []string{"a"}))
	s.epoch(u)(s.AddPasskey(s.ctx, change(u), s.passkey(u, "Key")))
	s.epoch(u)(s.LinkIdentity(s.ctx, change(u), account.Identity{Issuer: "i", Subject: uuid.NewString(), Created: at(0)}))
	s.engine.Exec(s.T, s.Store, fmt.Sprintf("DELETE FROM users WHERE id = %d", u.ID))
	s.same("factors of who is gone", s.factors(u), account.Factors{})
	s.endLetters()
}
