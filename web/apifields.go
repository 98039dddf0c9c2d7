package web

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"rollcall/internal/dialect"
	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/schedule"
)

// Bounds of a check's members that are narrower than the rules', as clients of
// Healthchecks expect them. Spans are in seconds.
const (
	apiMinSpan       = 60
	apiMaxSpan       = 31_536_000
	apiScheduleLimit = 100
	apiTokensLimit   = 20 // imported tokens in one request
)

// The settings of a check that is made without them.
const (
	apiTimeout = 24 * time.Hour
	apiGrace   = time.Hour
)

var apiSlug = regexp.MustCompile(`^[a-z0-9_-]*$`)

// apiFields is what a request says about a check; nil is not said.
type apiFields struct {
	channels, desc, methods, name, schedule, slug, tags, tz *string
	startKw, successKw, failureKw, subject, subjectFail     *string
	grace, timeout                                          *int64
	maxRuntime                                              **time.Duration // a nil inside: the same as grace
	threshold                                               **int           // a nil inside: the first bad result
	manualResume, defaultFail                               *bool
	filterSubject, filterBody, filterHTTPBody               *bool

	unique     []string
	importUUID uuid.UUID // zero: not said
	tokens     []monitor.Token
}

// fieldReader reads members and remembers the first that is wrong.
type fieldReader struct {
	body members
	err  error
}

func (r *fieldReader) text(name string, limit int) *string {
	value, present, err := r.body.text(name, limit)
	return field(r, value, present, err)
}

func (r *fieldReader) number(name string, low, high int64) *int64 {
	value, present, err := r.body.number(name, low, high)
	return field(r, value, present, err)
}

func (r *fieldReader) boolean(name string) *bool {
	value, present, err := r.body.boolean(name)
	return field(r, value, present, err)
}

func field[T any](r *fieldReader, value T, present bool, err error) *T {
	if r.err == nil {
		r.err = err
	}
	if !present || err != nil {
		return nil
	}
	return &value
}

// refuse remembers an error when there is none yet and the condition holds.
func (r *fieldReader) refuse(when bool, err func() error) {
	if r.err == nil && when {
		r.err = err()
	}
}

// readFields reads what a request says about a check. The members are looked at in
// the order of the alphabet, and the first that is wrong is told.
func readFields(body members) (apiFields, error) {
	r := &fieldReader{body: body}
	f := apiFields{
		channels:       r.text("channels", 0),
		desc:           r.text("desc", monitor.DescriptionLimit),
		failureKw:      r.text("failure_kw", monitor.KeywordsLimit),
		filterBody:     r.boolean("filter_body"),
		defaultFail:    r.boolean("filter_default_fail"),
		filterHTTPBody: r.boolean("filter_http_body"),
		filterSubject:  r.boolean("filter_subject"),
		grace:          r.number("grace", apiMinSpan, apiMaxSpan),
	}
	f.importUUID = r.importUUID()
	f.manualResume = r.boolean("manual_resume")
	f.maxRuntime = orNone(r, "max_runtime", int64(monitor.MinGrace/time.Second), int64(monitor.MaxGrace/time.Second),
		func(n int64) time.Duration { return time.Duration(n) * time.Second })
	f.methods = r.text("methods", 0)
	r.refuse(f.methods != nil && *f.methods != "" && *f.methods != http.MethodPost, func() error {
		return invalidMember("methods", "has unexpected value")
	})
	f.name = r.text("name", monitor.NameLimit)
	f.schedule = r.text("schedule", apiScheduleLimit)
	r.refuse(f.schedule != nil, func() error { return wrongSchedule(specFor(*f.schedule, "")) })
	f.slug = r.text("slug", monitor.SlugLimit)
	r.refuse(f.slug != nil && !apiSlug.MatchString(*f.slug), func() error {
		return invalidMember("slug", "does not match pattern")
	})
	f.startKw = r.text("start_kw", monitor.KeywordsLimit)
	f.subject = r.text("subject", monitor.KeywordsLimit)
	f.subjectFail = r.text("subject_fail", monitor.KeywordsLimit)
	f.successKw = r.text("success_kw", monitor.KeywordsLimit)
	f.tags = r.text("tags", 0)
	f.threshold = orNone(r, "threshold", 1, monitor.MaxThreshold, func(n int64) int { return int(n) })
	f.timeout = r.number("timeout", apiMinSpan, apiMaxSpan)
	f.tokens = r.tokens()
	f.tz = r.text("tz", 0)
	r.refuse(f.tz != nil, func() error { return wrongZone(*f.tz) })
	f.unique = r.unique()
	return f, r.err
}

