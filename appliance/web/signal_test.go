package web

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"huisclos/meetings"
)

// dial opens a room's WebSocket as a page of ours would; change may alter the request's headers.
func (b *browser) dial(ctx context.Context, room string, change func(http.Header)) (*websocket.Conn, *http.Response, error) {
	header := http.Header{"Origin": {b.h.tls.URL}, "Sec-Fetch-Site": {"same-origin"}}
	if change != nil {
		change(header)
	}
	protocols := []string{"huisclos.2"}
	if p := header.Get("Sec-WebSocket-Protocol"); p != "" {
		protocols = []string{p}
		header.Del("Sec-WebSocket-Protocol")
	}
	return websocket.Dial(ctx, "wss"+strings.TrimPrefix(b.h.tls.URL, "https")+"/api/rooms/"+room+"/signal",
		&websocket.DialOptions{HTTPClient: b.client, HTTPHeader: header, Subprotocols: protocols})
}

func (b *browser) enter(t *testing.T, ctx context.Context, room string) *websocket.Conn {
	t.Helper()
	c, _, err := b.dial(ctx, room, nil)
	must(t, err)
	t.Cleanup(func() { _ = c.CloseNow() })
	hello := map[string]any{"type": "hello", "protocol": 2, "device": "AAAAAAAAAAAAAAAAAAAAAA", "signatureKey": "BAAA"}
	data, err := json.Marshal(hello)
	must(t, err)
	must(t, c.Write(ctx, websocket.MessageText, data))
	return c
}

// next reads messages until one of that type.
func next(t *testing.T, ctx context.Context, c *websocket.Conn, kind string) map[string]any {
	t.Helper()
	for {
		_, data, err := c.Read(ctx)
		must(t, err)
		var m map[string]any
		must(t, json.Unmarshal(data, &m))
		if m["type"] == kind {
			return m
		}
	}
}

func closeCode(ctx context.Context, c *websocket.Conn) websocket.StatusCode {
	for {
		if _, _, err := c.Read(ctx); err != nil {
			return websocket.CloseStatus(err)
		}
	}
}

func TestSignallingIsWhoTheSessionSays(t *testing.T) {
	// ASVS 4.4.4
	s := newScene(t)
	owner := s.asMember()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	m := next(t, ctx, owner.enter(t, ctx, s.room), "room")
	you := m["you"].(map[string]any)
	if you["account"] != s.member.ID.String() || you["name"] != s.member.Name || m["state"] != "empty" {
		t.Errorf("the owner is told %v", m)
	}
	other := s.asOther()
	m = next(t, ctx, other.enter(t, ctx, s.room), "room")
	if m["you"].(map[string]any)["account"] != s.other.ID.String() || m["state"] != "waiting-host" {
		t.Errorf("another is told %v", m)
	}
	// The room stands in the visitor's list from now on.
	if list := other.do("GET", "/api/rooms", nil).json(t)["rooms"].([]any); len(list) != 1 {
		t.Errorf("visited rooms: %v", list)
	}
}

func TestSignallingIsRefusedToOthers(t *testing.T) {
	// ASVS 4.4.2
	s := newScene(t)
	owner := s.asMember()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for name, tt := range map[string]struct {
		b      *browser
		room   string
		change func(http.Header)
		status int
	}{
		"nobody":         {s.browser(), s.room, nil, http.StatusUnauthorized},
		"foreign origin": {owner, s.room, func(h http.Header) { h.Set("Origin", "https://evil.example") }, http.StatusForbidden},
		"no origin":      {owner, s.room, func(h http.Header) { h.Del("Origin") }, http.StatusForbidden},
		"null origin":    {owner, s.room, func(h http.Header) { h.Set("Origin", "null") }, http.StatusForbidden},
		"sibling site":   {owner, s.room, func(h http.Header) { h.Set("Sec-Fetch-Site", "same-site") }, http.StatusForbidden},
		"no such room":   {owner, "AAAAAAAAAAAAAAAAAAAAAA", nil, http.StatusNotFound},
	} {
		c, res, err := tt.b.dial(ctx, tt.room, tt.change)
		if err == nil {
			_ = c.CloseNow()
			t.Errorf("%s: connected", name)
			continue
		}
		if res == nil || res.StatusCode != tt.status {
			t.Errorf("%s: %v, want %d", name, res, tt.status)
		}
	}
	c, _, err := owner.dial(ctx, s.room, func(h http.Header) { h.Set("Sec-WebSocket-Protocol", "huisclos.1") })
	must(t, err)
	if got := closeCode(ctx, c); got != websocket.StatusCode(meetings.CloseReload) {
		t.Errorf("another protocol version: closed with %d", got)
	}
}

