package main

import (
	"bytes"
	"cmp"
	"regexp"
	"slices"
	"sync"
	"unicode/utf8"
)

const (
	// redactMargin is how many bytes before what is sent are looked at too, so that
	// a secret is known although only its end would be sent.
	redactMargin = 64 << 10
	// redacted stands for what a --redact matches.
	redacted = "[redacted]"
)

// pattern is a regular expression on the command line.
type pattern struct{ *regexp.Regexp }

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *pattern) UnmarshalText(text []byte) (err error) {
	p.Regexp, err = regexp.Compile(string(text))
	return err
}

// tail keeps the last bytes that are written to it, by several at the same time.
type tail struct {
	keep int

	mu   sync.Mutex // guards text
	text []byte     // at most twice as many
}

// Write implements io.Writer. It never fails.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, last(p, t.keep)...)
	if len(t.text) > 2*t.keep {
		t.text = append(t.text[:0], last(t.text, t.keep)...)
	}
	return len(p), nil
}

// bytes returns a copy of what is kept.
func (t *tail) bytes() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	return bytes.Clone(last(t.text, t.keep))
}

// masked returns the end of a text, at most limit bytes, with what the patterns
// match in the whole of it masked. It does not begin within a character.
func masked(text []byte, patterns []pattern, limit int) []byte {
	from := max(0, len(text)-limit)
	var out []byte
	for _, match := range matches(text, patterns) {
		if match.to > from {
			out = append(out, text[min(from, match.from):match.from]...)
			out = append(out, redacted...)
			from = match.to
		}
	}
	out = append(out, text[from:]...)
	return wholeRunes(last(out, limit), len(out) > limit || len(text) > limit)
}

// section is a part of a text.
type section struct{ from, to int }

// matches returns what any of the patterns matches, in order and without overlaps.
func matches(text []byte, patterns []pattern) []section {
	var all, apart []section
	for _, pattern := range patterns {
		for _, found := range pattern.FindAllIndex(text, -1) {
			if found[0] < found[1] {
				all = append(all, section{found[0], found[1]})
			}
		}
	}
	slices.SortFunc(all, func(a, b section) int { return cmp.Compare(a.from, b.from) })
	for _, match := range all {
		if n := len(apart); n > 0 && match.from <= apart[n-1].to {
			apart[n-1].to = max(apart[n-1].to, match.to)
		} else {
			apart = append(apart, match)
		}
	}
	return apart
}

// last returns at most the last n bytes.
func last(p []byte, n int) []byte { return p[max(0, len(p)-n):] }

// wholeRunes drops the rest of a character at the beginning of what was cut.
func wholeRunes(text []byte, cut bool) []byte {
	for range utf8.UTFMax - 1 {
		if !cut || len(text) == 0 || utf8.RuneStart(text[0]) {
			break
		}
		text = text[1:]
	}
	return text
}