// wrongSchedule refuses a schedule whose zone is known to be right.
func wrongSchedule(spec schedule.Spec) error {
	_, err := spec.Parse()
	var wrong fault.Invalid
	if !errors.As(err, &wrong) {
		return err
	}
	return unfitMember("schedule", "is not a valid cron or OnCalendar expression", "schedule "+wrong["schedule"])
}

func wrongZone(zone string) error {
	_, err := schedule.Spec{Kind: schedule.Cron, Expr: "* * * * *", Zone: zone}.Parse()
	var wrong fault.Invalid
	if strings.TrimSpace(zone) != "" && !errors.As(err, &wrong) {
		return err
	}
	return unfitMember("tz", "is not a valid timezone", cmp.Or(wrong["timezone"], "tz is empty; use a name such as Europe/Berlin or UTC"))
}

// specFor is the schedule that an expression means.
func specFor(expr, zone string) schedule.Spec {
	return schedule.Spec{Kind: schedule.Detect(expr), Expr: expr, Zone: zone}
}

// orNone reads a number that may also be null, and what it means.
func orNone[T any](r *fieldReader, name string, low, high int64, means func(int64) T) **T {
	var value *T
	if string(r.body[name]) == "null" {
		return &value
	}
	n := r.number(name, low, high)
	if n == nil {
		return nil
	}
	value = new(means(*n))
	return &value
}

func (r *fieldReader) importUUID() uuid.UUID {
	text := r.text("import_uuid", 0)
	if text == nil {
		return uuid.UUID{}
	}
	id, err := uuid.Parse(*text)
	r.refuse(err != nil || len(*text) != 36 || id == uuid.UUID{}, func() error {
		return invalidMember("import_uuid", "is not a UUID")
	})
	return id
}

// list reads an array.
func (r *fieldReader) list(name string) []json.RawMessage {
	raw, present := r.body[name]
	if !present {
		return nil
	}
	var list []json.RawMessage
	err := json.Unmarshal(raw, &list)
	r.refuse(err != nil || list == nil, func() error { return invalidMember(name, "is not an array") })
	return list
}

// unique reads the names of the members by which a check is found again.
func (r *fieldReader) unique() []string {
	var names []string
	for _, raw := range r.list("unique") {
		var name string
		known := json.Unmarshal(raw, &name) == nil && slices.Contains([]string{"name", "slug", "tags", "timeout", "grace"}, name)
		r.refuse(!known, func() error {
			const words = "an item in 'unique' has unexpected value"
			return refusal{code: http.StatusBadRequest, words: validationError + words, faults: []memberFault{{"#/unique", words}}}
		})
		names = append(names, name)
	}
	return names
}

// tokens reads addresses of the check at other services.
func (r *fieldReader) tokens() []monitor.Token {
	list := r.list("tokens")
	r.refuse(len(list) > apiTokensLimit, func() error { return invalidMember("tokens", fmt.Sprintf("are more than %d", apiTokensLimit)) })
	var tokens []monitor.Token
	for _, raw := range list {
		var sent struct{ Dialect, Token string }
		decoder := json.NewDecoder(bytes.NewReader(raw))
		decoder.DisallowUnknownFields()
		err := decoder.Decode(&sent)
		r.refuse(err != nil || string(raw) == "null", func() error {
			return invalidMember("tokens", `are objects such as {"dialect": "kuma", "token": "…"}`)
		})
		known := slices.ContainsFunc(dialect.Formats(), func(f dialect.Format) bool { return f.Name == sent.Dialect })
		r.refuse(!known, func() error { return invalidMember("tokens", "name a dialect that is not known") })
		token := monitor.Token{Dialect: sent.Dialect, Text: sent.Token}
		r.refuse(token.Valid() != nil, func() error { return wrongToken(token) })
		tokens = append(tokens, token)
	}
	return tokens
}

func wrongToken(token monitor.Token) error {
	var wrong fault.Invalid
	if err := token.Valid(); !errors.As(err, &wrong) {
		return err
	}
	return invalidMember("token", wrong["token"])
}

