package main

import (
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"rollcall/internal/client"
)

// reporting is what the commands that send pings have in common.
type reporting struct {
	Check       string        `env:"ROLLCALL_CHECK" complete:"checks" placeholder:"CHECK" help:"The check: its ping URL; or its UUID; or its slug, together with the project's ping key."`
	Create      bool          `help:"Make the check when there is none of that slug yet."`
	URL         string        `name:"url" env:"ROLLCALL_URL" placeholder:"URL" help:"Address of the server, such as https://rollcall.example.org; not needed with a ping URL."`
	PingKeyFile string        `env:"ROLLCALL_PING_KEY_FILE" placeholder:"FILE" help:"File that holds the project's ping key. Without it the key is the value of ROLLCALL_PING_KEY."`
	Timeout     time.Duration `default:"10s" help:"How long reporting may take altogether; what is not delivered then is kept and sent later (${default})."`
	Spool       string        `env:"ROLLCALL_SPOOL" placeholder:"DIR" help:"Where reports are kept that could not be delivered (/var/lib/rollcall/spool for root, else rollcall/spool in the user's directory for state)."`
}

// Validate is called when the command line has been read.
func (r reporting) Validate() error {
	if r.Timeout <= 0 {
		return errors.New("--timeout must be longer than nothing, such as 10s")
	}
	return nil
}

// address is where the check is pinged.
func (r reporting) address() (client.Address, error) {
	if r.Check == "" {
		return client.Address{}, errors.New("no check is named: give --check or set ROLLCALL_CHECK")
	}
	key, err := fromFile(os.Getenv("ROLLCALL_PING_KEY"), r.PingKeyFile)
	if err != nil {
		return client.Address{}, fmt.Errorf("read the ping key: %w", err)
	}
	to, err := client.ParseAddress(r.Check, r.URL, strings.TrimSpace(key))
	if err != nil {
		return client.Address{}, fmt.Errorf("%w; look at --check, ROLLCALL_URL and ROLLCALL_PING_KEY", err)
	}
	to.Create = to.Create || r.Create
	return to, nil
}

// pinger is what sends; its notes are told like errors.
func (r reporting) pinger(streams streams) *client.Pinger {
	log.SetOutput(io.Discard) // net/http would write about strange servers between the job's lines
	pinger := &client.Pinger{UserAgent: "rollcall/" + programVersion(), Now: time.Now, TryTimeout: r.Timeout / 2}
	if dir := r.spoolDir(); dir != "" {
		pinger.Spool = &client.Spool{Dir: dir, Now: time.Now, Note: func(text string) { tell(streams, errors.New(text)) }}
	}
	return pinger
}

// spoolDir is "" when there is no place for a spool.
func (r reporting) spoolDir() string {
	state := os.Getenv("XDG_STATE_HOME")
	home := os.Getenv("HOME")
	switch {
	case r.Spool != "":
		return r.Spool
	case filepath.IsAbs(state):
		return filepath.Join(state, "rollcall", "spool")
	case os.Geteuid() == 0:
		return "/var/lib/rollcall/spool"
	case filepath.IsAbs(home):
		return filepath.Join(home, ".local", "state", "rollcall", "spool")
	}
	return ""
}

// tell says what went wrong where that does not end the command.
func tell(streams streams, err error) { fail(streams, exitOK, err) }

// lasting is a length of time that may be given in days and weeks too.
type lasting time.Duration

// UnmarshalText implements encoding.TextUnmarshaler.
func (l *lasting) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	for unit, length := range map[string]time.Duration{"d": 24 * time.Hour, "w": 7 * 24 * time.Hour} {
		if number, found := strings.CutSuffix(string(text), unit); found {
			var n int
			n, err = strconv.Atoi(number)
			d = time.Duration(min(max(n, 0), 5200)) * length // a century, which no server takes
		}
	}
	if err != nil || d <= 0 {
		return fmt.Errorf("%q is no length of time, such as 90s, 30m, 2h or 1d", text)
	}
	*l = lasting(d)
	return nil
}

// seconds is nil for a length that was not given.
func (l lasting) seconds() *int {
	if l == 0 {
		return nil
	}
	return new(int(time.Duration(l) / time.Second))
}
