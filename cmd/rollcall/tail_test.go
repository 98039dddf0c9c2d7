package main

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestTailKeepsTheEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tail := tail{keep: rapid.IntRange(1, 20).Draw(t, "keep")}
		var all []byte
		for _, part := range rapid.SliceOf(rapid.SliceOfN(rapid.Byte(), 0, 50)).Draw(t, "parts") {
			all = append(all, part...)
			if n, err := tail.Write(part); n != len(part) || err != nil {
				t.Fatalf("wrote %d, %v", n, err)
			}
			if got, want := tail.bytes(), all[max(0, len(all)-tail.keep):]; !bytes.Equal(got, want) {
				t.Fatalf("%q, want %q", got, want)
			}
			if len(tail.text) > 2*tail.keep {
				t.Fatalf("it keeps %d bytes", len(tail.text))
			}
		}
	})
}

func compile(text string) pattern { return pattern{regexp.MustCompile(text)} }

func TestMasked(t *testing.T) {
	secret, key := compile(`secret\w*`), compile(`(?s)BEGIN.*END`)
	for name, c := range map[string]struct {
		text     string
		patterns []pattern
		limit    int
		want     string
	}{
		"nothing to mask":                  {"all is well", []pattern{secret}, 100, "all is well"},
		"no patterns":                      {"secret1", nil, 100, "secret1"},
		"each match":                       {"a secret1, a secret2.", []pattern{secret}, 100, "a [redacted], a [redacted]."},
		"several lines":                    {"x BEGIN\nabc\nEND y", []pattern{secret, key}, 100, "x [redacted] y"},
		"matches that overlap":             {"BEGIN secretENDs", []pattern{secret, key}, 100, "[redacted]"},
		"a match in another":               {"BEGIN secret END.", []pattern{secret, key}, 100, "[redacted]."},
		"matches side by side":             {"secretBEGIN END", []pattern{compile("secret"), key}, 100, "[redacted]"},
		"a pattern that matches nothing":   {"abc", []pattern{compile(`x*`)}, 100, "abc"},
		"the end only":                     {"0123456789", nil, 4, "6789"},
		"a secret that is cut in two":      {"the secret12345 end", []pattern{secret}, 9, "acted] end"[1:]},
		"the end of a secret is no secret": {"the secret12345 end", []pattern{secret}, 14, "[redacted] end"},
		"a secret before the end":          {"secret1 and the rest", []pattern{secret}, 8, "the rest"},
		"a secret up to the end":           {"secret1the rest", []pattern{compile("secret1")}, 8, "the rest"},
		"not in the middle of a character": {"aä€𝄞b", nil, 4, "b"},
		"characters that fit":              {"aä€𝄞b", nil, 5, "𝄞b"},
		"what is whole stays as it is":     {"\x84\x84b", nil, 5, "\x84\x84b"},
		"nothing at all":                   {"abc", nil, 0, ""},
	} {
		if got := string(masked([]byte(c.text), c.patterns, c.limit)); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// Whatever is cut where: no piece of a secret gets out that is as long as the mask
// of it would be worth.
func TestNoSecretSurvivesTheCut(t *testing.T) {
	secret := compile(`S[0-9]+S`)
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOf(rapid.SampledFrom([]string{"a", "€", "\n", "S123456789S"})).Draw(t, "text"), "")
		limit := rapid.IntRange(0, 60).Draw(t, "limit")
		got := masked([]byte(text), []pattern{secret}, limit)
		if bytes.ContainsAny(got, "0123456789") || len(got) > limit || !utf8.Valid(got) {
			t.Fatalf("%q of %q", got, text)
		}
	})
}

func TestLasting(t *testing.T) {
	for text, want := range map[string]int{"90s": 90, "30m": 1800, "1h30m": 5400, "1d": 86400, "2w": 14 * 86400} {
		var l lasting
		if err := l.UnmarshalText([]byte(text)); err != nil || *l.seconds() != want {
			t.Errorf("%s: %v, %v; want %d s", text, l, err, want)
		}
	}
	for _, text := range []string{"", "d", "0", "0d", "-1h", "-1d", "1.5d", "1 d", "99999999999999999999d", "soon", "* * * * *", "daily"} {
		var l lasting
		if err := l.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is taken as %v", text, l)
		}
	}
}
