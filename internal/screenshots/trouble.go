package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"rollcall/internal/account"
	"rollcall/internal/alerter"
	"rollcall/internal/monitor"
	"rollcall/internal/sample"
)

// addTrouble makes a project whose alarms do not get through: one channel has taken
// nothing for days, one was switched off because its receiver is gone, and of one alarm
// nobody was told. It returns the addresses of the channels' pages by name.
func (s seeder) addTrouble(ctx context.Context, owner account.User) (map[string]string, error) {
	var err error
	if s.project, err = s.CreateProject(ctx, account.Project{Name: "Warehouse", PingKey: pingKey("Warehouse"), Created: s.now.Add(-90 * day)}, owner.ID); err != nil {
		return nil, err
	}
	s.channels = map[string]monitor.ChannelID{}
	if err := s.addChannels(ctx, []monitor.Channel{
		{Name: "Depot desk", Kind: monitor.Email, Settings: monitor.Settings{Address: "depot@northwind.example"}},
		{Name: "Shift pager", Kind: monitor.Webhook, Settings: monitor.Settings{URL: "https://pager.example/hooks/41", Secret: webhookSecret}},
		{Name: "Old board", Kind: monitor.Webhook, Settings: monitor.Settings{URL: "https://board.northwind.example/in", Secret: webhookSecret}},
	}); err != nil {
		return nil, err
	}
	past := sample.Past{Store: s.Store, Project: s.project.ID, Channels: s.channels, Now: s.now}
	for _, j := range troubled() {
		if _, err := past.Live(ctx, uuid.NewSHA1(uuid.NameSpaceURL, []byte("warehouse "+j.Name)), j); err != nil {
			return nil, fmt.Errorf("%s: %w", j.Name, err)
		}
	}
	if err := s.tell(ctx); err != nil {
		return nil, err
	}
	noticed := s.now.Add(-4 * minute)
	look := alerter.Lookout{Store: s.Store, Now: func() time.Time { return noticed }, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Kick: func() {}}
	if err := look.Tick(ctx, noticed); err != nil {
		return nil, err
	}
	return s.channelPages(), s.tell(ctx)
}

func troubled() []sample.Job {
	return []sample.Job{
		{
			Name: "Stock sync", Slug: "stock-sync", Tags: []string{"stock"},
			Spec: cron("10 * * * *"), Grace: 10 * minute, Took: 40 * second, Runs: 90,
			Failed: map[int]int64{76: 1, 52: 1, 30: 1}, Output: sampleOutput, Trouble: sampleTrouble, Channels: []string{"Depot desk", "Shift pager"},
		},
		{
			Name: "Label printer queue", Slug: "label-printer", Tags: []string{"print"},
			Spec: every(10 * minute), Grace: 10 * minute, Runs: 60, Ago: 4 * minute,
			Failed: map[int]int64{40: 2}, Channels: []string{"Depot desk", "Old board"},
		},
		{
			Name: "Pallet count", Slug: "pallet-count", Tags: []string{"stock"},
			Spec: cron("50 8 * * *"), Grace: 10 * minute, Took: 4 * minute, Runs: 40, Missed: []int{0}, Channels: []string{"Shift pager"},
		},
	}
}
