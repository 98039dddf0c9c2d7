package client_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"rollcall/internal/client"
)

// arrival is a ping that came to a pingServer, and when after its start.
type arrival struct {
	URI, Body string
	Age       string // of a late report, whose signature was right
	After     time.Duration
}

// pingServer is a server of pings in memory, for a synctest bubble.
type pingServer struct {
	t       *testing.T
	begin   time.Time
	dial    pipes
	mu      sync.Mutex // guards what is below
	answers []string
	got     []arrival
}

// newPingServer gives its answers one after the other, and the last one for ever: a
// status and headers; "page" for a page that is no answer to a ping; "cut" for a
// connection that breaks; "hang" for none at all.
func newPingServer(t *testing.T, answers ...string) *pingServer {
	s := &pingServer{t: t, begin: time.Now(), dial: pipes{make(chan net.Conn), make(chan struct{})}, answers: answers}
	server := http.Server{Handler: s}
	served := make(chan error)
	go func() { served <- server.Serve(s.dial) }()
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		<-served
	})
	return s
}

// pinger returns a client of the server.
func (s *pingServer) pinger(spool *client.Spool) *client.Pinger {
	transport := &http.Transport{DialContext: s.dial.dial, DisableKeepAlives: true}
	return &client.Pinger{HTTP: &http.Client{Transport: transport}, Now: time.Now, Spool: spool}
}

// answer changes the answers from now on.
func (s *pingServer) answer(answers ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers = answers
}

// arrived returns what has come so far.
func (s *pingServer) arrived() []arrival {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.got
}

// ServeHTTP implements http.Handler.
func (s *pingServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		s.t.Error(err)
	}
	got := arrival{URI: r.URL.RequestURI(), Body: string(body), Age: r.Header.Get("Rollcall-Age"), After: time.Since(s.begin)}
	if signature := r.Header.Get("Rollcall-Signature"); got.Age != "" || signature != "" {
		if want := expectedSignature(r.URL, got.Age, string(body)); signature != want {
			s.t.Errorf("%s is signed %q, want %q", got.URI, signature, want)
		}
	}
	s.mu.Lock()
	s.got = append(s.got, got)
	answer := strings.Split(s.answers[0], "; ")
	if len(s.answers) > 1 {
		s.answers = s.answers[1:]
	}
	s.mu.Unlock()
	for _, header := range answer[1:] {
		name, value, _ := strings.Cut(header, ": ")
		w.Header().Set(name, value)
	}
	switch status, err := strconv.Atoi(answer[0]); {
	case answer[0] == "hang":
		<-r.Context().Done()
	case answer[0] == "page":
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<h1>Please sign in to the Wi-Fi</h1>")
	case answer[0] == "cut" || err != nil:
		panic(http.ErrAbortHandler)
	default:
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(status)
		if text, known := map[int]string{200: "OK", 201: "Created", 404: "not found"}[status]; known {
			fmt.Fprint(w, text)
		} else {
			fmt.Fprint(w, "words of the server\nin two lines")
		}
	}
}

var (
	uuidPath = regexp.MustCompile(`^/ping/([0-9a-f-]{36})(?:/(start|fail|log|-?[0-9]+))?$`)
	slugPath = regexp.MustCompile(`^/ping/([^/]+)/[^/]+(?:/(start|fail|log|-?[0-9]+))?$`)
)

// expectedSignature is what the agreement on late reports says.
func expectedSignature(at *url.URL, age, body string) string {
	found := uuidPath.FindStringSubmatch(at.Path)
	if found == nil {
		found = slugPath.FindStringSubmatch(at.Path)
	}
	if found == nil {
		return "nothing, as it is no ping"
	}
	key, signal, exit := found[1], found[2], ""
	switch number, err := strconv.Atoi(signal); {
	case signal == "":
		signal = "success"
	case err == nil && number == 0:
		signal, exit = "success", "0"
	case err == nil:
		signal, exit = "fail", strconv.Itoa(number)
	}
	mac := hmac.New(sha256.New, []byte(key))
	io.WriteString(mac, strings.Join([]string{"v1", age, signal, exit, at.Query().Get("rid"), body}, "\n"))
	return "v1=" + hex.EncodeToString(mac.Sum(nil))
}

// addressOf reads the name of a check at the test server.
func addressOf(t *testing.T, check string) client.Address {
	t.Helper()
	to, err := client.ParseAddress(check, "http://rollcall.test", pingKey)
	if err != nil {
		t.Fatal(err)
	}
	return to
}

// hosts reaches each host in a way of its own, and no other host.
type hosts map[string]http.RoundTripper

// RoundTrip implements http.RoundTripper.
func (h hosts) RoundTrip(r *http.Request) (*http.Response, error) {
	if way, known := h[r.URL.Host]; known {
		return way.RoundTrip(r)
	}
	return nil, errors.New("no way there")
}
