package web

import (
	"context"
	"encoding/base64"
	"fmt"

	"github.com/alexedwards/argon2id"
)

// The cost of a hash. What it takes in memory and how many are made at once bound
// the memory that log-ins can take.
const (
	hashMemory = 19 << 10 // KiB
	hashPasses = 2
	hashSalt   = 16 // bytes
	hashKey    = 32 // bytes
	hashLanes  = 2  // hashes made at once
)

// HashPassword returns the form in which a password is stored.
func HashPassword(password string) (string, error) {
	hash, err := argon2id.CreateHash(password, &argon2id.Params{
		Memory: hashMemory, Iterations: hashPasses, Parallelism: 1, SaltLength: hashSalt, KeyLength: hashKey,
	})
	if err != nil {
		return "", fmt.Errorf("hash password: %w", err)
	}
	return hash, nil
}

// hasher checks passwords, a few at a time.
type hasher struct {
	lanes chan struct{}
	// dummy is compared with when there is no account, so that both take the same
	// time. It has the cost of a real hash and is that of no known password.
	dummy string
}

func newHasher() hasher {
	text := func(size int) string { return base64.RawStdEncoding.EncodeToString(make([]byte, size)) }
	return hasher{
		lanes: make(chan struct{}, hashLanes),
		dummy: fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=1$%s$%s", hashMemory, hashPasses, text(hashSalt), text(hashKey)),
	}
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
