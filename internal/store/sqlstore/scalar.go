package sqlstore

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"rollcall/internal/monitor"
)

// instant reads a time that is always set.
func instant(us int64) time.Time { return time.UnixMicro(us).UTC() }

// nullable stores the zero value, which stands for "none" here, as NULL.
func nullable[T comparable](v T) *T {
	var none T
	if v == none {
		return nil
	}
	return &v
}

// valueOf is the inverse of nullable.
func valueOf[T any](p *T) T {
	if p == nil {
		var none T
		return none
	}
	return *p
}

// spanOf reads a span that is stored as a number of units; nil is not known.
func spanOf(n *int64, unit time.Duration) *time.Duration {
	if n == nil {
		return nil
	}
	d := time.Duration(*n) * unit
	return &d
}

// countOf is the inverse of spanOf.
func countOf(d *time.Duration, unit time.Duration) *int64 {
	if d == nil {
		return nil
	}
	n := int64(*d / unit)
	return &n
}

// numberOf reads a small number; nil is none.
func numberOf(n *int64) *int {
	if n == nil {
		return nil
	}
	v := int(*n)
	return &v
}

// rowNumber is the inverse of numberOf.
func rowNumber(v *int) *int64 {
	if v == nil {
		return nil
	}
	n := int64(*v)
	return &n
}

// packed stores a burst's counters as four numbers of 16 bits. One that is full
// stays full: it is far above any limit.
func packed(b monitor.Burst) int64 {
	var bits uint64
	for i, n := range b.Counts {
		bits |= uint64(min(max(n, 0), burstFull)) << (burstBits * i)
	}
	return int64(bits)
}

// burstOf is the inverse of packed.
func burstOf(second, counts int64) monitor.Burst {
	b := monitor.Burst{Second: second}
	for i := range b.Counts {
		b.Counts[i] = int(uint64(counts) >> (burstBits * i) & burstFull)
	}
	return b
}

const (
	burstBits = 16
	burstFull = 1<<burstBits - 1
)

// tagsOf reads tags; nil when there are none.
func tagsOf(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, " ")
}

// textOf stores what is rare or only shown as JSON, and nothing as "". The type
// parameter spares the hot path an allocation when there is nothing.
func textOf[T any](v T, none bool) string {
	if none {
		return ""
	}
	text, err := json.Marshal(v)
	if err != nil {
		// Only words, numbers and times of this era come here.
		panic(fmt.Sprintf("store %T as JSON: %v", v, err))
	}
	return string(text)
}

// fromText is the inverse of textOf.
func fromText[T any](text string) (T, error) {
	if text == "" {
		var none T
		return none, nil
	}
	v := new(T)
	err := json.Unmarshal([]byte(text), v)
	return *v, err
}
