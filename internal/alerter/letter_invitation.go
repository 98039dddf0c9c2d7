package alerter

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/internal/store"
	"rollcall/templates"
)

// InvitationLetter writes the letter to somebody who was invited. It shows nothing
// that the inviter could use to speak to a stranger: their address, which is known
// to be theirs, and of the project's name no more than account.MailName leaves.
func InvitationLetter(st store.Members, baseURL string) Writer {
	return func(ctx context.Context, l account.Letter, now time.Time) (templates.Mail, error) {
		var about account.InvitationData
		if err := json.Unmarshal([]byte(l.Data), &about); err != nil {
			return templates.Mail{}, fmt.Errorf("read what the letter is about: %w", err)
		}
		invitation, err := st.Invitation(ctx, about.Invitation, now)
		if errors.Is(err, fault.NotFound) {
			return templates.Mail{}, ErrNotOwed // it was accepted, or taken back
		}
		if err != nil {
			return templates.Mail{}, err
		}
		token := account.NewToken()
		if err := st.AddInvitationToken(ctx, invitation.ID, account.HashKey(token)); err != nil {
			return templates.Mail{}, err
		}
		return templates.InvitationMail(invitation, baseURL+"/invitations/"+token), nil
	}
}
