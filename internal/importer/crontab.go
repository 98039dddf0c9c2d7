package importer

import (
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"rollcall/internal/schedule"
)

// Crontab is the text of a crontab and what is known of it.
type Crontab struct {
	Name   string // for people: a path, or "crontab"
	Text   string
	System bool // it has a column for the user, as /etc/crontab and /etc/cron.d have
}

// Place is where jobs run that do not say it themselves.
type Place struct {
	// Zone is the time zone of the machine.
	Zone string
	// Prefix tells the jobs of this machine and user from those of others: it
	// begins the slugs and is a tag. It may be empty.
	Prefix string
}

func (p Place) tags() []string {
	if p.Prefix == "" {
		return nil
	}
	return []string{p.Prefix}
}

// Crontabs are crontabs that were read together.
type Crontabs struct {
	Import
	files []crontabFile
}

// crontabFile is a crontab in lines, each with its line break.
type crontabFile struct {
	Crontab
	lines []string
	jobs  []cronJob
}

// cronJob is a line with a command.
type cronJob struct {
	line       int // index into lines
	start, end int // of the command in its line, without what is its standard input
	shell      string
	spec       schedule.Spec
	slug       string
	edit       bool // the command gets a ping
}

// ReadCrontabs reads crontabs. The slug of a job is made of its command, so that
// reading the same files again gives the same slugs; a job that pings already
// keeps its slug from being given to another.
//
// The zone of a schedule is what CRON_TZ says, else the place's. TZ is the zone
// of the commands; cron does not start them by it.
func ReadCrontabs(crontabs []Crontab, place Place) (Crontabs, error) {
	var all Crontabs
	taken := slugs{}
	for _, c := range crontabs {
		file := crontabFile{Crontab: c, lines: slices.Collect(strings.Lines(c.Text))}
		all.parse(&file, place)
		for i := range file.jobs {
			if job := &file.jobs[i]; !job.edit {
				job.slug = taken.take(place.Prefix+" "+commandName(file.command(*job)), "job")
			}
		}
		all.files = append(all.files, file)
	}
	for _, file := range all.files {
		for i := range file.jobs {
			if err := all.addJob(&file, &file.jobs[i], taken, place); err != nil {
				return all, err
			}
		}
	}
	return all, nil
}

func (c *Crontabs) addJob(file *crontabFile, job *cronJob, taken slugs, place Place) error {
	if !job.edit {
		return nil
	}
	name := commandName(file.command(*job))
	job.slug = taken.take(place.Prefix+" "+name, "job")
	check := Check{Name: placed(name, place.Prefix), Slug: job.slug, Tags: place.tags(), Schedule: job.spec, Grace: graceFor(job.spec), Chosen: true}
	at := file.at(job.line)
	if _, err := c.add(at, check); err != nil {
		return err
	}
	if !bourne(job.shell) {
		job.edit = false
		c.note(at, "the line is as it was, because SHELL=%s is no Bourne shell: add the ping to the command yourself", oneLine(job.shell, 60))
	}
	return nil
}

// placed is the name of a job with the machine that runs it.
func placed(name, prefix string) string {
	if prefix == "" {
		return oneLine(name, nameLimit)
	}
	behind := " (" + oneLine(prefix, 40) + ")"
	return oneLine(name, nameLimit-len([]rune(behind))) + behind
}

func (f crontabFile) command(job cronJob) string {
	return unescapePercent(f.lines[job.line][job.start:job.end])
}

// unescapePercent is what the shell is given of a command: cron takes the
// backslash from an escaped percent sign.
func unescapePercent(command string) string { return strings.ReplaceAll(command, `\%`, "%") }

var setting = regexp.MustCompile(`^\s*(?:"([^"]*)"|'([^']*)'|([A-Za-z_][A-Za-z0-9_]*))\s*=\s*(.*)$`)

