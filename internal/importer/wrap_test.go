package importer_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"rollcall/internal/importer"
)

// The ways in which crons treat a backslash before a percent sign.
type percents int

const (
	stripsPercent percents = iota // cronie, BusyBox
	stripsBoth                    // the BSDs: \\ becomes \ too
	stripsNothing                 // old Vixie cron: the shell takes it off, or not
)

// cron is what a cron makes of the command of a line: the text for the shell,
// and its standard input.
func cron(line string, how percents) (command, input string) {
	var out strings.Builder
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '%':
			return out.String(), strings.ReplaceAll(line[i+1:], "%", "\n") + "\n"
		case c == '\\' && i+1 < len(line):
			i++
			strip := line[i] == '%' && how != stripsNothing || line[i] == '\\' && how == stripsBoth
			if !strip {
				out.WriteByte('\\')
			}
			out.WriteByte(line[i])
		default:
			out.WriteByte(c)
		}
	}
	return out.String(), ""
}

// outcome is what a command did.
type outcome struct {
	output string
	status int
	pinged bool
}

// TestJobsDoTheSameWhenTheyReport runs nasty commands as cron would, before and
// after the edit, and compares what they print and return. The programs curl and
// rollcall stand in for the real ones: one notes that it was called, the other
// runs what it is given.
func TestJobsDoTheSameWhenTheyReport(t *testing.T) {
	bin, pinged := t.TempDir(), filepath.Join(t.TempDir(), "pinged")
	for name, script := range map[string]string{
		"curl":     "#!/bin/sh\necho \"$@\" >> " + pinged + "\n",
		"rollcall": "#!/bin/sh\necho \"$@\" >> " + pinged + "\nwhile [ \"$1\" != -- ]; do shift; done\nshift\nexec \"$@\"\n",
	} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	run := func(shell, line string, how percents) outcome {
		t.Helper()
		_ = os.Remove(pinged)
		command, input := cron(line, how)
		cmd := exec.CommandContext(t.Context(), shell, "-c", command)
		var out bytes.Buffer
		cmd.Dir, cmd.Stdin, cmd.Stdout = t.TempDir(), strings.NewReader(input), &out
		cmd.Env = []string{"PATH=" + bin + ":/usr/bin:/bin", "HOME=/nonexistent", "WHO=it's me"}
		err := cmd.Run()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Fatalf("%s: %v", command, err)
		}
		_, err = os.Stat(pinged)
		status := cmd.ProcessState.ExitCode()
		if signalled := cmd.ProcessState.Sys().(syscall.WaitStatus); signalled.Signaled() {
			status = 128 + int(signalled.Signal()) // as a shell says it
		}
		return outcome{out.String(), status, err == nil}
	}
	for _, command := range []string{
		`echo plain words`,
		`echo trailing   `,
		`echo "double $WHO" 'single $WHO' back\ slash \'q\'`,
		`false`,
		`echo a; false; echo b`,
		`echo a;`,
		`echo a; exit 7`,
		`exit 7`,
		`exec echo replaced`,
		`(exit 5)`,
		`false || echo saved`,
		`false && echo never`,
		`echo x && false || (exit 4)`,
		`echo abc | tr a-c A-C | cat`,
		`echo abc | false`,
		`echo hidden > /dev/null 2>&1`,
		`echo out > f && cat < f`,
		`echo err 1>&2`,
		`{ echo in braces; }`,
		`! true`,
		`! false`,
		`if true; then echo yes; else echo no; fi`,
		`for i in 1 2 3; do echo $i; done`,
		`case x in x) echo matched;; esac`,
		`echo before # echo after`,
		`echo no#comment`,
		`echo '# quoted'`,
		`echo "$(echo "nested # '")"`,
		"echo `echo back`",
		`true & wait; echo done`,
		`true &`,
		`trap 'echo bye' EXIT; echo hi`,
		`set -e; false; echo unreachable`,
		`cd / && pwd`,
		`cd /; pwd`,
		`X=1; echo $X${X:-no}$((X+1))`,
		`X=1 sh -c 'echo $X'`,
		`X=5`,
		`date +\%Y > /dev/null; echo 100\%`,
		`echo 100\%`,
		`printf '\%s\n' a`,
		`printf '%%s' never`,
		`cat%first%second`,
		`cat; echo end%first%%third`,
		`tr a-z A-Z|cat%shout 100\%`,
		`echo 'quo%te'`,
		`echo 'unbalanced`,
		`echo unbalanced "`,
		`echo back\`,
		`echo space\ `,
		`echo a\\b '\\' "\\"`,
		`echo '\'`,
		`echo \\%input`,
		`cat <<E`,
		`echo ~ * ?`,
		`test -d / && echo there`,
		`[ -d /nowhere ] || echo absent`,
		`umask 077`,
		`nosuchprogram --x`,
		`eval exit 3`,
		`. /dev/null; echo sourced`,
		`return 2`,
		`kill -9 $$`,
	} {
		hows := []percents{stripsPercent, stripsBoth, stripsNothing}
		if !strings.Contains(command, `\`) {
			hows = hows[:1]
		}
		for _, how := range hows {
			for _, shell := range []string{"/bin/sh", "/bin/bash"} {
				before := run(shell, command, how)
				for _, wrapped := range []importer.Reporting{curlTo, {Run: filepath.Join(bin, "rollcall"), URL: curlTo.URL}} {
					found, err := importer.ReadCrontabs([]importer.Crontab{{Name: "c", Text: "SHELL=" + shell + "\n* * * * * " + command + "\n"}}, importer.Place{})
					if err != nil || len(found.Checks) != 1 {
						t.Fatalf("%s: %v %s", command, err, told(found.Notes))
					}
					edited, _ := found.Edited(0, wrapped)
					_, line, _ := strings.Cut(strings.TrimSuffix(edited, "\n"), "* * * * * ")
					after := run(shell, line, how)
					want := before
					want.pinged = wrapped.Run != "" || before.status == 0
					if after != want {
						t.Errorf("under %s, %d: %s\n did    %+v, and edited,\n%s\n did    %+v,\n wanted %+v", shell, how, command, before, line, after, want)
					}
				}
			}
		}
	}
}

func TestRunTakesASimpleCommandAsItIs(t *testing.T) {
	how := importer.Reporting{Run: "/usr/local/bin/rollcall", URL: curlTo.URL}
	for command, want := range map[string]string{
		`/opt/backup.sh --to /b`: `/usr/local/bin/rollcall run --check https://r/ping/k/backup -- /opt/backup.sh --to /b`,
		`date +\%F`:              `/usr/local/bin/rollcall run --check https://r/ping/k/date -- date +\%F`,
		`cat%input`:              `/usr/local/bin/rollcall run --check https://r/ping/k/cat -- cat%input`,
		`X=1 /opt/a`:             `/usr/local/bin/rollcall run --check https://r/ping/k/a -- /bin/sh -c 'X=1 /opt/a'`,
		`cd /`:                   `/usr/local/bin/rollcall run --check https://r/ping/k/cd -- /bin/sh -c 'cd /'`,
		`/opt/a > /dev/null`:     `/usr/local/bin/rollcall run --check https://r/ping/k/a -- /bin/sh -c '/opt/a > /dev/null'`,
		`/opt/a "it's"`:          `/usr/local/bin/rollcall run --check https://r/ping/k/a -- /bin/sh -c '/opt/a "it'\''s"'`,
	} {
		found, err := importer.ReadCrontabs([]importer.Crontab{{Name: "c", Text: "@daily " + command}}, importer.Place{})
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := found.Edited(0, how); got != "@daily "+want {
			t.Errorf("got  %s\nwant @daily %s", got, want)
		}
	}
}

func TestAnAddressIsQuotedForTheShellAndForCron(t *testing.T) {
	found, err := importer.ReadCrontabs([]importer.Crontab{{Name: "c", Text: "@daily x"}}, importer.Place{})
	if err != nil {
		t.Fatal(err)
	}
	got, _ := found.Edited(0, importer.Reporting{URL: func(string) string { return "https://r/a%20b/ping/x?c=1&d" }})
	if want := `@daily x && curl -fsS -m 10 --retry 5 --retry-connrefused -o /dev/null 'https://r/a\%20b/ping/x?c=1&d'`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
