package monitor_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/schedule"
)

func TestConfigSaysWhichFieldIsWrong(t *testing.T) {
	good := monitor.Config{Name: "Nightly backup", Slug: "nightly", Grace: time.Hour, Schedule: schedule.Spec{Kind: schedule.Every, Period: time.Hour}}
	zero := time.Duration(0)
	for _, c := range []struct {
		field string // "" for a good one
		set   func(*monitor.Config)
	}{
		{"", func(c *monitor.Config) {}},
		{"", func(c *monitor.Config) { c.Name = strings.Repeat("😀", monitor.NameLimit) }},
		{"", func(c *monitor.Config) { c.Slug = "" }},
		{"", func(c *monitor.Config) { c.Grace = time.Second; c.Schedule.Period = time.Second }},
		{"", func(c *monitor.Config) { c.Grace = monitor.MaxGrace; c.Schedule.Period = monitor.MaxGrace }},
		{"", func(c *monitor.Config) { c.Name = " \t" }},
		{"name", func(c *monitor.Config) { c.Name = strings.Repeat("x", monitor.NameLimit+1) }},
		{"name", func(c *monitor.Config) { c.Name = "a\x00b" }},
		{"name", func(c *monitor.Config) { c.Name = "a\xff" }},
		{"name", func(c *monitor.Config) { c.Name = "abc\u202egnp.exe" }},
		{"slug", func(c *monitor.Config) { c.Slug = "Nightly" }},
		{"slug", func(c *monitor.Config) { c.Slug = "a/b" }},
		{"slug", func(c *monitor.Config) { c.Slug = strings.Repeat("x", monitor.SlugLimit+1) }},
		{"description", func(c *monitor.Config) { c.Description = strings.Repeat("x", monitor.DescriptionLimit+1) }},
		{"tags", func(c *monitor.Config) { c.Tags = []string{"two words"} }},
		{"tags", func(c *monitor.Config) { c.Tags = []string{"a,b"} }},
		{"tags", func(c *monitor.Config) { c.Tags = []string{strings.Repeat("x", monitor.TagLimit+1)} }},
		{"tags", func(c *monitor.Config) { c.Tags = strings.Split("abcdefghijklmnopqrstu", "") }},
		{"grace", func(c *monitor.Config) { c.Grace = 0 }},
		{"grace", func(c *monitor.Config) { c.Grace = 1500 * time.Millisecond }},
		{"grace", func(c *monitor.Config) { c.Grace = monitor.MaxGrace + time.Second }},
		{"max_runtime", func(c *monitor.Config) { c.MaxRuntime = &zero }},
		{"period", func(c *monitor.Config) { c.Schedule.Period = 0 }},
		{"schedule", func(c *monitor.Config) {
			c.Schedule = schedule.Spec{Kind: schedule.Cron, Expr: "0 0 31 2 *", Zone: "UTC"}
		}},
		{"timezone", func(c *monitor.Config) {
			c.Schedule = schedule.Spec{Kind: schedule.Cron, Expr: "0 0 * * *", Zone: "Mars/Phobos"}
		}},
		{"filter_fail", func(c *monitor.Config) { c.Filter.Fail = strings.Repeat("x", monitor.KeywordsLimit+1) }},
		{"filter_default", func(c *monitor.Config) { c.Filter.Default = monitor.Start }},
	} {
		config := good
		c.set(&config)
		_, err := config.Valid()
		var invalid fault.Invalid
		switch {
		case c.field == "" && err != nil:
			t.Errorf("%+v: %v", config, err)
		case c.field != "" && (!errors.As(err, &invalid) || invalid[c.field] == "" || len(invalid) != 1):
			t.Errorf("%v, want only %s to be wrong", err, c.field)
		}
	}
}

func TestConfigBecomesCanonical(t *testing.T) {
	c, err := monitor.Config{
		Name: "  Job ", Description: "a\r\nb ", Tags: []string{"#prod", "", "prod", "db"}, Grace: time.Minute,
		Schedule: schedule.Spec{Kind: schedule.Cron, Expr: " 0  3 * * * ", Zone: "Europe/Kiev"},
	}.Valid()
	if err != nil {
		t.Fatal(err)
	}
	if c.Name != "Job" || c.Description != "a\nb" || strings.Join(c.Tags, " ") != "prod db" || c.Schedule.Zone != "Europe/Kyiv" {
		t.Errorf("%+v", c)
	}
	again, err := c.Valid()
	if err != nil || !again.Equal(c) {
		t.Errorf("not stable: %+v, %v", again, err)
	}
}

