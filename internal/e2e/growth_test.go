package e2e_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// allowance is how much of a thing there may be more in the later half of a soak than
// in the earlier one: a share of what there was, and an amount on top.
type allowance struct{ share, amount float64 }

// warmUp is the part of a soak in which caches, pools and the heap fill.
const warmUp = 1. / 3

// grown compares the medians of the two halves of what was sampled after the warm-up,
// and says whether the later one is beyond what is allowed. A median leaves single
// peaks alone, and what goes up and down as often in both halves.
func grown(samples []float64, a allowance) (before, after float64, grows bool) {
	samples = samples[int(float64(len(samples))*warmUp):]
	before, after = median(samples[:len(samples)/2]), median(samples[len(samples)/2:])
	return before, after, after > before*(1+a.share)+a.amount
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// TestWhatGrowsIsFound: a rule that lets everything pass would make a soak worthless.
func TestWhatGrowsIsFound(t *testing.T) {
	noise := rand.New(rand.NewPCG(1, 2))
	some := allowance{0.1, 10}
	for name, c := range map[string]struct {
		at    func(i int) float64
		grows bool
	}{
		"nothing":                    {func(int) float64 { return 0 }, false},
		"steady":                     {func(int) float64 { return 100 }, false},
		"steady, with noise":         {func(int) float64 { return 100 + 40*noise.Float64() }, false},
		"a saw":                      {func(i int) float64 { return 100 + 10*float64(i%20) }, false},
		"single peaks":               {func(i int) float64 { return 100 + map[bool]float64{true: 1e6}[i%10 == 0] }, false},
		"a warm-up that ends":        {func(i int) float64 { return min(float64(i), 40) * 10 }, false},
		"less and less":              {func(i int) float64 { return 1000 - float64(i) }, false},
		"a leak":                     {func(i int) float64 { return 100 + float64(i) }, true},
		"a leak, with noise":         {func(i int) float64 { return 100 + float64(i) + 40*noise.Float64() }, true},
		"a leak under a saw":         {func(i int) float64 { return 100 + 10*float64(i%20) + 2*float64(i) }, true},
		"a leak of what was nothing": {func(i int) float64 { return float64(i) / 2 }, true},
		"a step that stays":          {func(i int) float64 { return map[bool]float64{true: 200, false: 100}[i > 80] }, true},
	} {
		samples := make([]float64, 120)
		for i := range samples {
			samples[i] = c.at(i)
		}
		if before, after, grows := grown(samples, some); grows != c.grows {
			t.Errorf("%s: from %g to %g, grows %v", name, before, after, grows)
		}
	}
}

// faster compares how much a table grew for each piece of work in the two halves after
// the warm-up: one that keeps a history grows, but as its load does. What is trimmed
// goes up and down by a part of what there is.
func faster(rows, work []float64) (before, after float64, grows bool) {
	from := int(float64(len(rows)) * warmUp)
	middle, end := from+(len(rows)-from)/2, len(rows)-1
	rate := func(from, to int) float64 { return (rows[to] - rows[from]) / max(1, work[to]-work[from]) }
	before, after = max(0, rate(from, middle)), rate(middle, end)
	return before, after, after > 1.5*before+(fewRows+rows[middle]/4)/max(1, work[end]-work[middle])
}

// fewRows say nothing about a table.
const fewRows = 100

func TestWhatGrowsFasterIsFound(t *testing.T) {
	work := func(i int) float64 { return float64(50*i + i%7) }
	for name, c := range map[string]struct {
		rows  func(i int) float64
		grows bool
	}{
		"empty":              {func(int) float64 { return 0 }, false},
		"with the work":      {func(i int) float64 { return 3 * work(i) }, false},
		"until it is full":   {func(i int) float64 { return min(3*work(i), 9000) }, false},
		"a few":              {func(i int) float64 { return float64(i) / 2 }, false},
		"trimmed at times":   {func(i int) float64 { return 20_000 + 200*float64(i%17) }, false},
		"faster than it":     {func(i int) float64 { return float64(i*i*i) / 5 }, true},
		"only in the end":    {func(i int) float64 { return max(0, float64(i-90)) * 40 }, true},
		"trimmed, then more": {func(i int) float64 { return map[bool]float64{true: 9000 - work(i), false: work(i)}[i < 80] }, true},
	} {
		var rows, done []float64
		for i := range 120 {
			rows, done = append(rows, c.rows(i)), append(done, work(i))
		}
		if before, after, grows := faster(rows, done); grows != c.grows {
			t.Errorf("%s: %s", name, fmt.Sprint(before, " then ", after, " a piece, grows faster ", grows))
		}
	}
}
