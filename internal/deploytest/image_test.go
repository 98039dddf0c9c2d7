package deploytest_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// lines returns a file without its comments and empty lines.
func lines(t *testing.T, name string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(strings.Split(string(text), "\n"), func(line string) bool {
		return line == "" || strings.HasPrefix(line, "#")
	})
}

func TestImage(t *testing.T) {
	dockerfile := lines(t, "Dockerfile")
	last := slices.Index(dockerfile, "FROM scratch")
	if last < 0 {
		t.Fatal("the image is not made from scratch")
	}
	final := dockerfile[last:]
	for _, want := range []string{"USER 65532:65532", "ENV ROLLCALL_LISTEN=0.0.0.0:8000", `ENTRYPOINT ["/rollcall"]`, `CMD ["serve"]`} {
		if !slices.Contains(final, want) {
			t.Errorf("the image lacks %s", want)
		}
	}
	healthcheck := func(line string) bool {
		return strings.HasPrefix(line, "HEALTHCHECK ") && strings.HasSuffix(line, ` CMD ["/rollcall", "healthcheck"]`)
	}
	if !slices.ContainsFunc(final, healthcheck) {
		t.Error("the image lacks its health check")
	}
	if !slices.ContainsFunc(dockerfile[:last], func(line string) bool { return strings.Contains(line, "CGO_ENABLED=0 go build ") }) {
		t.Error("the binary is linked to libraries that an empty image does not have")
	}
}

// TestSecretsStayOut of images and of the repository.
func TestSecretsStayOut(t *testing.T) {
	ignored := lines(t, ".dockerignore")
	if ignored[0] != "*" || slices.Contains(ignored, "!secrets") {
		t.Error("the image builder may read secrets/")
	}
	if !slices.Contains(lines(t, ".gitignore"), "/secrets/") {
		t.Error("git may take secrets/")
	}
}
