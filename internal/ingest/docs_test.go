package ingest_test

import (
	"testing"

	"rollcall/internal/doctest"
	"rollcall/internal/ingest"
)

func TestDocsSayTheLimits(t *testing.T) {
	doctest.Holds(t, "limits.md", "server queue", doctest.Limits(
		doctest.Limit{"pings that wait to be stored", doctest.Number(ingest.QueueLimit) + ", with bodies of " + doctest.Size(ingest.QueueBytes), "503"},
		doctest.Limit{"of those that are waited for, when no transaction has ended quickly for " + doctest.Time(ingest.StallAfter), doctest.Number(ingest.StallCrowd), "503 at once; it is stored all the same when the database comes back soon"},
		doctest.Limit{"time in which a ping is stored", doctest.Time(ingest.AnswerLimit), "503; it may be stored all the same, and a run id lets its repetition count once"},
	))
}
