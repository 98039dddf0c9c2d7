package sqlstore

import (
	"context"

	"rollcall/internal/monitor"
	"rollcall/internal/store"
	"rollcall/internal/store/sqlstore/gen"
)

// CreateChannel implements store.Channels.
func (s *Store) CreateChannel(ctx context.Context, c monitor.Channel) (monitor.Channel, error) {
	id, err := s.writing().InsertChannel(ctx, insertChannel(c))
	c.ID = monitor.ChannelID(id)
	return c, s.done("create channel", err)
}

// EditChannel implements store.Channels.
func (s *Store) EditChannel(ctx context.Context, c monitor.Channel) error {
	row := ChannelRow(c)
	rows, err := s.writing().UpdateChannel(ctx, gen.UpdateChannelParams{
		ID:        row.ID,
		ProjectID: row.ProjectID,
		Name:      row.Name,
		Settings:  row.Settings,
		Disabled:  row.Disabled,
	})
	return s.changed("edit channel", rows, err)
}

// DeleteChannel implements store.Channels.
func (s *Store) DeleteChannel(ctx context.Context, project monitor.ProjectID, id monitor.ChannelID) error {
	rows, err := s.writing().DeleteChannel(ctx, gen.DeleteChannelParams{ProjectID: int64(project), ID: int64(id)})
	return s.changed("delete channel", rows, err)
}

// Channel implements store.Channels.
func (s *Store) Channel(ctx context.Context, project monitor.ProjectID, id monitor.ChannelID) (monitor.Channel, error) {
	row, err := s.reading().ChannelByID(ctx, gen.ChannelByIDParams{ProjectID: int64(project), ID: int64(id)})
	if err != nil {
		return monitor.Channel{}, s.done("find channel", err)
	}
	return ChannelOf(row)
}

// Channels implements store.Channels.
func (s *Store) Channels(ctx context.Context, project monitor.ProjectID) ([]store.ChannelUse, error) {
	q := s.reading()
	rows, err := q.ChannelsOfProject(ctx, gen.ChannelsOfProjectParams{ProjectID: int64(project), Rows: listLimit})
	if err != nil {
		return nil, s.done("list channels", err)
	}
	newest, err := q.LastDeliveries(ctx, gen.LastDeliveriesParams{ProjectID: int64(project), Rows: listLimit})
	if err != nil {
		return nil, s.done("list channels", err)
	}
	last := make(map[monitor.ChannelID]*monitor.Delivery, len(newest))
	for _, row := range newest {
		d := DeliveryOf(row)
		last[d.Channel] = &d
	}
	list, err := each(rows, func(row gen.ChannelsOfProjectRow) (store.ChannelUse, error) {
		channel, err := ChannelOf(row.Channel)
		return store.ChannelUse{
			Channel:  channel,
			Checks:   int(row.Checks),
			LastSent: monitor.FromMicros(row.LastSent),
			Last:     last[channel.ID],
		}, err
	})
	sortByName(list, func(c store.ChannelUse) string { return c.Name })
	return list, err
}
