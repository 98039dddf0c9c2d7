package main

import (
	"os"
	"testing"
)

// Every page, wide and light and narrow and dark: nothing keeps people from using
// it, nothing sticks out, nothing breaks the content policy, nothing is reported as
// an error.
func TestPages(t *testing.T) {
	axe, err := os.ReadFile("../../bin/clients/node_modules/axe-core/axe.min.js")
	if err != nil {
		t.Fatalf("%v; scripts/clients installs it", err)
	}
	if err := run(t.Context(), camera{axe: withAxe(string(axe))}, "/usr/bin/chromium"); err != nil {
		t.Error(err)
	}
}
