package store

import (
	"context"

	"rollcall/internal/account"
)

// Factors keeps by what people prove who they are, besides a password. Every change
// writes the letter of notice with it, and ends the sessions that began before: it
// returns the epoch of those that begin now. It is a fault.NotFound when there is
// no such user.
type Factors interface {
	// Factors returns everything of a user; of who has nothing, nothing.
	Factors(ctx context.Context, id account.UserID) (account.Factors, error)
	// Epoch returns the Epoch of the factors alone.
	Epoch(ctx context.Context, id account.UserID) (int64, error)

	// ProposeTOTP keeps the secret of an authenticator app until its first code has
	// been seen, in place of one that was proposed before. It is a fault.Conflict when
	// the user has an app already.
	ProposeTOTP(ctx context.Context, id account.UserID, secret string) error
	// ProposedTOTP returns what was proposed and not confirmed yet, or a fault.NotFound.
	ProposedTOTP(ctx context.Context, id account.UserID) (account.TOTP, error)
	// ConfirmTOTP makes the proposed secret the user's app, with the step of the code
	// that was seen, and replaces the recovery codes by those with the given hashes;
	// without hashes they stay. It is a fault.Conflict when that secret is not the
	// proposed one any more.
	ConfirmTOTP(ctx context.Context, c FactorChange, t account.TOTP, codes []string) (epoch int64, err error)
	// UseTOTP uses a code up: it is a fault.Conflict when that of the step, or a later
	// one, was used before.
	UseTOTP(ctx context.Context, id account.UserID, step int64) error
	// RemoveTOTP takes the app away; with the last second factor go the recovery codes.
	RemoveTOTP(ctx context.Context, c FactorChange) (epoch int64, err error)

	// AddPasskey keeps a new passkey. It is a fault.Conflict when its credential is
	// known, or the user has account.PasskeyLimit of them.
	AddPasskey(ctx context.Context, c FactorChange, p account.Passkey) (epoch int64, err error)
	// PasskeyByCredential returns a passkey by the id of its credential.
	PasskeyByCredential(ctx context.Context, credential string) (account.Passkey, error)
	// UsePasskey writes the passkey as it is after it was used; before is how it was
	// read. It is a fault.Conflict when it was used in the meantime.
	UsePasskey(ctx context.Context, before, after account.Passkey) error
	// RemovePasskey takes a passkey away; with the last second factor go the recovery
	// codes. It is a fault.Conflict when the user could not log in without it.
	RemovePasskey(ctx context.Context, c FactorChange, id account.PasskeyID) (epoch int64, err error)

	// SetRecoveryCodes replaces the recovery codes.
	SetRecoveryCodes(ctx context.Context, c FactorChange, codes []string) (epoch int64, err error)
	// UseRecoveryCode uses one up, or is a fault.NotFound. Sessions go on.
	UseRecoveryCode(ctx context.Context, c FactorChange, hash string) error

	// Identity returns who somebody of a provider is here.
	Identity(ctx context.Context, issuer, subject string) (account.Identity, error)
	// LinkIdentity lets a user log in by a provider. It is a fault.Conflict when the
	// identity is linked already, to whomever.
	LinkIdentity(ctx context.Context, c FactorChange, i account.Identity) (epoch int64, err error)
	// UnlinkIdentity ends that. It is a fault.Conflict when the user could not log in
	// without it.
	UnlinkIdentity(ctx context.Context, c FactorChange, id account.IdentityID) (epoch int64, err error)
}

// FactorChange is whose factors change, and the letter that tells them.
type FactorChange struct {
	User   account.UserID
	Notice account.Letter
	ByMail bool // they can always log in by a link that is mailed to them
}
