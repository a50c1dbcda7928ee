package appliance

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"huisclos/appliance/certs"
	"huisclos/appliance/certs/order/pebbletest"
	"huisclos/appliance/config"
	"huisclos/audit"
)

// acmeName leads to this machine, as all names do by the DNS of the authority of another hand with which appliance/certs/order tests in depth.
const acmeName = "visio.acme.test"

// served is what a browser gets at the port.
func served(t *testing.T, a *Appliance) *x509.Certificate {
	t.Helper()
	c, err := tls.Dial("tcp", a.at(), &tls.Config{ServerName: acmeName, InsecureSkipVerify: true})
	must(t, err)
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0]
}

// TestCertificateByACME is the whole way through the appliance: it orders from an authority, through the process that connects outward;
// answers the challenge at the port at which it serves the pages; serves the certificate at once, with people connected; renews it before
// its end; and has it again after a restart. What calls it here is what calls it each minute (tend).
func TestCertificateByACME(t *testing.T) {
	if testing.Short() {
		t.Skip("an authority of another hand")
	}
	var off atomic.Int64
	s := testSettings(t)
	s.Listen = freeAddress(t)
	_, text, err := net.SplitHostPort(s.Listen)
	must(t, err)
	authority := pebbletest.New(t, pebbletest.Ports{TLS: atoi(t, text), HTTP: 1}, nil)
	s.Hostnames, s.TLSMode = []string{acmeName}, config.ByACME
	s.ACME = config.ACME{Directory: authority.Directory, Contact: "admin@acme.test", Terms: true, CAFile: authority.CA}
	s.From = map[string]string{"tls.mode": "a file", "tls.acme_directory": "a file"}
	s.now, s.steady = func() time.Time { return time.Now().Add(time.Duration(off.Load())) }, time.Now
	beside(t, &s)
	a, _ := start(t, s)
	if c := served(t, a); c.Issuer.CommonName != c.Subject.CommonName || a.keeper.Mode() != certs.ModeACME {
		t.Fatalf("before the order it serves %v by %v", c.Subject, c.Issuer)
	}
	// Somebody who is connected with the certificate of before stays connected.
	open, err := tls.Dial("tcp", a.at(), &tls.Config{ServerName: acmeName, InsecureSkipVerify: true})
	must(t, err)
	defer open.Close()
	asks := func() {
		t.Helper()
		_, err := io.WriteString(open, "GET /healthz HTTP/1.1\r\nHost: "+acmeName+"\r\n\r\n")
		must(t, err)
		b := make([]byte, 4096)
		n, err := open.Read(b)
		must(t, err)
		if !strings.HasPrefix(string(b[:n]), "HTTP/1.1 ") {
			t.Fatalf("%q", b[:n])
		}
	}
	asks()
	must(t, a.tls.tend(false, s.now()))
	first := served(t, a)
	if !strings.Contains(first.Issuer.CommonName, "Pebble") || !slices.Contains(first.DNSNames, acmeName) {
		t.Fatalf("it serves %v by %v", first.DNSNames, first.Issuer)
	}
	asks()
	must(t, a.tls.tend(false, s.now().Add(time.Minute)))
	if !served(t, a).Equal(first) {
		t.Error("it orders again a minute later")
	}
	// Twenty days before its end another takes its place, without a restart.
	off.Store(int64(time.Until(first.NotAfter) - 20*24*time.Hour))
	must(t, a.tls.tend(false, s.now()))
	second := served(t, a)
	if second.Equal(first) || !strings.Contains(second.Issuer.CommonName, "Pebble") || !s.now().Before(first.NotAfter) {
		t.Fatalf("not renewed before its end: %v until %v", second.SerialNumber, second.NotAfter)
	}
	list, err := a.trail.List(0, 50)
	must(t, err)
	n := 0
	for _, e := range list {
		if e.Action == audit.CertificateServed {
			n++
		}
	}
	if n != 2 {
		t.Errorf("the audit log has %d certificates", n)
	}
	off.Store(0)
	_ = open.Close()
	a.Stop()
	again, _ := start(t, s)
	if !served(t, again).Equal(second) {
		t.Error("after a restart it serves another")
	}
}
