package pgtest

// Programs is exported to the tests, which cannot uninstall PostgreSQL.
var Programs = programs
