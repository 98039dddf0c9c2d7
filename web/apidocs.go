package web

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"

	"rollcall/docs"
	"rollcall/templates"
)

// apiGroups are the headings of the reference in their order.
var apiGroups = []string{"Checks", "History", "Channels", "Deliveries", "Project", "Server"}

// apiReference is what openAPI describes, for people.
func apiReference() []templates.APIGroup {
	var groups []templates.APIGroup
	for _, name := range apiGroups {
		group := templates.APIGroup{ID: "reference-" + strings.ToLower(name), Name: name}
		for _, route := range apiRoutes() {
			if said, ok := operations[route.method+" "+pathOf(route)]; ok && said.group == name {
				group.Operations = append(group.Operations, said.shown(route))
			}
		}
		groups = append(groups, group)
	}
	return groups
}

// apiSections are the operations as the search of the documentation sees them.
func apiSections() []docs.Section {
	var sections []docs.Section
	for _, group := range apiReference() {
		section := docs.Section{ID: group.ID, Title: group.Name, Level: 2}
		for _, o := range group.Operations {
			section.Text += o.Method + " " + o.Path + " " + o.Summary + " "
		}
		sections = append(sections, section)
	}
	return sections
}

var keyWords = map[apiKey]string{
	keyNone: "Needs no key.", keyRead: "Needs a key; the read-only one is enough.", keyWrite: "Needs the read-write key.",
}

// shown is the operation as the page shows it.
func (o operation) shown(route apiRoute) templates.APIOperation {
	shown := templates.APIOperation{
		Method: route.method, Path: "/api/v3/" + pathOf(route), Key: keyWords[route.key], Summary: o.summary,
		Query: explained(o.query), Takes: explained(o.takes),
	}
	if o.answers != nil {
		example, err := json.MarshalIndent(exampleOf(reflect.TypeOf(o.answers)), "", "  ")
		if err == nil {
			shown.Answer = string(example)
		}
	}
	return shown
}

// explained lists parameters with what they are.
func explained(params []param) []templates.Fact {
	facts := make([]templates.Fact, len(params))
	for i, p := range params {
		words := p.schema()["type"]
		if list, ok := words.([]string); ok {
			words = list[0] + " or null"
		}
		facts[i] = templates.Fact{Key: p.name, Value: words.(string)}
		if p.words != "" {
			facts[i].Value += ". " + p.words
		}
	}
	return facts
}

// exampleOf shows what a type looks like: each member with the name of its type.
func exampleOf(t reflect.Type) any {
	switch t.Kind() {
	case reflect.Pointer:
		if inner, ok := exampleOf(t.Elem()).(string); ok {
			return inner + " or null"
		}
		return exampleOf(t.Elem())
	case reflect.Slice:
		return []any{exampleOf(t.Elem())}
	case reflect.Map:
		return map[string]any{"…": exampleOf(t.Elem())}
	case reflect.Struct:
		return structExample(t)
	}
	return schemaOf(t, nil)["type"]
}

// structExample keeps the members in the order in which they are sent.
func structExample(t reflect.Type) json.RawMessage {
	var text []byte
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous || name == "" {
			continue
		}
		key, _ := json.Marshal(name)                // a string
		value, _ := json.Marshal(exampleOf(f.Type)) // strings, lists and objects of them
		text = append(append(append(append(text, ','), key...), ':'), value...)
	}
	return slices.Concat([]byte("{"), text[min(1, len(text)):], []byte("}"))
}
