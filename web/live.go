package web

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
)

// How pages are told that something has changed.
const (
	streamsEach = 4                // streams of one session: a browser may have no more than six connections to a server
	streamsAll  = 1_000            // streams of this process
	streamPace  = time.Second      // between two notices of one stream
	streamBeat  = 15 * time.Second // after which a quiet stream shows that it lives, and whoever reads it is still signed in
	streamWrite = 10 * time.Second // in which a reader takes what it is sent
	// lookEvery is how often the store is looked at for what other nodes have done, and
	// for what time alone has done, such as a check becoming late.
	lookEvery = 5 * time.Second
	lookLimit = 5 * time.Second // for one look
)

// Live tells open pages that something of the project that they show has changed,
// not what: they ask for it then. It costs nothing for projects nobody looks at.
type Live struct {
	store store.Glance
	now   func() time.Time
	ended chan struct{} // closed when the process stops

	mu       sync.Mutex // guards what follows
	watched  map[monitor.ProjectID]*watched
	sessions map[string]int // streams of each
	streams  int
	stopped  bool
}

// watched is a project that somebody looks at.
type watched struct {
	readers map[chan struct{}]bool // each holds at most one notice
	mark    store.Mark             // as it was when it was looked at last
}

// NewLive returns a Live; without Run it does not look at the store.
func NewLive(st store.Glance, now func() time.Time) *Live {
	return &Live{
		store: st, now: now, ended: make(chan struct{}),
		watched: map[monitor.ProjectID]*watched{}, sessions: map[string]int{},
	}
}

// Changed says that something has happened in a project. It never blocks.
func (l *Live) Changed(project monitor.ProjectID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tell(l.watched[project])
}

// tell leaves a notice with every reader; l.mu is held.
func (l *Live) tell(w *watched) {
	if w == nil {
		return
	}
	for reader := range w.readers {
		select {
		case reader <- struct{}{}:
		default: // one notice is as good as two
		}
	}
}

// join begins a stream; false when there are too many. Leave ends it.
func (l *Live) join(project monitor.ProjectID, session string) (notices <-chan struct{}, leave func(), ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped || l.streams >= streamsAll || l.sessions[session] >= streamsEach {
		return nil, nil, false
	}
	w := l.watched[project]
	if w == nil {
		w = &watched{readers: map[chan struct{}]bool{}}
		l.watched[project] = w
	}
	reader := make(chan struct{}, 1)
	w.readers[reader] = true
	l.streams++
	l.sessions[session]++
	return reader, func() { l.leave(project, session, reader) }, true
}

func (l *Live) leave(project monitor.ProjectID, session string, reader chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.streams--
	if l.sessions[session]--; l.sessions[session] == 0 {
		delete(l.sessions, session)
	}
	w := l.watched[project]
	if delete(w.readers, reader); len(w.readers) == 0 {
		delete(l.watched, project)
	}
}

// Run looks at the store until ctx ends, and ends all streams then.
func (l *Live) Run(ctx context.Context) error {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			l.mu.Lock()
			l.stopped = true
			l.mu.Unlock()
			close(l.ended)
			return nil
		case <-look.C:
			l.Tick(ctx)
		}
	}
}

// Tick looks once at every project that is watched. One that cannot be read now is
// read the next time: its pages say themselves that the database does not answer.
func (l *Live) Tick(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	for _, project := range l.projects() {
		if mark, err := l.store.Mark(ctx, project, l.now()); err == nil {
			l.compare(project, mark)
		}
	}
}

func (l *Live) projects() []monitor.ProjectID {
	l.mu.Lock()
	defer l.mu.Unlock()
	var ids []monitor.ProjectID
	for id := range l.watched {
		ids = append(ids, id)
	}
	return ids
}

func (l *Live) compare(project monitor.ProjectID, mark store.Mark) {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := l.watched[project]
	if w == nil {
		return // its last reader has left
	}
	if w.mark != mark {
		l.tell(w) // the first look also does: the page may be older than it
	}
	w.mark = mark
}

// stream tells a page whenever something of its project has changed, as events of
// the name "changed". It ends with the page, the session or the process.
func (s *Server) stream(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodGet || r.Header.Get("Accept") != "text/event-stream" {
		w.WriteHeader(http.StatusNoContent) // who takes no events is told nothing
		return nil
	}
	id, err := numberOf(r.URL.Query().Get("project"))
	if err != nil {
		return err
	}
	project, session := monitor.ProjectID(id), s.sessions.Token(r.Context())
	if s.who(r).in(project).Project.ID != project {
		return fault.NotFound
	}
	notices, leave, ok := s.Live.join(project, session)
	if !ok {
		http.Error(w, "too many streams", http.StatusTooManyRequests) // the page goes on asking by itself
		return nil
	}
	defer leave()
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no")
	out := events{w, http.NewResponseController(w), s.Now}
	_ = out.control.SetReadDeadline(time.Time{}) // what the server allows is for requests that end
	if out.send(quiet) != nil {
		return nil
	}
	s.follow(r.Context(), out, notices, func() bool { return s.stillReads(session, project) })
	return nil
}

// follow sends every notice, at streamPace and no sooner, until the reader, the
// session or the process ends.
func (s *Server) follow(ctx context.Context, out events, notices <-chan struct{}, still func() bool) {
	beat := time.NewTicker(streamBeat)
	defer beat.Stop()
	listen := notices
	var rested <-chan time.Time
	for {
		say := ""
		select {
		case <-ctx.Done():
			return
		case <-s.Live.ended:
			return
		case <-rested:
			listen, rested = notices, nil
		case <-listen:
			say, listen, rested = changed, nil, time.After(streamPace)
		case <-beat.C:
			if !still() {
				return
			}
			say = quiet
		}
		if say != "" && out.send(say) != nil {
			return
		}
	}
}

// What a stream says.
const (
	quiet   = ":\n\n"
	changed = "event: changed\ndata: something\n\n"
)

// events writes a stream.
type events struct {
	w       http.ResponseWriter
	control *http.ResponseController
	now     func() time.Time
}

func (e events) send(text string) error {
	_ = e.control.SetWriteDeadline(e.now().Add(streamWrite)) // without a connection there is none
	if _, err := e.w.Write([]byte(text)); err != nil {
		return err
	}
	return e.control.Flush()
}

// stillReads reports whether the session goes on and may see the project. That the
// database does not answer is no reason to end a stream.
func (s *Server) stillReads(session string, project monitor.ProjectID) bool {
	ctx, cancel := context.WithTimeout(context.Background(), lookLimit) // that of the request holds the session as it was
	defer cancel()
	ctx, err := s.sessions.Load(context.WithValue(ctx, notedKey{}, &noted{}), session)
	if err != nil {
		return true
	}
	who, err := s.signedIn(ctx)
	if errors.Is(err, errSignedOut) || errors.Is(err, fault.Forbidden) {
		return false
	}
	return err != nil || who.in(project).Project.ID == project
}
