package account

import (
	"net/url"
	"strings"

	"rollcall/internal/fault"
)

// HeartbeatLimit is how long the address may be that expects a heartbeat, in bytes.
const HeartbeatLimit = 2048

// ValidHeartbeat returns the address that expects a heartbeat in its canonical form,
// or a fault.Invalid.
func ValidHeartbeat(address string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSpace(address))
	switch {
	case err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" || len(address) > HeartbeatLimit:
		return nil, fault.Invalid{"url": "must be an address that expects a ping, such as https://watch.example.org/ping/…"}
	case u.User != nil:
		return nil, fault.Invalid{"url": "must hold no user and no password"}
	}
	u.Fragment = ""
	return u, nil
}
