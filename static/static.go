// Package static owns the files that browsers keep: the stylesheet, the font, the
// scripts and the icons, each under a name that carries the hash of its content.
//
// A name never changes its content, so browsers may keep it for good. The package
// knows nothing about pages and imports nothing of ours. The files of others lie
// beside ours in files, their licences in licenses.
package static

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"path"
	"regexp"
	"time"

	"github.com/klauspost/compress/gzhttp"
)

// Prefix is the path under which Handler is to be mounted.
const Prefix = "/static/"

//go:embed files licenses
var embedded embed.FS

var (
	published = publish()
	// reference is how the stylesheet names a file beside it.
	reference = regexp.MustCompile(`url\("([a-z-]+\.woff2)"\)`)
)

// library is every file, by its plain name and by its hashed one.
type library struct {
	paths map[string]string // "app.css" to "/static/app.3f2a1c….css"
	files map[string][]byte // "app.3f2a1c….css" to its content
}

var contentTypes = map[string]string{
	".css":   "text/css; charset=utf-8",
	".js":    "text/javascript; charset=utf-8",
	".svg":   "image/svg+xml",
	".woff2": "font/woff2",
}

// publish reads the embedded files. The stylesheet comes last: it names others,
// and is given their hashed names.
func publish() library {
	l := library{paths: map[string]string{}, files: map[string][]byte{}}
	entries, err := embedded.ReadDir("files")
	if err != nil {
		panic(err) // the binary was built without its files
	}
	var sheets []string
	for _, entry := range entries {
		if path.Ext(entry.Name()) == ".css" {
			sheets = append(sheets, entry.Name())
			continue
		}
		l.add(entry.Name(), read(entry.Name()))
	}
	for _, name := range sheets {
		l.add(name, reference.ReplaceAllFunc(read(name), func(url []byte) []byte {
			plain := string(reference.FindSubmatch(url)[1])
			return []byte(`url("` + l.path(plain) + `")`)
		}))
	}
	return l
}

func read(name string) []byte {
	content, err := embedded.ReadFile("files/" + name)
	if err != nil {
		panic(err)
	}
	return content
}

func (l library) add(name string, content []byte) {
	sum := sha256.Sum256(content)
	ext := path.Ext(name)
	hashed := name[:len(name)-len(ext)] + "." + hex.EncodeToString(sum[:6]) + ext
	l.paths[name] = Prefix + hashed
	l.files[hashed] = content
}

func (l library) path(name string) string {
	p, ok := l.paths[name]
	if !ok {
		panic("static: there is no file " + name)
	}
	return p
}

// Path returns the address of a file, such as "/static/app.3f2a1c9d0b7e.css" for
// "app.css". It panics when there is no such file: the name is the programmer's.
func Path(name string) string { return published.path(name) }

// Handler serves the files below Prefix, to be kept by browsers for good.
func Handler() http.Handler {
	compress, err := gzhttp.NewWrapper(gzhttp.ContentTypes([]string{"text/css", "text/javascript", "image/svg+xml"}))
	if err != nil {
		panic(err) // never: the options are fixed
	}
	return compress(http.StripPrefix(Prefix, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		content, ok := published.files[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		w.Header().Set("Content-Type", contentTypes[path.Ext(r.URL.Path)])
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
	})))
}
