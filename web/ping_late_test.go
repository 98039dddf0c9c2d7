package web_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"strings"
	"testing"
	"time"

	"rollcall/internal/monitor"
)

// sign is what a client sends along with a late report, by the documented rule.
func sign(key, age, signal, exit, rid, body string) string {
	mac := hmac.New(sha256.New, []byte(key))
	_, _ = io.WriteString(mac, strings.Join([]string{"v1", age, signal, exit, rid, body}, "\n"))
	return "v1=" + hex.EncodeToString(mac.Sum(nil))
}

func TestLateReports(t *testing.T) {
	e := newEndpoint(t)
	id, key := e.check.UUID.String(), e.project.PingKey
	for _, c := range []struct {
		name, path, body, age, signature string
		code                             int
		text                             string
		happened                         time.Duration // before it came; 0: nothing is stored
	}{
		{"by UUID", "/ping/" + id + "/3?rid=r1", "out", "90.5", sign(id, "90.5", "fail", "3", "r1", "out"), 200, "OK", 90500 * time.Millisecond},
		{"by slug", "/ping/" + key + "/nightly", "", "0.000001", sign(key, "0.000001", "success", "", "", ""), 200, "OK", time.Microsecond},
		{"the oldest that is taken", "/ping/" + id + "/log", "", "604800", sign(id, "604800", "log", "", "", ""), 200, "OK", monitor.BackdateLimit},
		{"the same run and signal again", "/ping/" + id + "/3?rid=r1", "out", "91", sign(id, "91", "fail", "3", "r1", "out"), 200, "OK", 0},
		{"unsigned", "/ping/" + id, "", "90", "", 400, "Rollcall-Signature is missing", 0},
		{"signed for another body", "/ping/" + id, "b", "90", sign(id, "90", "success", "", "", "a"), 400, "does not fit", 0},
		{"signed with another key", "/ping/" + id, "", "90", sign(key, "90", "success", "", "", ""), 400, "does not fit", 0},
		{"too old", "/ping/" + id, "", "604800.1", sign(id, "604800.1", "success", "", "", ""), 400, "at most 604800", 0},
		{"from the future", "/ping/" + id, "", "-1", sign(id, "-1", "success", "", "", ""), 400, "0 or more", 0},
		{"not a number", "/ping/" + id, "", "NaN", sign(id, "NaN", "success", "", "", ""), 400, "0 or more", 0},
		{"no such check", "/ping/" + key + "/weekly?rid=x", "", "90", sign(key, "90", "success", "", "x", ""), 404, "not found", 0},
	} {
		before := len(e.pings(e.check))
		came := time.Now()
		answer, text := e.ask("POST", c.path, bytes.NewBufferString(c.body), "Rollcall-Age", c.age, "Rollcall-Signature", c.signature)
		if answer.StatusCode != c.code || !strings.Contains(text, c.text) {
			t.Errorf("%s: %d %q, want %d %q", c.name, answer.StatusCode, text, c.code, c.text)
		}
		pings := e.pings(e.check)
		if stored := len(pings) > before; stored != (c.happened > 0) {
			t.Errorf("%s: stored %t", c.name, stored)
		} else if stored {
			took := pings[0].Detail.Arrived.Sub(pings[0].At)
			if took != c.happened || pings[0].Detail.Arrived.Before(came.Truncate(time.Microsecond)) {
				t.Errorf("%s: happened at %v, arrived %v", c.name, pings[0].At, pings[0].Detail.Arrived)
			}
		}
	}
}
