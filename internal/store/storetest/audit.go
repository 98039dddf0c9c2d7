package storetest

import (
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
)

var auditTests = []test{
	{"every change of somebody's is recorded, and nothing else", changesRecorded},
	{"what fails leaves no entry", failuresUnrecorded},
	{"no secret stands in the log", secretsUnrecorded},
	{"the log is read a page at a time, filtered", auditPaged},
	{"changes at the same time stand in one chain", chainUnderLoad},
	{"an entry that is altered or taken out is named", tamperingShows},
	{"entries go when they are old, the newest stays", auditTrimmed},
}

// as makes everything that follows somebody's.
func (s *site) as(name string, now time.Time) {
	s.ctx = store.By(s.ctx, account.Actor{Kind: account.ByPerson, ID: int64(s.user.ID), Name: name, From: "192.0.2.7", Request: "R1", At: now})
}

// log tells the entries of the project, the oldest first: "created check Nightly".
func (s *site) log() []string {
	s.Helper()
	var told []string
	for _, e := range s.entries(store.AuditQuery{Project: s.project.ID, Limit: 1000}) {
		told = append([]string{fmt.Sprintf("%s %s %s", e.Verb, e.Object, e.Title)}, told...)
	}
	return told
}

func (s *site) entries(q store.AuditQuery) []account.Entry {
	s.Helper()
	entries, err := s.AuditLog(s.ctx, q)
	s.ok(err)
	return entries
}

// intact checks that the chain of the project holds.
func (s *site) intact() {
	s.Helper()
	_, err := s.VerifyAudit(s.ctx, s.project.ID, func(e account.Entry, words string) { s.Errorf("entry %d %s", e.N, words) })
	s.ok(err)
}

func changesRecorded(s *site) {
	quiet := s.ctx
	unseen := s.addCheck(s.project, "unseen")
	s.apply(step(unseen, receive(ping(monitor.Success, at(0)))))
	s.same("log of what nobody is named for", len(s.log()), 0)

	s.as("ines@example.org", at(time.Hour))
	channel := s.addChannel(s.project, "desk")
	check := s.addCheck(s.project, "nightly", channel)
	config := check.Config
	config.Grace, config.Name = time.Hour, "Nightly"
	none := []monitor.ChannelID{}
	edit := step(check, func(c monitor.Check) monitor.Change { return c.Reconfigure(config, at(time.Hour)) })
	edit.Assign = &none
	s.apply(edit)
	s.apply(step(check, func(c monitor.Check) monitor.Change { return c.Pause(at(time.Hour)) }))
	s.apply(step(check, func(c monitor.Check) monitor.Change {
		change, err := c.Resume(at(time.Hour))
		s.ok(err)
		return change
	}))
	s.apply(step(check, func(c monitor.Check) monitor.Change { return monitor.Change{Check: c, Unchanged: true} }))
	s.ok(s.AddToken(s.ctx, check.ID, monitor.Token{Text: uuid.NewString(), Dialect: "cronitor"}))
	channel.Name = "night desk"
	s.ok(s.EditChannel(s.ctx, channel))
	s.ok(s.EditChannel(s.ctx, channel)) // which changes nothing
	id, err := s.EnqueueTest(s.ctx, s.project.ID, channel.ID, at(time.Hour))
	s.ok(err)
	s.settle(s.leaseOne(at(time.Hour)), monitor.Result{Verdict: monitor.Done}, at(time.Hour))
	s.ok(s.ReplayDelivery(s.ctx, s.project.ID, id, at(time.Hour)))
	s.ok(s.DeleteChannel(s.ctx, s.project.ID, channel.ID))
	s.ok(s.DeleteCheck(s.ctx, s.project.ID, check.ID))
	key := s.addKey(s.key(s.project, account.KeyReadOnly, "web-1", "ro"))
	_, err = s.PutKey(s.ctx, s.key(s.project, account.KeyPing, account.FirstKey, "ping"))
	s.ok(err)
	s.ok(s.RevokeKey(s.ctx, s.project.ID, key.ID))
	s.ok(s.RenameProject(s.ctx, s.project.ID, "Other"))
	s.ok(s.RenameProject(s.ctx, s.project.ID, "Other"))
	other := s.addUser()
	s.ok(s.SetMember(s.ctx, s.project.ID, other.ID, account.Member))
	s.ok(s.SetMember(s.ctx, s.project.ID, other.ID, account.Member))
	s.ok(s.SetMember(s.ctx, s.project.ID, other.ID, account.Manager))
	s.ok(s.RemoveMember(s.ctx, s.project.ID, other.ID))
	s.same("log", s.log(), []string{
		"created channel desk", "created check Check nightly", "edited check Nightly", "paused check Nightly", "resumed check Nightly",
		"edited check Nightly", "edited channel night desk", "tested channel night desk", "replayed delivery to night desk",
		"deleted channel night desk", "deleted check Nightly", "created key read-only API key web-1", "created key ping key first", "revoked key read-only API key web-1",
		"edited project Other", "added member " + other.Email, "edited member " + other.Email, "removed member " + other.Email,
	})
	entries := s.entries(store.AuditQuery{Project: s.project.ID, Limit: 1000})
	edited := entries[len(entries)-3]
	s.same("who, when, from where", edited.Actor, account.Actor{
		Kind: account.ByPerson, ID: int64(s.user.ID), Name: "ines@example.org", From: "192.0.2.7", Request: "R1", At: at(time.Hour),
	})
	s.same("before", edited.Before, map[string]string{"name": "Check nightly", "grace": "2 min", "channels": "desk"})
	s.same("after", edited.After, map[string]string{"name": "Nightly", "grace": "1 h"})
	s.intact()

	s.ctx = quiet
	disabled := s.addChannel(s.project, "gone")
	_, err = s.EnqueueTest(s.ctx, s.project.ID, disabled.ID, at(2*time.Hour))
	s.ok(err)
	d := s.leaseOne(at(2 * time.Hour))
	after, _ := d.Settle(monitor.Result{Verdict: monitor.Refuse, Answer: "410 Gone"}, at(2*time.Hour))
	s.ok(s.RecordAttempt(s.ctx, monitor.Attempt{Delivery: d.ID, N: after.Attempts, Started: at(2 * time.Hour)}, after, "it answered 410"))
	newest := s.entries(store.AuditQuery{Project: s.project.ID, Limit: 1})[0]
	s.same("what Rollcall does itself", []any{newest.Verb, newest.Kind, newest.Title, newest.After}, []any{
		account.Disabled, account.ByItself, "gone", map[string]string{"switched off": "it answered 410"},
	})
	s.intact()
}

