package provision

import (
	"strings"

	"rollcall/internal/fault"
	"rollcall/internal/monitor"
)

// The words of the file for what a filter looks at, and for what it makes of a
// ping in which no keyword occurs.
const (
	inBody    = "body"    // of an HTTP ping
	inSubject = "subject" // of a mail
	inMail    = "mail"    // its text
	orFail    = "fail"
	orIgnore  = "ignore"
)

// filter is a check's filter as the file has it.
type filter struct {
	in                   []string // nil: not given
	fail, success, start []string
	otherwise            string
}

// read returns the filter of the rules, and what is wrong with it.
func (f filter) read() (monitor.Filter, fault.Invalid) {
	wrong := fault.Invalid{}
	to := monitor.Filter{
		Fail:    keywords(wrong, "filter_fail", f.fail),
		Success: keywords(wrong, "filter_success", f.success),
		Start:   keywords(wrong, "filter_start", f.start),
	}
	for _, place := range f.in {
		switch place {
		case inBody:
			to.On = true
		case inSubject:
			to.Subject = true
		case inMail:
			to.Mail = true
		default:
			wrong["filter_in"] = "takes body (of HTTP pings), subject and mail (the text of mails)"
		}
	}
	switch f.otherwise {
	case "", orIgnore:
	case orFail:
		to.Default = monitor.Fail
	default:
		wrong["filter_default"] = "is either fail or ignore"
	}
	if f.in == nil && to != (monitor.Filter{}) {
		wrong["filter_in"] = "is missing; it says where the keywords are looked for: [body, subject, mail]"
	}
	return to, wrong
}

func keywords(wrong fault.Invalid, member string, words []string) string {
	kept := make([]string, len(words))
	for i, word := range words {
		if kept[i] = strings.TrimSpace(word); strings.Contains(word, ",") {
			wrong[member] = "has a keyword with a comma; write each one as its own item"
		}
	}
	return strings.Join(kept, ",")
}

// filterOf is the inverse of read, but for spaces and commas that mean nothing.
func filterOf(from monitor.Filter) filter {
	f := filter{fail: wordsOf(from.Fail), success: wordsOf(from.Success), start: wordsOf(from.Start)}
	if from.Default == monitor.Fail {
		f.otherwise = orFail
	}
	if from.On {
		f.in = append(f.in, inBody)
	}
	if from.Subject {
		f.in = append(f.in, inSubject)
	}
	if from.Mail {
		f.in = append(f.in, inMail)
	}
	if f.in == nil && (f.otherwise != "" || f.fail != nil || f.success != nil || f.start != nil) {
		f.in = []string{} // the keywords are there, but nothing is looked at
	}
	return f
}

func wordsOf(keywords string) []string {
	var words []string
	for word := range strings.SplitSeq(keywords, ",") {
		if word = strings.TrimSpace(word); word != "" {
			words = append(words, word)
		}
	}
	return words
}
