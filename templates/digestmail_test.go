package templates_test

import (
	"fmt"
	"testing"

	"github.com/google/uuid"

	"rollcall/internal/monitor"
	"rollcall/templates"
)

func TestDigestMail(t *testing.T) {
	due := monitor.Micros(instant(t, "2026-11-23T01:00:00Z"))
	checks := []monitor.DigestCheck{{Name: "Offsite backup", Due: due}, {Name: "Reindex \u202e<search>"}}
	var many []monitor.DigestCheck
	for i := range 1234 {
		many = append(many, monitor.DigestCheck{UUID: uuid.New(), Name: fmt.Sprintf("Job %04d", i), Due: due})
	}
	from, to := instant(t, "2026-11-23T00:58:00Z").UnixMicro(), instant(t, "2026-11-23T01:09:00Z").UnixMicro()
	soon, next := instant(t, "2026-11-23T00:58:20Z").UnixMicro(), instant(t, "2026-11-24T06:58:00Z").UnixMicro()
	for name, test := range map[string]struct {
		digest  monitor.Digest
		subject string
	}{
		"mail-unverified":      {monitor.DigestOf(from, to, "Rollcall was restarted", checks), "Not verified: 2 checks. Rollcall was blind from 23 Nov 00:58 to 01:09 UTC and could not verify 2 checks"},
		"mail-unverified-many": {monitor.DigestOf(from, next, "Rollcall was not running", many), "Not verified: 1,234 checks. Rollcall was blind from 23 Nov 00:58 to 24 Nov 06:58 UTC and could not verify 1,234 checks"},
		"mail-unverified-one":  {monitor.DigestOf(from, soon, "Rollcall was restarted", checks[:1]), "Not verified: 1 check. Rollcall was blind from 23 Nov 00:58:00 to 00:58:20 UTC and could not verify 1 check"},
	} {
		t.Run(name, func(t *testing.T) {
			m := templates.NewDigestMail(templates.DigestInput{
				ID: "msg_0123456789abcdef0123456789abcdef", Project: "Production", Channel: "Night shift", Digest: test.digest,
				Decided: instant(t, "2026-11-23T02:20:00Z"), ChecksPage: "https://rollcall.example/checks?status=unknown", ChannelPage: "https://rollcall.example/channels#channel-4",
			})
			if got := plain(m.Subject); got != test.subject {
				t.Errorf("subject %q, want %q", got, test.subject)
			}
			html, err := m.HTML(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name+".html", html)
			golden(t, name+".txt", m.Text())
		})
	}
}
