package demo

import (
	"slices"
	"sync"
)

// Kept is how many mails, and how many webhooks, are kept: the newest.
const Kept = 100

// shelf keeps the newest things that arrived.
type shelf[Thing any] struct {
	mu    sync.Mutex // guards the rest
	came  int
	kept  []Thing // the oldest first
	heard func(Thing)
}

// put keeps a thing that is made of its number and of what is kept already, and
// tells of it.
func (s *shelf[Thing]) put(make func(n int, before []Thing) Thing) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.came++
	thing := make(s.came, s.kept)
	s.kept = append(s.kept, thing)
	s.kept = slices.Clone(s.kept[max(0, len(s.kept)-Kept):]) // what is dropped is freed
	s.heard(thing)
}

// newest lists what is kept, the newest first.
func (s *shelf[Thing]) newest() []Thing {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := slices.Clone(s.kept)
	slices.Reverse(list)
	return list
}
