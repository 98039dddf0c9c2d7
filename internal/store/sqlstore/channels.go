package sqlstore

import (
	"context"

	"rollcall/internal/account"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
	"rollcall/internal/store/sqlstore/gen"
)

// CreateChannel implements store.Channels.
func (s *Store) CreateChannel(ctx context.Context, c monitor.Channel) (monitor.Channel, error) {
	err := s.change(ctx, "create channel", c.Project, func(q *gen.Queries, rec recorder) error {
		var err error
		if c.ID, err = s.insertChannel(ctx, q, c); err != nil {
			return err
		}
		return rec(account.ChannelEntry(account.Created, c).Changes(account.Fields{}, account.ChannelFields(c)))
	})
	return c, err
}

// EditChannel implements store.Channels.
func (s *Store) EditChannel(ctx context.Context, c monitor.Channel) error {
	return s.change(ctx, "edit channel", c.Project, func(q *gen.Queries, rec recorder) error {
		before, err := s.channelByID(ctx, q, c.Project, c.ID)
		if err != nil {
			return err
		}
		row := s.channelRow(c)
		_, err = q.UpdateChannel(ctx, gen.UpdateChannelParams{
			ID:        row.ID,
			ProjectID: row.ProjectID,
			Name:      row.Name,
			Settings:  row.Settings,
			Disabled:  row.Disabled,
		})
		if err != nil {
			return err
		}
		verb := account.Edited
		if before.Disabled != "" && c.Disabled == "" {
			verb = account.Enabled
			if err := q.RenewAssignments(ctx, row.ID); err != nil {
				return err
			}
		}
		if verb == account.Enabled || before.Settings != c.Settings { // as good as a new one
			if err := q.ForgetHealth(ctx, row.ID); err != nil {
				return err
			}
		}
		entry := account.ChannelEntry(verb, c).Changes(account.ChannelFields(before), account.ChannelFields(c))
		if len(entry.Before)+len(entry.After) == 0 {
			return nil
		}
		return rec(entry)
	})
}

// DeleteChannel implements store.Channels.
func (s *Store) DeleteChannel(ctx context.Context, project monitor.ProjectID, id monitor.ChannelID) error {
	return s.change(ctx, "delete channel", project, func(q *gen.Queries, rec recorder) error {
		before, err := s.channelByID(ctx, q, project, id)
		if err != nil {
			return err
		}
		if _, err := q.DeleteChannel(ctx, gen.DeleteChannelParams{ProjectID: int64(project), ID: int64(id)}); err != nil {
			return err
		}
		return rec(account.ChannelEntry(account.Deleted, before).Changes(account.ChannelFields(before), account.Fields{}))
	})
}

func (s *Store) channelByID(ctx context.Context, q *gen.Queries, project monitor.ProjectID, id monitor.ChannelID) (monitor.Channel, error) {
	row, err := q.ChannelByID(ctx, gen.ChannelByIDParams{ProjectID: int64(project), ID: int64(id)})
	if err != nil {
		return monitor.Channel{}, err
	}
	return s.channelOf(row)
}

// Channel implements store.Channels.
func (s *Store) Channel(ctx context.Context, project monitor.ProjectID, id monitor.ChannelID) (monitor.Channel, error) {
	row, err := s.reading().ChannelByID(ctx, gen.ChannelByIDParams{ProjectID: int64(project), ID: int64(id)})
	if err != nil {
		return monitor.Channel{}, s.done("find channel", err)
	}
	return s.channelOf(row)
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
		channel, err := s.channelOf(row.Channel)
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
