package web

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/gorilla/mux"
)

// access says who may use a route. The zero access is refused when the table is read.
type access int

const (
	_       access = iota
	anybody        // also who is not signed in
	session        // who is signed in
)

// formLimit is the largest form that is read, in bytes: one that names bulkLimit checks.
const formLimit = 128 << 10

// route is one way in. GET serves HEAD too; POST reads a form of at most formLimit.
type route struct {
	method string
	path   string
	access access
	handle func(*Server, http.ResponseWriter, *http.Request) error
}

// Of two routes that match the same path the first one is taken.
func routes() []route {
	return []route{
		{"GET", "/", anybody, (*Server).home},
		{"GET", "/login", anybody, (*Server).loginForm},
		{"POST", "/login", anybody, (*Server).login},
		{"POST", "/logout", anybody, (*Server).logout},
		{"GET", "/setup/{token}", anybody, (*Server).setupForm},
		{"POST", "/setup/{token}", anybody, (*Server).setup},
		{"POST", "/project", session, (*Server).switchProject},
		{"GET", "/docs/api", anybody, (*Server).apiReference},

		{"GET", "/go/{key}", session, (*Server).goToCheck},
		{"GET", "/checks", session, (*Server).checks},
		{"GET", "/live", session, (*Server).stream},
		{"POST", "/checks/bulk", session, (*Server).bulk},
		{"GET", "/checks/new", session, (*Server).newCheckForm},
		{"POST", "/checks", session, (*Server).createCheck},
		{"GET", "/checks/{id}/edit", session, (*Server).editCheckForm},
		{"POST", "/checks/{id}", session, (*Server).editCheck},
		{"GET", "/checks/{id}", session, (*Server).check},
		{"POST", "/checks/{id}/pause", session, (*Server).pauseCheck},
		{"POST", "/checks/{id}/resume", session, (*Server).resumeCheck},
		{"POST", "/checks/{id}/delete", session, (*Server).deleteCheck},
		{"GET", "/checks/{id}/pings/{n}", session, (*Server).ping},
		{"GET", "/checks/{id}/pings/{n}/body", session, (*Server).pingBody},
		{"GET", "/schedule/preview", session, (*Server).preview},

		{"GET", "/channels", session, (*Server).channels},
		{"POST", "/channels", session, (*Server).createChannel},
		{"GET", "/channels/new", session, (*Server).newChannelForm},
		{"GET", "/channels/{id}", session, (*Server).channelForm},
		{"POST", "/channels/{id}", session, (*Server).editChannel},
		{"GET", "/channels/{id}/messages", session, (*Server).channelMessages},
		{"POST", "/channels/{id}/test", session, (*Server).testChannel},
		{"POST", "/channels/{id}/enable", session, (*Server).enableChannel},
		{"POST", "/channels/{id}/delete", session, (*Server).deleteChannel},

		{"GET", "/deliveries", session, (*Server).deliveries},
		{"POST", "/deliveries/{id}/replay", session, (*Server).replay},

		{"GET", "/settings", session, (*Server).settings},
		{"POST", "/settings/ping-key", session, (*Server).newPingKey},
		{"POST", "/settings/api-key", session, (*Server).newAPIKey},
	}
}

// router serves a table of routes. Every path is one route of the router, so that
// a method that is not in the table is answered with those that are.
func (s *Server) router(table []route) (http.Handler, error) {
	byPath := map[string][]route{}
	var paths []string
	for _, route := range table {
		if route.access == 0 {
			return nil, fmt.Errorf("route %s %s does not say who may use it", route.method, route.path)
		}
		if _, known := byPath[route.path]; !known {
			paths = append(paths, route.path)
		}
		byPath[route.path] = append(byPath[route.path], route)
	}
	router := mux.NewRouter().SkipClean(true)
	for _, path := range paths {
		router.Handle(path, s.dispatch(path, byPath[path]))
	}
	router.NotFoundHandler = s.catch(s.nowhere)
	return router, nil
}

// nowhere answers a path that is no route; who is signed in keeps the navigation.
func (s *Server) nowhere(_ http.ResponseWriter, r *http.Request) error {
	if who, err := s.signedIn(r.Context()); err == nil {
		note(r).who = &who
	}
	return errNoPage
}

// dispatch serves one path: it picks the route by the method and keeps its limits.
func (s *Server) dispatch(path string, routes []route) http.Handler {
	allowed := []string{http.MethodOptions}
	for _, route := range routes {
		allowed = append(allowed, route.method)
		if route.method == http.MethodGet {
			allowed = append(allowed, http.MethodHead)
		}
	}
	slices.Sort(allowed)
	allow := strings.Join(allowed, ", ")
	return s.catch(func(w http.ResponseWriter, r *http.Request) error {
		note(r).route = path
		method := r.Method
		if method == http.MethodHead {
			method = http.MethodGet
		}
		at := slices.IndexFunc(routes, func(route route) bool { return route.method == method })
		if at < 0 {
			w.Header().Set("Allow", allow)
			if r.Method == http.MethodOptions {
				w.WriteHeader(http.StatusNoContent)
				return nil
			}
			return errMethod
		}
		return s.serve(routes[at], w, r)
	})
}

func (s *Server) serve(route route, w http.ResponseWriter, r *http.Request) error {
	if route.method == http.MethodPost {
		if r.ContentLength > formLimit {
			return &http.MaxBytesError{Limit: formLimit}
		}
		r.Body = http.MaxBytesReader(w, r.Body, formLimit)
		if err := r.ParseForm(); err != nil {
			return badForm(err)
		}
	}
	if route.access == session {
		who, err := s.signedIn(r.Context())
		if err != nil {
			return err
		}
		note(r).who = &who
	}
	err := route.handle(s, w, r)
	if who := note(r).who; who != nil && route.method == http.MethodPost {
		s.Live.Changed(who.Project.ID)
	}
	return err
}
