package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
	"rollcall/internal/store/sqlstore/gen"
)

// DeleteProject implements store.Members.
func (s *Store) DeleteProject(ctx context.Context, project monitor.ProjectID) error {
	return s.change(ctx, "delete project", project, func(q *gen.Queries, rec recorder) error {
		row, err := q.ProjectByID(ctx, int64(project))
		if err != nil {
			return err
		}
		if err := q.BuryChecksOfProject(ctx, int64(project)); err != nil {
			return err
		}
		if _, err := q.DeleteProject(ctx, int64(project)); err != nil {
			return err
		}
		return rec(projectEntry(account.Deleted, ProjectOf(row)).Changes(account.One("name", row.Name), account.Fields{}))
	})
}

// Invite implements store.Members.
func (s *Store) Invite(ctx context.Context, i account.Invitation, now time.Time) (account.Invitation, error) {
	err := s.change(ctx, "invite", i.Project, func(q *gen.Queries, rec recorder) error {
		known, err := q.InvitationByEmail(ctx, gen.InvitationByEmailParams{ProjectID: int64(i.Project), Email: i.Email})
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		again := err == nil && known.ExpiresAt > now.UnixMicro()
		if again {
			i.Letters = int(known.Letters)
		}
		if err := s.mayInvite(ctx, q, i, again, now); err != nil {
			return err
		}
		i.Letters, i.Created, i.Expires = i.Letters+1, now, now.Add(store.InvitationLife)
		i.ID, err = q.PutInvitation(ctx, gen.PutInvitationParams{
			ProjectID: int64(i.Project), Email: i.Email, Role: string(i.Role), Inviter: i.Inviter,
			CreatedAt: i.Created.UnixMicro(), ExpiresAt: i.Expires.UnixMicro(), Letters: int64(i.Letters),
		})
		if err != nil {
			return err
		}
		if err := queueInvitation(ctx, q, i); err != nil {
			return err
		}
		verb := account.Invited
		if again {
			verb = account.Reminded
		}
		return rec(invitationEntry(verb, i).Changes(account.Fields{}, account.One("role", string(i.Role))))
	})
	return i, err
}

// mayInvite refuses a letter that would be too much.
func (s *Store) mayInvite(ctx context.Context, q *gen.Queries, i account.Invitation, again bool, now time.Time) error {
	_, err := q.MemberByEmail(ctx, gen.MemberByEmailParams{ProjectID: int64(i.Project), Email: i.Email})
	switch {
	case err == nil:
		return fault.Say(fault.Conflict, "%s is a member already", i.Email)
	case !errors.Is(err, sql.ErrNoRows):
		return err
	case again && i.Letters >= store.InvitationLetters:
		return fault.Say(fault.Forbidden, "%s was sent %d letters about this invitation; no more are sent", i.Email, i.Letters)
	}
	actor, _ := store.Actor(ctx)
	sent, err := q.AuditLetters(ctx, gen.AuditLettersParams{
		Since: now.Add(-store.InvitationsSpan).UnixMicro(), ProjectID: int64(i.Project), ActorID: actor.ID,
	})
	switch {
	case err != nil:
		return err
	case sent >= store.InvitationsEach:
		return fault.Say(fault.Forbidden, "%d invitations were sent within a day; try again tomorrow", sent)
	case again || s.limits.Members == nil:
		return nil
	}
	open, err := q.InvitationsOfProject(ctx, gen.InvitationsOfProjectParams{ProjectID: int64(i.Project), Now: now.UnixMicro(), Rows: listLimit})
	if err != nil {
		return err
	}
	return s.roomForMember(ctx, q, i.Project, len(open)+1)
}

func queueInvitation(ctx context.Context, q *gen.Queries, i account.Invitation) error {
	data, err := json.Marshal(account.InvitationData{Invitation: i.ID})
	if err != nil {
		return err
	}
	return q.InsertLetter(ctx, gen.InsertLetterParams{
		Kind: string(account.LetterInvitation), Recipient: i.Email, Data: string(data),
		Key:   nullable(fmt.Sprintf("%s/%d/%d", account.LetterInvitation, i.ID, i.Created.UnixMicro())),
		State: string(monitor.Pending), CreatedAt: i.Created.UnixMicro(), ExpiresAt: i.Expires.UnixMicro(), NextAt: monitor.Micros(i.Created),
	})
}

func invitationEntry(verb account.Verb, i account.Invitation) account.Entry {
	return account.Entry{Verb: verb, Object: account.OfInvitation, Key: fmt.Sprint(i.ID), Title: i.Email}
}

