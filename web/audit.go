package web

import (
	"bytes"
	"encoding/csv"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"rollcall/internal/account"
	"rollcall/internal/store"
	"rollcall/templates"
)

// How much of the audit log is shown at a time, and exported at most.
const (
	auditShown    = 50
	auditExported = 100_000
	auditRead     = 1_000 // with one query
)

// actor completes who acts by what is known of the request.
func (s *Server) actor(r *http.Request, a account.Actor) account.Actor {
	a.From, a.Request, a.At = clientIP(r, s.TrustedProxies), note(r).id, s.Now()
	return a
}

// by records what a request changes as the actor's.
func (s *Server) by(r *http.Request, a account.Actor) *http.Request {
	return r.WithContext(store.By(r.Context(), s.actor(r, a)))
}

func auditQuery(v url.Values) templates.AuditQuery {
	before, err := strconv.ParseInt(v.Get("before"), 10, 64)
	if err != nil {
		before = 0
	}
	return templates.AuditQuery{Object: account.Object(v.Get("kind")), Actor: v.Get("who"), Before: max(0, before)}
}

// audit shows who changed what. From where is told to those who manage the project.
func (s *Server) audit(w http.ResponseWriter, r *http.Request) error {
	ctx, who := r.Context(), s.who(r)
	query := auditQuery(r.URL.Query())
	frame, err := s.page(r, who, "Audit log", "/settings")
	if err != nil {
		return err
	}
	entries, err := s.Store.AuditLog(ctx, store.AuditQuery{
		Project: who.Project.ID, Object: query.Object, Actor: query.Actor, Before: query.Before, Limit: auditShown + 1,
	})
	if err != nil {
		return err
	}
	page := templates.AuditPage{Page: frame, Query: query}
	if len(entries) > auditShown {
		entries = entries[:auditShown]
		older := query
		older.Before = entries[auditShown-1].N
		page.Older = older.URL()
	}
	page.Days = templates.AuditDays(entries, frame.Clock)
	if page.Actors, err = s.Store.AuditActors(ctx, who.Project.ID); err != nil {
		return err
	}
	return s.render(w, r, http.StatusOK, templates.Audit(page))
}

// eachEntry goes through the log, the newest first.
func (s *Server) eachEntry(r *http.Request, each func(account.Entry) error) error {
	query := store.AuditQuery{Project: s.who(r).Project.ID, Limit: auditRead}
	for left := auditExported; left > 0; left -= auditRead {
		entries, err := s.Store.AuditLog(r.Context(), query)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if err := each(e); err != nil {
				return err
			}
			query.Before = e.N
		}
		if len(entries) < auditRead {
			return nil
		}
	}
	return nil
}

// auditCSV exports the log for a spreadsheet.
func (s *Server) auditCSV(w http.ResponseWriter, r *http.Request) error {
	var text bytes.Buffer
	out := csv.NewWriter(&text)
	out.UseCRLF = true
	_ = out.Write([]string{"n", "time", "actor", "who", "from", "request", "verb", "kind", "key", "name", "before", "after", "hash"})
	err := s.eachEntry(r, func(e account.Entry) error {
		return out.Write(inert([]string{
			strconv.FormatInt(e.N, 10), apiMicros(e.At), string(e.Kind), e.Name, e.From, e.Request,
			string(e.Verb), string(e.Object), e.Key, e.Title, templates.FieldsText(e.Before), templates.FieldsText(e.After), e.Hash,
		}))
	})
	if err != nil {
		return err
	}
	out.Flush()
	return s.download(w, "text/csv; charset=utf-8", "audit.csv", text.Bytes())
}

// inert keeps a spreadsheet from taking what people typed for a formula.
func inert(cells []string) []string {
	for i, cell := range cells {
		if strings.ContainsAny(cell[:min(1, len(cell))], "=+-@\t\r") {
			cells[i] = "'" + cell
		}
	}
	return cells
}

// entryDoc is an entry as the export has it.
type entryDoc struct {
	N       int64             `json:"n"`
	At      string            `json:"at"`
	Actor   account.ActorKind `json:"actor"`
	ID      int64             `json:"actor_id,omitempty"`
	Who     string            `json:"who"`
	From    string            `json:"from"`
	Request string            `json:"request"`
	Verb    account.Verb      `json:"verb"`
	Kind    account.Object    `json:"kind"`
	Key     string            `json:"key"`
	Name    string            `json:"name"`
	Before  map[string]string `json:"before"`
	After   map[string]string `json:"after"`
	Prev    string            `json:"prev"`
	Hash    string            `json:"hash"`
}

// auditJSON exports the log for a program.
func (s *Server) auditJSON(w http.ResponseWriter, r *http.Request) error {
	docs := []entryDoc{}
	err := s.eachEntry(r, func(e account.Entry) error {
		docs = append(docs, entryDoc{
			e.N, apiMicros(e.At), e.Kind, e.ID, e.Name, e.From, e.Request, e.Verb, e.Object, e.Key, e.Title, e.Before, e.After, e.Prev, e.Hash,
		})
		return nil
	})
	if err != nil {
		return err
	}
	body, err := jsonOf(map[string]any{"project": s.who(r).Project.Name, "exported": apiMicros(s.Now().Truncate(time.Second)), "entries": docs})
	if err != nil {
		return err
	}
	return s.download(w, "application/json", "audit.json", body)
}

func (s *Server) download(w http.ResponseWriter, mediaType, name string, body []byte) error {
	w.Header().Set("Content-Type", mediaType)
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
	_, _ = w.Write(body) // who asked is gone
	return nil
}
