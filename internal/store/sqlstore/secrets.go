package sqlstore

import (
	"context"
	"errors"
	"fmt"

	"rollcall/internal/account"
	"rollcall/internal/failpoint"
	"rollcall/internal/monitor"
	"rollcall/internal/sealed"
	"rollcall/internal/store/sqlstore/gen"
)

// Seal implements store.Secrets. It is called once, before the store is used.
func (s *Store) Seal(ring *sealed.Ring) { s.ring = ring }

// The places of secrets. A new one belongs into secretTables too.
func settingsAt(channel int64) sealed.Place {
	return sealed.Place{Table: "channels", Row: channel, Column: "settings"}
}

func totpAt(user int64) sealed.Place {
	return sealed.Place{Table: "user_factors", Row: user, Column: "totp_secret"}
}

func heartbeatAt(project int64) sealed.Place {
	return sealed.Place{Table: "heartbeats", Row: project, Column: "address"}
}

// seal returns a secret as it is stored.
func (s *Store) seal(at sealed.Place, secret string) string {
	if s.ring == nil {
		return secret
	}
	return s.ring.Seal(at, secret)
}

var errNoKeys = errors.New("a stored secret is sealed, and no file of keys is given")

// open returns a secret that is stored.
func (s *Store) open(at sealed.Place, text string) (string, error) {
	if s.ring != nil {
		return s.ring.Open(at, text)
	}
	if sealed.Is(text) {
		return "", errNoKeys
	}
	return text, nil
}

// channelOf reads a channel from its row.
func (s *Store) channelOf(row gen.Channel) (monitor.Channel, error) {
	text, err := s.open(settingsAt(row.ID), row.Settings)
	if err != nil {
		return monitor.Channel{}, fmt.Errorf("channel %d: settings: %w", row.ID, err)
	}
	settings, err := fromText[monitor.Settings](text)
	if err != nil {
		return monitor.Channel{}, fmt.Errorf("channel %d: settings: %w", row.ID, err)
	}
	return monitor.Channel{
		ID:       monitor.ChannelID(row.ID),
		Project:  monitor.ProjectID(row.ProjectID),
		Name:     row.Name,
		Kind:     monitor.ChannelKind(row.Kind),
		Settings: settings,
		Created:  instant(row.CreatedAt),
		Disabled: row.Disabled,
	}, nil
}

// channelRow returns the row of a channel that has an id.
func (s *Store) channelRow(c monitor.Channel) gen.Channel {
	return gen.Channel{
		ID:        int64(c.ID),
		ProjectID: int64(c.Project),
		Name:      c.Name,
		Kind:      string(c.Kind),
		Settings:  s.seal(settingsAt(int64(c.ID)), textOf(c.Settings, false)),
		Disabled:  c.Disabled,
		CreatedAt: c.Created.UnixMicro(),
	}
}

// insertChannel makes a channel. What is sealed is bound to its row, so it is written
// when that has a number.
func (s *Store) insertChannel(ctx context.Context, q *gen.Queries, c monitor.Channel) (monitor.ChannelID, error) {
	id, err := q.InsertChannel(ctx, gen.InsertChannelParams{
		ProjectID: int64(c.Project), Name: c.Name, Kind: string(c.Kind), Disabled: c.Disabled, CreatedAt: c.Created.UnixMicro(),
	})
	if err != nil {
		return 0, err
	}
	c.ID = monitor.ChannelID(id)
	row := s.channelRow(c)
	_, err = q.UpdateChannel(ctx, gen.UpdateChannelParams{
		ID: row.ID, ProjectID: row.ProjectID, Name: row.Name, Settings: row.Settings, Disabled: row.Disabled,
	})
	return c.ID, err
}

// totpOf reads the secret of an authenticator app.
func (s *Store) totpOf(row gen.UserFactor) (account.TOTP, error) {
	secret, err := s.open(totpAt(row.UserID), valueOf(row.TotpSecret))
	return account.TOTP{Secret: secret, Step: row.TotpStep, Since: monitor.FromMicros(row.TotpSince)}, err
}

// stored is a secret in its row.
type stored struct {
	row  int64
	text string
}

// secretTable is a column of secrets.
type secretTable struct {
	at    func(row int64) sealed.Place
	after func(ctx context.Context, q *gen.Queries, row int64) ([]stored, error)
	// put writes another text for the same secret, unless it was changed in the meantime.
	put func(ctx context.Context, q *gen.Queries, before stored, text string) error
}

