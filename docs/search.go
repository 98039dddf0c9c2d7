package docs

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Hit is a section in which all that was looked for occurs.
type Hit struct {
	Page    Page
	Section Section
	Excerpt []Piece
}

// Path is where the section is.
func (h Hit) Path() string {
	if h.Section.ID == "" {
		return h.Page.Path()
	}
	return h.Page.Path() + "#" + h.Section.ID
}

// Piece is a part of an excerpt; Found is what was looked for.
type Piece struct {
	Text  string
	Found bool
}

// The bounds of a search.
const (
	QueryLimit   = 200 // characters of a query; the rest is not looked for
	HitsLimit    = 20
	excerptBytes = 180
)

// Search returns the sections in which every word of the query occurs, the best
// first: those that have them in their titles, then those that say little else.
func Search(chapters []Chapter, query string) []Hit {
	sought := queryWords(query)
	if len(sought) == 0 {
		return nil
	}
	type scored struct {
		hit   Hit
		score int
	}
	var found []scored
	for _, chapter := range chapters {
		for _, page := range chapter.Pages {
			for _, section := range page.Sections {
				if score := score(page, section, sought); score > 0 {
					hit := Hit{page, section, excerpt(section.Text, sought)}
					found = append(found, scored{hit, score})
				}
			}
		}
	}
	slices.SortStableFunc(found, func(a, b scored) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(len(a.hit.Section.Text), len(b.hit.Section.Text)))
	})
	var hits []Hit
	for _, f := range found[:min(len(found), HitsLimit)] {
		hits = append(hits, f.hit)
	}
	return hits
}

// queryWords are the words to look for, in lower case.
func queryWords(query string) []string {
	if utf8.RuneCountInString(query) > QueryLimit {
		query = string([]rune(query)[:QueryLimit])
	}
	return strings.FieldsFunc(lower(query), func(r rune) bool { return unicode.IsSpace(r) || r == '"' })
}

// score weighs where the words occur; 0 when one does not.
func score(page Page, section Section, sought []string) int {
	sum := 0
	title, heading, text := lower(page.Title), lower(section.Title), lower(section.Text)
	for _, word := range sought {
		points := min(strings.Count(text, word), 5)
		if strings.Contains(heading, word) {
			points += 20 * (4 - section.Level)
		} else if points > 0 && strings.Contains(title, word) {
			points += 10
		}
		if points == 0 {
			return 0
		}
		sum += points
	}
	return sum
}

// excerpt is the surroundings of the first word, with all that was looked for marked.
func excerpt(text string, sought []string) []Piece {
	at := -1
	for _, word := range sought {
		if i := strings.Index(lower(text), word); i >= 0 && (at < 0 || i < at) {
			at = i
		}
	}
	from := max(0, at-excerptBytes/3)
	to := min(len(text), from+excerptBytes)
	from, to = wordStart(text, from), wordStart(text, to)
	cut := strings.TrimSpace(text[from:to])
	if from > 0 {
		cut = "… " + cut
	}
	if to < len(text) {
		cut += " …"
	}
	return mark(cut, sought)
}

// wordStart moves an offset back to where a word begins.
func wordStart(text string, at int) int {
	if at <= 0 || at >= len(text) {
		return min(max(at, 0), len(text))
	}
	return strings.LastIndexByte(text[:at], ' ') + 1
}

// mark separates what was looked for from the rest.
func mark(text string, sought []string) []Piece {
	var pieces []Piece
	for text != "" {
		at, length := len(text), 0
		for _, word := range sought {
			if i := strings.Index(lower(text), word); i >= 0 && (i < at || i == at && len(word) > length) {
				at, length = i, len(word)
			}
		}
		if at > 0 {
			pieces = append(pieces, Piece{Text: text[:at]})
		}
		if length > 0 {
			pieces = append(pieces, Piece{Text: text[at : at+length], Found: true})
		}
		text = text[at+length:]
	}
	return pieces
}

// lower is text in lower case of which every byte stays where it was.
func lower(text string) string {
	return strings.Map(func(r rune) rune {
		if small := unicode.ToLower(r); utf8.RuneLen(small) == utf8.RuneLen(r) {
			return small
		}
		return r
	}, text)
}
