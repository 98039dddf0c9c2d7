package doctest

import (
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/syntax"
)

// Example is a block of commands in the documentation.
type Example struct {
	File, Language, Text string
}

var (
	fenced = regexp.MustCompile("(?ms)^```([a-z]+)\n(.*?)^```")
	// job is a line of a crontab: five fields and a command.
	job = regexp.MustCompile(`(?m)^(?:[0-9*/,-]+ +){5} *(.*)$`)
	// unit is what a unit of systemd runs.
	unit = regexp.MustCompile(`(?m)^ExecStart=(.*)$`)
)

// Examples returns what is there to be typed into a shell, put into a crontab or
// into a unit of systemd, as commands.
func Examples(t *testing.T) []Example {
	t.Helper()
	files, err := filepath.Glob(docsFile(t, "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	var all []Example
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range fenced.FindAllStringSubmatch(string(text), -1) {
			example := Example{filepath.Base(file), block[1], block[2]}
			switch example.Language {
			case "sh", "bash":
				all = append(all, example)
			case "crontab", "ini":
				lines := map[string]*regexp.Regexp{"crontab": job, "ini": unit}[example.Language]
				for _, line := range lines.FindAllStringSubmatch(example.Text, -1) {
					all = append(all, Example{example.File, example.Language, line[1] + "\n"})
				}
			}
		}
	}
	return all
}

// Commands returns the commands of the examples that run a program, word by word.
func Commands(t *testing.T, program string) [][]string {
	t.Helper()
	var commands [][]string
	for _, example := range Examples(t) {
		file, err := syntax.NewParser().Parse(strings.NewReader(example.Text), example.File)
		if err != nil {
			t.Errorf("docs/%s: %v in\n%s", example.File, err, example.Text)
			continue
		}
		syntax.Walk(file, func(node syntax.Node) bool {
			call, ok := node.(*syntax.CallExpr)
			if !ok || len(call.Args) == 0 {
				return true
			}
			words, err := expand.Fields(&expand.Config{CmdSubst: func(io.Writer, *syntax.CmdSubst) error { return nil }}, call.Args...)
			if err == nil && len(words) > 0 && path.Base(words[0]) == program {
				commands = append(commands, words)
			}
			return true
		})
	}
	return commands
}
