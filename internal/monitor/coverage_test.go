package monitor_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/internal/monitor"
)

func TestSurvey(t *testing.T) {
	at := func(s int) time.Time { return day.Add(time.Duration(s) * time.Second) }
	span := func(node string, since, until int, more ...func(*monitor.Span)) monitor.Span {
		s := monitor.Span{Node: node, Since: at(since), At: at(until)}
		for _, m := range more {
			m(&s)
		}
		return s
	}
	resumed := func(s int) func(*monitor.Span) { return func(p *monitor.Span) { p.Resumed = at(s) } }
	stopped := func(p *monitor.Span) { p.Stopped = true }
	lossy := func(p *monitor.Span) { p.Cause = "the queue was full" }
	gap := func(from, to int) monitor.Blind { return monitor.Blind{From: at(from), To: at(to)} }
	const now = 1000
	for _, c := range []struct {
		name     string
		spans    []monitor.Span
		own      string
		evidence int // -1: unknown
		gaps     []monitor.Blind
		over     int
	}{
		{"nobody is there", nil, "a", -1, nil, 0},
		{"one node judges by what it knows itself", []monitor.Span{span("a", 0, 996)}, "a", now, nil, 0},
		{"its own marks are missing", []monitor.Span{span("a", 0, 980)}, "a", 980, nil, 0},
		{"another node's scheduler judges by the mark", []monitor.Span{span("a", 0, 998)}, "", 998, nil, 0},
		{"the least of several", []monitor.Span{span("a", 0, 998), span("b", 0, 995), span("c", 0, 999)}, "a", 995, nil, 0},
		{"a silent node is waited for", []monitor.Span{span("a", 0, 999), span("b", 0, 945)}, "a", 945, nil, 0},
		{"and expelled", []monitor.Span{span("a", 0, 999), span("b", 0, 939)}, "a", now, []monitor.Blind{gap(939, 999)}, 1},
		{"a node stops as it should", []monitor.Span{span("a", 0, 999), span("b", 0, 700, stopped)}, "a", now, nil, 1},
		{"it stops before the other's next mark", []monitor.Span{span("a", 0, 998), span("b", 0, 999, stopped)}, "", 998, nil, 0},
		{"the only one stops", []monitor.Span{span("a", 0, 999, stopped)}, "", -1, nil, 0},
		{"a short restart", []monitor.Span{span("a", 0, 980, stopped, resumed(990)), span("a", 990, 999)}, "a", now, nil, 1},
		{"a long one", []monitor.Span{span("a", 0, 800, stopped, resumed(990)), span("a", 990, 999)}, "a", now, []monitor.Blind{gap(800, 990)}, 1},
		{"a long one under another name", []monitor.Span{span("a", 0, 800, stopped), span("b", 990, 999)}, "b", now, []monitor.Blind{gap(800, 990)}, 1},
		{
			"all stop at the same instant",
			[]monitor.Span{span("a", 0, 800, stopped, resumed(990)), span("b", 0, 800, stopped), span("a", 990, 999)},
			"a", now,
			[]monitor.Blind{gap(800, 990)},
			2,
		},
		{"a crash; nobody is there until it is back", []monitor.Span{span("a", 0, 800, resumed(990)), span("a", 990, 999)}, "a", now, []monitor.Blind{gap(800, 990)}, 1},
		{"a crash that another node saw through", []monitor.Span{span("a", 0, 800, resumed(990)), span("a", 990, 999), span("b", 0, 999)}, "b", 999, []monitor.Blind{gap(800, 860)}, 1},
		{"a node stood still for 20 s", []monitor.Span{span("a", 0, 900, resumed(920)), span("a", 920, 999), span("b", 0, 999)}, "b", 999, []monitor.Blind{gap(900, 920)}, 1},
		{"pings were lost in a moment", []monitor.Span{span("a", 0, 980, lossy, resumed(985)), span("a", 985, 999)}, "a", now, []monitor.Blind{gap(980, 985)}, 1},
		{
			"between two gaps one instant is proved",
			[]monitor.Span{span("a", 0, 800, lossy, resumed(850)), span("a", 850, 850, resumed(870)), span("a", 870, 999)},
			"a", now,
			[]monitor.Blind{gap(800, 870)},
			2,
		},
		{"the clock was set back, which loses none", []monitor.Span{span("a", 0, 5000, lossy, resumed(990)), span("a", 990, 999)}, "a", now, nil, 1},
		{"the clock was set back", []monitor.Span{span("a", 0, 5000, resumed(990)), span("a", 990, 999)}, "a", now, nil, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := monitor.SurveyOf(c.spans, at(now), c.own, at(now))
			want := time.Time{}
			if c.evidence >= 0 {
				want = at(c.evidence)
			}
			if !got.Evidence.Equal(want) {
				t.Errorf("evidence %v, want %v", got.Evidence, want)
			}
			for i := range got.Gaps {
				got.Gaps[i].Cause = ""
			}
			if diff := cmp.Diff(c.gaps, got.Gaps); diff != "" || len(got.Over) != c.over {
				t.Errorf("gaps (-want +got):\n%s%d spans over, want %d", diff, len(got.Over), c.over)
			}
		})
	}
}
