package mailcatch

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/emersion/go-message/mail"
)

// Message is a mail that arrived.
type Message struct {
	From   string // of the envelope, as To
	To     []string
	Raw    []byte
	Header mail.Header
	Text   string // the part for readers without HTML
	HTML   string
}

// Subject returns the decoded subject, and "" when there is none.
func (m Message) Subject() string {
	subject, err := m.Header.Subject()
	if err != nil {
		return ""
	}
	return subject
}

// parse reads a mail of inline parts.
func parse(raw []byte) (Message, error) {
	reader, err := mail.CreateReader(bytes.NewReader(raw))
	if err != nil {
		return Message{}, err
	}
	m := Message{Raw: raw, Header: reader.Header}
	for {
		part, err := reader.NextPart()
		if errors.Is(err, io.EOF) {
			return m, nil
		}
		if err != nil {
			return Message{}, err
		}
		body, err := io.ReadAll(part.Body)
		if err != nil {
			return Message{}, err
		}
		inline, ok := part.Header.(*mail.InlineHeader)
		if !ok {
			return Message{}, errors.New("an attachment")
		}
		switch kind, _, err := inline.ContentType(); {
		case err != nil:
			return Message{}, err
		case kind == "text/plain":
			m.Text = string(body)
		case kind == "text/html":
			m.HTML = string(body)
		default:
			return Message{}, fmt.Errorf("a part of type %s", kind)
		}
	}
}
