package main

import "github.com/alecthomas/kong"

// Main is the program, for the scripts under testdata.
func Main() { main() }

// Parser reads the command line and does nothing, for the documentation.
func Parser() (*kong.Kong, error) {
	return kong.New(&commandLine{}, kong.Name("rollcall"), kong.Vars{"database": defaultDatabase}, kong.Exit(func(int) {}))
}
