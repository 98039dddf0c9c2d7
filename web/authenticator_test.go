package web_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/go-webauthn/webauthn/protocol/webauthncbor"
)

// device is an authenticator of the test's own: what it answers can be bent.
type device struct {
	id      []byte
	handle  []byte // who its user is, as the server said
	key     *ecdsa.PrivateKey
	counter uint32
	flags   byte
	origin  string
	party   string
	kind    string // of the ceremony, in place of the right one
	cross   bool   // the page stood in one of another site
	damage  bool   // the signature
}

const (
	present  = 0x01
	verified = 0x04
	attested = 0x40
)

func (s *site) device() *device {
	s.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	s.ok(err)
	return &device{id: []byte(rand.Text()), key: key, flags: present | verified, origin: "http://localhost:8000", party: "localhost"}
}

func b64(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

// clientData is what the browser adds to an answer.
func (d *device) clientData(kind, challenge string) []byte {
	if d.kind != "" {
		kind = d.kind
	}
	text, _ := json.Marshal(map[string]any{"type": kind, "challenge": challenge, "origin": d.origin, "crossOrigin": d.cross})
	return text
}

// data is what the authenticator signs, before the hash of the browser's part.
func (d *device) data(flags byte) []byte {
	party := sha256.Sum256([]byte(d.party))
	return binary.BigEndian.AppendUint32(append(party[:], flags), d.counter)
}

// make answers to the challenge of a new passkey.
func (d *device) make(s *site, options string) string {
	s.Helper()
	var asked struct {
		Challenge string                `json:"challenge"`
		User      struct{ ID string }   `json:"user"`
		Party     struct{ ID string }   `json:"rp"`
		Exclude   []struct{ ID string } `json:"excludeCredentials"`
	}
	s.ok(json.Unmarshal([]byte(options), &asked))
	for _, known := range asked.Exclude {
		if known.ID == b64(d.id) {
			return "" // as browsers do
		}
	}
	var err error
	d.handle, err = base64.RawURLEncoding.DecodeString(asked.User.ID)
	s.ok(err)
	point, err := d.key.PublicKey.Bytes() // 4, x, y
	s.ok(err)
	key, err := webauthncbor.Marshal(map[int]any{1: 2, 3: -7, -1: 1, -2: point[1:33], -3: point[33:]})
	s.ok(err)
	data := append(d.data(d.flags|attested), make([]byte, 16)...)
	data = binary.BigEndian.AppendUint16(data, uint16(len(d.id)))
	data = append(append(data, d.id...), key...)
	object, err := webauthncbor.Marshal(map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": data})
	s.ok(err)
	return d.credential(s, map[string]any{
		"clientDataJSON": b64(d.clientData("webauthn.create", asked.Challenge)), "attestationObject": b64(object),
	})
}

// answer answers to a challenge.
func (d *device) answer(s *site, options string) string {
	s.Helper()
	var asked struct{ Challenge string }
	s.ok(json.Unmarshal([]byte(options), &asked))
	d.counter++
	data, client := d.data(d.flags), d.clientData("webauthn.get", asked.Challenge)
	hash := sha256.Sum256(client)
	digest := sha256.Sum256(append(data, hash[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, d.key, digest[:])
	s.ok(err)
	if d.damage {
		signature[len(signature)-1] ^= 1
	}
	return d.credential(s, map[string]any{
		"clientDataJSON": b64(client), "authenticatorData": b64(data), "signature": b64(signature), "userHandle": b64(d.handle),
	})
}

func (d *device) credential(s *site, response map[string]any) string {
	text, err := json.Marshal(map[string]any{
		"id": b64(d.id), "rawId": b64(d.id), "type": "public-key", "clientExtensionResults": map[string]any{}, "response": response,
	})
	s.ok(err)
	return string(text)
}

// tell sends JSON as a script of ours does; headers come in pairs.
func (b *browser) tell(path, body string, headers ...string) *httptest.ResponseRecorder {
	b.Helper()
	r := httptest.NewRequestWithContext(b.Context(), http.MethodPost, path, strings.NewReader(body))
	r.Host, r.RemoteAddr = b.base.Host, b.remote
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	for _, cookie := range b.jar.Cookies(b.base) {
		r.AddCookie(cookie)
	}
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, r)
	b.jar.SetCookies(b.base, w.Result().Cookies())
	return w
}

// addPasskey adds the device to the account that is signed in.
func (b *browser) addPasskey(d *device, name string) *httptest.ResponseRecorder {
	b.Helper()
	w := b.tell("/account/security/passkeys/challenge", "{}")
	b.wants(w, 200)
	body, err := json.Marshal(map[string]any{"name": name, "credential": json.RawMessage(d.make(b.site, w.Body.String()))})
	b.ok(err)
	return b.tell("/account/security/passkeys", string(body))
}

// usePasskey answers whatever a passkey is asked for in this session.
func (b *browser) usePasskey(d *device, next string) *httptest.ResponseRecorder {
	b.Helper()
	body, err := json.Marshal(map[string]string{"next": next})
	b.ok(err)
	w := b.tell("/passkey/challenge", string(body))
	if w.Code != http.StatusOK {
		return w
	}
	return b.tell("/passkey/answer", d.answer(b.site, w.Body.String()))
}
