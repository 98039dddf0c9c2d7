//go:build linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// clockTick is the unit of processor time in /proc, the same on every Linux.
const clockTick = 10 * time.Millisecond

// stat is what /proc tells of a process.
type stat struct {
	parent int
	cpu    time.Duration // its own, and that of children that have ended
}

func statOf(pid int) (stat, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return stat{}, err
	}
	// The second field is the program's name in parentheses and may hold anything.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	const ppid, utime, cstime = 1, 11, 14 // proc_pid_stat(5), counted from the third field
	if len(fields) <= cstime {
		return stat{}, fmt.Errorf("/proc/%d/stat has %d fields", pid, len(fields))
	}
	var s stat
	if s.parent, err = strconv.Atoi(fields[ppid]); err != nil {
		return stat{}, err
	}
	for _, field := range fields[utime : cstime+1] {
		ticks, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return stat{}, err
		}
		s.cpu += time.Duration(ticks) * clockTick
	}
	return s, nil
}

// familyCPU is the processor time of a process and of its children.
func familyCPU(pid int) (time.Duration, error) {
	sum, err := statOf(pid)
	if err != nil {
		return 0, err
	}
	entries, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return 0, err
	}
	for _, entry := range entries {
		child, err := strconv.Atoi(filepath.Base(entry))
		if err != nil {
			continue
		}
		if s, err := statOf(child); err == nil && s.parent == pid { // else it has just ended
			sum.cpu += s.cpu
		}
	}
	return sum.cpu, nil
}

// residentMemory is how much memory of the machine a process holds, in bytes.
func residentMemory(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(text), "\nVmRSS:")
	kilobytes, _, _ := strings.Cut(strings.TrimSpace(rest), " kB")
	n, err := strconv.ParseInt(kilobytes, 10, 64)
	return n << 10, err
}

// askPostgres returns the process whose children a PostgreSQL server consists of,
// and the server's version.
func askPostgres(ctx context.Context, database string) (postmaster int, version string, err error) {
	conn, err := pgx.Connect(ctx, database)
	if err != nil {
		return 0, "", err
	}
	defer conn.Close(ctx)
	var backend int
	const ask = "SELECT pg_backend_pid(), current_setting('server_version')"
	if err := conn.QueryRow(ctx, ask).Scan(&backend, &version); err != nil {
		return 0, "", err
	}
	s, err := statOf(backend)
	return s.parent, version, err
}

// machine says on what the figures were taken.
func machine(dir, postgres string) (string, error) {
	kernel, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return "", err
	}
	disk, err := filesystem(dir)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s, %d cores; Linux %s; %s; PostgreSQL %s with fsync; data on %s.",
		processor(), runtime.NumCPU(), bytes.TrimSpace(kernel), runtime.Version(), postgres, disk), nil
}

func processor() string {
	file, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if name, value, _ := strings.Cut(lines.Text(), ":"); strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

// filesystem is the kind of the one that holds dir: on one in memory, a flush to
// disk costs nothing.
func filesystem(dir string) (string, error) {
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return "", err
	}
	kind, longest := "", -1
	for line := range strings.Lines(string(mounts)) {
		fields := strings.Fields(line)
		if len(fields) < 3 {
			continue
		}
		point := strings.TrimSuffix(fields[1], "/")
		if len(point) > longest && strings.HasPrefix(dir+"/", point+"/") {
			kind, longest = fields[2], len(point)
		}
	}
	return kind, nil
}
