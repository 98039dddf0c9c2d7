// Package importer reads how jobs are watched elsewhere and describes the checks
// that would watch them here.
//
// It owns the reading of crontabs, systemd timers, and what Healthchecks,
// Cronitor and Uptime Kuma say of their monitors, and the edited crontab and the
// drop-ins that make the jobs report. Text goes in and descriptions come out: it
// opens no file, asks no server and makes no check. It sends no command line
// anywhere, because passwords stand in them.
//
// What it reads may be anything. It is bounded by SizeLimit, CheckLimit and
// CommandLimit, and what is not understood becomes a Note, never a guess.
package importer

import (
	"cmp"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"rollcall/internal/fault"
	"rollcall/internal/schedule"
)

// The limits of what is read.
const (
	SizeLimit    = 8 << 20 // bytes of one file
	CheckLimit   = 5000    // checks of one import
	CommandLimit = 4096    // bytes of one command of a crontab
)

// The limits of a check, as the server has them.
const (
	nameLimit        = 100 // characters
	slugLimit        = 100
	descriptionLimit = 10_000
	tagLimit         = 50 // characters of one tag
	tagsLimit        = 20 // tags of one check
	keywordsLimit    = 200
	shortestSpan     = time.Minute // of a period and a grace
	longestSpan      = 365 * 24 * time.Hour
	mostBad          = 720 // bad results before a check is down
)

// Import is what was found at one place.
type Import struct {
	Checks []Check // in the order of the source; their slugs differ
	Notes  []Note  // what a person should know or do about it
}

// Check is a check that would watch a job.
type Check struct {
	Name, Slug, Description string
	Tags                    []string
	Schedule                schedule.Spec
	Grace                   time.Duration
	MaxRuntime              *time.Duration // nil: the source has no such limit
	Threshold               *int           // bad results in a row that take it down; nil: the source does not say
	Rules                   *Rules         // nil: the source has no such rules
	UUID                    string         // that its ping address keeps; "" when the source does not tell it
	Tokens                  []Token        // by which its jobs already call it

	// Chosen says that the name, the tags and the grace do not stand in the source.
	// What a person made of them since an earlier import is to be kept.
	Chosen bool
}

// Rules are how pings are judged, as Healthchecks has it.
type Rules struct {
	ManualResume            bool   // a paused check ignores pings
	PostOnly                bool   // so are pings by another method than POST
	Start, Success, Failure string // keywords, separated by commas
	Subject, Body, HTTPBody bool   // where they are looked for
	DefaultFail             bool   // a ping without any of them is a failure
}

// Token is what identified a monitor at the service it comes from. It is a
// secret.
type Token struct{ Dialect, Token string }

// Note is something that could not be carried over, or that is to be done.
type Note struct {
	Subject string // the line of a file, or the name of a monitor; "" for the whole
	Words   string
}

func (n Note) String() string {
	if n.Subject == "" {
		return n.Words
	}
	return n.Subject + ": " + n.Words
}

// note keeps a note of one line: what is read stands in it.
func (i *Import) note(subject, format string, args ...any) {
	const longest = 500
	i.Notes = append(i.Notes, Note{oneLine(subject, longest), oneLine(fmt.Sprintf(format, args...), longest)})
}

// Read reads a file that may be of any size, and refuses one larger than
// SizeLimit.
func Read(r io.Reader) (string, error) {
	text, err := io.ReadAll(io.LimitReader(r, SizeLimit+1))
	if err != nil {
		return "", err
	}
	if len(text) > SizeLimit {
		return "", fault.Invalid{"file": fmt.Sprintf("is larger than %d MiB, which is no such file; give the right one, or a part of it", SizeLimit>>20)}
	}
	return string(text), nil
}

// add finishes a check that was read. It leaves out one with a schedule that no
// server takes, and says so.
func (i *Import) add(subject string, c Check) (added bool, err error) {
	if len(i.Checks) == CheckLimit {
		return false, fault.Invalid{"checks": fmt.Sprintf("are more than %d; import them in parts", CheckLimit)}
	}
	sched, err := c.Schedule.Parse()
	if err != nil {
		i.note(subject, "not imported: %v", err)
		return false, nil
	}
	if c.Schedule = sched.Spec(); c.Schedule.Kind == schedule.Every && c.Schedule.Period < shortestSpan {
		i.note(subject, "runs every %v, and the shortest period is %v, which it has here", c.Schedule.Period, shortestSpan)
		c.Schedule.Period = shortestSpan
	}
	c.Grace = max(clamp(c.Grace), shortestSpan)
	if c.MaxRuntime != nil {
		*c.MaxRuntime = clamp(*c.MaxRuntime)
	}
	if c.Threshold != nil {
		*c.Threshold = min(max(*c.Threshold, 1), mostBad)
	}
	c.Description = i.fit(subject, "description", c.Description, descriptionLimit)
	if r := c.Rules; r != nil {
		for _, words := range []*string{&r.Start, &r.Success, &r.Failure} {
			*words = i.fit(subject, "list of keywords", *words, keywordsLimit)
		}
	}
	c.Tags = i.tags(subject, c.Tags)
	i.Checks = append(i.Checks, c)
	return true, nil
}

