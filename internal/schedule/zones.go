package schedule

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// zoneLines was made with zones_gen.go. That is not a part of generating code,
// because each machine has its own edition of the database.
//
//go:embed zones.txt
var zoneLines string

// zoneTable is what zones.txt says: the names to offer in their order, and the
// stored name for each accepted one in lower case.
type zoneTable struct {
	names  []string
	stored map[string]string
}

var zones = sync.OnceValue(func() zoneTable {
	table := zoneTable{stored: map[string]string{"": "UTC"}}
	for line := range strings.Lines(zoneLines) {
		fields := strings.Fields(line)
		table.names = append(table.names, fields[0])
		for _, name := range fields {
			table.stored[strings.ToLower(name)] = fields[0]
		}
	}
	return table
})

// locations remembers loaded zones by stored name, because loading one reads
// files and every ping needs one. Only names of zones.txt get in, so it stays
// within their number.
var locations sync.Map

// Zones returns the time zones to offer, sorted, each under its present name.
func Zones() []string {
	return slices.Clone(zones().names)
}

// Zone returns the location for a name as typed, known by its present name.
// Names that are not in the list never reach the file system.
func Zone(name string) (*time.Location, error) {
	stored, ok := zones().stored[strings.ToLower(strings.TrimSpace(name))]
	if !ok {
		return nil, fmt.Errorf("%s is not a time zone; use a name such as Europe/Berlin or UTC", quote(name))
	}
	if loc, ok := locations.Load(stored); ok {
		return loc.(*time.Location), nil
	}
	loc, err := time.LoadLocation(stored)
	if err != nil {
		return nil, fmt.Errorf("%s is not in this server's time zone data, which needs an update", stored)
	}
	locations.Store(stored, loc)
	return loc, nil
}
