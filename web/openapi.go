package web

import (
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// The description of the API, as OpenAPI 3.1 and as a page, is made of two things
// that cannot go out of date: the table of routes, and the Go types of the answers.
// What only people can say stands in operations, and a test holds that every route
// is there.

// operation is what is to be said about one route of the table.
type operation struct {
	group   string // the heading under which it stands
	summary string
	query   []param // parameters behind the ?
	takes   []param // members of the request
	answers any     // a value of the type of the answer; nil is a text
	code    int     // of success; 0 is 200
}

// param is a parameter, or a member of a request.
type param struct {
	name  string
	kind  string // as JSON Schema has it; "?" at its end allows null
	words string
}

var checkParams = []param{
	{"name", "string", "At most 100 characters."},
	{"slug", "string", "a–z, 0–9, - and _; one check of a project has it."},
	{"tags", "string", "Separated by spaces."},
	{"desc", "string", "At most 10,000 characters."},
	{"timeout", "integer", "Seconds from one ping to the next, 60 to 31,536,000; makes the check simple."},
	{"grace", "integer", "Seconds, 60 to 31,536,000."},
	{"schedule", "string", "Cron or OnCalendar, at most 100 characters; wins over timeout."},
	{"tz", "string", "The zone of the schedule, such as Europe/Riga."},
	{"max_runtime", "integer?", "Seconds that a run may take; null is the same as the grace."},
	{"threshold", "integer?", "How many bad results in a row take it down, 1 to 720; null is the first one."},
	{"manual_resume", "boolean", "A paused check ignores pings until it is resumed."},
	{"methods", "string", `"POST", or "" for all.`},
	{"channels", "string", `"*" for all, "" for none, or ids or names separated by commas.`},
	{"start_kw", "string", "Keywords separated by commas, as are success_kw and failure_kw."},
	{"success_kw", "string", ""},
	{"failure_kw", "string", ""},
	{"filter_subject", "boolean", "Look for the keywords in the subject of mails."},
	{"filter_body", "boolean", "Look for them in the text of mails."},
	{"filter_http_body", "boolean", "Look for them in the body of HTTP pings."},
	{"filter_default_fail", "boolean", "Without a keyword a ping is a failure; otherwise it is ignored."},
	{"subject", "string", "Deprecated: success_kw with filter_subject."},
	{"subject_fail", "string", "Deprecated: failure_kw with filter_subject."},
}

var channelParams = []param{
	{"name", "string", "Who or what is told; one channel of a project has it."},
	{"address", "string", "Of an e-mail channel: one address."},
	{"url", "string", "Of a webhook: http or https."},
	{"secret", "string", "Of a webhook: whsec_ and base64; without it one is made."},
}

var (
	limitParam  = param{"limit", "integer", "How many at most."}
	cursorParam = param{"cursor", "string", "next_cursor of the page before."}
	roleParam   = param{"role", "string", "manager, member or readonly."}
)

// Answers that handlers put together from parts.
type (
	somePage struct {
		Checks     []checkDoc `json:"checks"`
		NextCursor *string    `json:"next_cursor,omitempty"` // with limit
	}
	pingList struct {
		Pings []pingDoc `json:"pings"`
	}
	flipList struct {
		Flips []flipDoc `json:"flips"`
	}
	runList struct {
		Runs []runDoc `json:"runs"`
	}
	blindList struct {
		Blind []blindDoc `json:"blind"`
	}
	badgeList struct {
		Badges map[string]badgeURLs `json:"badges"`
	}
	allChannels struct {
		Channels []channelDoc `json:"channels"`
	}
	projectList struct {
		Projects []projectDoc `json:"projects"`
	}
	memberList struct {
		Members []memberDoc `json:"members"`
	}
	queued struct {
		Delivery int64 `json:"delivery"`
	}
)

// operations describes every route, by method and path as pathOf has it.
var operations = map[string]operation{
	"GET checks/": {group: "Checks", summary: "Lists the checks that have all the tags, and the slug.", answers: somePage{}, query: []param{
		{"tag", "string", "May be repeated."}, {"slug", "string", ""}, limitParam, cursorParam,
	}},
	"POST checks/": {group: "Checks", summary: "Makes a check, or changes the one that is equal in the members that unique names.", code: http.StatusCreated, answers: checkDoc{}, takes: append(slices.Clone(checkParams),
		param{"unique", "array", "Any of name, slug, tags, timeout, grace."},
		param{"import_uuid", "string", "The UUID that the check had elsewhere."},
		param{"tokens", "array", `Its addresses at other services: [{"dialect": "kuma", "token": "…"}].`})},
	"GET checks/{check}":                {group: "Checks", summary: "Answers with one check.", answers: checkDoc{}},
	"POST checks/{check}":               {group: "Checks", summary: "Changes what the request names.", takes: checkParams, answers: checkDoc{}},
	"DELETE checks/{check}":             {group: "Checks", summary: "Deletes a check and answers with what it was.", answers: checkDoc{}},
	"GET checks/{unique}":               {group: "Checks", summary: "Answers with one check, by the key that read-only documents hold.", answers: checkDoc{}},
	"POST checks/{check}/pause":         {group: "Checks", summary: "Stops the watch.", answers: checkDoc{}},
	"POST checks/{check}/resume":        {group: "Checks", summary: "Starts the watch again.", answers: checkDoc{}},
	"GET checks/{check}/pings/":         {group: "History", summary: "Lists the pings that are kept, the newest first.", answers: pingList{}},
	"GET checks/{check}/pings/{n}/body": {group: "History", summary: "Answers with the body of a ping as it came."},
	"GET checks/{check}/flips/":         {group: "History", summary: "Lists the changes of status, the newest first.", answers: flipList{}, query: flipParams},
	"GET checks/{unique}/flips/":        {group: "History", summary: "The same by the read-only key.", answers: flipList{}, query: flipParams},
	"GET checks/{check}/runs/":          {group: "History", summary: "Lists the runs, the open ones first.", answers: runList{}, query: []param{limitParam}},
	"GET checks/{unique}/runs/":         {group: "History", summary: "The same by the read-only key.", answers: runList{}, query: []param{limitParam}},
	"GET events/": {group: "History", summary: "Lists what became known after a cursor, the oldest first. Without a cursor it tells where the present is.", answers: eventPage{}, query: []param{
		{"after", "string", "The cursor of the answer before, or microseconds since 1970."}, limitParam,
	}},
	"GET checks/{check}/why":  {group: "History", summary: "Says why a message was sent in a minute, or why none was, and where it is now.", answers: whyDoc{}, query: whyParams},
	"GET checks/{unique}/why": {group: "History", summary: "The same by the read-only key.", answers: whyDoc{}, query: whyParams},
	"GET latency/":            {group: "History", summary: "Says how long it took to notice and to tell what happened in the last 7 and 30 days.", answers: latencyDoc{}},
	"GET blind/":              {group: "History", summary: "Lists the times in which Rollcall itself was away.", answers: blindList{}},
	"GET summary/":            {group: "History", summary: "Counts the checks by status, and the messages that are owed.", answers: summaryDoc{}},

	"GET channels/":           {group: "Channels", summary: "Lists the channels.", answers: allChannels{}},
	"POST channels/":          {group: "Channels", summary: "Makes a channel.", code: http.StatusCreated, takes: append([]param{{"kind", "string", "email or webhook."}}, channelParams...), answers: fullChannelDoc{}},
	"GET channels/{id}":       {group: "Channels", summary: "Answers with one channel.", answers: fullChannelDoc{}},
	"POST channels/{id}":      {group: "Channels", summary: "Changes what the request names; one that was disabled is tried again.", takes: channelParams, answers: fullChannelDoc{}},
	"DELETE channels/{id}":    {group: "Channels", summary: "Deletes a channel and answers with what it was.", answers: fullChannelDoc{}},
	"POST channels/{id}/test": {group: "Channels", summary: "Sends a test message.", code: http.StatusAccepted, answers: queued{}},

	"GET deliveries/": {group: "Deliveries", summary: "Lists messages, the newest first.", answers: deliveryPage{}, query: []param{
		{"check", "string", "The UUID of a check."},
		{"channel", "string", "The id of a channel."},
		{"state", "string", "pending, sending, sent, dead or merged, which is told by another message."},
		{"digest", "string", "The id of a digest: only what it tells."},
		limitParam, cursorParam,
	}},
	"GET deliveries/{id}": {group: "Deliveries", summary: "Answers with one message and its attempts.", answers: triedDoc{}},
	"POST deliveries/replay": {group: "Deliveries", summary: "Sends dead letters once more, the oldest first: of the newest 1,000 at most, and goes on at next_cursor.", answers: replayedDoc{}, query: []param{
		{"check", "string", "The UUID of a check."},
		{"channel", "string", "The id of a channel."},
		{"since", "string", "Only what was decided since then: unix seconds, RFC 3339, or 2026-11-28T03:17 in the server's zone."},
		cursorParam,
	}},
	"POST deliveries/{id}/replay": {group: "Deliveries", summary: "Sends a message that has ended once more.", answers: triedDoc{}},

	"GET projects/":                  {group: "Project", summary: "Answers with the project of the key.", answers: projectList{}},
	"POST projects/{id}":             {group: "Project", summary: "Renames it.", takes: []param{{"name", "string", ""}}, answers: projectDoc{}},
	"GET members/":                   {group: "Project", summary: "Lists its members.", answers: memberList{}},
	"POST members/":                  {group: "Project", summary: "Gives somebody who has an account a role.", code: http.StatusCreated, takes: []param{{"email", "string", ""}, roleParam}, answers: memberDoc{}},
	"POST members/{email}":           {group: "Project", summary: "The same by address.", code: http.StatusCreated, takes: []param{roleParam}, answers: memberDoc{}},
	"DELETE members/{email}":         {group: "Project", summary: "Ends a membership.", answers: memberDoc{}},
	"GET heartbeat/":                 {group: "Project", summary: "Tells which other installation this one sends its heartbeat to.", answers: heartbeatDoc{}},
	"POST heartbeat/":                {group: "Project", summary: "Lets this installation send its heartbeat to an address, every 30 seconds as long as nothing is wrong with it.", answers: heartbeatDoc{}, takes: []param{{"url", "string", "The address of a check at the other installation."}}},
	"DELETE heartbeat/":              {group: "Project", summary: "Ends that, and answers with what it was.", answers: heartbeatDoc{}},
	"GET export/":                    {group: "Project", summary: "Answers with the project as a YAML file."},
	"POST apply/":                    {group: "Project", summary: "Brings about what a YAML file describes.", answers: applied{}, query: []param{{"plan", "integer", "1 only tells what would change."}, {"prune", "integer", "1 deletes what the file does not name."}}},
	"GET badges/":                    {group: "Project", summary: "Lists the addresses of badges, of the project (*) and of each tag.", answers: badgeList{}},
	"GET status/":                    {group: "Server", summary: "Tells whether the database answers."},
	"GET metrics/":                   {group: "Server", summary: "Is refused: the server has no metrics key."},
	"POST notifications/{id}/status": {group: "Server", summary: "Is taken and has no effect."},
	"POST bounces/":                  {group: "Server", summary: "Is taken and has no effect."},
}

var whyParams = []param{
	{"at", "string", "Any instant of the minute: unix seconds, RFC 3339, or 2026-11-28T03:17 in the zone; the present without it."},
	{"tz", "string", "The zone in which the sentences say times, such as Europe/Riga; that of the server without it."},
}

var flipParams = []param{
	{"seconds", "integer", "Only the last so many."},
	{"start", "integer", "Unix seconds, inclusive."},
	{"end", "integer", "Unix seconds, exclusive."},
}

var pathPattern = regexp.MustCompile(`\{([a-z]+):(?:[^{}]|\{[^{}]*\})*\}`)

// pathOf is the path of a route as it is described: without patterns.
func pathOf(route apiRoute) string { return pathPattern.ReplaceAllString(route.path, "{$1}") }

// object is a JSON object of the document.
type object = map[string]any

// openAPI returns the description as OpenAPI 3.1. Badges and metrics, which have
// addresses of their own, are not part of the API.
func openAPI(base, version string) object {
	schemas, paths := object{"Problem": schemaOf(reflect.TypeFor[problem](), nil)}, object{}
	for _, route := range apiRoutes() {
		path := pathOf(route)
		said, ok := operations[route.method+" "+path]
		if !ok || strings.Contains(path, "{unique}") {
			continue // to OpenAPI it is the same path as that with {check}
		}
		item, ok := paths["/"+path].(object)
		if !ok {
			item = object{}
			paths["/"+path] = item
		}
		item[strings.ToLower(route.method)] = said.document(route, path, schemas)
	}
	return object{
		"openapi": "3.1.0",
		"info": object{
			"title": "Rollcall", "version": version,
			"description": "The management API, on the wire that of Healthchecks. The same under /api/v1, /api/v2 and /api/v3.",
			"license":     object{"name": "Apache License 2.0", "identifier": "Apache-2.0"},
		},
		"servers": []object{{"url": base + "/api/v3"}},
		"paths":   paths,
		"components": object{
			"schemas": schemas,
			"securitySchemes": object{
				"key":    object{"type": "apiKey", "in": "header", "name": "X-Api-Key"},
				"bearer": object{"type": "http", "scheme": "bearer"},
			},
		},
	}
}

// partWords say what stands in the parts of a path.
var partWords = map[string]string{
	"check": "The UUID of a check, or for reading the unique_key that read-only documents hold.",
	"n":     "The number of a ping.", "email": "The address of a member.",
	"id": "An id as the list has it.",
}

var pathParts = regexp.MustCompile(`\{([a-z]+)\}`)

func (o operation) document(route apiRoute, path string, schemas object) object {
	params := []object{}
	for _, part := range pathParts.FindAllStringSubmatch(path, -1) {
		params = append(params, object{
			"name": part[1], "in": "path", "required": true, "description": partWords[part[1]], "schema": object{"type": "string"},
		})
	}
	for _, p := range o.query {
		params = append(params, object{"name": p.name, "in": "query", "description": p.words, "schema": p.schema()})
	}
	problems := object{
		"description": "An error; the member error holds the text that clients of Healthchecks read.",
		"content":     object{problemType: object{"schema": object{"$ref": "#/components/schemas/Problem"}}},
	}
	success := object{"description": o.summary, "content": object{"text/plain": object{}}}
	if o.answers != nil {
		success["content"] = object{"application/json": object{"schema": schemaOf(reflect.TypeOf(o.answers), schemas)}}
	}
	document := object{
		"summary": o.summary, "tags": []string{o.group}, "parameters": params,
		"responses": object{fmt.Sprint(o.success()): success, "default": problems},
		"security":  []object{{"key": []string{}}, {"bearer": []string{}}},
	}
	if o.success() == http.StatusCreated { // or there was one already
		document["responses"].(object)["200"] = success
	}
	if route.key == keyNone {
		document["security"] = []object{}
	}
	switch {
	case o.takes != nil:
		members := object{}
		for _, p := range o.takes {
			members[p.name] = p.schema()
		}
		document["requestBody"] = object{"content": object{"application/json": object{"schema": object{"type": "object", "properties": members}}}}
	case path == "apply/":
		document["requestBody"] = object{"required": true, "content": object{"application/yaml": object{}}}
	}
	return document
}

func (o operation) success() int {
	if o.code == 0 {
		return http.StatusOK
	}
	return o.code
}

func (p param) schema() object {
	kind, nullable := strings.CutSuffix(p.kind, "?")
	schema := object{"type": kind}
	if nullable {
		schema["type"] = []string{kind, "null"}
	}
	if p.words != "" {
		schema["description"] = p.words
	}
	return schema
}

// schemaOf describes a Go type as JSON Schema. A struct with a name goes into
// schemas, under it, and is referred to; a nil schemas describes it where it stands.
func schemaOf(t reflect.Type, schemas object) object {
	switch t.Kind() {
	case reflect.Pointer:
		inner := schemaOf(t.Elem(), schemas)
		if kind, plain := inner["type"].(string); plain {
			inner["type"] = []string{kind, "null"}
			return inner
		}
		return object{"anyOf": []object{inner, {"type": "null"}}}
	case reflect.Slice:
		return object{"type": "array", "items": schemaOf(t.Elem(), schemas)}
	case reflect.Map:
		return object{"type": "object", "additionalProperties": schemaOf(t.Elem(), schemas)}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Int, reflect.Int64:
		return object{"type": "integer"}
	case reflect.Float64:
		return object{"type": "number"}
	case reflect.Struct:
		if schemas == nil {
			return structSchema(t, nil)
		}
		name := strings.ToUpper(t.Name()[:1]) + strings.TrimSuffix(t.Name()[1:], "Doc")
		if _, known := schemas[name]; !known {
			schemas[name] = object{} // in case that it holds itself
			schemas[name] = structSchema(t, schemas)
		}
		return object{"$ref": "#/components/schemas/" + name}
	}
	return object{"type": "string"}
}

// structSchema lists the members of a struct. Those that may be left out are not
// required; those of a pointer that is embedded are left out together.
func structSchema(t reflect.Type, schemas object) object {
	members, required := object{}, []string{}
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && name == "" {
			inner := f.Type
			if inner.Kind() == reflect.Pointer {
				inner = inner.Elem()
			}
			part := structSchema(inner, schemas)
			maps.Copy(members, part["properties"].(object))
			if f.Type.Kind() != reflect.Pointer {
				required = append(required, part["required"].([]string)...)
			}
			continue
		}
		members[name] = schemaOf(f.Type, schemas)
		if !strings.Contains(options, "omitempty") {
			required = append(required, name)
		}
	}
	return object{"type": "object", "properties": members, "required": required, "additionalProperties": false}
}

// apiDocument answers with the description. It is the same for everybody.
func (s *Server) apiDocument(c *apiCall) error {
	c.out.header.Set("Cache-Control", "public, max-age=3600")
	return c.json(http.StatusOK, s.described)
}
