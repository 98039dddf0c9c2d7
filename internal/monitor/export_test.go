package monitor

// The measures of the retry rules.
const (
	DoubtTries    = doubtTries
	GoneProbe     = goneProbe
	RetryAfterCap = retryAfterCap
	AlarmAfterCap = alarmAfterCap
	JitterPercent = jitterPercent
)

// RetryDelays exports retryDelays.
var RetryDelays = retryDelays

// HasFateWords reports whether it can be said of a state what became of a message.
func HasFateWords(s DeliveryState) bool { return fateWords[s] != nil }
