package web

import (
	"errors"
	"net/http"
	"slices"
	"strconv"

	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
)

// fullChannelDoc is a channel with what its kind has. The secret of a webhook is told
// once, by the answer to the request that let the server make it.
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
	channel, secret, err := channelSaid(c, fresh)
	if err != nil {
		return err
	}
	if channel, err = s.Store.CreateChannel(c.ctx(), channel); err != nil {
		return nameTaken(err)
	}
	doc := channelOf(store.ChannelUse{Channel: channel})
	doc.Secret = secret
	return c.json(http.StatusCreated, doc)
}

// nameTaken says what a conflict of channels is about.
func nameTaken(err error) error {
	if errors.Is(err, fault.Conflict) {
		return refuse(http.StatusConflict, "another channel of this project has this name")
	}
	return err
}

// apiUpdateChannel changes what the request names. An empty secret makes a new one. A
// channel that was disabled is tried again.
func (s *Server) apiUpdateChannel(c *apiCall) error {
	use, err := s.apiChannelNamed(c, c.path("id"))
	if err != nil {
		return err
	}
	if said, present, err := c.body.text("kind", 0); err != nil {
		return err
	} else if present && said != string(use.Kind) {
		return invalidMember("kind", "cannot be changed; make another channel")
	}
	channel, secret, err := channelSaid(c, use.Channel)
	if err != nil {
		return err
	}
	use.Channel = channel
	use.Disabled = ""
	if err := s.Store.EditChannel(c.ctx(), use.Channel); err != nil {
		return nameTaken(err)
	}
	s.Kick()
	doc := channelOf(use)
	doc.Secret = secret
	return c.json(http.StatusOK, doc)
}

// otherKinds are the members that a kind of channel has no use for.
var otherKinds = map[monitor.ChannelKind][]string{
	monitor.Email:   {"secret", "url"},
	monitor.Webhook: {"address"},
}

// channelSaid puts what the request says into a channel and validates it. It also
// returns the channel's secret when it was made here.
func channelSaid(c *apiCall, channel monitor.Channel) (said monitor.Channel, secret string, err error) {
	for _, name := range otherKinds[channel.Kind] {
		if _, present := c.body[name]; present {
			return channel, "", invalidMember(name, "is no member of channels of the kind "+string(channel.Kind))
		}
	}
	for _, member := range []struct {
		name string
		to   *string
	}{
		{"name", &channel.Name},
		{"address", &channel.Settings.Address},
		{"url", &channel.Settings.URL},
		{"secret", &channel.Settings.Secret},
	} {
		text, present, err := c.body.text(member.name, 0)
		if err != nil {
			return channel, "", err
		}
		if present {
			*member.to = text
		}
	}
	if channel.Kind == monitor.Webhook && channel.Settings.Secret == "" {
		secret = newSecret()
		channel.Settings.Secret = secret
	}
	channel, err = channel.Valid()
	return channel, secret, err
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

// apiTestChannel puts a test message into the queue. A channel that was disabled is
// enabled when the test is taken.
func (s *Server) apiTestChannel(c *apiCall) error {
	use, err := s.apiChannelNamed(c, c.path("id"))
	if err != nil {
		return err
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
