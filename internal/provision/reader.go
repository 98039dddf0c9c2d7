package provision

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"go.yaml.in/yaml/v3"

	"rollcall/internal/account"
	"rollcall/internal/dialect"
	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/schedule"
)

// defaultGrace is the grace of a check of which the file says nothing about it.
const defaultGrace = time.Hour

// reader turns a tree into a Document.
type reader struct {
	dir    string // of the file
	remote bool   // a client sent it: no file of this machine is read
}

func (r reader) document(node *yaml.Node, doc *Document) error {
	_, err := object{"projects": list(func(item *yaml.Node) error {
		p, err := r.project(item)
		doc.projects = append(doc.projects, p)
		return err
	})}.read(node, "the file")
	return err
}

func (r reader) project(node *yaml.Node) (project, error) {
	p := project{node: node, keys: map[account.KeyKind]string{}}
	var ping, readWrite, readOnly string
	at, err := object{
		"name":                  text(&p.name),
		"owner":                 text(&p.owner),
		"ping_key":              text(&ping),
		"ping_key_file":         r.file(&ping),
		"api_key":               text(&readWrite),
		"api_key_file":          r.file(&readWrite),
		"api_key_readonly":      text(&readOnly),
		"api_key_readonly_file": r.file(&readOnly),
		"channels": list(func(item *yaml.Node) error {
			c, err := r.channel(item)
			p.channels = append(p.channels, c)
			return err
		}),
		"checks": list(func(item *yaml.Node) error {
			c, err := r.check(item)
			p.checks = append(p.checks, c)
			return err
		}),
	}.read(node, "a project")
	if err != nil {
		return p, err
	}
	found := at.twofold("ping_key", "api_key", "api_key_readonly")
	if name, err := account.ValidProjectName(p.name); err != nil {
		found["name"] = fmt.Sprintf("must be 1 to %d characters", account.ProjectNameLimit)
	} else {
		p.name = name
	}
	if owner, err := account.ValidEmail(p.owner); err == nil {
		p.owner = owner
	} else if p.owner != "" || !r.remote {
		found["owner"] = "must be one plain e-mail address, such as ops@example.org"
	}
	if ping != "" {
		p.keys[account.KeyPing] = ping
		collect(found, account.ValidPingKey(ping))
	}
	if readWrite != "" {
		p.keys[account.KeyReadWrite] = readWrite
		collect(found, account.ValidAPIKey("api_key", readWrite))
	}
	if readOnly != "" {
		p.keys[account.KeyReadOnly] = readOnly
		collect(found, account.ValidAPIKey("api_key_readonly", readOnly))
	}
	return p, at.place(node, p.String(), found)
}

func (r reader) channel(node *yaml.Node) (channel, error) {
	c := channel{node: node}
	var kind string
	at, err := object{
		"name":        text(&c.Name),
		"kind":        text(&kind),
		"address":     text(&c.Settings.Address),
		"url":         text(&c.Settings.URL),
		"url_file":    r.file(&c.Settings.URL),
		"secret":      text(&c.Settings.Secret),
		"secret_file": r.file(&c.Settings.Secret),
	}.read(node, "a channel")
	if err != nil {
		return c, err
	}
	found := at.twofold("url", "secret")
	c.Kind = monitor.ChannelKind(kind)
	foreign := map[monitor.ChannelKind][]string{
		monitor.Email:   {"url", "url_file", "secret", "secret_file"},
		monitor.Webhook: {"address"},
	}
	for _, member := range foreign[c.Kind] {
		if at[member] != 0 {
			found[member] = fmt.Sprintf("means nothing to the kind %s", c.Kind)
		}
	}
	given := c.Settings
	if c.Kind == monitor.Webhook { // what the file leaves open is not to be found wrong
		c.Settings.URL = cmp.Or(given.URL, "https://example.org")
		c.Settings.Secret = cmp.Or(given.Secret, newSecret())
	}
	c.Channel, err = c.Valid()
	collect(found, err)
	if given.URL == "" {
		c.Settings.URL = ""
	}
	if given.Secret == "" {
		c.Settings.Secret = ""
	}
	return c, at.place(node, c.String(), found)
}

