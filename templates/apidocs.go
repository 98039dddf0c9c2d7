package templates

// APIPage is the reference of the management API.
type APIPage struct {
	Page
	Base   string // how this server is reached
	Groups []APIGroup
}

// APIGroup is the operations under one heading.
type APIGroup struct {
	Name       string
	Operations []APIOperation
}

// APIOperation is one thing that programs can ask for.
type APIOperation struct {
	Method, Path string
	Key          string // which key it asks for, in words
	Summary      string
	Query        []Fact // parameters and what they mean
	Takes        []Fact // members of the request
	Answer       string // the members of the answer in short; "" is a text
}
