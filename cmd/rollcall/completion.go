package main

import (
	"context"
	_ "embed"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"rollcall/internal/client"
)

// completion makes shells complete the command line. The scripts only pass on
// what was typed; what may follow is read from the same grammar that parses it.
type completion struct {
	Bash  completionScript `cmd:"" help:"Print the script for bash."`
	Zsh   completionScript `cmd:"" help:"Print the script for zsh."`
	Fish  completionScript `cmd:"" help:"Print the script for fish."`
	Words completionWords  `cmd:"" hidden:"" help:"Print what may stand at the end of a command line: a word and what it means in each line."`
}

// Help is shown below the flags.
func (completion) Help() string {
	return `Put one of these where your shell reads it when it starts:

  eval "$(rollcall completion bash)"       # ~/.bashrc

  eval "$(rollcall completion zsh)"        # ~/.zshrc, after compinit

  rollcall completion fish | source        # ~/.config/fish/config.fish

With ROLLCALL_URL and an API key in the environment, checks are completed by their slugs.`
}

var (
	//go:embed completion/rollcall.bash
	bashScript string
	//go:embed completion/rollcall.zsh
	zshScript string
	//go:embed completion/rollcall.fish
	fishScript string
)

type completionScript struct{}

// Run implements the command.
func (completionScript) Run(line *kong.Context, streams streams) error {
	script := map[string]string{"bash": bashScript, "zsh": zshScript, "fish": fishScript}[line.Selected().Name]
	_, err := io.WriteString(streams.out, script)
	return err
}

// completionTime is how long a shell waits at most for the slugs of checks.
const completionTime = 2 * time.Second

type completionWords struct {
	Typed []string `arg:"" optional:"" help:"The words behind rollcall, up to the one that is being typed."`
}

// Run implements the command.
func (c completionWords) Run(ctx context.Context, line *kong.Context, streams streams) error {
	ctx, cancel := context.WithTimeout(ctx, completionTime)
	defer cancel()
	typed := []string{""}
	if len(c.Typed) > 0 {
		typed = c.Typed
	}
	for _, word := range complete(line.Model.Node, typed, func() []candidate { return checkSlugs(ctx) }) {
		fmt.Fprintf(streams.out, "%s\t%s\n", word.text, printable(word.means))
	}
	return nil
}

// candidate is a word that may be typed next.
type candidate struct{ text, means string }

// checkSlugs asks the server of the environment. A shell is told of no errors:
// they would stand in the middle of what is typed.
func checkSlugs(ctx context.Context) []candidate {
	api, err := remote{URL: os.Getenv("ROLLCALL_URL"), APIKeyFile: os.Getenv("ROLLCALL_API_KEY_FILE")}.api()
	if err != nil {
		return nil
	}
	all, err := api.Checks(ctx, client.CheckFilter{})
	if err != nil {
		return nil
	}
	var slugs []candidate
	for _, check := range all {
		if plainSlug.MatchString(check.Slug) {
			slugs = append(slugs, candidate{check.Slug, check.Name})
		}
	}
	return slugs
}

// plainSlug is what a slug is made of. Anything else could mean something to the
// shell that inserts it.
var plainSlug = regexp.MustCompile(`^[a-zA-Z0-9_-]+$`)

// complete returns the words that begin as the last of typed does and may stand
// in its place. It returns none where a value is free, such as a file's name.
func complete(node *kong.Node, typed []string, slugs func() []candidate) []candidate {
	at := place{node: node}
	for _, word := range typed[:len(typed)-1] {
		if !at.pass(word) {
			return nil
		}
	}
	last, prefix := typed[len(typed)-1], ""
	if last == "=" && at.awaits != nil {
		last = ""
	} else if name, value, ok := strings.Cut(last, "="); ok && at.flag(name) != nil {
		at.awaits, prefix, last = at.flag(name), name+"=", value
	}
	words := at.candidates(last, slugs)
	words = slices.DeleteFunc(words, func(w candidate) bool { return !strings.HasPrefix(w.text, last) })
	for i := range words {
		words[i].text = prefix + words[i].text
	}
	slices.SortFunc(words, func(a, b candidate) int { return strings.Compare(a.text, b.text) })
	return words
}

// place is where in the grammar a word stands.
type place struct {
	node   *kong.Node
	args   int        // how many arguments it has already
	awaits *kong.Flag // whose value comes next
}

// pass goes behind a word. It returns false where the grammar ends: what comes
// behind "--" is somebody else's command.
func (p *place) pass(word string) bool {
	switch {
	case word == "=" && p.awaits != nil: // bash takes --flag=value apart
		return true
	case p.awaits != nil:
		p.awaits = nil
	case word == "--":
		return false
	case strings.HasPrefix(word, "-") && word != "-":
		name, _, whole := strings.Cut(word, "=")
		if flag := p.flag(name); flag != nil && !whole && !flag.IsBool() && !flag.IsCounter() {
			p.awaits = flag
		}
	default:
		if i := slices.IndexFunc(p.node.Children, func(n *kong.Node) bool { return n.Name == word || slices.Contains(n.Aliases, word) }); i >= 0 {
			p.node, p.args = p.node.Children[i], 0
		} else {
			p.args++
		}
	}
	return true
}

// flag finds a flag of the command, or of those it is part of, as it is typed.
func (p *place) flag(typed string) *kong.Flag {
	for _, flags := range p.node.AllFlags(true) {
		for _, flag := range flags {
			if typed == "--"+flag.Name || flag.Short != 0 && typed == "-"+string(flag.Short) {
				return flag
			}
		}
	}
	return nil
}

func (p *place) candidates(last string, slugs func() []candidate) []candidate {
	if p.awaits != nil {
		return values(p.awaits.Value, slugs)
	}
	var words []candidate
	if strings.HasPrefix(last, "-") {
		for _, flags := range p.node.AllFlags(true) {
			for _, flag := range flags {
				words = append(words, candidate{"--" + flag.Name, flag.Help})
			}
		}
		return words
	}
	for _, child := range p.node.Children {
		if !child.Hidden {
			words = append(words, candidate{child.Name, child.Help})
		}
	}
	if n := len(p.node.Positional); n > 0 {
		if arg := p.node.Positional[min(p.args, n-1)]; p.args < n || arg.IsSlice() {
			words = append(words, values(arg, slugs)...)
		}
	}
	return words
}

// values are the words that a flag or an argument can have: those of its enum,
// or, when it is tagged complete:"checks", the slugs of checks.
func values(v *kong.Value, slugs func() []candidate) []candidate {
	if v.Tag.Get("complete") == "checks" {
		return slugs()
	}
	var words []candidate
	if v.Enum != "" {
		for _, word := range v.EnumSlice() {
			words = append(words, candidate{text: word})
		}
	}
	return words
}
