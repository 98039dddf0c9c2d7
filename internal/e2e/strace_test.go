package e2e_test

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// attach lets strace see the system calls of a running process, and lets some of
// them fail if its arguments say so, until detach is called. The process goes on.
func attach(t *testing.T, pid int, args ...string) (detach func()) {
	t.Helper()
	cmd := exec.Command("strace", append([]string{"-f", "-p", strconv.Itoa(pid)}, args...)...)
	var said lockedBuffer
	cmd.Stderr = &said
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v; `make deps` installs it", err)
	}
	detach = sync.OnceFunc(func() {
		_ = cmd.Process.Signal(syscall.SIGINT)
		_ = cmd.Wait() // it ends by the signal
	})
	t.Cleanup(detach)
	eventually(t, 20*time.Second, "strace is attached", func() bool { return strings.Contains(said.String(), "attached") })
	return detach
}

// lockedBuffer is written by a program and read by the test.
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

// storing are the system calls by which files change and become durable.
const storing = "pwrite64,pwritev,pwritev2,ftruncate,fsync,fdatasync,sync_file_range,fallocate,unlink,unlinkat,rename,renameat,renameat2"

// recording are the arguments of strace that record what a process stores.
func recording(to string) []string {
	return []string{"-ttt", "-y", "-xx", "-s", "70000", "-o", to, "-e", "signal=none", "-e", "trace=" + storing}
}

// syscallOnFile is one call, in the order in which they ended.
type syscallOnFile struct {
	began  time.Time
	name   string
	file   string // the last part of its path
	data   []byte // that was written
	number int64  // where, or the new length
	failed bool
}

var (
	tracedCall = regexp.MustCompile(`^(\d+) +(\d+)\.(\d+) (\w+)\(\d+<([^>]*)>(.*)$`)
	resumed    = regexp.MustCompile(`^(\d+) +\d+\.\d+ <\.\.\. \w+ resumed>(.*)$`)
	written    = regexp.MustCompile(`^, "((?:\\x[0-9a-f]{2})*)", \d+, (\d+)`)
)

// readTrace reads a recording, as far as it is about files in the directory.
func readTrace(t *testing.T, path, dir string) []syscallOnFile {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var calls []syscallOnFile
	open := map[string]syscallOnFile{} // by thread: called and not ended
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		if m := resumed.FindStringSubmatch(line); m != nil {
			if call, ok := open[m[1]]; ok {
				delete(open, m[1])
				call.failed = strings.Contains(m[2], "= -1")
				calls = append(calls, call)
			}
			continue
		}
		m := tracedCall.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		name := unescaped(t, m[5])
		if filepath.Dir(name) != dir {
			continue
		}
		call := parseCall(t, m[4], m[6])
		call.file = filepath.Base(name)
		seconds, _ := strconv.ParseInt(m[2], 10, 64)
		micros, _ := strconv.ParseInt(m[3], 10, 64)
		call.began = time.Unix(seconds, micros*1000)
		if strings.HasSuffix(line, "<unfinished ...>") {
			open[m[1]] = call
			continue
		}
		call.failed = strings.Contains(m[6], ") = -1")
		calls = append(calls, call)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return calls
}

func parseCall(t *testing.T, name, rest string) syscallOnFile {
	t.Helper()
	call := syscallOnFile{name: name}
	var err error
	switch name {
	case "fsync", "fdatasync":
	case "pwrite64":
		m := written.FindStringSubmatch(rest)
		if m == nil {
			t.Fatalf("cannot read pwrite64(…%.200s", rest)
		}
		call.data = []byte(unescaped(t, m[1]))
		call.number, err = strconv.ParseInt(m[2], 10, 64)
	case "ftruncate":
		_, err = fmt.Sscanf(rest, ", %d", &call.number)
	default:
		t.Fatalf("the database is written by %s, which is not understood", name)
	}
	if err != nil {
		t.Fatalf("cannot read %s(…%.200s: %v", name, rest, err)
	}
	return call
}

// unescaped reads what strace prints as \x00\x01.
func unescaped(t *testing.T, text string) string {
	t.Helper()
	if !strings.HasPrefix(text, `\x`) {
		return text
	}
	raw, err := hex.DecodeString(strings.ReplaceAll(text, `\x`, ""))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
