// Command table prints what the long tests tried and found, as one Markdown table.
package main

import (
	"fmt"
	"os"

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
		fmt.Printf("| %s | %d | %d | %s |\n", t.Invariant, t.Trials, t.Violations, t.Test)
		if t.Violations > 0 {
			broken++
		}
	}
	if broken > 0 {
		return fmt.Errorf("%d of %d invariants were violated", broken, len(tallies))
	}
	return nil
}
