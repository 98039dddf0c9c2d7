package templates

// LoginPage asks who it is.
type LoginPage struct {
	Page
	Ways       Ways // to log in without a password
	Mail       bool // links can be mailed
	Signup     bool // anybody may make an account
	Email      string
	Next       string // where to go afterwards
	Error      string // never says which half was wrong
	WrongEmail string // what was typed is no address
}

func (p LoginPage) email() Field {
	return Field{
		ID: "email", Label: "E-mail", Type: "email", Value: p.Email, Error: p.WrongEmail,
		Attrs: attrs("autocomplete", "username", "required", "required"),
	}
}

func (p LoginPage) password() Field {
	return Field{ID: "password", Label: "Password", Type: "password", Error: p.Error, Attrs: attrs("autocomplete", "current-password", "required", "required")}
}

// ConfirmPage asks again who somebody is who is signed in.
type ConfirmPage struct {
	Page
	Email string
	Next  string // where to go afterwards
	// By what they can prove it: a code can be mailed to who has no second factor.
	Password, App, Passkeys, Mail bool
	SSO                           string // name of the provider; "" when it cannot
	Sent                          bool   // a code is on its way by mail
	// What was wrong with what was typed.
	Error, CodeError, WrongMailed string
}

func (p ConfirmPage) password() Field {
	return Field{ID: "password", Label: "Password", Type: "password", Error: p.Error, Attrs: attrs("autocomplete", "current-password", "required", "required")}
}

func (p ConfirmPage) mailed() Field {
	return Field{
		ID: "mailed", Label: "Code from the mail", Error: p.WrongMailed, Mono: true,
		Hint:  "Eight digits, on their way to " + p.Email + ". They work once, for 15 minutes.",
		Attrs: attrs("autocomplete", "one-time-code", "inputmode", "numeric", "required", "required", "maxlength", "16"),
	}
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

func (p SetupPage) password() Field { return newPassword(p.Wrong["password"]) }

// passwordHint is what a password must be like.
const passwordHint = "At least 12 characters, of any kind."

// newPassword asks for a password that must be given; wrong is what is wrong with it.
func newPassword(wrong string) Field {
	return Field{
		ID: "password", Label: "Password", Type: "password", Error: complaint("Password", wrong),
		Hint: passwordHint, Attrs: attrs("autocomplete", "new-password", "required", "required", "minlength", "12"),
	}
}

// SignupPage asks for an address.
type SignupPage struct {
	Page
	Email string
	Error string
}

func (p SignupPage) email() Field {
	return Field{
		ID: "email", Label: "E-mail", Type: "email", Value: p.Email, Error: p.Error,
		Attrs: attrs("autocomplete", "email", "required", "required"),
	}
}

// SignupLinkPage makes an account.
type SignupLinkPage struct {
	Page
	Action string // the path of the link
	Email  string
	Error  string // what is wrong with the password
}

func (p SignupLinkPage) password() Field {
	return Field{
		ID: "password", Label: "Password", Type: "password", Error: complaint("Password", p.Error), Optional: true,
		Hint: passwordHint + " Without one you log in by mailed links.", Attrs: attrs("autocomplete", "new-password", "minlength", "12"),
	}
}

// MailedPage says what was mailed.
type MailedPage struct {
	Page
	What string
}

// LinkPage is what a mailed link shows.
type LinkPage struct {
	Page
	What   string // the button does
	Button string
	Action string // the path of the link
	Next   string // where to go afterwards
}
