package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/alexedwards/scs/v2"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
)

// How long somebody stays signed in.
const (
	sessionIdle = 14 * 24 * time.Hour // without a request
	sessionLife = 90 * 24 * time.Hour // in all
	// sessionTouch is how exactly the last request is remembered: not every page
	// that is looked at has to be a write.
	sessionTouch = time.Hour
)

// What a session holds.
const (
	keyUser    = "user"    // int64, account.UserID
	keySure    = "sure"    // int64, unix seconds at which who this is was proved last
	keyBegan   = "began"   // int64, unix seconds of the log-in
	keySeen    = "seen"    // int64, unix seconds of the last request, to sessionTouch
	keyProject = "project" // int64, monitor.ProjectID that is looked at
	keyFlash   = "flash"   // string, said once on the next page
)

// Who is the signed-in account and the project it looks at.
type Who struct {
	User     account.User
	Project  store.Membership   // zero for who is a member of none
	Projects []store.Membership // all that the user is a member of
}

// who returns the account of a route that is not for anybody.
func (s *Server) who(r *http.Request) Who { return *note(r).who }

func newSessions(s *Server) *scs.SessionManager {
	sessions := scs.New()
	sessions.Lifetime = sessionLife
	sessions.Store = sessionStore{s.Store, s.Now}
	sessions.ErrorFunc = func(w http.ResponseWriter, r *http.Request, err error) { s.fail(w, r, err) }
	sessions.Cookie.Name = "rollcall"
	if s.secure {
		sessions.Cookie.Name = "__Host-rollcall"
		sessions.Cookie.Secure = true
	}
	return sessions
}

// sessionStore keeps sessions in the database, under the hash of their token. What
// a session says of itself stands beside its data, so that it can be listed.
type sessionStore struct {
	store store.Sessions
	now   func() time.Time
}

func (s sessionStore) FindCtx(ctx context.Context, token string) ([]byte, bool, error) {
	hash := account.HashKey(token)
	data, found, err := s.store.FindSession(ctx, hash, s.now())
	if found {
		noteOf(ctx).session = hash
	}
	return data, found, err
}

// CommitCtx begins a session, or saves the one that the request came with. That one
// may have been ended while the request was under way; then it stays ended.
func (s sessionStore) CommitCtx(ctx context.Context, token string, data []byte, expires time.Time) error {
	_, values, err := scs.GobCodec{}.Decode(data)
	if err != nil {
		return err
	}
	number := func(key string) int64 { n, _ := values[key].(int64); return n }
	notes := noteOf(ctx)
	session := store.Session{
		Hash: account.HashKey(token), User: account.UserID(number(keyUser)), Data: data,
		Began: time.Unix(number(keyBegan), 0).UTC(), Seen: time.Unix(number(keySeen), 0).UTC(), Expires: expires.UTC().Truncate(time.Microsecond),
		Browser: browserOf(notes.agent), Network: vicinity(notes.ip),
	}
	if session.Hash == notes.session {
		return s.store.SaveSession(ctx, session)
	}
	notes.session = session.Hash
	return s.store.BeginSession(ctx, session)
}

func (s sessionStore) DeleteCtx(ctx context.Context, token string) error {
	return s.store.EndSession(ctx, account.HashKey(token))
}

// The methods without a context are part of scs.Store, and scs calls none of them
// when those with one are there.
var errNoContext = errors.New("a session needs the context of its request")

func (sessionStore) Find(string) ([]byte, bool, error)      { return nil, false, errNoContext }
func (sessionStore) Commit(string, []byte, time.Time) error { return errNoContext }
func (sessionStore) Delete(string) error                    { return errNoContext }

// signIn begins a session under a new token; whatever cookie the browser brought
// is worth nothing from here on.
func (s *Server) signIn(ctx context.Context, user account.UserID) error {
	epoch, err := s.Store.Epoch(ctx, user)
	if err != nil {
		return err
	}
	if err := s.sessions.RenewToken(ctx); err != nil {
		return err
	}
	now := s.Now()
	for _, key := range []string{keyHalf, keyCeremony, keyFlow} {
		s.sessions.Remove(ctx, key)
	}
	s.sessions.Put(ctx, keyEpoch, epoch)
	s.sessions.SetDeadline(ctx, now.Add(sessionLife))
	s.sessions.Put(ctx, keyUser, int64(user))
	s.sessions.Put(ctx, keyBegan, now.Unix())
	s.sessions.Put(ctx, keySure, now.Unix())
	s.sessions.Put(ctx, keySeen, now.Unix())
	s.sessions.Remove(ctx, keyProject)
	return nil
}

