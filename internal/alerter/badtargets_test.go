package alerter_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"rollcall/internal/alerter"
	"rollcall/internal/monitor"
	"rollcall/internal/outbound"
	"rollcall/internal/prove"
)

// badTarget is a row of the corpus of bad inputs about what is called: an address that
// can be saved, or that was saved before it could not be, and what comes of calling it.
// What cannot be saved is TestBadChannels of package web.
type badTarget struct {
	id, url string
	verdict monitor.Verdict
	class   outbound.Class
}

// machine resolves as the resolver of an operating system does, which takes numbers
// in all spellings for addresses. Names of this machine's own and others' are made up.
func machine(_ context.Context, host string) ([]netip.Addr, error) {
	local := []netip.Addr{netip.MustParseAddr("127.0.0.1")}
	switch host {
	case "metadata.google.internal", "instance-data":
		return []netip.Addr{netip.MustParseAddr("169.254.169.254")}, nil
	case "kubernetes.default.svc", "db", "printer.local":
		return []netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("fd00::1")}, nil
	case "0":
		return []netip.Addr{netip.MustParseAddr("0.0.0.0")}, nil
	case "rebind.example":
		return []netip.Addr{netip.MustParseAddr("::ffff:127.0.0.1")}, nil
	}
	return local, nil
}

// Nothing that an address says leads to this machine, its neighbours or its cloud.
var badTargets = []badTarget{
	{"W04", "http://127.0.0.1/", monitor.Barred, outbound.Blocked},
	{"W04", "http://localhost/", monitor.Barred, outbound.Blocked},
	{"W04", "http://LOCALHOST./", monitor.Barred, outbound.Blocked},
	{"W04", "http://[::1]/", monitor.Barred, outbound.Blocked},
	{"W04", "http://[::]/", monitor.Barred, outbound.Blocked},
	{"W04", "http://0.0.0.0/", monitor.Barred, outbound.Blocked},
	{"W04", "http://0/", monitor.Barred, outbound.Blocked},
	{"W05", "http://2130706433/", monitor.Barred, outbound.Blocked},
	{"W05", "http://0x7f.1/", monitor.Barred, outbound.Blocked},
	{"W05", "http://127.1/", monitor.Barred, outbound.Blocked},
	{"W05", "http://0177.0.0.1/", monitor.Barred, outbound.Blocked},
	{"W06", "http://[::ffff:169.254.169.254]/", monitor.Barred, outbound.Blocked},
	{"W06", "http://[::ffff:a9fe:a9fe]/", monitor.Barred, outbound.Blocked},
	{"W06", "http://[64:ff9b::a9fe:a9fe]/", monitor.Barred, outbound.Blocked},
	{"W06", "http://[2002:a9fe:a9fe::]/", monitor.Barred, outbound.Blocked},
	{"W06", "http://[::127.0.0.1]/", monitor.Barred, outbound.Blocked},
	{"W07", "http://[fe80::1%25eth0]/", monitor.Barred, outbound.Blocked},
	{"W07", "http://[::1%25lo]/", monitor.Barred, outbound.Blocked},
	{"W08", "http://metadata.google.internal/", monitor.Barred, outbound.Blocked},
	{"W08", "http://instance-data/", monitor.Barred, outbound.Blocked},
	{"W08", "http://kubernetes.default.svc/", monitor.Barred, outbound.Blocked},
	{"W08", "http://host.docker.internal/", monitor.Barred, outbound.Blocked},
	{"W08", "http://printer.local/", monitor.Barred, outbound.Blocked},
	{"W08", "http://a.localhost/", monitor.Barred, outbound.Blocked},
	// A name without a dot can be saved: --egress-allow may open its network.
	{"W08", "http://db/", monitor.Barred, outbound.Blocked},
	{"W09", "http://127.0.0.1.nip.io/", monitor.Barred, outbound.Blocked},
	{"W09", "http://rebind.example/", monitor.Barred, outbound.Blocked},
	{"W10", "http://168.63.129.16/", monitor.Barred, outbound.Blocked},
	{"W10", "http://100.100.100.200/", monitor.Barred, outbound.Blocked},
	{"W10", "http://192.0.0.192/", monitor.Barred, outbound.Blocked},
	{"W10", "http://[fd00:ec2::254]/", monitor.Barred, outbound.Blocked},
	{"W10", "http://169.254.170.2/", monitor.Barred, outbound.Blocked},
	// A port that is one can be saved, for the same reason.
	{"W03", "http://1.1.1.1:22/", monitor.Barred, outbound.Blocked},
	{"W03", "http://1.1.1.1:6379/", monitor.Barred, outbound.Blocked},
	{"W11", "http://127.0.0.1%2f@example.com/", monitor.Doubt, outbound.Other}, // saved by an older version
	{"W18", baseURL + "/ping/5f0b1c9e-6d43-4a4e-9a53-0d2f6c1f7a11", monitor.Doubt, outbound.Blocked},
	{"W18", strings.ToUpper(baseURL[8:]), monitor.Doubt, outbound.Other}, // no address at all
	{"W18", "https://ROLLCALL.example.:443//PING/key/slug", monitor.Doubt, outbound.Blocked},
}

