package sqlite

// OpenPool opens connections as the store does.
var OpenPool = openPool

// Kept returns how many statements a connection of the driver keeps.
func Kept(conn any) int { return len(conn.(*connection).kept) }
