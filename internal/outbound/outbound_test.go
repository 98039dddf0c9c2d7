package outbound_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"unicode"
	"unicode/utf8"

	"rollcall/internal/outbound"
)

// local is a way out that may reach this machine.
func local() *outbound.Out {
	return outbound.New(outbound.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
}

func post(t *testing.T, client *http.Client, address string) (*http.Response, error) {
	t.Helper()
	resp, err := client.Post(address, "application/json", strings.NewReader("{}"))
	if err == nil {
		t.Cleanup(func() { _ = resp.Body.Close() })
	}
	return resp, err
}

func TestSecondAnswerOfANameServerIsChecked(t *testing.T) {
	var reached, asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	defer server.Close()
	port := netip.MustParseAddrPort(server.Listener.Addr().String()).Port()

	// The first answer is allowed and answers; the second names the machine itself.
	out := outbound.New(outbound.Config{
		Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.2/32")},
		Lookup: func(context.Context, string) ([]netip.Addr, error) {
			if asked.Add(1) == 1 {
				return []netip.Addr{netip.MustParseAddr("127.0.0.2")}, nil
			}
			return []netip.Addr{netip.MustParseAddr("::ffff:127.0.0.1")}, nil
		},
	})
	listener, err := net.Listen("tcp", netip.AddrPortFrom(netip.MustParseAddr("127.0.0.2"), port).String())
	if err != nil {
		t.Fatal(err)
	}
	second := &http.Server{Handler: server.Config.Handler}
	go func() { _ = second.Serve(listener) }()
	defer second.Close()

	client := out.Client()
	address := (&url.URL{Scheme: "http", Host: net.JoinHostPort("rebind.example", server.URL[strings.LastIndex(server.URL, ":")+1:])}).String()
	if _, err := post(t, client, address); err != nil {
		t.Fatalf("first attempt: %v", err)
	}
	_, err = post(t, client, address)
	if class, words := outbound.Explain(err); class != outbound.Blocked || !strings.Contains(words, "127.0.0.1") {
		t.Errorf("second attempt: class %s, %q; want it blocked", class, words)
	}
	if got := reached.Load(); got != 1 {
		t.Errorf("the server was reached %d times, want once", got)
	}
}

func TestOneOpenAddressOfSeveralIsUsed(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	out := outbound.New(outbound.Config{
		Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")},
		Lookup: func(context.Context, string) ([]netip.Addr, error) {
			return []netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("127.0.0.1")}, nil
		},
	})
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	if _, err := post(t, out.Client(), "http://two.example:"+port); err != nil {
		t.Error(err)
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	var followed atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			followed.Store(true)
		}
		http.Redirect(w, r, "/secrets", http.StatusTemporaryRedirect)
	}))
	defer server.Close()
	resp, err := post(t, local().Client(), server.URL)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusTemporaryRedirect || followed.Load() {
		t.Errorf("status %d, followed %v", resp.StatusCode, followed.Load())
	}
}

func TestProxyOfTheEnvironmentIsIgnored(t *testing.T) {
	var proxied atomic.Bool
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { proxied.Store(true) }))
	defer proxy.Close()
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"} {
		t.Setenv(name, proxy.URL)
	}
	out := outbound.New(outbound.Config{Lookup: func(context.Context, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr("10.0.0.1")}, nil
	}})
	_, err := post(t, out.Client(), "http://proxied.example/")
	if class, _ := outbound.Explain(err); class != outbound.Blocked || proxied.Load() {
		t.Errorf("class %s, proxy used %v", class, proxied.Load())
	}
}

