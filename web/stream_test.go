package web_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/internal/monitor"
	"rollcall/web"
)

// reading is somebody who reads a stream, and what they were sent.
type reading struct {
	header http.Header
	mu     sync.Mutex // guards what follows
	code   int
	text   strings.Builder
	stop   context.CancelFunc
	began  chan struct{} // closed when the answer begins
	done   chan struct{} // closed when it has ended
}

func (r *reading) Header() http.Header { return r.header }

func (r *reading) WriteHeader(code int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.code = code
}

func (r *reading) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.code == 0 {
		r.code = http.StatusOK
	}
	if r.text.Len() == 0 {
		close(r.began)
	}
	return r.text.Write(b)
}

func (r *reading) Flush() {}

// changes is how often the reader was told of a change.
func (r *reading) changes() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Count(r.text.String(), "event: changed\ndata: something\n\n")
}

func (r *reading) beats() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Count(r.text.String(), ":\n\n")
}

func (r *reading) ended() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

// stream begins to read what is said of a project.
func (b *browser) stream(project monitor.ProjectID) *reading {
	b.Helper()
	ctx, stop := context.WithCancel(b.Context())
	out := &reading{header: http.Header{}, stop: stop, began: make(chan struct{}), done: make(chan struct{})}
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/live?project="+idOf(project), nil)
	r.Host, r.RemoteAddr = b.base.Host, b.remote
	r.Header.Set("Accept", "text/event-stream")
	r.Header.Set("Accept-Encoding", "gzip")
	for _, cookie := range b.jar.Cookies(b.base) {
		r.AddCookie(cookie)
	}
	go func() {
		defer close(out.done)
		b.handler.ServeHTTP(out, r)
	}()
	return out
}

// inBubble runs a test in virtual time with a site whose Live runs. The site is made
// outside: the library of the sessions has a goroutine that never ends.
func inBubble(t *testing.T, test func(*site, func())) {
	s := newSite(t)
	synctest.Test(t, func(t *testing.T) {
		s.T = t
		s.live.Renew()
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.live.Run(ctx) }()
		test(s, func() {
			stop()
			s.ok(<-ended)
		})
		if ctx.Err() == nil {
			stop()
			s.ok(<-ended)
		}
		synctest.Wait()
	})
}

func pass(d time.Duration) {
	time.Sleep(d) // of virtual time
	synctest.Wait()
}

func TestAStreamTellsOfChanges(t *testing.T) {
	inBubble(t, func(s *site, _ func()) {
		check := s.addCheck(s.project.ID, "Nightly")
		_, other := s.addAccount("eve@example.org", "", "Theirs")
		r := s.signedIn().stream(s.project.ID)
		pass(time.Millisecond)
		if got := r.header.Get("Content-Type"); got != "text/event-stream" || r.header.Get("Content-Encoding") != "" || r.beats() != 1 {
			t.Errorf("the stream begins with %v, %q", r.header, r.text.String())
		}
		s.live.Changed(other.ID)
		pass(time.Millisecond)
		if got := r.changes(); got != 0 {
			t.Errorf("told %d times of another project", got)
		}
		for range 50 { // the first is told at once, the others together
			s.receive(check, monitor.Ping{Signal: monitor.Log})
		}
		pass(100 * time.Millisecond)
		if got := r.changes(); got != 1 {
			t.Errorf("told %d times at once, want 1", got)
		}
		pass(time.Second)
		if got := r.changes(); got != 2 {
			t.Errorf("told %d times within two seconds, want 2", got)
		}
		r.stop()
		<-r.done
		if s.live.Watched() != 0 {
			t.Error("a project that nobody looks at is looked at")
		}
	})
}

