package mailbox

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/emersion/go-message"
	_ "github.com/emersion/go-message/charset" // any charset
	"github.com/emersion/go-message/textproto"
)

// Limits of what is read of a mail. What is beyond them is left out: whatever a
// mail looks like inside, it is a ping.
const (
	ReadLimit   = 256 << 10 // bytes that are looked at
	HeaderLimit = 64 << 10  // bytes of the header
	TextLimit   = 256 << 10 // bytes of decoded text
	DepthLimit  = 20        // parts within parts
	PartLimit   = 100       // parts altogether
)

// Letter is what a mail says.
type Letter struct {
	Subject string
	Text    []byte // all its texts, where keywords are looked for
	Body    []byte // the text that people read
	// Automatic is set for what no job sent: an answer of a machine, a bounce, or an
	// alert of Rollcall itself.
	Automatic bool
	// ID tells the mail from all others, and is the same when it is sent again; ""
	// when nothing in it does, as in a mail without a date.
	ID string
}

// Read reads a mail to its end. The error is that of r: no mail is too strange.
func Read(r io.Reader) (Letter, error) {
	raw, err := io.ReadAll(io.LimitReader(r, ReadLimit))
	if err != nil {
		return Letter{}, err
	}
	header, body := split(raw)
	content := sha256.New()
	content.Write(body)
	if _, err := io.Copy(content, r); err != nil {
		return Letter{}, err
	}
	fields := fieldsOf(header)
	letter := Letter{ID: identity(fields, content.Sum(nil)), Automatic: automatic(fields)}
	letter.Subject, _ = fields.Text("Subject") // as it stands, when it cannot be decoded
	letter.Text, letter.Body = understand(fields, body)
	return letter, nil
}

// split cuts a mail behind its header. Lines of the header that are no field are
// left out; a mail that does not begin with one is all text.
func split(raw []byte) (header, body []byte) {
	for rest := raw; len(rest) > 0; {
		line, after, _ := bytes.Cut(rest, []byte("\n"))
		line = bytes.TrimSuffix(line, []byte("\r"))
		continued := len(line) > 0 && (line[0] == ' ' || line[0] == '\t') && len(header) > 0
		switch {
		case len(line) == 0:
			return header, after
		case !continued && !fieldPattern.Match(line):
			if len(header) == 0 {
				return nil, raw
			}
		case len(header)+len(line) < HeaderLimit:
			header = append(append(header, line...), "\r\n"...)
		}
		rest = after
	}
	return header, nil
}

var fieldPattern = regexp.MustCompile(`^[!-9;-~]+[ \t]*:`)

func fieldsOf(header []byte) message.Header {
	// What is not understood was left out, and what was read until an error is there.
	fields, _ := textproto.ReadHeader(bufio.NewReader(io.MultiReader(bytes.NewReader(header), strings.NewReader("\r\n"))))
	return message.Header{Header: fields}
}

// identity is made of what an honest program makes anew for every mail, and of what
// the mail says, because some programs send the same Message-ID every day.
func identity(fields message.Header, content []byte) string {
	own := fields.Get("Message-Id") + "\n" + fields.Get("Date")
	if own == "\n" {
		own = strings.Join(fields.Values("Received"), "\n")
	}
	if own == "" {
		return ""
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%x", own, content))
	return hex.EncodeToString(sum[:])
}

// alertID is how the Message-ID of an alert begins.
var alertID = regexp.MustCompile(`^<msg_[0-9a-f]{32}@`)

// automatic reports whether no job sent this. If our own alerts counted, a check
// that alerts its own address would report by being down.
func automatic(fields message.Header) bool {
	submitted := strings.ToLower(fields.Get("Auto-Submitted"))
	kind, _, _ := fields.ContentType()
	return strings.HasPrefix(submitted, "auto-replied") || kind == "multipart/report" ||
		strings.HasPrefix(submitted, "auto-generated") && alertID.MatchString(fields.Get("Message-Id"))
}

// understand returns the texts of a mail. When there are none because it cannot be
// decoded, it is taken as it stands.
func understand(fields message.Header, body []byte) (all, read []byte) {
	var t texts
	t.understand(fields, body)
	plain, page := clean(t.plain.Bytes()), clean(pageText(t.html.Bytes()))
	if len(plain)+len(page) == 0 && t.broken {
		plain = clean(body)
	}
	switch {
	case len(page) == 0:
		return plain, plain
	case len(plain) == 0:
		return page, page
	}
	return bytes.Join([][]byte{plain, page}, []byte("\n")), plain
}

// clean gives a text the line ends of a file, and ends it with its last word; nil
// when nothing is left.
func clean(text []byte) []byte {
	text = bytes.TrimRight(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")), " \t\r\n")
	if len(text) == 0 {
		return nil
	}
	return text
}

// texts collects the texts of a mail.
type texts struct {
	plain, html bytes.Buffer
	parts       int
	broken      bool // something could not be read
}

func (t *texts) understand(fields message.Header, body []byte) {
	defer func() {
		if recover() != nil { // a decoder's mistake must not keep a mail from counting
			t.broken = true
		}
	}()
	entity, err := message.New(fields, bytes.NewReader(body)) // is there in spite of an error
	t.broken = err != nil
	t.walk(entity, 0)
}

func (t *texts) walk(e *message.Entity, depth int) {
	if t.parts++; t.parts > PartLimit || depth > DepthLimit {
		t.broken = true
		return
	}
	parts := e.MultipartReader()
	if parts == nil {
		t.read(e)
		return
	}
	for t.parts <= PartLimit {
		part, err := parts.NextPart()
		if err != nil && !errors.Is(err, io.EOF) {
			t.broken = true
		}
		if part == nil {
			return
		}
		t.walk(part, depth+1)
	}
}

// read takes the text of one part, as much as can be decoded.
func (t *texts) read(e *message.Entity) {
	kind, _, _ := e.Header.ContentType() // as they stand, when they are malformed
	disposition, _, _ := e.Header.ContentDisposition()
	kind, disposition = strings.ToLower(kind), strings.ToLower(disposition)
	other := strings.Contains(kind, "/") && !strings.HasPrefix(kind, "text/")
	if other || strings.HasPrefix(disposition, "attachment") {
		return
	}
	into := &t.plain
	if strings.HasPrefix(kind, "text/html") {
		into = &t.html
	}
	if into.Len() > 0 {
		into.WriteByte('\n')
	}
	room := TextLimit - t.plain.Len() - t.html.Len()
	if _, err := io.Copy(into, io.LimitReader(e.Body, int64(room))); err != nil {
		t.broken = true
	}
}
