package client

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// API speaks the management API of one project. It is what command lines and
// Go programs use to read and change checks; a server of Healthchecks is
// understood too, as far as it goes. Its fields are set before its first use and
// not changed after; its methods may be called at the same time.
//
// A method returns an *Error when the server refuses, and an error of the
// network otherwise. What a busy server turns away, and a connection that breaks,
// is tried again where that is harmless: at most Tries times.
type API struct {
	BaseURL   string       // of the server, such as https://rollcall.example.org
	Key       string       // API key of the project
	HTTP      *http.Client // nil: one that gives up after DefaultTimeout
	UserAgent string       // "" is "rollcall"
}

// Checks returns the project's checks in the order of the server.
func (a *API) Checks(ctx context.Context, filter CheckFilter) ([]Check, error) {
	query := url.Values{}
	for _, tag := range filter.Tags {
		query.Add("tag", tag)
	}
	if filter.Slug != "" {
		query.Set("slug", filter.Slug)
	}
	answer, err := ask[struct {
		Checks []Check `json:"checks"`
	}](ctx, a, request{path: "checks/", query: query})
	return answer.Checks, err
}

// Check returns a check by its UUID, or its unique key.
func (a *API) Check(ctx context.Context, id string) (Check, error) {
	return ask[Check](ctx, a, request{path: checkPath(id)})
}

// SaveCheck makes a check, or changes the one that fields.Unique finds. It says
// whether the check is new.
func (a *API) SaveCheck(ctx context.Context, fields CheckFields) (check Check, created bool, err error) {
	req := request{method: http.MethodPost, path: "checks/", body: fields, status: new(int)}
	check, err = ask[Check](ctx, a, req)
	return check, *req.status == http.StatusCreated, err
}

// UpdateCheck changes a check.
func (a *API) UpdateCheck(ctx context.Context, id string, fields CheckFields) (Check, error) {
	return ask[Check](ctx, a, request{method: http.MethodPost, path: checkPath(id), body: fields})
}

// Pause stops the watch over a check. Pausing a paused one changes nothing.
func (a *API) Pause(ctx context.Context, id string) (Check, error) {
	return ask[Check](ctx, a, request{method: http.MethodPost, path: checkPath(id) + "/pause", body: nothing{}})
}

// Resume takes up the watch over a paused check. For one that is not paused it
// returns an *Error with status 409.
func (a *API) Resume(ctx context.Context, id string) (Check, error) {
	return ask[Check](ctx, a, request{method: http.MethodPost, path: checkPath(id) + "/resume", body: nothing{}})
}

// DeleteCheck deletes a check and all that is known of it, and returns what it
// was.
func (a *API) DeleteCheck(ctx context.Context, id string) (Check, error) {
	return ask[Check](ctx, a, request{method: http.MethodDelete, path: checkPath(id)})
}

// Pings returns the log of a check, newest first, as far back as the server
// keeps it but at most 1,000 of them.
func (a *API) Pings(ctx context.Context, id string) ([]RecordedPing, error) {
	answer, err := ask[struct {
		Pings []RecordedPing `json:"pings"`
	}](ctx, a, request{path: checkPath(id) + "/pings/"})
	return answer.Pings, err
}

// Flips returns the changes of a check's status, newest first: those of the last
// while, in whole seconds up to a year, or all of them when it is 0.
func (a *API) Flips(ctx context.Context, id string, last time.Duration) ([]Flip, error) {
	query := url.Values{}
	if last > 0 {
		query.Set("seconds", strconv.FormatInt(int64(last/time.Second), 10))
	}
	answer, err := ask[struct {
		Flips []Flip `json:"flips"`
	}](ctx, a, request{path: checkPath(id) + "/flips/", query: query})
	return answer.Flips, err
}

// Channels returns the project's channels.
func (a *API) Channels(ctx context.Context) ([]Channel, error) {
	answer, err := ask[struct {
		Channels []Channel `json:"channels"`
	}](ctx, a, request{path: "channels/"})
	return answer.Channels, err
}

// CreateChannel makes a channel.
func (a *API) CreateChannel(ctx context.Context, channel NewChannel) (Channel, error) {
	return ask[Channel](ctx, a, request{method: http.MethodPost, path: "channels/", body: channel})
}

// EventsAtOnce is how many events are asked for at once.
const EventsAtOnce = 1000

// Events returns what happened after the cursor; without one, no events and the
// cursor of now. Ask again with the cursor that it returns: at once when the page
// is full, and otherwise every 2 s. Rollcall only.
func (a *API) Events(ctx context.Context, after string) (EventPage, error) {
	query := url.Values{"limit": {strconv.Itoa(EventsAtOnce)}}
	if after != "" {
		query.Set("after", after)
	}
	return ask[EventPage](ctx, a, request{path: "events/", query: query})
}

// Apply brings about the state that a YAML file describes, or says what that
// would change.
func (a *API) Apply(ctx context.Context, yaml []byte, options ApplyOptions) (Applied, error) {
	query := url.Values{}
	if options.Plan {
		query.Set("plan", "1")
	}
	if options.Prune {
		query.Set("prune", "1")
	}
	return ask[Applied](ctx, a, request{method: http.MethodPost, path: "apply/", query: query, yaml: yaml})
}

// Export returns the project as a YAML file that Apply takes. With a read-only
// key it has no secrets.
func (a *API) Export(ctx context.Context) ([]byte, error) {
	return a.do(ctx, request{path: "export/", accept: "application/yaml"})
}

// Heartbeat returns the host that the server sends its heartbeat to for the project,
// "" for none. Rollcall only.
func (a *API) Heartbeat(ctx context.Context) (host string, err error) {
	answer, err := ask[struct {
		Host string `json:"host"`
	}](ctx, a, request{path: "heartbeat/"})
	return answer.Host, orNone(err)
}

// orNone takes what is not there for nothing.
func orNone(err error) error {
	if refused, ok := errors.AsType[*Error](err); ok && refused.Status == http.StatusNotFound {
		return nil
	}
	return err
}

// PutHeartbeat lets the server send its heartbeat to an address, such as the ping URL
// of a check at another one. Rollcall only.
func (a *API) PutHeartbeat(ctx context.Context, address string) error {
	body := map[string]string{"url": address}
	_, err := a.do(ctx, request{method: http.MethodPost, path: "heartbeat/", body: body})
	return err
}

// DropHeartbeat ends that; it is no error when there was none.
func (a *API) DropHeartbeat(ctx context.Context) error {
	_, err := a.do(ctx, request{method: http.MethodDelete, path: "heartbeat/"})
	return orNone(err)
}

// PageURL is the address of the page of a check, for people. Who has only a
// read-only key does not know it.
func (a *API) PageURL(check Check) string {
	return strings.TrimRight(a.BaseURL, "/") + "/checks/" + check.UUID
}

func checkPath(id string) string { return "checks/" + url.PathEscape(id) }

// nothing is an empty document.
type nothing struct{}
