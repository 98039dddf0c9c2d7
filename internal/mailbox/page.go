package mailbox

import (
	"bytes"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// pageText is the text of an HTML page, a line for each block.
func pageText(page []byte) []byte {
	var lines []byte
	var hidden, set atom.Atom // the element whose text nobody sees, and the one that keeps its line breaks
	for tokens := html.NewTokenizer(bytes.NewReader(page)); ; {
		kind := tokens.Next()
		if kind == html.ErrorToken {
			return tidy(lines)
		}
		if kind == html.TextToken && hidden == 0 {
			text := tokens.Text()
			if set == 0 {
				text = bytes.ReplaceAll(text, []byte("\n"), []byte(" "))
			}
			lines = append(lines, text...)
		}
		if kind != html.StartTagToken && kind != html.EndTagToken && kind != html.SelfClosingTagToken {
			continue
		}
		name, _ := tokens.TagName()
		tag := atom.Lookup(name)
		switch {
		case kind == html.EndTagToken && tag == hidden:
			hidden = 0
		case hidden != 0:
		case kind == html.StartTagToken && unseen(tag):
			hidden = tag
		case breaks(tag):
			lines = append(lines, '\n')
		case tag == atom.Td, tag == atom.Th:
			lines = append(lines, ' ')
		}
		if tag == atom.Pre {
			set = 0
			if kind == html.StartTagToken {
				set = tag
			}
		}
	}
}

func unseen(tag atom.Atom) bool {
	return tag == atom.Script || tag == atom.Style || tag == atom.Title
}

func breaks(tag atom.Atom) bool {
	switch tag {
	case atom.Br, atom.P, atom.Div, atom.Tr, atom.Table, atom.Ul, atom.Ol, atom.Li, atom.Pre, atom.Blockquote, atom.Hr,
		atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Section, atom.Article, atom.Header, atom.Footer:
		return true
	}
	return false
}

// tidy drops empty lines and repeated spaces.
func tidy(text []byte) []byte {
	var kept []byte
	for line := range bytes.Lines(text) {
		if words := bytes.Fields(line); len(words) > 0 {
			kept = append(append(kept, bytes.Join(words, []byte(" "))...), '\n')
		}
	}
	return kept
}
