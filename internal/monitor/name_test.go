package monitor_test

import (
	"strings"
	"testing"

	"rollcall/internal/fault"
	"rollcall/internal/monitor"
)

func TestNames(t *testing.T) {
	for name, want := range map[string]string{ // "" is refused
		" Nightly  backup ":     "Nightly  backup",
		"Cafe\u0301":            "Café",
		"👨\u200d👩\u200d👧":       "👨\u200d👩\u200d👧",
		"می\u200cخواهم":         "می\u200cخواهم",
		"x\u200dy":              "",
		"a\u200b":               "",
		"a\u2060b":              "",
		"a\ufeffb":              "",
		"a\u00adb":              "",
		"a\u200e":               "",
		"a\u202eb":              "",
		"a\u2066b":              "",
		"a\nb":                  "",
		"a\tb":                  "",
		"a\x00b":                "",
		"a\x7fb":                "",
		"a\u0085b":              "",
		"a\u2028b":              "",
		"é\u200d":               "",
		"é\u200d\u200dé":        "",
		"\xff":                  "",
		strings.Repeat("é", 10): strings.Repeat("é", 10),
		strings.Repeat("é", 11): "",
	} {
		wrong := fault.Invalid{}
		got := monitor.ValidName(wrong, "name", name, map[bool]int{true: 10, false: 20}[strings.HasPrefix(name, "é")])
		if refused := wrong["name"] != ""; refused != (want == "") || !refused && got != want {
			t.Errorf("%q became %q, want %q; %v", name, got, want, wrong)
		}
		if plain := monitor.PlainName(name, 20); want != "" && plain != want {
			t.Errorf("%q as a client's became %q", name, plain)
		} else if again := (fault.Invalid{}); monitor.ValidName(again, "name", plain, 20) != plain || len(again) > 0 {
			t.Errorf("%q as a client's became %q, which is no name: %v", name, plain, again)
		}
	}
}
