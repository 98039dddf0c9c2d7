package alerter_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/internal/alerter"
	"rollcall/internal/mailtest"
	"rollcall/internal/monitor"
	"rollcall/internal/outbound"
	"rollcall/internal/prove"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// patience stands for the 15 s that an attempt has, so that those who never answer
// can be asked 14 times.
const patience = 400 * time.Millisecond

// animal is a receiver with its own idea of an answer. Its url is below that of the
// zoo unless it names another.
type animal struct {
	name    string
	url     string
	answers func(http.ResponseWriter, *http.Request, int)
	mail    *mailtest.Behaviour // of a mail server, when it is one
}

func hang(_ http.ResponseWriter, r *http.Request, _ int) { <-r.Context().Done() }

// raw answers with bytes and ends the connection, abruptly when it is told to.
func raw(text string, abrupt bool) func(http.ResponseWriter, *http.Request, int) {
	return func(w http.ResponseWriter, _ *http.Request, _ int) {
		conn, _, _ := http.NewResponseController(w).Hijack()
		_, _ = io.WriteString(conn, text)
		if tcp, ok := conn.(*net.TCPConn); ok && abrupt {
			_ = tcp.SetLinger(0)
		}
		_ = conn.Close()
	}
}

// flood answers 200 with a body that does not end.
func flood(w http.ResponseWriter, _ *http.Request, _ int) {
	for block := bytes.Repeat([]byte("x"), 64<<10); ; {
		if _, err := w.Write(block); err != nil {
			return
		}
	}
}

func trickle(w http.ResponseWriter, r *http.Request, _ int) {
	for r.Context().Err() == nil {
		_, _ = w.Write([]byte("x"))
		_ = http.NewResponseController(w).Flush()
		select {
		case <-time.After(time.Second):
		case <-r.Context().Done():
		}
	}
}

func bomb(w http.ResponseWriter, _ *http.Request, _ int) {
	w.Header().Set("Content-Encoding", "gzip")
	packed := gzip.NewWriter(w)
	_, _ = packed.Write(make([]byte, 16<<20))
	_ = packed.Close()
}

func waiting(code int, after string) func(http.ResponseWriter, *http.Request, int) {
	return func(w http.ResponseWriter, _ *http.Request, _ int) {
		w.Header().Set("Retry-After", after)
		w.WriteHeader(code)
	}
}

