package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	"github.com/gorilla/mux"

	"rollcall/internal/account"
	"rollcall/internal/fault"
)

// The management API, /api/v1/ to /api/v3/, speaks to programs that were written
// for Healthchecks. The way of a request:
//
//	apiRouter    the table of apiroutes.go finds the route; 301, 404, 405, OPTIONS
//	readAPI      at most apiBodyLimit bytes, JSON, before anybody asks whose key it is
//	authorize    whose key it is, and how often it may ask (apiauth.go)
//	once         an Idempotency-Key that was seen is answered as before (apionce.go)
//	route.handle asks the store and sets the answer: c.json, c.send
//	answerAPI    ETag, 304, HEAD (apietag.go)
//
// A new route is one line in apiroutes.go and one handler:
//
//	func (s *Server) things(c *apiCall) error {
//		list, err := s.Store.Things(c.ctx(), c.project.ID)
//		if err != nil {
//			return err
//		}
//		return c.json(http.StatusOK, map[string]any{"things": list})
//	}
//
// An error becomes an answer in apierrors.go: those of package fault by their
// kind, refuse(code, words) as it says, any other is 500 and a line in the log.
// What a handler decides about a check goes through s.decideOn, of which If-Match is
// a part.

// apiBodyLimit is the largest body of a request, in bytes.
const apiBodyLimit = 1 << 20

// apiKey says which key a route asks for. The zero one is refused when the table
// is read.
type apiKey int

const (
	_        apiKey = iota
	keyNone         // anybody
	keyRead         // the project's read-only or read-write key
	keyWrite        // the project's read-write key
)

// apiRoute is one way in. GET serves HEAD too. A path that does not begin with a
// slash is one under /api/v1/, /api/v2/ and /api/v3/ each; its parts in braces are
// c.path's. A path that ends in a slash is served without it too.
type apiRoute struct {
	method string
	path   string
	key    apiKey
	handle func(*Server, *apiCall) error
	option apiOption
}

// apiOption is what a route does unlike most.
type apiOption int

const (
	// moved answers 301 when the last slash is missing, as Healthchecks does.
	moved apiOption = 1 << iota
	// anyBody reads a body that is not JSON into c.raw.
	anyBody
	// noMembers asks for no body. Some clients send null then, and mean nothing by it.
	noMembers
)

// apiCall is one request to the API and its answer so far.
type apiCall struct {
	r       *http.Request
	route   apiRoute
	version int             // 1, 2 or 3; 0 outside /api/v…
	project account.Project // whose key it is; zero for keyNone
	key     account.Key     // zero for keyNone
	raw     []byte          // the body of a POST
	body    members         // the same as JSON, unless the route says anyBody
	out     apiAnswer
}

// apiAnswer is an answer that has not been sent.
type apiAnswer struct {
	code   int
	header http.Header
	body   []byte
}

func (c *apiCall) ctx() context.Context { return c.r.Context() }

// path returns a part of the path that stands in braces in the table.
func (c *apiCall) path(name string) string { return mux.Vars(c.r)[name] }

func (c *apiCall) query() url.Values { return c.r.URL.Query() }

// readOnly reports whether the key must not learn how to ping a check.
func (c *apiCall) readOnly() bool { return c.key.Kind != account.KeyReadWrite }

// json answers with a value as JSON.
func (c *apiCall) json(code int, v any) error {
	body, err := jsonOf(v)
	if err != nil {
		return err
	}
	return c.send(code, "application/json", body)
}

func jsonOf(v any) ([]byte, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode answer: %w", err)
	}
	return body, nil
}

// send answers with a body of a media type.
func (c *apiCall) send(code int, mediaType string, body []byte) error {
	c.out.code, c.out.body = code, body
	c.out.header.Set("Content-Type", mediaType)
	return nil
}

// withinBraces is what a part of a path may be: too much for a log or a metric.
var withinBraces = regexp.MustCompile(`:[^{}]*(?:\{[^{}]*\}[^{}]*)*\}`)

// apiRouter serves the table, and hands what is in none of its paths to pages,
// except under /api/v1/ to /api/v3/.
func (s *Server) apiRouter(table []apiRoute, pages http.Handler) (http.Handler, error) {
	byPath := map[string][]apiRoute{}
	var paths []string
	for _, route := range table {
		if route.key == 0 {
			return nil, fmt.Errorf("API route %s %s does not say which key it asks for", route.method, route.path)
		}
		path := route.path
		if !strings.HasPrefix(path, "/") {
			path = "/api/{version:v[123]}/" + path
		}
		if _, known := byPath[path]; !known {
			paths = append(paths, path)
		}
		byPath[path] = append(byPath[path], route)
	}
	router := mux.NewRouter().SkipClean(true)
	for _, path := range paths {
		routes := byPath[path]
		name := withinBraces.ReplaceAllString(path, "}")
		serve := s.watch(s.apiDispatch(name, routes))
		router.Handle(path, serve)
		if bare, ok := strings.CutSuffix(path, "/"); ok {
			if routes[0].option&moved != 0 {
				serve = s.watch(s.apiMoved(name, routes))
			}
			router.Handle(bare, serve)
		}
	}
	nowhere := s.watch(s.apiPlain(func(w http.ResponseWriter, r *http.Request) error {
		apiHeaders(w.Header(), "GET, OPTIONS", s.secure)
		return fault.NotFound
	}))
	router.PathPrefix("/api/{version:v[123]}/").Handler(nowhere)
	router.Handle("/api/{version:v[123]}", nowhere)
	router.NotFoundHandler = pages
	return router, nil
}

