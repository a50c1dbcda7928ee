package order

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"huisclos/appliance/certs"
	"huisclos/appliance/certs/order/pebbletest"
)

func TestMain(m *testing.M) {
	code := m.Run()
	pebbletest.Remove()
	os.Exit(code)
}

// pebble is an authority on loopback, and the ports at which it looks for answers.
type pebble struct {
	*pebbletest.Server
	secure net.Listener // where it looks for tls-alpn-01
	plain  net.Listener // where it looks for http-01
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
	p := &pebble{secure: listen(t), plain: listen(t)}
	p.Server = pebbletest.New(t, pebbletest.Ports{TLS: portOf(p.secure), HTTP: portOf(p.plain)}, change)
	return p
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
	return Settings{Directory: p.Directory, Contact: "admin@acme.test", Terms: true, Names: []string{domain}, Roots: p.Roots}
}
