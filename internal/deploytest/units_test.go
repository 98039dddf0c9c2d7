package deploytest_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/internal/prove"
)

var units = []string{"rollcall.service", "rollcall.socket", "rollcall-smtp.socket"}

// unit is a file of systemd: by "section.key", the values in their order.
type unit map[string][]string

func readUnit(t *testing.T, name string) unit {
	t.Helper()
	u, section := unit{}, ""
	for _, line := range lines(t, filepath.Join("deploy", name)) {
		if strings.HasPrefix(line, "[") {
			section = strings.Trim(line, "[]")
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok {
			t.Fatalf("%s: %q is no setting", name, line)
		}
		u[section+"."+key] = append(u[section+"."+key], value)
	}
	return u
}

// one is the value of a setting that stands once; "" for none.
func (u unit) one(key string) string {
	if len(u[key]) != 1 {
		return ""
	}
	return u[key][0]
}

// holds checks what must stand in a unit; "" is what must not.
func (u unit) holds(t *testing.T, name string, settings map[string]string) {
	t.Helper()
	for key, want := range settings {
		if got := u.one(key); got != want {
			t.Errorf("%s: %s is %q, want %q", name, key, got, want)
		}
	}
}

// TestSocketsAreNamed as the server takes them, and belong to the service.
func TestSocketsAreNamed(t *testing.T) {
	readUnit(t, "rollcall.socket").holds(t, "rollcall.socket", map[string]string{
		"Socket.ListenStream":       "127.0.0.1:8000", // as deploy/Caddyfile has it
		"Socket.FileDescriptorName": "http",
		"Socket.Backlog":            "4096", // some versions of systemd let only 128 wait
		"Socket.Accept":             "",
		"Install.WantedBy":          "sockets.target",
	})
	readUnit(t, "rollcall-smtp.socket").holds(t, "rollcall-smtp.socket", map[string]string{
		"Socket.ListenStream":       "25",
		"Socket.FileDescriptorName": "smtp",
		"Socket.Service":            "rollcall.service",
		"Socket.Accept":             "",
		"Install.WantedBy":          "sockets.target",
	})
}

// TestServiceIsStartedAndStoppedInOrder: it has its socket, tells how it does, and has
// the time that a stop takes.
func TestServiceIsStartedAndStoppedInOrder(t *testing.T) {
	service := readUnit(t, "rollcall.service")
	service.holds(t, "rollcall.service", map[string]string{
		"Unit.Requires":              "rollcall.socket",
		"Unit.StartLimitIntervalSec": "0",
		"Service.Type":               "notify",
		"Service.ExecStart":          "/usr/local/bin/rollcall serve",
		"Service.Restart":            "always",
		"Service.TimeoutStartSec":    "infinity",
		"Service.WatchdogSec":        "60",
		"Service.KillMode":           "",
		"Service.KillSignal":         "",
		"Service.LimitNOFILE":        "65536",
		"Install.WantedBy":           "multi-user.target",
	})
	if diff := cmp.Diff([]string{"network-online.target", "rollcall.socket"}, service["Unit.After"]); diff != "" {
		t.Errorf("the service starts after: %s", diff)
	}
	stop, err := time.ParseDuration(service.one("Service.TimeoutStopSec") + "s")
	if err != nil || stop < 45*time.Second {
		t.Errorf("it has %s to stop, %v", stop, err)
	}
	for _, assignment := range service["Service.Environment"] {
		name, value, _ := strings.Cut(assignment, "=")
		if secret := strings.Contains(name, "SMTP"); secret && !strings.HasPrefix(value, "%d/") {
			t.Errorf("%s stands in the environment", name)
		}
	}
}

// TestServiceIsConfined holds for the service what TestEveryServiceIsConfined does for
// containers.
func TestServiceIsConfined(t *testing.T) {
	service := readUnit(t, "rollcall.service")
	confined := map[string]string{
		"User": "rollcall", "StateDirectory": "rollcall", "StateDirectoryMode": "0700", "UMask": "0077",
		"MemoryMax": "256M", "TasksMax": "200", "CapabilityBoundingSet": "", "AmbientCapabilities": "",
		"ProtectSystem": "strict", "ProtectProc": "invisible", "DevicePolicy": "closed", "KeyringMode": "private",
		"RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX", "SystemCallArchitectures": "native", "SystemCallErrorNumber": "EPERM",
	}
	for _, key := range []string{
		"NoNewPrivileges", "PrivateTmp", "PrivateDevices", "PrivateUsers", "ProtectHome", "ProtectClock", "ProtectHostname", "ProtectControlGroups",
		"ProtectKernelLogs", "ProtectKernelModules", "ProtectKernelTunables", "RestrictNamespaces", "RestrictRealtime", "RestrictSUIDSGID",
		"LockPersonality", "MemoryDenyWriteExecute", "RemoveIPC",
	} {
		confined[key] = "yes"
	}
	for key, want := range confined {
		if got := service.one("Service." + key); got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
	if _, stands := service["Service.CapabilityBoundingSet"]; !stands {
		t.Error("it keeps the capabilities that it does not need")
	}
	if diff := cmp.Diff([]string{"@system-service", "~@privileged @resources"}, service["Service.SystemCallFilter"]); diff != "" {
		t.Errorf("system calls: %s", diff)
	}
	for key := range service {
		if slices.Contains([]string{"Service.ReadWritePaths", "Service.BindPaths", "Service.PermissionsStartOnly"}, key) {
			t.Errorf("%s opens what is closed", key)
		}
	}
}

// TestSystemdUnderstandsTheUnits asks systemd itself, which also says how exposed the
// service is: of 10, and 2 is what it calls good.
func TestSystemdUnderstandsTheUnits(t *testing.T) {
	dir := t.TempDir()
	files := make([]string, len(units))
	for i, name := range units {
		text, err := os.ReadFile(filepath.Join(root, "deploy", name))
		if err != nil {
			t.Fatal(err)
		}
		here := strings.ReplaceAll(string(text), "/usr/local/bin/rollcall", "/bin/sh") // which must be there
		files[i] = filepath.Join(dir, name)
		if err := os.WriteFile(files[i], []byte(here), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	wrong := 0
	for _, args := range [][]string{
		append([]string{"verify", "--man=no"}, files...),
		{"security", "--offline=true", "--no-pager", "--threshold=15", files[0]}, // tenths
	} {
		out, err := exec.Command("systemd-analyze", args...).CombinedOutput()
		if complaint := args[0] == "verify" && len(out) > 0; err != nil || complaint {
			wrong++
			t.Errorf("systemd-analyze %s: %v\n%s", args[0], err, out)
		}
	}
	prove.Report(t, "UNITS: systemd understands the units, and finds the service's exposure 1.5 of 10 at most", 2, wrong)
}
