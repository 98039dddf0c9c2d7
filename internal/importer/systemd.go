package importer

import (
	"cmp"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"rollcall/internal/schedule"
)

// Unit is a unit file of systemd with its drop-ins behind it.
type Unit struct {
	Path string // such as /etc/systemd/system/backup.timer
	Text string
}

func (u Unit) name() string { return path.Base(u.Path) }

// dropInDir is where the administrator's drop-ins for a unit are kept: units of
// packages are not to be changed.
func (u Unit) dropInDir() string {
	dir := path.Dir(u.Path)
	switch {
	case strings.HasPrefix(dir, "/usr/") || strings.HasPrefix(dir, "/lib/") || strings.HasPrefix(dir, "/run/"):
		return "/etc/systemd/" + path.Base(strings.TrimSuffix(dir, "/timers.target.wants"))
	case strings.HasSuffix(dir, ".wants"):
		return path.Dir(dir)
	}
	return dir
}

// Timers are the timers of a machine that were read together.
type Timers struct {
	Import
	services []timedService
}

// timedService is a service that a timer starts.
type timedService struct{ dir, name, slug string }

var unitHeading = regexp.MustCompile(`^# (/\S+)$`)

// SplitUnits takes apart what systemctl cat prints: unit files, each below a
// comment with its path.
func SplitUnits(text string) []Unit {
	var units []Unit
	at := map[string]int{}
	current := -1
	for line := range strings.Lines(text) {
		if heading := unitHeading.FindStringSubmatch(strings.TrimRight(line, "\r\n")); heading != nil {
			unit := Unit{Path: heading[1]}
			if owner, dropIn := strings.CutSuffix(path.Dir(unit.Path), ".d"); dropIn {
				unit.Path = owner
			}
			known := false
			if current, known = at[unit.name()]; !known {
				current = len(units)
				at[unit.name()] = current
				units = append(units, unit)
			}
			continue
		}
		if current >= 0 {
			units[current].Text += line
		}
	}
	return units
}

// ReadTimers reads the timers among units. A timer that follows a calendar, or
// that starts its unit every so often, becomes a check; the delay that systemd
// adds by chance is added to its grace.
func ReadTimers(units []Unit, place Place) (Timers, error) {
	var all Timers
	taken := slugs{}
	for _, unit := range units {
		name := oneLine(unit.name(), longestUnit)
		base, isTimer := strings.CutSuffix(name, ".timer")
		switch {
		case !isTimer:
			continue
		case strings.HasSuffix(base, "@"):
			all.note(name, "is a template; give the files of its instances")
			continue
		}
		t := parseTimer(unit.Text)
		spec, why := t.schedule(place.Zone)
		if why != "" {
			all.note(name, "%s", why)
			continue
		}
		if len(t.calendar) > 0 && t.active != 0 {
			all.note(name, "the check follows OnCalendar= alone, not OnUnitActiveSec=")
		}
		check := Check{
			Name: placed(name, place.Prefix), Slug: taken.take(place.Prefix+" "+name, "timer"), Tags: place.tags(),
			Schedule: spec, Grace: graceFor(spec) + t.delay, Chosen: true,
		}
		added, err := all.add(name, check)
		if err != nil {
			return all, err
		}
		if added {
			service := oneLine(cmp.Or(t.unit, base+".service"), longestUnit)
			all.services = append(all.services, timedService{unit.dropInDir(), service, check.Slug})
		}
	}
	return all, nil
}

// longestUnit is how long the name of a unit can be.
const longestUnit = 255

// timer is what counts of a [Timer] section.
type timer struct {
	calendar []string
	active   time.Duration // OnUnitActiveSec
	other    string        // a setting that says when, but not how often
	delay    time.Duration // RandomizedDelaySec
	unit     string
}

// parseTimer reads the [Timer] sections of a unit file. An empty value takes back
// what was set before, as in systemd.
func parseTimer(text string) timer {
	var t timer
	section := ""
	for _, line := range unitLines(text) {
		if strings.HasPrefix(line, "[") {
			section = line
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if key, value = strings.TrimSpace(key), strings.TrimSpace(value); !ok || section != "[Timer]" {
			continue
		}
		switch key {
		case "OnCalendar":
			t.calendar = append(t.calendar, value)
		case "OnUnitActiveSec":
			t.active, _ = parseSpan(value)
		case "OnActiveSec", "OnBootSec", "OnStartupSec", "OnUnitInactiveSec":
			t.other = key
		case "RandomizedDelaySec":
			t.delay, _ = parseSpan(value)
		case "Unit":
			t.unit = value
		}
		if value == "" && strings.HasPrefix(key, "On") {
			t.calendar, t.active, t.other = nil, 0, ""
		}
	}
	return t
}

// unitLines are the lines of a unit file without comments; one that ends in a
// backslash goes on in the next.
func unitLines(text string) []string {
	var lines []string
	var open strings.Builder
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" && open.Len() == 0 || strings.HasPrefix(line, "#") || strings.HasPrefix(line, ";") {
			continue
		}
		if begun, more := strings.CutSuffix(line, `\`); more {
			open.WriteString(begun + " ")
			continue
		}
		lines = append(lines, open.String()+line)
		open.Reset()
	}
	return lines
}

// schedule is when the timer starts its unit, or why that cannot be said.
func (t timer) schedule(zone string) (spec schedule.Spec, why string) {
	switch {
	case len(t.calendar) > 0:
		return schedule.Spec{Kind: schedule.OnCalendar, Expr: strings.Join(t.calendar, "\n"), Zone: zone}, ""
	case t.active != 0:
		return schedule.Spec{Kind: schedule.Every, Period: clamp(t.active)}, ""
	case t.other != "":
		return spec, fmt.Sprintf("%s= does not say how often it runs: no check; make one with a period for it", t.other)
	}
	return spec, "has no OnCalendar= and no OnUnitActiveSec=: no check"
}

// DropIn is a file that makes a service report.
type DropIn struct {
	Path string
	Text string
}

// DropIns returns the files that make the services of the timers report their
// ends, successful or not. A slug without an address is left out.
func (t Timers) DropIns(url func(slug string) string) []DropIn {
	var files []DropIn
	for _, service := range t.services {
		address := url(service.slug)
		if address == "" {
			continue
		}
		file := path.Join(service.dir, service.name+".d", "rollcall.conf")
		at := slices.IndexFunc(files, func(f DropIn) bool { return f.Path == file })
		if at < 0 {
			at = len(files)
			files = append(files, DropIn{file, "[Service]\n"})
		}
		files[at].Text += report(address)
	}
	return files
}

// report is the line that tells what systemd knows of the end of a service: a
// status of the program, or that it was killed or took too long. The dash lets
// the service succeed when the server cannot be reached.
func report(url string) string {
	script := `case $SERVICE_RESULT in success) end=0 ;; exit-code) end=$EXIT_STATUS ;; *) end=fail ;; esac; ` +
		curl(url+"/") + `"$end"`
	escaped := strings.NewReplacer(`%`, `%%`, `$`, `$$`, `\`, `\\`, `'`, `\'`).Replace(script)
	return "ExecStopPost=-/bin/sh -c '" + escaped + "'\n"
}
