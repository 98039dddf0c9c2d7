package web

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/google/uuid"
	"golang.org/x/text/unicode/norm"

	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
)

// apiUpdateCheck changes what the request names and nothing else.
func (s *Server) apiUpdateCheck(c *apiCall) error {
	check, err := s.apiCheck(c)
	if err != nil {
		return err
	}
	fields, err := readFields(c.body)
	if err != nil {
		return err
	}
	if check, err = s.changeCheck(c, check, fields); err != nil {
		return err
	}
	return s.answerCheck(c, http.StatusOK, check)
}

// apiCreateCheck makes a check, or changes the one that the members of unique name.
func (s *Server) apiCreateCheck(c *apiCall) error {
	fields, err := readFields(c.body)
	if err != nil {
		return err
	}
	config, err := fields.fresh()
	if err != nil {
		return err
	}
	channels, err := s.channelsNamed(c, fields.channels)
	if err != nil {
		return err
	}
	check := monitor.Check{UUID: fields.importUUID, Project: c.project.ID, Config: config}
	if check.UUID == (uuid.UUID{}) {
		check.UUID = uuid.New()
	}
	check, created, err := s.findOrCreate(c, check, fields, channels)
	if err != nil {
		return err
	}
	if created {
		return s.answerCheck(c, http.StatusCreated, check)
	}
	if check, err = s.changeFound(c, check, fields); err != nil {
		return err
	}
	return s.answerCheck(c, http.StatusOK, check)
}

// slugTries is how often another slug is looked for when somebody else takes the
// free one at the same moment.
const slugTries = 100

// findOrCreate finds a check by the members of unique or makes it. A slug that comes
// from the name gives way to one that is taken.
func (s *Server) findOrCreate(c *apiCall, check monitor.Check, fields apiFields, channels []monitor.ChannelID) (monitor.Check, bool, error) {
	derived := derivedSlug(c, fields)
	if derived != "" {
		check.Slug = derived
	}
	check = monitor.Create(check, s.Now())
	same := func(other monitor.Check) bool { return fields.same(other, check.Config) }
	for range slugTries {
		found, created, err := s.Store.FindOrCreateCheck(c.ctx(), check, same, channels, fields.tokens...)
		if !errors.Is(err, fault.Conflict) {
			return found, created, err
		}
		if err := s.whatIsTaken(c, check, fields, derived != ""); err != nil {
			return check, false, err
		}
		if check.Slug, err = s.freeSlug(c, derived, 0); err != nil {
			return check, false, err
		}
	}
	return check, false, fault.Unavailable
}

// whatIsTaken finds out why a check could not be made; nil when it is a slug for
// which another will do.
func (s *Server) whatIsTaken(c *apiCall, check monitor.Check, fields apiFields, derived bool) error {
	if fields.importUUID != (uuid.UUID{}) {
		if err := s.Store.Known(c.ctx(), store.Ref{UUID: check.UUID}); !errors.Is(err, fault.NotFound) {
			return orConflict(err, "import_uuid belongs to another check")
		}
	}
	for _, token := range fields.tokens {
		if _, _, err := s.Store.TokenOwner(c.ctx(), token.Text); !errors.Is(err, fault.NotFound) {
			return orConflict(err, "a token belongs to another check")
		}
	}
	if derived {
		return nil
	}
	return s.slugTaken(c, check.Slug)
}

// orConflict returns err, or a conflict in words when there is none.
func orConflict(err error, words string) error {
	if err != nil {
		return err
	}
	return refuse(http.StatusConflict, "%s", words)
}

// slugTaken says whose a slug is.
func (s *Server) slugTaken(c *apiCall, slug string) error {
	checks, err := s.Store.Checks(c.ctx(), c.project.ID, checksLimit)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(checks, func(check monitor.Check) bool { return check.Slug == slug })
	if at < 0 {
		return fault.Say(fault.Conflict, "something changed in the meantime; ask again")
	}
	return refuse(http.StatusConflict, "slug %s belongs to the check %s of this project", slug, checks[at].UUID)
}

// freeSlug returns the slug, or with -2, -3 and so on at its end, that no check but
// the given one has.
func (s *Server) freeSlug(c *apiCall, slug string, but monitor.CheckID) (string, error) {
	checks, err := s.Store.Checks(c.ctx(), c.project.ID, checksLimit)
	if err != nil {
		return "", err
	}
	taken := map[string]bool{}
	for _, check := range checks {
		taken[check.Slug] = check.ID != but
	}
	for n := 1; ; n++ {
		if free := numbered(slug, n); !taken[free] {
			return free, nil
		}
	}
}

// numbered is the n-th slug for a name, within the limit of a slug.
func numbered(slug string, n int) string {
	if n == 1 {
		return slug
	}
	end := "-" + strconv.Itoa(n)
	return slug[:min(len(slug), monitor.SlugLimit-len(end))] + end
}

