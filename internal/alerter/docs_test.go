package alerter_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"rollcall/internal/alerter"
	"rollcall/internal/doctest"
	"rollcall/internal/monitor"
	"rollcall/internal/outbound"
)

func TestDocsSayTheLimits(t *testing.T) {
	doctest.Holds(t, "limits.md", "messages", doctest.Limits(
		doctest.Limit{"time of an attempt", doctest.Time(alerter.WebhookLimit) + " to a webhook, " + doctest.Time(alerter.EmailLimit) + " by mail", "it has failed, and is tried again"},
		doctest.Limit{"header and body of an answer", doctest.Size(outbound.HeaderBytes) + " each", "not read"},
		doctest.Limit{"of that, kept in the log", doctest.Number(outbound.WordsLimit) + " characters", "cut"},
		doctest.Limit{"changes told one by one", doctest.Number(monitor.StormAfter) + " of a channel within " + doctest.Time(monitor.StormSpan), "told in [digests](notifications.md#many-changes-at-once)"},
		doctest.Limit{"changes in a digest", doctest.Number(int64(monitor.Webhook.DigestMost())) + " to a webhook, " + doctest.Number(int64(monitor.Email.DigestMost())) + " by mail, which lists " + doctest.Number(monitor.StormShown), "go into the next"},
		doctest.Limit{"attempts under way", doctest.Number(alerter.Workers) + ", and " + doctest.Number(alerter.SlowMost) + " that take longer than " + doctest.Time(alerter.SlowAfter), "wait"},
		doctest.Limit{"messages to a channel", doctest.Number(int64(time.Second/monitor.Pace)) + " a second", "wait; tests do not"},
		doctest.Limit{"failures of a channel in a row", doctest.Number(monitor.BreakerAfter), "only its oldest message is [tried](notifications.md#a-receiver-that-fails), the others wait"},
		doctest.Limit{"pause that an overloaded receiver asks for", doctest.Time(monitor.RestMost) + " for its channel and for an alarm, " + doctest.Time(24*time.Hour) + " for another message", "cut"},
		doctest.Limit{"attempts of one channel under way", doctest.Number(alerter.PerChannel), "wait"},
		doctest.Limit{"attempts to one host under way", doctest.Number(alerter.PerHost), "wait"},
	))
	if monitor.StormWait != 10*time.Second || monitor.StormPause != time.Minute {
		t.Error("docs/notifications.md speaks of ten seconds and a minute")
	}
	if monitor.BreakerAfter != 5 || monitor.ProbeEvery != time.Minute || monitor.RestPlain != time.Minute || monitor.RestMost != time.Hour || monitor.Pace != time.Second/5 {
		t.Error("docs/notifications.md speaks of five failures, a minute, an hour and five messages a second")
	}
	const day = 24 * time.Hour
	if monitor.WarnAfter != day || monitor.WarnAgain != 3*day || monitor.OffAfter != 5*day || monitor.OffAttempts != 20 || monitor.OffHours != 12 || monitor.RedirectsTold != 3 {
		t.Error("docs/notifications.md speaks of a day, three and five, 20 attempts, 12 hours and three redirects")
	}
	if alerter.PerChannel != 4 || alerter.PerHost != 8 || alerter.SlowAfter != 2*time.Second {
		t.Error("docs/notifications.md speaks of four messages, eight and two seconds")
	}
}

func TestDocsShowWhatIsSent(t *testing.T) {
	in := receive(t, status(http.StatusNoContent))
	m := message(t, monitor.Channel{Kind: monitor.Webhook, Settings: monitor.Settings{URL: in.URL, Secret: secret}})
	m.Flip.Facts.Name, m.BaseURL = "Offsite backup", "https://rollcall.example.org"
	alerter.Webhook(everywhere().Client(), "1.2.3").Send(t.Context(), m)
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, in.all()[0].Body, "", "  "); err != nil {
		t.Fatal(err)
	}
	doctest.Holds(t, "notifications.md", "payload", "```json\n"+pretty.String()+"\n```")

	storm := roundup(t, m.Channel)
	storm.BaseURL = m.BaseURL
	alerter.Webhook(everywhere().Client(), "1.2.3").Send(t.Context(), storm)
	pretty.Reset()
	if err := json.Indent(&pretty, in.all()[1].Body, "", "  "); err != nil {
		t.Fatal(err)
	}
	doctest.Holds(t, "notifications.md", "storm", "```json\n"+pretty.String()+"\n```")
}

