package web

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

func TestTrialConnection(t *testing.T) {
	// ASVS 2.4.1, 15.2.2
	h := newHouse(t)
	b := h.asMember()
	got := b.do("POST", "/api/connection", map[string]string{"offer": "v=0", "mid": "0"})
	if got.status != http.StatusOK || got.json(t)["answer"] != "answer to v=0 via 127.0.0.1" {
		t.Errorf("%d %s", got.status, got.body)
	}
	if got.json(t)["relay"] != nil {
		t.Errorf("the relay is opened to who did not ask: %s", got.body)
	}
	got = b.do("POST", "/api/connection", map[string]any{"offer": "v=0", "mid": "0", "relay": true})
	if grant, ok := got.json(t)["relay"].(map[string]any); !ok || !strings.HasPrefix(grant["username"].(string), "for ") || grant["credential"] != "password" || grant["lifetimeMs"] != 3.6e6 {
		t.Errorf("the relay: %s", got.body)
	}
	expect(t, "a bad offer", b.do("POST", "/api/connection", map[string]string{"offer": "", "mid": "0"}), http.StatusBadRequest, "bad-request")
	expect(t, "no room for another", b.do("POST", "/api/connection", map[string]string{"offer": "full", "mid": "0"}), http.StatusServiceUnavailable, "busy")
	expect(t, "unknown fields", b.do("POST", "/api/connection", map[string]string{"offer": "v=0", "mid": "0", "call": "x"}), http.StatusBadRequest, "bad-request")
	for i := 5; i < trialsBurst; i++ {
		b.do("POST", "/api/connection", map[string]string{"offer": "v=0", "mid": "0"})
	}
	expect(t, "too many", b.do("POST", "/api/connection", map[string]string{"offer": "v=0", "mid": "0"}), http.StatusTooManyRequests, "too-fast")
	// Another session has its own.
	if got := h.asOther().do("POST", "/api/connection", map[string]string{"offer": "v=0", "mid": "0"}); got.status != http.StatusOK {
		t.Errorf("another's: %d %s", got.status, got.body)
	}
}

func TestEcho(t *testing.T) {
	h := newHouse(t)
	b := h.asMember()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	dial := func(b *browser, origin string, protocols ...string) (*websocket.Conn, *http.Response, error) {
		return websocket.Dial(ctx, "wss"+strings.TrimPrefix(b.h.tls.URL, "https")+"/api/connection/echo",
			&websocket.DialOptions{HTTPClient: b.client, HTTPHeader: http.Header{"Origin": {origin}, "Sec-Fetch-Site": {"same-origin"}}, Subprotocols: protocols})
	}
	c, _, err := dial(b, h.tls.URL, "huisclos.2")
	must(t, err)
	defer c.CloseNow()
	for _, text := range []string{"1", strings.Repeat("x", 64)} {
		must(t, c.Write(ctx, websocket.MessageText, []byte(text)))
		if _, got, err := c.Read(ctx); err != nil || string(got) != text {
			t.Errorf("%q, %v", got, err)
		}
	}
	must(t, c.Write(ctx, websocket.MessageText, []byte(strings.Repeat("x", 65))))
	if _, _, err := c.Read(ctx); websocket.CloseStatus(err) != websocket.StatusMessageTooBig {
		t.Errorf("a long message: %v", err)
	}
	old, _, err := dial(b, h.tls.URL, "huisclos.0")
	must(t, err)
	if code := closeCode(ctx, old); code != 4001 { // reload
		t.Errorf("a page of another version: %d", code)
	}
	for name, try := range map[string]func() (*websocket.Conn, *http.Response, error){
		"foreign origin": func() (*websocket.Conn, *http.Response, error) { return dial(b, "https://evil.example", "huisclos.2") },
		"nobody":         func() (*websocket.Conn, *http.Response, error) { return dial(h.browser(), h.tls.URL, "huisclos.2") },
	} {
		if c, _, err := try(); err == nil {
			_ = c.CloseNow()
			t.Errorf("%s: connected", name)
		}
	}
}
