package web

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gorilla/mux"

	"rollcall/internal/account"
	"rollcall/internal/fault"
)

// access says who may use a route: anybody, a person, or a member of the project
// who may do the action of this name. "" is refused when the table is read.
type access string

const (
	anybody access = "anybody" // also who is not signed in
	person  access = "person"  // who is signed in, in whatever project or none
	// crowd is anybody, without a session: no cookie is read or set, and the answer may
	// be the same for all.
	crowd access = "crowd"

	// What a member's role must allow, see account.Role.
	sees    = access(account.See)
	changes = access(account.Change)
	manages = access(account.Manage)
	owns    = access(account.Own)
)

// formLimit is the largest form that is read, in bytes.
const formLimit = 64 << 10

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
		{"GET", "/confirm", person, (*Server).confirmForm},
		{"POST", "/confirm", person, (*Server).confirm},
		{"GET", "/setup/{token}", anybody, (*Server).setupForm},
		{"POST", "/setup/{token}", anybody, (*Server).setup},
		{"POST", "/project", person, (*Server).switchProject},
		{"GET", "/docs/api", anybody, (*Server).apiReference},

		{"GET", "/status/{address}", crowd, (*Server).statusPage},
		{"GET", "/unsubscribe/{token}", crowd, (*Server).unsubscribeForm},
		{"POST", "/unsubscribe/{token}", crowd, (*Server).unsubscribe},
		{"POST", "/unsubscribe/{token}/again", crowd, (*Server).subscribeAgain},

		{"GET", "/go/{key}", person, (*Server).goToCheck},
		{"GET", "/checks", sees, (*Server).checks},
		{"GET", "/checks/new", changes, (*Server).newCheckForm},
		{"POST", "/checks", changes, (*Server).createCheck},
		{"GET", "/checks/{id}/edit", changes, (*Server).editCheckForm},
		{"POST", "/checks/{id}", changes, (*Server).editCheck},
		{"GET", "/checks/{id}", sees, (*Server).check},
		{"POST", "/checks/{id}/pause", changes, (*Server).pauseCheck},
		{"POST", "/checks/{id}/resume", changes, (*Server).resumeCheck},
		{"POST", "/checks/{id}/delete", changes, (*Server).deleteCheck},
		{"GET", "/checks/{id}/pings/{n}", sees, (*Server).ping},
		{"GET", "/checks/{id}/pings/{n}/body", sees, (*Server).pingBody},
		{"GET", "/schedule/preview", sees, (*Server).preview},

		{"GET", "/channels", sees, (*Server).channels},
		{"POST", "/channels", changes, (*Server).createChannel},
		{"GET", "/channels/new", changes, (*Server).newChannelForm},
		{"GET", "/channels/{id}", sees, (*Server).channelForm},
		{"POST", "/channels/{id}", changes, (*Server).editChannel},
		{"GET", "/channels/{id}/messages", sees, (*Server).channelMessages},
		{"POST", "/channels/{id}/test", changes, (*Server).testChannel},
		{"POST", "/channels/{id}/enable", changes, (*Server).enableChannel},
		{"POST", "/channels/{id}/delete", changes, (*Server).deleteChannel},

		{"GET", "/deliveries", sees, (*Server).deliveries},
		{"POST", "/deliveries/{id}/replay", changes, (*Server).replay},

		{"GET", "/status-pages", sees, (*Server).statusPages},
		{"POST", "/status-pages", manages, (*Server).createStatusPage},
		{"GET", "/status-pages/new", manages, (*Server).newStatusPageForm},
		{"GET", "/status-pages/{id}", manages, (*Server).statusPageForm},
		{"POST", "/status-pages/{id}", manages, (*Server).editStatusPage},
		{"POST", "/status-pages/{id}/delete", manages, (*Server).deleteStatusPage},
		{"GET", "/badges", sees, (*Server).badges},
		{"POST", "/badges/key", manages, (*Server).newBadgeKey},
		{"GET", "/account/notifications", person, (*Server).noticesForm},
		{"POST", "/account/notifications", person, (*Server).setNotices},

		{"GET", "/settings", sees, (*Server).settings},
		{"POST", "/settings/ping-key", manages, (*Server).newPingKey},
		{"POST", "/settings/api-key", manages, (*Server).newAPIKey},
	}
}

// crowdRoutes and sessionRoutes are the two parts of the table.
func crowdRoutes() []route {
	return slices.DeleteFunc(routes(), func(r route) bool { return r.access != crowd })
}

func sessionRoutes() []route {
	return slices.DeleteFunc(routes(), func(r route) bool { return r.access == crowd })
}

// router serves a table of routes. Every path is one route of the router, so that
// a method that is not in the table is answered with those that are.
func (s *Server) router(table []route) (*mux.Router, error) {
	byPath := map[string][]route{}
	var paths []string
	for _, route := range table {
		if route.access == "" {
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
	if route.access != anybody && route.access != crowd {
		who, err := s.signedIn(r.Context())
		if err != nil {
			return err
		}
		note(r).who = &who
		if err := who.allowed(route.access); err != nil {
			return err
		}
	}
	return route.handle(s, w, r)
}

// allowed says why who may not use a route of this access.
func (who Who) allowed(a access) error {
	switch {
	case a == person:
		return nil
	case who.Project.ID == 0:
		return errNoProject
	case !who.Project.Role.May(account.Action(a)):
		return fault.Say(fault.Forbidden, "Your role in %s does not allow this. Its owner or a manager can change that.", who.Project.Name)
	}
	return nil
}

// sureFor is how long the proof of who one is counts for what is sensitive.
const sureFor = 10 * time.Minute

// again wraps what is sensitive: who has not proved lately who they are is asked
// again first. A form that was sent is then asked for anew, at its page.
func again(handle func(*Server, http.ResponseWriter, *http.Request) error) func(*Server, http.ResponseWriter, *http.Request) error {
	return func(s *Server, w http.ResponseWriter, r *http.Request) error {
		if s.sure(r.Context()) {
			return handle(s, w, r)
		}
		back := r.URL.RequestURI()
		if r.Method == http.MethodPost {
			back = refererPath(r)
		}
		return s.redirect(w, r, "/confirm?next="+url.QueryEscape(back))
	}
}
