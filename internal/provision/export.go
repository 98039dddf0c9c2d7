package provision

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"rollcall/internal/account"
)

// Export writes a project as a file that describes it, in an order that depends
// on nothing but what is described. Secrets are what lets its holder ping or
// sign: the ping key, UUIDs, tokens, and the URLs and secrets of webhooks; the
// owner goes with them. A file without them keeps them when it is applied to the
// same project; a check without a slug is then known by nothing. API keys are
// never part of it: only their hashes are stored.
func Export(ctx context.Context, st Store, p account.Project, secrets bool) ([]byte, error) {
	s := &site{project: p, channels: map[string]channel{}}
	if err := s.lookAtChannels(ctx, st, project{}); err != nil {
		return nil, err
	}
	stored, err := checksOf(ctx, st, p.ID)
	if err != nil {
		return nil, err
	}
	checks := make([]check, len(stored))
	for i, c := range stored {
		if checks[i], err = s.read(ctx, st, c); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(checks, func(a, b check) int {
		return cmp.Or(cmp.Compare(a.called(), b.called()), bytes.Compare(a.uuid[:], b.uuid[:]))
	})

	e := exporter{secrets}
	whole := project{name: p.Name}
	if secrets {
		if whole.owner, err = firstOwner(ctx, st, p); err != nil {
			return nil, err
		}
	}
	described := e.mapping(whole.members())
	var nodes []*yaml.Node
	for _, c := range s.unnamed(project{}) {
		nodes = append(nodes, e.mapping(c.members()))
	}
	putList(described, "channels", nodes)
	nodes = nil
	for _, c := range checks {
		members := c.members()
		if len(c.channels) == len(s.channels) { // all of them
			members = slices.DeleteFunc(members, func(m member) bool { return m.name == "channels" })
		}
		nodes = append(nodes, e.mapping(members))
	}
	putList(described, "checks", nodes)
	return encode(described)
}

// firstOwner is the first of the owners by address.
func firstOwner(ctx context.Context, st Store, p account.Project) (string, error) {
	members, err := st.Members(ctx, p.ID)
	if err != nil {
		return "", err
	}
	for _, m := range members {
		if m.Role == account.Owner {
			return m.Email, nil
		}
	}
	return "", nil
}

// encode writes the file of one project.
func encode(described *yaml.Node) ([]byte, error) {
	file := &yaml.Node{Kind: yaml.MappingNode}
	putList(file, "projects", []*yaml.Node{described})
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	err := encoder.Encode(file)
	return out.Bytes(), err
}

type exporter struct{ secrets bool }

// mapping leaves out what is not set.
func (e exporter) mapping(members []member) *yaml.Node {
	node := &yaml.Node{Kind: yaml.MappingNode}
	for _, m := range members {
		if m.value != nil && (e.secrets || !m.secret) {
			put(node, m.name, valueNode(m.value))
		}
	}
	return node
}

func put(mapping *yaml.Node, name string, value *yaml.Node) {
	mapping.Content = append(mapping.Content, plainNode(name), value)
}

// putList puts a list of things, one below the other, unless there are none.
func putList(mapping *yaml.Node, name string, things []*yaml.Node) {
	if len(things) > 0 {
		put(mapping, name, &yaml.Node{Kind: yaml.SequenceNode, Content: things})
	}
}

// valueNode writes the value of a member. Lists of values stand in one line.
func valueNode(value any) *yaml.Node {
	var items []*yaml.Node
	switch v := value.(type) {
	case bool:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: "true"}
	case int:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: strconv.Itoa(v)}
	case string:
		return plainNode(v)
	case []string:
		for _, text := range v {
			items = append(items, plainNode(text))
		}
	case []tokenForm:
		for _, token := range v {
			item := &yaml.Node{Kind: yaml.MappingNode}
			put(item, "dialect", plainNode(token.Dialect))
			put(item, "token", plainNode(token.Token))
			items = append(items, item)
		}
	}
	return &yaml.Node{Kind: yaml.SequenceNode, Content: items, Style: yaml.FlowStyle}
}

// plainNode writes a text; the encoder quotes what would be read as something else.
func plainNode(text string) *yaml.Node {
	node := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text}
	if strings.Contains(text, "\n") {
		node.Style = yaml.LiteralStyle
	}
	return node
}
