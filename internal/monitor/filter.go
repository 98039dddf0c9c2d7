package monitor

import (
	"bytes"
	"strings"
)

// Filter replaces the signal of a ping by the keywords that occur in it. Each
// list is comma-separated; a word is looked for as it stands, case included.
type Filter struct {
	On      bool   `json:"on,omitempty"`      // look at the body of HTTP pings
	Subject bool   `json:"subject,omitempty"` // look at the subject of mails
	Mail    bool   `json:"mail,omitempty"`    // look at the text of mails
	Fail    string `json:"fail,omitempty"`    // looked for first
	Success string `json:"success,omitempty"` // then these
	Start   string `json:"start,omitempty"`   // then these
	Default Signal `json:"default,omitempty"` // when none occurs: Fail, or "" to ignore the ping
}

// MailText is what a mail says once its transport encodings are undone.
type MailText struct {
	Subject string
	Text    []byte
}

// apply looks for the keywords as bytes, so that no encoding, valid or not, can
// make a ping fail.
func (f Filter) apply(p Ping) Ping {
	texts := f.texts(p)
	if texts == nil {
		return p
	}
	p.Exit = nil // the words decide, whatever the address said
	switch {
	case contains(texts, f.Fail):
		p.Signal = Fail
	case contains(texts, f.Success):
		p.Signal = Success
	case contains(texts, f.Start):
		p.Signal = Start
	case f.Default == Fail:
		p.Signal = Fail
	default:
		p.Ignored = IgnoredFilter
	}
	return p
}

// texts returns what the filter looks at in a ping; nil when it does not apply.
func (f Filter) texts(p Ping) [][]byte {
	if p.Mail == nil {
		if f.On {
			return [][]byte{p.Body}
		}
		return nil
	}
	var texts [][]byte
	if f.Subject {
		texts = append(texts, []byte(p.Mail.Subject))
	}
	if f.Mail {
		texts = append(texts, p.Mail.Text)
	}
	return texts
}

func contains(texts [][]byte, keywords string) bool {
	for word := range strings.SplitSeq(keywords, ",") {
		word = strings.TrimSpace(word)
		for _, text := range texts {
			if word != "" && bytes.Contains(text, []byte(word)) {
				return true
			}
		}
	}
	return false
}
