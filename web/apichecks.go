package web

import (
	"cmp"
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
)

// apiCheck returns the check that the path names by its UUID, or by the key that
// read-only documents hold instead.
func (s *Server) apiCheck(c *apiCall) (monitor.Check, error) {
	if key := c.path("unique"); key != "" {
		return s.checkByUniqueKey(c, key)
	}
	return s.apiCheckNamed(c, c.path("check"))
}

// apiCheckNamed returns the check of a UUID. One of another project is said to be
// so, as Healthchecks does: whoever knows its UUID can ping it anyway.
func (s *Server) apiCheckNamed(c *apiCall, name string) (monitor.Check, error) {
	id, err := uuid.Parse(name)
	if err != nil {
		return monitor.Check{}, fault.NotFound
	}
	check, err := s.Store.Check(c.ctx(), c.project.ID, id)
	if errors.Is(err, fault.NotFound) {
		if other := s.Store.Known(c.ctx(), store.Ref{UUID: id}); other == nil {
			return check, fault.Say(fault.Forbidden, "the check belongs to another project")
		}
	}
	return check, err
}

func (s *Server) checkByUniqueKey(c *apiCall, key string) (monitor.Check, error) {
	checks, err := s.Store.Checks(c.ctx(), c.project.ID, checksLimit)
	if err != nil {
		return monitor.Check{}, err
	}
	at := slices.IndexFunc(checks, func(check monitor.Check) bool { return uniqueKey(check.UUID) == key })
	if at >= 0 {
		return checks[at], nil
	}
	old, err := s.Store.OldAddresses(c.ctx(), c.project.ID)
	if err != nil {
		return monitor.Check{}, err
	}
	for _, address := range old {
		if uniqueKey(address.UUID) == key {
			return s.Store.Check(c.ctx(), c.project.ID, address.UUID)
		}
	}
	return monitor.Check{}, fault.NotFound
}

// answerCheck answers with the document of a check.
func (s *Server) answerCheck(c *apiCall, code int, check monitor.Check) error {
	channels, err := s.channelsFor(c, check)
	if err != nil {
		return err
	}
	return c.json(code, s.docOf(c, check, channels, s.Now()))
}

func (s *Server) apiGetCheck(c *apiCall) error {
	check, err := s.apiCheck(c)
	if err != nil {
		return err
	}
	return s.answerCheck(c, http.StatusOK, check)
}

// checkList is the answer to who asks for checks.
type checkList struct {
	Checks []checkDoc `json:"checks"`
}

// checkPage is the same, a part at a time.
type checkPage struct {
	checkList
	NextCursor *string `json:"next_cursor"`
}

// apiListChecks lists the checks that have all the tags asked for, and the slug, in
// the order in which they were made: all of them, or with limit a page.
func (s *Server) apiListChecks(c *apiCall) error {
	all, err := s.Store.Checks(c.ctx(), c.project.ID, checksLimit)
	if err != nil {
		return err
	}
	query := c.query()
	checks := slices.DeleteFunc(all, func(check monitor.Check) bool {
		lacks := func(tag string) bool { return tag != "" && !slices.Contains(check.Tags, tag) }
		return slices.ContainsFunc(query["tag"], lacks) || query.Get("slug") != "" && query.Get("slug") != check.Slug
	})
	slices.SortFunc(checks, func(a, b monitor.Check) int { return cmp.Compare(a.ID, b.ID) })
	if !query.Has("limit") {
		docs, err := s.docsOf(c, checks)
		if err != nil {
			return err
		}
		return c.json(http.StatusOK, checkList{docs})
	}
	limit, err := limitOf(c, checksLimit)
	if err != nil {
		return err
	}
	after, err := cursorOf(c)
	if err != nil {
		return err
	}
	checks = slices.DeleteFunc(checks, func(check monitor.Check) bool { return int64(check.ID) <= after })
	page := checkPage{}
	if len(checks) > limit {
		checks = checks[:limit]
		next := newCursor(int64(checks[limit-1].ID))
		page.NextCursor = &next
	}
	if page.Checks, err = s.docsOf(c, checks); err != nil {
		return err
	}
	return c.json(http.StatusOK, page)
}

func (s *Server) docsOf(c *apiCall, checks []monitor.Check) ([]checkDoc, error) {
	var assigned map[monitor.CheckID][]monitor.ChannelID
	var names map[monitor.ChannelID]string
	if !c.readOnly() {
		var err error
		if assigned, err = s.Store.Assignments(c.ctx(), c.project.ID); err != nil {
			return nil, err
		}
		if names, err = s.channelNames(c.ctx(), c.project.ID); err != nil {
			return nil, err
		}
	}
	docs, now := make([]checkDoc, len(checks)), s.Now()
	for i, check := range checks {
		docs[i] = s.docOf(c, check, channelList(assigned[check.ID], names), now)
	}
	return docs, nil
}

