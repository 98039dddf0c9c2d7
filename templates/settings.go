package templates

// SettingsPage shows what concerns a project as a whole.
type SettingsPage struct {
	Page
	Base string // how people and jobs reach this server
}
