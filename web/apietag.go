package web

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"strings"
)

// etagOf is the strong validator of a document: it names exactly these bytes.
func etagOf(body []byte) string {
	sum := sha256.Sum256(body)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:18]) + `"`
}

// answerAPI sends the answer of a call. A document that was asked for carries its
// ETag, and is not sent again to who has it.
func answerAPI(w http.ResponseWriter, c *apiCall) error {
	header, out := w.Header(), c.out
	if c.route.method == http.MethodGet && out.code == http.StatusOK {
		tag := etagOf(out.body)
		header.Set("ETag", tag)
		if matches(c.r.Header.Values("If-None-Match"), tag, true) {
			header.Del("Content-Type")
			w.WriteHeader(http.StatusNotModified)
			return nil
		}
	}
	header.Set("Content-Length", strconv.Itoa(len(out.body)))
	w.WriteHeader(out.code)
	if c.r.Method == http.MethodHead {
		return nil
	}
	if _, err := w.Write(out.body); err != nil {
		return errors.Join(errGone, err)
	}
	return nil
}

// matches reports whether the fields of If-Match or If-None-Match name a tag. A
// weak one is as good only where weak says so.
func matches(fields []string, tag string, weak bool) bool {
	for _, field := range fields {
		for one := range strings.SplitSeq(field, ",") {
			one = strings.TrimSpace(one)
			if weak {
				one = strings.TrimPrefix(one, "W/")
			}
			if one == tag || one == "*" {
				return true
			}
		}
	}
	return false
}
