package templates

import (
	"strings"

	"github.com/a-h/templ"
)

// Field is one input of a form. Its id is also its name.
type Field struct {
	ID       string
	Label    string
	Value    string
	Type     string // of the input; "" is text
	Error    string // a sentence; "" when nothing is wrong with it
	Hint     string
	Holder   string // the value that holds without one
	Optional bool
	Mono     bool // it is code
	Attrs    templ.Attributes
}

func (f Field) kind() string {
	if f.Type == "" {
		return "text"
	}
	return f.Type
}

func (f Field) holder() templ.Attributes {
	if f.Holder == "" {
		return nil
	}
	return templ.Attributes{"placeholder": f.Holder}
}

// notes names the elements that say more about the input.
func (f Field) notes() templ.Attributes {
	var ids []string
	if f.Error != "" {
		ids = append(ids, f.ID+"-error")
	}
	if f.Hint != "" {
		ids = append(ids, f.ID+"-hint")
	}
	attrs := templ.Attributes{}
	if len(ids) > 0 {
		attrs["aria-describedby"] = strings.Join(ids, " ")
	}
	if f.Error != "" {
		attrs["aria-invalid"] = "true"
	}
	return attrs
}

// Problem is what is wrong with one field, for the list above its form.
type Problem struct {
	ID    string // of the field; "" when it is none in particular
	Label string
	Words string // what is wrong, to be read after the label
}

// rest is what follows the label in the list.
func (p Problem) rest() string { return strings.TrimSuffix(p.Words, ".") + ". " }

// notSaved heads the list of problems.
func notSaved(n int) string {
	if n == 1 {
		return "Not saved: one field needs a change."
	}
	return "Not saved: " + Count(int64(n), "field needs", "fields need") + " a change."
}

// complaint is what is wrong with a field as a sentence: its label, then the
// words. No words are no complaint.
func complaint(label, words string) string {
	if words == "" {
		return ""
	}
	return strings.TrimSuffix(label+" "+words, ".") + "."
}

// attrs makes attributes of names and values in turn.
func attrs(pairs ...string) templ.Attributes {
	all := templ.Attributes{}
	for i := 0; i+1 < len(pairs); i += 2 {
		all[pairs[i]] = pairs[i+1]
	}
	return all
}
