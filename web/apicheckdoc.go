package web

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"rollcall/internal/monitor"
	"rollcall/internal/schedule"
)

// checkDoc is a check as the API shows it. What no key may see of it is nil.
type checkDoc struct {
	Name              string  `json:"name"`
	Slug              string  `json:"slug"`
	Tags              string  `json:"tags"`
	Desc              string  `json:"desc"`
	Grace             int64   `json:"grace"`
	NPings            int64   `json:"n_pings"`
	Status            string  `json:"status"`
	Started           bool    `json:"started"`
	LastPing          *string `json:"last_ping"`
	NextPing          *string `json:"next_ping"`
	ManualResume      bool    `json:"manual_resume"`
	Methods           string  `json:"methods"`
	Subject           string  `json:"subject"`
	SubjectFail       string  `json:"subject_fail"`
	StartKw           string  `json:"start_kw"`
	SuccessKw         string  `json:"success_kw"`
	FailureKw         string  `json:"failure_kw"`
	FilterSubject     bool    `json:"filter_subject"`
	FilterBody        bool    `json:"filter_body"`
	FilterHTTPBody    bool    `json:"filter_http_body"`
	FilterDefaultFail bool    `json:"filter_default_fail"`
	BadgeURL          string  `json:"badge_url"`
	LastDuration      int64   `json:"last_duration,omitempty"` // seconds; absent when there is none or it rounds to 0
	Timeout           *int64  `json:"timeout,omitempty"`       // of a plain period
	Schedule          *string `json:"schedule,omitempty"`      // of the other kinds
	TZ                *string `json:"tz,omitempty"`
	UniqueKey         string  `json:"unique_key,omitempty"` // with a read-only key
	*checkWays                // with a read-write key
}

// checkWays is how to reach a check, and what we add to the document.
type checkWays struct {
	UUID       string `json:"uuid"`
	PingURL    string `json:"ping_url"`
	UpdateURL  string `json:"update_url"`
	PauseURL   string `json:"pause_url"`
	ResumeURL  string `json:"resume_url"`
	Channels   string `json:"channels"`
	MaxRuntime *int64 `json:"max_runtime"`
	Threshold  *int   `json:"threshold"`
	Kind       string `json:"kind"`
	Late       bool   `json:"late"`
}

// docOf is a check as the key of the call may see it at a time.
func (s *Server) docOf(c *apiCall, check monitor.Check, channels string, now time.Time) checkDoc {
	doc := checkDoc{
		Name: check.Name, Slug: check.Slug, Tags: strings.Join(check.Tags, " "), Desc: check.Description,
		Grace: int64(check.Grace / time.Second), NPings: check.NPings,
		Status: statusFor(c.version, check, now), Started: check.Running(),
		LastPing: apiTime(check.LastPing), ManualResume: check.ManualResume,
		StartKw: check.Filter.Start, SuccessKw: check.Filter.Success, FailureKw: check.Filter.Fail,
		FilterSubject: check.Filter.Subject, FilterBody: check.Filter.Mail, FilterHTTPBody: check.Filter.On,
		FilterDefaultFail: check.Filter.Default == monitor.Fail,
		BadgeURL:          s.badgesOfCheck(c.project.BadgeKey, check).SVG,
	}
	if check.Status != monitor.Down && check.Status != monitor.Paused {
		doc.NextPing = apiTime(check.Due)
	}
	if check.PostOnly {
		doc.Methods = "POST"
	}
	if check.Filter.Subject {
		doc.Subject, doc.SubjectFail = check.Filter.Success, check.Filter.Fail
	}
	if check.LastDuration != nil {
		doc.LastDuration = int64(*check.LastDuration / time.Second)
	}
	if check.Schedule.Kind == schedule.Every {
		period := int64(check.Schedule.Period / time.Second)
		doc.Timeout = &period
	} else {
		doc.Schedule, doc.TZ = &check.Schedule.Expr, &check.Schedule.Zone
	}
	if c.readOnly() {
		doc.UniqueKey = uniqueKey(check.UUID)
	} else {
		doc.checkWays = s.waysOf(c, check, channels, now)
	}
	return doc
}