// Another node writes, or time alone passes: the store knows.
func TestAStreamTellsOfWhatOthersDid(t *testing.T) {
	inBubble(t, func(s *site, _ func()) {
		check := s.addCheck(s.project.ID, "Nightly")
		s.receive(check, monitor.Ping{Signal: monitor.Success})
		r := s.signedIn().stream(s.project.ID)
		pass(11 * time.Second)
		before := r.changes()
		if before != 1 {
			t.Errorf("told %d times of nothing but the first look", before)
		}
		s.ok(s.st.RenameProject(t.Context(), s.project.ID, "Renamed")) // which no list shows
		s.ok(s.st.DeleteCheck(t.Context(), s.project.ID, check.ID))
		pass(6 * time.Second)
		if got := r.changes() - before; got != 1 {
			t.Errorf("told %d times of a check that is gone, want 1", got)
		}
		r.stop()
		<-r.done
	})
}

func TestAStreamEndsWithItsSession(t *testing.T) {
	inBubble(t, func(s *site, _ func()) {
		b := s.signedIn()
		r := b.stream(s.project.ID)
		pass(time.Minute)
		if r.ended() || r.beats() < 4 {
			t.Errorf("a quiet stream: ended %t, %d beats", r.ended(), r.beats())
		}
		b.post("/logout")
		pass(15 * time.Second)
		if !r.ended() {
			t.Error("the stream goes on after the session")
		}
		if got := b.stream(s.project.ID); func() bool { <-got.done; return got.code != http.StatusSeeOther }() {
			t.Errorf("a stream without a session: %d", got.code)
		}
	})
}

func TestStreamsEndWhenTheProcessStops(t *testing.T) {
	inBubble(t, func(s *site, stop func()) {
		r := s.signedIn().stream(s.project.ID)
		pass(time.Second)
		stop()
		<-r.done
		late := s.signedIn().stream(s.project.ID)
		<-late.done
		if late.code != http.StatusTooManyRequests {
			t.Errorf("a stream of a process that stops: %d", late.code)
		}
	})
}

func TestStreamsAreLimited(t *testing.T) {
	inBubble(t, func(s *site, _ func()) {
		b := s.signedIn()
		var open []*reading
		for range web.StreamsEach {
			open = append(open, b.stream(s.project.ID))
		}
		pass(time.Second)
		over := b.stream(s.project.ID)
		<-over.done
		if over.code != http.StatusTooManyRequests {
			t.Errorf("one stream too many: %d", over.code)
		}
		another := s.signedIn().stream(s.project.ID)
		pass(time.Second)
		if another.ended() {
			t.Error("another session has no stream")
		}
		open[0].stop()
		<-open[0].done
		again := b.stream(s.project.ID)
		pass(time.Second)
		if again.ended() {
			t.Errorf("one has ended, and there is no other: %d", again.code)
		}
		for _, r := range append(open, another, again) {
			r.stop()
			<-r.done
		}
	})
}

func TestWhoMayReadAStream(t *testing.T) {
	s := newSite(t)
	_, other := s.addAccount("eve@example.org", "", "Theirs")
	b := s.signedIn()
	for path, code := range map[string]int{
		"/live?project=" + idOf(other.ID): http.StatusNotFound,
		"/live":                           http.StatusNotFound,
		"/live?project=x":                 http.StatusNotFound,
	} {
		s.wants(b.ask(http.MethodGet, path, nil, "Accept", "text/event-stream"), code)
	}
	if w := b.get("/live?project=" + idOf(s.project.ID)); w.Code != http.StatusNoContent || w.Body.Len() > 0 {
		t.Errorf("who takes no events: %d %q", w.Code, w.Body)
	}
	if w := b.ask(http.MethodHead, "/live?project="+idOf(s.project.ID), nil, "Accept", "text/event-stream"); w.Code != http.StatusNoContent {
		t.Errorf("HEAD: %d", w.Code)
	}
}

// What a form changes is told to whoever looks.
func TestFormsAreChanges(t *testing.T) {
	inBubble(t, func(s *site, _ func()) {
		check := s.addCheck(s.project.ID, "Nightly")
		b := s.signedIn()
		r := b.stream(s.project.ID)
		pass(time.Millisecond)
		b.post(fmt.Sprintf("/checks/%s/pause", check.UUID))
		pass(time.Millisecond)
		if got := r.changes(); got != 1 {
			t.Errorf("told %d times of a pause", got)
		}
		r.stop()
		<-r.done
	})
}
