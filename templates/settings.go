package templates

// SettingsPage shows a project's name, and how it ends.
type SettingsPage struct {
	Page
	Base       string // how people and jobs reach this server
	Name       string // of the project, as it was typed
	Checks     int    // of the account that the project belongs to
	MostChecks *int   // nil: as many as one likes
	Problems   []Problem
	Wrong      map[string]string
}

func (p SettingsPage) name() Field {
	return Field{ID: "name", Label: "Name", Value: p.Name, Error: complaint("Name", p.Wrong["project"]), Attrs: attrs("autocomplete", "off", "required", "required")}
}

func (p SettingsPage) typed() Field {
	return Field{ID: "typed", Label: "Type the name of the project", Error: complaint("The name", p.Wrong["typed"]), Attrs: attrs("autocomplete", "off", "required", "required")}
}

// use says how many checks there are of those that may be.
func (p SettingsPage) use() string { return useOf(p.Checks, p.MostChecks, "check", "checks") }

func useOf(n int, most *int, one, several string) string {
	if most == nil {
		return Count(int64(n), one, several)
	}
	return thousands(int64(n)) + " of " + Count(int64(*most), one, several)
}
