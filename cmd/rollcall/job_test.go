package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"rollcall/internal/client"
)

// hasty is a patience for tests.
func hasty() patience {
	return patience{killDelay: 2 * time.Second, silence: time.Second, lingering: time.Second}
}

// runScript runs a shell script as a job and returns what it wrote.
func runScript(t *testing.T, script string, killAfter time.Duration) (ended, string) {
	t.Helper()
	var out bytes.Buffer
	j := job{
		command: []string{"sh", "-c", script}, streams: streams{in: nil, out: &out, err: io.Discard},
		tail: &tail{keep: 1000}, killAfter: killAfter, patience: hasty(),
	}
	if err := j.start(); err != nil {
		t.Fatal(err)
	}
	end := j.wait(nil)
	return end, out.String()
}

// gone waits until no process has the number that a script printed.
func gone(t *testing.T, printed string) {
	t.Helper()
	var pid int
	if _, err := fmt.Sscan(printed, &pid); err != nil {
		t.Fatal(err)
	}
	for range 500 {
		// One that has ended may wait for its parent to look.
		state, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) || err == nil && strings.Contains(string(state), ") Z ") {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("process %d still runs", pid)
	_ = syscall.Kill(pid, syscall.SIGKILL)
}

func TestKillAfter(t *testing.T) {
	const long = time.Second
	for name, c := range map[string]struct {
		script string
		code   int
		note   string
		ping   client.Ping
	}{
		"in time":                      {"echo $$; exit 3", 3, "", client.Exited(3)},
		"ends when it is told to":      {"sleep 600 & echo $!; exec sleep 600", 143, "it took longer than 1s and was sent SIGTERM; ended by signal 15 (terminated)", client.Ping{Signal: client.Fail}},
		"ends well when it is told to": {"trap 'exit 0' TERM; sleep 600 & echo $!; wait", 0, "it took longer than 1s and was sent SIGTERM; it ended with status 0", client.Ping{Signal: client.Fail}},
		"does not want to end":         {"trap '' TERM; sleep 600 & echo $!; sleep 600", 137, "it took longer than 1s and was sent SIGTERM and SIGKILL; ended by signal 9 (killed)", client.Ping{Signal: client.Fail}},
		"leaves something behind":      {"(trap '' TERM; exec sleep 600) & echo $!; exec sleep 600", 143, "it took longer than 1s and was sent SIGTERM; ended by signal 15 (terminated)", client.Ping{Signal: client.Fail}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			end, out := runScript(t, c.script, long)
			if end.code != c.code || end.note != c.note || end.ping.Signal != c.ping.Signal || (end.ping.Exit == nil) != (c.ping.Exit == nil) {
				t.Errorf("%+v", end)
			}
			gone(t, out)
		})
	}
}

// What a job writes last is passed on, also by those that it has started.
func TestLastWords(t *testing.T) {
	for name, c := range map[string]struct{ script, want string }{
		"of the job":                 {"echo last", "last\n"},
		"of what it started":         {"(sleep 0.1; echo last) & echo first", "first\nlast\n"},
		"one after the other":        {"(sleep 0.1; echo 2; sleep 0.1; echo 3) & echo 1", "1\n2\n3\n"},
		"not of what stays for long": {"exec sleep 600 & echo $!", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			end, out := runScript(t, c.script, 0)
			if c.want == "" {
				var pid int
				if _, err := fmt.Sscan(out, &pid); err != nil || syscall.Kill(pid, syscall.SIGKILL) != nil {
					t.Errorf("%q, %v", out, err)
				}
			} else if out != c.want {
				t.Errorf("%q, want %q", out, c.want)
			}
			if end.code != 0 {
				t.Errorf("%+v", end)
			}
		})
	}
}

// Something that a job leaves running and that writes without end is not waited for.
func TestEndlessWords(t *testing.T) {
	begin := time.Now()
	j := job{command: []string{"sh", "-c", "yes & exit 4"}, streams: streams{out: io.Discard, err: io.Discard}, tail: &tail{keep: 10}, patience: hasty()}
	if err := j.start(); err != nil {
		t.Fatal(err)
	}
	if end := j.wait(nil); end.code != 4 || time.Since(begin) > 10*time.Second {
		t.Errorf("%+v after %s", end, time.Since(begin))
	}
}

// slowReader takes nothing until the job has long been over.
type slowReader struct {
	bytes.Buffer
	over chan struct{}
}

// Write implements io.Writer.
func (s *slowReader) Write(p []byte) (int, error) {
	<-s.over
	return s.Buffer.Write(p)
}

// A job writes into a full pipe and ends; that is no reason to lose what it wrote.
func TestSlowReaderGetsEverything(t *testing.T) {
	out := &slowReader{over: make(chan struct{})}
	j := job{
		command: []string{"sh", "-c", "seq 10000"}, streams: streams{out: out, err: io.Discard},
		tail: &tail{keep: 5}, patience: patience{silence: 100 * time.Millisecond, lingering: 100 * time.Millisecond},
	}
	if err := j.start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		<-j.over
		time.AfterFunc(2*j.silence, func() { close(out.over) })
	}()
	j.wait(nil)
	if got := out.String(); len(got) != 48894 || !strings.HasSuffix(got, "9999\n10000\n") || string(j.tail.bytes()) != "0000\n" {
		t.Errorf("%d bytes, the end %q", len(got), got[max(0, len(got)-20):])
	}
}
