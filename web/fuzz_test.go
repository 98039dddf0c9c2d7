package web_test

import (
	"bufio"
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"rollcall/internal/fault"
	"rollcall/internal/ingest"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
	"rollcall/web"
)

// anyCheck takes the pings of one check, to whose address everything that names a check
// leads, and knows no token.
type anyCheck struct{ stored int }

func (a *anyCheck) Submit(context.Context, ingest.Report) (store.Result, error) {
	a.stored++
	return store.Result{}, nil
}

func (*anyCheck) TokenOwner(context.Context, string) (string, monitor.CheckID, error) {
	return "", 0, fault.NotFound
}

func (*anyCheck) Gone(context.Context, uuid.UUID) (bool, error) { return false, nil }

func (*anyCheck) Known(context.Context, store.Ref) error { return nil }

func (*anyCheck) Reported(context.Context, store.Ref, string, monitor.Signal) (bool, error) {
	return false, nil
}

// FuzzPings: whatever is asked, a ping is answered plainly. No redirect, because many
// clients take one for a success; no failure of ours; and OK only for what is stored.
func FuzzPings(f *testing.F) {
	const id = "5f0b3a52-9c1d-4e7f-8a6b-2d3c4e5f6a7b"
	for _, target := range []string{
		"/ping/" + id, "//ping//" + id + "/start/", "/ping/key/slug/3?rid=a&create=1", "/ping/../" + id, "/PING/%00/%zz", "/" + id + "?s=1",
		"/api/push/abcdefgh?status=down", "/p/abcdefgh?state=run", "http://x/ping/" + id, "*", "/ping?" + strings.Repeat("a=b&", 50),
	} {
		f.Add([]byte("POST " + target + " HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nX-Forwarded-For: 1.2.3.4, x\r\n\r\ns=1\xff"))
		f.Add([]byte("GET " + target + " HTTP/1.0\r\nRollcall-Age: 5\r\n\r\n"))
	}
	f.Add([]byte("POST /ping/" + id + " HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"))
	trusted := prefixes("192.0.2.0/24")
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
		if err != nil {
			return
		}
		r.RemoteAddr = "192.0.2.1:4711"
		check := &anyCheck{}
		pings := web.NewPings(web.PingConfig{Ingest: check, Directory: check, Trusted: trusted, Now: time.Now})
		w := httptest.NewRecorder()
		w.Code = 0
		pings.Before(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(w, r)
		if w.Code/100 == 3 || w.Code >= 500 && w.Code != http.StatusServiceUnavailable || w.Header().Get("Location") != "" {
			t.Errorf("answered %d %q", w.Code, w.Body)
		}
		if w.Body.String() == "OK" && check.stored == 0 {
			t.Error("OK for a ping that is not stored")
		}
	})
}

// FuzzClientIP: who a request comes from is an address, and what a stranger writes is
// never believed.
func FuzzClientIP(f *testing.F) {
	for _, header := range []string{"", "1.2.3.4", "6.6.6.6, 203.0.113.7", "[::1]:99999", "999.1.1.1", `evil"<script>`, "192.0.2.1, 192.0.2.2", "fe80::1%eth0", ", ,"} {
		f.Add(header)
	}
	trusted := prefixes("192.0.2.0/24")
	f.Fuzz(func(t *testing.T, header string) {
		r := &http.Request{RemoteAddr: "192.0.2.1:4711", Header: http.Header{"X-Forwarded-For": {header}}}
		if got, err := netip.ParseAddr(web.ClientIP(r, trusted)); err != nil || got.Zone() != "" {
			t.Errorf("%q comes from %s, %v", header, got, err)
		}
		r.RemoteAddr = "198.51.100.7:4711"
		if got := web.ClientIP(r, trusted); got != "198.51.100.7" {
			t.Errorf("%q of a stranger makes it %s", header, got)
		}
	})
}

// FuzzLocalPath: a log-in leads to this server, however a browser reads the target.
func FuzzLocalPath(f *testing.F) {
	for _, target := range []string{"", "/checks?q=x#y", "//evil", "/\\evil", "https:evil", "javascript:alert(1)", "/%09/evil", "/..//evil", "\t//evil", "/a?b=//c"} {
		f.Add(target)
	}
	f.Fuzz(func(t *testing.T, target string) {
		got := web.LocalPath(target)
		path, _, _ := strings.Cut(got, "?")
		if !strings.HasPrefix(got, "/") || strings.HasPrefix(got, "//") || strings.Contains(path, "\\") || strings.ContainsAny(got, "\r\n\t\x00") {
			t.Errorf("%q leads to %q", target, got)
		}
		base := &url.URL{Scheme: "https", Host: "rollcall.example"}
		if to, err := base.Parse(got); err != nil || to.Host != base.Host || to.Scheme != base.Scheme {
			t.Errorf("%q leads to %v, %v", target, to, err)
		}
		if again := web.LocalPath(got); again != got {
			t.Errorf("%q leads to %q, and that to %q", target, got, again)
		}
	})
}
