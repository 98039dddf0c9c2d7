package dialect_test

import (
	"testing"
	"time"

	"rollcall/internal/dialect"
	"rollcall/internal/monitor"
)

func TestGatus(t *testing.T) {
	const (
		at     = "POST /api/v1/endpoints/core_nightly-backup/external"
		bearer = "Authorization: Bearer " + key
	)
	event := func(p monitor.Ping, warning string) []dialect.Event {
		return []dialect.Event{{PingKey: key, Slug: "core_nightly-backup", Title: "core_nightly-backup", Ping: p, Warning: warning}}
	}
	success, failed := monitor.Ping{Signal: monitor.Success}, monitor.Ping{Signal: monitor.Fail}
	told := failed
	told.Detail.Message = "disk full"
	missing := dialect.Refusal{Code: 400, Text: "missing or invalid success query parameter"}
	badHeader := dialect.Refusal{Code: 401, Text: "invalid Authorization header"}
	badDuration := dialect.Refusal{Code: 400, Text: "invalid duration; write it like 10s, 1m30s or 250ms"}
	readAs(t, dialect.Gatus, []wire{
		{line: at + "?success=true", header: bearer, want: event(success, "")},
		{line: at + "/?success=true&error=&duration=", header: bearer, want: event(success, "")},
		{line: at + "?success=true&error=kept+not", header: bearer, want: event(success, "")},
		{line: at + "?success=false&error=disk+full", header: bearer, want: event(told, "")},
		{line: at + "?success=true&success=false", header: bearer, want: event(failed, "")},
		{line: at + "?success=true&duration=1m1.5s", header: bearer, want: event(monitor.Ping{Signal: monitor.Success, Duration: lasted(61500 * time.Millisecond)}, "")},
		{line: at + "?success=true&duration=-5s", header: bearer, want: event(success, "bad-duration")},
		{line: at + "?success=true&duration=2000000h", header: bearer, want: event(success, "bad-duration")},
		{
			line: "POST /api/v1/endpoints/Core_Web.Site/external?success=true", header: bearer,
			want: []dialect.Event{{PingKey: key, Slug: "core_web-site", Title: "Core_Web.Site", Ping: success}},
		},
		{line: at, refuse: missing},
		{line: at + "?success=", header: bearer, refuse: missing},
		{line: at + "?success=TRUE", header: bearer, refuse: missing},
		{line: at + "?success=1", refuse: missing},
		{line: at + "?success=true", refuse: badHeader},
		{line: at + "?success=true", header: "Authorization: " + key, refuse: badHeader},
		{line: at + "?success=true", header: "Authorization: Basic eA==", refuse: badHeader},
		{line: at + "?success=true&duration=soon", refuse: badHeader},
		{line: at + "?success=true&duration=soon", header: bearer, refuse: badDuration},
		{line: at + "?success=true&duration=10", header: bearer, refuse: badDuration},
		{line: at + "?success=true&duration=NaN", header: bearer, refuse: badDuration},
	})
	answersAs(t, dialect.Gatus, dialect.Answer{Code: 200}, plainNotFound, plainTryAgain)
}
