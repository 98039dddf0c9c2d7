// Package failpoint names the places in the code at which the process is killed,
// an operation fails, or nothing goes on, when a test asks for it.
//
// It owns the build tag failpoints: without it, which is how every binary is built
// that people run, the functions here are empty, are inlined, and leave nothing in
// the binary, not even the names. With it the environment variable
// ROLLCALL_FAILPOINT says what is to happen where, as a list with commas:
//
//	door.before_commit:3:kill   the third time that the point is passed, end the process as a crash does
//	door.before_commit:3:error  let that passing fail, where failing means something (see Err)
//	door.before_commit:3:hang   do not come back from it before the process gets SIGCONT
//	sqlite.synchronous=NORMAL   a setting that no flag offers (see Setting)
//
// The end-to-end tests find the names in the code, and try each.
package failpoint
