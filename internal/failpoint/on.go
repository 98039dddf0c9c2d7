//go:build failpoints

package failpoint

import (
	"context"
	"fmt"
	"net/http/httptrace"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"rollcall/internal/fault"
)

// Env names the variable that says what is to happen.
const Env = "ROLLCALL_FAILPOINT"

// point is a place at which something is to happen.
type point struct {
	nth    int64 // passing
	action string
	passed atomic.Int64
}

// plan is what the environment asks for.
type plan struct {
	points   map[string]*point
	settings map[string]string
}

// asked reads the environment once. A mistake in it is the test's, so it ends here.
var asked = sync.OnceValue(func() plan {
	p := plan{map[string]*point{}, map[string]string{}}
	for item := range strings.SplitSeq(os.Getenv(Env), ",") {
		if name, value, ok := strings.Cut(item, "="); ok {
			p.settings[name] = value
			continue
		}
		if item == "" {
			continue
		}
		parts := strings.Split(item, ":")
		if len(parts) != 3 {
			panic(Env + ": want name:n:action, got " + item)
		}
		nth, err := strconv.ParseInt(parts[1], 10, 64)
		if err != nil {
			panic(Env + ": " + err.Error())
		}
		p.points[parts[0]] = &point{nth: nth, action: parts[2]}
	}
	return p
})

// Here marks a place where nothing can fail but the process.
func Here(name string) { _ = Err(name) }

// Err marks a place where an operation can fail too.
func Err(name string) error {
	p := asked().points[name]
	if p == nil || p.passed.Add(1) != p.nth {
		return nil
	}
	goOn := make(chan os.Signal, 1)
	signal.Notify(goOn, syscall.SIGCONT)
	defer signal.Stop(goOn)
	fmt.Fprintln(os.Stderr, "failpoint", name, p.action)
	switch p.action {
	case "kill":
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	case "hang":
		<-goOn
		return nil
	case "error":
		return fmt.Errorf("%w: failpoint %s", fault.Unavailable, name)
	}
	panic(Env + ": unknown action " + p.action)
}

// Setting returns what is asked for under a name, "" for nothing.
func Setting(name string) string { return asked().settings[name] }

// Request lets the places inside an HTTP request be passed: name.connected when the
// connection stands, name.written when all of the request is written.
func Request(ctx context.Context, name string) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn:      func(httptrace.GotConnInfo) { Here(name + ".connected") },
		WroteRequest: func(httptrace.WroteRequestInfo) { Here(name + ".written") },
	})
}
