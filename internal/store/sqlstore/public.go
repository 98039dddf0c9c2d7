package sqlstore

import (
	"context"
	"fmt"
	"time"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
	"rollcall/internal/store/sqlstore/gen"
)

// appearanceLimit bounds what one page says of single checks.
const appearanceLimit = 100_000

var tooManyPages = fault.Say(fault.Conflict, "a project has at most %d status pages; delete one first", monitor.StatusPagesLimit)

// CreateStatusPage implements store.Public.
func (s *Store) CreateStatusPage(ctx context.Context, p monitor.StatusPage) (monitor.StatusPage, error) {
	err := s.change(ctx, "create status page", p.Project, func(q *gen.Queries, rec recorder) error {
		count, err := q.CountStatusPages(ctx, int64(p.Project))
		if err != nil {
			return err
		}
		if count >= monitor.StatusPagesLimit {
			return tooManyPages
		}
		id, err := q.InsertStatusPage(ctx, gen.InsertStatusPageParams{
			ProjectID: int64(p.Project), Address: p.Address, Title: p.Title, Description: p.Description,
			Scope: string(p.Scope), Tag: p.Tag, Timezone: p.Zone,
			Grouped: p.Grouped, History: p.History, Unlisted: p.Unlisted, CreatedAt: p.Created.UnixMicro(),
		})
		if err != nil {
			return err
		}
		p.ID = monitor.StatusPageID(id)
		if err := putAppearances(ctx, q, p); err != nil {
			return err
		}
		return rec(pageEntry(account.Created, p))
	})
	return p, err
}

// EditStatusPage implements store.Public.
func (s *Store) EditStatusPage(ctx context.Context, p monitor.StatusPage) error {
	return s.change(ctx, "edit status page", p.Project, func(q *gen.Queries, rec recorder) error {
		rows, err := q.UpdateStatusPage(ctx, gen.UpdateStatusPageParams{
			ID: int64(p.ID), ProjectID: int64(p.Project), Address: p.Address, Title: p.Title, Description: p.Description,
			Scope: string(p.Scope), Tag: p.Tag, Timezone: p.Zone,
			Grouped: p.Grouped, History: p.History, Unlisted: p.Unlisted,
		})
		if err := anyRow(rows, err, fault.NotFound); err != nil {
			return err
		}
		if err := q.DeleteAppearances(ctx, int64(p.ID)); err != nil {
			return err
		}
		if err := putAppearances(ctx, q, p); err != nil {
			return err
		}
		return rec(pageEntry(account.Edited, p))
	})
}

// pageEntry names a page by its title: its address may be a secret.
func pageEntry(verb account.Verb, p monitor.StatusPage) account.Entry {
	return account.Entry{Verb: verb, Object: account.OfPage, Key: fmt.Sprint(p.ID), Title: p.Title}
}

