package importer_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rollcall/internal/importer"
	"rollcall/internal/schedule"
)

// told are the words of notes, one a line.
func told(notes []importer.Note) string {
	var lines strings.Builder
	for _, note := range notes {
		lines.WriteString(note.String() + "\n")
	}
	return lines.String()
}

// brief is what a table says of a check: slug, name, schedule, zone, grace.
func brief(checks []importer.Check) string {
	var lines strings.Builder
	for _, c := range checks {
		when := c.Schedule.Expr
		if c.Schedule.Kind == schedule.Every {
			when = "every " + c.Schedule.Period.String()
		}
		lines.WriteString(strings.Join([]string{c.Slug, c.Name, strings.ReplaceAll(when, "\n", " / "), c.Schedule.Zone, c.Grace.String()}, " | ") + "\n")
	}
	return lines.String()
}

// text takes the indentation from a story.
func text(story string) string {
	return strings.ReplaceAll(strings.TrimPrefix(story, "\n"), "\t", "")
}

var curlTo = importer.Reporting{URL: func(slug string) string { return "https://r/ping/k/" + slug }}

const pings = " && curl -fsS -m 10 --retry 5 --retry-connrefused -o /dev/null https://r/ping/k/"

func TestCrontab(t *testing.T) {
	for _, s := range []struct {
		name          string
		system        bool
		crontab       string
		checks, notes string
		edited        string // "" when it stays as it was
	}{
		{
			name: "a job of a user",
			crontab: `
				# nightly
				MAILTO=ops@example.org
				30 2 * * *	/usr/local/bin/backup.sh --password=geheim`,
			checks: `
				web1-backup | backup (web1) | 30 2 * * * | Europe/Riga | 1h0m0s`,
			edited: `
				# nightly
				MAILTO=ops@example.org
				30 2 * * *	/usr/local/bin/backup.sh --password=geheim && curl -fsS -m 10 --retry 5 --retry-connrefused -o /dev/null https://r/ping/k/web1-backup`,
		},
		{
			name: "CRON_TZ is the zone of the lines after it; TZ is the zone of the commands only",
			crontab: `
				0 4 * * * /a
				CRON_TZ=Asia/Tokyo
				0 4 * * * /b
				TZ = "America/New_York"
				0 4 * * * /c`,
			checks: `
				web1-a | a (web1) | 0 4 * * * | Europe/Riga | 1h0m0s
				web1-b | b (web1) | 0 4 * * * | Asia/Tokyo | 1h0m0s
				web1-c | c (web1) | 0 4 * * * | Asia/Tokyo | 1h0m0s`,
			notes: `
				crontab line 4: TZ is the zone of the commands, and cron does not start them by it: the zone of the schedules is Asia/Tokyo; give --timezone if your cron differs`,
			edited: `
				0 4 * * * /a` + pings + `web1-a
				CRON_TZ=Asia/Tokyo
				0 4 * * * /b` + pings + `web1-b
				TZ = "America/New_York"
				0 4 * * * /c` + pings + `web1-c`,
		},
		{
			name:   "a crontab of the system has a column for the user",
			system: true,
			crontab: `
				17 *	* * *	root	cd / && run-parts --report /etc/cron.hourly
				@daily www-data /srv/app/artisan schedule:run`,
			checks: `
				web1-cron-hourly | cron.hourly (web1) | 17 * * * * | Europe/Riga | 6m0s
				web1-artisan-schedule-run | artisan schedule:run (web1) | @daily | Europe/Riga | 1h0m0s`,
			edited: `
				17 *	* * *	root	cd / && run-parts --report /etc/cron.hourly` + pings + `web1-cron-hourly
				@daily www-data /srv/app/artisan schedule:run` + pings + `web1-artisan-schedule-run`,
		},
		{
			name: "what is no schedule is left alone and told",
			crontab: `
				@reboot /usr/bin/agent
				0~59 3 * * * /usr/bin/jitter
				0 0 30 2 * /usr/bin/never
				nonsense
				* * * * *`,
			notes: `
				crontab line 1: runs when the machine starts, which is no schedule: no check
				crontab line 2: left alone: schedule has "0~59" as minute; write numbers from 0 to 59, such as 0-30, or 0,15,30, or */5; ranges go upwards
				crontab line 3: left alone: schedule never comes: no time from 1970 to 2199 fits "0 0 30 2 *"
				crontab line 4: left alone: schedule needs five fields (minute, hour, day of month, month, weekday) and has 1
				crontab line 5: left alone: it has no command`,
		},
		{
			name: "a zone that does not exist is told for each job",
			crontab: `
				CRON_TZ=Mars/Base
				0 0 * * * /usr/bin/a`,
			notes: `
				crontab line 2: left alone: timezone "Mars/Base" is not a time zone; use a name such as Europe/Berlin or UTC`,
		},
		{
			name: "a job that pings already is left alone, and its name stays taken",
			crontab: `
				0 1 * * * /opt/backup.sh home && curl -fsS https://hc-ping.com/x
				0 2 * * * /opt/backup.sh home
				0 3 * * * cronitor exec abc /opt/x
				0 4 * * * /usr/bin/rollcall run --check y -- /opt/y`,
			checks: `
				web1-backup-home-2 | backup home (web1) | 0 2 * * * | Europe/Riga | 1h0m0s`,
			notes: `
				crontab line 1: left alone: it pings already
				crontab line 3: left alone: it pings already
				crontab line 4: left alone: it pings already`,
			edited: `
				0 1 * * * /opt/backup.sh home && curl -fsS https://hc-ping.com/x
				0 2 * * * /opt/backup.sh home` + pings + `web1-backup-home-2
				0 3 * * * cronitor exec abc /opt/x
				0 4 * * * /usr/bin/rollcall run --check y -- /opt/y`,
		},
		{
			name: "what follows a percent sign is input, and the ping stands before it",
			crontab: `
				0 1 * * 1 mail -s Hi ops%Dear all,%bye
				0 2 1 * * tar czf /b/$(date +\%F).tgz /home`,
			checks: `
				web1-mail | mail (web1) | 0 1 * * 1 | Europe/Riga | 1h0m0s
				web1-tar-czf | tar czf (web1) | 0 2 1 * * | Europe/Riga | 1h0m0s`,
			edited: `
				0 1 * * 1 mail -s Hi ops` + pings + `web1-mail%Dear all,%bye
				0 2 1 * * tar czf /b/$(date +\%F).tgz /home` + pings + `web1-tar-czf`,
		},
		{
			name: "a ping that would belong to a part of the command gets a shell around the whole",
			crontab: `
				SHELL=/bin/bash
				*/5 * * * * cd /srv; make clean # daily
				0 * * * * exec /opt/x
				@hourly echo 'a' "b";`,
			checks: `
				web1-make-clean | make clean (web1) | */5 * * * * | Europe/Riga | 5m0s
				web1-x | x (web1) | 0 * * * * | Europe/Riga | 6m0s
				web1-echo | echo (web1) | @hourly | Europe/Riga | 6m0s`,
			edited: `
				SHELL=/bin/bash
				*/5 * * * * /bin/bash -c 'cd /srv; make clean # daily'` + pings + `web1-make-clean
				0 * * * * /bin/bash -c 'exec /opt/x'` + pings + `web1-x
				@hourly /bin/bash -c 'echo '\''a'\'' "b";'` + pings + `web1-echo`,
		},
		{
			name: "a shell that reads something else is told",
			crontab: `
				SHELL=/usr/bin/fish
				0 0 * * 0 /opt/x`,
			checks: `
				web1-x | x (web1) | 0 0 * * 0 | Europe/Riga | 1h0m0s`,
			notes: `
				crontab line 2: the line is as it was, because SHELL=/usr/bin/fish is no Bourne shell: add the ping to the command yourself`,
		},
		{
			name:    "line breaks of Windows and a missing last one stay",
			crontab: "\n0 1 * * * /opt/a\r\n0 2 * * * /opt/b",
			checks: `
				web1-a | a (web1) | 0 1 * * * | Europe/Riga | 1h0m0s
				web1-b | b (web1) | 0 2 * * * | Europe/Riga | 1h0m0s`,
			edited: "\n0 1 * * * /opt/a" + pings + "web1-a\r\n0 2 * * * /opt/b" + pings + "web1-b",
		},
	} {
		t.Run(s.name, func(t *testing.T) {
			crontab := strings.ReplaceAll(strings.TrimPrefix(s.crontab, "\n"), "\t\t\t\t", "")
			found, err := importer.ReadCrontabs([]importer.Crontab{{Name: "crontab", Text: crontab, System: s.system}}, importer.Place{Zone: "Europe/Riga", Prefix: "web1"})
			if err != nil {
				t.Fatal(err)
			}
			edited, _ := found.Edited(0, curlTo)
			want := crontab
			if s.edited != "" {
				want = strings.ReplaceAll(strings.TrimPrefix(s.edited, "\n"), "\t\t\t\t", "")
			}
			for _, d := range []string{
				cmp.Diff(strings.TrimSpace(text(s.checks)), strings.TrimSpace(brief(found.Checks))),
				cmp.Diff(strings.TrimSpace(text(s.notes)), strings.TrimSpace(told(found.Notes))),
				cmp.Diff(want, edited),
			} {
				if d != "" {
					t.Errorf("-want +got\n%s", d)
				}
			}
		})
	}
}

