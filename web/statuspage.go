package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/mux"
	"golang.org/x/sync/singleflight"

	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/schedule"
	"rollcall/templates"
)

// A public status page is drawn at most once in boardFresh, however many look at
// it: when something is down, a crowd comes.
const (
	boardFresh  = 10 * time.Second
	boardsKept  = 200 // pages that are kept as they were drawn
	boardTime   = 15 * time.Second
	boardBlinds = 1_000
)

// drawn is a status page as it is sent.
type drawn struct {
	at         time.Time
	unlisted   bool
	html, json []byte
}

// boards keeps status pages as they were drawn last, by address.
type boards struct {
	drawing singleflight.Group
	mu      sync.Mutex // guards kept
	kept    map[string]drawn
}

func (b *boards) find(address string, now time.Time) (drawn, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	d, ok := b.kept[address]
	age := now.Sub(d.at)
	return d, ok && age >= 0 && age < boardFresh
}

func (b *boards) keep(address string, d drawn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.kept == nil || len(b.kept) >= boardsKept {
		b.kept = map[string]drawn{} // what is looked at is drawn again at once
	}
	b.kept[address] = d
}

// forget ends what is kept of a page that was changed. Other nodes, and who is
// drawing it just now, show it as it was for at most boardFresh.
func (b *boards) forget(address string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.kept, address)
}

// statusPage serves a public status page, or with ".json" at its end what it says as
// JSON.
func (s *Server) statusPage(w http.ResponseWriter, r *http.Request) error {
	address, asJSON := strings.CutSuffix(mux.Vars(r)["address"], ".json")
	if len(address) > monitor.AddressMax {
		return errNoPage
	}
	page, err := s.board(r.Context(), address)
	if errors.Is(err, fault.NotFound) {
		return errNoPage
	}
	if err != nil {
		return err
	}
	header, body := w.Header(), page.html
	header.Set("Content-Type", "text/html; charset=utf-8")
	if asJSON {
		body = page.json
		header.Set("Content-Type", "application/json")
		header.Set("Access-Control-Allow-Origin", "*")
		header.Set("Cross-Origin-Resource-Policy", "cross-origin")
	}
	header.Set("Cache-Control", fmt.Sprintf("public, max-age=%d", boardFresh/time.Second))
	header.Set("Referrer-Policy", "no-referrer") // the address may be a secret
	if page.unlisted {
		header.Set("X-Robots-Tag", "noindex")
	}
	tag := etagOf(body)
	header.Set("ETag", "W/"+tag) // weak: it may be compressed on its way
	if matches(r.Header.Values("If-None-Match"), tag, true) {
		header.Del("Content-Type")
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	w.WriteHeader(http.StatusOK)
	if _, err := w.Write(body); err != nil {
		return errors.Join(errGone, err)
	}
	return nil
}

// board returns a status page that was drawn less than boardFresh ago. One draws it
// for all who wait, and does not stop when the first of them goes away.
func (s *Server) board(ctx context.Context, address string) (drawn, error) {
	if d, ok := s.boards.find(address, s.Now()); ok {
		return d, nil
	}
	result, err, _ := s.boards.drawing.Do(address, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), boardTime)
		defer cancel()
		d, err := s.drawBoard(ctx, address)
		if err == nil {
			s.boards.keep(address, d)
		}
		return d, err
	})
	return result.(drawn), err
}

// draw reads and renders a status page.
func (s *Server) drawBoard(ctx context.Context, address string) (drawn, error) {
	page, err := s.Store.StatusPageAt(ctx, address)
	if err != nil {
		return drawn{}, err
	}
	board, err := s.boardOf(ctx, page)
	if err != nil {
		return drawn{}, err
	}
	d := drawn{at: board.Now, unlisted: page.Unlisted}
	var html bytes.Buffer
	if err := templates.BoardView(board).Render(ctx, &html); err != nil {
		return drawn{}, fmt.Errorf("render: %w", err)
	}
	d.html = html.Bytes()
	d.json, err = jsonOf(boardDocOf(board))
	return d, err
}

