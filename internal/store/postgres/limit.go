package postgres

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
)

// Measures of a server that is waited for.
const (
	answerSlack = 5 * time.Second // beyond what the server lets a statement take
	pingTimeout = 5 * time.Second // of a connection that was idle
)

// patience bounds how long a statement may wait for its answer. The server ends each
// that takes longer than statement_timeout, so one that says nothing a while after
// that is not there any more: a host that is gone, or one that stands still, closes no
// connection. Without a bound whoever waits there waits for ever, also when another
// server has long taken over.
type patience struct{ limit atomic.Int64 } // nanoseconds; 0 is none

// learn sets the limit by what holds on a connection.
func (p *patience) learn(ctx context.Context, conn interface {
	QueryRow(context.Context, string, ...any) pgx.Row
},
) error {
	var ms int64
	if err := conn.QueryRow(ctx, "SELECT setting::bigint FROM pg_settings WHERE name = 'statement_timeout'").Scan(&ms); err != nil {
		return err
	}
	if ms > 0 {
		p.limit.Store(int64(time.Duration(ms)*time.Millisecond + answerSlack))
	}
	return nil
}

type release struct{}

func (p *patience) begin(ctx context.Context) context.Context {
	limit := time.Duration(p.limit.Load())
	if limit == 0 {
		return ctx
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	return context.WithValue(ctx, release{}, cancel)
}

func (p *patience) end(ctx context.Context) {
	if cancel, ok := ctx.Value(release{}).(context.CancelFunc); ok {
		cancel()
	}
}

// TraceQueryStart implements pgx.QueryTracer, which may choose the context.
func (p *patience) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return p.begin(ctx)
}

// TraceQueryEnd implements pgx.QueryTracer.
func (p *patience) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryEndData) {
	p.end(ctx)
}

// TraceBatchStart implements pgx.BatchTracer.
func (p *patience) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return p.begin(ctx)
}

// TraceBatchQuery implements pgx.BatchTracer.
func (p *patience) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

// TraceBatchEnd implements pgx.BatchTracer.
func (p *patience) TraceBatchEnd(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchEndData) {
	p.end(ctx)
}