func TestAnEditedCrontabIsLeftAlone(t *testing.T) {
	const crontab = "0 1 * * * /opt/backup.sh home\n*/5 * * * * cd /srv; ./sync.py\n0 3 * * * a | b > /dev/null 2>&1 %in\n"
	for name, how := range map[string]importer.Reporting{
		"curl": curlTo,
		"run":  {Run: "/usr/local/bin/rollcall", URL: curlTo.URL},
	} {
		place := importer.Place{Zone: "UTC", Prefix: "web1"}
		first, err := importer.ReadCrontabs([]importer.Crontab{{Name: "c", Text: crontab}}, place)
		if err != nil {
			t.Fatal(err)
		}
		edited, notes := first.Edited(0, how)
		again, err := importer.ReadCrontabs([]importer.Crontab{{Name: "c", Text: edited + "0 9 * * * /opt/backup.sh home\n"}}, place)
		if err != nil || len(first.Checks) != 3 || len(notes) != 0 {
			t.Fatal(first.Checks, notes, err)
		}
		if got, want := brief(again.Checks), "web1-backup-home-2 | backup home (web1) | 0 9 * * * | UTC | 1h0m0s\n"; got != want {
			t.Errorf("%s: a new line in the edited crontab\n%s\nis %s, want %s", name, edited, got, want)
		}
	}
}

