package web_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"rollcall/internal/monitor"
	"rollcall/internal/prove"
)

// badOutputs are what a job, or a stranger who knows the address, can send as the body
// of a ping: P30 to P36 of the corpus. What they do to a mail is TestBadOutputsInMails
// of internal/alerter.
var badOutputs = []struct{ id, body string }{
	{"P30", "<script>alert(1)</script><img src=x onerror=alert(1)>"},
	{"P31", "{{.}} ${7*7} <%= 1 %> $NAME #{x} %{y}"},
	{"P32", "a\x1b]0;x\ab \x1b[31mred\roverwritten\x00\x9b \u202egpj.exe"},
	{"P33", strings.Repeat("line\n", 5_000)},
	{"P33", strings.Repeat("0123456789", 10_000)},
	{"P34", "curl https://rollcall.example/ping/5f0b6a3e-8c1d-4e57-9a44-2d1f6c0b7e91"},
	{"P35", "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nEND:VCALENDAR\r\n"},
	{"P35", "Content-Type: text/html\r\n\r\n<html><body onload=alert(1)>"},
	{"P35", base64.StdEncoding.EncodeToString(make([]byte, 7_500))},
	{"P36", "<!doctype html><svg onload=alert(1)>\xff\xfe"},
}

// A page shows a body as text and stays the page that it is; who asks for the body
// itself is given a file.
func TestBadOutputs(t *testing.T) {
	trials, violations := 0, 0
	onBothEngines(t, func(s *site) {
		b := s.signedIn()
		for i, bad := range badOutputs {
			trials++
			if !s.Run(fmt.Sprintf("%s/%d", bad.id, i), func(t *testing.T) { b.showOutput(t, bad.body) }) {
				violations++
			}
		}
	})
	prove.Report(t, "INPUT P: every bad ping is answered as documented", trials, violations)
}

func (b *browser) showOutput(t *testing.T, body string) {
	show := func(name, body string) (pages []string, path string) {
		check := b.addCheck(b.project.ID, name)
		b.receive(check, monitor.Ping{Signal: monitor.Fail, Body: []byte(body)})
		path = "/checks/" + check.UUID.String()
		for _, path := range []string{path, path + "/pings/1"} {
			w := b.get(path)
			if w.Code != 200 {
				t.Fatalf("%s: %d", path, w.Code)
			}
			pages = append(pages, w.Body.String())
		}
		return pages, path + "/pings/1/body"
	}
	tame := strings.Map(func(r rune) rune {
		if r < 128 && unicode.IsPrint(r) && !strings.ContainsRune(`<>&"'`, r) || r == '\n' || r == '\r' {
			return r
		}
		return 'x'
	}, body)
	pages, file := show(t.Name()+" bad", body)
	plain, _ := show(t.Name()+" tame", tame)
	for i, page := range pages {
		if diff := cmp.Diff(b.shape("plain", plain[i]), b.shape("page", page)); diff != "" {
			t.Errorf("it changes page %d:\n%s", i, diff)
		}
		if at := strings.IndexFunc(page, func(r rune) bool { return unicode.Is(unicode.Cc, r) && r != '\n' && r != '\t' || r == '\u202e' }); at >= 0 {
			t.Errorf("page %d holds what a terminal or an eye obeys: %q", i, page[max(0, at-20):at+10])
		}
	}
	w := b.ask("GET", file, nil, "Accept", "text/html")
	if w.Code != 200 || w.Body.String() != body {
		t.Errorf("the file is answered %d with %d bytes of %d", w.Code, w.Body.Len(), len(body))
	}
	for name, want := range map[string]string{
		"Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff",
		"Content-Disposition": "attachment;", "Content-Security-Policy": "default-src 'none'; sandbox",
	} {
		if got := w.Header().Get(name); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
