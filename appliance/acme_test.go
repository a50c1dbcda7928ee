package appliance

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"huisclos/appliance/certs"
	"huisclos/appliance/config"
	"huisclos/audit"
)

const acmeName = "visio.acme.test"

// startAuthority runs Pebble, the ACME server of another hand that appliance/certs/order tests with in depth, which asks for names where
// every one leads to this machine, and looks for its answers at our port. It returns its directory and the file of its own authority.
func startAuthority(t *testing.T, port int) (directory, ca string) {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, "pebble")
	build := exec.Command("go", "build", "-o", program, "github.com/letsencrypt/pebble/v2/cmd/pebble")
	build.Dir = filepath.Join("..", ".ci", "tools")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("Pebble is not built: %v %s", err, out)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "pebble"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	must(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	ca = filepath.Join(dir, "ca.pem")
	must(t, os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "key.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600))
	address := freeAddress(t)
	text, err := json.Marshal(map[string]any{"pebble": map[string]any{"listenAddress": address, "certificate": ca, "privateKey": filepath.Join(dir, "key.pem"), "httpPort": 1, "tlsPort": port,
		"keyAlgorithm": "ecdsa", "retryAfter": map[string]int{"authz": 1, "order": 1}, "profiles": map[string]any{"default": map[string]any{"description": "", "validityPeriod": 90 * 24 * 3600}}}})
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "config.json"), text, 0o600))
	run := exec.Command(program, "-config", filepath.Join(dir, "config.json"), "-dnsserver", everyNameHere(t))
	run.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=4", "PEBBLE_AUTHZREUSE=0")
	run.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := run.StdoutPipe()
	must(t, err)
	must(t, run.Start())
	t.Cleanup(func() { _ = run.Process.Kill(); _ = run.Wait() })
	up := make(chan struct{})
	go func() {
		lines, once := bufio.NewScanner(out), sync.Once{}
		for lines.Scan() {
			if strings.Contains(lines.Text(), "Listening on") {
				once.Do(func() { close(up) })
			}
		}
	}()
	select {
	case <-up:
	case <-time.After(30 * time.Second):
		t.Fatal("Pebble does not start")
	}
	eventually(t, "Pebble answers", func() bool {
		c, err := net.Dial("tcp", address)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
	return "https://" + address + "/dir", ca
}

// everyNameHere is a DNS over TCP (RFC 1035 §4.2.2) in which every name has the address 127.0.0.1.
func everyNameHere(t *testing.T) string {
	t.Helper()
	l := loopback(t)
	t.Cleanup(func() { _ = l.Close() })
	answer := func(c net.Conn) {
		defer c.Close()
		for {
			var length [2]byte
			if _, err := io.ReadFull(c, length[:]); err != nil {
				return
			}
			b := make([]byte, binary.BigEndian.Uint16(length[:]))
			if _, err := io.ReadFull(c, b); err != nil {
				return
			}
			end := 12
			for end < len(b) && b[end] != 0 {
				end += int(b[end]) + 1
			}
			if end += 5; end > len(b) { // the closing zero, type and class
				return
			}
			out := append([]byte{b[0], b[1], 0x85, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, b[12:end]...)
			if b[end-3] == 1 { // A
				out[7] = 1
				out = append(out, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1)
			}
			if _, err := c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(out))), out...)); err != nil {
				return
			}
		}
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go answer(c)
		}
	}()
	return l.Addr().String()
}

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
	directory, ca := startAuthority(t, atoi(t, text))
	s.Hostnames, s.TLSMode = []string{acmeName}, config.ByACME
	s.ACME = config.ACME{Directory: directory, Contact: "admin@acme.test", Terms: true, CAFile: ca}
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
