package templates

import "rollcall/internal/monitor"

// The things that are asked about before they are done to many checks.
const (
	BulkTag      = "tag"
	BulkChannels = "channels"
	BulkDelete   = "delete"
)

// BulkPage asks what exactly is to be done to the checks that were selected.
type BulkPage struct {
	Page
	Do       string // BulkTag, BulkChannels or BulkDelete
	Checks   []BulkCheck
	Back     string // the list as it was
	Pings    int64  // of all the checks
	Typed    string // tags
	Channels []ChannelChoice
	Wrong    map[string]string
	Problems []Problem
}

// BulkCheck is one of the checks.
type BulkCheck struct {
	ID     string
	Name   string
	Status monitor.Status
}

func (p BulkPage) count() string { return Count(int64(len(p.Checks)), "check", "checks") }

// Heading says what is about to be done.
func (p BulkPage) Heading() string {
	switch p.Do {
	case BulkTag:
		return "Tag " + p.count()
	case BulkChannels:
		return "Channels of " + p.count()
	}
	return "Delete " + p.count()
}

func (p BulkPage) tags() Field {
	return Field{
		ID: "tags", Label: "Tags", Value: p.Typed, Error: complaint("Tags", p.Wrong["tags"]),
		Hint: "Single words, separated by spaces.", Attrs: attrs("autofocus", "", "required", ""),
	}
}
