package dialect

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

// Limits of an envelope. One that goes beyond is refused with 413; it is stored
// whole or not at all.
const (
	EnvelopeLimit    = 1 << 20  // bytes as they are sent
	EnvelopeUnpacked = 8 << 20  // bytes after decompression; they are read, not kept
	EnvelopeLine     = 64 << 10 // bytes of a header, and of one check-in
	EnvelopeCheckIns = 100
	zstdWindow       = 8 << 20 // bytes; what a decoder has to support at least
)

// SentryEnvelope reads the envelopes that Sentry's SDKs and its command line send:
// a line of JSON, then items, each a line of JSON and its payload. Check-ins are
// taken; all else that an SDK reports is accepted and dropped.
//
//	/api/<any project>/envelope/
var SentryEnvelope = Format{
	Name:    SentryCheckIn.Name,
	Methods: "POST",
	Paths:   []string{"/api/{project}/envelope"},
	Limit:   EnvelopeLimit,
	Read:    readEnvelope,
	Answer: func(o Outcome) Answer {
		return sentryAnswer(o, Answer{Code: 200, Text: "{}", Type: jsonType})
	},
	Unthrottled: true,
}

var (
	errTooLong = errors.New("is too long")
	errNoJSON  = errors.New("is not a JSON object")
)

// envelope is one that is being read.
type envelope struct {
	in   *bufio.Reader
	rest *io.LimitedReader // of what may be unpacked
	ID   string            `json:"event_id"`
	DSN  string            `json:"dsn"`
}

func readEnvelope(r Request) ([]Event, error) {
	if r.Cut {
		return nil, sentryRefusal(413, fmt.Sprintf("the envelope is longer than %d bytes", EnvelopeLimit))
	}
	unpacked, err := unpack(r)
	if err != nil {
		return nil, err
	}
	defer unpacked.Close()
	e := envelope{rest: &io.LimitedReader{R: unpacked, N: EnvelopeUnpacked + 1}}
	e.in = bufio.NewReaderSize(e.rest, EnvelopeLine)

	line, err := e.line()
	if err == nil {
		err = object(line, &e)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, e.refusal("the first line", err)
	}
	key := cmp.Or(sentryKey(r), e.key())
	var events []Event
	for {
		found, err := e.item()
		switch {
		case errors.Is(err, io.EOF) && len(events) == 0:
			return nil, e.nothing()
		case errors.Is(err, io.EOF):
			return events, nil
		case err != nil:
			return nil, e.refusal("an item", err)
		case found == nil:
			continue
		case key == "":
			return nil, sentryRefusal(401, noSentryKey)
		case len(events) == EnvelopeCheckIns:
			return nil, sentryRefusal(413, fmt.Sprintf("the envelope has more than %d check-ins", EnvelopeCheckIns))
		}
		event, err := found.event(key)
		if err != nil {
			return nil, err
		}
		events = append(events, event)
	}
}

// key is the one in the DSN of the envelope; "" when there is none.
func (e *envelope) key() string {
	dsn, err := url.Parse(e.DSN)
	if err != nil {
		return ""
	}
	return dsn.User.Username()
}

// nothing is the answer to an envelope without a check-in.
func (e *envelope) nothing() Refusal {
	text, err := json.Marshal(struct {
		ID string `json:"id,omitempty"`
	}{e.ID})
	if err != nil {
		panic(err) // a string always fits into JSON
	}
	return Refusal{Code: 200, Text: string(text), Type: jsonType}
}

func (e *envelope) refusal(what string, err error) Refusal {
	switch {
	case e.rest.N <= 0:
		return sentryRefusal(413, fmt.Sprintf("the envelope is longer than %d bytes when unpacked", EnvelopeUnpacked))
	case errors.Is(err, errTooLong):
		return sentryRefusal(413, fmt.Sprintf("%s of the envelope is longer than %d bytes", what, EnvelopeLine))
	case errors.Is(err, errNoJSON):
		return sentryRefusal(400, fmt.Sprintf("%s of the envelope %s", what, errNoJSON))
	}
	return sentryRefusal(400, what+" of the envelope cannot be read: it ends early, or is not packed as Content-Encoding says")
}

// line returns the next line that is not empty; io.EOF when there is none.
func (e *envelope) line() ([]byte, error) {
	for {
		line, err := e.in.ReadSlice('\n')
		switch line = bytes.TrimSpace(line); {
		case errors.Is(err, bufio.ErrBufferFull):
			return nil, errTooLong
		case err != nil && !errors.Is(err, io.EOF):
			return nil, err
		case len(line) > 0:
			return line, nil
		case err != nil && e.rest.N <= 0:
			return nil, errTooLong
		case err != nil:
			return nil, io.EOF
		}
	}
}

// item reads the next item and returns its check-in; nil for one of another type,
// and io.EOF after the last.
func (e *envelope) item() (*checkIn, error) {
	line, err := e.line()
	if err != nil {
		return nil, err
	}
	var header struct {
		Type   string `json:"type"`
		Length *int64 `json:"length"`
	}
	if err := object(line, &header); err != nil {
		return nil, err
	}
	if header.Type != "check_in" {
		return nil, e.skip(header.Length)
	}
	var payload []byte
	switch {
	case header.Length == nil:
		payload, err = e.line()
	case *header.Length < 0 || *header.Length > EnvelopeLine:
		return nil, errTooLong
	default:
		payload = make([]byte, *header.Length)
		_, err = io.ReadFull(e.in, payload)
	}
	if err != nil {
		return nil, cut(err)
	}
	found := &checkIn{}
	return found, object(payload, found)
}

// skip passes over a payload; one without a length is a line.
func (e *envelope) skip(length *int64) error {
	if length != nil {
		_, err := io.CopyN(io.Discard, e.in, *length)
		return cut(err)
	}
	for {
		if _, err := e.in.ReadSlice('\n'); !errors.Is(err, bufio.ErrBufferFull) {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
	}
}

// cut tells the end of the input in the middle of something from the one after it.
func cut(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// object decodes a JSON object.
func object(data []byte, into any) error {
	if data = bytes.TrimSpace(data); len(data) == 0 || data[0] != '{' || lenient(data, into) != nil {
		return errNoJSON
	}
	return nil
}

// unpack undoes the Content-Encoding.
func unpack(r Request) (io.ReadCloser, error) {
	body := bytes.NewReader(r.Body)
	var unpacked io.ReadCloser
	var err error
	switch coding := strings.ToLower(strings.TrimSpace(r.Header.Get("Content-Encoding"))); coding {
	case "", "identity":
		unpacked = io.NopCloser(body)
	case "gzip", "x-gzip":
		unpacked, err = gzip.NewReader(body)
	case "deflate": // with the header that it should have, or without
		if unpacked, err = zlib.NewReader(body); err != nil {
			unpacked, err = flate.NewReader(bytes.NewReader(r.Body)), nil
		}
	case "br":
		unpacked = io.NopCloser(brotli.NewReader(body))
	case "zstd":
		var decoder *zstd.Decoder
		if decoder, err = zstd.NewReader(body, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(zstdWindow)); err == nil {
			unpacked = decoder.IOReadCloser()
		}
	default:
		return nil, sentryRefusal(415, "this Content-Encoding is not understood; use gzip, deflate, br, zstd or none")
	}
	if err != nil {
		return nil, sentryRefusal(400, "the body is not packed as Content-Encoding says")
	}
	return unpacked, nil
}
