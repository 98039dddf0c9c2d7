package templates_test

import (
	"testing"

	"rollcall/internal/monitor"
	"rollcall/templates"
)

func TestBulkPages(t *testing.T) {
	page := templates.BulkPage{
		Page: frame(t, "Bulk", "/checks"), Back: "/checks?tag=prod", Pings: 1204,
		Checks: []templates.BulkCheck{
			{ID: "5f0b1c9e-6d43-4a4e-9a53-0d2f6c1f7a11", Name: "Offsite <backup>", Status: monitor.Down},
			{ID: "5f0b1c9e-6d43-4a4e-9a53-0d2f6c1f7a12", Name: "WAL archive", Status: monitor.Up},
		},
		Channels: []templates.ChannelChoice{{ID: "3", Name: "Night shift", Kind: monitor.Email, Target: "night@northwind.example"}},
	}
	for _, do := range []string{templates.BulkTag, templates.BulkChannels, templates.BulkDelete} {
		page.Do = do
		page.Title = page.Heading()
		goldenPage(t, "bulk-"+do+".html", templates.Bulk(page))
	}
}
