package storetest

import (
	"fmt"
	"time"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
)

var keyTests = []test{
	{"a project's ping keys name its checks until they are revoked", pingKeys},
	{"a key speaks for its project until it is revoked", apiKeys},
	{"a key is put in the place of that of its name", keyReplaced},
	{"a project has a bounded number of keys", keysBounded},
	{"the last use of a key never moves back", keysUsed},
}

// key is what is kept of a key with this text.
func (s *site) key(project account.Project, kind account.KeyKind, name, text string) account.Key {
	return account.Key{Project: project.ID, Kind: kind, Name: name, By: s.user.Email, Created: at(0)}.Of(text + project.BadgeKey)
}

func (s *site) addKey(k account.Key) account.Key {
	s.Helper()
	k, err := s.AddKey(s.ctx, k)
	s.ok(err)
	return k
}

func pingKeys(s *site) {
	_, err := s.CreateProject(s.ctx, account.Project{Name: "Third", PingKey: s.project.PingKey, Created: at(0)}, s.user.ID)
	s.fails(err, fault.Conflict)
	list, err := s.ProjectsOf(s.ctx, s.user.ID)
	s.ok(err)
	s.same("projects after a conflict", len(list), 1)
	s.same("the ping key of a project that was read", list[0].PingKey, "")

	s.addCheck(s.project, "nightly")
	text, second := account.NewKey(account.Key{Project: s.project.ID, Kind: account.KeyPing, Name: "second", Created: at(0)})
	second = s.addKey(second)
	write := s.addKey(s.key(s.project, account.KeyReadWrite, "first", "rw"))
	send := func(key string) error {
		results, err := s.Transitions(s.ctx, []store.Step{{
			Ref: store.Ref{PingKey: key, Slug: "nightly"}, Decide: receive(ping(monitor.Success, at(0))),
		}})
		s.ok(err)
		return results[0].Err
	}
	s.ok(send(s.project.PingKey))
	s.ok(send(text))
	s.fails(send("rw"+s.project.BadgeKey), fault.NotFound)
	s.fails(send(second.Hash), fault.NotFound)
	s.ok(s.RevokeKey(s.ctx, s.project.ID, second.ID))
	s.fails(send(text), fault.NotFound)
	s.ok(send(s.project.PingKey))
	s.ok(s.RevokeKey(s.ctx, s.project.ID, write.ID))
}

func apiKeys(s *site) {
	other := s.addProject("Other")
	mine, read, theirs := s.addKey(s.key(s.project, account.KeyReadWrite, "a", "1")), s.addKey(s.key(s.project, account.KeyReadOnly, "a", "2")), s.addKey(s.key(other, account.KeyReadWrite, "a", "3"))
	for _, k := range []account.Key{mine, read, theirs} {
		project, found, err := s.KeyByHash(s.ctx, k.Hash)
		s.ok(err)
		s.same("key", found, k)
		s.same("its project", project.ID, k.Project)
	}
	for _, taken := range []account.Key{
		s.key(s.project, account.KeyReadWrite, "a", "4"),                                           // the name
		{Project: other.ID, Kind: account.KeyReadOnly, Name: "b", Hash: mine.Hash, Created: at(0)}, // the key
	} {
		_, err := s.AddKey(s.ctx, taken)
		s.fails(err, fault.Conflict)
	}
	nowhere := s.key(s.project, account.KeyReadWrite, "b", "5")
	nowhere.Project = -1
	_, err := s.AddKey(s.ctx, nowhere)
	s.fails(err, fault.NotFound)
	_, err = s.PutKey(s.ctx, nowhere)
	s.fails(err, fault.NotFound)

	s.fails(s.RevokeKey(s.ctx, other.ID, mine.ID), fault.NotFound)
	s.ok(s.RevokeKey(s.ctx, s.project.ID, mine.ID))
	_, _, err = s.KeyByHash(s.ctx, mine.Hash)
	s.fails(err, fault.NotFound)
	list, err := s.KeysOf(s.ctx, s.project.ID)
	s.ok(err)
	s.same("keys", len(list), 2) // the first ping key and the read-only one
	s.same("the last of them", list[1], read)
}

func keyReplaced(s *site) {
	old, err := s.PutKey(s.ctx, s.key(s.project, account.KeyReadWrite, account.FirstKey, "old"))
	s.ok(err)
	s.addKey(s.key(s.project, account.KeyReadWrite, "another", "another"))
	now, err := s.PutKey(s.ctx, s.key(s.project, account.KeyReadWrite, account.FirstKey, "new"))
	s.ok(err)
	_, _, err = s.KeyByHash(s.ctx, old.Hash)
	s.fails(err, fault.NotFound)
	_, found, err := s.KeyByHash(s.ctx, now.Hash)
	s.ok(err)
	s.same("key", found, now)
	list, err := s.KeysOf(s.ctx, s.project.ID)
	s.ok(err)
	s.same("keys", len(list), 3)
	taken := s.key(s.project, account.KeyReadOnly, account.FirstKey, "new")
	_, err = s.PutKey(s.ctx, taken)
	s.fails(err, fault.Conflict)
}

func keysBounded(s *site) {
	for i := range account.KeysEach {
		s.addKey(s.key(s.project, account.KeyReadOnly, fmt.Sprint(i), fmt.Sprint(i)))
	}
	_, err := s.AddKey(s.ctx, s.key(s.project, account.KeyReadOnly, "one more", "one more"))
	s.fails(err, fault.Conflict)
	s.addKey(s.key(s.project, account.KeyReadWrite, "of another kind", "of another kind"))
}

func keysUsed(s *site) {
	k := s.addKey(s.key(s.project, account.KeyReadWrite, "a", "1"))
	for _, use := range []struct{ at, want time.Time }{
		{at(time.Minute), at(time.Minute)},
		{at(time.Second), at(time.Minute)},
		{at(time.Hour), at(time.Hour)},
	} {
		s.ok(s.UseKeys(s.ctx, map[string]time.Time{k.Hash: use.at, "of no key": use.at}))
		_, found, err := s.KeyByHash(s.ctx, k.Hash)
		s.ok(err)
		s.same("used", found.Used, use.want)
	}
	s.ok(s.UseKeys(s.ctx, nil))
}
