package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"errors"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
	"rollcall/internal/store/sqlstore/gen"
)

// changeFactors makes a change of a user's factors together with its letter, and
// begins a new epoch. That comes first: it locks the user's row, so that two
// changes at once cannot both leave what the other takes away.
func (s *Store) changeFactors(ctx context.Context, doing string, c store.FactorChange, change func(*gen.Queries) error) (epoch int64, err error) {
	err = s.transact(ctx, doing, func(q *gen.Queries) error {
		if epoch, err = q.NextEpoch(ctx, int64(c.User)); err != nil {
			return err
		}
		if err := change(q); err != nil {
			return err
		}
		return q.InsertLetter(ctx, insertLetter(c.Notice))
	})
	return epoch, err
}

// Factors implements store.Factors.
func (s *Store) Factors(ctx context.Context, id account.UserID) (account.Factors, error) {
	var f account.Factors
	q, user := s.reading(), int64(id)
	row, err := q.FactorsOfUser(ctx, user)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return f, s.done("read factors", err)
	}
	f.Epoch = row.Epoch
	if row.TotpSince != nil {
		app, err := s.totpOf(row)
		if err != nil {
			return f, s.done("read factors", err)
		}
		f.TOTP = &app
	}
	passkeys, err := q.PasskeysOfUser(ctx, gen.PasskeysOfUserParams{UserID: user, Rows: account.PasskeyLimit})
	if err != nil {
		return f, s.done("list passkeys", err)
	}
	for _, p := range passkeys {
		f.Passkeys = append(f.Passkeys, passkeyOf(p))
	}
	identities, err := q.IdentitiesOfUser(ctx, gen.IdentitiesOfUserParams{UserID: user, Rows: listLimit})
	if err != nil {
		return f, s.done("list identities", err)
	}
	for _, i := range identities {
		f.Identities = append(f.Identities, identityOf(i))
	}
	left, err := q.CountRecoveryCodes(ctx, user)
	f.Recovery = int(left)
	return f, s.done("count recovery codes", err)
}

// Epoch implements store.Factors.
func (s *Store) Epoch(ctx context.Context, id account.UserID) (int64, error) {
	row, err := s.reading().FactorsOfUser(ctx, int64(id))
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return row.Epoch, s.done("read epoch", err)
}

// ProposeTOTP implements store.Factors.
func (s *Store) ProposeTOTP(ctx context.Context, id account.UserID, secret string) error {
	return s.transact(ctx, "propose TOTP", func(q *gen.Queries) error {
		if _, err := q.UserByID(ctx, int64(id)); err != nil {
			return err
		}
		rows, err := q.ProposeTOTP(ctx, gen.ProposeTOTPParams{UserID: int64(id), Secret: s.seal(totpAt(int64(id)), secret)})
		return anyRow(rows, err, fault.Conflict)
	})
}

// ProposedTOTP implements store.Factors.
func (s *Store) ProposedTOTP(ctx context.Context, id account.UserID) (account.TOTP, error) {
	row, err := s.reading().FactorsOfUser(ctx, int64(id))
	if err == nil && (row.TotpSecret == nil || row.TotpSince != nil) {
		err = fault.NotFound
	}
	if err != nil {
		return account.TOTP{}, s.done("find proposed TOTP", err)
	}
	t, err := s.totpOf(row)
	return t, s.done("find proposed TOTP", err)
}

// ConfirmTOTP implements store.Factors.
func (s *Store) ConfirmTOTP(ctx context.Context, c store.FactorChange, t account.TOTP, codes []string) (int64, error) {
	return s.changeFactors(ctx, "confirm TOTP", c, func(q *gen.Queries) error {
		row, err := q.FactorsOfUser(ctx, int64(c.User))
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if proposed, err := s.totpOf(row); err != nil || proposed.Secret != t.Secret {
			return cmp.Or(err, fault.Conflict)
		}
		rows, err := q.ConfirmTOTP(ctx, gen.ConfirmTOTPParams{
			UserID: int64(c.User), Secret: valueOf(row.TotpSecret), Step: t.Step, Since: t.Since.UnixMicro(),
		})
		if err := anyRow(rows, err, fault.Conflict); err != nil {
			return err
		}
		return replaceCodes(ctx, q, c.User, codes)
	})
}

