package web

import (
	"context"
	"fmt"

	"github.com/alexedwards/argon2id"

	"rollcall/internal/account"
)

// hashMemory is what one hash takes, in KiB. Together with hashLanes it bounds
// the memory that log-ins can take.
const (
	hashMemory = 19 << 10
	hashLanes  = 2
)

func hashParams() *argon2id.Params {
	return &argon2id.Params{Memory: hashMemory, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}
}

// HashPassword returns the form in which a password is stored.
func HashPassword(password string) (string, error) {
	hash, err := argon2id.CreateHash(password, hashParams())
	if err != nil {
		return "", fmt.Errorf("hash password: %w", err)
	}
	return hash, nil
}

// hasher checks passwords, a few at a time.
type hasher struct {
	lanes chan struct{}
	dummy string // compared with when there is no account, so that both take the same time
}

func newHasher() (hasher, error) {
	dummy, err := HashPassword(account.NewToken())
	return hasher{make(chan struct{}, hashLanes), dummy}, err
}

// matches reports whether the password is the one of the hash, "" being the hash
// of no password at all.
func (h hasher) matches(ctx context.Context, password, hash string) (bool, error) {
	if err := h.enter(ctx); err != nil {
		return false, err
	}
	defer h.leave()
	known := hash != ""
	if !known {
		hash = h.dummy
	}
	match, err := argon2id.ComparePasswordAndHash(password, hash)
	if err != nil {
		return false, fmt.Errorf("check password: %w", err)
	}
	return match && known, nil
}

// hash is HashPassword within the bounds of the hasher.
func (h hasher) hash(ctx context.Context, password string) (string, error) {
	if err := h.enter(ctx); err != nil {
		return "", err
	}
	defer h.leave()
	return HashPassword(password)
}

func (h hasher) enter(ctx context.Context) error {
	select {
	case h.lanes <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (h hasher) leave() { <-h.lanes }