func TestAnswerIsBounded(t *testing.T) {
	var bomb bytes.Buffer
	zip := gzip.NewWriter(&bomb)
	_, _ = io.CopyN(zip, zeros{}, 50<<20)
	_ = zip.Close()
	mux := http.NewServeMux()
	mux.HandleFunc("/bomb", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(bomb.Bytes())
	})
	mux.HandleFunc("/endless", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.CopyN(w, zeros{}, 10<<30) // until the client hangs up
	})
	mux.HandleFunc("/header", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Long", strings.Repeat("x", 1<<20))
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	client := local().Client()
	for _, path := range []string{"/bomb", "/endless"} {
		resp, err := post(t, client, server.URL+path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil || len(body) > outbound.BodyBytes {
			t.Errorf("%s: %d bytes read, %v", path, len(body), err)
		}
		_ = resp.Body.Close()
	}
	if _, err := post(t, client, server.URL+"/header"); err == nil {
		t.Error("a header of 1 MB was taken")
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestRelayMayBePrivate(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	conn, err := outbound.New(outbound.Config{}).DialRelay(t.Context(), "tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
}

func TestExplain(t *testing.T) {
	const secret = "T000SECRETTOKEN"
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := silent.Addr().String()
	_ = silent.Close()
	reset := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, _ := http.NewResponseController(w).Hijack()
		_ = conn.Close()
	}))
	defer reset.Close()
	garbled := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, _, _ := http.NewResponseController(w).Hijack()
		_, _ = conn.Write([]byte("SSH-2.0 " + r.URL.Path + "\r\n\r\n"))
		_ = conn.Close()
	}))
	defer garbled.Close()
	unverified := httptest.NewUnstartedServer(http.NotFoundHandler())
	unverified.Config.ErrorLog = log.New(io.Discard, "", 0)
	unverified.StartTLS()
	defer unverified.Close()

	tests := map[string]struct {
		address string
		lookup  error
		class   outbound.Class
	}{
		"refused":    {address: "http://" + closed, class: outbound.Refused},
		"reset":      {address: reset.URL, class: outbound.Reset},
		"garbled":    {address: garbled.URL, class: outbound.Other},
		"unverified": {address: unverified.URL, class: outbound.TLS},
		"blocked":    {address: "http://10.0.0.1", class: outbound.Blocked},
		"port":       {address: "http://1.1.1.1:22", class: outbound.Blocked},
		"no host":    {address: "http://gone.example", lookup: &net.DNSError{Err: "no such host", Name: "gone.example", IsNotFound: true}, class: outbound.NoHost},
		"no server":  {address: "http://gone.example", lookup: &net.DNSError{Err: "server misbehaving", Name: "gone.example"}, class: outbound.DNS},
		"slow":       {address: "http://gone.example", lookup: context.DeadlineExceeded, class: outbound.Timeout},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			out := outbound.New(outbound.Config{
				Allow:  []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
				Lookup: func(context.Context, string) ([]netip.Addr, error) { return nil, test.lookup },
			})
			address := test.address + "/services/" + secret + "?token=" + secret
			_, err := post(t, out.Client(), address)
			if err == nil {
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), secret) {
				t.Fatalf("the error itself holds no secret, so this test shows nothing: %v", err)
			}
			u, _ := url.Parse(address)
			class, words := outbound.Explain(err, outbound.Secrets(u)...)
			if class != test.class {
				t.Errorf("class %s, want %s: %s", class, test.class, words)
			}
			if words == "" || strings.Contains(words, secret) || strings.Contains(words, "services") {
				t.Errorf("words %q", words)
			}
		})
	}
}

func TestClean(t *testing.T) {
	tests := map[string]struct {
		text string
		hide []string
		want string
	}{
		"one line":  {text: "a\r\n b\tc\x00\x1b[31m d", want: "a b c[31m d"},
		"not UTF-8": {text: "a\xff", want: "a\uFFFD"},
		"direction": {text: "a\u202eb", want: "ab"},
		"hidden":    {text: "no /hook/abcdef here", hide: []string{"/hook/abcdef", ""}, want: "no … here"},
		"long":      {text: strings.Repeat("ü", 400), want: strings.Repeat("ü", outbound.WordsLimit-1) + "…"},
	}
	for name, test := range tests {
		if got := outbound.Clean(test.text, test.hide...); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

func TestSecrets(t *testing.T) {
	u, err := url.Parse("https://hooks.example/v1/T%2F00SECRET?token=a%20secret&x=1")
	if err != nil {
		t.Fatal(err)
	}
	text := "POST /v1/T%2F00SECRET?token=a%20secret&x=1: T/00SECRET, a secret, a%20secret; hooks.example v1"
	if got, want := outbound.Clean(text, outbound.Secrets(u)...), "POST …: T/…, …, …; hooks.example v1"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestCancelled(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = local().Client().Do(request)
	if class, _ := outbound.Explain(err); class != outbound.Timeout {
		t.Errorf("class %s of %v", class, err)
	}
}

// The operator's own server is reached wherever it is, and no other that is
// private, whatever it names.
func TestClientToTheOperatorsServer(t *testing.T) {
	serve := func() *httptest.Server {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/elsewhere" {
				http.Redirect(w, r, "http://169.254.169.254/", http.StatusFound)
				return
			}
			_, _ = w.Write(bytes.Repeat([]byte("x"), 40<<10))
		}))
		t.Cleanup(server.Close)
		return server
	}
	own, other := serve(), serve()
	address, err := url.Parse(own.URL)
	if err != nil {
		t.Fatal(err)
	}
	client := outbound.New(outbound.Config{}).ClientTo(address)
	resp, err := post(t, client, own.URL+"/keys")
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(resp.Body); err != nil || len(body) != 40<<10 {
		t.Errorf("%d bytes, %v", len(body), err)
	}
	if resp, err = post(t, client, own.URL+"/elsewhere"); err != nil || resp.StatusCode != http.StatusFound {
		t.Errorf("a redirect was followed: %v %v", resp, err)
	}
	_, err = post(t, client, other.URL)
	if class, _ := outbound.Explain(err); class != outbound.Blocked {
		t.Errorf("another local server: %v", err)
	}
}

// FuzzClean: what a receiver answers becomes one short line that can be shown, and tells
// nothing that is to be hidden.
func FuzzClean(f *testing.F) {
	f.Add("a\r\n b\x00\x1b[31m \xff \u202e", "T000SECRET")
	f.Add(strings.Repeat("ü", 400), "ü")
	f.Add("no /hook/abcdef here abcdef", "abcdef")
	f.Fuzz(func(t *testing.T, text, secret string) {
		got := outbound.Clean(text, secret)
		if n := utf8.RuneCountInString(got); !utf8.ValidString(got) || n > outbound.WordsLimit || strings.TrimSpace(got) != got {
			t.Errorf("%q becomes %q, %d characters", text, got, n)
		}
		if strings.ContainsFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%q becomes %q", text, got)
		}
	})
}
