package account

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"rollcall/internal/fault"
)

// Limits of a password.
const (
	PasswordMin   = 12   // characters
	PasswordMax   = 1024 // bytes
	passwordSigns = 5    // different characters at least
	// passwordRest is how many characters there must be beside what is guessed first:
	// common words, rows of keys, years, and what is known about the person.
	passwordRest = 5
)

// ValidPassword refuses passwords that are too short, too long to hash, or among
// the first that anybody would try. What is known of the person, such as their
// address, is no secret either.
//
// Lists of leaked passwords hold few of this length; those that they do hold are
// made like this: a common word or a row of keys, twice or with a number behind it.
func ValidPassword(password string, known ...string) error {
	switch {
	case utf8.RuneCountInString(password) < PasswordMin:
		return fault.Invalid{"password": fmt.Sprintf("is shorter than %d characters", PasswordMin)}
	case len(password) > PasswordMax:
		return fault.Invalid{"password": fmt.Sprintf("is longer than %d bytes", PasswordMax)}
	case guessable(password, known):
		return fault.Invalid{"password": "is one of the first that anybody would try; take some words that do not belong together"}
	}
	return nil
}

// guessable reports whether little of a password is left without what is guessed
// first.
func guessable(password string, known []string) bool {
	plain := plainly(password)
	signs := map[rune]bool{}
	for _, r := range plain {
		signs[r] = true
	}
	if len(signs) < passwordSigns || repeats(plain) {
		return true
	}
	return min(rest(plain, known), rest(unmasked(plain), known)) < passwordRest
}

// rest counts the letters that stand for themselves once every common word is
// taken out; of digits and signs a few are what everybody puts behind a word.
func rest(text string, known []string) int {
	for _, word := range words(known) {
		text = strings.ReplaceAll(text, word, " ")
	}
	text = withoutRows(text)
	return len(strings.Map(func(r rune) rune {
		if r == ' ' || unicode.IsPunct(r) || unicode.IsSymbol(r) {
			return -1
		}
		return r
	}, text))
}

// words are the parts of what is known about the person and the common words, the
// longest first, so that none hides in another.
func words(known []string) []string {
	all := strings.Fields(common)
	for _, text := range known {
		all = append(all, strings.FieldsFunc(plainly(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })...)
	}
	all = slices.DeleteFunc(all, func(word string) bool { return len(word) < 3 })
	slices.SortFunc(all, func(a, b string) int { return len(b) - len(a) })
	return all
}

// withoutRows takes out what lies side by side on a keyboard or in the alphabet, in
// either direction, and years.
func withoutRows(text string) string {
	const shortest = 3
	var kept strings.Builder
	for i := 0; i < len(text); {
		n := 0
		for _, row := range rows {
			n = max(n, shared(text[i:], row))
		}
		if n < shortest && year(text[i:]) {
			n = 4
		}
		if n >= shortest {
			kept.WriteByte(' ')
			i += n
			continue
		}
		kept.WriteByte(text[i])
		i++
	}
	return kept.String()
}

// shared is the length of the longest beginning of text that stands in row.
func shared(text, row string) int {
	n := 0
	for n < len(text) && strings.Contains(row, text[:n+1]) {
		n++
	}
	return n
}

func year(text string) bool {
	if len(text) < 4 || text[:2] != "19" && text[:2] != "20" {
		return false
	}
	return unicode.IsDigit(rune(text[2])) && unicode.IsDigit(rune(text[3]))
}

// repeats reports whether a text is the same few characters over and over.
func repeats(text string) bool {
	for n := 1; n <= len(text)/2; n++ {
		if len(text)%n == 0 && n < PasswordMin && strings.Repeat(text[:n], len(text)/n) == text {
			return true
		}
	}
	return false
}

// plainly is a text in lower case.
func plainly(text string) string { return strings.ToLower(text) }

// unmasked reads digits and signs as the letters that they often stand for.
func unmasked(text string) string {
	return strings.NewReplacer("0", "o", "1", "i", "3", "e", "4", "a", "5", "s", "7", "t", "@", "a", "$", "s", "!", "i", "|", "l").Replace(text)
}

// rows are keys side by side, there and back.
var rows = func() []string {
	there := []string{
		"abcdefghijklmnopqrstuvwxyz", "01234567890", "qwertyuiop", "qwertzuiop", "azertyuiop", "asdfghjkl", "zxcvbnm", "yxcvbnm",
		"1q2w3e4r5t6y7u8i9o0p", "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik", "qazwsxedcrfvtgbyhnujmikolp", "!@#$%^&*()", "147258369", "987654321",
	}
	all := slices.Clone(there)
	for _, row := range there {
		back := []byte(row)
		slices.Reverse(back)
		all = append(all, string(back))
	}
	return all
}()

// common is what people make passwords of.
const common = `
password passwort passwd passw0rd pass word secret geheim hidden private
admin administrator root toor user guest test testing tester demo default system server sysadmin operator manager owner
login logon signin signup account access welcome willkommen bienvenue hello hallo hola letmein letmein open sesame enter
changeme change temp temporary new my the mine our this that your you is are and for with please
love iloveyou lovely sweet honey baby babygirl angel princess prince king queen lady sunshine flower butterfly
monkey dragon tiger lion eagle shadow wolf horse kitty pussy chicken banana cheese cookie coffee chocolate pepper ginger
football baseball basketball soccer hockey tennis golf liverpool chelsea arsenal barcelona juventus yankees cowboys lakers
superman batman spiderman pokemon naruto starwars matrix ninja master hunter killer ranger thunder hammer freedom trustno
michael jennifer jordan thomas robert daniel charlie jessica michelle andrew matthew anthony joshua ashley amanda nicole george
computer internet samsung google facebook apple microsoft windows linux ubuntu debian oracle cisco docker github gitlab
monday tuesday wednesday thursday friday saturday sunday january february march april may june july august september october november december
spring summer autumn fall winter sommer qwerty qwertz azerty asdf zxcv qaz wsx
rollcall cron cronjob backup monitor monitoring check checks alert alerts ping healthchecks company corp office work
one two three four five six seven eight nine ten zero abc xyz`
