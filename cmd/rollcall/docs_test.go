package main_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	main "rollcall/cmd/rollcall"
	"rollcall/internal/client"
	"rollcall/internal/doctest"
	"rollcall/internal/importer"
	"rollcall/internal/provision"
)

func grammar(t *testing.T) *kong.Kong {
	t.Helper()
	parser, err := main.Parser()
	if err != nil {
		t.Fatal(err)
	}
	return parser
}

// flags is a table of the flags of a command.
func flags(node *kong.Node) string {
	var rows [][]string
	for _, flag := range node.Flags {
		if flag.Name == "help" {
			continue
		}
		name := "`--" + flag.Name + "`"
		if flag.Short != 0 {
			name = fmt.Sprintf("`-%c`, %s", flag.Short, name)
		}
		env := ""
		if len(flag.Envs) > 0 {
			env = "`" + strings.Join(flag.Envs, "`, `") + "`"
		}
		rows = append(rows, []string{name, env, asText(flag.Help)})
	}
	if len(rows) == 0 {
		return ""
	}
	return doctest.Table([]string{"flag", "environment", ""}, rows...)
}

// asText is help as Markdown.
func asText(help string) string {
	return strings.NewReplacer("|", `\|`, "*", `\*`, "<", `\<`, "[", `\[`).Replace(help)
}

func TestDocsSayTheFlagsOfTheServer(t *testing.T) {
	for _, leaf := range grammar(t).Model.Leaves(true) {
		if leaf.Name == "serve" {
			doctest.Holds(t, "self-hosting.md", "serve flags", flags(leaf))
			return
		}
	}
	t.Error("there is no serve")
}

func TestDocsSayEveryCommand(t *testing.T) {
	var text strings.Builder
	for _, leaf := range grammar(t).Model.Leaves(true) {
		fmt.Fprintf(&text, "### %s\n\n%s\n\n", leaf.Path(), asText(leaf.Help))
		var arguments [][]string
		for _, argument := range leaf.Positional {
			arguments = append(arguments, []string{"`" + argument.Summary() + "`", asText(argument.Help)})
		}
		if len(arguments) > 0 {
			text.WriteString(doctest.Table([]string{"argument", ""}, arguments...) + "\n")
		}
		if leaf.Name == "serve" {
			text.WriteString("Its flags are the [settings](self-hosting.md#settings).\n\n")
			continue
		}
		text.WriteString(flags(leaf) + "\n")
	}
	doctest.Holds(t, "command-line.md", "commands", text.String())
}

func TestDocsSayTheLimits(t *testing.T) {
	doctest.Holds(t, "command-line.md", "spool", doctest.Limits(
		doctest.Limit{"reports that are kept", doctest.Number(client.SpoolEntries) + ", " + doctest.Size(client.SpoolBytes) + " in all", "the oldest are dropped, and said so"},
		doctest.Limit{"age", doctest.Time(client.SpoolAge), "dropped, and said so"},
		doctest.Limit{"output that is sent", doctest.Number(client.LargestBody) + " bytes", "its end is sent"},
	))
	doctest.Holds(t, "limits.md", "files", doctest.Limits(
		doctest.Limit{"a file to apply", doctest.Size(provision.SizeLimit), "refused"},
		doctest.Limit{"a file to import", doctest.Size(importer.SizeLimit), "refused"},
		doctest.Limit{"checks of one import", doctest.Number(importer.CheckLimit), "refused"},
		doctest.Limit{"a command of a crontab", doctest.Size(importer.CommandLimit), "left alone"},
	))
}

// Every command in an example is one that there is, with flags that it has.
func TestDocsExamplesAreCommands(t *testing.T) {
	seen := 0
	for _, words := range doctest.Commands(t, "rollcall") {
		seen++
		if _, err := grammar(t).Parse(words[1:]); err != nil {
			t.Errorf("%s: %v", strings.Join(words, " "), err)
		}
	}
	if seen < 20 {
		t.Errorf("only %d examples", seen)
	}
}
