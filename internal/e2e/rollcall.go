// Package e2e runs the real rollcall binary as a process of its own, for those
// who look at Rollcall from outside: the end-to-end tests beside this file, and
// the benchmark.
//
// It owns building the binary, starting it on loopback, and ending it gently or
// not. It refuses to look inside: what is known about a process comes from its
// answers, its messages, its exit and its database.
package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"
)

// Build compiles the binary into a directory and returns its path.
func Build(dir string) (string, error) { return build(dir, "rollcall") }

// BuildArmed compiles the binary that does what package failpoint is asked for.
func BuildArmed(dir string) (string, error) {
	return build(dir, "rollcall-failpoints", "-tags", "failpoints")
}

func build(dir, name string, flags ...string) (string, error) {
	binary := filepath.Join(dir, name)
	args := append(append([]string{"build", "-o", binary}, flags...), "rollcall/cmd/rollcall")
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("build rollcall: %w\n%s", err, out)
	}
	return binary, nil
}

// FreeAddress returns an address of this machine on which nothing listens. Its
// port is none that outgoing connections get, so nobody takes it by chance while
// a process is being restarted on it.
func FreeAddress() (string, error) {
	const lowest, highest = 10_000, 32_000
	for range 100 {
		address := fmt.Sprintf("127.0.0.1:%d", lowest+rand.IntN(highest-lowest))
		if listener, err := net.Listen("tcp", address); err == nil {
			return address, listener.Close()
		}
	}
	return "", errors.New("no free port on 127.0.0.1")
}

// Serve describes a `rollcall serve`.
type Serve struct {
	Binary   string
	Listen   string // see FreeAddress
	Ops      string // the same for metrics and profiles
	Database string
	More     []string // further flags
	Failures string   // what is to go wrong in a binary of BuildArmed; see package failpoint

	// What a supervisor of processes gives one.
	Through     []string   // the program that starts it, with its arguments; none starts it directly
	Files       []*os.File // its file descriptors from 3 on
	Environment []string   // beside that of the test
}

// Demo describes a `rollcall demo`.
type Demo struct {
	Binary string
	Listen string // see FreeAddress
	Dir    string // in which it is started
	Temp   string // where it may make its temporary files
}

// Server is a running `rollcall serve` or `rollcall demo`.
type Server struct {
	listen string
	cmd    *exec.Cmd
	output lockedBuffer
	ended  chan struct{} // closed when the process has ended
}

// Start starts the process. It does not wait until it answers.
func (s Serve) Start() (*Server, error) {
	line := slices.Concat(s.Through, []string{s.Binary, "serve", "--listen", s.Listen, "--ops-listen", s.Ops, "--database", s.Database}, s.More)
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Env = append(append(os.Environ(), "ROLLCALL_FAILPOINT="+s.Failures), s.Environment...)
	cmd.ExtraFiles = s.Files
	return start(s.Listen, cmd)
}

// Start starts the process. It does not wait until it answers.
func (d Demo) Start() (*Server, error) {
	cmd := exec.Command(d.Binary, "demo", "--listen", d.Listen)
	cmd.Dir, cmd.Env = d.Dir, append(os.Environ(), "TMPDIR="+d.Temp)
	return start(d.Listen, cmd)
}

func start(listen string, cmd *exec.Cmd) (*Server, error) {
	server := &Server{listen: listen, cmd: cmd, ended: make(chan struct{})}
	server.cmd.Stdout, server.cmd.Stderr = &server.output, &server.output
	server.cmd.SysProcAttr = processAttributes()
	if err := server.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = server.cmd.Wait() // what it ended with is read from ProcessState
		close(server.ended)
	}()
	return server, nil
}

// PID returns the id of the process.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// URL returns the address of a path on the server.
func (s *Server) URL(path string) string { return "http://" + s.listen + path }

// Output returns what the process has printed.
func (s *Server) Output() string { return s.output.String() }

// Answering returns when the server answers a request, and with an error when it
// ends instead or the context does.
func (s *Server) Answering(ctx context.Context) error {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL("/ping/"), nil)
		if err != nil {
			return err
		}
		if resp, err := client.Do(req); err == nil {
			_, _ = io.Copy(io.Discard, resp.Body)
			return resp.Body.Close()
		}
		select {
		case <-s.ended:
			return fmt.Errorf("rollcall ended (%s):\n%s", s.cmd.ProcessState, s.Output())
		case <-ctx.Done():
			return fmt.Errorf("rollcall does not answer: %w\n%s", ctx.Err(), s.Output())
		case <-poll.C:
		}
	}
}

// Kill ends the process at once, as a crash would. Ending twice does no harm.
func (s *Server) Kill() {
	_ = s.cmd.Process.Kill() // an error says that it has ended already
	<-s.ended
}

// Ended waits until the process has ended.
func (s *Server) Ended() { <-s.ended }

// Stop asks the process to end and waits until it has, but no longer than the
// context; it is an error when it ends in any other way than well.
func (s *Server) Stop(ctx context.Context) error { return s.signal(ctx, syscall.SIGTERM) }

// Terminate asks the process to end, and does not wait.
func (s *Server) Terminate() { _ = s.cmd.Process.Signal(syscall.SIGTERM) } // as in Kill

// GoOn lets a process of BuildArmed come back from what it hangs at.
func (s *Server) GoOn() { _ = s.cmd.Process.Signal(syscall.SIGCONT) } // as in Kill

// Interrupt is Stop by Ctrl-C.
func (s *Server) Interrupt(ctx context.Context) error { return s.signal(ctx, syscall.SIGINT) }

func (s *Server) signal(ctx context.Context, signal syscall.Signal) error {
	_ = s.cmd.Process.Signal(signal) // as in Kill
	switch code, err := s.Wait(ctx); {
	case err != nil:
		return fmt.Errorf("rollcall does not stop: %w\n%s", err, s.Output())
	case code != 0:
		return fmt.Errorf("rollcall stopped with exit status %d:\n%s", code, s.Output())
	}
	return nil
}

// Wait returns the exit status of a process that ends by itself.
func (s *Server) Wait(ctx context.Context) (int, error) {
	select {
	case <-s.ended:
		return s.cmd.ProcessState.ExitCode(), nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// Signalled returns the signal that ended a process, 0 for none.
func (s *Server) Signalled(ctx context.Context) (syscall.Signal, error) {
	if _, err := s.Wait(ctx); err != nil {
		return 0, err
	}
	if status := s.cmd.ProcessState.Sys().(syscall.WaitStatus); status.Signaled() {
		return status.Signal(), nil
	}
	return 0, nil
}

// lockedBuffer is written by the process and read by the test.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
