package alerter

import (
	"cmp"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"rollcall/internal/monitor"
	"rollcall/internal/outbound"
)

// answered says what an HTTP answer means for a delivery.
func answered(r *http.Response, body []byte, now time.Time, hide []string) Outcome {
	code := r.StatusCode
	words := fmt.Sprintf("%d %s", code, http.StatusText(code))
	redirect := ""
	if target, err := r.Location(); err == nil && code/100 == 3 {
		redirect = cmp.Or(target.Host, "no host")
		words += ", a redirect, which is not followed, to " + redirect + "; give the channel that address if it is right"
	} else if excerpt := outbound.Clean(string(body), hide...); excerpt != "" {
		words += ": " + excerpt
	}
	out := Outcome{
		monitor.Result{Verdict: verdict(code), Code: &code, Answer: outbound.Clean(words), Overloaded: overloaded(code), Redirect: outbound.Clean(redirect)},
		outbound.Class(strconv.Itoa(code/100) + "xx"),
	}
	switch {
	case out.Verdict == monitor.Done:
		out.Class = classOK
	case out.Overloaded:
		out.RetryAfter = retryAfter(r.Header.Get("Retry-After"), now)
	}
	return out
}

// verdict says what an HTTP status means. Answers by which a receiver says that
// the request itself is wrong are doubted before they are believed: a deployment
// or a firewall gives them for minutes.
func verdict(code int) monitor.Verdict {
	switch {
	case code/100 == 2:
		return monitor.Done
	case code == http.StatusGone:
		return monitor.Gone
	case overloaded(code):
		return monitor.Retry
	case code/100 == 4, code == http.StatusNotImplemented, code == http.StatusHTTPVersionNotSupported:
		return monitor.Doubt
	}
	return monitor.Retry
}

// overloaded reports whether a status says that the receiver, or what stands before
// it, cannot take more now. It may say for how long.
func overloaded(code int) bool {
	switch code {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// longestWait keeps a receiver's number within what a duration can hold; the rules
// cap it far below.
const longestWait = 24 * time.Hour

// retryAfter reads a Retry-After header: seconds or a date. What is neither, or in
// the past, asks for nothing.
func retryAfter(text string, now time.Time) time.Duration {
	if n, err := strconv.ParseUint(text, 10, 32); err == nil {
		return min(time.Duration(n)*time.Second, longestWait)
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, min(at.Sub(now), longestWait))
	}
	return 0
}

// failed says what it means that no answer came. A name that does not exist is
// probably a wrong setting; all else may be better in a moment, though the message
// may have arrived.
func failed(err error, hide ...string) Outcome {
	class, words := outbound.Explain(err, hide...)
	out := Outcome{monitor.Result{Verdict: monitor.Retry, Answer: words}, class}
	switch class {
	case outbound.NoHost:
		out.Verdict = monitor.Doubt
	case outbound.Blocked:
		out.Verdict = monitor.Barred
	}
	return out
}

// doubt is the outcome of a message that could not be sent as the channel is set.
func doubt(words string) Outcome {
	return Outcome{monitor.Result{Verdict: monitor.Doubt, Answer: words}, outbound.Other}
}

// ours returns an outcome that says nothing about the channel.
func ours(out Outcome) Outcome {
	out.Ours = true
	return out
}
