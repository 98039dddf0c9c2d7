package app

// The limits that the documentation tells.
const (
	KeepPings       = keepPings
	KeepFlips       = keepFlips
	KeepDeliveries  = keepDeliveries
	HeaderLimit     = headerLimit
	ReadLimit       = readLimit
	WriteLimit      = writeLimit
	IdleLimit       = idleLimit
	HeaderBytes     = headerBytes
	ConnectionLimit = connectionLimit
	StopLimit       = stopLimit
)