// fresh is the configuration of a new check.
func (f apiFields) fresh() (monitor.Config, error) {
	return f.onto(monitor.Config{
		Schedule: schedule.Spec{Kind: schedule.Every, Period: apiTimeout}, Grace: apiGrace,
	})
}

// onto puts what the request says into a configuration, and validates the whole.
func (f apiFields) onto(config monitor.Config) (monitor.Config, error) {
	put(&config.Name, f.name)
	put(&config.Slug, f.slug)
	put(&config.Description, f.desc)
	put(&config.ManualResume, f.manualResume)
	put(&config.MaxRuntime, f.maxRuntime)
	put(&config.Threshold, f.threshold)
	if f.tags != nil {
		config.Tags = strings.Fields(*f.tags)
	}
	if f.grace != nil {
		config.Grace = time.Duration(*f.grace) * time.Second
	}
	if f.methods != nil {
		config.PostOnly = *f.methods == http.MethodPost
	}
	config.Schedule = f.scheduleOnto(config.Schedule)
	config.Filter = f.filterOnto(config.Filter)
	config, err := config.Valid()
	return config, wrongConfig(err)
}

func put[T any](to, said *T) {
	if said != nil {
		*to = *said
	}
}

// scheduleOnto changes a schedule. An expression wins over a period; a zone alone
// moves the expression there is.
func (f apiFields) scheduleOnto(spec schedule.Spec) schedule.Spec {
	zone := spec.Zone
	put(&zone, f.tz)
	switch {
	case f.schedule != nil:
		return specFor(*f.schedule, zone)
	case f.timeout != nil:
		return schedule.Spec{Kind: schedule.Every, Period: time.Duration(*f.timeout) * time.Second}
	case spec.Kind != schedule.Every:
		spec.Zone = zone
	}
	return spec
}

// filterOnto changes the keyword rules. The two old members stand for those that
// took their place, which win.
func (f apiFields) filterOnto(filter monitor.Filter) monitor.Filter {
	put(&filter.Success, f.subject)
	put(&filter.Fail, f.subjectFail)
	put(&filter.Success, f.successKw)
	put(&filter.Fail, f.failureKw)
	put(&filter.Start, f.startKw)
	if f.subject != nil || f.subjectFail != nil {
		filter.Subject = filter.Success != "" || filter.Fail != ""
	}
	put(&filter.Subject, f.filterSubject)
	put(&filter.Mail, f.filterBody)
	put(&filter.On, f.filterHTTPBody)
	if f.defaultFail != nil {
		filter.Default = ""
		if *f.defaultFail {
			filter.Default = monitor.Fail
		}
	}
	return filter
}

// apiNames are the members of a request that stand for fields of the rules by
// another name.
var apiNames = map[string]string{
	"description": "desc", "period": "timeout", "timezone": "tz",
	"filter_fail": "failure_kw", "filter_success": "success_kw", "filter_start": "start_kw",
}

// wrongConfig says what the rules refuse in the words of the API: one member, the
// first in the order of the alphabet.
func wrongConfig(err error) error {
	var wrong fault.Invalid
	if !errors.As(err, &wrong) {
		return err
	}
	faults := faultsOf(wrong)
	first := strings.TrimPrefix(faults[0].Pointer, "#/")
	return refusal{code: http.StatusBadRequest, words: validationError + first + " " + faults[0].Detail, faults: faults}
}

// same reports whether a check is the one that the members of unique name, given
// the configuration that the request makes. Without all of them in it none is.
func (f apiFields) same(check monitor.Check, wanted monitor.Config) bool {
	for _, name := range f.unique {
		equal := false
		switch name {
		case "name":
			equal = f.name != nil && check.Name == wanted.Name
		case "slug":
			equal = f.slug != nil && check.Slug == wanted.Slug
		case "tags":
			equal = f.tags != nil && slices.Equal(check.Tags, wanted.Tags)
		case "timeout":
			equal = f.timeout != nil && check.Schedule.Kind == schedule.Every && int64(check.Schedule.Period/time.Second) == *f.timeout
		case "grace":
			equal = f.grace != nil && check.Grace == wanted.Grace
		}
		if !equal {
			return false
		}
	}
	return len(f.unique) > 0
}
