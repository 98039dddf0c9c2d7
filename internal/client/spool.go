package client

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// The bounds of a spool. When it is full the oldest pings go first.
const (
	// SpoolEntries is how many pings are kept.
	SpoolEntries = 1000
	// SpoolBytes is how much of the disk they take.
	SpoolBytes = 10 << 20
	// SpoolAge is how old they get. A server takes no older ones.
	SpoolAge = 7 * 24 * time.Hour
)

const (
	entrySuffix = ".ping"
	asideSuffix = ".unreadable"
	newPrefix   = ".new-"
	// newAge is how old a file that is being written gets before it counts as one that
	// a dead process left behind.
	newAge = time.Hour
	// entryLimit is the size of the largest file that is read: a body in base64, and
	// its surroundings.
	entryLimit = 256 << 10
)

// Spool is a directory of pings that could not be delivered, one file for each. It
// is made when it is first needed, for its owner only: the files hold ping URLs.
//
// Several processes may share it. Who works on a file holds a lock on it, which the
// system takes away when the process dies: no ping is sent by two at the same time,
// and none is left behind. A file appears whole or not at all.
type Spool struct {
	Dir string
	// Now is the clock. It must be set.
	Now func() time.Time
	// Note takes what somebody should know: what is dropped, and why. nil is nobody.
	Note func(text string)
}

// entry is a ping in the spool, locked by this process.
type entry struct {
	to   Address
	ping Ping

	path string
	file *os.File // holds the lock
}

// document is what stands in a file.
type document struct {
	URL    string    `json:"url"`
	Signal Signal    `json:"signal"`
	Exit   *int64    `json:"exit,omitempty"`
	RunID  string    `json:"run,omitempty"`
	At     time.Time `json:"at"`
	Body   []byte    `json:"body,omitempty"`
}

func (s *Spool) note(format string, arguments ...any) {
	if s.Note != nil {
		s.Note(fmt.Sprintf(format, arguments...))
	}
}

// add writes a ping to the disk and holds it.
func (s *Spool) add(to Address, ping Ping) (*entry, error) {
	if err := s.prepare(); err != nil {
		return nil, err
	}
	text, err := json.Marshal(document{to.URL(), ping.Signal, ping.Exit, ping.RunID, ping.At.UTC(), ping.Body})
	if err != nil {
		return nil, fmt.Errorf("write a ping for the spool: %w", err)
	}
	if err := s.makeRoom(int64(len(text))); err != nil {
		return nil, err
	}
	// Names sort by time. A clock before 1970 is one that was never set.
	name := fmt.Sprintf("%020d-%s%s", max(0, ping.At.UnixNano()), rand.Text()[:8], entrySuffix)
	e := &entry{to: to, ping: ping, path: filepath.Join(s.Dir, name)}
	if e.file, err = os.CreateTemp(s.Dir, newPrefix); err != nil {
		return nil, fmt.Errorf("write to the spool: %w", err)
	}
	if err := e.write(text); err != nil {
		_ = os.Remove(e.file.Name()) // the error is told; a leftover is cleared later
		_ = os.Remove(e.path)
		e.release()
		return nil, fmt.Errorf("write to the spool: %w", err)
	}
	return e, nil
}

// write fills the new file, and gives it its name when it is safely on the disk.
func (e *entry) write(text []byte) error {
	if err := lock(e.file); err != nil {
		return err
	}
	if _, err := e.file.Write(text); err != nil {
		return err
	}
	if err := e.file.Sync(); err != nil {
		return err
	}
	if err := os.Rename(e.file.Name(), e.path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(e.path))
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

// remove takes a ping out of the spool.
func (e *entry) remove() {
	_ = os.Remove(e.path) // what stays is sent once more, and known by its run id
	e.release()
}

// release leaves a ping to whoever comes next.
func (e *entry) release() { _ = e.file.Close() }

// prepare makes the directory, and refuses one in which others could put pings: they
// would be sent in our name, to wherever they say.
func (s *Spool) prepare() error {
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return fmt.Errorf("make the spool: %w", err)
	}
	return s.ours()
}

