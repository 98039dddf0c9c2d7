package alerter

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"rollcall/internal/failpoint"
	"rollcall/internal/monitor"
	"rollcall/internal/outbound"
	"rollcall/templates"
)

// Webhook returns the Sender of webhooks, as Standard Webhooks 1.0.0 has them: a
// POST of JSON with the headers webhook-id, webhook-timestamp and
// webhook-signature. Every attempt and replay has the same id and body, with a
// timestamp and a signature of its own.
//
// The body about a check, in which null means "not known" or "none" and 0 is 0:
//
//	{
//	  "type": "check.down",                        // or check.up, or check.corrected: an alarm was none
//	  "timestamp": "2026-11-23T01:15:00Z",         // when it became true
//	  "data": {
//	    "check": {
//	      "name": "Offsite backup",
//	      "slug": "offsite-backup",                // or null
//	      "tags": ["db", "prod"],
//	      "url": "https://rollcall.example/go/0b1c…"
//	    },
//	    "project": {"name": "Production"},
//	    "old_status": "up",
//	    "status": "down",
//	    "reason": "timeout",                       // or fail, overrun; success, or late when it is up
//	    "sentence": "Nothing arrived by 02:15. Expected by 02:00, grace 15 min. …",
//	    "at": "2026-11-23T01:15:00Z",              // the same as timestamp
//	    "judged_at": "2026-11-23T01:15:00.4Z",     // when Rollcall noticed
//	    "seq": 17,                                 // grows with every change of the check
//	    "corrects": null,                          // the seq of the alarm that a late report showed to be none
//	    "due": "2026-11-23T01:00:00Z",             // the slot that was missed
//	    "last_success": "2026-11-22T01:25:00Z",
//	    "exit_status": null,
//	    "duration_s": null,                        // of the run that reported, such as 41.2
//	    "fail_streak": 0,
//	    "schedule": "Every day at 02:00",
//	    "timezone": "Europe/Berlin",               // null for a plain period
//	    "grace_s": 900
//	  }
//	}
//
// The body of a digest, which tells what a storm of changes owes to the channel:
//
//	{
//	  "type": "checks.digest",
//	  "timestamp": "2026-11-23T01:15:10Z",         // when it was formed
//	  "data": {
//	    "project": {"name": "Production"},
//	    "sentence": "2 changes within 1 s: 1 check went down, 1 came up.",
//	    "down": 1,
//	    "up": 1,
//	    "from": "2026-11-23T01:15:00.4Z",          // when the first change was noticed, and the last
//	    "to": "2026-11-23T01:15:01.4Z",
//	    "url": "https://rollcall.example/deliveries?digest=31",
//	    "changes": [                               // all of them, in order; up to 2,000
//	      {
//	        "check": {"name": "Offsite backup", "slug": "offsite-backup", "url": "https://rollcall.example/go/0b1c…"},
//	        "old_status": "up",
//	        "status": "down",
//	        "reason": "timeout",
//	        "at": "2026-11-23T01:15:00Z",
//	        "seq": 17,
//	        "corrects": null
//	      }
//	    ]
//	  }
//	}
//
// The body of a message about checks that could not be verified stands in digest.go,
// and that of one about another channel in failing.go.
//
// The body of a test of the channel:
//
//	{
//	  "type": "channel.test",
//	  "timestamp": "2026-11-23T09:00:00Z",
//	  "data": {
//	    "channel": {"name": "hook"},
//	    "project": {"name": "Production"},
//	    "sentence": "This is a test of the channel hook."
//	  }
//	}
func Webhook(client *http.Client, version string) Sender {
	return webhook{client, version}
}

type webhook struct {
	client  *http.Client
	version string
}

type event struct {
	Type      string `json:"type"`
	Timestamp string `json:"timestamp"`
	Data      any    `json:"data"`
}

type named struct {
	Name string `json:"name"`
}

type testData struct {
	Channel  named  `json:"channel"`
	Project  named  `json:"project"`
	Sentence string `json:"sentence"`
}