func TestCrontabsTogetherShareNoSlug(t *testing.T) {
	found, err := importer.ReadCrontabs([]importer.Crontab{
		{Name: "/etc/crontab", Text: "0 1 * * * root /opt/backup\n", System: true},
		{Name: "/etc/cron.d/b", Text: "0 2 * * * root /opt/backup\n", System: true},
	}, importer.Place{Zone: "UTC"})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := brief(found.Checks), "backup | backup | 0 1 * * * | UTC | 1h0m0s\nbackup-2 | backup | 0 2 * * * | UTC | 1h0m0s\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if edited, _ := found.Edited(1, curlTo); edited != "0 2 * * * root /opt/backup"+pings+"backup-2\n" {
		t.Error(edited)
	}
}

func TestLimits(t *testing.T) {
	place := importer.Place{Zone: "UTC"}
	read := func(text string) (importer.Crontabs, error) {
		return importer.ReadCrontabs([]importer.Crontab{{Name: "c", Text: text}}, place)
	}
	many := strings.Repeat("* * * * * x\n", importer.CheckLimit)
	if found, err := read(many); err != nil || len(found.Checks) != importer.CheckLimit {
		t.Errorf("%d checks: %v", len(found.Checks), err)
	}
	if _, err := read(many + "* * * * * x\n"); err == nil || err.Error() != "checks are more than 5000; import them in parts" {
		t.Error(err)
	}
	long := strings.Repeat("x", importer.CommandLimit)
	if found, err := read("* * * * * " + long); err != nil || len(found.Checks) != 1 {
		t.Errorf("%d checks: %v", len(found.Checks), err)
	} else if _, notes := found.Edited(0, curlTo); !strings.Contains(told(notes), "some crons cut after 998") {
		t.Error(told(notes))
	}
	if found, err := read("* * * * * x" + long); err != nil || told(found.Notes) != "c line 1: left alone: its command is longer than 4096 bytes; move it into a script\n" {
		t.Error(told(found.Notes), err)
	}
	if _, err := importer.Read(strings.NewReader(strings.Repeat("x", importer.SizeLimit))); err != nil {
		t.Error(err)
	}
	if _, err := importer.Read(strings.NewReader(strings.Repeat("x", importer.SizeLimit+1))); err == nil ||
		err.Error() != "file is larger than 8 MiB, which is no such file; give the right one, or a part of it" {
		t.Error(err)
	}
}

func TestGraceIsATenthOfTheGap(t *testing.T) {
	for expr, want := range map[string]time.Duration{
		"* * * * *":    5 * time.Minute,
		"*/50 * * * *": 5 * time.Minute,
		"0 * * * *":    6 * time.Minute,
		"0 */4 * * *":  24 * time.Minute,
		"0 9,17 * * *": 48 * time.Minute,
		"0 3 * * *":    time.Hour,
		"0 3 29 2 *":   time.Hour,
	} {
		found, err := importer.ReadCrontabs([]importer.Crontab{{Name: "c", Text: expr + " x"}}, importer.Place{})
		if err != nil || len(found.Checks) != 1 {
			t.Fatal(expr, err)
		}
		if got := found.Checks[0].Grace; got != want {
			t.Errorf("%s: grace %v, want %v", expr, got, want)
		}
	}
}

