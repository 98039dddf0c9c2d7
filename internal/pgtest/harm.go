package pgtest

import (
	"context"
	"fmt"
	"io"
)

// What can be done to a server that its test has for itself.

// Crash kills every process of the server at once. What was committed is in its
// directory; Restart recovers it.
func (s *Server) Crash() error { return s.do("crash") }

// Restart starts a server that has crashed.
func (s *Server) Restart() error { return s.do("start") }

// Freeze lets every process of the server stand still: connections stay, new ones
// are accepted by the kernel, and nothing is answered.
func (s *Server) Freeze() error { return s.do("freeze") }

// Thaw lets a frozen server go on.
func (s *Server) Thaw() error { return s.do("thaw") }

// Follow makes the server a copy of the primary, which from then on confirms a
// commit only when this one has it too. What the server held before is gone.
func (s *Server) Follow(ctx context.Context, primary *Server) error {
	if err := s.do("follow " + primary.dir); err != nil {
		return err
	}
	for _, sql := range []string{"ALTER SYSTEM SET synchronous_standby_names = 'standby'", "SELECT pg_reload_conf()"} {
		if err := primary.exec(ctx, sql); err != nil {
			return fmt.Errorf("make the primary wait for its standby: %w", err)
		}
	}
	return nil
}

// Promote makes a standby the primary. It waits for no other server.
func (s *Server) Promote(ctx context.Context) error {
	for _, sql := range []string{"SELECT pg_promote()", "ALTER SYSTEM RESET synchronous_standby_names", "SELECT pg_reload_conf()"} {
		if err := s.exec(ctx, sql); err != nil {
			return fmt.Errorf("promote: %w", err)
		}
	}
	return nil
}

// Dir is where the socket of the server lies.
func (s *Server) Dir() string { return s.dir }

// do lets the supervisor do something, and returns when it is done.
func (s *Server) do(command string) error {
	if _, err := io.WriteString(s.alive, command+"\n"); err != nil {
		return fmt.Errorf("%s PostgreSQL: %w", command, err)
	}
	if err := s.ready(); err != nil {
		return fmt.Errorf("%s PostgreSQL: %w", command, err)
	}
	return nil
}