func failuresUnrecorded(s *site) {
	s.as("ines@example.org", at(0))
	check := s.addCheck(s.project, "nightly")
	before := s.log()
	_, err := s.CreateCheck(s.ctx, newCheck(s.project, "nightly"), nil)
	s.fails(err, fault.Conflict)
	s.fails(s.DeleteChannel(s.ctx, s.project.ID, 1<<40), fault.NotFound)
	s.fails(s.DeleteCheckIf(s.ctx, s.project.ID, check.ID, func(monitor.Check) error { return fault.Conflict }), fault.Conflict)
	s.fails(s.RemoveMember(s.ctx, s.project.ID, s.user.ID), fault.Conflict)
	s.fails(s.SetMember(s.ctx, s.project.ID, s.user.ID, account.Member), fault.Conflict)
	refused := step(check, func(c monitor.Check) monitor.Change { return c.Pause(at(0)) })
	refused.Refuse = func(monitor.Check) error { return fault.Forbidden }
	results, err := s.Transitions(s.ctx, []store.Step{refused})
	s.ok(err)
	s.fails(results[0].Err, fault.Forbidden)
	s.same("log", s.log(), before)
}

func secretsUnrecorded(s *site) {
	s.as("ines@example.org", at(0))
	channel := s.addChannel(s.project, "hook")
	channel.Settings.Secret = "whsec_" + strings.Repeat("QUJD", 8)
	channel.Settings.URL = "https://example.org/else"
	s.ok(s.EditChannel(s.ctx, channel))
	entries := s.entries(store.AuditQuery{Project: s.project.ID, Limit: 10})
	s.same("before", entries[0].Before, map[string]string{"secret": "set", "URL": "set"})
	s.same("after", entries[0].After, map[string]string{"secret": "another one", "URL": "another one"})
	for _, e := range entries {
		if text := fmt.Sprint(e.Before, e.After); strings.Contains(text, "whsec_") || strings.Contains(text, "https://") {
			s.Errorf("the log holds %s", text)
		}
	}
}

