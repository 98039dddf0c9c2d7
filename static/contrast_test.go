package static_test

import (
	"fmt"
	"math"
	"net/http"
	"regexp"
	"strconv"
	"testing"

	"rollcall/static"
)

// rgb is a colour as fractions of sRGB.
type rgb [3]float64

// theme is every colour token of the stylesheet in one of its two themes.
type theme struct {
	name   string
	tokens map[string]rgb
}

var statuses = []string{"up", "late", "down", "paused", "new", "running", "unknown"}

// themes reads the tokens from the stylesheet itself, as browsers get it.
func themes(t *testing.T) []theme {
	t.Helper()
	css := get(http.MethodGet, static.Path("app.css")).Body.String()
	light, dark := theme{"light", map[string]rgb{}}, theme{"dark", map[string]rgb{}}
	token := regexp.MustCompile(`--([a-z0-9-]+):\s*light-dark\(#([0-9a-f]{6}), #([0-9a-f]{6})\)`)
	for _, m := range token.FindAllStringSubmatch(css, -1) {
		light.tokens[m[1]], dark.tokens[m[1]] = parse(t, m[2]), parse(t, m[3])
	}
	return []theme{light, dark}
}

func (th theme) colour(t *testing.T, token string) rgb {
	t.Helper()
	c, ok := th.tokens[token]
	if !ok {
		t.Fatalf("the stylesheet has no token --%s", token)
	}
	return c
}

func parse(t *testing.T, hex string) rgb {
	t.Helper()
	n, err := strconv.ParseUint(hex, 16, 32)
	if err != nil {
		t.Fatal(err)
	}
	return rgb{float64(n>>16) / 255, float64(n>>8&255) / 255, float64(n&255) / 255}
}

func (c rgb) linear() rgb {
	for i, v := range c {
		if v <= 0.04045 {
			c[i] = v / 12.92
		} else {
			c[i] = math.Pow((v+0.055)/1.055, 2.4)
		}
	}
	return c
}

func (c rgb) luminance() float64 {
	l := c.linear()
	return 0.2126*l[0] + 0.7152*l[1] + 0.0722*l[2]
}

// contrast is the ratio of WCAG 2.
func contrast(a, b rgb) float64 {
	la, lb := a.luminance(), b.luminance()
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

// The pairs that people have to tell apart, and by how much: 4.5 for text, 3 for
// marks, borders of controls and bars.
func TestContrast(t *testing.T) {
	type pair struct {
		fore, back string
		least      float64
	}
	var pairs []pair
	surfaces := []string{"paper", "surface", "sunken"}
	for _, back := range append(surfaces, "hover", "raised") {
		for _, ink := range []string{"ink", "ink-2"} {
			pairs = append(pairs, pair{ink, back, 4.5})
		}
	}
	for _, back := range surfaces {
		pairs = append(pairs, pair{"ink-3", back, 4.5}, pair{"edge", back, 3}, pair{"focus", back, 3})
	}
	pairs = append(pairs, pair{"on-solid", "solid", 4.5}, pair{"bar", "surface", 3})
	for _, s := range statuses {
		for _, back := range append(surfaces, s+"-wash") {
			pairs = append(pairs, pair{s, back, 3}, pair{s + "-ink", back, 4.5})
		}
		pairs = append(pairs, pair{"ink", s + "-wash", 4.5}, pair{"ink-2", s + "-wash", 4.5})
	}
	for _, th := range themes(t) {
		for _, p := range pairs {
			got := contrast(th.colour(t, p.fore), th.colour(t, p.back))
			if got < p.least {
				t.Errorf("%s: --%s on --%s has a contrast of %.2f, want %.1f", th.name, p.fore, p.back, got, p.least)
			}
		}
	}
}

// sights simulate how people without one kind of cone see linear RGB (Machado,
// Oliveira and Fernandes 2009, full severity).
var sights = map[string][3][3]float64{
	"all cones":    {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}},
	"protanopia":   {{0.152286, 1.052583, -0.204868}, {0.114503, 0.786281, 0.099216}, {-0.003882, -0.048116, 1.051998}},
	"deuteranopia": {{0.367322, 0.860646, -0.227968}, {0.280085, 0.672501, 0.047413}, {-0.011820, 0.042940, 0.968881}},
	"tritanopia":   {{1.255528, -0.076749, -0.178779}, {-0.078411, 0.930809, 0.147602}, {0.004733, 0.691367, 0.303900}},
}