func (s *Spool) ours() error {
	info, err := os.Stat(s.Dir)
	if err != nil {
		return fmt.Errorf("look at the spool: %w", err)
	}
	owner, known := info.Sys().(*syscall.Stat_t)
	switch {
	case !info.IsDir():
		return fmt.Errorf("the spool %s is no directory", s.Dir)
	case info.Mode().Perm()&0o022 != 0:
		return fmt.Errorf("others may write to the spool %s: chmod 700 it, or take another directory", s.Dir)
	case known && owner.Uid != 0 && int(owner.Uid) != os.Geteuid():
		return fmt.Errorf("the spool %s belongs to somebody else: take another directory", s.Dir)
	}
	return nil
}

// names lists the pings, oldest first.
func (s *Spool) names() ([]string, error) {
	files, err := s.list()
	var names []string
	for _, file := range files {
		if strings.HasSuffix(file.Name(), entrySuffix) {
			names = append(names, file.Name())
		}
	}
	return names, err
}

// list returns the files of a spool that is ours by name; none before it is made.
func (s *Spool) list() ([]fs.DirEntry, error) {
	files, err := os.ReadDir(s.Dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read the spool: %w", err)
	}
	return files, s.ours()
}

// claim locks a ping and reads it; nil when another process has it, or has sent it.
// What cannot be read is moved aside, so that it is in nobody's way.
func (s *Spool) claim(name string) (*entry, error) {
	e := &entry{path: filepath.Join(s.Dir, name)}
	var err error
	if e.file, err = os.OpenFile(e.path, os.O_RDONLY|syscall.O_NOFOLLOW, 0); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("read the spool: %w", err)
	}
	if err := lock(e.file); errors.Is(err, syscall.EWOULDBLOCK) {
		e.release()
		return nil, nil
	} else if err != nil {
		e.release()
		return nil, fmt.Errorf("lock a ping in the spool: %w", err)
	}
	if _, err := os.Stat(e.path); err != nil {
		e.release() // it was sent between our opening and locking
		return nil, nil
	}
	if err := e.read(); err != nil {
		s.note("%s in the spool cannot be read and is moved aside: %v", name, err)
		_ = os.Rename(e.path, e.path+asideSuffix) // else it is met again
		e.release()
		return nil, nil
	}
	return e, nil
}

func (e *entry) read() error {
	text, err := io.ReadAll(io.LimitReader(e.file, entryLimit+1))
	switch {
	case err != nil:
		return err
	case len(text) > entryLimit:
		return errors.New("it is too large")
	}
	var d document
	if err := json.Unmarshal(text, &d); err != nil {
		return errors.New("it is no ping")
	}
	if e.to, err = ParseAddress(d.URL, "", ""); err != nil {
		return err
	}
	e.ping = Ping{Signal: d.Signal, Exit: d.Exit, RunID: d.RunID, Body: d.Body, At: d.At}
	return e.ping.check()
}

// makeRoom drops what is too old, and the oldest pings until one more of the given
// size fits.
func (s *Spool) makeRoom(size int64) error {
	files, err := s.list()
	if err != nil {
		return err
	}
	sizes := map[string]int64{}
	var total int64
	for _, file := range files {
		info, err := file.Info()
		switch {
		case err != nil: // gone
		case strings.HasPrefix(file.Name(), newPrefix):
			if s.Now().Sub(info.ModTime()) > newAge {
				_ = os.Remove(filepath.Join(s.Dir, file.Name())) // next time, then
			}
		case strings.HasSuffix(file.Name(), entrySuffix), strings.HasSuffix(file.Name(), asideSuffix):
			sizes[file.Name()] = info.Size()
			total += info.Size()
		}
	}
	tooOld := fmt.Sprintf("%020d", max(0, s.Now().Add(-SpoolAge).UnixNano()))
	dropped := 0
	for _, file := range files {
		bytes, counts := sizes[file.Name()]
		if !counts || file.Name() >= tooOld && len(sizes) < SpoolEntries && total+size <= SpoolBytes {
			continue
		}
		if s.drop(file.Name()) {
			delete(sizes, file.Name())
			total -= bytes
			dropped++
		}
	}
	if dropped > 0 {
		s.note("the spool is full or what is in it too old: %d of the oldest pings are dropped", dropped)
	}
	return nil
}

// drop deletes a file unless a process is working on it.
func (s *Spool) drop(name string) bool {
	file, err := os.OpenFile(filepath.Join(s.Dir, name), os.O_RDONLY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	defer file.Close()
	return lock(file) == nil && os.Remove(file.Name()) == nil
}

// lock takes the lock of an open file, or returns EWOULDBLOCK.
func lock(file *os.File) error {
	return syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
}
