package monitor_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/uuid"

	"rollcall/internal/monitor"
)

func TestPageKey(t *testing.T) {
	id := uuid.MustParse("5f0b1c9e-6d43-4a4e-9a53-0d2f6c1f7a11")
	key := monitor.PageKey(id)
	if !regexp.MustCompile(`^[0-9a-f]{20}$`).MatchString(key) {
		t.Errorf("key %q is not 20 hexadecimal digits", key)
	}
	if key != monitor.PageKey(id) {
		t.Error("the key of a check changes")
	}
	if strings.Contains(strings.ReplaceAll(id.String(), "-", ""), key[:8]) {
		t.Errorf("key %q holds a part of the UUID", key)
	}
	if key == monitor.PageKey(uuid.MustParse("5f0b1c9e-6d43-4a4e-9a53-0d2f6c1f7a12")) {
		t.Error("two checks have the same key")
	}
}
