// Package migrations holds the schema of both engines, numbered alike. It only
// goes forward, and yesterday's binary runs on it.
package migrations

import "embed"

// Postgres and SQLite hold one file for each step, named by its number.
var (
	//go:embed postgres/*.sql
	Postgres embed.FS
	//go:embed sqlite/*.sql
	SQLite embed.FS
)
