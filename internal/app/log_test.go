package app_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"rollcall/internal/app"
)

func TestScrub(t *testing.T) {
	for text, want := range map[string]string{
		"cannot reach postgres://rollcall:geheim@db:5432/x?a=b":  "cannot reach postgres://rollcall:***@db:5432/x?a=b",
		"postgres://rollcall:ge:he@im/2@db/x":                    "postgres://rollcall:***@db/x",
		"smtps://me%40example.org:geheim@mail:465?from=a@b.org":  "smtps://me%40example.org:***@b.org",
		"postgres://rollcall@db/x and http://example.org:80/a@b": "postgres://rollcall@db/x and http://example.org:***@b",
		"host=db password=geheim user=x":                         "host=db password=*** user=x",
		"password='ge heim' user=x":                              "password=*** user=x",
		"postgres://db/x?password=geheim&sslmode=off":            "postgres://db/x?password=***&sslmode=off",
		"the password is shorter than 12 characters":             "the password is shorter than 12 characters",
		"ops@example.org: nothing to hide":                       "ops@example.org: nothing to hide",
	} {
		if got := app.Scrub(text); got != want {
			t.Errorf("Scrub(%q)\n got %q\nwant %q", text, got, want)
		}
	}
}

func TestLogLines(t *testing.T) {
	var out bytes.Buffer
	log := app.NewLogger(&out, app.LogJSON, slog.LevelInfo)
	log.Debug("not shown")
	log.Info("from postgres://u:geheim@db/x", "err", errors.New("dial postgres://u:geheim@db/x"), "url", "smtp://u:geheim@mail", "took", 2*time.Second, "n", 3)
	if strings.Contains(out.String(), "geheim") {
		t.Errorf("a password is in the log: %s", out.String())
	}
	var line struct {
		TS    time.Time `json:"ts"`
		Level string    `json:"level"`
		Msg   string    `json:"msg"`
		Err   string    `json:"err"`
		Took  string    `json:"took"`
		N     int       `json:"n"`
	}
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	if line.TS.IsZero() || line.Level != "INFO" || line.Err != "dial postgres://u:***@db/x" || line.Took != "2s" || line.N != 3 {
		t.Errorf("line: %+v", line)
	}
}
