package static_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"rollcall/static"
)

func get(method, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	static.Handler().ServeHTTP(w, httptest.NewRequest(method, path, nil))
	return w
}

func TestFilesAreServedForGood(t *testing.T) {
	for name, contentType := range map[string]string{
		"app.css":             "text/css; charset=utf-8",
		"app.js":              "text/javascript; charset=utf-8",
		"htmx.js":             "text/javascript; charset=utf-8",
		"sse.js":              "text/javascript; charset=utf-8",
		"inter-latin.woff2":   "font/woff2",
		"favicon-unknown.svg": "image/svg+xml",
	} {
		path := static.Path(name)
		stem, ext, _ := strings.Cut(name, ".")
		if form := regexp.MustCompile(`^/static/` + stem + `\.[0-9a-f]{12}\.` + ext + `$`); !form.MatchString(path) {
			t.Errorf("Path(%q) = %q, want its hash in it", name, path)
		}
		w := get(http.MethodGet, path)
		if w.Code != http.StatusOK || w.Body.Len() == 0 {
			t.Errorf("GET %s: status %d, %d bytes", path, w.Code, w.Body.Len())
		}
		for header, want := range map[string]string{
			"Content-Type":           contentType,
			"Cache-Control":          "public, max-age=31536000, immutable",
			"X-Content-Type-Options": "nosniff",
		} {
			if got := w.Header().Get(header); got != want {
				t.Errorf("GET %s: %s is %q, want %q", path, header, got, want)
			}
		}
		if head := get(http.MethodHead, path); head.Code != http.StatusOK || head.Body.Len() != 0 {
			t.Errorf("HEAD %s: status %d, %d bytes", path, head.Code, head.Body.Len())
		}
	}
}

// Text is compressed on its way, the font is already.
func TestTextIsCompressed(t *testing.T) {
	for name, want := range map[string]string{"app.css": "gzip", "htmx.js": "gzip", "inter-latin.woff2": ""} {
		r := httptest.NewRequest(http.MethodGet, static.Path(name), nil)
		r.Header.Set("Accept-Encoding", "gzip, br")
		w := httptest.NewRecorder()
		static.Handler().ServeHTTP(w, r)
		if got := w.Header().Get("Content-Encoding"); w.Code != http.StatusOK || got != want {
			t.Errorf("%s: status %d, encoding %q, want %q", name, w.Code, got, want)
		}
	}
}

func TestOtherNamesAreNotFound(t *testing.T) {
	for _, path := range []string{
		"/static/", "/static/app.css", "/static/app.000000000000.css", "/static/../static.go",
		"/static/licenses/inter-OFL.txt", "/static/files/app.css",
	} {
		if got := get(http.MethodGet, path).Code; got != http.StatusNotFound {
			t.Errorf("GET %s: status %d, want 404", path, got)
		}
	}
	if got := get(http.MethodPost, static.Path("app.css")).Code; got != http.StatusMethodNotAllowed {
		t.Errorf("POST: status %d, want 405", got)
	}
}

// A stylesheet that named a file by its plain name would ask for what is not there.
func TestTheStylesheetNamesFilesByTheirHashedNames(t *testing.T) {
	css := get(http.MethodGet, static.Path("app.css")).Body.String()
	urls := regexp.MustCompile(`url\("([^")#]+)"\)`).FindAllStringSubmatch(css, -1)
	if len(urls) < 2 {
		t.Fatalf("the stylesheet names %d files, want both halves of the font", len(urls))
	}
	for _, url := range urls {
		if got := get(http.MethodGet, url[1]).Code; got != http.StatusOK {
			t.Errorf("the stylesheet names %s: status %d", url[1], got)
		}
	}
}

func TestAnUnknownNameIsAMistake(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("Path of an unknown file returned")
		}
	}()
	static.Path("nothing.css")
}
