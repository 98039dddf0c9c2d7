// Package docs owns the documentation: the Markdown files beside it, which a forge
// shows as they are and the server shows as pages.
//
// One text serves both. The files link to one another as files do, speak of the
// server as https://rollcall.example.org, and hold the tables that are made of the
// code, which the tests of the packages that own the facts hold against it (see
// internal/doctest). The package refuses HTML in Markdown and knows nothing of ours.
package docs

import (
	"bytes"
	"embed"
	"fmt"
	"net/url"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	tables "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
)

//go:embed *.md
var files embed.FS

// Path is where the pages are served. Links between the files become links below it.
const Path = "/docs"

// What the files call the server they speak of, and the domain of pings by mail.
const (
	exampleBase   = "https://rollcall.example.org"
	exampleDomain = "ping.example.org"
)

// Chapter is the pages under one heading of the contents.
type Chapter struct {
	Title string
	Pages []Page
}

// contents names the files in the order in which they are read.
var contents = []struct {
	title string
	pages []string
}{
	{"Start", []string{"quick-start"}},
	{"Watch jobs", []string{"signals", "schedules", "statuses", "email-pings", "dialects"}},
	{"Tell people", []string{"notifications", "status-pages-and-reports", "team", "accounts"}},
	{"For programs", []string{"command-line", "checks-as-code", "api", "healthchecks-api", "moving"}},
	{"Run a server", []string{"self-hosting", "operating", "security", "limits"}},
}

// Page is one file.
type Page struct {
	Name     string // quick-start, of quick-start.md
	Title    string
	Summary  string // the first paragraph, as text
	Lead     string // the same as HTML
	Parts    []Part
	Sections []Section // the beginning of the page is the first one
}

// Path is where the page is served.
func (p Page) Path() string { return Path + "/" + p.Name }

// Part is a stretch of a page: HTML, or an example to copy.
type Part struct{ HTML, Code string }

// Section is what stands below one heading.
type Section struct {
	ID    string // of the heading; "" at the beginning of the page
	Title string
	Level int // 2 or 3; 1 is the page
	Text  string
}

// Place is the server that the pages speak of.
type Place struct {
	Base       string // without a slash at the end
	MailDomain string // "" when no pings are taken by mail
}

// Read returns the documentation of a server. What is wrong with a file is a
// mistake that the tests find.
func Read(place Place) []Chapter {
	var chapters []Chapter
	for _, c := range contents {
		chapter := Chapter{Title: c.title}
		for _, name := range c.pages {
			source, err := files.ReadFile(name + ".md")
			if err != nil {
				panic(err) // the binary was built without it
			}
			chapter.Pages = append(chapter.Pages, read(name, place.here(source)))
		}
		chapters = append(chapters, chapter)
	}
	return chapters
}

// here makes the text speak of this server.
func (p Place) here(source []byte) []byte {
	base, err := url.Parse(p.Base)
	if err != nil {
		return source
	}
	host := strings.TrimPrefix(exampleBase, "https://")
	names := []string{exampleBase, p.Base, "https://KEY@" + host, base.Scheme + "://KEY@" + base.Host, host, base.Host}
	if p.MailDomain != "" {
		names = append(names, exampleDomain, p.MailDomain)
	}
	return []byte(strings.NewReplacer(names...).Replace(string(source)))
}

// markdown is CommonMark with tables. HTML in a file is left out, see read.
var markdown = goldmark.New(goldmark.WithExtensions(extension.Table), goldmark.WithParserOptions(parser.WithAutoHeadingID()))