func (s *Server) waysOf(c *apiCall, check monitor.Check, channels string, now time.Time) *checkWays {
	update := s.apiBase(c) + "checks/" + check.UUID.String()
	ways := &checkWays{
		UUID: check.UUID.String(), PingURL: s.base() + "/ping/" + check.UUID.String(),
		UpdateURL: update, PauseURL: update + "/pause", ResumeURL: update + "/resume",
		Channels: channels, Kind: kindNames[check.Schedule.Kind], Late: check.Shown(now) == monitor.Late,
		Threshold: check.Threshold,
	}
	if check.MaxRuntime != nil {
		limit := int64(*check.MaxRuntime / time.Second)
		ways.MaxRuntime = &limit
	}
	return ways
}

// kindNames are the kinds of schedule in the words of Healthchecks.
var kindNames = map[schedule.Kind]string{
	schedule.Every: "simple", schedule.Cron: "cron", schedule.OnCalendar: "oncalendar",
}

// apiBase is the address of the API in the version of a call, with a slash at its end.
func (s *Server) apiBase(c *apiCall) string {
	return s.base() + "/api/" + c.path("version") + "/"
}

// apiTime is an instant without its fraction; nil when there is none.
func apiTime(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	text := t.UTC().Format("2006-01-02T15:04:05-07:00")
	return &text
}

// apiMicros is an instant to the microsecond.
func apiMicros(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000-07:00") }

// statusFor is the status of a check in the words of Healthchecks. One of which we
// do not know whether it ran is as if its grace went on: it is neither well nor
// told to be down.
func statusFor(version int, check monitor.Check, now time.Time) string {
	if version == 1 && check.Running() {
		return "started"
	}
	switch status := check.Shown(now); status {
	case monitor.Late, monitor.Unknown:
		return "grace"
	case monitor.Running:
		return string(check.Status)
	default:
		return string(status)
	}
}

// uniqueKey names a check for those who must not be able to ping it.
func uniqueKey(id uuid.UUID) string {
	sum := sha1.Sum([]byte(hex.EncodeToString(id[:8])))
	return hex.EncodeToString(sum[:])
}

// badgeCheckBytes is how many bytes of a badge's UUID are the row of its check.
const badgeCheckBytes = 6

// badgeID names the badge of one check: the row of the check, and a proof that
// whoever made it knew the BadgeKey of the project, which it does not give away. It
// stays when the check is given another address.
func badgeID(key string, check monitor.Check) (id uuid.UUID) {
	var row [8]byte
	binary.BigEndian.PutUint64(row[:], uint64(check.ID))
	copy(id[:badgeCheckBytes], row[8-badgeCheckBytes:])
	mac := hmac.New(sha256.New, []byte(key))
	fmt.Fprintf(mac, "check %d", check.ID)
	copy(id[badgeCheckBytes:], mac.Sum(nil))
	return id
}

// badgeCheck is the row that a badge's UUID names; whether it is proved is yet to
// be seen.
func badgeCheck(id uuid.UUID) monitor.CheckID {
	var row [8]byte
	copy(row[8-badgeCheckBytes:], id[:badgeCheckBytes])
	return monitor.CheckID(binary.BigEndian.Uint64(row[:]))
}

// channelList is the channels of a check as the document lists them.
func channelList(assigned []monitor.ChannelID, names map[monitor.ChannelID]string) string {
	list := make([]string, 0, len(assigned))
	for _, id := range assigned {
		if name, ok := names[id]; ok {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return strings.Join(list, ",")
}

// channelNames returns the public name of every channel of a project.
func (s *Server) channelNames(ctx context.Context, project monitor.ProjectID) (map[monitor.ChannelID]string, error) {
	uses, err := s.Store.Channels(ctx, project)
	names := make(map[monitor.ChannelID]string, len(uses))
	for _, use := range uses {
		names[use.ID] = use.UUID().String()
	}
	return names, err
}

// channelsFor is channelList for one check, "" with a key that does not see it.
func (s *Server) channelsFor(c *apiCall, check monitor.Check) (string, error) {
	if c.readOnly() {
		return "", nil
	}
	assigned, err := s.Store.AssignedChannels(c.ctx(), check.ID)
	if err != nil || len(assigned) == 0 {
		return "", err
	}
	names, err := s.channelNames(c.ctx(), check.Project)
	return channelList(assigned, names), err
}
