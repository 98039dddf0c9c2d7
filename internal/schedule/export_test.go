package schedule

// The bounds of what is typed.
const (
	MinPeriod         = minPeriod
	MaxPeriod         = maxPeriod
	MaxCronLength     = maxCronLength
	MaxCalendarLength = maxCalendarLength
	MaxCalendarLines  = maxCalendarLines
	FirstYear         = firstYear
	LastYear          = lastYear
)

// Nicknames exports nicknames.
var Nicknames = nicknames
