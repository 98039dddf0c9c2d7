package monitor

// The measures of the retry rules.
const (
	DoubtTries    = doubtTries
	GoneProbe     = goneProbe
	RetryAfterCap = retryAfterCap
	JitterPercent = jitterPercent
)

// RetryDelays exports retryDelays.
var RetryDelays = retryDelays
