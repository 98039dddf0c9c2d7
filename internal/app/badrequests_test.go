package app_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/internal/app"
	"rollcall/internal/ingest"
	"rollcall/internal/prove"
	"rollcall/internal/store"
	"rollcall/web"
)

// smuggled is a request that would be hidden behind another one.
const smuggled = "GET /ping/UUID/fail HTTP/1.1\r\nHost: rollcall.example\r\n\r\n"

// badRequests are no HTTP, or hardly. What is left of one never meets the database, so
// they would be the same on either engine; they run on both all the same, because the
// rows that are answered 200 do.
var badRequests = []badPing{
	{id: "P50", name: "two lengths", sent: asked("POST", "/ping/UUID", "Content-Length: 3", "Content-Length: 4") + "abcd", code: 400, ends: true},
	{id: "P50", name: "two lengths in one line", sent: asked("POST", "/ping/UUID", "Content-Length: 3, 4") + "abcd", code: 400, ends: true},
	// RFC 9112 lets a server go by the chunks if it closes the connection behind them.
	{id: "P51", name: "a length and chunks", sent: asked("POST", "/ping/UUID", "Content-Length: 4", "Transfer-Encoding: chunked") + "0\r\n\r\n" + smuggled, code: 200, ends: true},
	{id: "P51", name: "chunks alone", sent: asked("POST", "/ping/UUID", "Transfer-Encoding: chunked") + "4\r\ndone\r\n0\r\n\r\n" + smuggled, code: 200, ends: true, kept: body("done", 4)},
	{id: "P51", name: "a length and chunks to a page", sent: asked("GET", "/nowhere", "Content-Length: 4", "Transfer-Encoding: chunked") + "0\r\n\r\n" + smuggled, code: 404, ends: true},
	{id: "P52", name: "xchunked", sent: asked("POST", "/ping/UUID", "Transfer-Encoding: xchunked") + "0\r\n\r\n", code: 501, ends: true},
	{id: "P52", name: "chunked, identity", sent: asked("POST", "/ping/UUID", "Transfer-Encoding: chunked, identity") + "0\r\n\r\n", code: 501, ends: true},
	{id: "P53", name: "negative", sent: asked("POST", "/ping/UUID", "Content-Length: -1"), code: 400, ends: true},
	{id: "P53", name: "beyond 64 bits", sent: asked("POST", "/ping/UUID", "Content-Length: 99999999999999999999"), code: 400, ends: true},
	{id: "P53", name: "hexadecimal", sent: asked("POST", "/ping/UUID", "Content-Length: 0x4") + "abcd", code: 400, ends: true},
	{id: "P54", name: "one of 30 kB", sent: asked("GET", "/ping/UUID", "X: "+strings.Repeat("x", 30_000)), code: 431, ends: true},
	{id: "P54", name: "10,000 of them", sent: asked("GET", "/ping/UUID", slices.Repeat([]string{"X: y"}, 10_000)...), code: 431, ends: true},
	{id: "P55", name: "a space before the colon", sent: asked("GET", "/ping/UUID", "X : y"), code: 400, ends: true},
	{id: "P55", name: "a NUL", sent: asked("GET", "/ping/UUID", "X: \x00"), code: 400, ends: true},
	{id: "P55", name: "two hosts", sent: asked("GET", "/ping/UUID", "Host: other.example"), code: 400, ends: true},
	{id: "P55", name: "no host", sent: "GET /ping/UUID HTTP/1.1\r\n\r\n", code: 400, ends: true},
	{id: "P55", name: "a host with a space", sent: "GET /ping/UUID HTTP/1.1\r\nHost: a b\r\n\r\n", code: 400, ends: true},
	{id: "P56", name: "bare line feeds", sent: "GET /ping/UUID HTTP/1.1\nHost: rollcall.example\n\n", code: 200},
	{id: "P56", name: "a folded line", sent: asked("GET", "/ping/UUID", "X: a\r\n b"), code: 200},
	{id: "P56", name: "HTTP/1.0", sent: "GET /ping/UUID HTTP/1.0\r\n\r\n", code: 200, ends: true},
	{id: "P57", name: "HTTP/3.0", sent: "GET /ping/UUID HTTP/3.0\r\nHost: rollcall.example\r\n\r\n", code: 505, ends: true},
	{id: "P57", name: "HTTP/0.9", sent: "GET /ping/UUID\r\n\r\n", code: 400, ends: true},
	{id: "P57", name: "TLS", sent: "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + strings.Repeat("\x00", 32) + "\r\n\r\n", code: 400, ends: true},
	{id: "P58", name: "a chunk of no size", sent: asked("POST", "/ping/UUID", "Transfer-Encoding: chunked") + "zz\r\nabc\r\n0\r\n\r\n", code: 400, text: badBody, ends: true},
	{id: "P58", name: "an extension of 20 kB", sent: asked("POST", "/ping/UUID", "Transfer-Encoding: chunked") + "1;" + strings.Repeat("x", 20_000) + "\r\na\r\n0\r\n\r\n", code: 400, text: badBody, ends: true},
	{id: "P58", name: "a chunk longer than it says", sent: asked("POST", "/ping/UUID", "Transfer-Encoding: chunked") + "1\r\nabc\r\n0\r\n\r\n", code: 400, text: badBody, ends: true},
	{id: "P58", name: "in the form of another service", sent: asked("POST", "/UUID?s=0", "Transfer-Encoding: chunked") + "zz\r\n", code: 400, text: badBody, ends: true},
	{id: "P59", proved: "TestRequestsThatStall"},
	// HTTP/2 is not spoken: a proxy does, in front.
	{id: "P60", name: "10,000 streams that are reset", sent: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", stream: func(w io.Writer) {
		for stream := range 10_000 {
			if _, err := fmt.Fprintf(w, "\x00\x00\x04\x03\x00%c%c%c%c\x00\x00\x00\x08", 0, 0, byte(stream>>7), byte(stream<<1|1)); err != nil {
				return
			}
		}
	}, code: 421, ends: true},

	{id: "G2", name: "a form of 99 MB", sent: asked("POST", "/login", "Content-Length: 99999999"), code: 413, ends: true},
	{id: "G2", name: "JSON of 99 MB", sent: asked("POST", "/api/v3/checks/", "Content-Length: 99999999", "X-Api-Key: rcw_x"), code: 413, ends: true},
	{id: "G4", name: "TRACE of a page", sent: asked("TRACE", "/login"), code: 405},
	{id: "G4", name: "OPTIONS of a page", sent: asked("OPTIONS", "/login"), code: 204, header: "Allow: GET, HEAD, OPTIONS, POST"},
	{id: "G7", name: "a whole address", sent: "GET http://evil.example/login HTTP/1.1\r\nHost: rollcall.example\r\n\r\n", code: 421},
}

