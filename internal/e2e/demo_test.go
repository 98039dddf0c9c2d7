package e2e_test

import (
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"testing"
	"time"

	"rollcall/internal/e2e"
)

// The job of the demo's tour, and how long after the start it may be told at most.
const (
	tourJob   = "Report generator"
	tourLimit = 60 * time.Second
)

// testDemo is what somebody does who has just found Rollcall: start the demo, follow
// its link, and see a job that stays silent become a mail and a webhook, report for
// it, and end it all.
func testDemo(t *testing.T, binary string) {
	// Whoever runs the tests in the background has them ignore Ctrl-C; the demo would too.
	heard := make(chan os.Signal, 1)
	signal.Notify(heard, os.Interrupt)
	defer signal.Stop(heard)

	d := e2e.Demo{Binary: binary, Listen: freeAddress(t), Dir: t.TempDir(), Temp: t.TempDir()}
	server, err := d.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Kill)
	eventually(t, 20*time.Second, "it says how it is ended", func() bool { return strings.Contains(server.Output(), "Ctrl-C ends it") })
	v := visitor(t, server)
	v.logIn()

	v.prints(tourLimit, "mail to ana@example.test: Down: "+tourJob)
	v.prints(10*time.Second, "webhook check.down, "+tourJob+": signature verified, answered 204")
	v.wants(v.follow("/demo/inbox", `href="(/demo/inbox/\d+)">Down: `+tourJob), "Nothing arrived by", "You get this because Ana is told about "+tourJob)
	v.wants(v.follow("/demo/webhooks", `href="(/demo/webhooks/\d+)">check.down, `+tourJob), "Verified", "webhook-signature: v1,", "check.down")

	line := regexp.MustCompile(`curl -fsS (http://\S+)`).FindStringSubmatch(server.Output())
	if line == nil {
		t.Fatalf("no line to report with:\n%s", server.Output())
	}
	if got := curl(t, line[1]); got.status != http.StatusOK {
		t.Fatalf("the report was answered %d %q", got.status, got.body)
	}
	v.prints(20*time.Second, "mail to ana@example.test: Up: "+tourJob)
	v.wants(v.get("/demo"), "It reported again.")
	v.wants(v.get("/deliveries"), tourJob)

	if files := names(t, d.Temp); len(files) != 1 || !strings.HasPrefix(files[0], "rollcall-demo-") {
		t.Errorf("its temporary files are %q", files)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := server.Interrupt(ctx); err != nil {
		t.Error(err)
	}
	for _, dir := range []string{d.Temp, d.Dir} {
		if left := names(t, dir); len(left) > 0 {
			t.Errorf("it leaves %q behind", left)
		}
	}
}

func names(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

// newcomer is somebody with a browser.
type newcomer struct {
	*testing.T
	server *e2e.Server
	client *http.Client
}

func visitor(t *testing.T, server *e2e.Server) newcomer {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return newcomer{t, server, &http.Client{Jar: jar, Timeout: 10 * time.Second}}
}

// logIn follows the link that was printed and presses the button on its page.
func (n newcomer) logIn() {
	n.Helper()
	link := regexp.MustCompile(`http://[^/\s]+(/demo)\s`).FindStringSubmatch(n.server.Output())
	if link == nil {
		n.Fatalf("no link to follow:\n%s", n.server.Output())
	}
	form := url.Values{}
	for _, field := range regexp.MustCompile(`<input type="hidden" name="(\w+)" value="([^"]*)">`).FindAllStringSubmatch(n.get(link[1]), -1) {
		form.Set(field[1], field[2])
	}
	answer, err := n.client.PostForm(n.server.URL("/login"), form)
	n.wants(n.read(answer, err), "<h1>Checks</h1>", tourJob, "Warehouse load")
}

func (n newcomer) get(path string) string {
	n.Helper()
	answer, err := n.client.Get(n.server.URL(path))
	return n.read(answer, err)
}

func (n newcomer) read(answer *http.Response, err error) string {
	n.Helper()
	if err != nil {
		n.Fatal(err)
	}
	defer answer.Body.Close()
	page, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		n.Fatalf("answered %d: %v\n%s", answer.StatusCode, err, page)
	}
	return string(page)
}

// follow opens what a page links to.
func (n newcomer) follow(path, link string) string {
	n.Helper()
	page := n.get(path)
	found := regexp.MustCompile(link).FindStringSubmatch(page)
	if found == nil {
		n.Fatalf("%s has no link %s:\n%s", path, link, page)
	}
	return n.get(found[1])
}

// wants checks that a page holds the given texts.
func (n newcomer) wants(page string, texts ...string) {
	n.Helper()
	for _, text := range texts {
		if !strings.Contains(page, text) {
			n.Errorf("the page lacks %q:\n%s", text, page)
		}
	}
}

// prints waits until the demo has printed a text.
func (n newcomer) prints(limit time.Duration, text string) {
	n.Helper()
	eventually(n.T, limit, "it prints: "+text, func() bool { return strings.Contains(n.server.Output(), text) })
}
