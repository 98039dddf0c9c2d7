package alerter_test

import (
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rollcall/internal/alerter"
	"rollcall/internal/monitor"
	"rollcall/internal/prove"
)

// hole accepts connections and never says anything, until it is closed. It returns
// its port.
func hole(t *testing.T) (port string, closeAll func()) {
	t.Helper()
	listener := must(net.Listen("tcp", "127.0.0.1:0"))(t)
	var accepting sync.WaitGroup
	var held []net.Conn
	accepting.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			held = append(held, conn)
		}
	})
	_, port, _ = net.SplitHostPort(listener.Addr().String())
	return port, func() {
		_ = listener.Close()
		accepting.Wait()
		for _, conn := range held {
			_ = conn.Close()
		}
	}
}

// tellAll owes a message to so many channels at once, the hanging ones first in line,
// and returns after how long each healthy one had it, the soonest first.
func tellAll(t *testing.T, hanging, healthy int) []time.Duration {
	t.Helper()
	w := newWorld(t)
	w.alerter.Now = time.Now
	w.set(time.Now().UTC().Truncate(time.Microsecond))
	var (
		mu    sync.Mutex // guards took and began
		took  []time.Duration
		began time.Time
	)
	all := make(chan struct{})
	in := receive(t, func(http.ResponseWriter, *http.Request, int) {
		mu.Lock()
		defer mu.Unlock()
		if took = append(took, time.Since(began)); len(took) == healthy {
			close(all)
		}
	})
	port, closeAll := hole(t)
	var channels []monitor.Channel
	for i := range hanging + healthy {
		url := fmt.Sprintf("http://hang%d.example:%s", i, port)
		if i >= hanging {
			url = fmt.Sprintf("http://good%d.example%s", i, in.URL[strings.LastIndex(in.URL, ":"):])
		}
		channels = append(channels, w.webhook(url))
	}
	c := w.check(channels...)
	mu.Lock()
	began = time.Now()
	mu.Unlock()
	w.fail(c)
	stop := w.run()
	select {
	case <-all:
	case <-time.After(time.Minute):
	}
	closeAll() // so that nothing hangs when the alerter stops
	stop()
	if len(took) < healthy {
		t.Errorf("%d of %d healthy channels were told within a minute", len(took), healthy)
	}
	slices.Sort(took)
	return took
}

// However many receivers accept a connection and never answer, those that do answer
// do not wait until these have failed: a worker is held for SlowAfter and no longer. How
// long that takes is a matter of the machine, and is only logged.
func TestHangingHostsDelayNobodyElse(t *testing.T) {
	channels := prove.Scale(400, 1_000)
	alone := tellAll(t, 0, channels*4/5)
	for _, hanging := range []int{channels / 5, alerter.Workers + channels/5} {
		took := tellAll(t, hanging, channels*4/5)
		most := alone[len(alone)-1] + alerter.WebhookLimit
		late := 0
		for _, d := range took {
			if d > most {
				late++
			}
		}
		t.Logf("%d hang: the others were told after %s (median), %s (p99), %s (last); without them the last after %s",
			hanging, took[len(took)/2].Round(time.Millisecond), took[len(took)*99/100].Round(time.Millisecond),
			took[len(took)-1].Round(time.Millisecond), alone[len(alone)-1].Round(time.Millisecond))
		if late > 0 {
			t.Errorf("%d of %d healthy channels waited longer than %s while %d hung", late, len(took), most, hanging)
		}
		prove.Report(t, "APART: receivers that hang delay no other", len(took), late)
	}
}
