package templates

import (
	"fmt"
	"net/url"
	"strings"
)

// BadgesPage shows one badge and how to place it elsewhere.
type BadgesPage struct {
	Page
	Of      string // what the badge is about: "", "tag:…" or "check:…"
	Three   bool   // tells late from up
	Tags    []string
	Checks  []BadgeCheck
	Label   string // what the badge says it is about
	Local   string // the path of the picture on this server
	SVG     string // addresses
	JSON    string
	Shields string
}

// BadgeCheck is a check that has a badge.
type BadgeCheck struct{ UUID, Title string }

// markdown shows the badge where Markdown is understood. A bracket in the label
// would end it.
func (p BadgesPage) markdown() string {
	label := strings.NewReplacer(`\`, `\\`, "[", `\[`, "]", `\]`, "\n", " ").Replace(p.Label)
	return fmt.Sprintf("![%s](%s)", label, p.SVG)
}

// html shows the badge on a page.
func (p BadgesPage) html() string {
	return fmt.Sprintf(`<img src="%s" alt="%s">`, p.SVG, strings.NewReplacer("&", "&amp;", `"`, "&quot;", "<", "&lt;", ">", "&gt;").Replace(p.Label))
}

// throughShields is the address of the badge as shields.io draws it.
func (p BadgesPage) throughShields() string {
	return "https://img.shields.io/endpoint?url=" + url.QueryEscape(p.Shields)
}
