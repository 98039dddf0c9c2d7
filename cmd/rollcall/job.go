package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"rollcall/internal/client"
)

// patience is how long a job is waited for.
type patience struct {
	// killDelay is how long one that is told to end by --kill-after may take.
	killDelay time.Duration
	// silence is how long nothing more may come from what a job leaves running before
	// its output counts as ended, and lingering how long it may go on at all.
	silence, lingering time.Duration
}

// usual is the patience with every job of rollcall run.
func usual() patience { return patience{10 * time.Second, time.Second, 5 * time.Second} }

// pipeSize is the largest pipe there is. As much may be of the job itself after its
// end, and is passed on whatever time it takes.
const pipeSize = 1 << 20

// What a shell says of a command that it cannot run.
const (
	exitNotExecutable = 126
	exitNotFound      = 127
	exitSignal        = 128 // and the number of the signal
)

// job is a command that runs as if nobody watched.
type job struct {
	command []string
	streams
	tail      *tail         // nil: its output goes where ours goes, and nobody looks at it
	killAfter time.Duration // 0: it may take its time
	patience

	process  *exec.Cmd
	terminal int            // that may send it signals beside us; -1 for none
	passing  sync.WaitGroup // of output
	pipes    []*os.File     // of output, our ends
	at       time.Time      // when the process ended; to be read when over is closed
	over     chan struct{}  // closed when the process has ended
}

// ended says how a job ended.
type ended struct {
	at   time.Time
	code int // that we end with
	ping client.Ping
	note string // what the exit status does not say
}

// start runs the command.
func (j *job) start() error {
	j.process = exec.Command(j.command[0], j.command[1:]...)
	if errors.Is(j.process.Err, exec.ErrDot) {
		j.process.Err = nil // who has . in PATH means it
	}
	j.process.Stdin, j.over = j.in, make(chan struct{})
	// With a terminal the job stays in our process group, so that it may read from the
	// terminal and is stopped and interrupted with us. Without one, or when all that it
	// starts has to be killed, it gets a group of its own.
	j.terminal = -1
	if j.killAfter == 0 {
		j.terminal = openTerminal()
	}
	if j.terminal < 0 {
		j.process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	}
	theirs, err := j.connect()
	if err == nil {
		err = j.process.Start()
	}
	for _, end := range theirs {
		_ = end.Close() // the process has its own
	}
	if err != nil {
		for _, end := range j.pipes {
			_ = end.Close() // nothing was written
		}
	}
	return err
}

// connect lets the output go to ours, through pipes when it is kept too. It returns
// the job's ends of the pipes. What goes to the same place goes through the same
// pipe, so that lines of both kinds keep their order.
func (j *job) connect() (theirs []*os.File, err error) {
	j.process.Stdout, j.process.Stderr = j.out, j.err
	if j.tail == nil {
		return nil, nil
	}
	out, err := j.pipe(j.out)
	if err != nil {
		return nil, err
	}
	j.process.Stdout, j.process.Stderr = out, out
	if samePlace(j.out, j.err) {
		return []*os.File{out}, nil
	}
	errs, err := j.pipe(j.err)
	if err != nil {
		return []*os.File{out}, err
	}
	j.process.Stderr = errs
	return []*os.File{out, errs}, nil
}

// pipe returns what is passed on to a place, as it comes.
func (j *job) pipe(to io.Writer) (*os.File, error) {
	ours, theirs, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	j.pipes = append(j.pipes, ours)
	j.passing.Go(func() { j.pass(ours, to) })
	return theirs, nil
}

func samePlace(a, b io.Writer) bool {
	one, ok1 := a.(*os.File)
	two, ok2 := b.(*os.File)
	if !ok1 || !ok2 {
		return false
	}
	info1, err1 := one.Stat()
	info2, err2 := two.Stat()
	return err1 == nil && err2 == nil && os.SameFile(info1, info2)
}

