package mailbox_test

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"

	"rollcall/internal/mailbox"
	"rollcall/internal/prove"
)

// badMail is a row of the corpus of bad inputs: what a client says, to the last byte,
// and what is answered.
type badMail struct {
	id, name string
	said     []string // a line, "" for none, and the beginning of the answer, in turn
	want     int64    // pings that count
	proved   string   // in the place of both, the test that has it
}

func say(said ...string) []string { return said }

// toMail is said in a mail that has no recipient yet, toCheck in one to the check.
func toMail(said ...string) []string {
	return append([]string{"EHLO job.example", "250", "MAIL FROM:<root@nas.example>", "250"}, said...)
}

func toCheck(said ...string) []string { return append(slices.Clone(envelope), said...) }

// envelope is the beginning of a mail to the check.
var envelope = toMail("RCPT TO:<%uuid@%domain>", "250")

// recipients names n mailboxes of the check.
func recipients(n int) (said []string) {
	for i := range n {
		said = append(said, fmt.Sprintf("RCPT TO:<%%uuid+%d@%%domain>", i), "250")
	}
	return said
}

func long(n int) string { return strings.Repeat("x", n) }

// badMails are the rows, and after them what the statements F1, F2 and F7 ask for.
var badMails = []badMail{
	{id: "M01", name: "a stranger among the recipients", said: toCheck("RCPT TO:<user@other.example>", "550", "DATA", "354", ".", "250"), want: 1},
	{id: "M01", name: "another domain", said: toMail("RCPT TO:<user@other.example>", "550 5.1.1", "RCPT TO:<%uuid@other.example>", "550 5.1.1", "RCPT TO:<%uuid@sub.%domain>", "550 5.1.1", "DATA", "502")},
	{id: "M02", name: "malformed addresses", said: say("EHLO a", "250", "MAIL FROM:x", "501", "MAIL FROM:<a@b", "501", "MAIL root", "501", "MAIL FROM:<a@b> FOO=1", "500", "MAIL FROM:<a@b> SIZE=-1", "501", "MAIL FROM:<a@b>", "250", "RCPT TO:<>", "501", "RCPT TO:%uuid", "501")},
	{id: "M02", name: "ways around the domain", said: toMail("RCPT TO:<%uuid%other.example@%domain>", "550", "RCPT TO:<@%domain:user@other.example>", "550", `RCPT TO:<"a@b"@%domain>`, "550", "RCPT TO:<%uuid@[127.0.0.1]>", "550", "RCPT TO:<user@other.example@%domain>", "550")},
	{id: "M03", name: "case and a full stop of the domain", said: toMail("RCPT TO:<%uuid@PINGS.Example.Org.>", "250", "DATA", "354", ".", "250"), want: 1},
	{id: "M04", name: "an unknown check, key and slug", said: toMail("RCPT TO:<00000000-0000-4000-8000-000000000000@%domain>", "550 5.1.1", "RCPT TO:<aaaaaaaaaaaaaaaaaaaaaa+%slug@%domain>", "550 5.1.1", "RCPT TO:<%key+weekly@%domain>", "550 5.1.1", "RCPT TO:<postmaster@%domain>", "550 5.1.1")},
	{id: "M05", name: "upper case", said: toMail("RCPT TO:<%UUID@%domain>", "250", "RCPT TO:<%KEY+%slug+LOG@%domain>", "250", "DATA", "354", ".", "250"), want: 2},
	// A word that is no signal is refused: a typing mistake must not turn a failure into
	// a success. What a mail system makes of an address for its bounces is no address.
	{id: "M06", name: "what a bounce is addressed to", said: toMail("RCPT TO:<prvs=1234=%uuid@%domain>", "550", "RCPT TO:<SRS0=x=y=z=%uuid@%domain>", "550", "RCPT TO:<%uuid-root=nas.example@%domain>", "550")},
	{id: "M06", name: "words behind the plus", said: toMail("RCPT TO:<%uuid+start@%domain>", "250", "RCPT TO:<%uuid+nightly@%domain>", "550", "DATA", "354", ".", "250"), want: 1},
	{id: "M07", name: "one recipient too many", said: toMail(append(recipients(mailbox.RecipientLimit), "RCPT TO:<%uuid+log@%domain>", "452 4.5.3", "DATA", "354", ".", "250")...), want: mailbox.RecipientLimit},
	{id: "M08", name: "the same recipient twice counts once", said: toCheck("RCPT TO:<%UUID@%domain>", "250", "DATA", "354", ".", "250"), want: 1},
	{id: "M08", name: "a failure and a note to one check are two", said: toCheck("RCPT TO:<%uuid+log@%domain>", "250", "DATA", "354", ".", "250"), want: 2},
	{id: "M09", name: "from nobody", said: say("EHLO a", "250", "MAIL FROM:<>", "250", "RCPT TO:<%uuid@%domain>", "250", "DATA", "354", "Subject: x\r\n\r\n.", "250"), want: 1},
	{id: "M10", name: "an announced size that is too large", said: say("EHLO a", "250", fmt.Sprintf("MAIL FROM:<a@b> SIZE=%d", mailbox.MessageLimit+1), "552", fmt.Sprintf("MAIL FROM:<a@b> SIZE=%d", mailbox.MessageLimit), "250")},
	{id: "M11", proved: "TestMailThatIsTooLarge"},
	// A line of 2,000 characters is nothing special: the limit is LineLimit.
	{id: "M12", name: "an endless line ends the session", said: say("EHLO "+long(mailbox.LineLimit), "500", "", "closed")},
	{id: "M12", name: "a long line counts", said: toCheck("DATA", "354", long(mailbox.LineLimit-10)+"\r\n.", "250"), want: 1},
	{id: "M12", name: "a line that is too long does not", said: toCheck("DATA", "354", long(mailbox.LineLimit+10)+"\r\n.", "500")},
	{id: "M13", proved: "TestSlowClientsLeave"},
	{id: "M14", proved: "TestSlowClients"},
	{id: "M15", name: "lone line feeds end no mail", said: toCheck("DATA", "354", "a\n.\nb\r\n.\nc\n.\r\nd\r.\re\r\n.", "250", "NOOP", "250"), want: 1},
	{id: "M16", name: "half an end of a mail", said: toCheck("DATA", "354", "a\r\n.\nb\r\n.\rc\r\n.", "250", "NOOP", "250"), want: 1},
	{id: "M17", name: "nothing is smuggled in", said: toCheck("DATA", "354", "a\n.\nMAIL FROM:<x@y>\r\nRCPT TO:<%uuid+fail@%domain>\r\nDATA\r\nb\r\n.", "250 2.0.0 stored", "NOOP", "250"), want: 1},
	// Whoever speaks before the greeting is heard after it: there is no mail to keep spam
	// out of, and nothing is relayed.
	{id: "M18", name: "nothing without EHLO", said: say("MAIL FROM:<>", "502", "RCPT TO:<%uuid@%domain>", "502", "DATA", "502", "BDAT 1 LAST\r\nx", "502")},
	{id: "M18", name: "nothing without MAIL", said: say("EHLO a", "250", "RCPT TO:<%uuid@%domain>", "502", "DATA", "502")},
	{id: "M18", name: "nothing without RCPT", said: say("EHLO a", "250", "MAIL FROM:<>", "250", "DATA", "502")},
	{id: "M18", proved: "TestEverythingBeforeTheGreeting"},
	{id: "M19", name: "in chunks", said: toCheck("BDAT 12\r\nSubject: x", "250 2.0.0 Continue", "BDAT 9 LAST\r\n\r\ndone.", "250 2.0.0 stored", "BDAT 0 LAST", "502", "NOOP", "250"), want: 1},
	{id: "M19", name: "a chunk with a wrong size", said: toCheck("BDAT x", "501", "BDAT", "501", "BDAT 1 LAST 2", "501", "BDAT -1", "501", "NOOP", "250")},
	{id: "M19", name: "a chunk that is too large", said: toCheck(fmt.Sprintf("BDAT %d LAST", 4_000_000_000), "552")},
	{id: "M19", name: "leaving in a chunk", said: toCheck("BDAT 100 LAST\r\nhalf")},
	{id: "M19", name: "leaving between chunks", said: toCheck("BDAT 6\r\nhalf", "250")},
	{id: "M19", name: "RSET between chunks", said: toCheck("BDAT 6\r\nhalf", "250", "RSET", "250", "BDAT 0 LAST", "502")},
	{id: "M19", name: "the last chunk twice", said: toCheck("BDAT 6 LAST\r\n\r\nok", "250 2.0.0 stored", "BDAT 6 LAST\r\n\r\nok", "502", "NOOP", "250"), want: 1},
	// The library says 500 with the last of them, and closes.
	{id: "M20", name: "unknown commands end the session", said: say("EHLO a", "250", "FOO1", "500", "FOO2", "500", "FOO3", "500", "FOO4", "500", "", "500 5.5.1 Too many errors", "", "closed")},
	{id: "M21", name: "a name is asked for", said: say("EHLO", "501", "HELO ", "501")},
	{id: "M21", name: "a long name is none", said: say("EHLO "+long(mailbox.HelloLimit+1), "501", "HELO "+long(10_000), "501", "EHLO "+long(mailbox.HelloLimit), "250")},
	{id: "M21", name: "a NUL in the name", said: say("EHLO a\x00b", "501", "EHLO a\x7f", "501")},
	{id: "M22", proved: "TestNothingIsInjectedBeforeTLS"},
	{id: "M23", proved: "TestStrangeMailsCount"},
	{id: "M24", name: "a charset that is none", said: toCheck("DATA", "354", "Subject: =?x?Q?"+long(60_000)+"?=\r\nContent-Type: text/plain; charset=nope\r\n\r\n\xff.\r\n.", "250"), want: 1},
	{id: "M25", proved: "TestStrangeMailsCount"},
	{id: "M26", proved: "TestStrangeMailsCount"},
	{id: "M27", proved: "TestDatabaseThatIsAway"},
	{id: "M28", name: "leaving before the dot", said: toCheck("DATA", "354", "Subject: x\r\n\r\nhalf")},
	{id: "M28", proved: "TestMailThatIsSentAgainCountsOnce"},
	{id: "M29", proved: "TestAutomaticMailsAreHarmless"},
	{id: "M30", proved: "TestTooManyMails"},
	{id: "M31", name: "NULs and no UTF-8", said: toCheck("DATA", "354", "Subject: a\x00\xffb\r\nX-\x00: \xff\r\n\r\n\x00\xff\r\n.", "250"), want: 1},
	{id: "M32", name: "HELO is enough", said: say("HELO nas", "250", "MAIL FROM:<>", "250", "RCPT TO:<%uuid@%domain>", "250", "DATA", "354", "x\r\n.", "250 2.0.0 stored", "QUIT", "221"), want: 1},
	{id: "M32", name: "neither header nor body", said: toCheck("DATA", "354", ".", "250"), want: 1},
	{id: "F1", name: "RSET forgets", said: toCheck("RSET", "250", "DATA", "502", "RCPT TO:<%uuid@%domain>", "502")},
	{id: "F1", name: "EHLO again forgets", said: toCheck("EHLO other", "250", "DATA", "502")},
	{id: "F2", name: "two mails in a session", said: toCheck("DATA", "354", ".", "250", "MAIL FROM:<>", "250", "RCPT TO:<%uuid+log@%domain>", "250", "DATA", "354", ".", "250"), want: 2},
	{id: "F7", name: "nobody is told who is here", said: say("EHLO a", "250", "VRFY root", "252", "EXPN all", "502", "HELP", "502")},
	{id: "F7", name: "there is no password to try", said: say("EHLO a", "250", "AUTH PLAIN AGEAYg==", "523", "AUTH LOGIN", "523")},
	{id: "F7", name: "no STARTTLS without a certificate", said: say("EHLO a", "250", "STARTTLS", "502")},
}

