package web

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"rollcall/internal/store"
)

// idempotencyKeyLimit is the longest Idempotency-Key, in characters.
const idempotencyKeyLimit = 255

// once runs a handler. When the request carries an Idempotency-Key, it runs at most
// once for that key of the project, and whoever repeats the request is answered as
// before (draft-ietf-httpapi-idempotency-key-header-07). Answers that may be
// another one the next time, those of our own failures and of too many requests,
// are not kept.
func (s *Server) once(c *apiCall, handle func() error) error {
	if c.r.Method != http.MethodPost || c.route.key == keyNone || len(c.r.Header.Values("Idempotency-Key")) == 0 {
		return handle()
	}
	key, err := idempotencyKey(c.r.Header.Values("Idempotency-Key"))
	if err != nil {
		return err
	}
	request := store.Request{Project: c.project.ID, Key: key, Fingerprint: fingerprintOf(c), Begun: s.Now()}
	earlier, err := s.Store.BeginRequest(c.ctx(), request)
	switch {
	case err != nil:
		return err
	case earlier != nil && earlier.Fingerprint != request.Fingerprint:
		return refuse(http.StatusUnprocessableEntity, "this Idempotency-Key belongs to another request; use a new one for each")
	case earlier != nil && earlier.Code == nil:
		return refuse(http.StatusConflict, "a request with this Idempotency-Key is being answered; ask again in a moment")
	case earlier != nil:
		return c.repeat(*earlier)
	}
	ctx, kept := context.WithoutCancel(c.ctx()), false
	defer func() {
		if kept {
			return
		}
		if err := s.Store.DropRequest(ctx, request); err != nil {
			s.Log.ErrorContext(ctx, "idempotency key stays taken for a while", "request", note(c.r).id, "error", err)
		}
	}()
	err = handle()
	out := c.out
	if err != nil {
		said := refusalOf(err, note(c.r).id)
		out = apiAnswer{code: said.code, header: http.Header{"Content-Type": {problemType}}, body: said.body(note(c.r).id)}
	}
	if out.code >= http.StatusInternalServerError || out.code == http.StatusTooManyRequests {
		return err
	}
	kept = true // also when it cannot be: what was done must not be done again at once
	if err := s.Store.AnswerRequest(ctx, answered(request, out)); err != nil {
		s.Log.ErrorContext(ctx, "answer to an idempotency key is not kept", "request", note(c.r).id, "error", err)
	}
	return err
}

// idempotencyKey reads the one field: a quoted string, or the bare text that many
// clients send.
func idempotencyKey(fields []string) (string, error) {
	key := strings.TrimSpace(fields[0])
	if quoted, ok := strings.CutPrefix(key, `"`); ok {
		key, _, _ = strings.Cut(quoted, `"`)
	}
	unprintable := func(r rune) bool { return r <= ' ' || r > '~' }
	if len(fields) > 1 || key == "" || len(key) > idempotencyKeyLimit || strings.ContainsFunc(key, unprintable) {
		return "", refuse(http.StatusBadRequest, "Idempotency-Key takes one text of 1 to %d printable characters without spaces", idempotencyKeyLimit)
	}
	return key, nil
}

// fingerprintOf tells requests apart: by method, address and body.
func fingerprintOf(c *apiCall) string {
	hash := sha256.New()
	fmt.Fprintf(hash, "%s %s\n", c.r.Method, c.r.URL.RequestURI())
	hash.Write(c.raw)
	return hex.EncodeToString(hash.Sum(nil))
}

// keptFields are the fields of an answer that belong to its body.
var keptFields = [...]string{"Content-Type", "Content-Disposition"}

// answered is the request with its answer.
func answered(request store.Request, out apiAnswer) store.Request {
	fields := map[string]string{}
	for _, name := range keptFields {
		if value := out.header.Get(name); value != "" {
			fields[name] = value
		}
	}
	header, err := json.Marshal(fields)
	if err != nil {
		panic(fmt.Sprintf("encode header: %v", err)) // a map of strings
	}
	request.Code, request.Header, request.Body = &out.code, string(header), string(out.body)
	return request
}

// repeat answers as an earlier request was answered.
func (c *apiCall) repeat(earlier store.Request) error {
	var fields map[string]string
	if err := json.Unmarshal([]byte(earlier.Header), &fields); err != nil {
		return fmt.Errorf("read kept answer: %w", err)
	}
	for name, value := range fields {
		c.out.header.Set(name, value)
	}
	c.out.header.Set("Idempotent-Replayed", "true")
	c.out.code, c.out.body = *earlier.Code, []byte(earlier.Body)
	return nil
}
