package mailbox_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/smtp"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"rollcall/internal/fault"
	"rollcall/internal/mailbox"
	"rollcall/internal/monitor"
)

func TestSwaks(t *testing.T) {
	o := newOffice(t)
	away := false
	o.reopen(func(c *mailbox.Config) {
		c.Ingest = moody{Pinger: o.in, before: func(uuid.UUID) error {
			if away {
				return fault.Unavailable
			}
			return nil
		}}
	})
	log := filepath.Join(t.TempDir(), "backup.log")
	if err := os.WriteFile(log, []byte("line of a log\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const refusedRcpt, refusedData = 24, 26 // exit statuses of swaks
	for _, c := range []struct {
		name string
		away bool
		args []string
		exit int
		want []string // signal, subject and body of each ping
	}{
		{"a plain mail", false, []string{"--to", "%uuid@%domain", "--header", "Subject: nightly", "--body", "12 GB\\nin 2 h"}, 0, []string{"success nightly 12 GB\nin 2 h"}},
		{"from nobody, to upper case", false, []string{"--from", "<>", "--to", "%UUID+FAIL@%domain", "--header", "Subject: broken", "--body", "no space"}, 0, []string{"fail broken no space"}},
		{"two recipients", false, []string{"--to", "%uuid+log@%domain,%key+nightly+start@%domain", "--header", "Subject: both", "--body", "x"}, 0, []string{"log both x", "start both x"}},
		{"an attachment", false, []string{"--to", "%uuid@%domain", "--header", "Subject: log", "--body", "see log", "--attach-type", "text/plain", "--attach", "@" + log}, 0, []string{"success log see log"}},
		{"a stranger", false, []string{"--to", "root@%domain"}, refusedRcpt, nil},
		{"another domain", false, []string{"--to", "%uuid@example.com"}, refusedRcpt, nil},
		{"a database that is away", true, []string{"--to", "%uuid@%domain"}, refusedData, nil},
		{"in pipeline", false, []string{"--pipeline", "--to", "%uuid@%domain", "--header", "Subject: piped", "--body", "x"}, 0, []string{"success piped x"}},
	} {
		away = c.away
		before := len(o.pings(o.check))
		args := []string{"--server", o.addr, "--helo", "nas.example"}
		for _, arg := range c.args {
			args = append(args, o.fill(arg))
		}
		out, err := exec.Command("swaks", args...).CombinedOutput()
		var ended *exec.ExitError
		exit := 0
		if errors.As(err, &ended) {
			exit = ended.ExitCode()
		} else if err != nil {
			t.Fatalf("%v; scripts/deps installs it", err)
		}
		var got []string
		for _, p := range o.pings(o.check)[before:] {
			got = append(got, fmt.Sprintf("%s %s %s", p.Signal, p.Detail.Message, p.Body))
		}
		if exit != c.exit || !slices.Equal(got, c.want) {
			t.Errorf("%s: exit status %d, pings %q; want %d, %q\n%s", c.name, exit, got, c.exit, c.want, out)
		}
	}
}

// superviseRelay runs Postfix from a directory of its own until its standard input
// ends: a test that dies takes it along. Every line that is read flushes the queue.
const superviseRelay = `
dir=$1
PATH=$PATH:/usr/sbin:/sbin
trap 'rm -rf "$dir"' EXIT
trap '' PIPE INT
chown -R root "$dir" && chown postfix "$dir/data"
if ! postfix -c "$dir/etc" start </dev/null >"$dir/start" 2>&1; then
	cat "$dir/start" "$dir/log"
	exit 1
fi
echo ready
while read -r _; do
	postqueue -c "$dir/etc" -f
done
for _ in $(seq 50); do # what is answered is not off the queue at once
	left=$(postqueue -c "$dir/etc" -p)
	case $left in 'Mail queue is empty'*) break ;; esac
	sleep 0.1
done
printf '%s\n' "$left"
postfix -c "$dir/etc" stop </dev/null >/dev/null 2>&1
cat "$dir/log"
`

// relayConfig makes Postfix pass everything on to one server and try again soon.
const relayConfig = `
compatibility_level = 3.6
queue_directory = %[1]s/queue
data_directory = %[1]s/data
maillog_file = %[1]s/log
maillog_file_prefixes = %[1]s
mail_owner = postfix
myhostname = nas.example
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mydestination =
alias_maps =
local_recipient_maps =
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
relayhost = [%[2]s]:%[3]s
smtp_dns_support_level = disabled
smtp_connection_cache_on_demand = no
minimal_backoff_time = 1s
maximal_backoff_time = 1s
queue_run_delay = 1s
`

const relayServices = `
%s inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
retry unix - - n - - error
error unix - - n - - error
smtp unix - - n - - smtp
showq unix n - n - - showq
postlog unix-dgram n - n - 1 postlogd
`

// relay is a Postfix that passes on what it gets to one server.
type relay struct {
	addr  string
	stdin io.WriteCloser
	out   *bufio.Reader
	wait  func() error
}

func startRelay(t *testing.T, to string) *relay {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{addr: listener.Addr().String()}
	_ = listener.Close() // for Postfix
	dir, err := os.MkdirTemp("", "rollcall-postfix-")
	if err != nil {
		t.Fatal(err)
	}
	host, port, err := net.SplitHostPort(to)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"etc/main.cf":   fmt.Sprintf(relayConfig, dir, host, port),
		"etc/master.cf": fmt.Sprintf(relayServices, r.addr),
		"queue/.keep":   "",
		"data/.keep":    "",
	} {
		file := filepath.Join(dir, name)
		if err := errors.Join(os.Chmod(dir, 0o755), os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	command := []string{"/bin/sh", "-c", superviseRelay, "sh", dir}
	if os.Geteuid() != 0 {
		command = append([]string{"sudo", "-n"}, command...)
	}
	cmd := exec.Command(command[0], command[1:]...)
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	stdin, err1 := cmd.StdinPipe()
	stdout, err2 := cmd.StdoutPipe()
	if err := errors.Join(err1, err2, cmd.Start()); err != nil {
		_ = os.RemoveAll(dir)
		t.Fatalf("%v; Postfix starts as root only: run the tests as root, or let sudo work without a password", err)
	}
	r.stdin, r.out, r.wait = stdin, bufio.NewReader(stdout), cmd.Wait
	t.Cleanup(func() { _ = stdin.Close() })
	if first, err := r.out.ReadString('\n'); first != "ready\n" {
		rest, _ := io.ReadAll(r.out)
		_ = cmd.Wait()
		_ = os.RemoveAll(dir)
		t.Fatalf("%v: %s%s%s\nPostfix starts as root only: run the tests as root, or let sudo work without a password; scripts/deps installs it", err, first, rest, &complaints)
	}
	return r
}

// flush makes the relay try again now.
func (r *relay) flush() { _, _ = io.WriteString(r.stdin, "\n") }

// stop ends the relay and returns what was left in its queue, and its log.
func (r *relay) stop(t *testing.T) string {
	t.Helper()
	_ = r.stdin.Close()
	said, err := io.ReadAll(r.out)
	if err := errors.Join(err, r.wait()); err != nil {
		t.Error(err)
	}
	return string(said)
}

// A mail system tries again after 451, and again when it saw no 250 for what is
// stored. It counts once.
func TestPostfix(t *testing.T) {
	o := newOffice(t)
	other := o.newCheck("other", monitor.Filter{})
	attempts, heard := 0, make(chan int, 100)
	o.reopen(func(c *mailbox.Config) {
		c.Ingest = moody{
			Pinger: o.in,
			before: func(id uuid.UUID) error {
				if id != o.check.UUID {
					return nil
				}
				attempts++ // Postfix sends one mail at a time until one is taken
				heard <- attempts
				if attempts == 1 {
					return fault.Unavailable // not stored
				}
				return nil
			},
			after: func(id uuid.UUID) error {
				if id == o.check.UUID && attempts == 2 {
					return fault.Unavailable // stored, but it does not look like it
				}
				return nil
			},
		}
	})
	r := startRelay(t, o.addr)
	to := []string{o.check.UUID.String() + "@" + domain, o.fill("%key+other+fail@") + domain, "stranger@" + domain}
	if err := smtp.SendMail(r.addr, nil, "root@nas.example", to, []byte(strings.TrimPrefix(nightly, "\n"))); err != nil {
		t.Fatal(err)
	}
	limit := time.After(20 * time.Second)
	for o.box.Stats().Repeated.Load() == 0 {
		select {
		case <-heard:
		case <-time.After(50 * time.Millisecond): // a flush before the mail is put back does nothing
		case <-limit:
			t.Fatal(r.stop(t))
		}
		r.flush()
	}
	if attempts != 2 {
		t.Errorf("stored in %d attempts", attempts)
	}

	const many = 50
	for i := range many {
		text := fmt.Sprintf("Message-ID: <%d@nas.example>\r\nSubject: %d\r\n\r\n", i, i)
		if err := smtp.SendMail(r.addr, nil, "root@nas.example", to[1:2], []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	for o.counted(other) < many+1 {
		select {
		case <-time.After(20 * time.Millisecond):
		case <-limit:
			t.Fatal(r.stop(t))
		}
	}
	said := r.stop(t)
	if a, b := o.counted(o.check), o.counted(other); a != 1 || b != many+1 || !strings.HasPrefix(said, "Mail queue is empty") {
		t.Errorf("%d and %d pings, want 1 and %d\n%s", a, b, many+1, said)
	}
	p := o.pings(o.check)[0]
	if p.Detail.Message != "Sicherung läuft" || p.RemoteAddr != "127.0.0.1" || !strings.HasPrefix(p.UserAgent, "Email from root@nas.example") {
		t.Errorf("%+v", p)
	}
	if n := strings.Count(said, "451 4.3.0 cannot be stored now"); n < 2 {
		t.Errorf("answered 451 %d times", n)
	}
	if !strings.Contains(said, "550 5.1.1 no such mailbox here") {
		t.Error("the stranger was not told")
	}
}
