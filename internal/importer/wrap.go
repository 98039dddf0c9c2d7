package importer

import (
	"regexp"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// Reporting is how a job is made to report.
type Reporting struct {
	// Run is the path of this program, which then runs the job and reports its
	// exit status, duration and output. When it is empty, a curl after the job
	// reports success.
	Run string
	// URL returns the ping address for a slug; "" leaves the job as it is.
	URL func(slug string) string
}

// cutByCron is how long a command may be: several crons cut the rest off, and
// tell nobody.
const cutByCron = 998

// Edited returns the text of a crontab in which the jobs report, by its index,
// and notes about it. What the jobs do, print and return stays as it was.
func (c Crontabs) Edited(index int, how Reporting) (string, []Note) {
	file := c.files[index]
	lines := slices.Clone(file.lines)
	var notes Import
	for _, job := range file.jobs {
		url := ""
		if job.edit {
			url = how.URL(job.slug)
		}
		if url == "" {
			continue
		}
		line := lines[job.line]
		command := how.wrap(line[job.start:job.end], job.shell, url)
		if len(command) > cutByCron {
			notes.note(file.at(job.line), "its command is now %d bytes long, and some crons cut after %d: move it into a script", len(command), cutByCron)
		}
		lines[job.line] = line[:job.start] + command + line[job.end:]
	}
	return strings.Join(lines, ""), notes.Notes
}

// wrap returns a command of a crontab, as it stands there, that also reports.
// What it adds has its percent signs escaped for cron. What was there keeps its
// escapes: in quotes too, cron takes them off before the shell sees them.
func (r Reporting) wrap(command, shell, url string) string {
	given := unescapePercent(command)
	quoted := forCron(shellWord(shell)) + " -c " + singleQuoted(command)
	if r.Run != "" {
		run := forCron(shellWord(r.Run)+" run --check "+shellWord(url)) + " -- "
		if plain(given) {
			return run + command
		}
		return run + quoted
	}
	if appendable(given) {
		quoted = strings.TrimRight(command, " \t")
		if strings.HasSuffix(quoted, `\`) {
			quoted = command // the space is an argument's
		}
	}
	return quoted + forCron(" && "+curl(url))
}

// curl is the command that pings: silent unless it fails, bounded, and patient.
func curl(url string) string {
	return "curl -fsS -m 10 --retry 5 --retry-connrefused -o /dev/null " + shellWord(url)
}

func forCron(text string) string { return strings.ReplaceAll(text, "%", `\%`) }

var safeWord = regexp.MustCompile(`^[A-Za-z0-9_./:@%+,-]+$`)

// shellWord quotes a word for the shell where that is needed.
func shellWord(word string) string {
	if safeWord.MatchString(word) {
		return word
	}
	return singleQuoted(word)
}

func singleQuoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// appendable reports whether " && …" after a command follows on the whole of
// it: simple commands joined by &&, || and |. A comment, a semicolon, a job in
// the background, a compound command or what ends the shell needs a shell of
// its own.
func appendable(command string) bool {
	file, err := parseShell(command, syntax.LangPOSIX)
	return err == nil && len(file.Stmts) == 1 && len(file.Last) == 0 && chained(file.Stmts[0]) && !strings.HasSuffix(command, `\`)
}

func parseShell(command string, variant syntax.LangVariant) (*syntax.File, error) {
	return syntax.NewParser(syntax.Variant(variant), syntax.KeepComments(true)).Parse(strings.NewReader(command), "")
}

func chained(s *syntax.Stmt) bool {
	if s.Background || s.Negated || s.Semicolon.IsValid() || len(s.Comments) > 0 {
		return false
	}
	for _, redirect := range s.Redirs {
		if redirect.Hdoc != nil || redirect.Op == syntax.Hdoc || redirect.Op == syntax.DashHdoc {
			return false
		}
	}
	switch cmd := s.Cmd.(type) {
	case *syntax.CallExpr:
		return len(cmd.Args) > 0 && !slices.Contains(endOfShell, cmd.Args[0].Lit())
	case *syntax.BinaryCmd:
		return chained(cmd.X) && chained(cmd.Y)
	}
	return false
}

// endOfShell are the commands after which the shell may not go on.
var endOfShell = []string{".", "builtin", "command", "eval", "exec", "exit", "return", "set", "source", "trap"}

var plainCommand = regexp.MustCompile(`^[A-Za-z0-9_./:@%+,-]+([ \t]+[A-Za-z0-9_./:@%+,-][A-Za-z0-9_./:=@%+,-]*)*[ \t]*$`)

// plain reports whether a command is a program and its arguments, with nothing
// for a shell to do.
func plain(command string) bool {
	first, _, _ := strings.Cut(strings.ReplaceAll(command, "\t", " "), " ")
	return plainCommand.MatchString(command) && !slices.Contains(shellsOwn, first)
}

// shellsOwn are the words that only a shell understands.
var shellsOwn = []string{
	".", ":", "alias", "bg", "break", "builtin", "case", "cd", "command", "continue", "declare", "do", "done", "elif", "else",
	"esac", "eval", "exec", "exit", "export", "fc", "fg", "fi", "for", "function", "getopts", "hash", "if", "jobs", "let",
	"local", "read", "readonly", "return", "select", "set", "shift", "source", "then", "time", "times", "trap", "type",
	"typeset", "ulimit", "umask", "unalias", "unset", "until", "wait", "while",
}
