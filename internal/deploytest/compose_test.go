// Package deploytest holds what production runs in, docker-compose.yml and
// Dockerfile, to what it promises.
//
// It owns reading those files as Docker does. It refuses to need Docker.
package deploytest_test

import (
	"maps"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/google/go-cmp/cmp"
)

const root = "../.."

// compose reads docker-compose.yml with nothing set in the environment but what
// it asks for.
func compose(t *testing.T, environment types.Mapping) (*types.Project, error) {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(root, "docker-compose.yml"))
	if err != nil {
		t.Fatal(err)
	}
	return loader.LoadWithContext(t.Context(), types.ConfigDetails{
		WorkingDir:  filepath.Dir(path),
		ConfigFiles: []types.ConfigFile{{Filename: path}},
		Environment: environment,
	})
}

func production(t *testing.T) *types.Project {
	t.Helper()
	project, err := compose(t, types.Mapping{"ROLLCALL_BASE_URL": "https://rollcall.example.org"})
	if err != nil {
		t.Fatal(err)
	}
	return project
}

func TestPublicAddressMustBeSet(t *testing.T) {
	_, err := compose(t, nil)
	if err == nil || !strings.Contains(err.Error(), "ROLLCALL_BASE_URL") {
		t.Errorf("error is %v, want it to ask for ROLLCALL_BASE_URL", err)
	}
}

