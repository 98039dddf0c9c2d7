package templates

import (
	"strings"

	"github.com/a-h/templ"
)

// cutAddress divides a ping address after "/ping/", where it may be broken.
func cutAddress(address string) (head, tail string, ok bool) {
	const seam = "/ping/"
	i := strings.Index(address, seam)
	if i < 0 {
		return "", "", false
	}
	i += len(seam)
	return address[:i], address[i:], true
}

// id is the id attribute of an element that has one.
func id(name string) templ.Attributes {
	if name == "" {
		return nil
	}
	return templ.Attributes{"id": name}
}
