package order

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"huisclos/appliance/certs"
)

// The authority of these tests is Pebble, Let's Encrypt's small ACME server, in the version of .ci/tools/go.mod. It is built once.
var pebbleProgram = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "pebble")
	if err != nil {
		return "", err
	}
	program := filepath.Join(dir, "pebble")
	build := exec.Command("go", "build", "-o", program, "github.com/letsencrypt/pebble/v2/cmd/pebble")
	build.Dir = filepath.Join("..", "..", "..", ".ci", "tools")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return program, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if program, err := pebbleProgram(); err == nil {
		_ = os.RemoveAll(filepath.Dir(program))
	}
	os.Exit(code)
}

// pebble is an authority on loopback, and the ports at which it looks for answers.
type pebble struct {
	directory    string
	roots        *x509.CertPool
	secure       net.Listener // where it looks for tls-alpn-01
	plain        net.Listener // where it looks for http-01
	stop         func()
	addr, folder string
	config       map[string]any
}

const domain = "visio.acme.test"

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func portOf(l net.Listener) int { return l.Addr().(*net.TCPAddr).Port }

func startPebble(t *testing.T, change map[string]any) *pebble {
	t.Helper()
	if testing.Short() {
		t.Skip("an authority of another hand")
	}
	p := &pebble{folder: t.TempDir(), secure: listen(t), plain: listen(t)}
	api := listen(t)
	p.addr = api.Addr().String()
	_ = api.Close()
	p.directory = "https://" + p.addr + "/dir"
	cert, key := p.identity(t)
	p.config = map[string]any{"listenAddress": p.addr, "certificate": cert, "privateKey": key, "httpPort": portOf(p.plain), "tlsPort": portOf(p.secure),
		"domainBlocklist": []string{"blocked.acme.test"}, "keyAlgorithm": "ecdsa", "retryAfter": map[string]int{"authz": 1, "order": 1}, "profiles": map[string]any{"default": map[string]any{"description": "", "validityPeriod": 7776000}}}
	for k, v := range change {
		p.config[k] = v
	}
	p.start(t)
	return p
}

func (p *pebble) start(t *testing.T) {
	t.Helper()
	program, err := pebbleProgram()
	if err != nil {
		t.Fatalf("Pebble is not built: %v", err)
	}
	text, err := json.Marshal(map[string]any{"pebble": p.config})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(p.folder, "config.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	run := exec.Command(program, "-config", file, "-dnsserver", names(t))
	run.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=4", "PEBBLE_AUTHZREUSE=0", "PEBBLE_CHAIN_LENGTH=1")
	out, err := run.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	up := make(chan struct{})
	go func() {
		lines, once := bufio.NewScanner(out), sync.Once{}
		for lines.Scan() {
			if strings.Contains(lines.Text(), "Listening on") {
				once.Do(func() { close(up) })
			}
		}
	}()
	stop := sync.OnceFunc(func() { _ = run.Process.Kill(); _ = run.Wait() })
	p.stop = stop
	t.Cleanup(stop)
	select {
	case <-up:
	case <-time.After(20 * time.Second):
		t.Fatal("Pebble does not start")
	}
	for range 100 { // it says so a little before
		if c, err := net.Dial("tcp", p.addr); err == nil {
			_ = c.Close()
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatal("Pebble does not answer")
}

// identity makes the certificate of the authority's own server, and whom it leads to.
func (p *pebble) identity(t *testing.T) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "pebble"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
	der, err := x509.CreateCertificate(rand.Reader, c, c, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	p.roots = x509.NewCertPool()
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	p.roots.AppendCertsFromPEM(text)
	cert, key = filepath.Join(p.folder, "cert.pem"), filepath.Join(p.folder, "key.pem")
	for name, b := range map[string][]byte{cert: text, key: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})} {
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// names is a DNS over TCP (RFC 1035 §4.1, §4.2.2), as Pebble asks one, that leads every name to this machine but those that begin
// with "unknown".
func names(t *testing.T) string {
	t.Helper()
	l := listen(t)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go resolve(c)
		}
	}()
	return l.Addr().String()
}

func resolve(c net.Conn) {
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
		question, isA := b[12:end], b[end-3] == 1
		out := append([]byte{b[0], b[1], 0x85, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, question...)
		switch {
		case bytes.HasPrefix(question[1:], []byte("unknown")):
			out[3] = 0x83 // no such name
		case isA:
			out[7] = 1
			out = append(out, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1)
		}
		if _, err := c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(out))), out...)); err != nil {
			return
		}
	}
}

func dial(ctx context.Context, host string, port int) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(host, fmt.Sprint(port)))
}

// house is an appliance, as far as certificates go.
type house struct {
	*Renewer
	keeper *certs.Keeper
	plain  sync.Map // path → text
	kept   int
}

func newHouse(t *testing.T, folder string) *house {
	t.Helper()
	h := &house{}
	o := certs.Options{Directory: folder, Mode: certs.ModeACME, Hostnames: []string{domain}, Random: rand.Reader}
	var err error
	if h.keeper, err = certs.Open(o, time.Now()); err != nil {
		t.Fatal(err)
	}
	h.Renewer = &Renewer{Client: Client{Folder: filepath.Join(folder, "acme"), Dial: dial, Secure: h.keeper.Answer, Random: rand.Reader, Agent: "huisclos/test",
		Plain: func(path, text string) {
			if text == "" {
				h.plain.Delete(path)
			} else {
				h.plain.Store(path, text)
			}
		}},
		Leaf: h.keeper.ACMELeaf,
		Keep: func(m certs.Material, now time.Time) error {
			h.kept++
			pair, err := certs.Assemble(m, nil, now)
			if err != nil {
				return err
			}
			return h.keeper.Issued(pair, now)
		}}
	return h
}

// answer serves what the authority looks at, at one of its ports or both.
func (h *house) answer(p *pebble, secure, plain bool) {
	if secure {
		go func() {
			for {
				c, err := p.secure.Accept()
				if err != nil {
					return
				}
				go func() { _ = tls.Server(c, h.keeper.TLS()).Handshake(); _ = c.Close() }()
			}
		}()
	}
	if plain {
		go func() {
			_ = http.Serve(p.plain, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				text, ok := h.plain.Load(r.URL.Path)
				if !ok {
					http.NotFound(w, r)
					return
				}
				_, _ = w.Write([]byte(text.(string)))
			}))
		}()
	}
}

func (p *pebble) settings() Settings {
	return Settings{Directory: p.directory, Contact: "admin@acme.test", Terms: true, Names: []string{domain}, Roots: p.roots}
}
