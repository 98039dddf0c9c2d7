// Package sealed keeps secrets that are stored from being read by whoever sees the
// database or a copy of it.
//
// It owns the form in which a secret is stored, AES-256-GCM with a random nonce, and
// the file of keys. A sealed secret is bound to its place, so that one that is copied
// to another row cannot be opened there. It refuses to know what is a secret and where
// the database is; keys never get into it.
package sealed

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"rollcall/internal/fault"
)

// Place is where a secret is stored.
type Place struct {
	Table  string
	Row    int64
	Column string
}

func (p Place) bytes() []byte {
	return []byte(p.Table + "\x00" + strconv.FormatInt(p.Row, 10) + "\x00" + p.Column)
}

// prefix marks what is sealed; no secret that is stored in the clear begins so.
const prefix = "sealed:1:"

// Is reports whether a stored text is sealed.
func Is(text string) bool { return strings.HasPrefix(text, prefix) }

// KeyOf names the key that a text was sealed with; "" when it is not sealed.
func KeyOf(text string) string {
	id, _, ok := strings.Cut(strings.TrimPrefix(text, prefix), ":")
	if !Is(text) || !ok {
		return ""
	}
	return id
}

// ErrOpen is a sealed secret that cannot be opened.
var ErrOpen = errors.New("a sealed secret cannot be opened")

// Ring is the keys of a file. The first one seals, each of them opens.
type Ring struct {
	path   string
	failed atomic.Int64

	mu    sync.RWMutex // guards the keys
	order []string     // ids, the one that seals first
	keys  map[string]cipher.AEAD
}

// keySize is that of AES-256.
const keySize = 32

// NewKey returns a random key as a line of a file.
func NewKey() string {
	key := make([]byte, keySize)
	_, _ = rand.Read(key) // never fails
	return base64.StdEncoding.EncodeToString(key)
}

// Load reads the keys of a file.
func Load(path string) (*Ring, error) {
	r := &Ring{path: path}
	if err := r.Reload(); err != nil {
		return nil, err
	}
	return r, nil
}

// Create makes a file with one key, which only its owner may read, and loads it. It
// is an error when there is one.
func Create(path string) (*Ring, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("make the file of keys: %w", err)
	}
	if err := write(path, []string{NewKey()}); err != nil {
		return nil, fmt.Errorf("make the file of keys: %w", err)
	}
	return Load(path)
}

// Rotate puts a new key before those of the file, and loads it.
func (r *Ring) Rotate() error {
	lines, err := read(r.path)
	if err != nil {
		return err
	}
	if err := write(r.path+".new", append([]string{NewKey()}, lines...)); err != nil {
		return fmt.Errorf("write the file of keys: %w", err)
	}
	if err := os.Rename(r.path+".new", r.path); err != nil {
		return fmt.Errorf("write the file of keys: %w", err)
	}
	return r.Reload()
}

// write makes a file of keys. One that is half written never has the name.
func write(path string, lines []string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.WriteString("# Opens the secrets in Rollcall's database: keep a copy apart from the backups of it.\n# The first key seals. One that no backup needs any more can go.\n" + strings.Join(lines, "\n") + "\n")
	return errors.Join(err, file.Sync(), file.Close())
}

func read(path string) ([]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the file of keys: %w", err)
	}
	var lines []string
	for line := range bytes.Lines(text) {
		if line := strings.TrimSpace(string(line)); line != "" && !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	if len(lines) == 0 {
		return nil, fmt.Errorf("there is no key in %s", path)
	}
	return lines, nil
}

// Reload reads the file again.
func (r *Ring) Reload() error {
	lines, err := read(r.path)
	if err != nil {
		return err
	}
	var order []string
	keys := map[string]cipher.AEAD{}
	for i, line := range lines {
		key, err := base64.StdEncoding.DecodeString(line)
		if err != nil || len(key) != keySize {
			return fmt.Errorf("key %d in %s is not %d bytes in base64", i+1, r.path, keySize)
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(append([]byte("rollcall key id "), key...))
		id := hex.EncodeToString(sum[:4])
		if keys[id], err = cipher.NewGCMWithRandomNonce(block); err != nil {
			return err
		}
		order = append(order, id)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.order, r.keys = order, keys
	return nil
}

// Path is the file of the keys.
func (r *Ring) Path() string { return r.path }

// Current is the name of the key that seals.
func (r *Ring) Current() string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.order[0]
}

// CurrentPrefix is how all begins that is sealed with the key that seals.
func (r *Ring) CurrentPrefix() string { return prefix + r.Current() + ":" }

// Failed is how many secrets could not be opened.
func (r *Ring) Failed() int64 { return r.failed.Load() }

// Seal returns a secret as it is stored at a place.
func (r *Ring) Seal(at Place, secret string) string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	id := r.order[0]
	return prefix + id + ":" + base64.RawStdEncoding.EncodeToString(r.keys[id].Seal(nil, nil, []byte(secret), at.bytes()))
}

// Open returns a secret that is stored at a place. One that is not sealed is returned
// as it is. A key that is not known may have been added to the file in the meantime.
func (r *Ring) Open(at Place, text string) (string, error) {
	if !Is(text) {
		return text, nil
	}
	id := KeyOf(text)
	key, known := r.key(id)
	if !known && r.Reload() == nil {
		key, known = r.key(id)
	}
	if !known {
		r.failed.Add(1)
		return "", fault.Say(ErrOpen, "a secret in %s of %s %d was sealed with key %s, which is not in %s", at.Column, at.Table, at.Row, id, r.path)
	}
	raw, err := base64.RawStdEncoding.DecodeString(text[len(prefix)+len(id)+1:])
	var secret []byte
	if err == nil {
		secret, err = key.Open(nil, nil, raw, at.bytes())
	}
	if err != nil {
		r.failed.Add(1)
		return "", fault.Say(ErrOpen, "the secret in %s of %s %d is damaged, or belongs to another row", at.Column, at.Table, at.Row)
	}
	return string(secret), nil
}

func (r *Ring) key(id string) (cipher.AEAD, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	key, known := r.keys[id]
	return key, known
}
