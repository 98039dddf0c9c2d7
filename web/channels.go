package web

import (
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"strconv"
	"time"

	"github.com/gorilla/mux"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
	"rollcall/templates"
)

// messagesRead is how many messages of a channel are looked at.
const messagesRead = 30

// testsEach is how many tests a project may send in testWindow, so that nobody is
// flooded in our name.
const (
	testsEach  = 6
	testWindow = time.Minute
)

// secretSize is how many bytes a new secret has.
const secretSize = 32

func (s *Server) channels(w http.ResponseWriter, r *http.Request) error {
	who := s.who(r)
	frame, err := s.page(r, who, "Channels", "/channels")
	if err != nil {
		return err
	}
	uses, err := s.Store.Channels(r.Context(), who.Project.ID)
	if err != nil {
		return err
	}
	failing, err := s.Store.FailingChannels(r.Context(), who.Project.ID)
	if err != nil {
		return err
	}
	frame.Failing = templates.FailingOf(failing, frame.Clock.Now)
	var rows []templates.ChannelRow
	for _, use := range uses {
		row, err := s.channelRow(r, use.Channel)
		if err != nil {
			return err
		}
		row.Checks, row.LastSent, row.Health = use.Checks, use.LastSent, healthOf(use.ID, failing)
		rows = append(rows, row)
	}
	page := templates.ChannelsPage{Page: frame, Channels: templates.ChannelLines(rows, frame.Clock)}
	return s.render(w, r, http.StatusOK, templates.Channels(page))
}

// healthOf is the health of one of the channels.
func healthOf(id monitor.ChannelID, failing []monitor.Failing) monitor.Health {
	for _, f := range failing {
		if f.Channel == id {
			return f.Health
		}
	}
	return monitor.Health{}
}

// channelRow adds the newest messages to a channel.
func (s *Server) channelRow(r *http.Request, channel monitor.Channel) (templates.ChannelRow, error) {
	rows, err := s.Store.Deliveries(r.Context(), store.DeliveryQuery{
		Project: channel.Project, Channel: channel.ID, Limit: messagesRead,
	})
	row := templates.ChannelRow{Channel: channel, NoMail: !s.MailConfigured, Fixed: !s.who(r).Project.Role.May(account.Change)}
	for _, message := range rows {
		row.Messages = append(row.Messages, templates.DeliveryRow(message))
		if message.State == monitor.Sent && message.Ended.After(row.LastSent) { // an older one may have been replayed
			row.LastSent = message.Ended
		}
	}
	return row, err
}

// channelOf returns the channel that a route's {id} names.
func (s *Server) channelOf(r *http.Request) (monitor.Channel, error) {
	id, err := numberOf(mux.Vars(r)["id"])
	if err != nil {
		return monitor.Channel{}, err
	}
	return s.Store.Channel(r.Context(), s.who(r).Project.ID, monitor.ChannelID(id))
}

func channelPath(id monitor.ChannelID) string {
	return "/channels/" + strconv.FormatInt(int64(id), 10)
}

func (s *Server) newChannelForm(w http.ResponseWriter, r *http.Request) error {
	kind := monitor.ChannelKind(r.URL.Query().Get("kind"))
	if kind != monitor.Webhook {
		kind = monitor.Email
	}
	return s.showChannel(w, r, http.StatusOK, channelEdit{form: templates.ChannelForm{Kind: kind}})
}

func (s *Server) channelForm(w http.ResponseWriter, r *http.Request) error {
	channel, err := s.channelOf(r)
	if err != nil {
		return err
	}
	form := templates.ChannelForm{Kind: channel.Kind, Name: channel.Name, Address: channel.Settings.Address, URL: channel.Settings.URL}
	return s.showChannel(w, r, http.StatusOK, channelEdit{channel: channel, form: form})
}

// channelEdit is a form for a channel, as it was filled in so far.
type channelEdit struct {
	channel monitor.Channel // zero for a new one
	form    templates.ChannelForm
	wrong   fault.Invalid
}

func (s *Server) showChannel(w http.ResponseWriter, r *http.Request, status int, edit channelEdit) error {
	title := "New channel"
	if edit.channel.ID != 0 {
		title = edit.channel.Name
	}
	frame, err := s.page(r, s.who(r), title, "/channels")
	if err != nil {
		return err
	}
	page := templates.ChannelPage{
		Page: frame, Name: edit.channel.Name, Form: edit.form, Wrong: edit.wrong,
		Problems: problems(edit.wrong, channelFields()),
		Secret:   edit.channel.Settings.Secret, Disabled: edit.channel.Disabled != "",
	}
	if edit.channel.ID != 0 {
		page.ID = strconv.FormatInt(int64(edit.channel.ID), 10)
		row, err := s.channelRow(r, edit.channel)
		if err != nil {
			return err
		}
		failing, err := s.Store.FailingChannels(r.Context(), edit.channel.Project)
		if err != nil {
			return err
		}
		row.Health = healthOf(edit.channel.ID, failing)
		page.Facts = templates.ChannelFactsOf(row, frame.Clock)
		if page.Tellers, err = s.tellersOf(r, edit.channel); err != nil {
			return err
		}
		page.Notice = templates.NoticeOf(row, frame.Clock)
		page.Messages = templates.MessagesOf(row, frame.Clock)
	}
	return s.render(w, r, status, templates.ChannelEdit(page))
}

