package web

import (
	"math"
	"net/http"
	"strconv"
	"time"

	"rollcall/internal/fault"
	"rollcall/internal/monitor"
)

// How much of a check's history one request reads.
const (
	apiPingsMost  = 1_000
	apiFlipsMost  = 10_000
	apiFlipsAtime = 1_000
)

// pingDoc is a ping as the API shows it.
type pingDoc struct {
	Type       string   `json:"type"`
	Date       string   `json:"date"`
	N          int64    `json:"n"`
	Scheme     string   `json:"scheme"`
	RemoteAddr string   `json:"remote_addr"`
	Method     string   `json:"method"`
	UA         string   `json:"ua"`
	RID        *string  `json:"rid"`
	Duration   *float64 `json:"duration,omitempty"` // seconds, two decimals
	BodyURL    *string  `json:"body_url"`
}

// apiPings lists the newest pings that are kept, the newest first.
func (s *Server) apiPings(c *apiCall) error {
	check, err := s.apiCheck(c)
	if err != nil {
		return err
	}
	pings, err := s.Store.Pings(c.ctx(), check.ID, 0, apiPingsMost)
	if err != nil {
		return err
	}
	docs := make([]pingDoc, len(pings))
	for i, ping := range pings {
		docs[i] = pingDocOf(ping, s.apiBase(c)+"checks/"+check.UUID.String()+"/pings/")
	}
	return c.json(http.StatusOK, map[string]any{"pings": docs})
}

func pingDocOf(ping monitor.Ping, pings string) pingDoc {
	doc := pingDoc{
		Type: string(ping.Signal), Date: apiMicros(ping.At), N: ping.N, Scheme: ping.Scheme,
		RemoteAddr: ping.RemoteAddr, Method: ping.Method, UA: ping.UserAgent,
	}
	if ping.Ignored != "" {
		doc.Type = "ign"
	}
	if ping.RunID != "" {
		doc.RID = &ping.RunID
	}
	if ping.Duration != nil {
		rounded := math.Round(ping.Duration.Seconds()*100) / 100
		doc.Duration = &rounded
	}
	if len(ping.Body) > 0 {
		body := pings + strconv.FormatInt(ping.N, 10) + "/body"
		doc.BodyURL = &body
	}
	return doc
}

// apiPingBody answers with a body as it came; what has none is not found.
func (s *Server) apiPingBody(c *apiCall) error {
	check, err := s.apiCheck(c)
	if err != nil {
		return err
	}
	n, err := strconv.ParseInt(c.path("n"), 10, 64)
	if err != nil {
		return fault.NotFound
	}
	ping, err := s.Store.Ping(c.ctx(), check.ID, n)
	if err != nil {
		return err
	}
	if len(ping.Body) == 0 {
		return fault.Say(fault.NotFound, "the ping has no body")
	}
	return c.send(http.StatusOK, "text/plain", ping.Body)
}

// flipDoc is a change of status as the API shows it.
type flipDoc struct {
	Timestamp string `json:"timestamp"`
	Up        int    `json:"up"` // 1 for up, 0 for everything else
}

// apiFlips lists changes of status, the newest first.
func (s *Server) apiFlips(c *apiCall) error {
	check, err := s.apiCheck(c)
	if err != nil {
		return err
	}
	within, err := s.flipTimes(c)
	if err != nil {
		return err
	}
	docs, before := []flipDoc{}, int64(0)
	for range apiFlipsMost / apiFlipsAtime {
		flips, err := s.Store.Flips(c.ctx(), check.ID, before, apiFlipsAtime)
		if err != nil {
			return err
		}
		for _, flip := range flips {
			before = flip.Rev
			if !within(flip.At) {
				continue
			}
			doc := flipDoc{Timestamp: *apiTime(flip.At)}
			if flip.New == monitor.Up {
				doc.Up = 1
			}
			docs = append(docs, doc)
		}
		if len(flips) < apiFlipsAtime {
			break
		}
	}
	return c.json(http.StatusOK, map[string]any{"flips": docs})
}

// The bounds of the times that a request may name, in unix seconds, and of spans.
const (
	apiLatest  = 10_000_000_000
	apiLongest = 31_536_000
)

// flipTimes reads from when to when: the last so many seconds, and from start,
// inclusive, to end, exclusive.
func (s *Server) flipTimes(c *apiCall) (func(time.Time) bool, error) {
	span, err := numberIn(c, "seconds", apiLongest)
	if err != nil {
		return nil, err
	}
	start, err := numberIn(c, "start", apiLatest)
	if err != nil {
		return nil, err
	}
	end, err := numberIn(c, "end", apiLatest)
	if err != nil {
		return nil, err
	}
	now := s.Now()
	return func(at time.Time) bool {
		return (span == nil || *span == 0 || !at.Before(now.Add(-time.Duration(*span)*time.Second))) &&
			(start == nil || !at.Before(time.Unix(*start, 0))) &&
			(end == nil || at.Before(time.Unix(*end, 0)))
	}, nil
}

// numberIn reads a parameter from 0 to most; nil when it is empty or absent.
func numberIn(c *apiCall, name string, most int64) (*int64, error) {
	text := c.query().Get(name)
	if text == "" {
		return nil, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n > most {
		return nil, refuse(http.StatusBadRequest, "%s must be from 0 to %d", name, most)
	}
	return &n, nil
}
