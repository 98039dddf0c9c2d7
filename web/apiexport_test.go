package web

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"

	"rollcall/internal/monitor"
)

// APIWay is a line of the table of the API as tests see it.
type APIWay struct {
	Method, Path string
	Read, Write  bool // the key it asks for
}

// APIWays lists the table of the API, with whole paths.
func APIWays() []APIWay {
	var ways []APIWay
	for _, r := range apiRoutes() {
		path := r.path
		if !strings.HasPrefix(path, "/") {
			path = "/api/v3/" + path
		}
		ways = append(ways, APIWay{r.method, path, r.key == keyRead, r.key == keyWrite})
	}
	return ways
}

// APIRefusesZeroKey reports whether a route that does not name its key is refused.
func APIRefusesZeroKey(cfg Config) bool {
	s := &Server{Config: cfg}
	_, err := s.apiRouter([]apiRoute{{"GET", "open/", 0, (*Server).apiStatus, 0}}, http.NotFoundHandler())
	return err != nil
}

// ReadCheck reads a body as it is read for a check that is made, or, given a
// configuration, changed. A refusal is its status and text.
func ReadCheck(raw []byte, config *monitor.Config) (read monitor.Config, code int, text string) {
	members, err := parseMembers(raw)
	if err == nil {
		var fields apiFields
		if fields, err = readFields(members); err == nil && config == nil {
			read, err = fields.fresh()
		} else if err == nil {
			read, err = fields.onto(*config)
		}
	}
	var own refusal
	switch {
	case errors.As(err, &own):
		return read, own.code, own.words
	case err != nil:
		return read, http.StatusInternalServerError, err.Error()
	}
	return read, http.StatusOK, ""
}

// APIRoutes lists the routes of the API as they are described, without those that
// have addresses of their own.
func APIRoutes() []string {
	var list []string
	for _, route := range apiRoutes() {
		if !strings.HasPrefix(route.path, "/") {
			list = append(list, route.method+" "+pathOf(route))
		}
	}
	return list
}

// APIOperations lists what is described.
func APIOperations() []string { return slices.Collect(maps.Keys(operations)) }
