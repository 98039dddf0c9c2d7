package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/mattn/go-isatty"
	"github.com/mattn/go-runewidth"
)

// widestCell is how many columns of a terminal a cell of a table may take, but
// for the last one. A name may have a hundred letters.
const widestCell = 40

// colour is what a terminal is told to write in. The zero value is its own.
type colour string

const (
	red    colour = "31"
	green  colour = "32"
	yellow colour = "33"
	dim    colour = "2"
)

// cell is what stands in a table.
type cell struct {
	text   string
	colour colour
}

// paper is where a command writes, and what can be done there.
type paper struct {
	io.Writer
	terminal bool
	colours  bool
}

// newPaper looks at what out is. Who sets NO_COLOR to anything wants no colours.
func newPaper(out io.Writer) paper {
	p := paper{Writer: out, terminal: isTerminal(out)}
	p.colours = p.terminal && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	return p
}

func isTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	return ok && (isatty.IsTerminal(file.Fd()) || isatty.IsCygwinTerminal(file.Fd()))
}

// in writes a text in a colour, where there are any.
func (p paper) in(c colour, text string) string {
	if c == "" || !p.colours {
		return text
	}
	return "\x1b[" + string(c) + "m" + text + "\x1b[0m"
}

// table writes aligned columns with a heading.
func (p paper) table(heading []string, rows [][]cell) {
	lines := make([][]cell, 1, len(rows)+1)
	for _, title := range heading {
		lines[0] = append(lines[0], cell{title, dim})
	}
	lines = append(lines, rows...)
	last, widths := len(heading)-1, make([]int, len(heading))
	for _, line := range lines {
		for i := range line {
			line[i].text = printable(line[i].text)
			if i != last {
				line[i].text = runewidth.Truncate(line[i].text, widestCell, "…")
				widths[i] = max(widths[i], runewidth.StringWidth(line[i].text))
			}
		}
	}
	for _, line := range lines {
		var text strings.Builder
		for i, this := range line {
			text.WriteString(p.in(this.colour, this.text))
			if rest := line[i+1:]; slices.ContainsFunc(rest, func(c cell) bool { return c.text != "" }) {
				text.WriteString(strings.Repeat(" ", widths[i]-runewidth.StringWidth(this.text)+2))
			}
		}
		fmt.Fprintln(p, text.String())
	}
}

// tabs writes a line for programs.
func (p paper) tabs(fields ...string) error {
	for i := range fields {
		fields[i] = printable(fields[i])
	}
	_, err := fmt.Fprintln(p, strings.Join(fields, "\t"))
	return err
}

// printable replaces what could move the cursor, break a line, or turn the
// direction of the text: names come from whoever may make a check.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsPrint(r):
			return r
		case unicode.IsSpace(r):
			return ' '
		}
		return '\ufffd'
	}, text)
}

// span says a length of time in one unit, rounded: "1.2 s", "73 min", "31 h".
func span(d time.Duration) string {
	d = max(d, -d)
	switch {
	case d < 10*time.Second && d%time.Second != 0:
		return strconv.FormatFloat(d.Seconds(), 'g', 2, 64) + " s"
	case d.Round(time.Second) < 100*time.Second:
		return fmt.Sprintf("%d s", d.Round(time.Second)/time.Second)
	case d.Round(time.Minute) < 100*time.Minute:
		return fmt.Sprintf("%d min", d.Round(time.Minute)/time.Minute)
	case d.Round(time.Hour) < 36*time.Hour:
		return fmt.Sprintf("%d h", d.Round(time.Hour)/time.Hour)
	}
	return fmt.Sprintf("%d days", d.Round(24*time.Hour)/(24*time.Hour))
}

// seconds says a setting exactly: "90 s", "5 min", "1 h", "7 days".
func seconds(n int) string {
	for _, unit := range []struct {
		size int
		name string
	}{{86400, "days"}, {3600, "h"}, {60, "min"}} {
		if n >= unit.size && n%unit.size == 0 {
			if n == 86400 {
				return "1 day"
			}
			return fmt.Sprintf("%d %s", n/unit.size, unit.name)
		}
	}
	return fmt.Sprintf("%d s", n)
}

// relative says how far t is from now, for people; without a time, the given word.
func relative(t *time.Time, now time.Time, without string) string {
	if t == nil {
		return without
	}
	switch d := t.Sub(now).Round(time.Second); {
	case d == 0:
		return "now"
	case d < 0:
		return span(d) + " ago"
	default:
		return "in " + span(d)
	}
}

// stamp says when t is, for programs; "" without a time.
func stamp(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
