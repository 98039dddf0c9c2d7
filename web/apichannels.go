package web

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"

	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
)

// fullChannelDoc is a channel with what its kind has. Only the secret of a webhook
// is told once, when it is made by the server; afterwards its receiver has it.
type fullChannelDoc struct {
	channelDoc
	Address  string  `json:"address,omitempty"`
	URL      string  `json:"url,omitempty"`
	Secret   string  `json:"secret,omitempty"`
	Disabled *string `json:"disabled"` // why it takes no messages; null while it does
	Checks   int     `json:"checks"`
	LastSent *string `json:"last_sent"` // when it last proved to work
}

func channelOf(use store.ChannelUse) fullChannelDoc {
	return fullChannelDoc{
		channelDoc: channelDoc{use.UUID().String(), use.Name, use.Kind},
		Address:    use.Settings.Address, URL: use.Settings.URL,
		Disabled: orNull(use.Disabled), Checks: use.Checks, LastSent: microsOrNull(use.LastSent),
	}
}

// apiChannelNamed finds a channel by its id.
func (s *Server) apiChannelNamed(c *apiCall, id string) (store.ChannelUse, error) {
	uses, err := s.Store.Channels(c.ctx(), c.project.ID)
	if err != nil {
		return store.ChannelUse{}, err
	}
	at := slices.IndexFunc(uses, func(use store.ChannelUse) bool { return use.UUID().String() == id })
	if at < 0 {
		return store.ChannelUse{}, fault.NotFound
	}
	return uses[at], nil
}

func (s *Server) apiChannel(c *apiCall) error {
	use, err := s.apiChannelNamed(c, c.path("id"))
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, channelOf(use))
}

// apiCreateChannel makes a channel. A webhook without a secret gets one, which this
// answer alone tells.
func (s *Server) apiCreateChannel(c *apiCall) error {
	kind, _, err := c.body.text("kind", 0)
	if err != nil {
		return err
	}
	fresh := monitor.Channel{Project: c.project.ID, Kind: monitor.ChannelKind(kind), Created: s.Now()}
	channel, err := channelSaid(c, fresh)
	if err != nil {
		return err
	}
	if channel, err = s.Store.CreateChannel(c.ctx(), channel); err != nil {
		return orConflict(err, "another channel has this name")
	}
	doc := channelOf(store.ChannelUse{Channel: channel})
	doc.Secret = channel.Settings.Secret
	return c.json(http.StatusCreated, doc)
}

// apiUpdateChannel changes what the request names. A channel that was disabled is
// tried again.
func (s *Server) apiUpdateChannel(c *apiCall) error {
	use, err := s.apiChannelNamed(c, c.path("id"))
	if err != nil {
		return err
	}
	if use.Channel, err = channelSaid(c, use.Channel); err != nil {
		return err
	}
	use.Disabled = ""
	if err := s.Store.EditChannel(c.ctx(), use.Channel); err != nil {
		return orConflict(err, "another channel has this name")
	}
	s.Kick()
	return c.json(http.StatusOK, channelOf(use))
}

// channelSaid puts what the request says into a channel and validates it.
func channelSaid(c *apiCall, channel monitor.Channel) (monitor.Channel, error) {
	for _, member := range []struct {
		name string
		to   *string
	}{
		{"name", &channel.Name},
		{"address", &channel.Settings.Address},
		{"url", &channel.Settings.URL},
		{"secret", &channel.Settings.Secret},
	} {
		said, present, err := c.body.text(member.name, 0)
		if err != nil {
			return channel, err
		}
		if present {
			*member.to = said
		}
	}
	channel.Settings.Secret = cmp.Or(channel.Settings.Secret, newSecret())
	return channel.Valid()
}

// apiDeleteChannel deletes a channel and answers with what it was.
func (s *Server) apiDeleteChannel(c *apiCall) error {
	use, err := s.apiChannelNamed(c, c.path("id"))
	if err != nil {
		return err
	}
	if err := s.Store.DeleteChannel(c.ctx(), c.project.ID, use.ID); err != nil {
		return err
	}
	return c.json(http.StatusOK, channelOf(use))
}

// apiTestChannel puts a test message into the queue.
func (s *Server) apiTestChannel(c *apiCall) error {
	use, err := s.apiChannelNamed(c, c.path("id"))
	if err != nil {
		return err
	}
	if use.Disabled != "" {
		return fault.Say(fault.Conflict, "the channel is disabled: %s; change it to try again", use.Disabled)
	}
	if after, ok := s.tests.take(strconv.FormatInt(int64(c.project.ID), 10), s.Now()); !ok {
		return tooMany{after}
	}
	id, err := s.Store.EnqueueTest(c.ctx(), c.project.ID, use.ID, s.Now())
	if err != nil {
		return err
	}
	s.Kick()
	return c.json(http.StatusAccepted, map[string]int64{"delivery": int64(id)})
}
