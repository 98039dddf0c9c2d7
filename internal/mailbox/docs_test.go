package mailbox_test

import (
	"fmt"
	"testing"

	"rollcall/internal/doctest"
	"rollcall/internal/mailbox"
	"rollcall/internal/monitor"
)

func TestDocsSayTheLimits(t *testing.T) {
	number := func(n int) string { return doctest.Number(int64(n)) }
	doctest.Holds(t, "limits.md", "mails", doctest.Limits(
		doctest.Limit{"size of a mail", doctest.Size(mailbox.MessageLimit), "552"},
		doctest.Limit{"of that, looked at", doctest.Size(mailbox.ReadLimit) + ", " + doctest.Size(mailbox.HeaderLimit) + " of it header", "not looked at; the mail counts"},
		doctest.Limit{"parts", fmt.Sprintf("%d, %d within one another", mailbox.PartLimit, mailbox.DepthLimit), "not looked at; the mail counts"},
		doctest.Limit{"recipients of a mail", number(mailbox.RecipientLimit), "452: mail systems send another one"},
		doctest.Limit{"length of a line", doctest.Size(mailbox.LineLimit), "500"},
		doctest.Limit{"connections", fmt.Sprintf("%d; %d from one network", mailbox.SessionLimit, mailbox.ClientSessions), "421"},
		doctest.Limit{"time of a connection", doctest.Time(mailbox.SessionTime) + "; " + doctest.Time(mailbox.IdleLimit) + " of silence", "421"},
		doctest.Limit{"mails from one network in a minute", number(mailbox.MailsPerMinute), "421"},
		doctest.Limit{"unknown recipients from one network in a minute", number(mailbox.MissesPerMinute), "421"},
	)+"\nA network is an IPv4 address, or an IPv6 /64. A 4xx is for now: mail systems try again.")
	doctest.Says(t, "email-pings.md", "first "+number(monitor.BodyLimit)+" bytes of the text")
}
