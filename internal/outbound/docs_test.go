package outbound_test

import (
	"fmt"
	"testing"

	"rollcall/internal/doctest"
	"rollcall/internal/outbound"
)

func TestDocsSayThePorts(t *testing.T) {
	ports := outbound.UserPorts()
	said := ""
	for i, port := range ports {
		switch i {
		case 0:
		case len(ports) - 1:
			said += " and "
		default:
			said += ", "
		}
		said += fmt.Sprint(port)
	}
	doctest.Says(t, "notifications.md", "go to ports "+said)
	doctest.Says(t, "security.md", "all ports but "+said)
}