// UseTOTP implements store.Factors.
func (s *Store) UseTOTP(ctx context.Context, id account.UserID, step int64) error {
	rows, err := s.writing().UseTOTP(ctx, gen.UseTOTPParams{UserID: int64(id), Step: step})
	return s.done("use TOTP", anyRow(rows, err, fault.Conflict))
}

// RemoveTOTP implements store.Factors.
func (s *Store) RemoveTOTP(ctx context.Context, c store.FactorChange) (int64, error) {
	return s.changeFactors(ctx, "remove TOTP", c, func(q *gen.Queries) error {
		rows, err := q.RemoveTOTP(ctx, int64(c.User))
		if err := anyRow(rows, err, fault.NotFound); err != nil {
			return err
		}
		return dropUselessCodes(ctx, q, c.User)
	})
}

// AddPasskey implements store.Factors.
func (s *Store) AddPasskey(ctx context.Context, c store.FactorChange, p account.Passkey) (int64, error) {
	return s.changeFactors(ctx, "add passkey", c, func(q *gen.Queries) error {
		n, err := q.CountPasskeys(ctx, int64(c.User))
		if err != nil {
			return err
		}
		if n >= account.PasskeyLimit {
			return fault.Conflict
		}
		return q.InsertPasskey(ctx, gen.InsertPasskeyParams{
			UserID: int64(c.User), Name: p.Name, Credential: p.Credential, Record: p.Record,
			Counter: int64(p.Counter), CreatedAt: p.Created.UnixMicro(),
		})
	})
}

// PasskeyByCredential implements store.Factors.
func (s *Store) PasskeyByCredential(ctx context.Context, credential string) (account.Passkey, error) {
	row, err := s.reading().PasskeyByCredential(ctx, credential)
	return passkeyOf(row), s.done("find passkey", err)
}

// UsePasskey implements store.Factors.
func (s *Store) UsePasskey(ctx context.Context, before, after account.Passkey) error {
	rows, err := s.writing().UsePasskey(ctx, gen.UsePasskeyParams{
		ID: int64(before.ID), CounterBefore: int64(before.Counter),
		Counter: int64(after.Counter), Record: after.Record, UsedAt: after.Used.UnixMicro(),
	})
	return s.done("use passkey", anyRow(rows, err, fault.Conflict))
}

// RemovePasskey implements store.Factors.
func (s *Store) RemovePasskey(ctx context.Context, c store.FactorChange, id account.PasskeyID) (int64, error) {
	return s.changeFactors(ctx, "remove passkey", c, func(q *gen.Queries) error {
		rows, err := q.DeletePasskey(ctx, gen.DeletePasskeyParams{ID: int64(id), UserID: int64(c.User)})
		if err := anyRow(rows, err, fault.NotFound); err != nil {
			return err
		}
		if err := dropUselessCodes(ctx, q, c.User); err != nil {
			return err
		}
		return stillEnters(ctx, q, c)
	})
}

// SetRecoveryCodes implements store.Factors.
func (s *Store) SetRecoveryCodes(ctx context.Context, c store.FactorChange, codes []string) (int64, error) {
	return s.changeFactors(ctx, "set recovery codes", c, func(q *gen.Queries) error {
		return replaceCodes(ctx, q, c.User, codes)
	})
}

// UseRecoveryCode implements store.Factors.
func (s *Store) UseRecoveryCode(ctx context.Context, c store.FactorChange, hash string) error {
	return s.transact(ctx, "use recovery code", func(q *gen.Queries) error {
		rows, err := q.UseRecoveryCode(ctx, gen.UseRecoveryCodeParams{UserID: int64(c.User), Hash: hash})
		if err := anyRow(rows, err, fault.NotFound); err != nil {
			return err
		}
		return q.InsertLetter(ctx, insertLetter(c.Notice))
	})
}

