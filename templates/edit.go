package templates

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"rollcall/internal/monitor"
	"rollcall/internal/schedule"
)

// EditPage makes a check or changes one.
type EditPage struct {
	Page
	Check    string // the UUID of the check
	Exists   bool   // it is changed, not made
	Name     string // as it is called now
	Form     CheckForm
	Problems []Problem
	Wrong    map[string]string // by field of the rules
	FreeSlug string            // a slug that could be taken instead of a wrong one
	SlugBase string            // the address before the slug
	Channels []ChannelChoice
	Zones    []string // to choose from
	Preview  Preview
	Past     *Rehearsed // what the settings would have done; nil when they make no sense
}

// CheckForm is a check as it is typed.
type CheckForm struct {
	Name, Slug, Tags, Description string

	Kind                   string // KindEvery, KindCron or KindCalendar
	Every, Unit            string
	Cron, CronZone         string
	Calendar, CalendarZone string

	Grace, Limit, Threshold string

	Keywords               bool   // the body decides by these
	MailSubject, MailText  bool   // so do the subject and the text of mails
	Success, Fail, Start   string // separated by commas
	OthersFail             bool   // a body without any keyword is a failure
	PostOnly, ManualResume bool
}

// The kinds of schedule as the form names them.
const (
	KindEvery    = "every"
	KindCron     = "cron"
	KindCalendar = "calendar"
)

// ChannelChoice is a channel that a check may tell.
type ChannelChoice struct {
	ID     string
	Name   string
	Kind   monitor.ChannelKind
	Target string
	Off    bool // it is switched off
	Chosen bool
	Proved time.Time // when it last proved to work; zero: never
}

// FormOf is a check's configuration as the form shows it.
func FormOf(c monitor.Config) CheckForm {
	form := CheckForm{
		Name: c.Name, Slug: c.Slug, Tags: strings.Join(c.Tags, " "), Description: c.Description,
		Every: "1", Unit: "days",
		CronZone: c.Schedule.Zone, CalendarZone: c.Schedule.Zone,
		Grace:    typed(c.Grace),
		Keywords: c.Filter.On, MailSubject: c.Filter.Subject, MailText: c.Filter.Mail, Success: c.Filter.Success, Fail: c.Filter.Fail, Start: c.Filter.Start,
		OthersFail: c.Filter.Default == monitor.Fail,
		PostOnly:   c.PostOnly, ManualResume: c.ManualResume,
	}
	if c.MaxRuntime != nil {
		form.Limit = typed(*c.MaxRuntime)
	}
	if c.Threshold != nil {
		form.Threshold = strconv.Itoa(*c.Threshold)
	}
	switch c.Schedule.Kind {
	case schedule.Cron:
		form.Kind, form.Cron = KindCron, c.Schedule.Expr
	case schedule.OnCalendar:
		form.Kind, form.Calendar = KindCalendar, c.Schedule.Expr
	default:
		form.Kind = KindEvery
		form.Every, form.Unit = typedEvery(c.Schedule.Period)
	}
	return form
}

// periodUnits are the units of a period, the largest first, as the form offers them.
func periodUnits() []unitChoice {
	return []unitChoice{{"days", 24 * time.Hour}, {"hours", time.Hour}, {"minutes", time.Minute}, {"seconds", time.Second}}
}

type unitChoice struct {
	name string
	size time.Duration
}

// typedEvery writes a period as a number of the largest unit that fits evenly.
func typedEvery(d time.Duration) (number, unit string) {
	for _, u := range periodUnits() {
		if d >= u.size && d%u.size == 0 {
			return fmt.Sprint(int64(d / u.size)), u.name
		}
	}
	return "", "days"
}

// typed writes a span exactly, as one would type it: "1 h 30 min".
func typed(d time.Duration) string {
	var parts []string
	for _, u := range []unitChoice{{"days", 24 * time.Hour}, {"h", time.Hour}, {"min", time.Minute}, {"s", time.Second}} {
		if n := d / u.size; n > 0 {
			name := u.name
			if n == 1 && name == "days" {
				name = "day"
			}
			parts = append(parts, fmt.Sprintf("%d %s", n, name))
			d -= n * u.size
		}
	}
	if len(parts) == 0 {
		return "0 s"
	}
	return strings.Join(parts, " ")
}

