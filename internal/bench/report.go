//go:build linux

package main

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// report is the two tables in Markdown, with the machine that they were taken on.
func report(o options, machine string, subjects []*subject) string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s\n%d checks; medians of %d rounds of %d seconds; generator and servers share the machine. Every answer was 200, no ping was coalesced, and every ping is in the database.\n\n",
		machine, o.checks, o.rounds, o.seconds)
	rows := [][]string{{"load", "server", "pings/s", "of bare", "p50", "p99", "CPU for 1,000 pings"}}
	for _, l := range o.loads() {
		for _, s := range subjects {
			rows = append(rows, s.row(l))
		}
	}
	write(&text, rows)
	text.WriteString("\n")
	rows = [][]string{{"server", "memory idle", "memory after the run", fmt.Sprintf("start to first ping, %d checks", startChecks), "pings acknowledged", "rows found"}}
	for _, s := range subjects {
		if s.rollcall != nil {
			rows = append(rows, []string{
				s.name, megabytes(s.idle), megabytes(s.loaded), milliseconds(s.start),
				strconv.Itoa(s.acknowledged), strconv.Itoa(s.found),
			})
		}
	}
	write(&text, rows)
	return text.String()
}

// row is one line of the first table.
func (s *subject) row(l load) []string {
	cells := s.cells[l]
	row := []string{
		l.String(), s.name,
		fmt.Sprintf("%.0f", median(cells, func(c cell) float64 { return c.rate })),
		fmt.Sprintf("%.2f", median(cells, func(c cell) float64 { return c.ofBare })),
		milliseconds(median(cells, func(c cell) time.Duration { return c.p50 })),
		milliseconds(median(cells, func(c cell) time.Duration { return c.p99 })),
		milliseconds(median(cells, func(c cell) time.Duration { return c.cpu })),
	}
	if s.rollcall != nil && s.postmaster != 0 {
		row[len(row)-1] += " + " + milliseconds(median(cells, func(c cell) time.Duration { return c.databaseCPU })) + " PostgreSQL"
	}
	return row
}

func median[T cmp.Ordered](cells []cell, figure func(cell) T) T {
	figures := make([]T, len(cells))
	for i, c := range cells {
		figures[i] = figure(c)
	}
	slices.Sort(figures)
	return figures[len(figures)/2]
}

func milliseconds(d time.Duration) string {
	if d < 10*time.Millisecond {
		return fmt.Sprintf("%.1f ms", d.Seconds()*1000)
	}
	return fmt.Sprintf("%.0f ms", d.Seconds()*1000)
}

func megabytes(n int64) string { return fmt.Sprintf("%.0f MB", float64(n)/1e6) }

// write writes a Markdown table that is aligned as plain text too.
func write(text *strings.Builder, rows [][]string) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, field := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(field))
		}
	}
	for i, row := range rows {
		for k, field := range row {
			fmt.Fprintf(text, "| %-*s ", widths[k], field)
		}
		text.WriteString("|\n")
		if i == 0 {
			for _, width := range widths {
				text.WriteString("|" + strings.Repeat("-", width+2))
			}
			text.WriteString("|\n")
		}
	}
}
