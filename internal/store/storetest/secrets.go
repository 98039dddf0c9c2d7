package storetest

import (
	"errors"
	"fmt"
	"path/filepath"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/sealed"
)

var secretTests = []test{
	{"secrets are sealed where they are stored, and open nowhere else", secretsSealed},
	{"what was stored in the clear is sealed, with a new key too, and can be opened again", resealed},
	{"heartbeats are one for each project", heartbeats},
}

func (s *site) keys() *sealed.Ring {
	s.Helper()
	ring, err := sealed.Create(filepath.Join(s.TempDir(), "rollcall.key"))
	s.ok(err)
	return ring
}

const seed, address = "JBSWY3DPEHPK3PXP", "https://watch.example.org/ping/secret"

// secret makes one secret of each kind.
func (s *site) secret() monitor.Channel {
	s.Helper()
	hook := s.addChannel(s.project, "hook")
	s.ok(s.ProposeTOTP(s.ctx, s.user.ID, seed))
	s.ok(s.PutHeartbeat(s.ctx, s.project.ID, address, at(0)))
	return hook
}

// reads asserts that the secrets are read as they were written.
func (s *site) reads(hook monitor.Channel) {
	s.Helper()
	got, err := s.Channel(s.ctx, s.project.ID, hook.ID)
	s.ok(err)
	s.same("channel", got, hook)
	app, err := s.ProposedTOTP(s.ctx, s.user.ID)
	s.ok(err)
	s.same("seed", app.Secret, seed)
	to, err := s.Heartbeat(s.ctx, s.project.ID)
	s.ok(err)
	s.same("heartbeat", to, address)
}

func secretsSealed(s *site) {
	s.Seal(s.keys())
	hook := s.secret()
	s.reads(hook)
	n, err := s.Unseal(s.ctx)
	s.ok(err)
	s.same("sealed", n, 3)

	other := s.addChannel(s.project, "other")
	s.engine.Exec(s.T, s.Store, fmt.Sprintf("UPDATE channels SET settings = (SELECT c.settings FROM channels c WHERE c.id = %d) WHERE id = %d", hook.ID, other.ID))
	if _, err := s.Channel(s.ctx, s.project.ID, other.ID); !errors.Is(err, sealed.ErrOpen) {
		s.Errorf("a secret opens in another row: %v", err)
	}
	_, err = s.Unseal(s.ctx)
	if !errors.Is(err, sealed.ErrOpen) {
		s.Errorf("a copied secret is not found: %v", err)
	}
	s.engine.Exec(s.T, s.Store, fmt.Sprintf("DELETE FROM channels WHERE id = %d", other.ID))
	hook.Settings.URL = "https://example.org/new"
	s.ok(s.EditChannel(s.ctx, hook))
	s.reads(hook)
	s.Seal(s.keys()) // those of another installation
	if _, err := s.Channel(s.ctx, s.project.ID, hook.ID); !errors.Is(err, sealed.ErrOpen) {
		s.Errorf("a secret opens with another key: %v", err)
	}
	s.engine.Exec(s.T, s.Store, "DELETE FROM channels")
}

func resealed(s *site) {
	hook := s.secret() // in the clear
	n, err := s.Unseal(s.ctx)
	s.ok(err)
	s.same("sealed at first", n, 0)
	ring := s.keys()
	s.Seal(ring)
	s.reads(hook)
	for _, want := range []int{3, 0} {
		n, err = s.Reseal(s.ctx, false)
		s.ok(err)
		s.same("sealed", n, want)
		s.reads(hook)
	}
	s.ok(ring.Rotate())
	for _, want := range []int{3, 0} {
		n, err = s.Reseal(s.ctx, false)
		s.ok(err)
		s.same("sealed with the new key", n, want)
		s.reads(hook)
	}
	s.ok(s.confirm(seed))
	n, err = s.Reseal(s.ctx, true)
	s.ok(err)
	s.same("opened", n, 3)
	s.Seal(nil)
	got, err := s.Channel(s.ctx, s.project.ID, hook.ID)
	s.ok(err)
	s.same("channel", got, hook)
	factors, err := s.Factors(s.ctx, s.user.ID)
	s.ok(err)
	s.same("seed", factors.TOTP.Secret, seed)
}

// confirm shows the first code of an authenticator app.
func (s *site) confirm(secret string) error {
	_, err := s.ConfirmTOTP(s.ctx, change(s.user), account.TOTP{Secret: secret, Step: 1, Since: at(0)}, []string{"code"})
	return err
}

func heartbeats(s *site) {
	other := s.addProject("Other")
	_, err := s.Heartbeat(s.ctx, s.project.ID)
	s.fails(err, fault.NotFound)
	s.ok(s.PutHeartbeat(s.ctx, s.project.ID, address, at(0)))
	s.ok(s.PutHeartbeat(s.ctx, s.project.ID, address+"/other", at(0)))
	s.ok(s.PutHeartbeat(s.ctx, other.ID, address, at(0)))
	all, err := s.Heartbeats(s.ctx)
	s.ok(err)
	s.same("heartbeats", all, []string{address + "/other", address})
	s.ok(s.DropHeartbeat(s.ctx, s.project.ID))
	s.fails(s.DropHeartbeat(s.ctx, s.project.ID), fault.NotFound)
	all, err = s.Heartbeats(s.ctx)
	s.ok(err)
	s.same("heartbeats", all, []string{address})
}
