package templates_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"rollcall/internal/dialect"
	"rollcall/templates"
)

// station notes what is pinged, by the rules of the ping endpoint.
type station struct {
	mu    sync.Mutex // guards heard
	heard []string
}

func (s *station) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	event, wrong := dialect.Healthchecks(r.URL.EscapedPath(), r.URL.RawQuery)
	words := string(event.Ping.Signal)
	if event.Ping.Exit != nil {
		words += fmt.Sprintf(" %d", *event.Ping.Exit)
	}
	if strings.Contains(string(body), "said something") {
		words += ", with output"
	}
	if err := errors.Join(err, wrong); err != nil {
		words = err.Error()
		w.WriteHeader(http.StatusNotFound)
	}
	s.mu.Lock()
	s.heard = append(s.heard, words)
	s.mu.Unlock()
	_, _ = io.WriteString(w, "OK")
}

// bench is a place to run a snippet in.
type bench struct {
	*testing.T
	dir  string
	exit int // of the job
}

// run runs a program to its end and returns its exit status and what it printed.
// The job is found as your-command.
func (b *bench) run(env []string, name string, args ...string) (int, string) {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), name, args...)
	cmd.Dir = b.dir
	cmd.Env = append(os.Environ(), "PATH="+b.dir+":"+os.Getenv("PATH"), "GOFLAGS=-mod=mod", "GOWORK=off")
	cmd.Env = append(cmd.Env, env...)
	out, err := cmd.CombinedOutput()
	var exited *exec.ExitError
	if err != nil && !errors.As(err, &exited) {
		b.Fatalf("%s: %v", name, err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

func (b *bench) write(name, text string) string {
	b.Helper()
	path, mode := filepath.Join(b.dir, name), os.FileMode(0o644)
	if name == "your-command" {
		mode = 0o755
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		b.Fatal(err)
	}
	return path
}

// runner runs the text of a snippet and returns how the job ended as its caller
// sees it, and what was printed.
type runner func(b *bench, text string) (exit int, printed string)

func shell(name string) runner {
	return func(b *bench, text string) (int, string) { return b.run(nil, name, b.write("job.sh", text)) }
}

// runCrontab runs what stands behind the times, as cron does. Cron does not care how
// a line ends.
func runCrontab(b *bench, text string) (int, string) {
	_, printed := b.run(nil, "sh", "-c", strings.SplitN(text, " ", 6)[5])
	return b.exit, printed
}

// runUnit lets systemd read the unit, and then does what systemd does with its lines.
func runUnit(b *bench, text string) (int, string) {
	text = strings.ReplaceAll(text, "/usr/local/bin/", b.dir+"/")
	if exit, said := b.run(nil, "systemd-analyze", "verify", b.write("job.service", text)); exit != 0 || strings.Contains(said, "job.service") {
		b.Errorf("systemd reads it: %d %s", exit, said)
	}
	var env []string
	exit, printed := 0, ""
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		value = strings.TrimPrefix(value, "-")
		switch key {
		case "Environment":
			env = append(env, value)
		case "ExecStart":
			exit, printed = b.run(env, value)
			result := "SERVICE_RESULT=success"
			if exit != 0 {
				result = "SERVICE_RESULT=exit-code"
			}
			env = append(env, result, fmt.Sprint("EXIT_STATUS=", exit))
		case "ExecStartPre", "ExecStopPost":
			script, found := strings.CutPrefix(value, "/bin/sh -c '")
			if !found {
				b.Fatalf("%s is %q", key, value)
			}
			b.run(env, "/bin/sh", "-c", strings.ReplaceAll(strings.TrimSuffix(script, "'"), "$$", "$"))
		}
	}
	return exit, printed
}

func runPython(b *bench, text string) (int, string) {
	own := "def job():\n    print('said something')\n    if " + fmt.Sprint(b.exit) + ":\n        raise RuntimeError('said something')\n"
	return b.run(nil, "python3", b.write("job.py", own+text))
}

func runGo(b *bench, text string) (int, string) {
	b.write("go.mod", "module job\n\ngo 1.24\n")
	b.write("main.go", text+"\n")
	b.write("job.go", fmt.Sprintf(`package main

import (
	"errors"
	"fmt"
)

func job() error {
	fmt.Println("said something")
	if %d != 0 {
		return errors.New("said something")
	}
	return nil
}
`, b.exit))
	if exit, said := b.run(nil, "go", "vet", "."); exit != 0 {
		b.Fatalf("go vet: %s", said)
	}
	if exit, said := b.run(nil, "gofmt", "-l", "main.go"); exit != 0 || said != "" {
		b.Errorf("gofmt: %s", said)
	}
	if exit, said := b.run(nil, "go", "build", "-o", "job", "."); exit != 0 {
		b.Fatalf("go build: %s", said)
	}
	return b.run(nil, filepath.Join(b.dir, "job"))
}

func runNode(b *bench, text string) (int, string) {
	own := fmt.Sprintf("const job = async () => { console.log('said something'); if (%d) throw new Error('said something'); };\n", b.exit)
	return b.run(nil, "node", b.write("job.mjs", own+text))
}

// runWorkflow does the steps of a workflow as a runner of GitHub does.
func runWorkflow(b *bench, text string) (int, string) {
	var workflow struct {
		On struct {
			Schedule []struct{ Cron string }
		}
		Jobs map[string]struct {
			RunsOn string `yaml:"runs-on"`
			Env    map[string]string
			Steps  []struct{ If, Run string }
		}
	}
	decode(b, text, &workflow)
	job, found := workflow.Jobs["offsite-backup"]
	if !found || len(workflow.On.Schedule) != 1 || workflow.On.Schedule[0].Cron != "0 2 * * *" || job.RunsOn == "" {
		b.Errorf("reads as %+v", workflow)
	}
	exit, printed, status := 0, "", "success"
	expression := regexp.MustCompile(`\$\{\{.*?\}\}`)
	for _, step := range job.Steps {
		if exit != 0 && step.If != "always()" {
			continue
		}
		script := expression.ReplaceAllStringFunc(step.Run, func(words string) string {
			if words != "${{ job.status == 'success' && '0' || 'fail' }}" {
				b.Errorf("expression %s", words)
			}
			if status == "success" {
				return "0"
			}
			return "fail"
		})
		code, said := b.run([]string{"URL=" + job.Env["URL"]}, "bash", "-e", "-c", script)
		if printed += said; code != 0 {
			exit, status = code, "failure"
		}
	}
	return exit, printed
}

// runPod does what the container of a CronJob does.
func runPod(b *bench, text string) (int, string) {
	type container struct {
		Name, Image   string
		Command, Args []string
		Env           []struct{ Name, Value string }
	}
	var cron struct {
		APIVersion string `yaml:"apiVersion"`
		Kind       string
		Metadata   struct{ Name string }
		Spec       struct {
			Schedule          string
			TimeZone          string `yaml:"timeZone"`
			ConcurrencyPolicy string `yaml:"concurrencyPolicy"`
			JobTemplate       struct {
				Spec struct {
					BackoffLimit *int `yaml:"backoffLimit"`
					Template     struct {
						Spec struct {
							RestartPolicy string `yaml:"restartPolicy"`
							Containers    []container
						}
					}
				}
			} `yaml:"jobTemplate"`
		}
	}
	decode(b, text, &cron)
	pod := cron.Spec.JobTemplate.Spec.Template.Spec
	if cron.APIVersion != "batch/v1" || cron.Kind != "CronJob" || cron.Metadata.Name != "offsite-backup" || cron.Spec.Schedule != "0 2 * * *" ||
		cron.Spec.TimeZone != "Europe/Berlin" || pod.RestartPolicy != "Never" || len(pod.Containers) != 1 {
		b.Fatalf("reads as %+v", cron)
	}
	c := pod.Containers[0]
	var env []string
	for _, e := range c.Env {
		env = append(env, e.Name+"="+e.Value)
	}
	return b.run(env, c.Command[0], append(c.Command[1:], c.Args...)...)
}

// decode reads YAML and knows every member.
func decode(b *bench, text string, into any) {
	b.Helper()
	decoder := yaml.NewDecoder(strings.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(into); err != nil {
		b.Fatalf("%v in\n%s", err, text)
	}
}

// Every snippet says how the job went, lets its exit status stand, and does not care
// when nobody listens.
func TestSnippets(t *testing.T) {
	for name, test := range map[string]struct {
		run       runner
		good, bad []string
		exit      int // as the caller sees a job that ends with 3
	}{
		"curl":           {shell("sh"), []string{"success 0"}, []string{"fail 3"}, 3},
		"crontab":        {runCrontab, []string{"success 0"}, []string{"fail 3"}, 3},
		"bash":           {shell("bash"), []string{"start", "success 0, with output"}, []string{"start", "fail 3, with output"}, 3},
		"systemd":        {runUnit, []string{"start", "success 0"}, []string{"start", "fail 3"}, 3},
		"Python":         {runPython, []string{"start", "success 0"}, []string{"start", "fail 1, with output"}, 1},
		"Go":             {runGo, []string{"start", "success 0"}, []string{"start", "fail 1, with output"}, 1},
		"Node":           {runNode, []string{"start", "success 0"}, []string{"start", "fail 1, with output"}, 1},
		"GitHub Actions": {runWorkflow, []string{"start", "success 0"}, []string{"start", "fail"}, 3},
		"Kubernetes":     {runPod, []string{"start", "success 0"}, []string{"start", "fail 3"}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, exit := range []int{0, 3} {
				want, code := test.good, 0
				if exit != 0 {
					want, code = test.bad, test.exit
				}
				heard := &station{}
				server := httptest.NewServer(heard)
				b := newBench(t, exit)
				if got, printed := test.run(b, snippet(t, name, server.URL)); got != code || !strings.Contains(printed, "said something") || strings.Contains(printed, "OK") {
					t.Errorf("a job that ends with %d: %d\n%s", exit, got, printed)
				}
				server.Close()
				if diff := cmp.Diff(want, heard.heard); diff != "" {
					t.Errorf("a job that ends with %d reports (-want +got):\n%s", exit, diff)
				}
				hasty := strings.ReplaceAll(snippet(t, name, server.URL), "--retry 5", "--retry 1") // or each gives up after 31 s
				if got, printed := test.run(newBench(t, exit), hasty); got != code {
					t.Errorf("a job that ends with %d, when nobody listens: %d\n%s", exit, got, printed)
				}
			}
		})
	}
}

func newBench(t *testing.T, exit int) *bench {
	t.Helper()
	b := &bench{T: t, dir: t.TempDir(), exit: exit}
	b.write("your-command", fmt.Sprintf("#!/bin/sh\necho said something\nexit %d\n", exit))
	return b
}

// snippet is the text of a tab for a nightly check on a server.
func snippet(t *testing.T, name, base string) string {
	t.Helper()
	for _, tab := range tabs(t, base, false) {
		if tab.Name == name {
			return tab.Before + tab.Mark + tab.After
		}
	}
	t.Fatalf("no snippet for %s", name)
	return ""
}

func tabs(t *testing.T, base string, postOnly bool) []templates.Tab {
	t.Helper()
	check := job(t, 1, "Offsite backup", nil, nightly())
	check.PostOnly = postOnly
	return templates.CheckPageOf(frame(t, check.Name, "/checks"), templates.CheckFacts{Check: check, BaseURL: base}).How.Tabs
}

// Nothing of the template is left over, and a check that takes POST only is sent it.
func TestSnippetsAreWhole(t *testing.T) {
	left := regexp.MustCompile(`ADDRESS|TIMES|LABEL|ZONE|CURL`)
	for _, tab := range tabs(t, "https://rollcall.example", true) {
		text := tab.Before + tab.Mark + tab.After
		if left.MatchString(text) || strings.Count(text, tab.Mark) != 1 || tab.Note == "" {
			t.Errorf("%s:\n%s\n%s", tab.Name, text, tab.Note)
		}
		for line := range strings.Lines(text) {
			if strings.Contains(line, "curl -fsS") && !strings.Contains(line, "-X POST") {
				t.Errorf("%s: %s", tab.Name, line)
			}
		}
	}
}

// The names of checks are people's; those of other systems are narrow.
func TestSnippetsNameTheJob(t *testing.T) {
	for name, want := range map[string]string{
		"Offsite backup": "offsite-backup", "2 nights": "nights", "日本": "job", "a_b C!": "a-b-c",
		strings.Repeat("long name ", 9): strings.TrimSuffix(strings.Repeat("long-name-", 5), "-"),
	} {
		check := job(t, 1, name, nil, every(time.Hour))
		page := templates.CheckPageOf(frame(t, name, "/checks"), templates.CheckFacts{Check: check, BaseURL: "https://rollcall.example"})
		for _, tab := range page.How.Tabs {
			if tab.Name == "Kubernetes" && !strings.Contains(tab.Before, "\n  name: "+want+"\n") {
				t.Errorf("%s: %s", name, tab.Before)
			}
		}
	}
}