// Invitations implements store.Members.
func (s *Store) Invitations(ctx context.Context, project monitor.ProjectID, now time.Time) ([]account.Invitation, error) {
	rows, err := s.reading().InvitationsOfProject(ctx, gen.InvitationsOfProjectParams{ProjectID: int64(project), Now: now.UnixMicro(), Rows: listLimit})
	list := make([]account.Invitation, len(rows))
	for i, row := range rows {
		list[i] = invitationOf(row.Invitation, row.Name)
	}
	return list, s.done("list invitations", err)
}

// InvitationsTo implements store.Members.
func (s *Store) InvitationsTo(ctx context.Context, email string, now time.Time) ([]account.Invitation, error) {
	rows, err := s.reading().InvitationsOfEmail(ctx, gen.InvitationsOfEmailParams{Email: email, Now: now.UnixMicro(), Rows: listLimit})
	list := make([]account.Invitation, len(rows))
	for i, row := range rows {
		list[i] = invitationOf(row.Invitation, row.Name)
	}
	return list, s.done("list invitations", err)
}

// Invitation implements store.Members.
func (s *Store) Invitation(ctx context.Context, id int64, now time.Time) (account.Invitation, error) {
	row, err := s.reading().InvitationByID(ctx, gen.InvitationByIDParams{ID: id, Now: now.UnixMicro()})
	return invitationOf(row.Invitation, row.Name), s.done("find invitation", err)
}

// InvitationByToken implements store.Members.
func (s *Store) InvitationByToken(ctx context.Context, hash string, now time.Time) (account.Invitation, error) {
	row, err := s.reading().InvitationByToken(ctx, gen.InvitationByTokenParams{Hash: hash, Now: now.UnixMicro()})
	return invitationOf(row.Invitation, row.Name), s.done("find invitation", err)
}

// AddInvitationToken implements store.Members.
func (s *Store) AddInvitationToken(ctx context.Context, id int64, hash string) error {
	return s.done("add link of invitation", s.writing().InsertInvitationToken(ctx, gen.InsertInvitationTokenParams{Hash: hash, InvitationID: id}))
}

// RevokeInvitation implements store.Members.
func (s *Store) RevokeInvitation(ctx context.Context, project monitor.ProjectID, id int64) error {
	return s.change(ctx, "revoke invitation", project, func(q *gen.Queries, rec recorder) error {
		row, err := q.InvitationByID(ctx, gen.InvitationByIDParams{ID: id})
		if err != nil {
			return err
		}
		rows, err := q.DeleteInvitation(ctx, gen.DeleteInvitationParams{ID: id, ProjectID: int64(project)})
		if err := anyRow(rows, err, fault.NotFound); err != nil {
			return err
		}
		return rec(invitationEntry(account.Revoked, invitationOf(row.Invitation, row.Name)))
	})
}

// AcceptInvitation implements store.Members.
func (s *Store) AcceptInvitation(ctx context.Context, id int64, user account.User, now time.Time) (account.User, error) {
	invitation, err := s.Invitation(ctx, id, now)
	if err != nil {
		return user, err
	}
	if user.Email != invitation.Email {
		return user, fault.Say(fault.Forbidden, "the invitation is for %s", invitation.Email)
	}
	err = s.staff(ctx, "accept invitation", invitation.Project, func(q *gen.Queries, rec recorder) error {
		rows, err := q.DeleteInvitation(ctx, gen.DeleteInvitationParams{ID: id, ProjectID: int64(invitation.Project)})
		if err := anyRow(rows, err, fault.NotFound); err != nil {
			return err // it was used, or revoked, at the same time
		}
		if user.ID == 0 {
			id, err := q.InsertUser(ctx, insertUser(user))
			if user.ID = account.UserID(id); err != nil {
				return err
			}
		}
		return s.join(ctx, q, rec, invitation, user)
	})
	return user, err
}

// join makes an invited user a member.
func (s *Store) join(ctx context.Context, q *gen.Queries, rec recorder, i account.Invitation, user account.User) error {
	before, err := q.MemberByEmail(ctx, gen.MemberByEmailParams{ProjectID: int64(i.Project), Email: user.Email})
	if errors.Is(err, sql.ErrNoRows) {
		err = s.roomForMember(ctx, q, i.Project, 1)
	}
	if err != nil {
		return err
	}
	role := account.Strongest(i.Role, account.Role(before))
	if _, err := q.PutMember(ctx, gen.PutMemberParams{ProjectID: int64(i.Project), UserID: int64(user.ID), Role: string(role)}); err != nil {
		return err
	}
	entry := account.Entry{Verb: account.Joined}.OfMember(user.ID, user.Email)
	entry.Before, entry.After = nil, map[string]string{"role": string(role), "invited by": i.Inviter}
	return rec(entry)
}

