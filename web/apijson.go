package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"
)

// members are the members of a JSON object, each as it was sent.
type members map[string]json.RawMessage

var (
	errNoObject = refusal{code: http.StatusBadRequest, words: validationError + "value is not an object"}
	byteOrder   = []byte("\ufeff")
)

func unreadable(detail string) error {
	return refusal{code: http.StatusBadRequest, words: "could not parse request body", detail: detail}
}

// parseMembers reads the one JSON object of a body; an empty body is an empty
// object. A member that occurs twice is refused: two readers could take it for two
// different things.
func parseMembers(raw []byte) (members, error) {
	if len(raw) == 0 {
		return members{}, nil
	}
	raw = bytes.TrimPrefix(raw, byteOrder)
	if !utf8.Valid(raw) {
		return nil, unreadable("The body is not UTF-8.")
	}
	if !json.Valid(raw) {
		return nil, unreadable("The body is not one JSON object.")
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	if first, err := decoder.Token(); err != nil || first != json.Delim('{') {
		return nil, errNoObject
	}
	found := members{}
	for decoder.More() {
		token, err := decoder.Token()
		name, ok := token.(string)
		if err != nil || !ok {
			return nil, unreadable("The body is not one JSON object.")
		}
		if _, twice := found[name]; twice {
			return nil, unreadable(fmt.Sprintf("The member %.40q occurs twice.", name))
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return nil, unreadable("The body is not one JSON object.")
		}
		found[name] = bytes.TrimSpace(value)
	}
	return found, nil
}

// invalidMember refuses a member in the words that clients of Healthchecks know.
func invalidMember(name, words string) error { return unfitMember(name, words, "") }

// unfitMember is the same with more words for people, "" being the same ones.
func unfitMember(name, words, detail string) error {
	return refusal{
		code: http.StatusBadRequest, words: validationError + name + " " + words, detail: detail,
		faults: []memberFault{{"#/" + name, words}},
	}
}

// text reads a string of at most limit characters; 0 is no limit. It is absent
// when the member is. A null is no string.
func (m members) text(name string, limit int) (value string, present bool, err error) {
	raw, present := m[name]
	if !present {
		return "", false, nil
	}
	if raw[0] != '"' || json.Unmarshal(raw, &value) != nil {
		return "", true, invalidMember(name, "is not a string")
	}
	if halfSurrogate(raw, value) {
		return "", true, unfitMember(name, "is not a string", name+" holds one half of a surrogate pair.")
	}
	if strings.ContainsRune(value, 0) {
		return "", true, unfitMember(name, "is not a string", name+" holds a NUL character.")
	}
	if limit > 0 && utf8.RuneCountInString(value) > limit {
		return "", true, invalidMember(name, "is too long")
	}
	return value, true, nil
}

// halfSurrogate reports whether decoding put a replacement character where the
// text had none.
func halfSurrogate(raw []byte, value string) bool {
	const replacement = "\ufffd"
	return strings.Contains(value, replacement) &&
		!bytes.Contains(raw, []byte(replacement)) && !bytes.Contains(bytes.ToLower(raw), []byte(`\ufffd`))
}

// number reads an integer from low to high, however many digits it has.
func (m members) number(name string, low, high int64) (value int64, present bool, err error) {
	raw, present := m[name]
	if !present {
		return 0, false, nil
	}
	text := string(raw)
	if text == "true" || text == "false" {
		text = "0" // as it has always been: too small, and not of another type
	}
	value, err = strconv.ParseInt(text, 10, 64)
	switch {
	case err != nil && !errors.Is(err, strconv.ErrRange):
		return 0, true, invalidMember(name, "is not a number")
	case value < low:
		return 0, true, invalidMember(name, "is too small")
	case value > high:
		return 0, true, invalidMember(name, "is too large")
	}
	return value, true, nil
}

// boolean reads true or false.
func (m members) boolean(name string) (value, present bool, err error) {
	raw, present := m[name]
	if !present {
		return false, false, nil
	}
	if json.Unmarshal(raw, &value) != nil || string(raw) == "null" {
		return false, true, invalidMember(name, "is not a boolean")
	}
	return value, true, nil
}
