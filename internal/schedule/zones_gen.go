//go:build ignore

// This program writes zones.txt from a compiled-in-text time zone database:
//
//	go run zones_gen.go /usr/share/zoneinfo > zones.txt
//
// A line is a name that we offer and store, followed by the older spellings
// that we accept for it. The names we keep are those of the geographical table
// zone.tab (so that each country has its own), UTC, and the fixed offsets.
package main

import (
	"bufio"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// abbreviations are names of rules rather than places; these are the places
// that the database itself has given them since its release 2024b.
var abbreviations = map[string]string{
	"CET": "Europe/Brussels", "MET": "Europe/Brussels", "EET": "Europe/Athens", "WET": "Europe/Lisbon",
	"EST": "America/Panama", "MST": "America/Phoenix", "HST": "Pacific/Honolulu",
	"EST5EDT": "America/New_York", "CST6CDT": "America/Chicago",
	"MST7MDT": "America/Denver", "PST8PDT": "America/Los_Angeles",
	"Etc/UTC": "UTC", "Factory": "",
}

func main() {
	dir := os.Args[1]
	kept := map[string][]string{"UTC": nil, "Etc/GMT": nil}
	for fields := range lines(filepath.Join(dir, "zone.tab")) {
		if !strings.HasPrefix(fields[0], "#") {
			kept[fields[2]] = nil
		}
	}
	link := map[string]string{}
	for fields := range lines(filepath.Join(dir, "tzdata.zi")) {
		switch {
		case fields[0] == "L":
			link[fields[2]] = fields[1]
		case fields[0] == "Z" && strings.HasPrefix(fields[1], "Etc/GMT"):
			kept[fields[1]] = nil
		case fields[0] == "Z":
			link[fields[1]] = fields[1]
		}
	}
	for name, target := range abbreviations {
		link[name] = target
	}
	for name := range link {
		if _, ok := kept[name]; ok || link[name] == "" {
			continue
		}
		target := link[name]
		for range 3 {
			if _, ok := kept[target]; ok {
				break
			}
			target = link[target]
		}
		if _, ok := kept[target]; !ok {
			log.Fatalf("%s leads nowhere", name)
		}
		kept[target] = append(kept[target], name)
	}
	var out []string
	for name, aliases := range kept {
		slices.Sort(aliases)
		out = append(out, strings.Join(append([]string{name}, aliases...), " "))
	}
	slices.Sort(out)
	fmt.Println(strings.Join(out, "\n"))
}

// lines yields the fields of each line of a file that has any.
func lines(path string) func(yield func([]string) bool) {
	return func(yield func([]string) bool) {
		file, err := os.Open(path)
		if err != nil {
			log.Fatal(err)
		}
		defer file.Close()
		scanner := bufio.NewScanner(file)
		for scanner.Scan() {
			if fields := strings.Fields(scanner.Text()); len(fields) > 2 && !yield(fields) {
				return
			}
		}
	}
}
