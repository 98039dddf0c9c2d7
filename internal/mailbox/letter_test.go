package mailbox_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unicode/utf8"

	"rollcall/internal/mailbox"
)

// strange is a mail as nobody should write it, and what is made of it.
type strange struct {
	name    string
	raw     string // with the line ends of a file
	subject string
	body    string
}

func strangeMails() []strange {
	deep := func(depth int) string {
		var b strings.Builder
		b.WriteString("Subject: deep\n")
		for i := range depth {
			fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i, i)
		}
		return b.String() + "\nat the bottom\n"
	}
	return []strange{
		{"nothing at all", "", "", ""},
		{"an empty line", "\n", "", ""},
		{"no header", "the backup is done\nand well\n", "", "the backup is done\nand well"},
		{"no header, but a colon", "done: 12 GB\n", "", ""},
		{"a header only", "Subject: done", "done", ""},
		{"a header without end", "Subject: done\nX: y\n z", "done", ""},
		{"lines that are no field", "Subject: a\nFrom nobody Mon Nov 23\n: b\n\x01: c\nX-Y Z: d\nDate: x\n\nok", "a", "ok"},
		{"two subjects", "Subject: first\nSubject: second\n\n", "first", ""},
		{"a folded subject", "Subject: a\n b\n\tc\n\n", "a b c", ""},
		{"a subject that would like to be two fields", "Subject: =?utf-8?Q?a=0D=0ABcc:_x@y?=\n\n", "a\r\nBcc: x@y", ""},
		{"a long encoded subject", "Subject: =?x?Q?" + strings.Repeat("a", 50_000) + "?=\n\n", "=?x?Q?" + strings.Repeat("a", 50_000) + "?=", ""},
		{"a subject in no charset", "Subject: =?nope?Q?a=FF?= b\n\nok", "=?nope?Q?a=FF?= b", "ok"},
		{"half an encoded word", "Subject: =?utf-8?B?YQ=\n\n", "=?utf-8?B?YQ=", ""},
		{"raw Latin-1", "Subject: l\xe4uft\n\nGr\xfc\xdfe", "l\xe4uft", "Gr\xfc\xdfe"},
		{"a NUL", "Subject: a\x00b\nX-\x00: y\n\nc\x00d", "a\x00b", "c\x00d"},
		{"an endless header", "Subject: a\n" + strings.Repeat("X-Filler: "+strings.Repeat("x", 90)+"\n", 2_000) + "\nok", "a", "ok"},
		{"a header beyond what is read", "Subject: a\n" + strings.Repeat("X-Filler: "+strings.Repeat("x", 90)+"\n", 4_000) + "\nok", "a", ""},

		{"utf-7", "Content-Type: text/plain; charset=utf-7\n\n+AOk- ok", "", "+AOk- ok"},
		{"a charset that is none", "Content-Type: text/plain; charset=\"x y\"\n\nok\xff", "", "ok\xff"},
		{"Japanese", "Content-Type: text/plain; charset=iso-2022-jp\n\n\x1b$B40N;\x1b(B", "", "完了"},
		{"Russian", "Content-Type: text/plain; charset=koi8-r\n\n\xc7\xcf\xd4\xcf\xd7\xcf", "", "готово"},
		{"UTF-8 that is not", "Content-Type: text/plain; charset=utf-8\n\nok\xc3", "", "ok\xc3"},
		{"half a base64", "Content-Transfer-Encoding: base64\n\nb2s=\n!!!\n", "", "ok"},
		{"no base64 at all", "Content-Transfer-Encoding: base64\n\n!done!\n", "", "!done!"},
		{"indented base64", "Content-Transfer-Encoding: base64\n\n b2s=\n", "", "ok"},
		{"bad quoted-printable", "Content-Transfer-Encoding: quoted-printable\n\nok =ZZ more", "", "ok =ZZ more"},
		{"an unknown encoding", "Content-Transfer-Encoding: x-uuencode\n\nok", "", "ok"},
		{"an unknown type", "Content-Type: nonsense\n\nok", "", "ok"},
		{"a type with a broken parameter", "Content-Type: text/plain; charset\n\nok", "", "ok"},
		{"a type of 60 kB", "Content-Type: text/plain; a=" + strings.Repeat("b", 60_000) + "\n\nok", "", "ok"},

		{"no boundary", "Content-Type: multipart/mixed\n\n--x\n\nok\n--x--", "", "--x\n\nok\n--x--"},
		{"an empty boundary", "Content-Type: multipart/mixed; boundary=\"\"\n\n--\n\nok\n----", "", "--\n\nok\n----"},
		{"another boundary", "Content-Type: multipart/mixed; boundary=y\n\n--x\n\nok\n--x--", "", "--x\n\nok\n--x--"},
		{"a boundary of 5 kB", "Content-Type: multipart/mixed; boundary=" + strings.Repeat("b", 5_000) + "\n\n--" + strings.Repeat("b", 5_000) + "\n\nok\n", "", "--" + strings.Repeat("b", 5_000) + "\n\nok"},
		{"no end", "Content-Type: multipart/mixed; boundary=x\n\n--x\n\nok", "", "ok"},
		{"a part without a header", "Content-Type: multipart/mixed; boundary=x\n\n--x\n\nok\n--x\nno colon\n\nlost\n--x--", "", "ok"},
		{"a preamble", "Content-Type: multipart/mixed; boundary=x\n\nthis is MIME\n--x\n\nok\n--x--\nepilogue", "", "ok"},
		{"several texts", "Content-Type: multipart/mixed; boundary=x\n\n--x\n\na\n--x\n\nb\n--x--", "", "a\nb"},
		{"an encoded multipart", "Content-Type: multipart/mixed; boundary=x\nContent-Transfer-Encoding: base64\n\n--x\n\nok\n--x--", "", "ok"},
		{"a boundary within a boundary", "Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: multipart/alternative; boundary=xx\n\n--xx\n\nok\n--xx--\n--x--", "", "ok"},
		{"as deep as is read", deep(mailbox.DepthLimit), "deep", "at the bottom"},
		{"deeper than that", deep(mailbox.DepthLimit + 1), "deep", strings.TrimSpace(strings.SplitN(deep(mailbox.DepthLimit+1), "\n\n", 2)[1])},
		{"a thousand deep", deep(1_000), "deep", strings.TrimSpace(strings.SplitN(deep(1_000), "\n\n", 2)[1])},
		{"100,000 parts", "Content-Type: multipart/mixed; boundary=x\n\n" + strings.Repeat("--x\n\na\n", 100_000) + "--x--", "", strings.Repeat("a\n", mailbox.PartLimit-2) + "a"},

		{"HTML", "Content-Type: text/html\n\n<html><head><title>t</title><style>p{}</style></head><body><h1>Done</h1><p>12&nbsp;GB<br>in&#32;1&lt;2 h<script>x()</script><table><tr><td>a<td>b</table>", "", "Done\n12 GB\nin 1<2 h\na b"},
		{"HTML with a log", "Content-Type: text/html\n\n<pre>one\n  two\n</pre>three\nfour", "", "one\ntwo\nthree four"},
		{"HTML that is cut off", "Content-Type: text/html\n\n<p>ok<script>if (a < b", "", "ok"},
		{"a tag of 200 kB", "Content-Type: text/html\n\nok<a href=\"" + strings.Repeat(strings.Repeat("x", 1_000)+"\n", 200) + "\">", "", "ok"},
		{"both", "Content-Type: multipart/alternative; boundary=x\n\n--x\n\nplain\n--x\nContent-Type: text/html\n\n<p>rich\n--x--", "", "plain"},

		{"a picture", "Content-Type: image/png\nContent-Transfer-Encoding: base64\n\niVBORw0KGgo=", "", ""},
		{"a mail within a mail", "Subject: Fwd\nContent-Type: message/rfc822\n\nSubject: inner\n\ninner", "Fwd", ""},
		{"an attached log", "Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Disposition: attachment; filename=\"a b\" c\n\nlog\n--x\n\nok\n--x--", "", "ok"},
		{"winmail.dat", "Content-Type: application/ms-tnef; name=winmail.dat\n\n\x78\x9f\x3e\x22", "", ""},
		{"PGP", "Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=x\n\n--x\nContent-Type: application/pgp-encrypted\n\nVersion: 1\n--x\nContent-Type: application/octet-stream\n\n-----BEGIN PGP MESSAGE-----\n--x--", "", ""},
		{"our own address in the text", "Subject: x\n\nhttps://rollcall.example/ping/x", "x", "https://rollcall.example/ping/x"},
	}
}