// TestRightsEndCalls: each act that takes a right away closes the connections that had it, and no others.
func TestRightsEndCalls(t *testing.T) {
	// ASVS 4.4.4, 8.3.2
	sessionEnded, roomDeleted := websocket.StatusCode(meetings.CloseSession), websocket.StatusCode(meetings.CloseRoomDeleted)
	for name, tt := range map[string]struct {
		act  func(t *testing.T, s *scene, owner *browser)
		want websocket.StatusCode
		stay bool // the other member's connection stays
	}{
		"sign-out": {func(t *testing.T, _ *scene, b *browser) {
			expect(t, "sign-out", b.do("POST", "/api/logout", nothing), http.StatusNoContent, "")
		}, sessionEnded, true},
		"session ended from another browser": {func(t *testing.T, s *scene, b *browser) {
			for _, item := range b.do("GET", "/api/account/sessions", nil).json(t)["sessions"].([]any) {
				if l := item.(map[string]any); l["current"] == true {
					expect(t, "end", s.asMember().do("DELETE", "/api/account/sessions/"+l["id"].(string), nil), http.StatusNoContent, "")
				}
			}
		}, sessionEnded, true},
		"passphrase changed elsewhere": {func(t *testing.T, s *scene, _ *browser) {
			expect(t, "change", s.asMember().do("POST", "/api/account/passphrase",
				map[string]string{"old": memberPassphrase, "new": "vingt vaches valsent vite"}), http.StatusOK, "")
		}, sessionEnded, true},
		"disabled": {func(t *testing.T, s *scene, _ *browser) {
			expect(t, "disable", s.asAdministrator().do("PATCH", "/api/admin/accounts/"+s.member.ID.String(), map[string]any{"disabled": true}), http.StatusOK, "")
		}, sessionEnded, true},
		"account deleted": {func(t *testing.T, s *scene, _ *browser) {
			expect(t, "delete", s.asAdministrator().do("DELETE", "/api/admin/accounts/"+s.member.ID.String(), nil), http.StatusNoContent, "")
		}, sessionEnded, false}, // the room was the account's
		"room deleted": {func(t *testing.T, s *scene, b *browser) {
			expect(t, "delete", b.do("DELETE", "/api/rooms/"+s.room, nil), http.StatusNoContent, "")
		}, roomDeleted, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			owner := s.asMember()
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			mine := owner.enter(t, ctx, s.room)
			next(t, ctx, mine, "room")
			theirs := s.asOther().enter(t, ctx, s.room)
			next(t, ctx, theirs, "room")
			tt.act(t, s, owner)
			if got := closeCode(ctx, mine); got != tt.want && !(name == "account deleted" && got == roomDeleted) {
				t.Errorf("closed with %d, want %d", got, tt.want)
			}
			short, cancel := context.WithTimeout(ctx, 700*time.Millisecond)
			defer cancel()
			if got := closeCode(short, theirs); (got == -1) != tt.stay {
				t.Errorf("the other's connection: %d", got)
			}
		})
	}
}

func TestRenamedRoomIsTold(t *testing.T) {
	s := newScene(t)
	owner := s.asMember()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	c := owner.enter(t, ctx, s.room)
	next(t, ctx, c, "room")
	expect(t, "rename", owner.do("PATCH", "/api/rooms/"+s.room, map[string]string{"name": "Autre"}), http.StatusOK, "")
	if got := next(t, ctx, c, "room")["room"].(map[string]any)["name"]; got != "Autre" {
		t.Errorf("name %v", got)
	}
}