func TestChannelSaysWhichFieldIsWrong(t *testing.T) {
	secret := "whsec_" + strings.Repeat("QUJD", 8) // 24 bytes
	for _, c := range []struct {
		kind                 monitor.ChannelKind
		address, url, secret string
		field                string
	}{
		{monitor.Email, "ops@example.org", "", "", ""},
		{monitor.Email, "", "", "", "address"},
		{monitor.Email, "a@b\nBcc: c@d", "", "", "address"},
		{monitor.Email, "a@b, c@d", "", "", "address"},
		{monitor.Email, "Ops <ops@example.org>", "", "", "address"},
		{monitor.Email, strings.Repeat("a", 300) + "@example.org", "", "", "address"},
		{monitor.Webhook, "", "https://example.org/hook?a=b", secret, ""},
		{monitor.Webhook, "", "http://db:8080/x", secret, ""},
		{monitor.Webhook, "", "", secret, "url"},
		{monitor.Webhook, "", "ftp://example.org", secret, "url"},
		{monitor.Webhook, "", "file:///etc/passwd", secret, "url"},
		{monitor.Webhook, "", "//example.org/", secret, "url"},
		{monitor.Webhook, "", "http:example.org", secret, "url"},
		{monitor.Webhook, "", "http:///x", secret, "url"},
		{monitor.Webhook, "", "http://user:pass@example.org/", secret, "url"},
		{monitor.Webhook, "", "http://example.com#@127.0.0.1/", secret, "url"},
		{monitor.Webhook, "", `http://127.0.0.1\@example.com`, secret, "url"},
		{monitor.Webhook, "", "https://example.org/" + strings.Repeat("x", monitor.URLLimit), secret, "url"},
		{monitor.Webhook, "", "https://example.org/", "whsec_short", "secret"},
		{monitor.Webhook, "", "https://example.org/", "", "secret"},
		{"pigeon", "", "", "", "kind"},
	} {
		_, err := monitor.Channel{Name: "x", Kind: c.kind, Settings: monitor.Settings{Address: c.address, URL: c.url, Secret: c.secret}}.Valid()
		var invalid fault.Invalid
		switch {
		case c.field == "" && err != nil:
			t.Errorf("%+v: %v", c, err)
		case c.field != "" && (!errors.As(err, &invalid) || invalid[c.field] == "" || len(invalid) != 1):
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// FuzzChannel: where an alert may go is a plain address, and stays the same when it is
// read again.
func FuzzChannel(f *testing.F) {
	for _, text := range []string{
		"https://example.org/hook?a=b", "http://[::1%25lo]:8080/", "HTTP://x", "http://user@x", "http://x#y", "http://ex\u0430mple.com:443/%zz", "//x", "http:x",
		"http://a_b./", "ops@example.org", "a@b\nBcc: c@d", `"x y"@b.example`, "http://x:0", "http://%31", "https://B\u00fccher.example?#",
	} {
		f.Add(text)
	}
	secret := "whsec_" + strings.Repeat("QUJD", 8)
	f.Fuzz(func(t *testing.T, text string) {
		mail, err := monitor.Channel{Name: "x", Kind: monitor.Email, Settings: monitor.Settings{Address: text}}.Valid()
		if address := mail.Settings.Address; err == nil && strings.ContainsAny(address, "\r\n\x00,<>") && !strings.HasPrefix(address, `"`) {
			t.Errorf("%q is taken as the mailbox %q", text, address)
		}
		hook, err := monitor.Channel{Name: "x", Kind: monitor.Webhook, Settings: monitor.Settings{URL: text, Secret: secret}}.Valid()
		if err != nil {
			return
		}
		u, err := url.Parse(hook.Settings.URL)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.Fragment != "" {
			t.Errorf("%q is taken as %q, %v", text, hook.Settings.URL, err)
		}
		if again, err := hook.Valid(); err != nil || again.Settings != hook.Settings {
			t.Errorf("%q becomes %q, and then %q, %v", text, hook.Settings.URL, again.Settings.URL, err)
		}
	})
}
