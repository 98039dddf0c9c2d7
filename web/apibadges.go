package web

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/google/uuid"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
)

// Badges are public: an address is the permission to see one, and says nothing
// about how to ping. The address of a project's badges holds the beginning of its
// BadgeKey; the rest signs what the badge is about.

// badgeCaching has a badge asked for anew each time, by its ETag: proxies of pictures
// would show a status of yesterday.
const badgeCaching = "no-cache, max-age=0"

// allChecks is what stands for the whole project where a tag could.
const allChecks = "*"

// badgeSign is the signature of a tag, or of allChecks, in a project's addresses.
func badgeSign(project account.Project, tag string) string {
	mac := hmac.New(sha256.New, []byte(project.BadgeKey[store.BadgeName:]))
	mac.Write([]byte(tag))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))[:8]
}

// badgeURLs are the addresses of one badge, in each format, with two states and
// with three.
type badgeURLs struct {
	SVG     string `json:"svg"`
	SVG3    string `json:"svg3"`
	JSON    string `json:"json"`
	JSON3   string `json:"json3"`
	Shields string `json:"shields"`
	Shield3 string `json:"shields3"`
}

// apiBadges lists the badges of the project and of each of its tags.
func (s *Server) apiBadges(c *apiCall) error {
	badges := map[string]badgeURLs{}
	if len(c.project.BadgeKey) <= store.BadgeName {
		return c.json(http.StatusOK, map[string]any{"badges": badges})
	}
	checks, err := s.Store.Checks(c.ctx(), c.project.ID, checksLimit)
	if err != nil {
		return err
	}
	badges[allChecks] = s.badgesOf(c.project, allChecks)
	for _, check := range checks {
		for _, tag := range check.Tags {
			if _, known := badges[tag]; !known {
				badges[tag] = s.badgesOf(c.project, tag)
			}
		}
	}
	return c.json(http.StatusOK, map[string]any{"badges": badges})
}

func (s *Server) badgesOf(project account.Project, tag string) badgeURLs {
	base := s.base() + "/badge/" + project.BadgeKey[:store.BadgeName] + "/" + badgeSign(project, tag)
	name := ""
	if tag != allChecks {
		name = "/" + url.PathEscape(tag)
	}
	two, three := base+"-2"+name, base+name
	return badgeURLs{
		SVG: two + ".svg", SVG3: three + ".svg", JSON: two + ".json", JSON3: three + ".json",
		Shields: two + ".shields", Shield3: three + ".shields",
	}
}

// badgesOfCheck are the addresses of the badges of one check.
func (s *Server) badgesOfCheck(key string, check monitor.Check) badgeURLs {
	name := "/" + badgeID(key, check).String()
	two, three := s.base()+"/b/2"+name, s.base()+"/b/3"+name
	return badgeURLs{
		SVG: two + ".svg", SVG3: three + ".svg", JSON: two + ".json", JSON3: three + ".json",
		Shields: two + ".shields", Shield3: three + ".shields",
	}
}

// noBadge answers for a badge that is not there, or not any more, with a picture
// that says so where one was asked for.
func noBadge(c *apiCall) error {
	if c.path("format") != "svg" {
		return fault.NotFound
	}
	c.out.header.Set("Cache-Control", badgeCaching)
	return c.send(http.StatusNotFound, "image/svg+xml", badgeSVG("badge", "not found"))
}

// projectBadge serves the badge of a project, or of one of its tags.
func (s *Server) projectBadge(c *apiCall) error {
	project, err := s.Store.ProjectByBadge(c.ctx(), c.path("key"))
	if errors.Is(err, fault.NotFound) {
		return noBadge(c)
	}
	if err != nil {
		return err
	}
	tag := cmp.Or(c.path("tag"), allChecks)
	sign, two := strings.CutSuffix(c.path("sign"), "-2")
	if len(project.BadgeKey) <= store.BadgeName || !hmac.Equal([]byte(sign), []byte(badgeSign(project, tag))) {
		return noBadge(c)
	}
	checks, err := s.Store.Checks(c.ctx(), project.ID, checksLimit)
	if err != nil {
		return err
	}
	label := tag
	if tag == allChecks {
		label = "checks"
	} else {
		checks = slices.DeleteFunc(checks, func(check monitor.Check) bool { return !slices.Contains(check.Tags, tag) })
	}
	return s.sendBadge(c, label, checks, !two)
}

// checkBadge serves the badge of one check.
func (s *Server) checkBadge(c *apiCall) error {
	id, err := uuid.Parse(c.path("badge"))
	if err != nil {
		return noBadge(c)
	}
	check, err := s.Store.CheckByID(c.ctx(), badgeCheck(id))
	var key string
	if err == nil {
		key, err = s.Store.BadgeKey(c.ctx(), check.Project)
	}
	if err != nil && !errors.Is(err, fault.NotFound) {
		return err
	}
	if own := badgeID(key, check); err != nil || !hmac.Equal(own[:], id[:]) {
		return noBadge(c)
	}
	return s.sendBadge(c, check.Title(), []monitor.Check{check}, c.path("states") == "3")
}

// badgeDoc is what a badge says, as JSON.
type badgeDoc struct {
	Status string `json:"status"` // up, late or down
	Total  int    `json:"total"`
	Grace  int    `json:"grace"`
	Down   int    `json:"down"`
}

// shieldDoc is the same for shields.io.
type shieldDoc struct {
	SchemaVersion int    `json:"schemaVersion"`
	Label         string `json:"label"`
	Message       string `json:"message"`
	Color         string `json:"color"`
}

func (s *Server) sendBadge(c *apiCall, label string, checks []monitor.Check, three bool) error {
	c.out.header.Set("Cache-Control", badgeCaching)
	doc, now := badgeDoc{Status: "up", Total: len(checks)}, s.Now()
	for _, check := range checks {
		switch statusFor(3, check, now) {
		case "down":
			doc.Down++
		case "grace":
			doc.Grace++
		}
	}
	switch {
	case doc.Down > 0:
		doc.Status = "down"
	case doc.Grace > 0 && three:
		doc.Status = "late"
	}
	switch c.path("format") {
	case "json":
		return c.json(http.StatusOK, doc)
	case "shields":
		color := map[string]string{"up": "success", "late": "important", "down": "critical"}[doc.Status]
		return c.json(http.StatusOK, shieldDoc{1, label, doc.Status, color})
	}
	return c.send(http.StatusOK, "image/svg+xml", badgeSVG(label, doc.Status))
}