// admit lets somebody in who has proved who they are by the first means, and leads
// them on to where they wanted to go; who has a second factor, to the second step.
func (s *Server) admit(w http.ResponseWriter, r *http.Request, user account.User, next string) error {
	return s.arrive(w, r, half{User: user.ID, Next: next})
}

// sure reports whether it was proved lately who this is.
func (s *Server) sure(ctx context.Context) bool {
	return s.Now().Sub(time.Unix(s.sessions.GetInt64(ctx, keySure), 0)) < sureFor
}

// beSure remembers that it was proved just now who this is. The session gets a new
// token, as whenever it may do more than before.
func (s *Server) beSure(ctx context.Context) error {
	s.sessions.Put(ctx, keySure, s.Now().Unix())
	return s.renew(ctx)
}

// renew gives a session a new token; it lasts no longer for that. A session that was
// ended with all others of its user goes on by this.
func (s *Server) renew(ctx context.Context) error {
	if err := s.sessions.RenewToken(ctx); err != nil {
		return err
	}
	s.sessions.SetDeadline(ctx, time.Unix(s.sessions.GetInt64(ctx, keyBegan), 0).Add(sessionLife))
	return nil
}

// refererPath returns the page of ours that a form was sent from.
func refererPath(r *http.Request) string {
	from, err := url.Parse(r.Referer())
	if err != nil {
		return localPath("")
	}
	return localPath(from.RequestURI())
}

// signedIn returns whose session this is, or errSignedOut.
func (s *Server) signedIn(ctx context.Context) (Who, error) {
	id := s.sessions.GetInt64(ctx, keyUser)
	if id == 0 {
		return Who{}, errSignedOut
	}
	now, seen := s.Now(), time.Unix(s.sessions.GetInt64(ctx, keySeen), 0)
	if now.Sub(seen) > sessionIdle {
		if err := s.sessions.Destroy(ctx); err != nil {
			return Who{}, err
		}
		return Who{}, errSignedOut
	}
	if now.Sub(seen) > sessionTouch {
		s.sessions.Put(ctx, keySeen, now.Unix())
	}
	user, err := s.Store.User(ctx, account.UserID(id))
	if errors.Is(err, fault.NotFound) {
		return Who{}, errSignedOut
	}
	if err != nil {
		return Who{}, err
	}
	epoch, err := s.Store.Epoch(ctx, user.ID)
	if err != nil {
		return Who{}, err
	}
	if epoch != s.sessions.GetInt64(ctx, keyEpoch) { // a change of the factors ended it
		return Who{}, errSignedOut
	}
	projects, err := s.Store.ProjectsOf(ctx, user.ID)
	if err != nil {
		return Who{}, err
	}
	who := Who{User: user, Projects: projects}
	if len(projects) == 0 {
		return who, nil
	}
	who.Project = projects[0]
	chosen := monitor.ProjectID(s.sessions.GetInt64(ctx, keyProject))
	return who.in(chosen), nil
}

// in returns who looking at another of their projects, if they are a member of it.
func (who Who) in(id monitor.ProjectID) Who {
	for _, project := range who.Projects {
		if project.ID == id {
			who.Project = project
		}
	}
	return who
}

// switchProject looks at another project.
func (s *Server) switchProject(w http.ResponseWriter, r *http.Request) error {
	id, err := numberOf(r.PostFormValue("project"))
	if err != nil {
		return err
	}
	who := s.who(r).in(monitor.ProjectID(id))
	if who.Project.ID != monitor.ProjectID(id) {
		return fault.NotFound
	}
	s.sessions.Put(r.Context(), keyProject, id)
	return s.redirect(w, r, "/checks")
}

// home leads to the checks; who is signed out is led to the log-in page from there.
func (s *Server) home(w http.ResponseWriter, r *http.Request) error {
	return s.redirect(w, r, "/checks")
}

// flash says something once, on the next page.
func (s *Server) flash(r *http.Request, words string) {
	s.sessions.Put(r.Context(), keyFlash, words)
}

// localPath returns where to go after logging in: the given target when it is a
// path on this server that every browser understands as one, otherwise the checks.
func localPath(target string) string {
	const home = "/checks"
	u, err := url.Parse(target)
	switch {
	case err != nil, u.Scheme != "", u.Host != "", u.User != nil, u.Opaque != "":
		return home
	case !strings.HasPrefix(u.Path, "/"), strings.HasPrefix(u.Path, "//"):
		return home
	case strings.ContainsAny(target, "\\") || strings.ContainsAny(u.Path, "\\\t\r\n"):
		return home
	case strings.Contains(u.Path, "/../") || strings.HasSuffix(u.Path, "/..") || strings.Contains(u.Path, "//"):
		return home
	}
	return u.RequestURI()
}