// read makes a page of a file: its title and lead, and then parts that end where
// an example begins.
func read(name string, source []byte) Page {
	page := Page{Name: name}
	root := markdown.Parser().Parse(text.NewReader(source))
	adapt(root, source)
	var html bytes.Buffer
	flush := func() {
		if html.Len() > 0 {
			page.Parts = append(page.Parts, Part{HTML: html.String()})
			html.Reset()
		}
	}
	for node := root.FirstChild(); node != nil; node = node.NextSibling() {
		page.note(node, source)
		switch n := node.(type) {
		case *ast.HTMLBlock: // says where a table comes from
		case *ast.FencedCodeBlock:
			flush()
			page.Parts = append(page.Parts, Part{Code: strings.TrimRight(string(n.Lines().Value(source)), "\n")})
		case *ast.Heading:
			if n.Level > 1 {
				render(&html, source, n)
			}
		case *ast.Paragraph:
			if page.Lead == "" {
				page.Lead, page.Summary = inner(source, n), words(n, source)
				continue
			}
			render(&html, source, n)
		default:
			render(&html, source, n)
		}
	}
	flush()
	return page
}

// note takes down what the page's index and the search need to know of a node.
func (p *Page) note(node ast.Node, source []byte) {
	if h, ok := node.(*ast.Heading); ok {
		section := Section{Title: words(h, source), Level: h.Level}
		if h.Level == 1 {
			p.Title = section.Title
		} else if id, ok := h.AttributeString("id"); ok {
			section.ID = string(id.([]byte))
		}
		p.Sections = append(p.Sections, section)
		return
	}
	if last := len(p.Sections) - 1; last >= 0 {
		p.Sections[last].Text += words(node, source) + " "
	}
}

// render appends a node as HTML.
func render(html *bytes.Buffer, source []byte, node ast.Node) {
	if err := markdown.Renderer().Render(html, source, node); err != nil {
		panic(fmt.Sprintf("docs: %v", err)) // a buffer takes everything
	}
}

// inner is a paragraph without its tags.
func inner(source []byte, node ast.Node) string {
	var html bytes.Buffer
	render(&html, source, node)
	return strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(html.String()), "<p>"), "</p>")
}

// adapt makes links lead to pages, and prepares tables for phones: there a row is a
// list, unless the table is narrow, and each cell has to know its column.
func adapt(root ast.Node, source []byte) {
	_ = ast.Walk(root, func(node ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := node.(type) {
		case *ast.Link:
			n.Destination = []byte(address(string(n.Destination)))
		case *tables.Table:
			var columns []string
			for cell := n.FirstChild().FirstChild(); cell != nil; cell = cell.NextSibling() {
				columns = append(columns, words(cell, source))
			}
			widest := 0
			for row := n.FirstChild().NextSibling(); row != nil; row = row.NextSibling() {
				widest = max(widest, len(words(row, source)))
				i := 0
				for cell := row.FirstChild(); cell != nil; cell = cell.NextSibling() {
					cell.SetAttributeString("data-column", []byte(columns[i]))
					i++
				}
			}
			if widest <= narrow {
				n.SetAttributeString("class", []byte("narrow-table"))
			}
		}
		return ast.WalkContinue, nil
	})
}

// narrow is how many characters the rows of a table have at most that fits a phone.
const narrow = 36

// address is where a link of a file leads on the server.
func address(link string) string {
	file, fragment, found := strings.Cut(link, "#")
	name, ok := strings.CutSuffix(file, ".md")
	switch {
	case !ok || strings.Contains(name, "/"):
		return link
	case name == "README":
		return Path
	case found:
		return Path + "/" + name + "#" + fragment
	}
	return Path + "/" + name
}

// words is the text of a node without any markup.
func words(node ast.Node, source []byte) string {
	var said strings.Builder
	_ = ast.Walk(node, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		switch n := n.(type) {
		case *ast.HTMLBlock:
			return ast.WalkSkipChildren, nil
		case *ast.FencedCodeBlock:
			if entering {
				said.Write(n.Lines().Value(source))
			}
		case *ast.Text:
			if entering {
				said.Write(n.Segment.Value(source))
				if n.SoftLineBreak() {
					said.WriteByte(' ')
				}
			}
		case *ast.String:
			if entering {
				said.Write(n.Value)
			}
		default:
			if !entering && n.Type() == ast.TypeBlock && n != node {
				said.WriteByte(' ')
			}
		}
		return ast.WalkContinue, nil
	})
	return strings.TrimSpace(said.String())
}
