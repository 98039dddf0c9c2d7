package mailbox_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"rollcall/internal/mailbox"
)

func TestStop(t *testing.T) {
	o := newOffice(t)
	idle, inMail := o.dial(), o.dial()
	idle.tell("EHLO job.example", "250")
	for i := 0; i < len(envelope); i += 2 {
		inMail.tell(envelope[i], envelope[i+1])
	}
	inMail.tell("DATA", "354")
	inMail.send("Subject: half\r\n")
	release := o.door.hold()
	storing := o.dial()
	for i := 0; i < len(envelope); i += 2 {
		storing.tell(envelope[i], envelope[i+1])
	}
	storing.tell("DATA", "354")
	storing.send(onWire(nightly))
	for o.in.Evidence(o.now()).After(o.now().Add(-50 * time.Millisecond)) { // until it waits for the database
		if t.Context().Err() != nil {
			t.Fatal("the mail does not arrive")
		}
	}

	stopped := make(chan bool)
	go func() {
		o.shut()
		close(stopped)
	}()
	idle.expect("421 ")
	idle.expect("closed")
	if conn, err := net.Dial("tcp", o.addr); err == nil {
		t.Errorf("still accepts %s", conn.LocalAddr())
	}
	inMail.send("\r\ndone\r\n.\r\n")
	release()
	for _, c := range []*client{inMail, storing} {
		c.expect("250 2.0.0 stored")
		c.expect("421 ")
		c.expect("closed")
	}
	<-stopped
	if n := o.counted(o.check); n != 2 {
		t.Errorf("%d pings", n)
	}
}

func TestStopBeforeTheFirstClient(t *testing.T) {
	o := newOffice(t)
	for range 50 {
		o.reopen()
		o.shut()
	}
}

// newCertificate writes a certificate for the domain, and adds it to roots.
func newCertificate(t *testing.T, roots *x509.CertPool, certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: domain, SerialNumber: serial.String()}, DNSNames: []string{domain},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots.AddCert(parsed)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSTARTTLS(t *testing.T) {
	roots, dir := x509.NewCertPool(), t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	newCertificate(t, roots, cert, key)
	o := newOffice(t, func(c *mailbox.Config) {
		var err error
		if c.TLS, err = mailbox.Certificate(cert, key); err != nil {
			t.Fatal(err)
		}
	})
	send := func(raw string) (serial string) {
		conn, err := net.Dial("tcp", o.addr)
		if err != nil {
			t.Fatal(err)
		}
		c, err := smtp.NewClientStartTLS(conn, &tls.Config{ServerName: domain, RootCAs: roots})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := c.SendMail("root@nas.example", []string{o.check.UUID.String() + "@" + domain}, strings.NewReader(raw)); err != nil {
			t.Fatal(err)
		}
		state, ok := c.TLSConnectionState()
		if offered, _ := c.Extension("AUTH"); !ok || offered {
			t.Errorf("TLS: %t, AUTH: %t", ok, offered)
		}
		return state.PeerCertificates[0].Subject.SerialNumber
	}
	first := send("Subject: one\r\n\r\n")
	newCertificate(t, roots, cert, key)
	if second := send("Subject: two\r\n\r\n"); first == second {
		t.Error("the old certificate is still in use")
	}
	if got := o.mail("Subject: three\n\n", "%uuid"); got != "250 2.0.0 stored" {
		t.Errorf("without TLS: %s", got)
	}
	if n := o.counted(o.check); n != 3 {
		t.Errorf("%d pings", n)
	}
}

// What comes in the clear before the handshake is not taken for what was said after it.
func TestNothingIsInjectedBeforeTLS(t *testing.T) {
	roots, dir := x509.NewCertPool(), t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	newCertificate(t, roots, cert, key)
	o := newOffice(t, func(c *mailbox.Config) { c.TLS, _ = mailbox.Certificate(cert, key) })
	s := o.dial()
	s.tell("EHLO a", "250")
	s.send(s.fill("STARTTLS\r\nEHLO evil\r\nMAIL FROM:<>\r\nRCPT TO:<%uuid+fail@%domain>\r\n"))
	s.expect("220 ")
	secure := tls.Client(s.Conn, &tls.Config{ServerName: domain, RootCAs: roots})
	if err := secure.Handshake(); err != nil {
		return // the handshake fails over the bytes in the clear: as good
	}
	s.Conn, s.text = secure, textproto.NewConn(secure)
	s.tell("DATA", "502")
	s.tell("MAIL FROM:<>", "502")
}

func TestCertificateThatIsNone(t *testing.T) {
	if _, err := mailbox.Certificate("/nowhere/cert.pem", "/nowhere/key.pem"); err == nil || !strings.Contains(err.Error(), "/nowhere/cert.pem") {
		t.Error(err)
	}
}
