package web

import (
	"fmt"
	"html"
	"strings"
)

// The measures of a badge, in pixels.
const (
	badgeHeight   = 20
	badgePad      = 6 // on each side of a text
	badgeBaseline = 14
)

// badgeColors are those that people know from other badges.
var badgeColors = map[string]string{"up": "#4c1", "late": "#fe7d37", "down": "#e05d44", "not found": "#9f9f9f"}

// badgeSVG draws a badge: a label on grey, a status on its colour. The lengths of the
// texts are guessed, and told to the browser, which makes its letters fit.
func badgeSVG(label, status string) []byte {
	left, right := textWidth(label), textWidth(status)
	wide := left + right + 4*badgePad
	split := left + 2*badgePad
	var svg strings.Builder
	fmt.Fprintf(&svg, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" role="img" aria-label="%s: %s">`,
		wide, badgeHeight, html.EscapeString(label), status)
	fmt.Fprintf(&svg, `<title>%s: %s</title>`, html.EscapeString(label), status)
	fmt.Fprintf(&svg, `<clipPath id="c"><rect width="%d" height="%d" rx="3"/></clipPath><g clip-path="url(#c)">`, wide, badgeHeight)
	fmt.Fprintf(&svg, `<path fill="#555" d="M0 0h%dv%dH0z"/>`, split, badgeHeight)
	fmt.Fprintf(&svg, `<path fill="%s" d="M%d 0h%dv%dH%dz"/></g>`, badgeColors[status], split, wide-split, badgeHeight, split)
	svg.WriteString(`<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">`)
	fmt.Fprintf(&svg, `<text x="%d" y="%d" textLength="%d">%s</text>`, badgePad, badgeBaseline, left, html.EscapeString(label))
	fmt.Fprintf(&svg, `<text x="%d" y="%d" textLength="%d">%s</text>`, split+badgePad, badgeBaseline, right, status)
	svg.WriteString(`</g></svg>`)
	return []byte(svg.String())
}

// textWidth is about how wide a text is in Verdana of 11 pixels.
func textWidth(text string) int {
	tenths := 0
	for _, r := range text {
		switch {
		case strings.ContainsRune("ijlI.,:;'|!()[] -", r):
			tenths += 45
		case strings.ContainsRune("frt/*", r):
			tenths += 50
		case strings.ContainsRune("mwMW@%", r):
			tenths += 100
		case r > '~':
			tenths += 90
		case r >= 'A' && r <= 'Z':
			tenths += 78
		default:
			tenths += 68
		}
	}
	return (tenths + 9) / 10
}
