package monitor

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"rollcall/internal/fault"
)

// ValidName is the one rule for names that people give: of projects, checks,
// channels, keys and status pages. It returns the name without spaces around it and in its composed form
// (NFC), so that what looks the same is the same, and notes in wrong, under the
// field, what cannot be in a name: more than limit characters, line breaks and other
// control characters, and characters that cannot be seen or turn the text around
// them. A joiner may stand where scripts and emoji need it, between two characters
// that are not ASCII.
func ValidName(wrong fault.Invalid, field, name string, limit int) string {
	name = norm.NFC.String(strings.TrimSpace(name))
	checkText(wrong, field, name, limit)
	if _, known := wrong[field]; !known && nameOnly(name) != name {
		wrong[field] = "contains characters that cannot be seen, such as line breaks or zero-width spaces"
	}
	return name
}

// PlainName makes a name of what a client calls itself: what cannot be in a name is
// left out.
func PlainName(name string, limit int) string {
	name = norm.NFC.String(Plain(name, limit))
	return strings.TrimSpace(Plain(nameOnly(name), limit))
}

// nameOnly returns the characters of a text that can be in a name.
func nameOnly(text string) string {
	runes := []rune(text)
	kept := make([]rune, 0, len(runes))
	for i, r := range runes {
		joins := joiner(r) && i > 0 && i+1 < len(runes) && joined(runes[i-1]) && joined(runes[i+1])
		if joins || !unnameable(r) {
			kept = append(kept, r)
		}
	}
	return string(kept)
}

func joiner(r rune) bool { return r == '\u200c' || r == '\u200d' }
func joined(r rune) bool { return r > unicode.MaxASCII && !unnameable(r) }

// unnameable is all of the controls (Cc), and of the invisible and turning
// characters (Cf), such as zero-width spaces, joiners and byte order marks; line
// and paragraph separators.
func unnameable(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
}