// Preview is what a schedule means.
type Preview struct {
	Wrong string // why it means nothing, a sentence; then the rest is empty
	Words string
	Zone  string // of the times
	Plain bool   // it is a plain period, which is counted from the last ping
	Dues  []Due
	Notes []string // what the clocks do to it, a sentence each
}

// Due is one time at which a ping is expected.
type Due struct {
	At Said
	In string
}

// previewed is how many due times a preview shows.
const previewed = 5

// PreviewOf says when pings are expected if the schedule held from now on: in its own
// zone, or in the clock's when it has none.
func PreviewOf(s schedule.Schedule, clock Clock) Preview { return previewOf(s, clock, previewed) }

func previewOf(s schedule.Schedule, clock Clock, times int) Preview {
	now, plain := clock.Now, s.Spec().Kind == schedule.Every
	if !plain {
		clock.Zone = s.Location()
	}
	preview := Preview{Words: Capital(s.Words()), Zone: clock.Zone.String(), Plain: plain}
	for due := now; len(preview.Dues) < times; {
		next, ok := s.Next(due)
		if !ok {
			break
		}
		layout := "Mon 2 Jan 2006, 15:04"
		if s.Spec().Period%time.Minute != 0 || !plain && next.Second() != 0 {
			layout = "Mon 2 Jan 2006, 15:04:05"
		}
		preview.Dues = append(preview.Dues, Due{clock.say(next.In(clock.Zone).Format(layout), next), clock.Relative(next)})
		due = next
	}
	preview.Notes = s.ClockChange(now, now.AddDate(1, 0, 0))
	return preview
}

func (p EditPage) heading() string {
	if p.Exists {
		return "Edit " + p.Name
	}
	return "New check"
}

func (p EditPage) action() string {
	if p.Exists {
		return "/checks/" + p.Check
	}
	return "/checks"
}

// slugShown ends the address by name.
func (p EditPage) slugShown() string {
	if p.Form.Slug == "" || p.Wrong["slug"] != "" {
		return "<slug>"
	}
	return p.Form.Slug
}

// back is where one is when nothing is saved.
func (p EditPage) back() string {
	if p.Exists {
		return "/checks/" + p.Check
	}
	return "/checks"
}

func (p EditPage) field(id, rule, label, value string) Field {
	return Field{ID: id, Label: label, Value: value, Error: complaint(label, p.Wrong[rule]), Attrs: attrs("autocomplete", "off")}
}

func (p EditPage) name() Field {
	f := p.field("name", "name", "Name", p.Form.Name)
	f.Attrs["required"] = "required"
	f.Attrs["autofocus"] = !p.Exists && len(p.Problems) == 0
	return f
}

func (p EditPage) slug() Field {
	f := p.code("slug", "slug", "Slug", p.Form.Slug)
	f.Optional = true
	if !p.Exists {
		f.Hint = "Empty: it is made from the name."
	}
	return f
}

func (p EditPage) tags() Field {
	f := p.field("tags", "tags", "Tags", p.Form.Tags)
	f.Optional, f.Hint = true, "Separated by spaces. The first one is its group in the list."
	return f
}

func (p EditPage) description() Field {
	f := p.field("description", "description", "What to do when it fails", p.Form.Description)
	f.Optional, f.Hint = true, "Shown on the check's page and in its alert mails."
	return f
}

// code is a field of what machines read.
func (p EditPage) code(id, rule, label, value string) Field {
	f := p.field(id, rule, label, value)
	f.Mono = true
	f.Attrs["spellcheck"] = "false"
	return f
}

func (p EditPage) every() Field {
	f := p.field("every", "period", "Every", p.Form.Every)
	f.Attrs["inputmode"] = "text"
	return f
}

// only passes on what is wrong with a field while its kind of schedule is chosen.
func (p EditPage) only(kind string, f Field) Field {
	if p.Form.Kind != kind {
		f.Error = ""
	}
	return f
}

func (p EditPage) cron() Field {
	return p.only(KindCron, p.code("cron", "schedule", "Cron expression", p.Form.Cron))
}