func TestStrangeMailsCount(t *testing.T) { onBothEngines(t, countsStrangeMails) }

func countsStrangeMails(o *office) {
	s := o.dial()
	s.tell("EHLO job.example", "250")
	for i, c := range strangeMails() {
		began := time.Now()
		letter, err := mailbox.Read(strings.NewReader(c.raw))
		if took := time.Since(began); took > 10*time.Second { // a machine may be busy; what is quadratic takes minutes
			o.Errorf("%s: reading took %s", c.name, took)
		}
		if err != nil || letter.Subject != c.subject || string(letter.Body) != c.body {
			o.Errorf("%s: subject %.200q, body %.200q, %v; want %.200q, %.200q", c.name, letter.Subject, letter.Body, err, c.subject, c.body)
		}
		if got := s.mail(c.raw, "%uuid"); got != "250 2.0.0 stored" {
			o.Errorf("%s: %s", c.name, got)
		}
		if n := o.counted(o.check); n != int64(i+1) {
			o.Fatalf("%s: %d pings, want %d", c.name, n, i+1)
		}
		s.tell("RSET", "250")
		o.wait(time.Minute)
	}
	for _, p := range o.pings(o.check) {
		if !utf8.ValidString(p.Detail.Message) || strings.ContainsAny(p.Detail.Message, "\r\n\x00") {
			o.Errorf("ping %d shows %.100q", p.N, p.Detail.Message)
		}
	}
}

func TestMailWhoseReadingFails(t *testing.T) {
	broken := errors.New("the line went dead")
	for _, before := range []int{0, 100, mailbox.ReadLimit + 100} {
		r := io.MultiReader(strings.NewReader(strings.Repeat("x", before)), iotest.ErrReader(broken))
		if _, err := mailbox.Read(r); !errors.Is(err, broken) {
			t.Errorf("after %d bytes: %v", before, err)
		}
	}
}

// The end of a long mail is not kept, and tells it from others all the same.
func TestLongMailsAreToldApart(t *testing.T) {
	long := "Date: x\n\n" + strings.Repeat("a", mailbox.ReadLimit)
	one, _ := mailbox.Read(strings.NewReader(long + "one"))
	same, _ := mailbox.Read(strings.NewReader(long + "one"))
	other, _ := mailbox.Read(strings.NewReader(long + "two"))
	if one.ID == "" || one.ID != same.ID || one.ID == other.ID {
		t.Errorf("%s, %s, %s", one.ID, same.ID, other.ID)
	}
	if len(one.Body) > mailbox.TextLimit {
		t.Errorf("%d bytes of text", len(one.Body))
	}
}
