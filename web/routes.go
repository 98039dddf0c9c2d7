package web

import (
	"fmt"
	"net/http"
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
		{"GET", "/login/mail", anybody, (*Server).mailedLogin},
		{"POST", "/login/mail", anybody, (*Server).mailLogin},
		{"POST", "/logout", anybody, (*Server).logout},
		{"GET", "/confirm", person, (*Server).confirmForm},
		{"POST", "/confirm", person, (*Server).confirm},
		{"POST", "/confirm/mail", person, (*Server).mailCode},
		{"POST", "/confirm/sso", person, (*Server).ssoConfirm},
		{"GET", "/login/second", anybody, (*Server).secondForm},
		{"POST", "/login/second", anybody, (*Server).second},
		{"POST", "/login/sso", anybody, (*Server).ssoLogin},
		{"GET", ssoPath, anybody, (*Server).ssoBack},
		{"GET", "/login/{token}", anybody, (*Server).loginLinkForm},
		{"POST", "/login/{token}", anybody, (*Server).loginLink},
		{"POST", "/passkey/challenge", anybody, (*Server).passkeyChallenge},
		{"POST", "/passkey/answer", anybody, (*Server).passkeyAnswer},
		{"GET", "/setup/{token}", anybody, (*Server).setupForm},
		{"POST", "/setup/{token}", anybody, (*Server).setup},
		{"GET", "/signup", anybody, (*Server).signupForm},
		{"POST", "/signup", anybody, (*Server).signup},
		{"GET", "/signup/mail", anybody, (*Server).mailedSignup},
		{"GET", "/signup/{token}", anybody, (*Server).signupLinkForm},
		{"POST", "/signup/{token}", anybody, (*Server).signupLink},

		{"GET", "/account", person, (*Server).account},
		{"POST", "/account/email", person, again((*Server).changeEmail)},
		{"GET", "/account/email/{token}", anybody, (*Server).moveEmailForm},
		{"POST", "/account/email/{token}", anybody, (*Server).moveEmail},
		{"POST", "/account/password", person, again((*Server).changePassword)},
		{"POST", "/account/password/remove", person, again((*Server).removePassword)},
		{"POST", "/account/zone", person, (*Server).changeZone},
		{"POST", "/account/sessions/end", person, (*Server).endSession},
		{"POST", "/account/sessions/end-all", person, (*Server).endSessions},
		{"GET", "/account/export", person, again((*Server).exportAccount)},
		{"POST", "/account/delete", person, again((*Server).deleteAccount)},

		{"POST", "/project", person, (*Server).switchProject},
		{"GET", "/docs", anybody, (*Server).docsIndex},
		{"GET", "/docs/{page}", anybody, (*Server).docsPage},
		{"GET", "/projects/new", person, (*Server).newProjectForm},
		{"POST", "/projects", person, (*Server).createProject},
		{"GET", "/invitations/{token}", anybody, (*Server).invitationForm},
		{"POST", "/invitations/{token}", anybody, (*Server).acceptInvitation},

		{"GET", "/status/{address}", crowd, (*Server).statusPage},
		{"GET", "/unsubscribe/{token}", crowd, (*Server).unsubscribeForm},
		{"POST", "/unsubscribe/{token}", crowd, (*Server).unsubscribe},
		{"POST", "/unsubscribe/{token}/again", crowd, (*Server).subscribeAgain},

		{"GET", "/go/{key}", person, (*Server).goToCheck},
		{"GET", "/checks", sees, (*Server).checks},
		{"GET", "/live", sees, (*Server).stream},
		{"POST", "/checks/bulk", changes, (*Server).bulk},
		{"GET", "/checks/new", changes, (*Server).newCheckForm},
		{"POST", "/checks", changes, (*Server).createCheck},
		{"GET", "/checks/{id}/edit", changes, (*Server).editCheckForm},
		{"POST", "/checks/{id}", changes, (*Server).editCheck},
		{"GET", "/checks/{id}", sees, (*Server).check},
		{"POST", "/checks/{id}/pause", changes, (*Server).pauseCheck},
		{"POST", "/checks/{id}/resume", changes, (*Server).resumeCheck},
		{"POST", "/checks/{id}/delete", changes, (*Server).deleteCheck},
		{"POST", "/checks/{id}/move", changes, (*Server).moveCheck},
		{"POST", "/checks/{id}/rotate", changes, (*Server).rotateCheck},
		{"GET", "/checks/{id}/why", sees, (*Server).why},
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
		{"POST", "/channels/{id}/checks", changes, (*Server).assignChannel},

		{"GET", "/deliveries", sees, (*Server).deliveries},
		{"GET", "/deliveries/latency", sees, (*Server).latency},
		{"POST", "/deliveries/replay", changes, (*Server).replayDead},
		{"POST", "/deliveries/{id}/replay", changes, (*Server).replay},
		{"POST", "/deliveries/{id}/now", changes, (*Server).tryNow},
		{"POST", "/deliveries/{id}/give-up", changes, (*Server).giveUp},

		{"GET", "/account/security", person, (*Server).security},
		{"POST", "/account/security/totp/new", person, again((*Server).newTOTP)},
		{"GET", "/account/security/totp", person, again((*Server).totpForm)},
		{"POST", "/account/security/totp", person, again((*Server).confirmTOTP)},
		{"POST", "/account/security/totp/remove", person, again((*Server).removeTOTP)},
		{"POST", "/account/security/codes", person, again((*Server).newRecoveryCodes)},
		{"POST", "/account/security/passkeys/challenge", person, again((*Server).newPasskeyChallenge)},
		{"POST", "/account/security/passkeys", person, again((*Server).newPasskey)},
		{"POST", "/account/security/passkeys/{id}/remove", person, again((*Server).removePasskey)},
		{"POST", "/account/security/sso", person, again((*Server).ssoLink)},
		{"POST", "/account/security/sso/{id}/remove", person, again((*Server).unlinkSSO)},

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
		{"GET", "/settings/keys", manages, (*Server).keys},
		{"POST", "/settings/keys", manages, again((*Server).newKey)},
		{"POST", "/settings/keys/{id}/revoke", manages, (*Server).revokeKey},
		{"POST", "/settings/project", manages, (*Server).renameProject},
		{"POST", "/settings/delete", owns, again((*Server).deleteProject)},
		{"GET", "/settings/team", sees, (*Server).team},
		{"POST", "/settings/team/leave", sees, (*Server).leaveProject},
		{"POST", "/settings/team/members/{id}/role", manages, (*Server).setRole},
		{"POST", "/settings/team/members/{id}/remove", manages, (*Server).removeMember},
		{"POST", "/settings/team/invitations", manages, (*Server).invite},
		{"POST", "/settings/team/invitations/{id}/resend", manages, (*Server).resendInvitation},
		{"POST", "/settings/team/invitations/{id}/revoke", manages, (*Server).revokeInvitation},
		{"POST", "/settings/team/transfer", owns, again((*Server).proposeTransfer)},
		{"POST", "/settings/team/transfer/end", sees, (*Server).endTransfer},
		{"POST", "/settings/team/transfer/accept", sees, again((*Server).acceptTransfer)},
		{"GET", "/settings/audit", sees, (*Server).audit},
		{"GET", "/settings/audit.csv", manages, (*Server).auditCSV},
		{"GET", "/settings/audit.json", manages, (*Server).auditJSON},
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

// checkPath begins the routes of a check. A link may lead to one of another project
// than the one that is looked at; what one may do there is for the role there.
const checkPath = "/checks/{id}"

// serve keeps the limits and the access of a route.
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
		if strings.HasPrefix(route.path, checkPath) {
			if who, err = s.whereCheck(r, who); err != nil {
				return err
			}
		}
		note(r).who = &who
		if err := who.allowed(route.access); err != nil {
			return err
		}
		r = s.by(r, account.ByPersonOf(who.User))
	}
	err := route.handle(s, w, r)
	if who := note(r).who; who != nil && route.method == http.MethodPost {
		s.Live.Changed(who.Project.ID)
	}
	return err
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
		return s.redirect(w, r, confirmPath(back))
	}
}
