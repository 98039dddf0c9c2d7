package account_test

import (
	"testing"

	"rollcall/internal/account"
)

// What opens something is drawn evenly from 36 characters: 113 bits for a ping key, 165
// for a token. (TestUses of internal/archtest keeps math/rand out of this package.)
func TestPingKeysAreRandom(t *testing.T) {
	const keys = 10_000
	for name, draw := range map[string]func() string{
		"ping key": account.NewPingKey, "token": account.NewToken, "API key": func() string { return account.NewAPIKey(account.KeyReadWrite)[4:] },
	} {
		seen, counts := map[string]bool{}, map[rune]int{}
		for range keys {
			key := draw()
			if len(key) < account.PingKeyLength || seen[key] {
				t.Fatalf("%s %q is short, or was drawn before", name, key)
			}
			seen[key] = true
			for _, r := range key {
				counts[r]++
			}
		}
		if len(counts) != 36 {
			t.Errorf("%s is made of %d characters, want 36", name, len(counts))
		}
		// Chi-squared with 35 degrees of freedom: above 100 once in 10^8 draws.
		total, deviation := 0, 0.0
		for _, n := range counts {
			total += n
		}
		want := float64(total) / 36
		for _, n := range counts {
			deviation += (float64(n) - want) * (float64(n) - want) / want
		}
		if deviation > 100 {
			t.Errorf("%s: the characters are not even: %.0f", name, deviation)
		}
	}
}
