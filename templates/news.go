package templates

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"
)

// A browser that shows a page already says what it shows, and is sent what is new.

// SeenHeader is how it says so.
const SeenHeader = "Rollcall-Seen"

// SeenEmpty is what the page of a project without checks shows: another page than the list.
const SeenEmpty = "empty"

func seenHeader(seen string) string { return fmt.Sprintf("{%q:%q}", SeenHeader, seen) }

// seen is a short name for what is shown.
func seen(shown ...any) string {
	text, err := json.Marshal(shown)
	if err != nil {
		panic(err) // never: what is shown is made of words and numbers
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// How a list that is looked at keeps up with what happens.
const (
	// rowsAtOnce is how many rows are sent one by one; when more have changed, the
	// whole page of the list is less work for a browser.
	rowsAtOnce = 400
	// wholeEvery is how often a list of more than DrawnRows is sent as a whole, so that
	// a reader of thousands of rows is not sent all of them with every failure.
	wholeEvery = 10 * time.Second
)

// News is what a browser lacks of a list that it shows.
type News struct {
	Whole bool // other rows, or in another order
	Rows       // that say something else
}

// again marks a row that replaces the one of the same id, and says its version, which
// is another than the list had for it.
func again(r Row, replaces bool) templ.Attributes {
	if !replaces {
		return nil
	}
	return attrs("hx-swap-oob", "true", "data-v", r.Version())
}

// versions are those of all rows, as the list was sent: in one piece they are half
// as much as one by one.
func (l List) versions() string {
	var all strings.Builder
	for _, row := range l.rows {
		all.WriteString(row.Version())
	}
	return all.String()
}

// Seen names which rows the list shows, and since when. The browser adds what each
// of them says: the versions of the rows, in their order, without a sign between.
func (l List) Seen() string {
	return l.shape + "." + strconv.FormatInt(l.made.clock.Now.Unix(), 36) + "."
}

// Since returns what is new for a browser that says what it shows.
func (l List) Since(seen string) News {
	shape, rest, _ := strings.Cut(seen, ".")
	made, versions, _ := strings.Cut(rest, ".")
	if shape != l.shape {
		at, err := strconv.ParseInt(made, 36, 64)
		if age := l.made.clock.Now.Sub(time.Unix(at, 0)); err == nil && l.long() && age >= 0 && age < wholeEvery {
			return News{}
		}
		return News{Whole: true}
	}
	news := News{Rows: Rows{made: l.made}}
	for i, row := range l.rows {
		version, drawn, ok := parseVersion(versions[min(len(versions), i*versionSize):min(len(versions), (i+1)*versionSize)])
		if !ok {
			return News{Whole: true}
		}
		if version != row.version {
			row.Drawn = drawn
			news.List = append(news.List, row)
		}
	}
	if len(news.List) > rowsAtOnce {
		return News{Whole: true}
	}
	return news
}

// ToDraw returns those of the rows that the browser shows drawn.
func (n News) ToDraw() Rows {
	drawn := Rows{made: n.made}
	for _, row := range n.List {
		if row.Drawn {
			drawn.List = append(drawn.List, row)
		}
	}
	return drawn
}

// shapeOf names which rows stand where under which headings, and which are loud: a
// status that asks for attention is never missed for want of a bit of a version.
func shapeOf(l List) string {
	sum := sha256.New()
	fmt.Fprint(sum, l.Query.From, l.Found)
	for _, g := range l.Groups {
		fmt.Fprint(sum, "\n", g.Tag, "\n", g.Name, g.Count, g.Above, "\n")
		for _, row := range g.Rows {
			_, _ = io.WriteString(sum, row.ID)
			if Loud(row.Status) {
				_, _ = io.WriteString(sum, "!")
			}
		}
	}
	return hex.EncodeToString(sum.Sum(nil)[:6])
}

// A version is three letters of six bits: whether the row is drawn, and 17 bits that
// change with what it says. More would not fit the header of 2,000 rows, and one
// change in 131,072 that is missed is made up for by the next.
const (
	versionSize = 3
	maxVersion  = 1<<17 - 1
	drawnBit    = 1 << 17
	versionSet  = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
)

// versionOf is made of what a row says without its runs, which change only with the
// number of its pings.
func versionOf(r Row) int {
	sum := fnv.New32a()
	for _, said := range []string{r.Name, string(r.Status), r.Why, r.Schedule, r.Last.Words, r.Next.Words, r.Took} {
		_, _ = io.WriteString(sum, said)
		_, _ = sum.Write([]byte{0})
	}
	for _, tag := range r.Tags {
		_, _ = io.WriteString(sum, tag.Name+" ")
	}
	_, _ = sum.Write(strconv.AppendInt(strconv.AppendInt(nil, r.check.NPings, 36), r.check.Rev, 36))
	return int(sum.Sum32()>>15^sum.Sum32()) & maxVersion
}

// Version is how the row's version is written.
func (r Row) Version() string {
	v := r.version
	if r.Drawn {
		v |= drawnBit
	}
	return string([]byte{versionSet[v>>12], versionSet[v>>6&63], versionSet[v&63]})
}

func parseVersion(text string) (version int, drawn, ok bool) {
	for i := range len(text) {
		at := strings.IndexByte(versionSet, text[i])
		if at < 0 {
			return 0, false, false
		}
		version = version<<6 | at
	}
	return version & maxVersion, version&drawnBit != 0, len(text) == versionSize
}
