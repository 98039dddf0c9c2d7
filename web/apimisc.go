package web

import (
	"net/http"

	"rollcall/internal/monitor"
)

// channelDoc is a channel as the API lists it.
type channelDoc struct {
	ID   string              `json:"id"`
	Name string              `json:"name"`
	Kind monitor.ChannelKind `json:"kind"`
}

func (s *Server) apiListChannels(c *apiCall) error {
	uses, err := s.Store.Channels(c.ctx(), c.project.ID)
	if err != nil {
		return err
	}
	docs := make([]channelDoc, len(uses))
	for i, use := range uses {
		docs[i] = channelDoc{use.UUID().String(), use.Name, use.Kind}
	}
	return c.json(http.StatusOK, map[string]any{"channels": docs})
}

// apiStatus tells load balancers whether the database answers.
func (s *Server) apiStatus(c *apiCall) error {
	if err := s.Store.Ready(c.ctx()); err != nil {
		return err
	}
	return c.send(http.StatusOK, plain, []byte("OK"))
}

const plain = "text/plain; charset=utf-8"

// apiSiteMetrics refuses what Healthchecks gives to the holder of a key of the
// whole server. Ours has none: those numbers are at /metrics of --ops-listen.
func (s *Server) apiSiteMetrics(*apiCall) error {
	return refusal{code: http.StatusForbidden, words: "forbidden", detail: "This server has no metrics key. Its metrics are at /metrics of --ops-listen, those of a project at /projects/…/metrics/."}
}

// apiNotificationStatus takes what telephone services report about messages they
// were given. We give them none, so there is nothing to note down; the answer is
// the one that keeps them from asking again.
func (s *Server) apiNotificationStatus(c *apiCall) error {
	return c.send(http.StatusOK, plain, nil)
}

// apiBounce takes a report about a mail that came back. Ours are seen where they
// are sent: the relay's answer is part of the delivery. A report has no signed
// address of ours and changes nothing.
func (s *Server) apiBounce(c *apiCall) error {
	return c.send(http.StatusOK, plain, []byte("OK (ignored)"))
}
