package monitor_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"rollcall/internal/doctest"
	"rollcall/internal/monitor"
)

func TestDocsSayWhenAMessageIsRepeated(t *testing.T) {
	rows := [][]string{{"1", "at once", ""}}
	sum := time.Duration(0)
	for i, delay := range monitor.RetryDelays {
		sum += delay
		rows = append(rows, []string{fmt.Sprint(i + 2), doctest.Time(delay), doctest.Time(sum)})
	}
	doctest.Holds(t, "notifications.md", "retries", doctest.Table([]string{"attempt", "after the one before", "in all"}, rows...)+
		fmt.Sprintf("\nWhen the last of the %d has failed, about %s after the first, the message is given up: it is a dead letter, and can be replayed.",
			len(rows), doctest.Time(sum.Round(time.Hour))))
	if monitor.DoubtTries != 8 || monitor.JitterPercent != 20 || monitor.GoneProbe != time.Minute || monitor.AlarmAfterCap != time.Hour || monitor.RetryAfterCap != 24*time.Hour {
		t.Error("docs/notifications.md speaks of eight attempts, a fifth, a minute, an hour and a day")
	}
}

func TestDocsSayTheLimits(t *testing.T) {
	number := func(n int) string { return doctest.Number(int64(n)) }
	doctest.Holds(t, "limits.md", "pings", doctest.Limits(
		doctest.Limit{"body", number(monitor.BodyLimit) + " bytes", "the rest is dropped, the ping counts"},
		doctest.Limit{"run id", number(monitor.RunIDLimit) + " printable characters without spaces", "left out, the ping counts"},
		doctest.Limit{"exit status", fmt.Sprintf("%s to %s", doctest.Number(monitor.MinExit), doctest.Number(monitor.MaxExit)), "400"},
		doctest.Limit{"pings of a check with the same signal and no run id in a second", number(monitor.BurstLimit), "counted, not kept one by one"},
		doctest.Limit{"age of a late report", doctest.Time(monitor.BackdateLimit), "400"},
		doctest.Limit{"a repeated end of a run counts once for", doctest.Time(monitor.DuplicateWindow), "it is a ping of its own"},
		doctest.Limit{"message, from another service's form", number(monitor.MessageLimit) + " characters", "cut"},
		doctest.Limit{"host, environment, name of a metric", number(monitor.LabelLimit) + " characters", "cut"},
		doctest.Limit{"metrics", number(monitor.MetricsLimit), "the first ones by name are kept"},
		doctest.Limit{"duration that a job reports", doctest.Time(monitor.LongestReported), "left out, the ping counts"},
		doctest.Limit{"user agent", number(monitor.UserAgentLimit) + " characters", "cut"},
	))
	doctest.Holds(t, "limits.md", "checks", doctest.Limits(
		doctest.Limit{"name", number(monitor.NameLimit) + " characters", "refused"},
		doctest.Limit{"slug", number(monitor.SlugLimit) + " of a–z, 0–9, - and _", "refused"},
		doctest.Limit{"description", number(monitor.DescriptionLimit) + " characters", "refused"},
		doctest.Limit{"tags", fmt.Sprintf("%d, of %d characters each", monitor.TagsLimit, monitor.TagLimit), "refused"},
		doctest.Limit{"keywords of one kind", number(monitor.KeywordsLimit) + " characters", "refused"},
		doctest.Limit{"grace, run limit", doctest.Time(monitor.MinGrace) + " to " + doctest.Time(monitor.MaxGrace) + ", in whole seconds", "refused"},
		doctest.Limit{"bad results in a row until it is down", fmt.Sprintf("1 to %d", monitor.MaxThreshold), "refused"},
		doctest.Limit{"runs that are watched at a time", number(monitor.MaxRuns), "the oldest is not watched any longer"},
		doctest.Limit{"misses that a late report can take back", fmt.Sprintf("%d, for %s", monitor.MaxMisses, doctest.Time(monitor.BackdateLimit)), "the alarm stands"},
		doctest.Limit{"imported token", fmt.Sprintf("%d to %d letters, digits, - and _, of which %d differ", monitor.MinToken, monitor.MaxToken, monitor.MinTokenKinds), "refused"},
	))
	doctest.Holds(t, "limits.md", "channels", doctest.Limits(
		doctest.Limit{"name", number(monitor.NameLimit) + " characters", "refused"},
		doctest.Limit{"address of a mailbox", number(monitor.AddressLimit) + " characters", "refused"},
		doctest.Limit{"address of a webhook", doctest.Size(monitor.URLLimit), "refused"},
		doctest.Limit{"secret of a webhook", fmt.Sprintf("%s and %d to %d bytes in base64", monitor.SecretPrefix, monitor.MinSecretSize, monitor.MaxSecretSize), "refused"},
	))
}

func TestDocsSayTheMeasures(t *testing.T) {
	doctest.Says(t, "statuses.md",
		"is longer than "+doctest.Time(monitor.BlindAfter), "the part of the wait that was blind and by "+fmt.Sprint(int(monitor.WarmUp.Seconds()))+" s",
		fmt.Sprintf("The newest %d runs are watched", monitor.MaxRuns))
	doctest.Says(t, "signals.md", "The first "+doctest.Number(monitor.BodyLimit)+" bytes are kept")
	if monitor.DuplicateWindow != 2*time.Minute || monitor.BackdateLimit != 7*24*time.Hour || monitor.BurstLimit != 10 || monitor.EarlyTolerance != time.Minute {
		t.Error("docs/signals.md, schedules.md and statuses.md speak of two minutes, seven days, ten pings and a minute")
	}
}

func TestDocsSayWhyNobodyIsTold(t *testing.T) {
	var rows [][]string
	for _, s := range monitor.Suppressions() {
		rows = append(rows, []string{string(s), s.Words()})
	}
	doctest.Holds(t, "statuses.md", "suppressions", doctest.Table([]string{"rule", "nobody was told because"}, rows...))
}

func TestDocsKnowEveryStatus(t *testing.T) {
	known := map[string]bool{}
	for _, row := range doctest.Rows(t, "statuses.md", "status") {
		known[row[0]] = true
	}
	all := []monitor.Status{monitor.New, monitor.Up, monitor.Running, monitor.Late, monitor.Down, monitor.Paused, monitor.Unknown}
	for _, status := range all {
		if name := strings.ToUpper(string(status[:1])) + string(status[1:]); !known[name] {
			t.Errorf("docs/statuses.md lacks %s", name)
		}
	}
	if len(known) != len(all) {
		t.Errorf("docs/statuses.md knows %d statuses, there are %d", len(known), len(all))
	}
}