// The examples that verify a signature take what is signed, and nothing else.
func TestDocsVerifySignatures(t *testing.T) {
	text, err := os.ReadFile("../../docs/notifications.md")
	if err != nil {
		t.Fatal(err)
	}
	example := func(language string) string {
		found := regexp.MustCompile("(?s)```" + language + "\n(.*?)```").FindSubmatch(text)
		if found == nil {
			t.Fatalf("there is no example in %s", language)
		}
		return string(found[1])
	}
	now, body := time.Now(), []byte(`{"type":"check.down","data":{"name":"Ä\u0026"}}`)
	signer := must(standardwebhooks.NewWebhook(secret))(t)
	signature := must(signer.Sign("msg_1", now, body))(t)
	old := must(signer.Sign("msg_1", now.Add(-time.Hour), body))(t)
	type given struct {
		Signature, Body string
		Stamp           int64
		Want            bool
	}
	cases := must(json.Marshal([]given{
		{signature, string(body), now.Unix(), true},
		{"v1,AAAA v1a,zzz " + signature, string(body), now.Unix(), true},
		{signature, string(body) + " ", now.Unix(), false},
		{signature, string(body), now.Unix() + 1, false},
		{old, string(body), now.Add(-time.Hour).Unix(), false},
		{"v1,", string(body), now.Unix(), false},
		{"", string(body), now.Unix(), false},
	}))(t)
	dir := t.TempDir()
	for _, test := range []struct{ file, program, run string }{
		{"verify.py", example("python") + fmt.Sprintf(`
import json, sys
for c in json.load(sys.stdin):
    got = verify(%q, {"webhook-id": "msg_1", "webhook-timestamp": str(c["Stamp"]), "webhook-signature": c["Signature"]}, c["Body"].encode())
    assert got == c["Want"], c
`, secret), "python3"},
		{"verify.js", example("js") + fmt.Sprintf(`
for (const c of JSON.parse(require("node:fs").readFileSync(0))) {
  const got = verify(%q, { "webhook-id": "msg_1", "webhook-timestamp": String(c.Stamp), "webhook-signature": c.Signature }, Buffer.from(c.Body));
  if (got !== c.Want) throw new Error(JSON.stringify(c));
}
`, secret), "node"},
		{"verify.go", `package main
import ("crypto/hmac"; "crypto/sha256"; "encoding/base64"; "encoding/json"; "fmt"; "net/http"; "os"; "strconv"; "strings"; "time")
` + example("go") + fmt.Sprintf(`
func main() {
	var cases []struct{ Signature, Body string; Stamp int64; Want bool }
	if err := json.NewDecoder(os.Stdin).Decode(&cases); err != nil { panic(err) }
	for _, c := range cases {
		h := http.Header{}
		h.Set("webhook-id", "msg_1"); h.Set("webhook-timestamp", fmt.Sprint(c.Stamp)); h.Set("webhook-signature", c.Signature)
		if verify(%q, h, []byte(c.Body), time.Now()) != c.Want { panic(fmt.Sprint(c)) }
	}
}
`, secret), "go run"},
	} {
		path := filepath.Join(dir, test.file)
		if err := os.WriteFile(path, []byte(test.program), 0o600); err != nil {
			t.Fatal(err)
		}
		run := exec.CommandContext(t.Context(), "sh", "-c", test.run+" "+path)
		run.Stdin = bytes.NewReader(cases)
		if out, err := run.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", test.file, err, out)
		}
	}
}
