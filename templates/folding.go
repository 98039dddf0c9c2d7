package templates

import (
	"strconv"
	"time"
)

// The rules of folding: so many ordinary successes in a row are one line, but
// the newest entries are always shown.
const (
	foldFrom  = 5
	neverFold = 5
)

// blocksOf divides entries by day and folds quiet stretches.
func blocksOf(entries []Entry, first bool, clock Clock) []Block {
	var blocks []Block
	said := "" // the day that was named last
	for i := 0; i < len(entries); {
		j := i
		for j < len(entries) && entries[j].quiet != nil && (i >= neverFold || !first) {
			j++
		}
		if j-i >= foldFrom {
			blocks = append(blocks, Block{Fold: foldOf(entries[i:j], said, clock), Entries: entries[i:j]})
			i = j
			continue
		}
		e := entries[i]
		if today := clock.Day(e.At); today != said {
			blocks, said = append(blocks, Block{Heading: today}), today
		} else if blocks[len(blocks)-1].Fold != nil {
			blocks = append(blocks, Block{})
		}
		last := &blocks[len(blocks)-1]
		last.Entries = append(last.Entries, e)
		i++
	}
	return blocks
}

// foldOf sums a quiet stretch up; the day need not be said again when it is the
// one that was named last.
func foldOf(entries []Entry, said string, clock Clock) *Fold {
	newest, oldest := entries[0], entries[len(entries)-1]
	when := clock.ShortDay(oldest.At) + " to " + clock.ShortDay(newest.At)
	if today := clock.Day(newest.At); today == clock.Day(oldest.At) {
		when = clock.TimeOfDay(oldest.At) + " to " + clock.TimeOfDay(newest.At)
		if today != said {
			when = clock.ShortDay(newest.At) + ", " + when
		}
	}
	what := Count(int64(len(entries)), "success", "successes") + " in a row"
	var low, high time.Duration
	for _, e := range entries {
		if d := e.quiet.Duration; d != nil {
			if low == 0 || *d < low {
				low = *d
			}
			high = max(high, *d)
		}
	}
	if high > 0 {
		what += ", took " + between(low, high)
	}
	return &Fold{"fold-" + strconv.FormatInt(oldest.quiet.N, 10), Capital(when), what}
}