func putAppearances(ctx context.Context, q *gen.Queries, p monitor.StatusPage) error {
	for check, a := range p.Checks {
		err := q.InsertAppearance(ctx, gen.InsertAppearanceParams{
			PageID: int64(p.ID), CheckID: int64(check), Chosen: a.Chosen, Name: a.Name,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// DeleteStatusPage implements store.Public.
func (s *Store) DeleteStatusPage(ctx context.Context, project monitor.ProjectID, id monitor.StatusPageID) error {
	return s.change(ctx, "delete status page", project, func(q *gen.Queries, rec recorder) error {
		row, err := q.StatusPageByID(ctx, gen.StatusPageByIDParams{ProjectID: int64(project), ID: int64(id)})
		if err != nil {
			return err
		}
		if _, err := q.DeleteStatusPage(ctx, gen.DeleteStatusPageParams{ProjectID: int64(project), ID: int64(id)}); err != nil {
			return err
		}
		return rec(pageEntry(account.Deleted, monitor.StatusPage{ID: id, Title: row.Title}))
	})
}

// StatusPage implements store.Public.
func (s *Store) StatusPage(ctx context.Context, project monitor.ProjectID, id monitor.StatusPageID) (monitor.StatusPage, error) {
	row, err := s.reading().StatusPageByID(ctx, gen.StatusPageByIDParams{ProjectID: int64(project), ID: int64(id)})
	return s.wholePage(ctx, row, err)
}

// StatusPageAt implements store.Public.
func (s *Store) StatusPageAt(ctx context.Context, address string) (monitor.StatusPage, error) {
	row, err := s.reading().StatusPageAt(ctx, address)
	return s.wholePage(ctx, row, err)
}

// wholePage adds what a page says of single checks.
func (s *Store) wholePage(ctx context.Context, row gen.StatusPage, err error) (monitor.StatusPage, error) {
	if err != nil {
		return monitor.StatusPage{}, s.done("find status page", err)
	}
	page := pageOf(row)
	rows, err := s.reading().AppearancesOfPage(ctx, gen.AppearancesOfPageParams{PageID: row.ID, Rows: appearanceLimit})
	page.Checks = make(map[monitor.CheckID]monitor.Appearance, len(rows))
	for _, a := range rows {
		page.Checks[monitor.CheckID(a.CheckID)] = monitor.Appearance{Chosen: a.Chosen, Name: a.Name}
	}
	return page, s.done("list checks of status page", err)
}

// StatusPages implements store.Public.
func (s *Store) StatusPages(ctx context.Context, project monitor.ProjectID) ([]monitor.StatusPage, error) {
	rows, err := s.reading().StatusPagesOfProject(ctx, gen.StatusPagesOfProjectParams{ProjectID: int64(project), Rows: listLimit})
	list := make([]monitor.StatusPage, len(rows))
	for i, row := range rows {
		list[i] = pageOf(row)
	}
	sortByName(list, func(p monitor.StatusPage) string { return p.Title })
	return list, s.done("list status pages", err)
}

func pageOf(row gen.StatusPage) monitor.StatusPage {
	return monitor.StatusPage{
		ID: monitor.StatusPageID(row.ID), Project: monitor.ProjectID(row.ProjectID),
		Address: row.Address, Title: row.Title, Description: row.Description,
		Scope: monitor.Scope(row.Scope), Tag: row.Tag, Zone: row.Timezone,
		Grouped: row.Grouped, History: row.History, Unlisted: row.Unlisted, Created: instant(row.CreatedAt),
	}
}

// History implements store.Public.
func (s *Store) History(ctx context.Context, project monitor.ProjectID, since time.Time) (store.History, error) {
	h := store.History{Since: since, Flips: map[monitor.CheckID][]monitor.Flip{}}
	rows, err := s.reading().HistoryOfProject(ctx, gen.HistoryOfProjectParams{
		ProjectID: int64(project), Since: since.UnixMicro(), Rows: store.HistoryLimit,
	})
	if err != nil {
		return h, s.done("list history", err)
	}
	for _, row := range rows {
		flip, err := FlipOf(gen.Flip(row))
		if err != nil {
			return h, err
		}
		flip.Facts = monitor.Facts{Corrects: flip.Facts.Corrects}
		h.Flips[flip.Check] = append(h.Flips[flip.Check], flip)
	}
	if n := len(rows); n == store.HistoryLimit {
		h.Since = instant(rows[n-1].At)
	}
	return h, nil
}

// BadgeKey implements store.Public.
func (s *Store) BadgeKey(ctx context.Context, project monitor.ProjectID) (string, error) {
	key, err := s.reading().BadgeKey(ctx, int64(project))
	return key, s.done("find badge key", err)
}

// SetBadgeKey implements store.Public.
func (s *Store) SetBadgeKey(ctx context.Context, project monitor.ProjectID, key string) error {
	return s.change(ctx, "set badge key", project, func(q *gen.Queries, rec recorder) error {
		if _, err := q.SetBadgeKey(ctx, gen.SetBadgeKeyParams{ID: int64(project), BadgeKey: key}); err != nil {
			return err
		}
		return rec(account.Entry{Verb: account.Created, Object: account.OfKey, Key: "badges", Title: "key of all badges"})
	})
}