// parse finds the jobs of a crontab, as cron does: an environment setting holds
// for the lines after it, and no line goes on in the next.
func (c *Crontabs) parse(file *crontabFile, place Place) {
	shell, zone := "/bin/sh", place.Zone
	for i, line := range file.lines {
		text := strings.TrimRight(line, "\r\n")
		switch trimmed := strings.TrimLeft(text, " \t"); {
		case trimmed == "" || trimmed[0] == '#':
			continue
		case setting.MatchString(text):
			found := setting.FindStringSubmatch(text)
			value := unquoted(found[4])
			switch found[1] + found[2] + found[3] {
			case "SHELL":
				shell = value
			case "CRON_TZ":
				zone = strings.TrimPrefix(value, ":")
			case "TZ":
				c.note(file.at(i), "TZ is the zone of the commands, and cron does not start them by it: the zone of the schedules is %s; give --timezone if your cron differs", oneLine(zone, 60))
			}
		default:
			if job, ok := c.job(file, i, text, zone); ok {
				job.shell = shell
				file.jobs = append(file.jobs, job)
			}
		}
	}
}

// unquoted is the value of a setting: quotes around it keep spaces.
func unquoted(value string) string {
	value = strings.Trim(value, " \t")
	if n := len(value); n >= 2 && (value[0] == '"' || value[0] == '\'') && value[n-1] == value[0] {
		return value[1 : n-1]
	}
	return value
}

// job reads a line with a schedule and a command.
func (c *Crontabs) job(file *crontabFile, i int, text, zone string) (cronJob, bool) {
	columns := 5
	if strings.HasPrefix(strings.TrimLeft(text, " \t"), "@") {
		columns = 1
	}
	expr, rest := cutColumns(text, columns)
	if strings.EqualFold(expr, "@reboot") {
		c.note(file.at(i), "runs when the machine starts, which is no schedule: no check")
		return cronJob{}, false
	}
	if file.System {
		_, rest = cutColumns(rest, 1)
	}
	rest = strings.TrimLeft(rest, " \t")
	job := cronJob{line: i, start: len(text) - len(rest), spec: schedule.Spec{Kind: schedule.Cron, Expr: expr, Zone: zone}}
	job.end = job.start + commandLength(rest)
	command := rest[:job.end-job.start]
	if _, err := job.spec.Parse(); err != nil {
		c.note(file.at(i), "left alone: %v", err)
		return job, false
	}
	switch {
	case strings.TrimSpace(command) == "":
		c.note(file.at(i), "left alone: it has no command")
		return job, false
	case len(command) > CommandLimit:
		c.note(file.at(i), "left alone: its command is longer than %d bytes; move it into a script", CommandLimit)
		return job, false
	}
	job.edit = !pinging.MatchString(command)
	if !job.edit {
		c.note(file.at(i), "left alone: it pings already")
	}
	return job, true
}

// pinging recognises commands that report to a monitor.
var pinging = regexp.MustCompile(`(?i)/ping/|/api/push/|hc-ping\.com|healthchecks|cronitor|nosnch\.in|cronhub|ohdear|betterstack|betteruptime|checklyhq|runitor|sentry-cli monitors|rollcall(\.exe)? run\b`)

// cutColumns returns the first words of a line and what is after them.
func cutColumns(text string, n int) (columns, rest string) {
	var words []string
	rest = text
	for range n {
		rest = strings.TrimLeft(rest, " \t")
		end := strings.IndexAny(rest, " \t")
		if end < 0 {
			end = len(rest)
		}
		words = append(words, rest[:end])
		rest = rest[end:]
	}
	return strings.TrimSpace(strings.Join(words, " ")), rest
}

// commandLength is where the command ends and its standard input begins: at the
// first percent sign without a backslash. The shell's quotes mean nothing to
// cron.
func commandLength(text string) int {
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '%':
			return i
		}
	}
	return len(text)
}

// at names a line for people.
func (f crontabFile) at(i int) string { return f.Name + " line " + strconv.Itoa(i+1) }

// bourne reports whether a shell understands what the edit writes.
func bourne(shell string) bool {
	return slices.Contains([]string{"sh", "bash", "dash", "ash", "ksh", "mksh", "zsh"}, path.Base(shell))
}