func auditPaged(s *site) {
	for i := range 4 {
		s.as(fmt.Sprintf("user%d@example.org", i%2), at(time.Duration(i)*time.Minute))
		s.addChannel(s.project, fmt.Sprint("c", i))
	}
	s.addCheck(s.project, "nightly")
	titles := func(q store.AuditQuery) (list []string) {
		q.Project = s.project.ID
		for _, e := range s.entries(q) {
			list = append(list, e.Title)
		}
		return list
	}
	s.same("newest first", titles(store.AuditQuery{Limit: 2}), []string{"Check nightly", "c3"})
	s.same("older", titles(store.AuditQuery{Limit: 2, Before: 4}), []string{"c2", "c1"})
	s.same("of a kind", titles(store.AuditQuery{Limit: 9, Object: account.OfCheck}), []string{"Check nightly"})
	s.same("of somebody", titles(store.AuditQuery{Limit: 9, Actor: "user0@example.org"}), []string{"c2", "c0"})
	actors, err := s.AuditActors(s.ctx, s.project.ID)
	s.ok(err)
	s.same("who", actors, []string{"user0@example.org", "user1@example.org"})
	other := s.addProject("Other")
	s.same("another project's", len(s.entries(store.AuditQuery{Project: other.ID, Limit: 9})), 1)
}

func chainUnderLoad(s *site) {
	s.as("ines@example.org", at(0))
	check := s.addCheck(s.project, "nightly")
	s.allOK(together(24, func(i int) error {
		switch i % 3 {
		case 0:
			_, err := s.CreateCheck(s.ctx, newCheck(s.project, fmt.Sprint("c", i)), nil)
			return err
		case 1:
			_, err := s.CreateChannel(s.ctx, monitor.Channel{Project: s.project.ID, Name: fmt.Sprint("d", i), Kind: monitor.Email, Created: at(0)})
			return err
		}
		config := check.Config
		config.Grace = time.Duration(i+3) * time.Minute
		_, err := s.Transitions(s.ctx, []store.Step{step(check, func(c monitor.Check) monitor.Change { return c.Reconfigure(config, at(0)) })})
		return err
	}))
	s.same("entries", len(s.log()), 25)
	s.intact()
}

func tamperingShows(s *site) {
	s.as("ines@example.org", at(0))
	for i := range 5 {
		s.addChannel(s.project, fmt.Sprint("c", i))
	}
	wrong := func() (n []int64) {
		_, err := s.VerifyAudit(s.ctx, s.project.ID, func(e account.Entry, _ string) { n = append(n, e.N) })
		s.ok(err)
		return n
	}
	s.same("untouched", len(wrong()), 0)
	row := fmt.Sprintf("project_id = %d AND n = ", s.project.ID)
	s.engine.Exec(s.T, s.Store, "INSERT INTO audit SELECT project_id, 6, at, actor, actor_id, 'else@example.org', from_addr, request, verb, object, object_key, title, before, after, prev, hash FROM audit WHERE "+row+"5")
	s.same("one that was forged", wrong(), []int64{6})
	s.engine.Exec(s.T, s.Store, "DELETE FROM audit WHERE "+row+"6")
	s.engine.Exec(s.T, s.Store, "DELETE FROM audit WHERE "+row+"3")
	s.same("behind one that was taken out", wrong(), []int64{4})
	all := 0
	_, err := s.VerifyAudit(s.ctx, 0, func(e account.Entry, _ string) {
		if e.Project == s.project.ID {
			all++
		}
	})
	s.ok(err)
	s.same("among all projects", all, 1)
}

func auditTrimmed(s *site) {
	for i := range 6 {
		s.as("ines@example.org", at(time.Duration(i)*time.Hour))
		s.addChannel(s.project, fmt.Sprint("c", i))
	}
	keep := all()
	keep.Audit = at(4 * time.Hour)
	s.trim(keep)
	s.same("kept", s.log(), []string{"created channel c4", "created channel c5"})
	s.intact()
	keep.Audit = at(100 * time.Hour)
	s.trim(keep)
	s.same("kept at last", s.log(), []string{"created channel c5"})
	s.addChannel(s.project, "c6")
	s.intact()
	if n := s.entries(store.AuditQuery{Project: s.project.ID, Limit: 1})[0].N; n != 7 {
		s.Errorf("the count begins anew: %d", n)
	}
}
