package alerter_test

import (
	"io"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"time"

	"rollcall/internal/account"
	"rollcall/internal/alerter"
	"rollcall/internal/mailtest"
)

var linkInMail = regexp.MustCompile(`https?://\S+|\S+\.tld|www\.\S+`)

func TestInvitationLetters(t *testing.T) {
	w, in := newWorld(t), mailtest.Start(t, mailtest.Options{})
	p := &alerter.Postman{
		Store: w.store, Server: server(t, in), Dial: relay(), Now: w.Now, BaseURL: baseURL, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Writers: map[account.LetterKind]alerter.Writer{account.LetterInvitation: alerter.InvitationLetter(w.store, baseURL)},
	}
	invite := func(email string) account.Invitation {
		i, err := w.store.Invite(t.Context(), account.Invitation{Project: w.project.ID, Email: email, Role: account.Member, Inviter: "ines@example.org"}, w.Now())
		if err != nil {
			t.Fatal(err)
		}
		return i
	}
	if err := w.store.RenameProject(t.Context(), w.project.ID, "Claim $500 http://evil.tld or www.evil.tld/x evil.tld now"); err != nil {
		t.Fatal(err)
	}
	first, revoked := invite("ana@example.org"), invite("ben@example.org")
	if err := w.store.RevokeInvitation(t.Context(), w.project.ID, revoked.ID); err != nil {
		t.Fatal(err)
	}
	w.post(p, 2)
	got := in.Messages()
	if len(got) != 1 {
		t.Fatalf("%d mails, want one: the other was taken back", len(got))
	}
	text := got[0].Text
	for _, want := range []string{"ines@example.org invites you", "“Claim $500 or now”", "as a member"} {
		if !strings.Contains(text, want) {
			t.Errorf("the letter lacks %q:\n%s", want, text)
		}
	}
	for _, body := range []string{text, got[0].HTML, got[0].Subject()} {
		for _, link := range linkInMail.FindAllString(body, -1) {
			if !strings.HasPrefix(link, baseURL) {
				t.Errorf("the letter holds %s", link)
			}
		}
	}
	token := regexp.MustCompile(`/invitations/(\w+)`).FindStringSubmatch(text)
	if token == nil {
		t.Fatalf("no link:\n%s", text)
	}
	found, err := w.store.InvitationByToken(t.Context(), account.HashKey(token[1]), w.Now())
	if err != nil || found.ID != first.ID {
		t.Errorf("the link leads to %+v, %v", found, err)
	}

	// Of a letter that was sent in vain, and again, each link works: nobody knows
	// which of them arrived.
	in.Behave(mailtest.Behaviour{Data: mailtest.Reply(451, "later")})
	w.advance(time.Minute)
	second := invite("cem@example.org")
	w.post(p, 1)
	in.Behave(mailtest.Behaviour{})
	w.advance(10 * time.Second)
	w.post(p, 1)
	token = regexp.MustCompile(`/invitations/(\w+)`).FindStringSubmatch(in.Messages()[1].Text)
	if found, err = w.store.InvitationByToken(t.Context(), account.HashKey(token[1]), w.Now()); err != nil || found.ID != second.ID {
		t.Errorf("the second link leads to %+v, %v", found, err)
	}
	if _, err = w.store.InvitationByToken(t.Context(), token[1], w.Now()); err == nil {
		t.Error("the token itself is stored")
	}
}