type flipData struct {
	Check       checkData      `json:"check"`
	Project     named          `json:"project"`
	OldStatus   monitor.Status `json:"old_status"`
	Status      monitor.Status `json:"status"`
	Reason      monitor.Reason `json:"reason"`
	Sentence    string         `json:"sentence"`
	At          string         `json:"at"`
	JudgedAt    string         `json:"judged_at"`
	Seq         int64          `json:"seq"`
	Corrects    *int64         `json:"corrects"`
	Due         *string        `json:"due"`
	LastSuccess *string        `json:"last_success"`
	ExitStatus  *int64         `json:"exit_status"`
	DurationS   *float64       `json:"duration_s"`
	FailStreak  int            `json:"fail_streak"`
	Schedule    string         `json:"schedule"`
	Timezone    *string        `json:"timezone"`
	GraceS      int64          `json:"grace_s"`
}

type checkData struct {
	Name string   `json:"name"`
	Slug *string  `json:"slug"`
	Tags []string `json:"tags"`
	URL  string   `json:"url"`
}

// Send implements Sender.
func (w webhook) Send(ctx context.Context, m Message) Outcome {
	if _, err := m.Channel.Valid(); err != nil {
		return doubt(outbound.Clean("the settings of this channel are not valid: " + err.Error()))
	}
	to, err := url.Parse(m.Channel.Settings.URL)
	if err != nil {
		return failed(err)
	}
	if isPing(to, m.BaseURL) {
		out := doubt("this is a ping address of this server: an alert must not report for a job")
		out.Class = outbound.Blocked
		return out
	}
	hide := append(outbound.Secrets(to), m.Channel.Settings.Secret)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	request, err := w.request(failpoint.Request(ctx, "webhook"), m)
	if err != nil {
		return failed(err, hide...)
	}
	response, err := w.client.Do(request)
	if err != nil {
		return failed(err, hide...)
	}
	defer response.Body.Close()
	// What was answered is known by now; a slow body is not worth a worker.
	slow := time.AfterFunc(excerptLimit, cancel)
	defer slow.Stop()
	excerpt, _ := io.ReadAll(io.LimitReader(response.Body, excerptBytes))
	return answered(response, excerpt, m.Now, hide)
}

// isPing reports whether an address is one at which this server takes pings. A check
// whose alert goes to its own address would be up again by being down.
func isPing(to *url.URL, baseURL string) bool {
	own, err := url.Parse(baseURL)
	if err != nil || !strings.EqualFold(strings.TrimSuffix(to.Hostname(), "."), own.Hostname()) {
		return false
	}
	first, _, _ := strings.Cut(strings.TrimLeft(to.Path, "/"), "/")
	return strings.EqualFold(first, "ping")
}

// Limits of what is read of an answer's body, for the delivery log.
const (
	excerptLimit = 2 * time.Second
	excerptBytes = 4 * outbound.WordsLimit
)

// request composes and signs the message.
func (w webhook) request(ctx context.Context, m Message) (*http.Request, error) {
	body, err := webhookBody(m)
	if err != nil {
		return nil, err
	}
	signer, err := standardwebhooks.NewWebhook(m.Channel.Settings.Secret)
	if err != nil {
		return nil, err
	}
	signature, err := signer.Sign(m.ID, m.Now, body)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, m.Channel.Settings.URL, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", fmt.Sprintf("Rollcall/%s (+%s)", w.version, m.BaseURL))
	r.Header.Set(standardwebhooks.HeaderWebhookID, m.ID)
	r.Header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(m.Now.Unix(), 10))
	r.Header.Set(standardwebhooks.HeaderWebhookSignature, signature)
	return r, nil
}