const badBody = "the body is not in the form that its header says"

func TestBadRequests(t *testing.T) {
	t.Parallel()
	complete(t, badRequests, "P", 50, 60)
	trials, violations := onBothEngines(t, badRequests)
	prove.Report(t, "INPUT P: every bad ping is answered as documented", trials, violations)
}

// pipes is a listener on connections in memory, which know virtual time.
type pipes struct {
	conns chan net.Conn
	ended chan struct{}
	once  sync.Once
}

// Accept implements net.Listener.
func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.ended:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (p *pipes) Close() error {
	p.once.Do(func() { close(p.ended) })
	return nil
}

// Addr implements net.Listener.
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p *pipes) dial() net.Conn {
	here, there := net.Pipe()
	p.conns <- there
	return here
}

// stored takes every ping.
type stored struct{ pings int }

func (s *stored) Submit(context.Context, ingest.Report) (store.Result, error) {
	s.pings++
	return store.Result{}, nil
}

// inBubble runs the endpoint behind the limits of the public listener, in virtual
// time. Whether a request arrives is decided before there is any database.
func inBubble(t *testing.T, run func(*testing.T, *pipes, *stored)) {
	synctest.Test(t, func(t *testing.T) {
		p, in := &pipes{conns: make(chan net.Conn), ended: make(chan struct{})}, &stored{}
		pings := web.NewPings(web.PingConfig{Ingest: in, Now: time.Now})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- app.ServeOn(ctx, p, pings.Before(http.NotFoundHandler())) }()
		run(t, p, in)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// trickle sends the beginning at once, the rest again and again, and returns what is
// answered until the connection ends, and when that was.
func trickle(conn net.Conn, first, then string, every time.Duration) (heard string, took time.Duration) {
	began := time.Now()
	var writing sync.WaitGroup
	writing.Go(func() {
		_, err := io.WriteString(conn, first)
		for err == nil && every > 0 {
			time.Sleep(every) // virtual
			_, err = io.WriteString(conn, then)
		}
	})
	text, _ := io.ReadAll(conn)
	took = time.Since(began)
	_ = conn.Close()
	writing.Wait()
	return string(text), took
}

const target = "/ping/5f0b6a3e-8c1d-4e57-9a44-2d1f6c0b7e91"

// However slowly a request comes, it ends: P21, P59.
func TestRequestsThatStall(t *testing.T) {
	rows := []struct {
		name, first, then string
		every             time.Duration
		want              string // the beginning of the answer
		end               time.Duration
	}{
		{"nothing", "", "", 0, "", app.HeaderLimit},
		{"half a header", "GET " + target + " HTTP/1.1\r\nHost:", "", 0, "", app.HeaderLimit},
		{"a header that never ends", "GET " + target + " HTTP/1.1\r\n", "X: y\r\n", time.Second, "", app.HeaderLimit},
		{"3 bytes of 5,000", asked("POST", target, "Content-Length: 5000") + "abc", "", 0, "HTTP/1.1 408 ", app.ReadLimit},
		{"a byte every 5 s", asked("POST", target, "Content-Length: 5000"), "x", 5 * time.Second, "HTTP/1.1 408 ", app.ReadLimit},
		{"a chunk every 5 s", asked("POST", target, "Transfer-Encoding: chunked"), "1\r\nx\r\n", 5 * time.Second, "HTTP/1.1 408 ", app.ReadLimit},
		{"99 MB that do not come", asked("POST", target, "Content-Length: 99999999"), "", 0, "HTTP/1.1 408 ", app.ReadLimit},
		{"no second request", asked("HEAD", target), "", 0, "HTTP/1.1 200 ", app.IdleLimit},
	}
	violations := 0
	for _, row := range rows {
		ok := t.Run(row.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, p *pipes, in *stored) {
				heard, took := trickle(p.dial(), row.first, row.then, row.every)
				// A connection that was answered stays half a second for the answer to be read.
				if !strings.HasPrefix(heard, row.want) || row.want == "" && heard != "" || took < row.end || took > row.end+time.Second {
					t.Errorf("ended after %s with %.60q; want %s and %q", took, heard, row.end, row.want)
				}
				if want := strings.Count(row.want, " 200 "); in.pings != want {
					t.Errorf("%d pings, want %d", in.pings, want)
				}
			})
		})
		if !ok {
			violations++
		}
	}
	prove.Report(t, "INPUT P: every bad ping is answered as documented", len(rows), violations)
}

