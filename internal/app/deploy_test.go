package app_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// Words of the query language that are no metrics.
var (
	metricWord = regexp.MustCompile(`[a-z_][a-z0-9_]*`)
	notMetric  = regexp.MustCompile(`\{[^}]*\}|\[[^]]*\]|by \([^)]*\)|[0-9]e[0-9]`)
	queryWords = []string{"rate", "sum", "max", "increase", "time", "histogram_quantile"}
	endings    = regexp.MustCompile(`_(bucket|sum|count)$`)
)

// TestAlertsAndDashboardNameMetricsThatExist reads deploy/alerts.yaml and
// deploy/grafana.json, and looks for each metric in the code that makes it.
func TestAlertsAndDashboardNameMetricsThatExist(t *testing.T) {
	var rules struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr string
				Annotations struct{ Summary string }
				Labels      struct{ Severity string }
			}
		}
	}
	raw, err := os.ReadFile("../../deploy/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(raw, &rules); err != nil {
		t.Fatal(err)
	}
	exprs := map[string]string{}
	for _, r := range rules.Groups[0].Rules {
		exprs[r.Alert] = r.Expr
		if r.Annotations.Summary == "" || !slices.Contains([]string{"page", "ticket"}, r.Labels.Severity) {
			t.Errorf("%s says neither what is wrong nor how badly", r.Alert)
		}
	}
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if raw, err = os.ReadFile("../../deploy/grafana.json"); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &board); err != nil {
		t.Fatal(err)
	}
	for _, p := range board.Panels {
		for _, target := range p.Targets {
			exprs[p.Title+": "+target.Expr] = target.Expr
		}
	}
	known := metricsOfCode(t)
	looked := 0
	for where, expr := range exprs {
		for _, word := range metricWord.FindAllString(notMetric.ReplaceAllString(expr, ""), -1) {
			switch {
			case slices.Contains(queryWords, word), strings.HasPrefix(word, "go_"), strings.HasPrefix(word, "process_"):
				continue
			case known[word] == "" && known[endings.ReplaceAllString(word, "")] == "":
				t.Errorf("%s: there is no metric %s", where, word)
			}
			looked++
		}
	}
	if looked < 25 {
		t.Errorf("only %d names of metrics were found", looked)
	}
}

// metricsOfCode are the metrics that this package makes, and what they say of themselves.
func metricsOfCode(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]string{}
	name := regexp.MustCompile(`(?:s\.(?:counter|gauge|seconds)\(|s\.send\(prometheus\.[A-Za-z]+, |Name: |NewDesc\()"([a-z_0-9]+)", (?:Help: )?"([^"]+)"`)
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range name.FindAllStringSubmatch(string(raw), -1) {
			known[found[1]] = found[2]
		}
	}
	return known
}
