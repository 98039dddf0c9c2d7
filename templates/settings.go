package templates

// SettingsPage shows a project's keys.
type SettingsPage struct {
	Page
	Base    string // how people and jobs reach this server
	PingKey string
	NewKey  *FreshKey // an API key that was just made, nil otherwise
}

// FreshKey is an API key as it is shown once.
type FreshKey struct {
	ReadOnly bool
	Key      string
}

func (k FreshKey) kind() string {
	if k.ReadOnly {
		return "read-only API key"
	}
	return "API key"
}