// leastDifference keeps any two status marks apart, as CIEDE2000.
const leastDifference = 12

func TestStatusMarksCanBeToldApart(t *testing.T) {
	for _, th := range themes(t) {
		for sight, matrix := range sights {
			least, closest := math.Inf(1), ""
			for i, a := range statuses {
				for _, b := range statuses[:i] {
					d := difference(lab(th.colour(t, a), matrix), lab(th.colour(t, b), matrix))
					if d < least {
						least, closest = d, fmt.Sprintf("%s and %s", a, b)
					}
				}
			}
			t.Logf("%s, %s: closest are %s, %.1f", th.name, sight, closest, least)
			if least < leastDifference {
				t.Errorf("%s, %s: %s differ by %.1f, want %d", th.name, sight, closest, least, leastDifference)
			}
		}
	}
}

// lab is the colour in CIELAB (D65) as somebody of the given sight sees it.
func lab(c rgb, sight [3][3]float64) [3]float64 {
	l := c.linear()
	var seen rgb
	for i, row := range sight {
		v := row[0]*l[0] + row[1]*l[1] + row[2]*l[2]
		seen[i] = min(1, max(0, v))
	}
	xyz := [3]float64{
		(0.4124564*seen[0] + 0.3575761*seen[1] + 0.1804375*seen[2]) / 0.95047,
		0.2126729*seen[0] + 0.7151522*seen[1] + 0.0721750*seen[2],
		(0.0193339*seen[0] + 0.1191920*seen[1] + 0.9503041*seen[2]) / 1.08883,
	}
	for i, v := range xyz {
		if v > 216.0/24389 {
			xyz[i] = math.Cbrt(v)
		} else {
			xyz[i] = (24389.0/27*v + 16) / 116
		}
	}
	return [3]float64{116*xyz[1] - 16, 500 * (xyz[0] - xyz[1]), 200 * (xyz[1] - xyz[2])}
}

// difference is CIEDE2000.
func difference(p, q [3]float64) float64 {
	const rad = math.Pi / 180
	pow7 := func(c float64) float64 { return math.Sqrt(math.Pow(c, 7) / (math.Pow(c, 7) + math.Pow(25, 7))) }
	g := 0.5 * (1 - pow7((math.Hypot(p[1], p[2])+math.Hypot(q[1], q[2]))/2))
	a1, a2 := p[1]*(1+g), q[1]*(1+g)
	c1, c2 := math.Hypot(a1, p[2]), math.Hypot(a2, q[2])
	h1, h2 := hue(a1, p[2]), hue(a2, q[2])
	dh, mh := h2-h1, (h1+h2)/2
	switch {
	case c1*c2 == 0:
		dh, mh = 0, h1+h2
	case dh > 180:
		dh -= 360
		mh += 180
	case dh < -180:
		dh += 360
		mh += 180
	}
	dL, dC, dH := q[0]-p[0], c2-c1, 2*math.Sqrt(c1*c2)*math.Sin(dh/2*rad)
	mL, mC := (p[0]+q[0])/2, (c1+c2)/2
	weight := 1 - 0.17*math.Cos((mh-30)*rad) + 0.24*math.Cos(2*mh*rad) +
		0.32*math.Cos((3*mh+6)*rad) - 0.20*math.Cos((4*mh-63)*rad)
	sL := 1 + 0.015*(mL-50)*(mL-50)/math.Sqrt(20+(mL-50)*(mL-50))
	sC, sH := 1+0.045*mC, 1+0.015*mC*weight
	turn := -2 * pow7(mC) * math.Sin(60*math.Exp(-((mh-275)/25)*((mh-275)/25))*rad)
	return math.Sqrt(dL/sL*dL/sL + dC/sC*dC/sC + dH/sH*dH/sH + turn*dC/sC*dH/sH)
}

func hue(a, b float64) float64 {
	h := math.Atan2(b, a) * 180 / math.Pi
	if h < 0 {
		h += 360
	}
	return h
}
