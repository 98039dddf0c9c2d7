package account_test

import (
	"strings"
	"testing"

	"rollcall/internal/account"
)

func TestValidPassword(t *testing.T) {
	const known = "ines.marten@northwind.example"
	for _, test := range []struct {
		password string
		ok       bool
	}{
		{"correct horse battery", true},
		{"correct horse battery staple", true},
		{"uV7#kd02!mQx", true},
		{"Tr0ub4dor&3xyz", true},
		{"пароль из слов", true},
		{"日本語の長い合言葉です！！", true},
		{"j8fk2ls9dk3m", true},
		{strings.Repeat("long enough and then some, ", 30), true},

		{"short", false},
		{"elevensigns", false},
		{strings.Repeat("words of all kinds ", 60), false}, // too long to hash
		{"aaaaaaaaaaaa", false},
		{"abababababab", false},
		{"jk8xjk8xjk8x", false},
		{"123456789012", false},
		{"1234567890123", false},
		{"210987654321", false},
		{"qwertyuiop12", false},
		{"qwerty123456", false},
		{"1qaz2wsx3edc", false},
		{"1q2w3e4r5t6y", false},
		{"asdfghjkl123", false},
		{"abcdefghijkl", false},
		{"password1234", false},
		{"Password2024!", false},
		{"P@ssw0rd1234", false},
		{"PasswordPassword", false},
		{"passwordpassword1", false},
		{"Welcome2026!!", false},
		{"welcome to my server", false},
		{"letmein12345", false},
		{"iloveyou1234", false},
		{"admin admin admin", false},
		{"administrator1", false},
		{"changeme12345", false},
		{"Summer-2026-!", false},
		{"rollcall1234", false},
		{"superman1995!", false},
		{"ines.marten.2026", false},
		{"northwind1234", false},
		{"Marten@Northwind", false},
		{"ines likes green tea", true},
	} {
		if err := account.ValidPassword(test.password, known); (err == nil) != test.ok {
			t.Errorf("%q: %v", test.password, err)
		}
	}
}
