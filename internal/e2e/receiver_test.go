package e2e_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// secret signs the webhooks of these tests.
const secret = "whsec_ZW5kLXRvLWVuZC10ZXN0cy1vZi1yb2xsY2FsbA=="

// receiver takes webhooks and verifies each with the reference library.
type receiver struct {
	URL   string
	delay time.Duration // before an answer
	// refuses begins the paths to which nothing gets through; "" for none.
	refuses string

	mu       sync.Mutex // guards the rest
	received []webhook
}

// webhook is one message as it came in.
type webhook struct {
	path, id, body string
	at             time.Time
	wrong          error // what the reference library says about the signature
}

func newReceiver(t *testing.T, delay time.Duration) *receiver {
	verifier, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	r := &receiver{delay: delay}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return // it was cut off and is no message
		}
		if r.refuses != "" && strings.HasPrefix(req.URL.Path, r.refuses) {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		got := webhook{path: req.URL.Path, id: req.Header.Get("webhook-id"), body: string(body), at: time.Now()}
		got.wrong = verifier.Verify(body, req.Header)
		r.mu.Lock()
		r.received = append(r.received, got)
		r.mu.Unlock()
		time.Sleep(r.delay)
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(server.Close)
	r.URL = server.URL
	return r
}

// all returns what came in so far, in its order.
func (r *receiver) all() []webhook {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]webhook(nil), r.received...)
}

// channels describes many, one for each check: what a channel is told of many changes
// in a short time would come in digests.
func (r *receiver) channels(name string, n int) (text string) {
	for i := range n {
		text += r.channel(fmt.Sprintf("%s-%d", name, i))
	}
	return text
}

// channel describes a webhook to this receiver for a provision file.
func (r *receiver) channel(name string) string {
	return strings.NewReplacer("NAME", name, "URL", r.URL, "SECRET", secret).
		Replace(`      - {name: NAME, kind: webhook, url: "URL/NAME", secret: SECRET}` + "\n")
}