func (s *Server) boardOf(ctx context.Context, page monitor.StatusPage) (templates.Board, error) {
	frame := s.bare(page.Title)
	if page.Zone != "" {
		frame.Zone = schedule.LocationOf(page.Zone)
	}
	in := templates.BoardInput{Page: page, Path: "/status/" + page.Address}
	var err error
	if in.Checks, err = s.Store.Checks(ctx, page.Project, checksLimit); err != nil {
		return templates.Board{}, err
	}
	if !page.History {
		return templates.BoardOf(frame, in), nil
	}
	y, m, d := frame.Now.In(frame.Zone).Date()
	history, err := s.Store.History(ctx, page.Project, time.Date(y, m, d-templates.BoardDays+1, 0, 0, 0, 0, frame.Zone).UTC())
	if err != nil {
		return templates.Board{}, err
	}
	in.Flips, in.Since = history.Flips, history.Since
	if in.Blinds, err = s.Store.Blinds(ctx, in.Since, boardBlinds); err != nil {
		return templates.Board{}, err
	}
	if n := len(in.Blinds); n == boardBlinds && in.Blinds[n-1].To.After(in.Since) {
		in.Since = in.Blinds[n-1].To // what was before is not known in full
	}
	return templates.BoardOf(frame, in), nil
}

// boardDoc is a status page as JSON.
type boardDoc struct {
	Title       string          `json:"title"`
	Description string          `json:"description,omitempty"`
	Status      string          `json:"status"`
	Summary     string          `json:"summary"`
	Updated     string          `json:"updated"`
	Zone        string          `json:"zone"`
	Jobs        []boardJobDoc   `json:"jobs"`
	Unlisted    int             `json:"jobs_not_listed"`
	Events      []boardEventDoc `json:"events,omitempty"`
}

type boardJobDoc struct {
	Name   string        `json:"name"`
	Group  string        `json:"group,omitempty"`
	Status string        `json:"status"`
	Since  *string       `json:"since"`            // null: it never reported
	Uptime *float64      `json:"uptime,omitempty"` // percent of the counted time, rounded down; absent when none counts
	Days   []boardDayDoc `json:"days,omitempty"`
}

// boardDayDoc is one day in seconds. What is missing to the whole day was not
// watched.
type boardDayDoc struct {
	Date        string `json:"date"`
	Up          int64  `json:"up"`
	Down        int64  `json:"down"`
	NotObserved int64  `json:"not_observed"`
}

type boardEventDoc struct {
	Type string  `json:"type"` // down or not_observed
	Job  string  `json:"job,omitempty"`
	From string  `json:"from"`
	To   *string `json:"to"` // null: it goes on
}

func boardDocOf(b templates.Board) boardDoc {
	doc := boardDoc{
		Title: b.Name, Description: b.Description, Status: string(b.Status), Summary: b.Head,
		Updated: templates.Machine(b.Now), Zone: b.Zone.String(), Jobs: []boardJobDoc{}, Unlisted: b.Left,
	}
	for _, group := range b.Groups {
		for _, job := range group.Jobs {
			j := boardJobDoc{Name: job.Name, Group: group.Name, Status: string(job.Status), Since: machineOrNil(job.Since)}
			if job.Share.Counted() {
				percent := float64(job.Share.Hundredths()) / 100
				j.Uptime = &percent
			}
			for _, day := range job.Days {
				j.Days = append(j.Days, boardDayDoc{
					day.From.In(b.Zone).Format(time.DateOnly), int64(day.Up / time.Second), int64(day.Down / time.Second), int64(day.Blind / time.Second),
				})
			}
			doc.Jobs = append(doc.Jobs, j)
		}
	}
	for _, day := range b.Past {
		for _, e := range day.Entries {
			event := boardEventDoc{"down", e.Job, templates.Machine(e.From), machineOrNil(e.To)}
			if e.Job == "" {
				event.Type = "not_observed"
			}
			doc.Events = append(doc.Events, event)
		}
	}
	return doc
}

// machineOrNil is a time for programs; nil when there is none.
func machineOrNil(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	text := templates.Machine(t)
	return &text
}
