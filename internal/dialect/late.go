package dialect

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"rollcall/internal/monitor"
)

// The headers of a late report: a ping that could not be delivered when it
// happened and is sent now.
const (
	AgeHeader       = "Rollcall-Age"       // seconds since it happened, by the client's clock
	SignatureHeader = "Rollcall-Signature" // v1=<hex HMAC-SHA256>, see Late
)

// Late takes the age of a late report from its headers into the event. A report
// may change what is known of the past, so it is signed: with the UUID or the ping
// key of its address as the key, over the age, the signal, the exit status, the
// run id and the body. Without the header it does nothing.
func (e *Event) Late(header http.Header) error {
	text := header.Get(AgeHeader)
	if text == "" {
		return nil
	}
	seconds, err := strconv.ParseFloat(text, 64)
	switch {
	case err != nil || !(seconds >= 0):
		return Refusal{Code: 400, Text: AgeHeader + " must be a number of seconds, 0 or more"}
	case seconds > monitor.BackdateLimit.Seconds():
		return Refusal{Code: 400, Text: fmt.Sprintf("%s must be at most %d seconds: older reports are not taken", AgeHeader, int(monitor.BackdateLimit.Seconds()))}
	}
	given, err := hex.DecodeString(strings.TrimPrefix(header.Get(SignatureHeader), "v1="))
	if err != nil || !hmac.Equal(given, e.signature(text)) {
		return Refusal{Code: 400, Text: SignatureHeader + " is missing or does not fit; it is v1= and the HMAC-SHA256 of age, signal, exit status, run id and body"}
	}
	e.Ping.Age = time.Duration(seconds * float64(time.Second)).Truncate(time.Microsecond)
	return nil
}

func (e *Event) signature(age string) []byte {
	key, exit := e.PingKey, ""
	if key == "" {
		key = e.UUID.String()
	}
	if e.Ping.Exit != nil {
		exit = strconv.FormatInt(*e.Ping.Exit, 10)
	}
	mac := hmac.New(sha256.New, []byte(key))
	fmt.Fprintf(mac, "v1\n%s\n%s\n%s\n%s\n", age, e.Ping.Signal, exit, e.Ping.RunID)
	mac.Write(e.Ping.Body)
	return mac.Sum(nil)
}