func TestServices(t *testing.T) {
	got := slices.Sorted(maps.Keys(production(t).Services))
	if diff := cmp.Diff([]string{"app", "postgres"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestApplicationIsBuiltHere(t *testing.T) {
	app := production(t).Services["app"]
	if app.Build == nil || app.Build.Dockerfile != "Dockerfile" {
		t.Errorf("app is built from %+v, want the Dockerfile beside", app.Build)
	}
	if diff := cmp.Diff(types.HealthCheckTest{"CMD", "/rollcall", "healthcheck"}, app.HealthCheck.Test); diff != "" {
		t.Errorf("health check of app: %s", diff)
	}
}

// TestEveryServiceIsConfined holds for the database as for the application.
func TestEveryServiceIsConfined(t *testing.T) {
	for name, s := range production(t).Services {
		uid, _, _ := strings.Cut(s.User, ":")
		_, tag, _ := strings.Cut(s.Image, ":")
		for property, ok := range map[string]bool{
			"runs as a user by number, not root":  uid != "" && strings.Trim(uid, "0123456789") == "" && strings.Trim(uid, "0") != "",
			"has a read-only root":                s.ReadOnly,
			"has a /tmp that is none":             slices.Contains(s.Tmpfs, "/tmp"),
			"has no capability":                   cmp.Equal(s.CapDrop, []string{"ALL"}) && len(s.CapAdd) == 0,
			"gains no privileges":                 cmp.Equal(s.SecurityOpt, []string{"no-new-privileges:true"}) && !s.Privileged,
			"shares nothing with the host":        s.NetworkMode == "" && s.Pid == "" && s.Ipc == "" && s.UserNSMode == "" && s.Uts == "" && len(s.Devices) == 0,
			"mounts nothing of the host":          !slices.ContainsFunc(s.Volumes, fromHost) && !s.UseAPISocket,
			"has limited processes":               s.PidsLimit > 0,
			"has limited memory":                  s.MemLimit > 0,
			"may open many files":                 s.Ulimits["nofile"] != nil && s.Ulimits["nofile"].Single >= 65536,
			"has a health check":                  s.HealthCheck != nil && len(s.HealthCheck.Test) > 1 && !s.HealthCheck.Disable,
			"rotates its log":                     s.Logging != nil && s.Logging.Driver == "json-file" && s.Logging.Options["max-size"] != "" && s.Logging.Options["max-file"] != "",
			"is started again":                    s.Restart == "unless-stopped",
			"has time to stop":                    s.StopGracePeriod != nil && time.Duration(*s.StopGracePeriod) >= 45*time.Second,
			"has an image of a known version":     tag != "" && tag != "latest",
			"takes its environment from the file": len(s.EnvFiles) == 0,
		} {
			if !ok {
				t.Errorf("not so: %s %s", name, property)
			}
		}
	}
}

func fromHost(v types.ServiceVolumeConfig) bool { return v.Type != types.VolumeTypeVolume }

func TestOnlyTheApplicationIsPublishedAndOnlyToItsHost(t *testing.T) {
	project := production(t)
	want := []types.ServicePortConfig{{Mode: "ingress", HostIP: "127.0.0.1", Published: "8000", Target: 8000, Protocol: "tcp"}}
	if diff := cmp.Diff(want, project.Services["app"].Ports); diff != "" {
		t.Errorf("ports of app: %s", diff)
	}
	if ports := project.Services["postgres"].Ports; len(ports) != 0 {
		t.Errorf("PostgreSQL is published: %v", ports)
	}
}

func TestNetworks(t *testing.T) {
	project := production(t)
	for service, want := range map[string][]string{
		"app":      {"database", "outside"},
		"postgres": {"database"},
	} {
		if diff := cmp.Diff(want, slices.Sorted(maps.Keys(project.Services[service].Networks))); diff != "" {
			t.Errorf("networks of %s: %s", service, diff)
		}
	}
	if !project.Networks["database"].Internal {
		t.Error("the database has a way out")
	}
	if project.Networks["outside"].Internal {
		t.Error("alerts have no way out")
	}
}

// TestProxyIsTrusted: the address that the application trusts is that of the
// host in its network. Else all people would share one address, and its limits.
func TestProxyIsTrusted(t *testing.T) {
	project := production(t)
	trusted, err := netip.ParsePrefix(*project.Services["app"].Environment["ROLLCALL_TRUSTED_PROXIES"])
	if err != nil {
		t.Fatal(err)
	}
	pools := project.Networks["outside"].Ipam.Config
	if len(pools) != 1 {
		t.Fatalf("%d address ranges, want 1", len(pools))
	}
	gateway, subnet := netip.MustParseAddr(pools[0].Gateway), netip.MustParsePrefix(pools[0].Subnet)
	if want := netip.PrefixFrom(gateway, 32); trusted != want || !subnet.Contains(gateway) {
		t.Errorf("trusted is %v, want %v, which must be in %v", trusted, want, subnet)
	}
}

func TestApplicationWaitsForItsDatabase(t *testing.T) {
	got := production(t).Services["app"].DependsOn["postgres"].Condition
	if got != types.ServiceConditionHealthy {
		t.Errorf("app waits for postgres to be %q, want %q", got, types.ServiceConditionHealthy)
	}
}

func TestDataOutlivesTheContainer(t *testing.T) {
	project := production(t)
	volumes := project.Services["postgres"].Volumes
	if len(volumes) != 1 || volumes[0].Target != "/var/lib/postgresql/data" || volumes[0].ReadOnly {
		t.Fatalf("volumes of postgres are %+v, want its data directory", volumes)
	}
	if _, ok := project.Volumes[volumes[0].Source]; !ok {
		t.Errorf("%q is not a named volume", volumes[0].Source)
	}
}

// TestSecretsAreFiles: each secret is a file of the directory that git and the
// image builder leave out; each variable that names one names one that is given.
func TestSecretsAreFiles(t *testing.T) {
	project := production(t)
	for name, secret := range project.Secrets {
		if want := filepath.Join(project.WorkingDir, "secrets", name); secret.File != want {
			t.Errorf("secret %s is file %q, want %q", name, secret.File, want)
		}
	}
	want := map[string]map[string]string{
		"app":      {"ROLLCALL_DATABASE_FILE": "database_url", "ROLLCALL_SMTP_FILE": "smtp_url", "ROLLCALL_SECRET_KEY_FILE": "secret_keys"},
		"postgres": {"POSTGRES_PASSWORD_FILE": "database_password"},
	}
	for name, service := range project.Services {
		given := make(map[string]bool)
		for _, secret := range service.Secrets {
			given[secret.Source] = true
		}
		got := make(map[string]string)
		for variable, value := range service.Environment {
			secret, isFile := strings.CutPrefix(*value, "/run/secrets/")
			switch {
			case isFile && !given[secret]:
				t.Errorf("%s of %s names the secret %s, which it is not given", variable, name, secret)
			case isFile:
				got[variable] = secret
			case slices.ContainsFunc([]string{"PASSWORD", "SECRET", "TOKEN", "DATABASE", "SMTP"}, func(s string) bool { return strings.Contains(variable, s) }):
				t.Errorf("%s of %s stands in the environment", variable, name)
			}
		}
		if diff := cmp.Diff(want[name], got); diff != "" {
			t.Errorf("secrets of %s: %s", name, diff)
		}
	}
}