// limitOf reads how much of a list is asked for: 1 to most; most when nothing is said.
func limitOf(c *apiCall, most int) (int, error) {
	query := c.query()
	if !query.Has("limit") {
		return most, nil
	}
	limit, err := strconv.Atoi(query.Get("limit"))
	if err != nil || limit < 1 || limit > most {
		return 0, refuse(http.StatusBadRequest, "limit must be from 1 to %d", most)
	}
	return limit, nil
}

// A cursor is the last row of a page, in a form that nobody is tempted to make up.
const cursorMark = "after:"

func newCursor(row int64) string {
	return base64.RawURLEncoding.EncodeToString([]byte(cursorMark + strconv.FormatInt(row, 10)))
}

// cursorOf reads where the page before ended; 0 for the first page.
func cursorOf(c *apiCall) (int64, error) {
	text := c.query().Get("cursor")
	if text == "" {
		return 0, nil
	}
	plain, err := base64.RawURLEncoding.DecodeString(text)
	row, errRow := strconv.ParseInt(strings.TrimPrefix(string(plain), cursorMark), 10, 64)
	if err != nil || errRow != nil || row < 0 || !strings.HasPrefix(string(plain), cursorMark) {
		return 0, refuse(http.StatusBadRequest, "cursor is none of ours; begin again without it")
	}
	return row, nil
}

// unchanged is what If-Match asks for: that the check is still the document that
// the client has seen. The answer is asked for where the check is locked.
func (s *Server) unchanged(c *apiCall, check monitor.Check) (func(monitor.Check) error, error) {
	fields := c.r.Header.Values("If-Match")
	if len(fields) == 0 || matches(fields, "*", false) {
		return func(monitor.Check) error { return nil }, nil
	}
	channels, err := s.channelsFor(c, check)
	now := s.Now()
	return func(current monitor.Check) error {
		// Its channels were read before; whoever changes them changes the check too.
		sameChannels := current.Updated.Equal(check.Updated)
		document, err := jsonOf(s.docOf(c, current, channels, now))
		if err != nil {
			return err
		}
		if !sameChannels || !matches(fields, etagOf(document), false) {
			return refuse(http.StatusPreconditionFailed, "the check has changed; get it again")
		}
		return nil
	}, err
}

// decideOn takes a check through the one door by a rule that may refuse.
func (s *Server) decideOn(c *apiCall, check monitor.Check, assign *[]monitor.ChannelID, rule func(monitor.Check) (monitor.Change, error)) (monitor.Check, error) {
	unchanged, err := s.unchanged(c, check)
	if err != nil {
		return check, err
	}
	results, err := s.Store.Transitions(c.ctx(), []store.Step{{
		Ref:    store.Ref{ID: check.ID},
		Assign: assign,
		Refuse: func(current monitor.Check) error {
			if err := unchanged(current); err != nil {
				return err
			}
			_, err := rule(current)
			return err
		},
		Decide: func(current monitor.Check) monitor.Change {
			change, _ := rule(current) // what it refuses was refused above
			return change
		},
	}})
	if err == nil {
		err = results[0].Err
	}
	if err != nil {
		return check, err
	}
	return results[0].Change.Check, nil
}

func (s *Server) apiPause(c *apiCall) error {
	now := s.Now()
	return s.switchCheck(c, func(check monitor.Check) (monitor.Change, error) { return check.Pause(now), nil })
}

func (s *Server) apiResume(c *apiCall) error {
	now := s.Now()
	return s.switchCheck(c, func(check monitor.Check) (monitor.Change, error) {
		change, err := check.Resume(now)
		if errors.Is(err, fault.Conflict) {
			err = refuse(http.StatusConflict, "check is not paused")
		}
		return change, err
	})
}

func (s *Server) switchCheck(c *apiCall, rule func(monitor.Check) (monitor.Change, error)) error {
	check, err := s.apiCheck(c)
	if err != nil {
		return err
	}
	if check, err = s.decideOn(c, check, nil, rule); err != nil {
		return err
	}
	return s.answerCheck(c, http.StatusOK, check)
}

// apiDeleteCheck answers with the check as it was.
func (s *Server) apiDeleteCheck(c *apiCall) error {
	check, err := s.apiCheck(c)
	if err != nil {
		return err
	}
	unchanged, err := s.unchanged(c, check)
	if err != nil {
		return err
	}
	channels, err := s.channelsFor(c, check)
	if err != nil {
		return err
	}
	err = s.Store.DeleteCheckIf(c.ctx(), c.project.ID, check.ID, func(current monitor.Check) error {
		check = current
		return unchanged(current)
	})
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, s.docOf(c, check, channels, s.Now()))
}