func (r reader) check(node *yaml.Node) (check, error) {
	c := check{node: node, Config: monitor.Config{Grace: defaultGrace}}
	var id, sched, zone string
	var period, maxRuntime time.Duration
	var threshold int
	var f filter
	at, err := object{
		"name":           text(&c.Name),
		"slug":           text(&c.Slug),
		"uuid":           text(&id),
		"description":    text(&c.Description),
		"tags":           texts(&c.Tags),
		"schedule":       text(&sched),
		"timezone":       text(&zone),
		"period":         span(&period),
		"grace":          span(&c.Grace),
		"max_runtime":    span(&maxRuntime),
		"threshold":      number(&threshold),
		"manual_resume":  flag(&c.ManualResume),
		"post_only":      flag(&c.PostOnly),
		"filter_in":      texts(&f.in),
		"filter_fail":    texts(&f.fail),
		"filter_success": texts(&f.success),
		"filter_start":   texts(&f.start),
		"filter_default": text(&f.otherwise),
		"channels":       texts(&c.channels),
		"tokens": list(func(item *yaml.Node) error {
			token, err := r.token(item)
			c.tokens = append(c.tokens, token)
			return err
		}),
	}.read(node, "a check")
	if err != nil {
		return c, err
	}
	var found fault.Invalid
	c.Filter, found = f.read()
	c.Schedule = specOf(at, schedule.Spec{Period: period, Expr: sched, Zone: zone}, found)
	if at["max_runtime"] != 0 {
		c.MaxRuntime = &maxRuntime
	}
	if at["threshold"] != 0 {
		c.Threshold = &threshold
	}
	if at["uuid"] != 0 {
		if c.uuid, err = uuid.Parse(id); err != nil || c.uuid == uuid.Nil || c.uuid.String() != strings.ToLower(id) {
			found["uuid"] = "is none; it looks like 5f0b6a3e-8c1d-4e57-9a44-2d1f6c0b7e91"
		}
	}
	if c.Slug == "" && at["uuid"] == 0 {
		found["slug"] = "is missing; it is what the check is known by when the file is read again, unless its uuid is given"
	}
	if len(found) == 0 {
		c.Config, err = c.Valid()
		collect(found, err)
	}
	return c, at.place(node, c.String(), found)
}

// specOf finds out which kind of schedule the members mean that are given.
func specOf(at lines, given schedule.Spec, found fault.Invalid) schedule.Spec {
	switch {
	case at["schedule"] != 0 && at["period"] != 0:
		found["period"] = "and schedule exclude each other"
	case at["schedule"] != 0:
		return schedule.Spec{Kind: schedule.Detect(given.Expr), Expr: given.Expr, Zone: cmp.Or(given.Zone, "UTC")}
	case at["period"] == 0:
		found["schedule"] = `is missing; give schedule: "0 3 * * *" or period: 5m`
	case at["timezone"] != 0:
		found["timezone"] = "means nothing to a period"
	}
	return schedule.Spec{Kind: schedule.Every, Period: given.Period}
}

// token reads what a check was known by at the service it comes from.
func (r reader) token(node *yaml.Node) (monitor.Token, error) {
	var token monitor.Token
	at, err := object{
		"dialect": text(&token.Dialect),
		"token":   text(&token.Text),
	}.read(node, "a token")
	if err != nil {
		return token, err
	}
	found := fault.Invalid{}
	if !slices.Contains(services(), token.Dialect) {
		found["dialect"] = "is the service that the token comes from: " + strings.Join(services(), ", ")
	}
	collect(found, token.Valid())
	return token, at.place(node, "a token", found)
}

// services lists the dialects from which a token can come.
func services() []string {
	var names []string
	for _, format := range dialect.Formats() {
		names = append(names, format.Name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// collect adds what a rule found wrong with members of which nothing is said yet.
func collect(found fault.Invalid, err error) {
	var invalid fault.Invalid
	if !errors.As(err, &invalid) {
		return
	}
	for member, words := range invalid {
		if found[member] == "" {
			found[member] = words
		}
	}
}

// twofold finds the members that are given both directly and as a file.
func (at lines) twofold(members ...string) fault.Invalid {
	found := fault.Invalid{}
	for _, member := range members {
		if at[member] != 0 && at[member+fileSuffix] != 0 {
			found[member] = fmt.Sprintf("and %s%s exclude each other", member, fileSuffix)
		}
	}
	return found
}

// file reads a member whose value stands in a file of its own, for secrets.
func (r reader) file(to *string) func(*yaml.Node) error {
	return func(node *yaml.Node) error {
		path, err := scalar(node)
		if err != nil {
			return err
		}
		if r.remote {
			return errors.New("names a file that this server does not read; send what stands in it, as rollcall apply does")
		}
		*to, err = readSecret(path, r.dir)
		return err
	}
}
