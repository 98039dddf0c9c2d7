package templates

// LoginPage asks who it is.
type LoginPage struct {
	Page
	Email string
	Next  string // where to go afterwards
	Error string // never says which half was wrong
	Ways  Ways   // to log in without a password
}

func (p LoginPage) email() Field {
	return Field{ID: "email", Label: "E-mail", Type: "email", Value: p.Email, Attrs: attrs("autocomplete", "username", "required", "required")}
}

func (p LoginPage) password() Field {
	return Field{ID: "password", Label: "Password", Type: "password", Error: p.Error, Attrs: attrs("autocomplete", "current-password", "required", "required")}
}

// ConfirmPage asks again who somebody is who is signed in.
type ConfirmPage struct {
	Page
	Email string
	Next  string // where to go afterwards
	// By what they can prove it.
	Password, App, Passkeys bool
	SSO                     string // name of the provider; "" when it cannot
	// What was wrong with what was typed.
	Error, CodeError string
}

func (p ConfirmPage) password() Field {
	return Field{ID: "password", Label: "Password", Type: "password", Error: p.Error, Attrs: attrs("autocomplete", "current-password", "required", "required")}
}

// SetupPage makes the first account.
type SetupPage struct {
	Page
	Token    string // of the one-time link
	Email    string
	Problems []Problem
	Wrong    map[string]string // by field
}

func (p SetupPage) email() Field {
	return Field{
		ID: "email", Label: "E-mail", Type: "email", Value: p.Email, Error: complaint("E-mail", p.Wrong["email"]),
		Hint: "You log in with it, and it is told first when a job stays silent.", Attrs: attrs("autocomplete", "username", "required", "required"),
	}
}

func (p SetupPage) password() Field {
	return Field{
		ID: "password", Label: "Password", Type: "password", Error: complaint("Password", p.Wrong["password"]),
		Hint: "At least 12 characters, of any kind.", Attrs: attrs("autocomplete", "new-password", "required", "required", "minlength", "12"),
	}
}
