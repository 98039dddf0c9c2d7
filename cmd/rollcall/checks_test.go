package main_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestAPIScripts runs the stories in testdata/api, in which the server's answers
// are files: what the commands make of every kind of answer. Each story has a
// server at ROLLCALL_URL that answers GET checks/ with GET/checks/index.json.
// Its first line may be HTTP and a status, and "ago:90s" stands for a time. The
// server notes in the file requests what it is asked.
func TestAPIScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/api",
		Setup: func(env *testscript.Env) error {
			server := httptest.NewServer(files(env.WorkDir))
			env.Defer(server.Close)
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("TZ", "UTC")
			env.Setenv("TERM", "xterm")
			env.Setenv("ROLLCALL_URL", server.URL)
			env.Setenv("ROLLCALL_API_KEY", "rcw_key")
			return os.WriteFile(filepath.Join(env.WorkDir, "requests"), nil, 0o600)
		},
	})
}

var (
	httpStatus = regexp.MustCompile(`^HTTP (\d+)\n`)
	longAgo    = regexp.MustCompile(`"ago:([^"]+)"`)
)

// files answers with what stands in a directory.
func files(dir string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, err := asFiles(dir, r)
		status := http.StatusOK
		if first := httpStatus.FindStringSubmatch(answer); first != nil {
			status, _ = strconv.Atoi(first[1])
			answer = answer[len(first[0]):]
		}
		if err != nil {
			status, answer = http.StatusNotFound, `{"title":"Not Found","status":404}`
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		fmt.Fprint(w, answer)
	})
}

// asFiles notes a request and reads its answer.
func asFiles(dir string, r *http.Request) (string, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return "", err
	}
	log, err := os.OpenFile(filepath.Join(dir, "requests"), os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return "", err
	}
	defer log.Close()
	fmt.Fprintln(log, r.Method, r.RequestURI, string(body))
	name := strings.TrimPrefix(r.RequestURI, "/api/v3/")
	if strings.HasSuffix(name, "/") {
		name += "index"
	}
	answer, err := os.ReadFile(filepath.Join(dir, r.Method, filepath.FromSlash(name)+".json"))
	return longAgo.ReplaceAllStringFunc(string(answer), func(placeholder string) string {
		ago, err := time.ParseDuration(longAgo.FindStringSubmatch(placeholder)[1])
		if err != nil {
			return placeholder
		}
		return strconv.Quote(time.Now().Add(-ago).UTC().Format("2006-01-02T15:04:05+00:00"))
	}), err
}
