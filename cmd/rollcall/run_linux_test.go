package main_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// terminal is a new terminal: what is written is typed, what is read is shown.
func terminal(t *testing.T) (ours, theirs *os.File) {
	t.Helper()
	ours, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ours.Close() }) // nobody is there any more
	if err := unix.IoctlSetPointerInt(int(ours.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(ours.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if theirs, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0); err != nil {
		t.Fatal(err)
	}
	return ours, theirs
}

// noEcho lets a terminal show only what is written to it.
func noEcho(t *testing.T, terminal *os.File) {
	t.Helper()
	settings, err := unix.IoctlGetTermios(int(terminal.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	settings.Lflag &^= unix.ECHO
	if err := unix.IoctlSetTermios(int(terminal.Fd()), unix.TCSETS, settings); err != nil {
		t.Fatal(err)
	}
}

// At a terminal the job may read from it. Ctrl-C reaches it once, from the terminal
// and not through us; what is sent to us alone reaches it through us. With
// --kill-after it is in a group of its own, and everything comes through us.
func TestTerminal(t *testing.T) {
	server := newArrivals(t, nil)
	for _, flag := range []string{"--timeout=5s", "--kill-after=1h"} {
		ours, theirs := terminal(t)
		noEcho(t, theirs)
		run := exec.Command("rollcall", "run", flag, "job")
		run.Env = append(os.Environ(), "ROLLCALL_CHECK="+server.URL+pingPath, "ROLLCALL_SPOOL="+filepath.Join(t.TempDir(), "spool"))
		run.Stdin, run.Stdout, run.Stderr = theirs, theirs, theirs
		run.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 1}
		end := func() error { _, err := ours.WriteString("\x04"); return err } // Ctrl-D
		if flag != "--timeout=5s" {
			// It could not read from the terminal.
			run.Stdin = nil
			in, err := run.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			end = in.Close
		}
		if err := run.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = run.Process.Kill() }) // it has ended, if all is well
		_ = theirs.Close()                           // they have it
		shown := bufio.NewScanner(ours)
		for _, step := range []struct {
			do   func() error
			want string
		}{
			{func() error { return nil }, "ready"},
			{func() error { _, err := ours.WriteString("\x03"); return err }, "interrupt"}, // Ctrl-C
			{func() error { return run.Process.Signal(syscall.SIGTERM) }, "terminated"},
			{func() error { _, err := ours.WriteString("\x1c"); return err }, "quit"}, // Ctrl-\
			{func() error { return run.Process.Signal(syscall.SIGUSR1) }, "user defined signal 1"},
		} {
			if err := step.do(); err != nil {
				t.Fatal(err)
			}
			if shown.Scan(); strings.TrimSpace(shown.Text()) != step.want {
				t.Fatalf("%s: it shows %q, want %q", flag, shown.Text(), step.want)
			}
		}
		if err := end(); err != nil {
			t.Fatal(err)
		}
		_ = run.Wait() // its error is the status
		if code := run.ProcessState.ExitCode(); code != 5 {
			t.Errorf("%s: it ends with %d", flag, code)
		}
	}
}
