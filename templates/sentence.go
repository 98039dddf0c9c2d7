package templates

import (
	"fmt"
	"time"

	"rollcall/internal/monitor"
)

// FlipClock is the clock by which a message about a flip speaks: that of the
// moment in which it was judged, in the zone of the check's schedule, so that the
// message reads the same whenever it is sent.
func FlipClock(f monitor.Flip) Clock {
	zone, err := time.LoadLocation(f.Facts.Zone)
	if err != nil {
		zone = time.UTC
	}
	return Clock{Now: f.Judged, Zone: zone}
}

// FlipSentences says why a status changed: what came instead, what was expected,
// the last good thing. The first sentence can stand alone.
func FlipSentences(f monitor.Flip, c Clock) []string {
	at := func(us *int64) string { return c.At(monitor.FromMicros(us)) }
	facts := f.Facts
	switch {
	case f.Reason == monitor.Corrected:
		return []string{
			fmt.Sprintf("The alarm of %s was none: it had succeeded %s.", at(facts.Alarm), at(facts.Ran)),
			fmt.Sprintf("Its report could not be delivered then and came %s late.", Duration(f.Judged.Sub(monitor.FromMicros(facts.Ran)).Truncate(time.Second))),
		}
	case f.New == monitor.Down && f.Reason == monitor.Silent:
		said := []string{fmt.Sprintf("Nothing arrived by %s.", c.At(f.At))}
		if facts.Due != nil {
			said = append(said, fmt.Sprintf("Expected by %s, grace %s.", at(facts.Due), seconds(facts.Grace)))
		}
		return append(append(said, badInARow(facts)...), lastSuccess(f, at))
	case f.New == monitor.Down && f.Reason == monitor.Overran:
		what := fmt.Sprintf("Run reached its limit of %s, has not ended.", seconds(facts.RunLimit))
		if facts.Start != nil {
			what = fmt.Sprintf("Run started %s, limit %s, has not ended.", at(facts.Start), seconds(facts.RunLimit))
		}
		return append(append([]string{what}, badInARow(facts)...), lastSuccess(f, at))
	case f.New == monitor.Down:
		what := reported(facts, "a failure")
		if facts.Streak > 1 {
			what += ", " + Often(facts.Streak) + " in a row"
		}
		return []string{what + ".", lastSuccess(f, at)}
	case f.New == monitor.Up && f.Old == monitor.Down && facts.Before != nil:
		back := fmt.Sprintf("Back up after %s of downtime.", Duration(f.At.Sub(monitor.FromMicros(facts.Before))))
		return []string{back, reported(facts, "success") + "."}
	case f.New == monitor.Up:
		return []string{reported(facts, "success") + "."}
	case f.New == monitor.Unknown:
		due := f.At
		if facts.Due != nil {
			due = monitor.FromMicros(facts.Due)
		}
		return []string{fmt.Sprintf("Rollcall was blind when it was due, %s.", c.At(due)), "Nobody was alerted."}
	case f.New == monitor.Paused:
		return []string{"Paused; nothing is expected."}
	case f.Reason == monitor.Failed:
		return []string{reported(facts, "a failure") + ", which ended the pause."}
	}
	return []string{"Resumed; the next ping is awaited."}
}

// badInARow says that there were others before, of which nobody was told.
func badInARow(facts monitor.Facts) []string {
	if facts.Streak < 2 {
		return nil
	}
	return []string{fmt.Sprintf("It was the %s bad result in a row.", Ordinal(facts.Streak))}
}

// reported says what the ping that caused a change said, and after how long.
func reported(f monitor.Facts, what string) string {
	text := "Reported " + what
	if f.Exit != nil {
		text = fmt.Sprintf("Reported exit status %d", *f.Exit)
	}
	if f.Duration != nil {
		text += " after " + micros(*f.Duration)
	}
	return text
}

// lastSuccess closes what is said of a check that is down. The duration is that
// of the last good run only when no ping caused the change.
func lastSuccess(f monitor.Flip, at func(*int64) string) string {
	switch {
	case f.Facts.Success == nil:
		return "It has never succeeded."
	case f.Reason == monitor.Silent && f.Facts.Duration != nil:
		return fmt.Sprintf("Last success %s, took %s.", at(f.Facts.Success), micros(*f.Facts.Duration))
	}
	return fmt.Sprintf("Last success %s.", at(f.Facts.Success))
}

func seconds(n int64) string { return Duration(time.Duration(n) * time.Second) }

func micros(n int64) string { return Duration(time.Duration(n) * time.Microsecond) }