// channelMessages is the part of a channel's page that changes by itself.
func (s *Server) channelMessages(w http.ResponseWriter, r *http.Request) error {
	channel, err := s.channelOf(r)
	if err != nil {
		return err
	}
	row, err := s.channelRow(r, channel)
	if err != nil {
		return err
	}
	clock := templates.Clock{Now: s.Now(), Zone: zoneOf(s.who(r))}
	return s.render(w, r, http.StatusOK, templates.ChannelMessages(templates.MessagesOf(row, clock)))
}

func channelFields() []labelled {
	return []labelled{
		{"name", "name", "Name"},
		{"address", "address", "Address"},
		{"url", "url", "Address"},
		{"secret", "secret", "Secret"},
		{"kind", "", "Kind"},
	}
}

// readChannel puts what was typed into a channel and validates it. An empty secret
// keeps the one there is, or makes one.
func readChannel(r *http.Request, channel monitor.Channel) (monitor.Channel, templates.ChannelForm, error) {
	form := templates.ChannelForm{
		Kind: channel.Kind, Name: r.PostFormValue("name"), Address: r.PostFormValue("address"),
		URL: r.PostFormValue("url"), Secret: r.PostFormValue("secret"),
	}
	channel.Name = form.Name
	secret := form.Secret
	if secret == "" {
		secret = channel.Settings.Secret
	}
	if secret == "" {
		secret = newSecret()
	}
	channel.Settings = monitor.Settings{Address: form.Address, URL: form.URL, Secret: secret}
	channel, err := channel.Valid()
	return channel, form, err
}

func newSecret() string {
	key := make([]byte, secretSize)
	rand.Read(key) // never fails, see crypto/rand
	return monitor.SecretPrefix + base64.StdEncoding.EncodeToString(key)
}

func (s *Server) createChannel(w http.ResponseWriter, r *http.Request) error {
	fresh := monitor.Channel{
		Project: s.who(r).Project.ID, Kind: monitor.ChannelKind(r.PostFormValue("kind")), Created: s.Now(),
	}
	channel, form, invalid := readChannel(r, fresh)
	wrong, err := merge(invalid)
	if err != nil {
		return err
	}
	if len(wrong) > 0 {
		return s.showChannel(w, r, http.StatusUnprocessableEntity, channelEdit{form: form, wrong: wrong})
	}
	if channel, err = s.Store.CreateChannel(r.Context(), channel); err != nil {
		return err
	}
	s.flash(r, "Added. Send a test before you rely on it.")
	return s.redirect(w, r, channelPath(channel.ID))
}

func (s *Server) editChannel(w http.ResponseWriter, r *http.Request) error {
	stored, err := s.channelOf(r)
	if err != nil {
		return err
	}
	channel, form, invalid := readChannel(r, stored)
	wrong, err := merge(invalid)
	if err != nil {
		return err
	}
	if len(wrong) > 0 {
		return s.showChannel(w, r, http.StatusUnprocessableEntity, channelEdit{channel: stored, form: form, wrong: wrong})
	}
	if err := s.Store.EditChannel(r.Context(), channel); err != nil {
		return err
	}
	s.flash(r, "Saved.")
	return s.redirect(w, r, channelPath(channel.ID))
}

// enableChannel tests a channel that was switched off; when the test is taken it is
// on again.
func (s *Server) enableChannel(w http.ResponseWriter, r *http.Request) error {
	s.flash(r, "A test is on its way. When it is taken, the channel is on again.")
	return s.testChannel(w, r)
}

func (s *Server) deleteChannel(w http.ResponseWriter, r *http.Request) error {
	channel, err := s.channelOf(r)
	if err != nil {
		return err
	}
	if err := s.Store.DeleteChannel(r.Context(), channel.Project, channel.ID); err != nil {
		return err
	}
	s.flash(r, "Deleted "+channel.Name+".")
	return s.redirect(w, r, "/channels")
}

// testChannel sends a test; the channel's page shows what comes of it.
func (s *Server) testChannel(w http.ResponseWriter, r *http.Request) error {
	channel, err := s.channelOf(r)
	if err != nil {
		return err
	}
	now := s.Now()
	if after, ok := s.tests.take(strconv.FormatInt(int64(channel.Project), 10), now); !ok {
		return tooMany{after}
	}
	if _, err := s.Store.EnqueueTest(r.Context(), channel.Project, channel.ID, now); err != nil {
		return err
	}
	s.Kick()
	return s.redirect(w, r, channelPath(channel.ID)+"#messages")
}
