package web

import (
	"net/netip"
	"strings"
)

// mark is a word in a User-Agent and what it says in words.
type mark struct{ word, says string }

// The browsers and systems that people know, those first that name another too.
var (
	browsers = []mark{
		{"Edg", "Edge"},
		{"OPR/", "Opera"},
		{"SamsungBrowser/", "Samsung Internet"},
		{"Firefox/", "Firefox"},
		{"FxiOS/", "Firefox"},
		{"CriOS/", "Chrome"},
		{"HeadlessChrome/", "Chromium"},
		{"Chrome/", "Chrome"},
		{"Safari/", "Safari"},
		{"curl/", "curl"},
	}
	systems = []mark{
		{"Windows", "Windows"},
		{"Android", "Android"},
		{"iPhone", "iPhone"},
		{"iPad", "iPad"},
		{"Mac OS X", "macOS"},
		{"CrOS", "ChromeOS"},
		{"Linux", "Linux"},
	}
)

// browserOf says a User-Agent in words: "Firefox on Linux". More of it is not
// kept: it would only tell people apart.
func browserOf(agent string) string {
	name, system := saidBy(agent, browsers), saidBy(agent, systems)
	switch {
	case name == "" && system == "":
		return "An unknown browser"
	case name == "":
		return "A browser on " + system
	case system == "":
		return name
	}
	return name + " on " + system
}

func saidBy(agent string, marks []mark) string {
	for _, m := range marks {
		if strings.Contains(agent, m.word) {
			return m.says
		}
	}
	return ""
}

// vicinity is an address without its last part: enough to know one's own by, and
// no more than that is kept.
func vicinity(ip string) string {
	addr, err := netip.ParseAddr(ip)
	if err != nil {
		return ""
	}
	addr = addr.Unmap().WithZone("")
	if addr.Is4() {
		text := addr.String()
		return text[:strings.LastIndexByte(text, '.')] + ".x"
	}
	prefix, err := addr.Prefix(48)
	if err != nil {
		return ""
	}
	return prefix.String()
}
