// Command table prints what the long tests tried and found, as one Markdown table.
package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"rollcall/internal/prove"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: table FILE, the file of tallies that make prove has filled")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run prints the table, and is an error when anything was violated.
func run(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	tallies, err := prove.Read(file)
	if err != nil {
		return err
	}
	fmt.Println("| invariant | trials | violations | test |")
	fmt.Println("| --- | ---: | ---: | --- |")
	broken := 0
	for _, t := range tallies {
		fmt.Printf("| %s | %d | %d | %s |\n", t.Invariant, t.Trials, t.Violations, brief(t.Test))
		if t.Violations > 0 {
			broken++
		}
	}
	if broken > 0 {
		return fmt.Errorf("%d of %d invariants were violated", broken, len(tallies))
	}
	return nil
}

// most is how many tests are named in a row.
const most = 2

// brief names the first tests of a list, without the cases that they were run for.
func brief(tests string) string {
	var names []string
	for name := range strings.SplitSeq(tests, ", ") {
		if name, _, _ = strings.Cut(name, "/"); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if more := len(names) - most; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), more)
	}
	return strings.Join(names, ", ")
}
