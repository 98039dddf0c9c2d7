package pgtest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/jackc/pgx/v5"
)

// superuser is the only database user. It needs no password: the socket lies
// in a directory that only the server's user may enter.
const superuser = "rollcall"

// supervise runs a server for as long as its standard input stays open, and does
// to it what it reads there (harm.go). Our process holds the other end, so however
// that ends (a panic, a time limit, kill -9) the server is stopped and its directory
// removed.
const supervise = `
exec 2>"$dir/log"
trap '' PIPE
trap 'rm -rf "$dir"' EXIT
fail() { cat "$dir/log"; exit 1; }
configure() { printf '%s\n' "unix_socket_directories = '$dir'" "$conf" >>"$dir/data/postgresql.conf"; }
start() {
	"$bin/postgres" -D "$dir/data" </dev/null >&2 &
	server=$!
	until "$bin/pg_isready" --quiet --host="$dir"; do
		kill -0 $server || fail
		sleep 0.05
	done
}
children() { cat /proc/$server/task/$server/children; }
all() { kill "-$1" $server $(children); }
crash() {
	orphans=$(children)
	kill -KILL $server $orphans
	wait $server
	server=
	for orphan in $orphans; do # while one runs, a new server cannot have the memory
		while grep -q '^State:.[^Z]' /proc/$orphan/status; do sleep 0.01; done
	done
}
"$bin/initdb" --pgdata="$dir/data" --username="$superuser" --auth=trust \
	--encoding=UTF8 --locale=C --no-sync >&2 || fail
configure
start
echo ready
while read -r what whom; do
	case $what in
	crash) crash ;;
	start) start ;;
	freeze) all STOP ;;
	thaw) all CONT ;;
	follow)
		[ -z "$server" ] || crash
		rm -rf "$dir/data"
		"$bin/pg_basebackup" --pgdata="$dir/data" --host="$whom" --username="$superuser" \
			--write-recovery-conf --checkpoint=fast --no-sync >&2 || fail
		configure
		printf '%s\n' "cluster_name = 'standby'" "wal_retrieve_retry_interval = 100ms" >>"$dir/data/postgresql.conf"
		start
		;;
	esac
	echo ready
done
[ -n "$server" ] || exit 0
all CONT # one that is frozen would hear nothing
kill -QUIT $server
wait $server
`

// Server is a running PostgreSQL that listens on a socket in its own directory.
type Server struct {
	dir    string
	alive  io.WriteCloser // closed, it makes the supervisor stop the server
	answer *bufio.Reader  // of the supervisor
	cmd    *exec.Cmd
	serial atomic.Int64

	prepared   sync.Once
	unprepared error // of what prepared does
}

// Start starts a server of its own, for programs and for tests that harm it;
// other tests share one through [Database]. The caller stops it.
func Start(settings ...Setting) (*Server, error) {
	bin, err := programs(os.Getenv("PATH"), "/usr/lib/postgresql/*/bin")
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "rollcall-pg-")
	if err != nil {
		return nil, err
	}
	cmd := exec.Command("/bin/sh", "-c", supervise)
	cmd.Dir = dir
	cmd.Env = []string{ // nothing else: PGPORT and its like would reach the server
		"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "superuser=" + superuser,
		"bin=" + bin, "dir=" + dir, "conf=" + conf(settings),
	}
	// In a group of its own, an interrupt typed at the terminal does not reach it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if os.Geteuid() == 0 {
		if cmd.SysProcAttr.Credential, err = ordinaryUser(dir); err != nil {
			return nil, errors.Join(err, os.Remove(dir))
		}
	}
	server := &Server{dir: dir, cmd: cmd}
	if err := server.start(); err != nil {
		return nil, fmt.Errorf("start PostgreSQL of %s: %w", bin, err)
	}
	return server, nil
}

// start returns when the server accepts connections, or with what it printed.
func (s *Server) start() error {
	alive, err := s.cmd.StdinPipe()
	if err != nil {
		return err
	}
	s.alive = alive
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := s.cmd.Start(); err != nil {
		return errors.Join(err, os.Remove(s.dir))
	}
	s.answer = bufio.NewReader(stdout)
	return s.ready()
}

// ready waits until the supervisor has done what it is to do.
func (s *Server) ready() error {
	first, err := s.answer.ReadString('\n')
	if err == nil && first == "ready\n" {
		return nil
	}
	rest, _ := io.ReadAll(s.answer)
	return fmt.Errorf("%w\n%s%s", s.Stop(), first, rest)
}

// Stop ends the server and removes its data.
func (s *Server) Stop() error {
	s.alive.Close()
	if err := s.cmd.Wait(); err != nil {
		return fmt.Errorf("PostgreSQL in %s: %w", s.dir, err)
	}
	return nil
}

// CreateDatabase makes an empty database and returns its URL. The name is used
// as it is: plain lower-case letters, digits and underscores.
func (s *Server) CreateDatabase(ctx context.Context, name string) (string, error) {
	return s.copyDatabase(ctx, name, "template0")
}

func (s *Server) copyDatabase(ctx context.Context, name, template string) (string, error) {
	if err := s.exec(ctx, "CREATE DATABASE "+name+" TEMPLATE "+template); err != nil {
		return "", fmt.Errorf("create database %s: %w", name, err)
	}
	return s.URL(name), nil
}

// URL returns the address of a database. It names the port too, because a PGPORT in the
// environment would else win.
func (s *Server) URL(database string) string {
	query := url.Values{"host": {s.dir}, "port": {"5432"}, "sslmode": {"disable"}}
	return "postgres://" + superuser + "@/" + database + "?" + query.Encode()
}

func (s *Server) exec(ctx context.Context, sql string) error {
	conn, err := pgx.Connect(ctx, s.URL("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, sql)
	return err
}

// programs returns the directory that holds the server programs: that of initdb
// on the path, or else the newest where Debian puts them.
func programs(path, pattern string) (string, error) {
	dirs, err := filepath.Glob(pattern)
	if err != nil {
		return "", err
	}
	slices.SortFunc(dirs, func(a, b string) int { return version(b) - version(a) })
	for _, dir := range append(filepath.SplitList(path), dirs...) {
		// What is on the path is often a link; the others lie beside its target.
		initdb, err := filepath.EvalSymlinks(filepath.Join(dir, "initdb"))
		if err != nil {
			continue
		}
		if bin := filepath.Dir(initdb); exists(bin, "postgres") && exists(bin, "pg_isready") {
			return bin, nil
		}
	}
	return "", fmt.Errorf("no PostgreSQL server (initdb, postgres, pg_isready) on the path or in %s: "+
		"run `make deps`, or on Debian and Ubuntu `apt-get install postgresql`", pattern)
}

// version is the 15 of /usr/lib/postgresql/15/bin.
func version(bin string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(bin)))
	return n
}

func exists(dir, name string) bool {
	_, err := os.Stat(filepath.Join(dir, name))
	return err == nil
}

// ordinaryUser gives the directory to a user that PostgreSQL accepts, which
// root is not, and returns the credential to run as.
func ordinaryUser(dir string) (*syscall.Credential, error) {
	for _, name := range []string{"postgres", "nobody"} {
		account, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(account.Uid, 10, 32)
		if err != nil {
			return nil, err
		}
		gid, err := strconv.ParseUint(account.Gid, 10, 32)
		if err != nil {
			return nil, err
		}
		if err := os.Chown(dir, int(uid), int(gid)); err != nil {
			return nil, err
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("PostgreSQL refuses to run as root, and there is no user postgres or nobody to run it as")
}