func TestBadMails(t *testing.T) {
	for n := 1; n <= 32; n++ {
		if id := fmt.Sprintf("M%02d", n); !slices.ContainsFunc(badMails, func(m badMail) bool { return m.id == id }) {
			t.Errorf("%s is not in the table", id)
		}
	}
	trials, violations := 0, 0
	onBothEngines(t, func(o *office) {
		for _, m := range badMails {
			if m.proved != "" {
				continue
			}
			trials++
			if !o.row(m.id+"/"+m.name, func() { o.talk(m) }) {
				violations++
			}
		}
	})
	prove.Report(t, "INPUT M: every bad mail is answered as documented, and counts once or not at all", trials, violations)
}

// talk says what a row says and wants the answers.
func (o *office) talk(m badMail) {
	o.reopen() // the limits of a client begin anew
	s := o.dial()
	for i := 0; i < len(m.said); i += 2 {
		if i+1 == len(m.said) {
			s.send(s.fill(m.said[i]))
			break
		}
		if m.said[i] == "" {
			s.expect(m.said[i+1])
			continue
		}
		s.tell(m.said[i], m.said[i+1])
	}
	s.leave()
	if got := o.counted(o.check); got != m.want {
		o.Errorf("%d pings, want %d", got, m.want)
	}
}

func TestEverythingBeforeTheGreeting(t *testing.T) {
	onBothEngines(t, func(o *office) {
		conn, err := net.Dial("tcp", o.addr)
		if err != nil {
			o.Fatal(err)
		}
		c := o.clientOf(conn)
		var all strings.Builder
		for i := 0; i < len(envelope); i += 2 {
			all.WriteString(o.fill(envelope[i]) + "\r\n")
		}
		c.send(all.String() + "DATA\r\n.\r\nQUIT\r\n")
		for _, want := range []string{"220", "250", "250", "250", "354", "250 2.0.0 stored", "221", "closed"} {
			c.expect(want)
		}
		if got := o.counted(o.check); got != 1 {
			o.Errorf("%d pings, want 1", got)
		}
	})
}