// Identity implements store.Factors.
func (s *Store) Identity(ctx context.Context, issuer, subject string) (account.Identity, error) {
	row, err := s.reading().IdentityBySubject(ctx, gen.IdentityBySubjectParams{Issuer: issuer, Subject: subject})
	return identityOf(row), s.done("find identity", err)
}

// LinkIdentity implements store.Factors.
func (s *Store) LinkIdentity(ctx context.Context, c store.FactorChange, i account.Identity) (int64, error) {
	return s.changeFactors(ctx, "link identity", c, func(q *gen.Queries) error {
		return q.InsertIdentity(ctx, gen.InsertIdentityParams{
			UserID: int64(c.User), Issuer: i.Issuer, Subject: i.Subject, Email: i.Email, CreatedAt: i.Created.UnixMicro(),
		})
	})
}

// UnlinkIdentity implements store.Factors.
func (s *Store) UnlinkIdentity(ctx context.Context, c store.FactorChange, id account.IdentityID) (int64, error) {
	return s.changeFactors(ctx, "unlink identity", c, func(q *gen.Queries) error {
		rows, err := q.DeleteIdentity(ctx, gen.DeleteIdentityParams{ID: int64(id), UserID: int64(c.User)})
		if err := anyRow(rows, err, fault.NotFound); err != nil {
			return err
		}
		return stillEnters(ctx, q, c)
	})
}

// replaceCodes puts codes in the place of a user's recovery codes, if there are any.
func replaceCodes(ctx context.Context, q *gen.Queries, id account.UserID, codes []string) error {
	if len(codes) == 0 {
		return nil
	}
	if err := q.DeleteRecoveryCodes(ctx, int64(id)); err != nil {
		return err
	}
	for _, hash := range codes {
		if err := q.InsertRecoveryCode(ctx, gen.InsertRecoveryCodeParams{UserID: int64(id), Hash: hash}); err != nil {
			return err
		}
	}
	return nil
}

// dropUselessCodes deletes the recovery codes of who has no second factor any more.
func dropUselessCodes(ctx context.Context, q *gen.Queries, id account.UserID) error {
	row, err := q.FactorsOfUser(ctx, int64(id))
	if err != nil {
		return err
	}
	passkeys, err := q.CountPasskeys(ctx, int64(id))
	if err != nil || passkeys > 0 || row.TotpSince != nil {
		return err
	}
	return q.DeleteRecoveryCodes(ctx, int64(id))
}

// stillEnters is a fault.Conflict when the user has no way left to log in.
func stillEnters(ctx context.Context, q *gen.Queries, c store.FactorChange) error {
	user, err := q.UserByID(ctx, int64(c.User))
	if err != nil || user.PasswordHash != nil || c.ByMail {
		return err
	}
	passkeys, err := q.CountPasskeys(ctx, int64(c.User))
	if err != nil {
		return err
	}
	identities, err := q.IdentitiesOfUser(ctx, gen.IdentitiesOfUserParams{UserID: int64(c.User), Rows: 1})
	if err == nil && passkeys == 0 && len(identities) == 0 {
		return fault.Conflict
	}
	return err
}

func passkeyOf(row gen.Passkey) account.Passkey {
	return account.Passkey{
		ID: account.PasskeyID(row.ID), User: account.UserID(row.UserID), Name: row.Name, Credential: row.Credential,
		Record: row.Record, Counter: uint32(row.Counter), Created: instant(row.CreatedAt), Used: monitor.FromMicros(row.UsedAt),
	}
}

func identityOf(row gen.Identity) account.Identity {
	return account.Identity{
		ID: account.IdentityID(row.ID), User: account.UserID(row.UserID), Issuer: row.Issuer, Subject: row.Subject,
		Email: row.Email, Created: instant(row.CreatedAt),
	}
}
