package templates

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"rollcall/internal/monitor"
	"rollcall/internal/schedule"
)

// HowTo is how a check is pinged.
type HowTo struct {
	Address  string
	ByName   string // its address by slug; "" when it has no slug
	ByMail   string // its mail address; "" when the server takes no mail
	Imported []Fact // services and the tokens that were imported from them
	Ending   []Fact // addresses that it had before, and until when they can be pinged
	Tabs     []Tab
}

// Tab is one way to ping, as a text to be copied.
type Tab struct {
	Name   string
	Before string
	Mark   string // the address
	After  string
	Note   string
}

// snippet is a way to ping with the address and what depends on the check left out.
// Every one reports how the job ended and lets its exit status stand; that a ping is
// lost, or the server away, never makes the job fail. TestSnippets runs them.
type snippet struct {
	name string
	text string
	note string
}

// What stands for something else in a snippet: it is replaced by what fits the check.
const (
	addressMark = "ADDRESS"
	timesMark   = "TIMES"  // how a crontab line begins
	labelMark   = "LABEL"  // a name in small letters
	zoneMark    = "ZONE\n" // a line that names the zone of a schedule
	curlMark    = "CURL"
)

// curl is how every shell pings: it fails quietly, tries again, and prints nothing,
// because cron would send that by mail.
const curl = "curl -fsS -m 10 --retry 5 --retry-connrefused -o /dev/null"

var snippets = []snippet{
	{
		"curl", `your-command; status=$?; CURL ADDRESS/$status; (exit $status)`,
		"Put it around the job: /0 is a success, any other exit status a failure. Call /start before it to measure how long it takes.",
	},
	{
		"crontab", `TIMESyour-command; CURL ADDRESS/$?`,
		"Use ; and $?, so that a failing job reports its exit status instead of falling silent. Nothing is printed when all went well, so cron sends no mail.",
	},
	{
		"bash", `#!/bin/bash
url=ADDRESS
report() { CURL "$@" || true; }

report -X POST "$url/start"
output=$(your-command 2>&1); status=$?
printf '%s\n' "$output"
printf '%s' "$output" | tail -c 10000 | report --data-binary @- "$url/$status"
exit $status
`,
		"Measures the run, keeps the end of its output and reports how it ended.",
	},
	{
		"systemd", `[Unit]
Description=LABEL

[Service]
Type=oneshot
Environment=URL=ADDRESS
ExecStartPre=-/bin/sh -c 'CURL "$$URL/start"'
ExecStart=/usr/local/bin/your-command
ExecStopPost=-/bin/sh -c 'case $$SERVICE_RESULT-$$EXIT_STATUS in success-*) s=0;; *-[1-9]*) s=$$EXIT_STATUS;; *) s=fail;; esac; CURL "$$URL/$$s"'
`,
		"The unit of a timer. A minus in front keeps a lost ping from failing the job; ExecStopPost also tells of a job that was killed or ran out of time.",
	},
	{
		"Python", `import traceback
import urllib.request

URL = "ADDRESS"

def ping(signal, output=""):
    try:
        urllib.request.urlopen(URL + signal, data=output.encode()[-10000:], timeout=10).close()
    except Exception:
        pass  # a lost ping must not stop the job

ping("/start")
status, output = 1, ""
try:
    job()
    status = 0
except Exception:
    output = traceback.format_exc()
    raise
finally:
    ping(f"/{status}", output)
`,
		"The standard library alone. What ends the job, an exception or sys.exit, is reported and goes on to end it.",
	},
	{
		"Go", `package main

import (
	"log"
	"net/http"
	"strings"
	"time"
)

const url = "ADDRESS"

// ping says how the job is. A lost ping must not stop it.
func ping(signal, output string) {
	client := http.Client{Timeout: 10 * time.Second}
	if answer, err := client.Post(url+signal, "text/plain", strings.NewReader(output)); err == nil {
		answer.Body.Close()
	}
}

func main() {
	ping("/start", "")
	if err := job(); err != nil {
		ping("/1", err.Error())
		log.Fatal(err)
	}
	ping("/0", "")
}
`,
		"job is yours. A job that panics ends without a word and is told when its run limit is over.",
	},
	{
		"Node", `const url = "ADDRESS";
const ping = (signal, body = "") =>
  fetch(url + signal, { method: "POST", body, signal: AbortSignal.timeout(10_000) }).catch(() => {});

await ping("/start");
try {
  await job();
} catch (error) {
  await ping("/1", String(error?.stack ?? error));
  throw error;
}
await ping("/0");
`,
		"Node 18 or newer, as a module (.mjs). A lost ping is swallowed; what the job throws is not.",
	},
	{
		"PowerShell", `$url = "ADDRESS"
function Send-Ping($Signal, $Output = "") {
    try { Invoke-RestMethod -Method Post -Uri "$url$Signal" -Body $Output -TimeoutSec 10 | Out-Null } catch { }
}

Send-Ping "/start"
$status = 1
try {
    $output = & your-command 2>&1 | Out-String
    $status = $LASTEXITCODE
} catch {
    $output = "$_"
}
Send-Ping "/$status" $output
exit $status
`,
		"For Windows PowerShell 5.1 and PowerShell 7. A command that cannot be found is a failure too.",
	},
	{
		"GitHub Actions", `on:
  schedule:
    - cron: "TIMES"
jobs:
  LABEL:
    runs-on: ubuntu-latest
    env:
      URL: ADDRESS
    steps:
      - run: CURL "$URL/start" || true
      - run: your-command
      - if: always()
        run: CURL "$URL/${{ job.status == 'success' && '0' || 'fail' }}" || true
`,
		"The address is a secret: in a public repository keep it among the repository's secrets and write ${{ secrets.ROLLCALL_URL }} in its place. GitHub counts in UTC.",
	},
	{
		"Kubernetes", `apiVersion: batch/v1
kind: CronJob
metadata:
  name: LABEL
spec:
  schedule: "TIMES"
ZONE
  concurrencyPolicy: Forbid
  jobTemplate:
    spec:
      backoffLimit: 0
      template:
        spec:
          restartPolicy: Never
          containers:
            - name: job
              image: your-image
              env:
                - name: URL
                  value: ADDRESS
              command: [sh, -c]
              args:
                - |
                  CURL "$URL/start"
                  your-command; status=$?
                  CURL "$URL/$status"
                  exit $status
`,
		"The image needs sh and curl. A pod that is evicted ends without a word and is told when its run limit is over.",
	},
	{
		"rollcall run", `rollcall run --check ADDRESS -- your-command`,
		"The same in one line: it passes signals and the exit status on, and what it cannot deliver it sends later.",
	},
}

