package app

import (
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"time"
)

// LogFormat is how a line of the log is written.
type LogFormat string

// The formats.
const (
	LogText LogFormat = "text"
	LogJSON LogFormat = "json"
)

// NewLogger returns a logger whose lines hold no password of an address, whatever
// a library put into its error.
func NewLogger(w io.Writer, format LogFormat, level slog.Level) *slog.Logger {
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: logAttr}
	if format == LogJSON {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

func logAttr(groups []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey && len(groups) == 0 {
		return slog.String("ts", a.Value.Time().UTC().Format("2006-01-02T15:04:05.000Z"))
	}
	switch v := a.Value.Any().(type) {
	case string:
		a.Value = slog.StringValue(Scrub(v))
	case error:
		a.Value = slog.StringValue(Scrub(v.Error()))
	case time.Duration:
		a.Value = slog.StringValue(v.String())
	case fmt.Stringer:
		a.Value = slog.StringValue(Scrub(v.String()))
	}
	return a
}

var (
	urlPassword = regexp.MustCompile(`(://[^\s:/@]*):[^\s]*@`)
	dsnPassword = regexp.MustCompile(`(?i)\b(password\s*=\s*)('(?:[^'\\]|\\.)*'|[^\s'&]+)`)
)

// Scrub takes the passwords out of the addresses in a text.
func Scrub(text string) string {
	text = urlPassword.ReplaceAllString(text, "$1:***@")
	return dsnPassword.ReplaceAllString(text, "$1***")
}
