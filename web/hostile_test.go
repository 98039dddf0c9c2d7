package web_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"

	"golang.org/x/net/html"

	"github.com/google/uuid"

	"rollcall/internal/account"
	"rollcall/internal/monitor"
	"rollcall/internal/schedule"
	"rollcall/internal/store"
	"rollcall/web"
)

// tame is text of the same length and words without a meaning.
func tame(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || r == ' ' {
			return r
		}
		return 'x'
	}, text)
}

// furnish fills a project with everything that can carry text, and returns the
// pages that show it.
func (s *site) furnish(text string) []string {
	s.Helper()
	ctx, now := s.Context(), s.now().Add(-time.Hour)
	word := strings.NewReplacer(" ", "", ",", "").Replace(text)
	word = word[:min(len(word), 20)]
	s.ok(s.st.RenameProject(ctx, s.project.ID, text))
	channel, err := s.st.CreateChannel(ctx, monitor.Channel{
		Project: s.project.ID, Name: text, Kind: monitor.Webhook, Created: now,
		Settings: monitor.Settings{URL: "https://example.org/hook?x=" + strings.Repeat("x", len(text)), Secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
	})
	s.ok(err)
	check, err := s.st.CreateCheck(ctx, monitor.Create(monitor.Check{UUID: uuid.New(), Project: s.project.ID, Config: monitor.Config{
		Name: text, Slug: "job", Description: text + "\n" + text, Tags: []string{word}, Grace: time.Minute,
		Schedule: schedule.Spec{Kind: schedule.Every, Period: time.Hour},
		Filter:   monitor.Filter{On: true, Fail: text},
	}}, now), []monitor.ChannelID{channel.ID})
	s.ok(err)
	for i, signal := range []monitor.Signal{monitor.Start, monitor.Success, monitor.Fail} {
		s.receive(check, monitor.Ping{
			At: now.Add(time.Duration(i) * time.Minute), Signal: signal, RunID: text, Method: "POST", Scheme: "http", RemoteAddr: "203.0.113.9", UserAgent: text,
			Body: []byte(text + "\n" + text), BodySize: int64(2*len(text) + 1), Detail: monitor.Detail{Message: text, Host: text, Environment: text},
		})
	}
	_, key := account.NewKey(account.Key{Project: s.project.ID, Kind: account.KeyReadOnly, Name: text, By: text, Created: now})
	_, err = s.st.AddKey(ctx, key)
	s.ok(err)
	leased, err := s.st.LeaseDeliveries(ctx, store.Lease{Now: s.now(), Until: s.now().Add(time.Minute), Limit: 100, PerChannel: 100})
	s.ok(err)
	var delivery monitor.DeliveryID
	for _, l := range leased {
		if l.Delivery.Channel != channel.ID {
			continue
		}
		after, _ := l.Delivery.Settle(monitor.Result{Verdict: monitor.Refuse, Answer: text}, s.now())
		s.ok(s.st.RecordAttempt(ctx, monitor.Attempt{Delivery: l.Delivery.ID, N: 1, Started: s.now(), Answer: text}, after, text))
		delivery = l.Delivery.ID
	}
	var pages []string
	for _, way := range web.Ways() {
		if way.Method != http.MethodGet {
			continue
		}
		values := map[string]string{"n": "3", "key": monitor.PageKey(check.UUID)}
		switch {
		case strings.HasPrefix(way.Path, "/checks"):
			values["id"] = check.UUID.String()
		case strings.HasPrefix(way.Path, "/channels"):
			values["id"] = idOf(channel.ID)
		}
		if path := fill(way.Path, values); !strings.Contains(path, "//") && !strings.HasSuffix(path, "/") {
			pages = append(pages, path)
		}
	}
	return append(pages, fmt.Sprintf("/deliveries?open=%d", delivery), "/checks?group=none&tag=nothing", "/")
}

// shape is the elements of a page with the names of their attributes.
func (s *site) shape(path, page string) []string {
	s.Helper()
	tree, err := html.Parse(strings.NewReader(page))
	s.ok(err)
	var found []string
	for node := range tree.Descendants() {
		if node.Type != html.ElementNode {
			continue
		}
		names := []string{node.Data}
		for _, attr := range node.Attr {
			names = append(names, attr.Key)
			switch attr.Key {
			case "href", "src", "action", "formaction", "hx-get", "hx-post":
				if scheme, _, has := strings.Cut(attr.Val, ":"); has && !slices.Contains([]string{"http", "https", "mailto", "data"}, scheme) && !strings.HasPrefix(attr.Val, "/") {
					s.Errorf("%s: %s=%q", path, attr.Key, attr.Val)
				}
			}
		}
		slices.Sort(names[1:])
		found = append(found, strings.Join(names, " "))
	}
	return found
}
