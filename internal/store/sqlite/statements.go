package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"slices"

	engine "modernc.org/sqlite"
)

// A connection keeps so many prepared statements: more than the workers that go round
// all the time use, few enough to cost little memory. One with a long list of values
// in its text does not come again.
const (
	keptStatements = 48
	keptLength     = 4096
)

// openPool opens a pool of connections that keep what they have prepared. SQLite
// takes longer to parse and plan most statements than to run them, and database/sql
// gives a statement back after each use. Begin is what begins a transaction.
func openPool(dsn, begin string) (*sql.DB, error) {
	base, err := engine.NewConnector(dsn)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector{base, begin}), nil
}

type connector struct {
	driver.Connector
	begin string
}

// Connect implements driver.Connector.
func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &connection{engineConn: conn.(engineConn), begin: c.begin}, nil
}

// engineConn is what database/sql uses of the driver's connection. It lacks the ways
// to run a text directly, so that every text is prepared, here.
type engineConn interface {
	driver.Conn
	driver.ConnPrepareContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// connection keeps statements that nobody uses, the one used last at the end. It is
// used by one goroutine at a time.
type connection struct {
	engineConn
	begin string
	kept  []*statement
}

// engineStmt is what database/sql uses of the driver's statement.
type engineStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

type statement struct {
	engineStmt
	conn *connection
	text string
}

// PrepareContext implements driver.ConnPrepareContext.
func (c *connection) PrepareContext(ctx context.Context, text string) (driver.Stmt, error) {
	for i, s := range slices.Backward(c.kept) {
		if s.text == text {
			c.kept = slices.Delete(c.kept, i, i+1)
			return s, nil
		}
	}
	stmt, err := c.engineConn.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	return &statement{engineStmt: stmt.(engineStmt), conn: c, text: text}, nil
}

// Close implements driver.Stmt: the connection keeps it for the next time.
func (s *statement) Close() error {
	c := s.conn
	if len(s.text) > keptLength {
		return s.engineStmt.Close()
	}
	if c.kept = append(c.kept, s); len(c.kept) <= keptStatements {
		return nil
	}
	oldest := c.kept[0]
	c.kept = slices.Delete(c.kept, 0, 1)
	return oldest.engineStmt.Close()
}

// BeginTx implements driver.ConnBeginTx. The driver's own would parse the begin and
// the end of every transaction anew.
func (c *connection) BeginTx(context.Context, driver.TxOptions) (driver.Tx, error) {
	if err := c.run(c.begin); err != nil {
		return nil, err
	}
	return transaction{c}, nil
}

// run runs one of the statements that begin and end transactions. Each is run whole
// or not at all, whoever waits for it; busy_timeout bounds it.
func (c *connection) run(text string) error {
	stmt, err := c.PrepareContext(context.Background(), text)
	if err != nil {
		return err
	}
	_, err = stmt.(*statement).ExecContext(context.Background(), nil)
	return errors.Join(err, stmt.Close())
}

type transaction struct{ conn *connection }

// Commit implements driver.Tx. A commit that fails may leave the transaction open,
// which nobody would end then.
func (t transaction) Commit() error {
	err := t.conn.run("COMMIT")
	if err != nil {
		_ = t.Rollback()
	}
	return err
}

// Rollback implements driver.Tx.
func (t transaction) Rollback() error { return t.conn.run("ROLLBACK") }

// Close implements driver.Conn.
func (c *connection) Close() error {
	var errs []error
	for _, s := range c.kept {
		errs = append(errs, s.engineStmt.Close())
	}
	return errors.Join(append(errs, c.engineConn.Close())...)
}