func (p EditPage) calendar() Field {
	f := p.only(KindCalendar, p.code("calendar", "schedule", "OnCalendar", p.Form.Calendar))
	f.Hint = "One per line, as in a systemd timer."
	return f
}

func (p EditPage) zone(kind, id, value string) Field {
	f := p.only(kind, p.field(id, "timezone", "Time zone", value))
	f.Attrs["list"] = "zones"
	return f
}

func (p EditPage) grace() Field {
	f := p.field("grace", "grace", "Grace", p.Form.Grace)
	f.Hint = "After the due time. From 1" + nbsp + "s to 365" + nbsp + "days: 90" + nbsp + "s, 15" + nbsp + "min, 2" + nbsp + "h."
	return f
}

func (p EditPage) limit() Field {
	f := p.field("limit", "max_runtime", "Run limit", p.Form.Limit)
	f.Optional, f.Holder = true, "same as grace: "+p.Form.Grace
	f.Hint = "Longest time from start to success."
	return f
}

func (p EditPage) threshold() Field {
	f := p.field("threshold", "threshold", "Bad results until it is down", p.Form.Threshold)
	f.Optional, f.Holder = true, "1"
	f.Hint = "In a row: failures, missed times, runs over their limit."
	f.Attrs["inputmode"] = "numeric"
	return f
}

func (p EditPage) keyword(id, rule, label, value string) Field {
	f := p.code(id, rule, label, value)
	f.Optional, f.Hint = true, "Separated by commas."
	return f
}

// cronParts explains the fields of a cron expression beside their values.
func (p EditPage) cronParts() []cronPart {
	values := strings.Fields(p.Form.Cron)
	if len(values) != 5 {
		return nil
	}
	parts := make([]cronPart, 5)
	for i, name := range []string{"minute", "hour", "day", "month", "weekday"} {
		parts[i] = cronPart{values[i], name}
		if i < 4 {
			parts[i].name += ", "
		}
	}
	return parts
}

type cronPart struct{ value, name string }

// keywords, methods and resumes say in a fold's summary what holds at present.
func (f CheckForm) keywords() string {
	if f.Keywords || f.MailSubject || f.MailText {
		return "on"
	}
	return "off"
}

func (f CheckForm) methods() string {
	if f.PostOnly {
		return "POST only"
	}
	return "GET, HEAD, POST and PUT"
}

func (f CheckForm) resumes() string {
	if f.ManualResume {
		return "stays paused until somebody resumes it"
	}
	return "the next ping resumes it"
}

// patience says what grace and run limit come to.
func (p EditPage) patience() string {
	grace, limit := p.Form.Grace, p.Form.Limit
	bad := "Somebody is told"
	if n, err := strconv.Atoi(p.Form.Threshold); err == nil && n > 1 && p.Wrong["threshold"] == "" {
		bad = fmt.Sprintf("Somebody is told of the %s bad result in a row. A bad result is a failure,", Ordinal(n))
		if grace != "" && p.Wrong["grace"] == "" {
			return bad + fmt.Sprintf(" a due time without a ping until %s after it, or a run that takes longer than %s.", grace, cmp.Or(limit, "that"))
		}
		return bad + " a due time without a ping until the grace is over, or a run that takes longer than its limit."
	}
	if grace == "" || p.Wrong["grace"] != "" || p.Wrong["max_runtime"] != "" {
		return bad + " when the grace is over, and when a run takes longer than its limit."
	}
	return bad + fmt.Sprintf(" %s after a due time without a ping, or when a run takes longer than %s.", grace, cmp.Or(limit, "that"))
}

// proved says when the chosen channels last proved to work.
func (p EditPage) proved() string {
	var said []string
	for _, c := range p.Channels {
		switch {
		case !c.Chosen:
		case c.Proved.IsZero():
			said = append(said, c.Name+" has never proved to work")
		default:
			said = append(said, fmt.Sprintf("%s last proved to work %s", c.Name, provedWords(c.Proved, p.Clock)))
		}
	}
	if len(said) == 0 {
		return ""
	}
	const most = 3
	if len(said) > most {
		said = append(said[:most], fmt.Sprintf("and %d more", len(said)-most))
	}
	return Capital(strings.Join(said, ", ")) + "."
}
