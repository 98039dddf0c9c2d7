package store

import (
	"context"
	"time"

	"rollcall/internal/monitor"
)

// Pairing is which other installations this one sends its heartbeat to.
type Pairing interface {
	// PutHeartbeat lets the installation send its heartbeat to an address of the
	// project's choice, instead of the one before.
	PutHeartbeat(ctx context.Context, project monitor.ProjectID, address string, now time.Time) error
	// DropHeartbeat ends that; a fault.NotFound when there was none.
	DropHeartbeat(ctx context.Context, project monitor.ProjectID) error
	// Heartbeat returns the address of a project; a fault.NotFound when it has none.
	Heartbeat(ctx context.Context, project monitor.ProjectID) (string, error)
	// Heartbeats returns the addresses of all projects, at most HeartbeatsLimit.
	Heartbeats(ctx context.Context) ([]string, error)
}

// HeartbeatsLimit is how many addresses a heartbeat is sent to at most.
const HeartbeatsLimit = 100