// webhookBody is a function of what was decided alone, not of the attempt.
func webhookBody(m Message) ([]byte, error) {
	e := event{"channel.test", stamp(m.Delivery.Created), testData{
		named{m.Channel.Name},
		named{m.Project.Name},
		"This is a test of the channel " + m.Channel.Name + ".",
	}}
	switch f := m.Flip; {
	case m.Digest != nil:
		e = digestEvent(m, *m.Digest)
	case m.Failing != nil:
		e = failingEvent(m, *m.Failing)
	case m.Roundup != nil:
		e = event{"checks.digest", stamp(m.Delivery.Created), roundupDataOf(m, *m.Roundup)}
	case f != nil && f.Old == f.New:
		e = event{"check.corrected", stamp(f.At), dataOf(m, *f)}
	case f != nil:
		e = event{"check." + string(f.New), stamp(f.At), dataOf(m, *f)}
	}
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(e); err != nil {
		return nil, fmt.Errorf("compose: %w", err)
	}
	return bytes.TrimSpace(body.Bytes()), nil
}

func dataOf(m Message, f monitor.Flip) flipData {
	facts := f.Facts
	sentence := strings.Join(templates.FlipSentences(f, templates.FlipClock(f)), " ")
	data := flipData{
		Check: checkData{
			Name: facts.Name, Slug: orNull(facts.Slug), Tags: append([]string{}, facts.Tags...), URL: m.CheckPage(),
		},
		Project: named{m.Project.Name}, OldStatus: f.Old, Status: f.New, Reason: f.Reason,
		Sentence: strings.ReplaceAll(sentence, "\u00a0", " "),
		At:       stamp(f.At), JudgedAt: stamp(f.Judged), Seq: f.Rev,
		Corrects: orNone(facts.Corrects),
		Due:      stampOf(facts.Due), LastSuccess: stampOf(facts.Success),
		ExitStatus: facts.Exit, FailStreak: facts.Streak,
		Schedule: facts.Schedule, Timezone: orNull(facts.Zone), GraceS: facts.Grace,
	}
	if facts.Duration != nil {
		s := (time.Duration(*facts.Duration) * time.Microsecond).Seconds()
		data.DurationS = &s
	}
	return data
}

type roundupData struct {
	Project  named      `json:"project"`
	Sentence string     `json:"sentence"`
	Down     int        `json:"down"`
	Up       int        `json:"up"`
	From     string     `json:"from"`
	To       string     `json:"to"`
	URL      string     `json:"url"`
	Changes  []turnData `json:"changes"`
}

type turnData struct {
	Check     turnCheck      `json:"check"`
	OldStatus monitor.Status `json:"old_status"`
	Status    monitor.Status `json:"status"`
	Reason    monitor.Reason `json:"reason"`
	At        string         `json:"at"`
	Seq       int64          `json:"seq"`
	Corrects  *int64         `json:"corrects"`
}

type turnCheck struct {
	Name string  `json:"name"`
	Slug *string `json:"slug"`
	URL  string  `json:"url"`
}

func roundupDataOf(m Message, d monitor.Roundup) roundupData {
	data := roundupData{
		Project: named{m.Project.Name}, Sentence: strings.ReplaceAll(templates.RoundupSentence(d), "\u00a0", " "),
		Down: d.Down, Up: d.Up, From: stamp(d.From), To: stamp(d.To),
		URL: m.DigestPage(), Changes: make([]turnData, len(d.Changes)),
	}
	for i, t := range d.Changes {
		data.Changes[i] = turnData{
			Check:     turnCheck{t.Name, orNull(t.Slug), m.BaseURL + "/go/" + t.Page},
			OldStatus: t.Old, Status: t.New, Reason: t.Reason, At: stamp(t.At), Seq: t.Rev, Corrects: orNone(t.Corrects),
		}
	}
	return data
}

// orNone is the rev of a flip; nil for 0, which stands for none.
func orNone(rev int64) *int64 {
	if rev == 0 {
		return nil
	}
	return &rev
}

func orNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

func stampOf(us *int64) *string {
	if us == nil {
		return nil
	}
	text := stamp(monitor.FromMicros(us))
	return &text
}