// pass copies output until there is no more. When it can be written nowhere, the
// pipe is closed, and the job learns of that as it would without us.
func (j *job) pass(from *os.File, to io.Writer) {
	defer from.Close()
	buffer := make([]byte, 32<<10)
	afterwards := 0
	for waited := false; ; {
		n, err := from.Read(buffer)
		if n > 0 {
			_, _ = j.tail.Write(buffer[:n]) // never fails
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		switch {
		case err == nil && !j.isOver():
			continue
		case err != nil && (waited || !errors.Is(err, os.ErrDeadlineExceeded)):
			return
		}
		// The job has ended, but something that it left running holds the pipe.
		<-j.over
		if afterwards += n; afterwards > pipeSize && time.Since(j.at) > j.lingering {
			return
		}
		waited = from.SetReadDeadline(time.Now().Add(j.silence)) == nil
	}
}

func (j *job) isOver() bool {
	select {
	case <-j.over:
		return true
	default:
		return false
	}
}

// wait returns when the job has ended and its output is passed on. Signals go to the
// job until then.
func (j *job) wait(signals <-chan os.Signal) ended {
	exited := make(chan error, 1)
	go func() { exited <- j.process.Wait() }()
	var tooLong, kill <-chan time.Time
	if j.killAfter > 0 {
		tooLong = time.After(j.killAfter)
	}
	var sent []string // because it took too long
	for {
		select {
		case s := <-signals:
			j.forward(s.(syscall.Signal))
		case <-tooLong:
			sent = append(sent, "SIGTERM")
			j.toAll(syscall.SIGTERM)
			kill = time.After(j.killDelay)
		case <-kill:
			sent = append(sent, "SIGKILL")
			j.toAll(syscall.SIGKILL)
		case err := <-exited:
			j.at = time.Now()
			if kill != nil {
				j.clear(kill)
			}
			j.finishOutput()
			return j.result(err, sent)
		}
	}
}

// forward hands on a signal that we got. What ends a job is for everything that it
// has started; any other signal is for the process that knows what it means.
func (j *job) forward(s syscall.Signal) {
	switch {
	case j.terminal >= 0 && j.fromTerminal(s):
	case j.terminal >= 0, s == syscall.SIGUSR1, s == syscall.SIGUSR2:
		_ = j.process.Process.Signal(s) // it may have ended
	default:
		j.toAll(s)
	}
}

// fromTerminal reports whether the job got a signal too, because it came from the
// terminal: that signals the group in its foreground, and everybody when it hangs up.
func (j *job) fromTerminal(s syscall.Signal) bool {
	if s != syscall.SIGINT && s != syscall.SIGQUIT && s != syscall.SIGHUP {
		return false
	}
	foreground, err := unix.IoctlGetInt(j.terminal, unix.TIOCGPGRP)
	return err != nil || foreground == syscall.Getpgrp()
}

// openTerminal returns the terminal that we belong to, or -1.
func openTerminal() int {
	terminal, err := unix.Open("/dev/tty", unix.O_RDONLY|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1
	}
	return terminal
}

// toAll signals the job's group of processes, or the job when it has left that.
func (j *job) toAll(s syscall.Signal) {
	if err := syscall.Kill(-j.process.Process.Pid, s); err != nil {
		_ = j.process.Process.Signal(s) // it may have ended
	}
}

// clear waits for what a job that took too long has left running, and kills it when
// its time is up.
func (j *job) clear(kill <-chan time.Time) {
	group := -j.process.Process.Pid
	for syscall.Kill(group, 0) == nil {
		select {
		case <-kill:
			_ = syscall.Kill(group, syscall.SIGKILL) // it may have ended
			return
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// finishOutput returns when everything is passed on. Whoever waits for output is woken
// to see that the job is over; see pass.
func (j *job) finishOutput() {
	for _, pipe := range j.pipes {
		_ = pipe.SetReadDeadline(j.at) // one that was read to its end is closed
	}
	close(j.over)
	j.passing.Wait()
}

// result says how the process ended. sent are the signals that it got for taking too
// long: then it has failed, whatever it says.
func (j *job) result(err error, sent []string) ended {
	end := ended{at: j.at, code: exitError, ping: client.Ping{Signal: client.Fail}}
	how := ""
	state := j.process.ProcessState
	if state == nil {
		end.note = fmt.Sprintf("it is not known how it ended: %v", err)
		return end
	}
	if status := state.Sys().(syscall.WaitStatus); status.Signaled() {
		end.code = exitSignal + int(status.Signal())
		how = fmt.Sprintf("ended by signal %d (%s)", status.Signal(), status.Signal())
		end.note = how
	} else {
		end.code = status.ExitStatus()
		how = fmt.Sprintf("it ended with status %d", end.code)
		end.ping = client.Exited(int64(end.code))
	}
	if len(sent) > 0 {
		end.ping = client.Ping{Signal: client.Fail}
		end.note = fmt.Sprintf("it took longer than %s and was sent %s; %s", j.killAfter, strings.Join(sent, " and "), how)
	}
	return end
}

// notStarted is the end of a command that cannot be run.
func notStarted(err error, at time.Time) ended {
	end := ended{at: at, code: exitNotExecutable, ping: client.Ping{Signal: client.Fail}, note: fmt.Sprintf("the command cannot be run: %v", err)}
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
		end.code = exitNotFound
	}
	return end
}
