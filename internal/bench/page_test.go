//go:build linux

package main

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"testing"
	"time"

	"rollcall/internal/store/sqlite"
	"rollcall/web"
)

// sentLimit is how many compressed bytes the list of 2,000 checks may have.
const sentLimit = 150_000

// How long it takes depends on the machine; how much is sent does not.
func TestTheListOfManyChecksIsSmall(t *testing.T) {
	st, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "list.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	if _, err := seedList(t.Context(), st); err != nil {
		t.Fatal(err)
	}
	now := func() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }
	handler, err := web.New(web.Config{
		Store: st, BaseURL: &url.URL{Scheme: "http", Host: "127.0.0.1"}, Now: now, JudgedUpTo: now, Kick: func() {},
		Log: slog.New(slog.DiscardHandler), Version: "1.0",
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	defer server.Close()
	r := &reader{base: server.URL}
	if err := r.logIn(t.Context()); err != nil {
		t.Fatal(err)
	}
	list := view{ask: func(r *reader) (*http.Request, error) { return http.NewRequest(http.MethodGet, r.base+"/checks", nil) }}
	if err := list.look(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes, %d as they are", list.sent, list.plain)
	if len(r.rows) != listChecks {
		t.Errorf("the list has %d rows, want %d", len(r.rows), listChecks)
	}
	if list.sent > sentLimit {
		t.Errorf("%d bytes are sent, want at most %d", list.sent, sentLimit)
	}
}
