package importer

import (
	"cmp"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// commandName is what people would call a job, made of its command: the program
// that does the work, and its subcommand. Options and other arguments stay out,
// because passwords stand in them.
func commandName(command string) string {
	return cmp.Or(oneLine(nameWithin(command, 0), nameLimit), "job")
}

// shellDepth is how many shells within shells are looked into.
const shellDepth = 3

func nameWithin(command string, depth int) string {
	file, err := parseShell(command, syntax.LangBash)
	if err != nil {
		first, _, _ := strings.Cut(strings.TrimSpace(command), " ")
		return programName(first)
	}
	var first, name string
	syntax.Walk(file, func(node syntax.Node) bool {
		call, ok := node.(*syntax.CallExpr)
		if !ok || len(call.Args) == 0 || name != "" {
			return name == ""
		}
		words := make([]string, len(call.Args))
		for i, arg := range call.Args {
			words[i] = literal(arg)
		}
		if first == "" {
			first = programName(words[0])
		}
		name = callName(words, depth)
		return name == ""
	})
	return cmp.Or(name, first)
}

// literal is the text of a word; "" when it is not known before the shell runs.
func literal(word *syntax.Word) string {
	var text strings.Builder
	parts := word.Parts
	if len(parts) == 1 {
		if quoted, ok := parts[0].(*syntax.DblQuoted); ok {
			parts = quoted.Parts
		}
	}
	for _, part := range parts {
		switch part := part.(type) {
		case *syntax.Lit:
			text.WriteString(strings.ReplaceAll(part.Value, `\`, ""))
		case *syntax.SglQuoted:
			text.WriteString(part.Value)
		default:
			return ""
		}
	}
	return text.String()
}

// aside are commands that prepare or test something for the one that counts.
var aside = []string{
	"cd", "test", "[", "export", "set", "umask", "ulimit", "sleep", "true", "false", ":", "echo", "printf", "source", ".", "exit",
	"mkdir", "trap", "pushd", "popd", "date", "which", "pgrep", "hash", "type",
}

// wrapper is a program that runs another one.
type wrapper struct {
	valued string // letters of the options that have a value
	args   int    // how many arguments come before the other program
}

var wrappers = map[string]wrapper{
	"sudo": {"ugpCThRrtD", 0}, "doas": {"uC", 0}, "su": {"gGs", 1}, "runuser": {"ugGs", 0}, "env": {"uSC", 0},
	"nice": {"n", 0}, "ionice": {"cnpPu", 0}, "chrt": {"", 1}, "taskset": {"", 1}, "timeout": {"ks", 1},
	"flock": {"wE", 1}, "setlock": {"", 1}, "lockrun": {"L", 0}, "run-one": {}, "stdbuf": {"ioe", 0},
	"nohup": {}, "time": {}, "exec": {}, "command": {}, "setsid": {}, "chronic": {}, "cronic": {}, "unbuffer": {}, "systemd-inhibit": {},
	"systemd-cat": {"tp", 0}, "xargs": {"IndLPs", 0},
}

var (
	interpreter = regexp.MustCompile(`^(sh|bash|dash|ash|zsh|ksh|python|perl|ruby|php|node|nodejs|java|Rscript|pwsh)[0-9.]*$`)
	subcommand  = regexp.MustCompile(`^[a-z]+([:_.-][a-z]+)*$`)
	assignment  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*=`)
)

// callName names one simple command; "" when another one says more.
func callName(words []string, depth int) string {
	for len(words) > 0 {
		program := path.Base(words[0])
		rest := words[1:]
		found, wraps := wrappers[program]
		switch {
		case words[0] == "", assignment.MatchString(words[0]):
			words = rest
		case words[0] == "-c" && len(rest) > 0 && depth < shellDepth: // of su and flock
			return nameWithin(rest[0], depth+1)
		case slices.Contains(aside, program):
			return ""
		case len(rest) > 0 && rest[0] == "run" && (program == "rollcall" || program == "runitor"):
			words = rest[min(slices.Index(rest, "--")+1, len(rest)):]
			if len(words) == len(rest) {
				return "rollcall run"
			}
		case wraps:
			rest = withoutOptions(rest, found.valued)
			words = rest[min(found.args, len(rest)):]
			if len(words) == 0 {
				return programName(program)
			}
		case interpreter.MatchString(program):
			return scriptName(program, rest, depth)
		case program == "run-parts" && len(rest) > 0:
			return programName(rest[len(rest)-1])
		case program == "curl" || program == "wget":
			return strings.TrimSpace(program + " " + host(rest))
		default:
			return withSubcommand(programName(program), rest)
		}
	}
	return ""
}

// withoutOptions drops the options, and the values of those that have one.
func withoutOptions(words []string, valued string) []string {
	for len(words) > 0 && strings.HasPrefix(words[0], "-") && words[0] != "-c" {
		switch option := words[0]; {
		case option == "--":
			return words[1:]
		case len(option) == 2 && strings.Contains(valued, option[1:]) && len(words) > 1:
			words = words[2:]
		default:
			words = words[1:]
		}
	}
	return words
}

// scriptName names what an interpreter runs.
func scriptName(program string, words []string, depth int) string {
	for i, word := range words {
		last := i+1 == len(words)
		switch {
		case strings.HasSuffix(program, "sh") && strings.HasPrefix(word, "-") && strings.HasSuffix(word, "c") && !last && depth < shellDepth:
			return nameWithin(words[i+1], depth+1)
		case (word == "-m" || word == "-jar") && !last:
			return withSubcommand(programName(words[i+1]), words[i+2:])
		case word == "" || strings.HasPrefix(word, "-"):
		default:
			return withSubcommand(programName(word), words[i+1:])
		}
	}
	return program
}

// longestSubcommand is the length from which a word is rather a secret.
const longestSubcommand = 20

func withSubcommand(name string, words []string) string {
	if len(words) > 0 && len(words[0]) <= longestSubcommand && subcommand.MatchString(words[0]) {
		return name + " " + words[0]
	}
	return name
}

// programName is a program's or a script's name without where it is and in what
// it is written.
func programName(program string) string {
	name := path.Base(program)
	switch extension := path.Ext(name); extension {
	case ".sh", ".bash", ".py", ".pl", ".rb", ".php", ".js", ".jar", ".R":
		name = strings.TrimSuffix(name, extension)
	}
	if name == "." || name == "/" {
		return ""
	}
	return name
}

// host is the host of the first address in words.
func host(words []string) string {
	for _, word := range words {
		if u, err := url.Parse(word); err == nil && u.Host != "" {
			return u.Hostname()
		}
	}
	return ""
}
