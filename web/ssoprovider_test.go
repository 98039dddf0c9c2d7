package web_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/json"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rollcall/internal/outbound"
	"rollcall/web"
)

// The client that the provider knows.
const (
	clientID     = "rollcall"
	clientSecret = "a secret of the client"
)

// idp is a provider of single sign-on with keys of its own. It logs in whoever it is
// told to, keeps the rules of the protocol, and lies when it is bent.
type idp struct {
	*httptest.Server
	key  *rsa.PrivateKey
	dead atomic.Bool

	mu    sync.Mutex // guards what follows
	codes map[string]url.Values
	sub   string
	says  map[string]any                             // more claims, in place of the right ones too; nil leaves one out
	sign  func(header, claims map[string]any) string // in place of the right way
}

func newIDP(t *testing.T) *idp {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p := &idp{key: key, codes: map[string]url.Values{}, sub: "user-1", says: map[string]any{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		if p.dead.Load() {
			http.Error(w, "down", http.StatusServiceUnavailable)
			return
		}
		answer(w, map[string]any{
			"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys",
			"id_token_signing_alg_values_supported": []string{"RS256", "none", "HS256"},
		})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]any{"keys": []any{map[string]any{
			"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "1",
			"n": b64(key.N.Bytes()), "e": b64(big.NewInt(int64(key.E)).Bytes()),
		}}})
	})
	mux.HandleFunc("POST /token", p.token)
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	return p
}

func answer(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value)
}

// known is a site that can be logged in to by the provider.
func (p *idp) known(change ...func(*web.SSO)) func(*web.Config) {
	return func(c *web.Config) {
		issuer, _ := url.Parse(p.URL)
		c.SSO = &web.SSO{
			Issuer: p.URL, ClientID: clientID, ClientSecret: clientSecret, Name: "Northwind SSO",
			Client: outbound.New(outbound.Config{}).ClientTo(issuer),
		}
		for _, change := range change {
			change(c.SSO)
		}
	}
}

// is makes the provider log in this person from now on.
func (p *idp) is(sub string, says map[string]any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sub, p.says = sub, says
}

// authorize is what the person does at the provider: it returns where they are
// led back to.
func (p *idp) authorize(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	asked := u.Query()
	for name, want := range map[string]string{"response_type": "code", "client_id": clientID, "code_challenge_method": "S256"} {
		if got := asked.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	for _, name := range []string{"state", "nonce", "code_challenge"} {
		if len(asked.Get(name)) < 32 {
			t.Errorf("%s is %q", name, asked.Get(name))
		}
	}
	if !strings.Contains(asked.Get("scope"), "openid") || !strings.HasPrefix(address, p.URL+"/authorize?") {
		t.Errorf("asked for at %s", address)
	}
	code := rand.Text()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.codes[code] = asked
	return asked.Get("redirect_uri") + "?" + url.Values{"code": {code}, "state": {asked.Get("state")}, "iss": {p.URL}}.Encode()
}

// token exchanges a code, once, for whom it was given to and knows the verifier.
func (p *idp) token(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dead.Load() {
		http.Error(w, "down", http.StatusBadGateway)
		return
	}
	asked, known := p.codes[r.PostFormValue("code")]
	delete(p.codes, r.PostFormValue("code"))
	id, secret, _ := r.BasicAuth()
	challenge := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	if !known || id != clientID || secret != url.QueryEscape(clientSecret) || b64(challenge[:]) != asked.Get("code_challenge") ||
		r.PostFormValue("redirect_uri") != asked.Get("redirect_uri") {
		w.WriteHeader(http.StatusBadRequest)
		answer(w, map[string]string{"error": "invalid_grant"})
		return
	}
	claims := map[string]any{
		"iss": p.URL, "aud": clientID, "sub": p.sub, "nonce": asked.Get("nonce"),
		"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(), "auth_time": time.Now().Unix(),
	}
	maps.Copy(claims, p.says)
	sign := p.sign
	if sign == nil {
		sign = p.signed
	}
	token := sign(map[string]any{"alg": "RS256", "kid": "1", "typ": "JWT"}, claims)
	answer(w, map[string]any{"access_token": rand.Text(), "token_type": "Bearer", "id_token": token})
}

func unsigned(header, claims map[string]any) string {
	head, _ := json.Marshal(header)
	body, _ := json.Marshal(claims)
	return b64(head) + "." + b64(body)
}

func (p *idp) signed(header, claims map[string]any) string {
	text := unsigned(header, claims)
	digest := sha256.Sum256([]byte(text))
	signature, _ := rsa.SignPKCS1v15(rand.Reader, p.key, crypto.SHA256, digest[:])
	return text + "." + b64(signature)
}
