package alerter

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"rollcall/internal/account"
	"rollcall/templates"
)

// FactorsLetter writes that by what somebody logs in was changed: it is how they
// learn of it when it was not them. Base is the address of the pages.
func FactorsLetter(base string) Writer {
	return func(_ context.Context, l account.Letter, _ time.Time) (templates.Mail, error) {
		var n account.FactorNotice
		if err := json.Unmarshal([]byte(l.Data), &n); err != nil {
			return templates.Mail{}, fmt.Errorf("read the notice: %w", err)
		}
		title, sentence := factorWords(n)
		clock := templates.Clock{Now: n.At, Zone: time.UTC}
		rest := "All other sessions of the account were ended."
		if n.What == account.CodeUsed {
			rest = fmt.Sprintf("%s left.", templates.Capital(templates.Count(int64(n.Left), "code is", "codes are")))
		}
		return templates.Mail{
			Subject: title, Title: title,
			Sentences: []string{fmt.Sprintf("%s on %s.", sentence, clock.Full(n.At)), rest},
			Button:    "Look at your account", Page: base + "/account/security",
			Advice: "If this was you, there is nothing to do. If it was not, somebody else is in your account: log in, remove what you do not know, and change your password.",
			Why:    "You get this because somebody changed by what one logs in as " + l.To + ".",
		}, nil
	}
}

// factorWords are the title of a notice, and the sentence that its time ends.
func factorWords(n account.FactorNotice) (title, sentence string) {
	switch n.What {
	case account.PasskeyAdded:
		return "A passkey was added to your account", "The passkey " + n.Name + " was added"
	case account.PasskeyRemoved:
		return "A passkey was removed from your account", "The passkey " + n.Name + " was removed"
	case account.TOTPAdded:
		return "An authenticator app was added to your account", "An authenticator app was set up"
	case account.TOTPRemoved:
		return "The authenticator app was removed from your account", "The authenticator app was removed"
	case account.CodesMade:
		return "Your account has new recovery codes", "New recovery codes were made, which ended those before them,"
	case account.CodeUsed:
		return "A recovery code was used", "Somebody logged in to your account with a recovery code"
	case account.SSOLinked:
		return n.Name + " was linked to your account", "The account of somebody at " + n.Name + " can log in to yours since it was linked"
	case account.SSOUnlinked:
		return n.Name + " was unlinked from your account", "The link to an account at " + n.Name + " was removed"
	}
	return "Your account was changed", "By what you log in was changed"
}