// tags makes each tag one word, and takes as many as a check can have.
func (i *Import) tags(subject string, tags []string) []string {
	var kept []string
	for _, tag := range tags {
		words := strings.FieldsFunc(strings.TrimPrefix(tag, "#"), func(r rune) bool { return r == ',' || unicode.IsSpace(r) })
		if tag = oneLine(strings.Join(words, "-"), tagLimit); tag != "" && !slices.Contains(kept, tag) {
			kept = append(kept, tag)
		}
	}
	if len(kept) > tagsLimit {
		i.note(subject, "has %d tags, of which the first %d were taken", len(kept), tagsLimit)
		kept = kept[:tagsLimit]
	}
	return kept
}

// fit makes a text of several lines storable, and says so when it is cut.
func (i *Import) fit(subject, what, text string, limit int) string {
	text = strings.TrimSpace(strings.Map(shown, strings.ToValidUTF8(strings.ReplaceAll(text, "\r\n", "\n"), "")))
	if short, cut := firstRunes(text, limit); cut {
		i.note(subject, "its %s was cut to %d characters", what, limit)
		return strings.TrimSpace(short)
	}
	return text
}

// clamp brings a span into the bounds of a check: whole seconds, from one to a
// year.
func clamp(d time.Duration) time.Duration {
	return min(max(d.Truncate(time.Second), time.Second), longestSpan)
}

// oneLine makes a foreign text a short line that can be stored and shown.
func oneLine(text string, limit int) string {
	text = strings.Map(shown, strings.ToValidUTF8(text, ""))
	text, _ = firstRunes(strings.Join(strings.Fields(text), " "), limit)
	return strings.TrimSpace(text)
}

func firstRunes(text string, limit int) (string, bool) {
	if utf8.RuneCountInString(text) <= limit {
		return text, false
	}
	return string([]rune(text)[:limit]), true
}

// shown drops what cannot be shown as plain text: control characters other than
// line breaks and tabs, and those that turn the direction of the text around
// them.
func shown(r rune) rune {
	if unicode.IsControl(r) && r != '\n' && r != '\t' || r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069' {
		return -1
	}
	return r
}

// quote shows what stands in a source, shortened.
func quote(text string) string { return strconv.Quote(oneLine(text, 60)) }

// slugs gives out each slug once. It knows of each the last number behind it.
type slugs map[string]int

// take returns a slug made of text, or of fallback when nothing of text is left,
// with a number when it is taken.
func (s slugs) take(text, fallback string) string {
	base := cmp.Or(slugOf(text), slugOf(fallback), "check")
	slug := base
	for s[slug] > 0 {
		s[base]++
		suffix := "-" + strconv.Itoa(s[base])
		slug = base[:min(len(base), slugLimit-len(suffix))] + suffix
	}
	s[slug] = 1
	return slug
}

var slugPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,100}$`)

// slugOf makes a slug of words: small letters, digits, hyphens and underscores. A
// text that is a slug but for its capitals keeps all else, as it does in the
// addresses of other services.
func slugOf(text string) string {
	if slugPattern.MatchString(text) {
		return strings.ToLower(text)
	}
	var slug strings.Builder
	for _, r := range strings.ToLower(text) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '_':
			slug.WriteRune(r)
		case slug.Len() > 0 && !strings.HasSuffix(slug.String(), "-"):
			slug.WriteByte('-')
		}
		if slug.Len() == slugLimit {
			break
		}
	}
	return strings.Trim(slug.String(), "-")
}

// The bounds of the grace that is chosen where the source has none.
const (
	leastGrace = 5 * time.Minute
	mostGrace  = time.Hour
)

// graceFor chooses a grace for a schedule that comes without one: a tenth of the
// shortest gap between slots, but at least 5 minutes and at most an hour.
func graceFor(spec schedule.Spec) time.Duration {
	gap, ok := shortestGap(spec)
	if !ok {
		return mostGrace
	}
	return min(max(gap/10, leastGrace), mostGrace).Round(time.Minute)
}

// shortestGap looks at the first slots of this century, so that the answer is
// the same at every import. It is false when there are fewer than two.
func shortestGap(spec schedule.Spec) (time.Duration, bool) {
	const slots = 100
	sched, err := spec.Parse()
	if err != nil {
		return 0, false
	}
	if spec.Kind == schedule.Every {
		return spec.Period, true
	}
	var shortest time.Duration
	at, ok := sched.Next(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC))
	for n := 1; ok && n < slots; n++ {
		var next time.Time
		if next, ok = sched.Next(at); ok && (shortest == 0 || next.Sub(at) < shortest) {
			shortest = next.Sub(at)
		}
		at = next
	}
	return shortest, shortest > 0
}