// G1: thousands of headers that never end hold nobody up, and are gone after 5 s.
func TestSlowHeadersKeepNobodyOut(t *testing.T) {
	inBubble(t, func(t *testing.T, p *pipes, in *stored) {
		const slow = 2_000
		ended := make([]time.Duration, slow)
		var all sync.WaitGroup
		for i := range slow {
			conn := p.dial()
			all.Go(func() { _, ended[i] = trickle(conn, "GET "+target+" HTTP/1.1\r\n", "X: y\r\n", time.Second) })
		}
		time.Sleep(app.HeaderLimit / 2) // virtual
		began := time.Now()
		conn := p.dial()
		all.Go(func() { _, _ = io.WriteString(conn, asked("GET", target, "Connection: close")) })
		heard, _ := io.ReadAll(conn)
		if took := time.Since(began); !strings.HasPrefix(string(heard), "HTTP/1.1 200 ") || took > 0 || in.pings != 1 {
			t.Errorf("a ping among them: %.60q after %s", heard, took)
		}
		_ = conn.Close()
		all.Wait()
		for _, took := range ended {
			if took != app.HeaderLimit {
				t.Fatalf("one of them ended after %s, want %s", took, app.HeaderLimit)
			}
		}
	})
}

// The same over TCP, for a moment: pings come through while slow headers are open.
func TestPingsAmongSlowHeaders(t *testing.T) {
	p := run(t, provisioned(t, config(t), oneCheck))
	for range prove.Scale(200, 2_000) {
		conn, err := net.Dial("tcp", p.Addr())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, "GET "+pingPath+" HTTP/1.1\r\nX"); err != nil {
			t.Fatal(err)
		}
	}
	var took []time.Duration
	for range 100 {
		began := time.Now()
		if got := p.web(pingPath); got.code != 200 {
			t.Fatalf("answered %d", got.code)
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	t.Logf("99 of 100 pings within %s", took[98])
	if took[98] >= app.HeaderLimit { // it takes a few milliseconds; who waits for the slow ones takes as long as they
		t.Errorf("99 of 100 pings within %s", took[98])
	}
}
