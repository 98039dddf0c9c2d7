package demo

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"rollcall/templates"
)

// Limits of a webhook that the receiver takes.
const (
	HookLimit     = 64 << 10 // bytes of its body; 413 beyond
	hookHeadLimit = 16 << 10
	hookTimeLimit = 10 * time.Second
)

// receiver takes webhooks as somebody's own program would: it verifies each, and
// fails when it is told to.
type receiver struct {
	verifier *standardwebhooks.Webhook
	now      func() time.Time
	refusing atomic.Bool
	hooks    shelf[templates.CaughtHook]
}

func newReceiver(secret string, now func() time.Time) (*receiver, error) {
	verifier, err := standardwebhooks.NewWebhook(secret)
	return &receiver{verifier: verifier, now: now}, err
}

// server returns what serves the receiver.
func (r *receiver) server() *http.Server {
	return &http.Server{
		Handler: r, ReadTimeout: hookTimeLimit, WriteTimeout: hookTimeLimit, MaxHeaderBytes: hookHeadLimit,
	}
}

// ServeHTTP implements http.Handler.
func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	if request.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "webhooks are POSTed here", http.StatusMethodNotAllowed)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, request.Body, HookLimit))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		http.Error(w, "too large", http.StatusRequestEntityTooLarge)
		return
	case err != nil:
		return // it was cut off and is no message
	}
	hook := templates.CaughtHook{
		At: r.now(), ID: request.Header.Get(standardwebhooks.HeaderWebhookID),
		About: about(body), Head: headOf(request.Header), Body: indented(body), Code: http.StatusNoContent,
	}
	if err := r.verifier.Verify(body, request.Header); err != nil {
		hook.Wrong, hook.Code = err.Error(), http.StatusUnauthorized
	} else if r.refusing.Load() {
		hook.Code = http.StatusServiceUnavailable
	}
	r.hooks.put(func(n int, before []templates.CaughtHook) templates.CaughtHook {
		hook.N, hook.Tried = n, 1
		for _, earlier := range before {
			if earlier.ID == hook.ID {
				hook.Tried++
			}
		}
		return hook
	})
	w.WriteHeader(hook.Code)
}

// headOf lists the headers of a request by name, one a line.
func headOf(header http.Header) string {
	var lines []string
	for name, values := range header {
		for _, value := range values {
			lines = append(lines, strings.ToLower(name)+": "+value)
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// about says in a few words what a webhook says.
func about(body []byte) string {
	var said struct {
		Type string
		Data struct{ Check, Channel struct{ Name string } }
	}
	switch err := json.Unmarshal(body, &said); {
	case err != nil, said.Type == "":
		return "Not from Rollcall"
	case said.Data.Check.Name != "":
		return said.Type + ", " + said.Data.Check.Name
	}
	return said.Type + ", " + said.Data.Channel.Name
}

// indented is a body as it is read best.
func indented(body []byte) string {
	var text bytes.Buffer
	if json.Indent(&text, body, "", "  ") != nil {
		return strings.ToValidUTF8(string(body), "\uFFFD")
	}
	return text.String()
}