// secretsAtOnce is how many secrets are sealed anew in one transaction.
const secretsAtOnce = 200

var secretTables = []secretTable{
	{
		settingsAt,
		func(ctx context.Context, q *gen.Queries, row int64) ([]stored, error) {
			rows, err := q.SettingsAfter(ctx, gen.SettingsAfterParams{After: row, Most: secretsAtOnce})
			return storedOf(rows, err, func(r gen.SettingsAfterRow) stored { return stored{r.ID, r.Settings} })
		},
		func(ctx context.Context, q *gen.Queries, before stored, text string) error {
			return q.PutSettings(ctx, gen.PutSettingsParams{ID: before.row, Settings: text, Was: before.text})
		},
	},
	{
		totpAt,
		func(ctx context.Context, q *gen.Queries, row int64) ([]stored, error) {
			rows, err := q.SeedsAfter(ctx, gen.SeedsAfterParams{After: row, Most: secretsAtOnce})
			return storedOf(rows, err, func(r gen.SeedsAfterRow) stored { return stored{r.UserID, valueOf(r.TotpSecret)} })
		},
		func(ctx context.Context, q *gen.Queries, before stored, text string) error {
			return q.PutSeed(ctx, gen.PutSeedParams{UserID: before.row, Secret: text, Was: before.text})
		},
	},
	{
		heartbeatAt,
		func(ctx context.Context, q *gen.Queries, row int64) ([]stored, error) {
			rows, err := q.HeartbeatsAfter(ctx, gen.HeartbeatsAfterParams{After: row, Most: secretsAtOnce})
			return storedOf(rows, err, func(r gen.HeartbeatsAfterRow) stored { return stored{r.ProjectID, r.Address} })
		},
		func(ctx context.Context, q *gen.Queries, before stored, text string) error {
			return q.MoveHeartbeat(ctx, gen.MoveHeartbeatParams{ProjectID: before.row, Address: text, Was: before.text})
		},
	},
}

func storedOf[Row any](rows []Row, err error, of func(Row) stored) ([]stored, error) {
	list := make([]stored, len(rows))
	for i, row := range rows {
		list[i] = of(row)
	}
	return list, err
}

// Unseal implements store.Secrets.
func (s *Store) Unseal(ctx context.Context) (opened int, err error) {
	for _, table := range secretTables {
		for after, more := int64(0), true; more; {
			list, err := table.after(ctx, s.reading(), after)
			if err != nil {
				return opened, s.done("read secrets", err)
			}
			for _, secret := range list {
				if after = secret.row; !sealed.Is(secret.text) {
					continue
				}
				if _, err := s.open(table.at(secret.row), secret.text); err != nil {
					return opened, s.done("open secrets", err)
				}
				opened++
			}
			more = len(list) == secretsAtOnce
		}
	}
	return opened, nil
}

// Reseal implements store.Secrets.
func (s *Store) Reseal(ctx context.Context, plain bool) (changed int, err error) {
	if s.ring != nil {
		if err := s.ring.Reload(); err != nil {
			return 0, err
		}
	}
	for _, table := range secretTables {
		for after, more := int64(0), true; more; {
			err := s.transact(ctx, "seal secrets", func(q *gen.Queries) error {
				list, err := table.after(ctx, q, after)
				if err != nil {
					return err
				}
				for _, secret := range list {
					after = secret.row
					done, err := s.reseal(ctx, q, table, secret, plain)
					if err != nil {
						return err
					}
					changed += done
				}
				more = len(list) == secretsAtOnce
				return nil
			})
			if err == nil {
				err = failpoint.Err("secrets.resealing")
			}
			if err != nil {
				return changed, err
			}
		}
	}
	return changed, nil
}

// reseal seals one secret with the key that seals, or takes its seal off.
func (s *Store) reseal(ctx context.Context, q *gen.Queries, table secretTable, secret stored, plain bool) (changed int, err error) {
	if plain && !sealed.Is(secret.text) || !plain && s.ring != nil && sealed.KeyOf(secret.text) == s.ring.Current() {
		return 0, nil
	}
	text, err := s.open(table.at(secret.row), secret.text)
	if err != nil {
		return 0, err
	}
	if !plain {
		text = s.seal(table.at(secret.row), text)
	}
	if text == secret.text {
		return 0, nil
	}
	return 1, table.put(ctx, q, secret, text)
}
