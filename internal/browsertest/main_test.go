package browsertest_test

import (
	"testing"

	"rollcall/internal/browsertest"
)

func TestMain(m *testing.M) { browsertest.Main(m) }