func TestNamesOfCommands(t *testing.T) {
	for command, want := range map[string]string{
		"/usr/bin/certbot renew --quiet":                                              "certbot renew",
		"/opt/job --token abc123":                                                     "job",
		"mysqldump -uroot -pgeheim shop > /b/shop.sql":                                "mysqldump",
		"python3 /srv/app/manage.py clearsessions":                                    "manage clearsessions",
		"/usr/bin/python3.11 -m app.tasks cleanup":                                    "app.tasks cleanup",
		"java -Xmx1g -jar /opt/report.jar":                                            "report",
		"cd /srv/app && ./bin/rake db:vacuum":                                         "rake db:vacuum",
		"sudo -u www nice -n 19 ionice -c3 /opt/sync.pl now":                          "sync now",
		"/usr/bin/flock -n /run/x.lock -c 'timeout -k 5 60 /opt/y'":                   "y",
		"sh -lc 'cd /x; exec ./z.sh'":                                                 "z",
		"su - postgres -c \"pg_dumpall -f /b\"":                                       "pg_dumpall",
		"FOO=bar BAR=$(hostname) /opt/env.sh":                                         "env",
		"env FOO=bar /opt/env.rb":                                                     "env",
		"[ -x /opt/a ] && /opt/a":                                                     "a",
		"test -x /usr/sbin/anacron || ( cd / && run-parts --report /etc/cron.daily )": "cron.daily",
		"curl -s https://user:geheim@shop.example.org/cron?key=x":                     "curl shop.example.org",
		"$PYTHON /opt/k.py":                                                           "k",
		"for f in *; do gzip $f; done":                                                "gzip",
		"/opt/rollcall run --check x -- /opt/backup home":                             "backup home",
		"docker exec -t db /dump":                                                     "docker exec",
		"echo 'unbalanced":                                                            "echo",
		"$(cat /opt/command)":                                                         "cat",
		"> /var/log/x":                                                                "job",
		"echo hello":                                                                  "echo",
		"\x1b[31m/opt/\u202eevil":                                                     "evil",
	} {
		found, err := importer.ReadCrontabs([]importer.Crontab{{Name: "c", Text: "@daily " + command}}, importer.Place{})
		if err != nil {
			t.Fatal(err)
		}
		if len(found.Checks) == 0 {
			edited := strings.Contains(command, "rollcall run")
			if !edited {
				t.Errorf("%q: %s", command, told(found.Notes))
			}
			continue
		}
		if got := found.Checks[0].Name; got != want {
			t.Errorf("%q is called %q, want %q", command, got, want)
		}
	}
}

// TestEditedCrontabsHoldTheSame is a property: in an edited crontab every line
// has the schedule it had, and the command it had stands in it.
func TestEditedCrontabsHoldTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		run := rapid.SampledFrom([]string{"", "/opt/rollcall"}).Draw(t, "run")
		lines := rapid.SliceOfN(rapid.Map(rapid.SliceOf(rapid.SampledFrom([]string{
			"a", "b c", " ", "'", `"`, `\`, "%", `\%`, ";", "|", "&&", "||", "&", ">", "#", "$x", "$(d)", "(", ")", "{", "}", "`", "!", "exit 3", "<<E", "=",
		})), func(parts []string) string { return "7 3 * * * x" + strings.Join(parts, "") }), 1, 4).Draw(t, "lines")
		crontab := strings.Join(lines, "\n") + "\n"
		found, err := importer.ReadCrontabs([]importer.Crontab{{Name: "c", Text: crontab}}, importer.Place{Zone: "UTC"})
		if err != nil {
			t.Fatal(err)
		}
		edited, _ := found.Edited(0, importer.Reporting{Run: run, URL: curlTo.URL})
		after := strings.Split(strings.TrimSuffix(edited, "\n"), "\n")
		if len(found.Checks) != len(lines) || len(after) != len(lines) {
			t.Fatalf("%d checks, %d lines of %d:\n%s", len(found.Checks), len(after), len(lines), told(found.Notes))
		}
		for i, line := range after {
			if !strings.HasPrefix(line, "7 3 * * * ") {
				t.Fatalf("the schedule changed: %s", line)
			}
			before, input := cron(strings.TrimPrefix(lines[i], "7 3 * * * "), stripsPercent)
			command, inputAfter := cron(strings.TrimPrefix(line, "7 3 * * * "), stripsPercent)
			contained := strings.Contains(command, strings.TrimRight(before, " \t")) ||
				strings.Contains(command, strings.ReplaceAll(before, "'", `'\''`))
			if !contained || input != inputAfter {
				t.Fatalf("%q with the input %q became %q with %q", before, input, command, inputAfter)
			}
		}
		again, err := importer.ReadCrontabs([]importer.Crontab{{Name: "c", Text: edited}}, importer.Place{Zone: "UTC"})
		if err != nil || len(again.Checks) != 0 {
			t.Fatalf("read again, the edited crontab makes checks: %s %v", brief(again.Checks), err)
		}
	})
}
