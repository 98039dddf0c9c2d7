package alerter

// The limits of one attempt.
const (
	WebhookLimit = webhookLimit
	EmailLimit   = emailLimit
)