func howTo(f CheckFacts, clock Clock) HowTo {
	h := HowTo{Address: f.BaseURL + "/ping/" + f.Check.UUID.String()}
	if f.Check.Slug != "" {
		h.ByName = f.BaseURL + "/ping/" + PingKeyPlace + "/" + f.Check.Slug
	}
	if f.MailDomain != "" {
		h.ByMail = f.Check.UUID.String() + "@" + f.MailDomain
	}
	for _, token := range f.Tokens {
		h.Imported = append(h.Imported, Fact{cmp.Or(services[token.Dialect], token.Dialect), token.Text})
	}
	for _, old := range f.Old {
		h.Ending = append(h.Ending, Fact{f.BaseURL + "/ping/" + old.UUID.String(), clock.At(old.Ends)})
	}
	for _, s := range snippets {
		h.Tabs = append(h.Tabs, s.tab(f.Check, h.Address))
	}
	return h
}

// tab is the snippet for a check; only the first address in it is set off.
func (s snippet) tab(c monitor.Check, address string) Tab {
	times := crontabTimes(c.Schedule)
	calls := curl
	if c.PostOnly {
		calls += " -X POST"
	}
	note := s.note
	if strings.Contains(s.text, timesMark) && times == "" {
		note = "No crontab has this schedule, so the times are only an example. " + note
		times = "0 3 * * *"
	}
	zone := ""
	if c.Schedule.Kind == schedule.Cron {
		zone = "  timeZone: " + c.Schedule.Zone + "\n"
	}
	if s.name == "crontab" {
		times += " "
	}
	text := strings.NewReplacer(
		curlMark, calls, timesMark, times, zoneMark, zone, labelMark, label(c),
	).Replace(s.text)
	before, after, _ := strings.Cut(text, addressMark)
	return Tab{s.name, before, address, strings.ReplaceAll(strings.TrimSuffix(after, "\n"), addressMark, address), note}
}

// label is the name of a check as other systems take it: small letters and digits
// with dashes between, beginning with a letter, at most 50 of them.
func label(c monitor.Check) string {
	name := strings.ReplaceAll(monitor.SlugOf(c.Title()), "_", "-")
	name = strings.TrimLeft(name, "-0123456789")
	return cmp.Or(strings.Trim(name[:min(len(name), 50)], "-"), "job")
}

// macros are the short words of crontabs for those who read five fields only.
var macros = map[string]string{
	"@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0",
	"@monthly": "0 0 1 * *", "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *",
}

// crontabTimes is how a crontab line for the schedule begins, "" when there is no
// such line.
func crontabTimes(spec schedule.Spec) string {
	minutes := int(spec.Period / time.Minute)
	switch {
	case spec.Kind == schedule.Cron:
		return cmp.Or(macros[spec.Expr], spec.Expr)
	case spec.Kind != schedule.Every || spec.Period%time.Minute != 0:
		return ""
	case minutes == 1:
		return "* * * * *"
	case minutes < 60 && 60%minutes == 0:
		return fmt.Sprintf("*/%d * * * *", minutes)
	case minutes == 60:
		return "0 * * * *"
	case minutes%60 == 0 && minutes < 24*60 && 24%(minutes/60) == 0:
		return fmt.Sprintf("0 */%d * * *", minutes/60)
	case minutes == 24*60:
		return "0 3 * * *"
	}
	return ""
}