// changeFound changes the check that unique has found.
func (s *Server) changeFound(c *apiCall, check monitor.Check, fields apiFields) (monitor.Check, error) {
	if fields.importUUID != (uuid.UUID{}) && fields.importUUID != check.UUID {
		return check, refuse(http.StatusConflict, "the check is there with another UUID, %s", check.UUID)
	}
	has, err := s.Store.Tokens(c.ctx(), check.ID)
	if err != nil {
		return check, err
	}
	for _, token := range fields.tokens {
		if slices.Contains(has, token) {
			continue
		}
		err := s.Store.AddToken(c.ctx(), check.ID, token)
		if errors.Is(err, fault.Conflict) {
			return check, refuse(http.StatusConflict, "a token belongs to another check")
		}
		if err != nil {
			return check, err
		}
	}
	return s.changeCheck(c, check, fields)
}

// changeCheck puts the members of a request into a check.
func (s *Server) changeCheck(c *apiCall, check monitor.Check, fields apiFields) (monitor.Check, error) {
	var assign *[]monitor.ChannelID
	if fields.channels != nil {
		channels, err := s.channelsNamed(c, fields.channels)
		if err != nil {
			return check, err
		}
		assign = &channels
	}
	derived := derivedSlug(c, fields)
	if derived != "" && !comesFrom(check.Slug, derived) {
		fields.slug = &derived
	}
	for range slugTries {
		now := s.Now()
		changed, err := s.decideOn(c, check, assign, func(current monitor.Check) (monitor.Change, error) {
			config, err := fields.onto(current.Config)
			if err != nil {
				return monitor.Change{}, err
			}
			return current.Reconfigure(config, now), nil
		})
		if !errors.Is(err, fault.Conflict) || fields.slug == nil {
			return changed, err
		}
		if derived == "" {
			return check, s.slugTaken(c, *fields.slug)
		}
		free, err := s.freeSlug(c, derived, check.ID)
		if err != nil {
			return check, err
		}
		fields.slug = &free
	}
	return check, fault.Unavailable
}

// derivedSlug is the slug that the first two versions make from the name; "" when
// the request names one, or no name.
func derivedSlug(c *apiCall, fields apiFields) string {
	if c.version > 2 || fields.slug != nil || fields.name == nil {
		return ""
	}
	return slugFromName(*fields.name)
}

// slugFromName makes a slug as Healthchecks does: letters without their marks,
// digits and underscores stay, what is between them becomes one dash, and all else
// goes.
func slugFromName(name string) string {
	var slug strings.Builder
	dash := false
	for _, r := range norm.NFKD.String(name) {
		r = unicode.ToLower(r)
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '_':
			if dash {
				slug.WriteByte('-')
			}
			dash = false
			slug.WriteRune(r)
		case r == '-', unicode.IsSpace(r):
			dash = true
		}
	}
	text := strings.Trim(slug.String(), "-_")
	return text[:min(len(text), monitor.SlugLimit)]
}

// comesFrom reports whether a check's slug was made from the name already: what
// jobs ping must not change because another check went away.
func comesFrom(slug, derived string) bool {
	n, err := strconv.Atoi(slug[strings.LastIndex(slug, "-")+1:])
	return slug == derived || err == nil && n > 1 && slug == numbered(derived, n)
}

// channelsNamed resolves what a request says about channels: "*" is all, "" none,
// else UUIDs and names, separated by commas; nil is none.
func (s *Server) channelsNamed(c *apiCall, said *string) ([]monitor.ChannelID, error) {
	if said == nil || *said == "" {
		return nil, nil
	}
	uses, err := s.Store.Channels(c.ctx(), c.project.ID)
	if err != nil {
		return nil, err
	}
	chosen := []monitor.ChannelID{}
	if *said == "*" {
		for _, use := range uses {
			chosen = append(chosen, use.ID)
		}
		return chosen, nil
	}
	for name := range strings.SplitSeq(*said, ",") {
		if name == "" {
			return nil, wrongChannels("empty channel identifier")
		}
		var named []monitor.ChannelID
		for _, use := range uses {
			if use.Name == name || use.UUID().String() == name {
				named = append(named, use.ID)
			}
		}
		switch {
		case len(named) == 0:
			return nil, wrongChannels("invalid channel identifier: " + name)
		case len(named) > 1:
			return nil, wrongChannels("non-unique channel identifier: " + name)
		case !slices.Contains(chosen, named[0]):
			chosen = append(chosen, named[0])
		}
	}
	return chosen, nil
}

func wrongChannels(words string) error {
	return refusal{code: http.StatusBadRequest, words: words, faults: []memberFault{{"#/channels", words}}}
}
