package provision

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"rollcall/internal/account"
	"rollcall/internal/monitor"
	"rollcall/internal/schedule"
)

// member is one member of a thing in the file's form. Plans compare members and
// exports write them, so an export that is planned changes nothing.
type member struct {
	name   string
	value  any    // as a file has it: string, bool, int or []string; nil: left out
	words  string // as a plan tells it; "" for nothing
	secret bool   // for those only who may write
}

func textMember(name, text string) member {
	if text == "" {
		return member{name: name}
	}
	return member{name: name, value: text, words: text}
}

// secretMember never tells more than that there is a value.
func secretMember(name, text string) member {
	m := textMember(name, text)
	m.secret = true
	if text != "" {
		m.words = "set"
	}
	return m
}

func spanMember(name string, d *time.Duration) member {
	if d == nil {
		return member{name: name}
	}
	return textMember(name, spanWords(*d))
}

func numberMember(name string, n *int) member {
	if n == nil {
		return member{name: name}
	}
	return member{name: name, value: *n, words: strconv.Itoa(*n)}
}

func flagMember(name string, on bool) member {
	if !on {
		return member{name: name, words: "false"}
	}
	return member{name: name, value: true, words: "true"}
}

func listMember(name string, items []string) member {
	m := member{name: name, words: strings.Join(items, ", ")}
	if items != nil {
		m.value = items
	}
	return m
}

// tokenForm is a token as the file has it.
type tokenForm struct {
	Dialect string
	Token   string
}

// tokenMember tells which services the tokens come from, and not the tokens.
func tokenMember(tokens []monitor.Token) member {
	var forms []tokenForm
	for _, token := range tokens {
		forms = append(forms, tokenForm{token.Dialect, token.Text})
	}
	slices.SortFunc(forms, func(a, b tokenForm) int {
		return cmp.Or(strings.Compare(a.Dialect, b.Dialect), strings.Compare(a.Token, b.Token))
	})
	m := member{name: "tokens", secret: true}
	if forms == nil {
		return m
	}
	var dialects []string
	for _, form := range forms {
		dialects = append(dialects, form.Dialect)
	}
	m.value, m.words = forms, strings.Join(dialects, ", ")
	return m
}

// members lists a channel in the order of the file.
func (c channel) members() []member {
	url := secretMember("url", c.Settings.URL)
	if url.value != nil {
		url.words = c.Target()
	}
	return []member{
		textMember("name", c.Name),
		textMember("kind", string(c.Kind)),
		textMember("address", c.Settings.Address),
		url,
		secretMember("secret", c.Settings.Secret),
	}
}

// members lists a check whose channels are known, in the order of the file.
func (c check) members() []member {
	id := ""
	if c.uuid != uuid.Nil {
		id = c.uuid.String()
	}
	var period *time.Duration
	if c.Schedule.Kind == schedule.Every {
		period = &c.Schedule.Period
	}
	var tags []string
	if len(c.Tags) > 0 {
		tags = c.Tags
	}
	told := append([]string{}, c.channels...)
	slices.Sort(told)
	f := filterOf(c.Filter)
	return []member{
		textMember("name", c.Name),
		textMember("slug", c.Slug),
		secretMember("uuid", id),
		textMember("description", c.Description),
		listMember("tags", tags),
		spanMember("period", period),
		textMember("schedule", c.Schedule.Expr),
		textMember("timezone", c.Schedule.Zone),
		spanMember("grace", &c.Grace),
		spanMember("max_runtime", c.MaxRuntime),
		numberMember("threshold", c.Threshold),
		flagMember("manual_resume", c.ManualResume),
		flagMember("post_only", c.PostOnly),
		listMember("filter_in", f.in),
		listMember("filter_fail", f.fail),
		listMember("filter_success", f.success),
		listMember("filter_start", f.start),
		textMember("filter_default", f.otherwise),
		listMember("channels", told),
		tokenMember(c.tokens),
	}
}

// over fills in what the file leaves open by what is stored of the channel.
func (c channel) over(stored channel) channel {
	if c.Kind == monitor.Webhook {
		if c.Settings.URL == "" {
			c.Settings.URL = stored.Settings.URL
		}
		if c.Settings.Secret == "" {
			c.Settings.Secret = stored.Settings.Secret
		}
	}
	return c
}

// over fills in what the file leaves open by what is stored of the check, and by
// the names of all channels that the project will have.
func (c check) over(stored check, all []string) check {
	c.id = stored.id
	if c.uuid == uuid.Nil {
		c.uuid = stored.uuid
	}
	if c.channels == nil {
		c.channels = all
	}
	for _, token := range stored.tokens {
		if !slices.Contains(c.tokens, token) {
			c.tokens = append(slices.Clip(c.tokens), token)
		}
	}
	return c
}

// members lists a project in the order of the file. Of stored keys nothing is
// known but whether a given one is in force.
func (p project) members() []member {
	return []member{
		textMember("name", p.name),
		textMember("owner", p.owner),
		secretMember(keyMember(account.KeyPing), p.keys[account.KeyPing]),
		secretMember(keyMember(account.KeyReadWrite), p.keys[account.KeyReadWrite]),
		secretMember(keyMember(account.KeyReadOnly), p.keys[account.KeyReadOnly]),
	}
}

// keyMember is how a file calls the key of a kind.
func keyMember(kind account.KeyKind) string {
	switch kind {
	case account.KeyPing:
		return "ping_key"
	case account.KeyReadOnly:
		return "api_key_readonly"
	}
	return "api_key"
}