func TestBadTargets(t *testing.T) {
	sender := alerter.Webhook(outbound.New(outbound.Config{Lookup: machine}).Client(), "1.2.3")
	violations := 0
	for _, row := range badTargets {
		ok := t.Run(row.id+"/"+row.url, func(t *testing.T) {
			m := message(t, monitor.Channel{Kind: monitor.Webhook, Settings: monitor.Settings{URL: row.url, Secret: secret}})
			if out := sender.Send(t.Context(), m); out.Verdict != row.verdict || out.Class != row.class || out.Answer == "" {
				t.Errorf("%+v, want verdict %d and class %s", out, row.verdict, row.class)
			}
		})
		if !ok {
			violations++
		}
	}
	prove.Report(t, "INPUT W: no configured address leads inside, and no receiver holds a worker", len(badTargets), violations)
}

// certified is a server with a certificate of its own making.
func certified(t *testing.T, name string, until time.Time) *httptest.Server {
	t.Helper()
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(t)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{name}, NotBefore: until.Add(-48 * time.Hour), NotAfter: until}
	der := must(x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key))(t)
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

// spoken is a server that says what it is given, and then no more.
func spoken(t *testing.T, say func(net.Conn)) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		say(conn)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// What a receiver does, or the certificate that it shows: W13 to W17. Its limits are
// those of outbound, in full; only the time is cut short here.
func TestBadReceivers(t *testing.T) {
	now := time.Now()
	port := func(s *httptest.Server) string { return s.URL[strings.LastIndex(s.URL, ":"):] }
	rows := []struct {
		id, name, url string
		verdict       monitor.Verdict
		class         outbound.Class
	}{
		{"W13", "a redirect to the secrets of a cloud", receive(t, redirect("http://169.254.169.254/latest/meta-data/")).URL, monitor.Retry, "3xx"},
		{"W14", "an endless header", spoken(t, func(c net.Conn) {
			_, err := io.WriteString(c, "HTTP/1.1 200 OK\r\n")
			for err == nil {
				_, err = io.WriteString(c, "X: "+strings.Repeat("x", 1000)+"\r\n")
			}
		}), monitor.Retry, outbound.Other},
		{"W14", "an endless body", spoken(t, func(c net.Conn) {
			_, err := io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
			for err == nil {
				_, err = io.WriteString(c, strings.Repeat("x", 1000))
			}
		}), monitor.Done, "ok"},
		{"W16", "endless answers that say nothing yet", spoken(t, func(c net.Conn) {
			err := error(nil)
			for err == nil {
				_, err = io.WriteString(c, "HTTP/1.1 102 Processing\r\n\r\n")
			}
		}), monitor.Retry, outbound.Other},
		{"W17", "expired", "https://old.example" + port(certified(t, "old.example", now.Add(-time.Hour))), monitor.Retry, outbound.TLS},
		{"W17", "signed by itself", "https://self.example" + port(certified(t, "self.example", now.Add(time.Hour))), monitor.Retry, outbound.TLS},
		{"W17", "another's", "https://wrong.example" + port(certified(t, "right.example", now.Add(time.Hour))), monitor.Retry, outbound.TLS},
	}
	sender := alerter.Webhook(everywhere().Client(), "1.2.3")
	violations := 0
	for _, row := range rows {
		ok := t.Run(row.id+"/"+row.name, func(t *testing.T) {
			m := message(t, monitor.Channel{Kind: monitor.Webhook, Settings: monitor.Settings{URL: row.url, Secret: secret}})
			if out := sender.Send(t.Context(), m); out.Verdict != row.verdict || out.Class != row.class {
				t.Errorf("%+v, want verdict %d and class %s", out, row.verdict, row.class)
			}
		})
		if !ok {
			violations++
		}
	}
	prove.Report(t, "INPUT W: no configured address leads inside, and no receiver holds a worker", len(rows), violations)
}

// W23: there are no templates. A name is encoded wherever it goes, and a placeholder in
// it is a word.
func TestNamesStayOneMember(t *testing.T) {
	in := receive(t, status(http.StatusOK))
	const name = `","x":"y $NAME {{.}} \u0022` + "\u2028"
	m := message(t, monitor.Channel{Kind: monitor.Webhook, Settings: monitor.Settings{URL: in.URL, Secret: secret}})
	m.Flip.Facts.Name, m.Project.Name = name, name
	if out := alerter.Webhook(everywhere().Client(), "1.2.3").Send(t.Context(), m); out.Verdict != monitor.Done {
		t.Fatalf("%+v", out)
	}
	var got struct {
		X    any
		Data struct {
			X              any
			Check, Project struct{ Name string }
		}
	}
	if err := json.Unmarshal(in.all()[0].Body, &got); err != nil {
		t.Fatal(err)
	}
	if got.X != nil || got.Data.X != nil || got.Data.Check.Name != name || got.Data.Project.Name != name {
		t.Errorf("%+v", got)
	}
}

// FuzzRetryAfter: whatever a receiver asks for, it is a pause that can be planned.
func FuzzRetryAfter(f *testing.F) {
	for _, text := range []string{"", "120", "-5", "1e9", "99999999999999999999", "Wed, 99 Foo", "Wed, 21 Oct 2099 07:28:00 GMT", "+1", "0x10"} {
		f.Add(text)
	}
	now := time.Date(2026, 11, 23, 1, 15, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text string) {
		if got := alerter.RetryAfter(text, now); got < 0 || got > 24*time.Hour {
			t.Errorf("%q asks for %s", text, got)
		}
	})
}