func invitationOf(row gen.Invitation, name string) account.Invitation {
	return account.Invitation{
		ID: row.ID, Project: monitor.ProjectID(row.ProjectID), Name: name, Email: row.Email, Role: account.Role(row.Role),
		Inviter: row.Inviter, Created: instant(row.CreatedAt), Expires: instant(row.ExpiresAt), Letters: int(row.Letters),
	}
}

// ProposeTransfer implements store.Members.
func (s *Store) ProposeTransfer(ctx context.Context, t account.Transfer) error {
	return s.change(ctx, "propose transfer", t.Project, func(q *gen.Queries, rec recorder) error {
		to, err := q.MemberByUser(ctx, gen.MemberByUserParams{ProjectID: int64(t.Project), UserID: int64(t.To)})
		if err != nil {
			return err
		}
		if account.Role(to.Role) == account.Owner {
			return fault.Say(fault.Conflict, "%s is an owner already", to.Email)
		}
		err = q.PutTransfer(ctx, gen.PutTransferParams{
			ProjectID: int64(t.Project), FromUser: int64(t.From), ToUser: int64(t.To), CreatedAt: t.Created.UnixMicro(),
		})
		if err != nil {
			return err
		}
		return rec(account.Entry{Verb: account.Proposed}.OfMember(t.To, to.Email))
	})
}

// Transfer implements store.Members.
func (s *Store) Transfer(ctx context.Context, project monitor.ProjectID, now time.Time) (account.Transfer, error) {
	t, err := transferOf(ctx, s.reading(), project, now)
	return t, s.done("find transfer", err)
}

// transferOf finds an offer that holds: it is not old, made by an owner, and made to
// a member.
func transferOf(ctx context.Context, q *gen.Queries, project monitor.ProjectID, now time.Time) (account.Transfer, error) {
	row, err := q.TransferOfProject(ctx, int64(project))
	if err != nil {
		return account.Transfer{}, err
	}
	t := account.Transfer{Project: project, From: account.UserID(row.FromUser), To: account.UserID(row.ToUser), Created: instant(row.CreatedAt)}
	from, err := q.MemberByUser(ctx, gen.MemberByUserParams{ProjectID: int64(project), UserID: row.FromUser})
	if err != nil {
		return t, err
	}
	if account.Role(from.Role) != account.Owner || now.Sub(t.Created) >= store.TransferLife {
		return t, fault.NotFound
	}
	_, err = q.MemberByUser(ctx, gen.MemberByUserParams{ProjectID: int64(project), UserID: row.ToUser})
	return t, err
}

// EndTransfer implements store.Members.
func (s *Store) EndTransfer(ctx context.Context, project monitor.ProjectID, by account.UserID) error {
	return s.change(ctx, "end transfer", project, func(q *gen.Queries, rec recorder) error {
		row, err := q.TransferOfProject(ctx, int64(project))
		if err != nil {
			return err
		}
		verb := account.Withdrawn
		switch int64(by) {
		case row.ToUser:
			verb = account.Declined
		case row.FromUser:
		default:
			return fault.NotFound
		}
		if _, err := q.DeleteTransfer(ctx, int64(project)); err != nil {
			return err
		}
		to, err := q.UserByID(ctx, row.ToUser)
		if err != nil {
			return err
		}
		return rec(account.Entry{Verb: verb}.OfMember(account.UserID(row.ToUser), to.Email))
	})
}

// AcceptTransfer implements store.Members.
func (s *Store) AcceptTransfer(ctx context.Context, project monitor.ProjectID, to account.UserID, now time.Time) error {
	return s.staff(ctx, "accept transfer", project, func(q *gen.Queries, rec recorder) error {
		t, err := transferOf(ctx, q, project, now)
		if errors.Is(err, sql.ErrNoRows) || err == nil && t.To != to {
			err = fault.NotFound
		}
		if errors.Is(err, fault.NotFound) {
			return fault.Say(fault.Conflict, "the offer does not hold any more")
		}
		if err != nil {
			return err
		}
		if err := roomForProject(ctx, q, to); err != nil {
			return err
		}
		user, err := q.UserByID(ctx, int64(to))
		if err != nil {
			return err
		}
		for id, role := range map[account.UserID]account.Role{t.To: account.Owner, t.From: account.Manager} {
			_, err := q.PutMember(ctx, gen.PutMemberParams{ProjectID: int64(project), UserID: int64(id), Role: string(role)})
			if err != nil {
				return err
			}
		}
		if err := s.fits(ctx, q, project); err != nil {
			return err
		}
		if _, err := q.DeleteTransfer(ctx, int64(project)); err != nil {
			return err
		}
		return rec(account.Entry{Verb: account.Accepted}.OfMember(to, user.Email))
	})
}
