package web_test

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"rollcall/internal/doctest"
	"rollcall/internal/ingest"
	"rollcall/web"
)

// Every example that calls an address does so, with curl and in a shell, and is
// answered well.
func TestDocsExamplesWork(t *testing.T) {
	ctx, stop := context.WithCancel(context.Background())
	var in *ingest.Ingest
	s := newSite(t, func(cfg *web.Config) {
		in = ingest.New(cfg.Store, ingest.Options{Now: cfg.Now, Log: slog.New(slog.DiscardHandler)})
		cfg.Pings = web.NewPings(web.PingConfig{Ingest: in, Directory: cfg.Store, Now: cfg.Now})
	})
	done := make(chan error, 1)
	go func() { done <- in.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		s.ok(<-done)
	})
	server, check := listen(s), s.addCheck(s.project.ID, "nightly")

	dir := t.TempDir()
	s.ok(os.WriteFile(filepath.Join(dir, "backup"), []byte("#!/bin/sh\necho 12 GB in 2 h\n"), 0o700))
	real := strings.NewReplacer("https://rollcall.example.org", server.url, "PING-KEY", s.project.PingKey, "API-KEY", rwKey, "/usr/local/bin/backup", "backup")
	words := map[string]string{"UUID": check.UUID.String(), "TOKEN": check.UUID.String(), "KEY": s.project.PingKey}
	placeholder := regexp.MustCompile(`\b(UUID|TOKEN|KEY)\b`)
	calls := regexp.MustCompile(`\bcurl (-f)?`)
	ran := 0
	for _, example := range doctest.Examples(t) {
		found := calls.FindAllStringSubmatch(example.Text, -1)
		if len(found) == 0 {
			continue
		}
		for _, call := range found {
			if call[1] == "" {
				t.Errorf("docs/%s: without -f nobody would notice that it failed:\n%s", example.File, example.Text)
			}
		}
		script := placeholder.ReplaceAllStringFunc(real.Replace(example.Text), func(word string) string { return words[word] })
		run := exec.CommandContext(t.Context(), "sh", "-eu", "-c", script)
		run.Dir, run.Env = dir, append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"))
		if out, err := run.CombinedOutput(); err != nil {
			t.Errorf("docs/%s: %v\n%s\n%s", example.File, err, script, out)
		}
		ran += len(found)
	}
	if ran < 20 {
		t.Errorf("only %d calls", ran)
	}
	if c, err := s.st.Check(t.Context(), s.project.ID, check.UUID); err != nil || c.NPings < 12 {
		t.Errorf("%d pings have arrived (%v)", c.NPings, err)
	}
}