// failing fails so many times, then takes the message.
func failing(k int) func(http.ResponseWriter, *http.Request, int) {
	return func(w http.ResponseWriter, _ *http.Request, before int) {
		if before < k {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}
}

// zoo is every receiver there is.
func zoo(t *testing.T) []animal {
	t.Helper()
	animals := []animal{
		{name: "200", answers: status(200)},
		{name: "204 with a body", answers: raw("HTTP/1.1 204 No Content\r\n\r\nbody", false)},
		{name: "200, 1 byte/s", answers: trickle},
		{name: "200, endless body", answers: flood},
		{name: "200, gzip bomb", answers: bomb},
		{name: "200, then reset in the body", answers: raw("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nx", true)},
		{name: "100 times 1xx, then 200", answers: raw(strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", 100)+"HTTP/1.1 200 OK\r\n\r\n", false)},
		{name: "1xx, then nothing", answers: raw("HTTP/1.1 102 Processing\r\n\r\n", false)},
		{name: "101", answers: raw("HTTP/1.1 101 Switching Protocols\r\n\r\n", false)},
		{name: "301 to itself", answers: func(w http.ResponseWriter, r *http.Request, _ int) {
			http.Redirect(w, r, r.URL.Path, http.StatusMovedPermanently)
		}},
		{name: "302 to the machine's keys", answers: redirect("http://169.254.169.254/latest")},
		{name: "307 to a file", answers: func(w http.ResponseWriter, _ *http.Request, _ int) {
			w.Header().Set("Location", "file:///etc/passwd")
			w.WriteHeader(307)
		}},
		{name: "410 twice", answers: status(410)},
		{name: "410 once", answers: first(status(410), status(200))},
		{name: "429, Retry-After 1", answers: waiting(429, "1")},
		{name: "429, Retry-After 3600", answers: waiting(429, "3600")},
		{name: "429, Retry-After a year", answers: waiting(429, "31536000")},
		{name: "429, Retry-After -5", answers: waiting(429, "-5")},
		{name: "429, Retry-After 2099", answers: waiting(429, "Wed, 21 Oct 2099 07:28:00 GMT")},
		{name: "429, Retry-After garbage", answers: waiting(429, "soon")},
		{name: "503, Retry-After 120", answers: waiting(503, "120")},
		{name: "never answers", answers: hang},
		{name: "headers that stop", answers: func(w http.ResponseWriter, r *http.Request, _ int) {
			conn, _, _ := http.NewResponseController(w).Hijack()
			defer conn.Close()
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nX-")
			_, _ = io.Copy(io.Discard, conn)
		}},
		{name: "64 MB of headers", answers: raw("HTTP/1.1 200 OK\r\nX-Pad: "+strings.Repeat("x", 64<<20)+"\r\n\r\n", false)},
		{name: "reset after the request", answers: raw("", true)},
		{name: "end after the request", answers: raw("", false)},
		{name: "HTTP/0.9", answers: raw("hello\n", false)},
		{name: "status line with garbage", answers: raw("HTTP/1.1 abc OK\r\n\r\n", false)},
		{name: "flapping", answers: func(w http.ResponseWriter, _ *http.Request, before int) { w.WriteHeader([]int{500, 200}[before%2]) }},
		{name: "fails six times", answers: failing(6)},
		{name: "fails thirteen times", answers: failing(13)},
		{name: "no such host", url: "http://gone.example"},
		{name: "name server fails", url: "http://servfail.example"},
		{name: "name server hangs", url: "http://slowdns.example"},
		{name: "other address at the second look", url: "http://rebind.example", answers: status(500)},
		{name: "nobody listens", url: "http://127.0.0.1:1"},
		{name: "private address", url: "http://10.0.0.1"},
		{name: "the machine's keys", url: "http://169.254.169.254"},
		{name: "mapped private address", url: "http://[::ffff:10.0.0.1]"},
		{name: "port of another service", url: "http://1.1.1.1:25"},
		{name: "TLS, expired", url: secure(t, time.Now().Add(-time.Hour), "127.0.0.1", 0)},
		{name: "TLS, signed by itself", url: secure(t, time.Now().Add(time.Hour), "127.0.0.1", 0)},
		{name: "TLS, other host", url: secure(t, time.Now().Add(time.Hour), "127.9.9.9", 0)},
		{name: "TLS 1.0", url: secure(t, time.Now().Add(time.Hour), "127.0.0.1", tls.VersionTLS10)},
	}
	animals = append(
		animals,
		animal{name: "mail: 250", mail: &mailtest.Behaviour{}},
		animal{name: "mail: 421 to the greeting", mail: &mailtest.Behaviour{Hello: mailtest.Reply(421, "busy")}},
		animal{name: "mail: 554 to the greeting", mail: &mailtest.Behaviour{Hello: mailtest.Reply(554, "not you")}},
		animal{name: "mail: 451 to the sender", mail: &mailtest.Behaviour{Mail: mailtest.Reply(451, "later")}},
		animal{name: "mail: 550 to the sender", mail: &mailtest.Behaviour{Mail: mailtest.Reply(550, "who?")}},
		animal{name: "mail: 450 to the reader", mail: &mailtest.Behaviour{Rcpt: mailtest.Reply(450, "greylisted")}},
		animal{name: "mail: 550 to the reader", mail: &mailtest.Behaviour{Rcpt: mailtest.Reply(550, "no such user")}},
		animal{name: "mail: 452 to the message", mail: &mailtest.Behaviour{Data: mailtest.Reply(452, "disk full")}},
		animal{name: "mail: 552 to the message", mail: &mailtest.Behaviour{Data: mailtest.Reply(552, "too big")}},
		animal{name: "mail: cut after the dot", mail: &mailtest.Behaviour{Cut: true}},
		animal{name: "mail: stalls after the dot", mail: &mailtest.Behaviour{Stall: true}},
	)
	for _, code := range []int{400, 401, 403, 404, 405, 406, 408, 409, 411, 413, 414, 415, 422, 425, 429, 431, 500, 501, 502, 503, 504, 505, 507, 520, 599} {
		animals = append(animals, animal{name: fmt.Sprint(code), answers: status(code)})
	}
	return animals
}

// secure runs a server whose certificate ends then, is for that address, and is
// signed by nobody else.
func secure(t *testing.T, ends time.Time, address string, most uint16) string {
	t.Helper()
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(t)
	form := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: ends.Add(-48 * time.Hour), NotAfter: ends, IPAddresses: []net.IP{net.ParseIP(address)},
	}
	der := must(x509.CreateCertificate(rand.Reader, form, form, key.Public(), key))(t)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("a request came over a connection that is not to be trusted")
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS10, MaxVersion: most}
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.URL
}

// keeperOut is a way out with name servers as bad as the receivers.
func keeperOut() *outbound.Out {
	asked := 0
	return outbound.New(outbound.Config{
		Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		Lookup: func(ctx context.Context, host string) ([]netip.Addr, error) {
			switch host {
			case "gone.example":
				return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
			case "servfail.example":
				return nil, &net.DNSError{Err: "server misbehaving", Name: host, IsTemporary: true}
			case "slowdns.example":
				<-ctx.Done()
				return nil, &net.DNSError{Err: "timeout", Name: host, IsTimeout: true}
			}
			if asked++; asked > 1 {
				return []netip.Addr{netip.MustParseAddr("::ffff:10.0.0.1")}, nil
			}
			return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
		},
	})
}

// The golden file says what every kind of receiver leads to: the first class that is
// counted, the attempts, the pauses between them, how the delivery ends, whether the
// channel goes on, and the last answer. Pauses are the planned ones; that the real
// ones are within a fifth of them is checked here.
func TestZoo(t *testing.T) {
	animals := zoo(t)
	lines, wrong := make([]string, len(animals)), make([]int, len(animals))
	t.Run("animals", func(t *testing.T) {
		for i, a := range animals {
			t.Run(a.name, func(t *testing.T) {
				t.Parallel()
				lines[i], wrong[i] = visit(t, a)
			})
		}
	})
	head := fmt.Sprintf("%-34s%-9s%4s  %-60s%-6s%-9s%s\n", "receiver", "class", "n", "pauses", "state", "channel", "last answer")
	check(t, "zoo.txt", head+strings.Join(lines, ""))
	total := 0
	for _, n := range wrong {
		total += n
	}
	prove.Report(t, "RETRY: every kind of answer of a receiver leads to the attempts, pauses and end that are documented", len(animals), total)
}

// visit owes a message to an animal until it ends, and describes what came of it.
func visit(t *testing.T, a animal) (line string, wrong int) {
	w := newWorld(t)
	answers := a.answers
	if answers == nil {
		answers = status(200)
	}
	in := receive(t, answers)
	in.Config.ErrorLog = log.New(io.Discard, "", 0)
	url := in.URL
	if a.url != "" {
		url = a.url
		if strings.Contains(url, "rebind") {
			url += in.URL[strings.LastIndex(in.URL, ":"):]
		}
	}
	var send alerter.Sender = alerter.Webhook(keeperOut().Client(), "1.2.3")
	hook := w.webhook(url + "/hook/T000SECRETTOKEN")
	var inbox *mailtest.Inbox
	if a.mail != nil {
		inbox = mailtest.Start(t, mailtest.Options{})
		inbox.Behave(*a.mail)
		send = alerter.Email(server(t, inbox), relay())
		hook = w.channel(monitor.Channel{Kind: monitor.Email, Settings: monitor.Settings{Address: "ops@example.org"}})
	}
	class := outbound.Class("")
	w.alerter.Senders[hook.Kind] = sender(func(ctx context.Context, m alerter.Message) alerter.Outcome {
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		out := send.Send(ctx, m)
		if class == "" {
			class = out.Class
		}
		return out
	})
	w.recover(hook) // an alarm is tried more often, see TestAlarmsInTheZoo
	w.drain()
	d := w.only()
	tried := w.attempts(d.Delivery)
	pauses, wrong := planned(t, tried)
	id := map[string]bool{}
	for _, r := range in.all() {
		id[r.Header.Get("webhook-id")+string(r.Body)] = true
	}
	if inbox != nil {
		for _, m := range inbox.Messages() {
			id[string(m.Raw)] = true
		}
	}
	if len(id) > 1 {
		wrong++
		t.Errorf("%d messages were sent, want one and the same", len(id))
	}
	channel := "goes on"
	if must(w.store.Channel(t.Context(), w.project.ID, hook.ID))(t).Disabled != "" {
		channel = "disabled"
	}
	answer := tried[len(tried)-1].Answer
	if strings.Contains(answer, "SECRET") {
		wrong++
		t.Errorf("the answer tells a secret: %s", answer)
	}
	answer = regexp.MustCompile(`127\.0\.0\.1:\d+`).ReplaceAllString(answer, "127.0.0.1:port")
	answer, _, _ = strings.Cut(answer, ": current time")
	if runes := []rune(answer); len(runes) > 60 {
		answer = string(runes[:60]) + "…"
	}
	return fmt.Sprintf("%-34s%-9s%4d  %-60s%-6s%-9s%s\n", a.name, class, len(tried), pauses, d.State, channel, answer), wrong
}

// planned returns the pauses between attempts as they are planned.
func planned(t *testing.T, tried []monitor.Attempt) (words string, wrong int) {
	t.Helper()
	plans := []time.Duration{
		3 * time.Second, 10 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 3 * time.Minute,
		10 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour, 8 * time.Hour, 24 * time.Hour,
	}
	var list []string
	for i, a := range tried[1:] {
		pause := a.Started.Sub(tried[i].Started)
		at := slices.IndexFunc(plans, func(p time.Duration) bool { return (pause - p).Abs() <= p/5 })
		if at < 0 {
			wrong++
			t.Errorf("attempt %d came %s after the one before, which is not planned", a.N, pause)
			continue
		}
		word := plans[at].String()
		for _, none := range []string{"m0s", "h0m"} { // 10m0s is 10m
			if strings.HasSuffix(word, none) {
				word = word[:len(word)-len(none)+1]
			}
		}
		list = append(list, word)
	}
	return strings.Join(list, " "), wrong
}

// check compares a text with its golden file.
func check(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(must(os.ReadFile(path))(t)), got); diff != "" {
		t.Errorf("%s (-golden +got; go test -update rewrites it):\n%s", name, diff)
	}
}
