package outbound

// UserPorts exports userPorts.
func UserPorts() []uint16 { return userPorts() }
