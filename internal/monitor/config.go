package monitor

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"rollcall/internal/fault"
)

// Limits of a check's configuration. Lengths are in characters.
const (
	NameLimit        = 100
	SlugLimit        = 100
	DescriptionLimit = 10_000
	TagLimit         = 50 // of one tag
	TagsLimit        = 20 // number of tags
	KeywordsLimit    = 200
	MinGrace         = time.Second
	MaxGrace         = 365 * 24 * time.Hour
	MaxThreshold     = 720 // bad results in a row
)

var slugPattern = regexp.MustCompile(`^[a-z0-9_-]+$`)

// SlugOf puts a name into the letters of a slug: "Nightly backup" becomes
// "nightly-backup". It may be longer than SlugLimit, and "" when nothing can stay.
func SlugOf(name string) string {
	var slug strings.Builder
	for _, r := range strings.ToLower(name) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '_':
			slug.WriteRune(r)
		case slug.Len() > 0 && !strings.HasSuffix(slug.String(), "-"):
			slug.WriteByte('-')
		}
	}
	return strings.Trim(slug.String(), "-")
}

// Title is what the check is called: its name, else its slug.
func (c Config) Title() string { return cmp.Or(c.Name, c.Slug, "unnamed") }

// Valid returns the configuration in its canonical form, or a fault.Invalid that
// says for every field what is wrong with it.
func (c Config) Valid() (Config, error) {
	wrong := fault.Invalid{}
	c.Name = ValidName(wrong, "name", c.Name, NameLimit)
	if c.Slug != "" && (len(c.Slug) > SlugLimit || !slugPattern.MatchString(c.Slug)) {
		wrong["slug"] = fmt.Sprintf("takes up to %d of a–z, 0–9, - and _", SlugLimit)
	}
	c.Description = strings.TrimSpace(strings.ReplaceAll(c.Description, "\r\n", "\n"))
	checkText(wrong, "description", c.Description, DescriptionLimit)
	c.Tags = canonicalTags(wrong, c.Tags)

	if sched, err := c.Schedule.Parse(); err != nil {
		var invalid fault.Invalid
		if !errors.As(err, &invalid) {
			return c, err
		}
		for field, words := range invalid {
			wrong[field] = words
		}
	} else {
		c.Schedule = sched.Spec()
	}
	checkSpan(wrong, "grace", c.Grace)
	if c.MaxRuntime != nil {
		checkSpan(wrong, "max_runtime", *c.MaxRuntime)
	}
	if c.Threshold != nil && (*c.Threshold < 1 || *c.Threshold > MaxThreshold) {
		wrong["threshold"] = fmt.Sprintf("must be from 1 to %d bad results in a row; leave it out to be told of the first", MaxThreshold)
	}
	c.Filter = c.Filter.valid(wrong)
	return c, wrong.OrNil()
}

func checkSpan(wrong fault.Invalid, field string, d time.Duration) {
	if d < MinGrace || d > MaxGrace || d%time.Second != 0 {
		wrong[field] = "must be from 1 second to 365 days, in whole seconds"
	}
}

// checkText refuses what cannot be stored or shown as plain text: invalid UTF-8,
// control characters other than line breaks, and characters that turn the
// direction of the text around them.
func checkText(wrong fault.Invalid, field, text string, limit int) {
	switch {
	case !utf8.ValidString(text):
		wrong[field] = "is not valid UTF-8"
	case utf8.RuneCountInString(text) > limit:
		wrong[field] = fmt.Sprintf("is longer than %d characters", limit)
	case strings.ContainsFunc(text, unshowable):
		wrong[field] = "contains characters that cannot be shown, such as control or direction marks"
	}
}

func unshowable(r rune) bool {
	return unicode.IsControl(r) && r != '\n' && r != '\t' ||
		r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069'
}

// ValidTags returns tags in their canonical form, or a fault.Invalid that says what
// is wrong with them.
func ValidTags(tags []string) ([]string, error) {
	wrong := fault.Invalid{}
	return canonicalTags(wrong, tags), wrong.OrNil()
}

func canonicalTags(wrong fault.Invalid, tags []string) []string {
	var kept []string
	for _, tag := range tags {
		tag = strings.TrimLeft(strings.TrimSpace(tag), "#")
		if tag == "" || slices.Contains(kept, tag) {
			continue
		}
		if strings.ContainsFunc(tag, unicode.IsSpace) || strings.Contains(tag, ",") {
			wrong["tags"] = "are single words, separated by spaces"
		}
		checkText(wrong, "tags", tag, TagLimit)
		kept = append(kept, tag)
	}
	if len(kept) > TagsLimit {
		wrong["tags"] = fmt.Sprintf("are more than %d", TagsLimit)
	}
	return kept
}

func (f Filter) valid(wrong fault.Invalid) Filter {
	for field, words := range map[string]string{"filter_fail": f.Fail, "filter_success": f.Success, "filter_start": f.Start} {
		checkText(wrong, field, words, KeywordsLimit)
	}
	if f.Default != "" && f.Default != Fail {
		wrong["filter_default"] = "is either to ignore the ping or to count it as a failure"
	}
	return f
}

// Equal reports whether two configurations are the same.
func (c Config) Equal(o Config) bool {
	return sameValue(c.MaxRuntime, o.MaxRuntime) && sameValue(c.Threshold, o.Threshold) &&
		c.Name == o.Name && c.Slug == o.Slug && c.Description == o.Description &&
		slices.Equal(c.Tags, o.Tags) && c.Schedule == o.Schedule && c.Grace == o.Grace &&
		c.ManualResume == o.ManualResume && c.PostOnly == o.PostOnly && c.Filter == o.Filter
}

func sameValue[T comparable](a, b *T) bool {
	return (a == nil) == (b == nil) && (a == nil || *a == *b)
}
