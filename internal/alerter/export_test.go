package alerter

import "time"

// The limits of one attempt.
const (
	WebhookLimit = webhookLimit
	EmailLimit   = emailLimit
)

// RetryAfter exports retryAfter.
func RetryAfter(text string, now time.Time) time.Duration { return retryAfter(text, now) }