// apiMethods lists what may be done with the routes of one path.
func apiMethods(routes []apiRoute) string {
	methods := []string{http.MethodOptions}
	for _, route := range routes {
		methods = append(methods, route.method)
		if route.method == http.MethodGet {
			methods = append(methods, http.MethodHead)
		}
	}
	slices.Sort(methods)
	return strings.Join(methods, ", ")
}

// apiMoved leads to the path with its last slash. A browser's question beforehand
// is answered here: it must not be redirected.
func (s *Server) apiMoved(name string, routes []apiRoute) http.Handler {
	methods := apiMethods(routes)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		note(r).route = name
		apiHeaders(w.Header(), methods, s.secure)
		if r.Method == http.MethodOptions {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		to := url.URL{Path: r.URL.Path + "/", RawQuery: r.URL.RawQuery}
		w.Header().Set("Location", to.String())
		w.WriteHeader(http.StatusMovedPermanently)
	})
}

// apiDispatch serves one path, which logs and metrics know by a name.
func (s *Server) apiDispatch(name string, routes []apiRoute) http.Handler {
	methods := apiMethods(routes)
	return s.apiPlain(func(w http.ResponseWriter, r *http.Request) error {
		note(r).route = name
		apiHeaders(w.Header(), methods, s.secure)
		method := r.Method
		if method == http.MethodHead {
			method = http.MethodGet
		}
		at := slices.IndexFunc(routes, func(route apiRoute) bool { return route.method == method })
		switch {
		case r.Method == http.MethodOptions:
			w.Header().Set("Allow", methods)
			w.WriteHeader(http.StatusNoContent)
			return nil
		case at < 0:
			w.Header().Set("Allow", methods)
			return errMethod
		}
		c := &apiCall{r: r, route: routes[at], out: apiAnswer{header: w.Header()}}
		c.version, _ = strconv.Atoi(strings.TrimPrefix(c.path("version"), "v"))
		if err := s.answerCall(w, c); err != nil {
			return err
		}
		return answerAPI(w, c)
	})
}

// answerCall takes a call through everything up to its answer. A panic is an
// error, so that it is answered in the API's words.
func (s *Server) answerCall(w http.ResponseWriter, c *apiCall) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v\n%s", errPanic, p, debug.Stack())
		}
	}()
	if err := readAPI(w, c); err != nil {
		return err
	}
	if err := s.authorize(c); err != nil {
		return err
	}
	return s.once(c, func() error {
		err := c.route.handle(s, c)
		if c.route.key == keyWrite {
			s.Live.Changed(c.project.ID)
		}
		return err
	})
}

// readAPI reads the body of a POST. JSON that cannot be read is said before
// anything is asked about the key, as Healthchecks does.
func readAPI(w http.ResponseWriter, c *apiCall) (err error) {
	if c.r.Method != http.MethodPost {
		return nil
	}
	if c.r.ContentLength > apiBodyLimit {
		return &http.MaxBytesError{Limit: apiBodyLimit}
	}
	c.raw, err = io.ReadAll(http.MaxBytesReader(w, c.r.Body, apiBodyLimit))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return err
	case err != nil:
		w.Header().Set("Connection", "close")
		return refuse(http.StatusRequestTimeout, "the body did not arrive")
	case c.route.option&noMembers != 0 && string(c.raw) == "null":
	case c.route.option&anyBody == 0:
		c.body, err = parseMembers(c.raw)
	}
	return err
}

// apiHeaders sets what every answer of the API carries. Pages of other sites may
// ask: a key stands in a header, so a browser never sends one by itself.
func apiHeaders(header http.Header, methods string, secure bool) {
	header.Set("Access-Control-Allow-Origin", "*")
	header.Set("Access-Control-Allow-Methods", methods)
	header.Set("Access-Control-Allow-Headers", "X-Api-Key, Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key")
	header.Set("Access-Control-Expose-Headers", "ETag, Idempotent-Replayed, RateLimit, RateLimit-Policy, Retry-After, X-Request-Id")
	header.Set("Access-Control-Max-Age", "600")
	header.Set("Cache-Control", "no-cache, private")
	header.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox")
	header.Set("Cross-Origin-Resource-Policy", "cross-origin")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Vary", "X-Api-Key, Authorization")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("X-Robots-Tag", "noindex")
	if secure {
		header.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
	}
}
