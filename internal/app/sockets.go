package app

import (
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/coreos/go-systemd/v22/activation"
	"golang.org/x/sys/unix"
)

// Sockets are listening sockets that whoever starts the process holds, as systemd does
// for a socket unit. They stay open when the process ends: who connects then waits
// until the next one accepts, and is not refused. nil is one that was not given.
type Sockets struct {
	HTTP *net.TCPListener // takes the place of Config.Listen
	SMTP *net.TCPListener // takes the place of Config.MailListen
}

// The names by which several sockets are told apart.
const (
	socketHTTP = "http"
	socketSMTP = "smtp"
)

// backlogTime is how long those who waited at a held socket are given to be heard
// before a deadline is judged: the ping of a healthy job may be among them, and its
// deadline may have passed while it waited.
const backlogTime = 2 * time.Second

// TakeSockets takes the sockets that the environment tells of (LISTEN_FDS), once: no
// other process is to take them for its own. Without one there are none.
func TakeSockets() (Sockets, error) {
	var s Sockets
	files := activation.Files(true)
	for _, f := range files {
		if err := s.take(f, len(files) == 1); err != nil {
			return Sockets{}, fmt.Errorf("socket %s from systemd: %w", f.Name(), err)
		}
	}
	return s, nil
}

// take finds the place of a socket. One that comes alone needs no name.
func (s *Sockets) take(f *os.File, alone bool) error {
	place := &s.HTTP
	switch name := f.Name(); {
	case name == socketSMTP:
		place = &s.SMTP
	case name != socketHTTP && !alone:
		return fmt.Errorf("nothing here goes by that name; with several sockets, set FileDescriptorName= of each to %s or %s", socketHTTP, socketSMTP)
	}
	if *place != nil {
		return errors.New("there is another one of that name; one address is listened on, such as ListenStream=[::]:8000 for all")
	}
	l, err := listener(f)
	*place = l
	return err
}

// listener makes a listener of a socket, which it finds out to be one for TCP.
func listener(f *os.File) (*net.TCPListener, error) {
	defer f.Close() // the listener has a file of its own
	accepts, err := unix.GetsockoptInt(int(f.Fd()), unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
	if err != nil {
		return nil, err
	}
	if accepts == 0 {
		return nil, errors.New("nobody can connect to it; the socket unit needs ListenStream= and Accept=no")
	}
	l, err := net.FileListener(f)
	if err != nil {
		return nil, err
	}
	tcp, ok := l.(*net.TCPListener)
	if !ok {
		return nil, errors.Join(fmt.Errorf("%s is no address of TCP; set ListenStream= to a port, or an address and a port", l.Addr()), l.Close())
	}
	return tcp, nil
}

// checkSockets finds sockets that this process has no use for.
func (c Config) checkSockets() error {
	if c.Sockets.held() && !c.Has(RoleWeb) {
		return errors.New("sockets from systemd are for pages and pings, which is work of the role web; add it to --roles, or start this process without them")
	}
	return nil
}

func (s Sockets) held() bool { return s != Sockets{} }

// listen returns the socket that was given, or binds an address.
func listen(given *net.TCPListener, flag, address string) (net.Listener, error) {
	if given != nil {
		return given, nil
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s: %w; give another address with %s", address, cause(err), flag)
	}
	return l, nil
}
