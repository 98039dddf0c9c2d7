//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

// A load is a way of sending pings: so many connections at a time, each used for
// one ping after another or, when fresh, for a single one, as curl does.
type load struct {
	conns int
	fresh bool
}

func (l load) String() string {
	if l.fresh {
		return fmt.Sprintf("connection per ping, %d at a time", l.conns)
	}
	return fmt.Sprintf("keep-alive, %d connections", l.conns)
}

// generator sends pings to one server. It is written to cost little, because it
// shares the machine with what it measures: whole requests are made beforehand,
// and each processor runs one loop over its share of the sockets.
type generator struct {
	port     int
	requests [][]byte     // one for each check
	next     atomic.Int64 // counts requests taken, so that all checks get their turn
}

// tally is what became of the pings of one load.
type tally struct {
	acknowledged int             // answers, all of them 200
	inWindow     []time.Duration // latencies of those that came while it was measured
}

// run applies a load: first to warm up, then for the window that is measured.
// atWindow is called as the window begins and as it ends.
func (g *generator) run(ctx context.Context, l load, warmUp, window time.Duration, atWindow func() error) (tally, error) {
	begin := time.Now().Add(warmUp)
	loops := make([]loop, runtime.NumCPU())
	group, ctx := errgroup.WithContext(ctx)
	for i := range loops {
		loops[i] = loop{generator: g, fresh: l.fresh, begin: begin, end: begin.Add(window)}
		share := l.conns / len(loops)
		if i < l.conns%len(loops) {
			share++
		}
		group.Go(func() error { return loops[i].run(ctx, share) })
	}
	group.Go(func() error {
		for _, at := range []time.Time{begin, begin.Add(window)} {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(time.Until(at)):
			}
			if err := atWindow(); err != nil {
				return err
			}
		}
		return nil
	})
	if err := group.Wait(); err != nil {
		return tally{}, fmt.Errorf("%s: %w", l, err)
	}
	var sum tally
	for i := range loops {
		sum.acknowledged += loops[i].acknowledged
		sum.inWindow = append(sum.inWindow, loops[i].inWindow...)
	}
	slices.Sort(sum.inWindow)
	return sum, nil
}

// loop is one thread's share of a load.
type loop struct {
	*generator
	fresh      bool
	begin, end time.Time // of the window

	poll    int // the epoll descriptor
	sockets []socket
	opened  int // connections so far
	tally
}

type socket struct {
	fd   int
	sent time.Time
	got  int // bytes of the answer so far
	buf  [2048]byte
}

// patience is how long no answer at all may come.
const patience = 10 * time.Second

func (l *loop) run(ctx context.Context, conns int) (err error) {
	if l.poll, err = syscall.EpollCreate1(syscall.EPOLL_CLOEXEC); err != nil {
		return err
	}
	defer syscall.Close(l.poll)
	l.sockets = make([]socket, conns)
	for i := range l.sockets {
		l.sockets[i].fd = -1
	}
	defer func() {
		for i := range l.sockets {
			err = errors.Join(err, l.close(i))
		}
	}()
	for i := range l.sockets {
		if err := l.open(i); err != nil {
			return err
		}
		if err := l.send(i); err != nil {
			return err
		}
	}
	events := make([]syscall.EpollEvent, conns)
	for waiting, heard := conns, time.Now(); waiting > 0; {
		n, err := syscall.EpollWait(l.poll, events, 100)
		if err != nil && !errors.Is(err, syscall.EINTR) {
			return err
		}
		if n > 0 {
			heard = time.Now()
		}
		if ctx.Err() != nil || time.Since(heard) > patience {
			return fmt.Errorf("%d pings were not answered", waiting)
		}
		for _, event := range events[:max(n, 0)] {
			done, err := l.receive(int(event.Fd))
			if err != nil {
				return err
			}
			if done {
				waiting--
			}
		}
	}
	return nil
}

// Each connection comes from the next of these addresses, so that the ports of
// connections that were closed a moment ago do not run out.
const sourceAddresses = 64

const ipBindAddressNoPort = 24 // IP_BIND_ADDRESS_NO_PORT: the port is chosen when connecting

// open connects a socket. It blocks, which costs nothing: the kernel completes a
// connection on loopback without waiting for the server.
func (l *loop) open(i int) error {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	l.sockets[i].fd = fd
	l.opened++
	source := syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, byte(2 + l.opened%sourceAddresses)}}
	if err := syscall.SetsockoptInt(fd, syscall.IPPROTO_IP, ipBindAddressNoPort, 1); err != nil {
		return fmt.Errorf("set socket option: %w", err)
	}
	if err := syscall.Bind(fd, &source); err != nil {
		return fmt.Errorf("bind: %w", err)
	}
	if err := syscall.Connect(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}, Port: l.port}); err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	return syscall.EpollCtl(l.poll, syscall.EPOLL_CTL_ADD, fd, &syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(i)})
}

func (l *loop) close(i int) error {
	fd := l.sockets[i].fd
	if fd < 0 {
		return nil
	}
	l.sockets[i].fd = -1
	return syscall.Close(fd)
}

func (l *loop) send(i int) error {
	s := &l.sockets[i]
	request := l.requests[int(l.next.Add(1))%len(l.requests)]
	s.got, s.sent = 0, time.Now()
	if n, err := syscall.Write(s.fd, request); err != nil || n != len(request) {
		return fmt.Errorf("write %d of %d bytes: %w", n, len(request), err)
	}
	return nil
}

// receive reads what has come and, when the answer is whole, goes on to the next
// ping, or reports that this socket has done its share.
func (l *loop) receive(i int) (done bool, err error) {
	s := &l.sockets[i]
	n, err := syscall.Read(s.fd, s.buf[s.got:])
	if err != nil {
		return false, fmt.Errorf("read: %w", err)
	}
	if n == 0 {
		return false, fmt.Errorf("the server closed a connection after %q", s.buf[:s.got])
	}
	s.got += n
	whole, err := answered(s.buf[:s.got])
	if err != nil || !whole {
		return false, err
	}
	now := time.Now()
	l.acknowledged++
	if now.After(l.begin) && now.Before(l.end) {
		l.inWindow = append(l.inWindow, now.Sub(s.sent))
	}
	more := now.Before(l.end)
	if !more || l.fresh {
		if err := l.close(i); err != nil {
			return false, err
		}
	}
	if !more {
		return true, nil
	}
	if l.fresh {
		if err := l.open(i); err != nil {
			return false, err
		}
	}
	return false, l.send(i)
}

var (
	statusOK      = []byte("HTTP/1.1 200 OK\r\n")
	headerEnd     = []byte("\r\n\r\n")
	contentLength = []byte("\r\nContent-Length: ")
	coalesced     = []byte("\r\nPing-Coalesced:")
)

// answered reports whether an answer is whole. Any other than a plain 200 for a
// ping that was kept is an error.
func answered(answer []byte) (bool, error) {
	end := bytes.Index(answer, headerEnd)
	if end < 0 {
		return false, nil
	}
	header := answer[:end+2]
	if !bytes.HasPrefix(header, statusOK) || bytes.Contains(header, coalesced) {
		return false, fmt.Errorf("a ping was answered:\n%s", answer)
	}
	_, rest, _ := bytes.Cut(header, contentLength)
	number, _, _ := bytes.Cut(rest, []byte("\r\n"))
	length, err := strconv.Atoi(string(number))
	if err != nil {
		return false, fmt.Errorf("an answer has no length:\n%s", answer)
	}
	return len(answer) >= end+len(headerEnd)+length, nil
}
