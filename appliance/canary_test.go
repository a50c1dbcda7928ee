package appliance

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"huisclos/appliance/control"
	"huisclos/audit"
)

// askAs makes a request with a token in the session's place, and gives the status.
func (h *household) askAs(t *testing.T, token, method, path string) int {
	t.Helper()
	body := ""
	if method != http.MethodGet {
		body = "{}"
	}
	r, err := http.NewRequest(method, "https://"+h.at()+path, strings.NewReader(body))
	must(t, err)
	r.AddCookie(&http.Cookie{Name: "__Host-huisclos", Value: token})
	r.Header.Set("Origin", "https://"+h.at())
	r.Header.Set("Content-Type", "application/json")
	c := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}, Timeout: 10 * time.Second}
	res, err := c.Do(r)
	must(t, err)
	_ = res.Body.Close()
	return res.StatusCode
}

func (h *household) actions(t *testing.T) (list []audit.Entry) {
	t.Helper()
	list, err := h.trail.List(1<<62, 100)
	must(t, err)
	return list
}

// TestCanaryOpensItsRoomOnly: the tokens of a test call are worth nothing on any other route, in any other room, and after its end.
func TestCanaryOpensItsRoomOnly(t *testing.T) {
	h := newHousehold(t, 1)
	before, err := h.accounts.Count()
	must(t, err)
	c, err := h.makeCanary()
	must(t, err)
	if _, err := h.makeCanary(); err == nil {
		t.Error("two at a time")
	}
	token, other := c.People[0].Token, h.link.Room.String()
	room := "/api/rooms/" + c.Room
	for _, r := range [][2]string{
		{"GET", "/api/me"}, {"PATCH", "/api/account"}, {"POST", "/api/account/passphrase"}, {"GET", "/api/account/sessions"}, {"DELETE", "/api/account/sessions/x"},
		{"GET", "/api/rooms"}, {"POST", "/api/rooms"}, {"GET", room}, {"PATCH", room}, {"DELETE", room}, {"GET", "/api/rooms/" + other},
		{"GET", "/api/rooms/" + other + "/signal"}, {"GET", "/api/rooms/" + other + "/tree/0"}, {"GET", "/api/rooms/nonsense/signal"},
		{"GET", "/api/admin/accounts"}, {"POST", "/api/admin/accounts"}, {"PATCH", "/api/admin/accounts/" + c.People[0].Account}, {"DELETE", "/api/admin/accounts/" + h.link.Owner.String()},
		{"GET", "/api/admin/calls"}, {"POST", "/api/admin/calls/" + c.Room + "/end"}, {"GET", "/api/admin/audit"}, {"GET", "/api/admin/status"},
	} {
		if got := h.askAs(t, token, r[0], r[1]); got != http.StatusUnauthorized {
			t.Errorf("%s %s: %d", r[0], r[1], got)
		}
	}
	if got := h.askAs(t, token, "GET", room+"/signal"); got != http.StatusUpgradeRequired {
		t.Errorf("its own room: %d", got)
	}
	if got := h.askAs(t, token, "GET", room+"/tree/0"); got != http.StatusNotFound {
		t.Errorf("a tree of its own room: %d", got)
	}
	if got := h.askAs(t, token[:42]+"_", "GET", room+"/signal"); got != http.StatusUnauthorized {
		t.Errorf("a token that is nearly right: %d", got)
	}
	// Nobody else's session opens more than before, and the room is nobody's to find: it is in no list and no record.
	if rooms, err := h.rooms.Count(); err != nil || rooms != 1 {
		t.Errorf("%d rooms are stored, %v", rooms, err)
	}
	if n, err := h.accounts.Count(); err != nil || n != before {
		t.Errorf("%d accounts, %d before, %v", n, before, err)
	}
	h.endCanaryOf(other) // another room's name ends nothing
	if got := h.askAs(t, token, "GET", room+"/signal"); got != http.StatusUpgradeRequired {
		t.Errorf("after another's end: %d", got)
	}
	h.endCanaryOf(c.Room)
	if got := h.askAs(t, token, "GET", room+"/signal"); got != http.StatusUnauthorized {
		t.Errorf("after the end: %d", got)
	}
	var said []string
	for _, e := range h.actions(t) {
		if e.Object == c.Room {
			said = append(said, string(e.Action)+" "+e.Actor+" "+e.Detail["reason"])
			for _, v := range e.Detail {
				if strings.Contains(v, token) {
					t.Error("a token is in the audit log")
				}
			}
		}
	}
	if strings.Join(said, "; ") != "canary.ended operator done; canary.made operator " {
		t.Errorf("recorded: %q", said)
	}
	// Its time is over although nobody ended it.
	c, err = h.makeCanary()
	must(t, err)
	h.canaries.mu.Lock()
	h.canaries.running.until = time.Now()
	h.canaries.mu.Unlock()
	if got := h.askAs(t, c.People[1].Token, "GET", "/api/rooms/"+c.Room+"/signal"); got != http.StatusUnauthorized {
		t.Errorf("after its time: %d", got)
	}
}

// TestCheckCall places a test call through a real appliance, by the command and its control socket.
func TestCheckCall(t *testing.T) {
	a, log := start(t, testSettings(t))
	var out, errs bytes.Buffer
	args := []string{"--data", a.settings.Data, "--for", "2s", "--json"}
	if code := CheckCall(t.Context(), args, &out, &errs); code != 0 {
		t.Fatalf("%d\n%s%s\n%s", code, out.String(), errs.String(), log)
	}
	var r struct {
		OK bool
		control.CallReport
	}
	must(t, json.Unmarshal(out.Bytes(), &r))
	if !r.OK || !r.SameWords || r.Frames < 150 || r.Delay50 <= 0 || r.Delay99 < r.Delay50 || len(r.Join) != 2 || r.Join[1] <= 0 || r.FirstFrame[0] <= 0 || r.Loss > worstLoss {
		t.Errorf("%+v", r)
	}
	if a.canaries.current() != nil || len(a.hall.Calls()) != 0 {
		t.Error("something is left of it")
	}
	entries, err := a.trail.List(1<<62, 100)
	must(t, err)
	text, _ := json.Marshal(entries) // plain values
	for _, want := range []string{"canary.made", "call.started", "call.member-added", "canary.ended"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%s is not recorded", want)
		}
	}
	// What does not work is said, and the exit code is 1.
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	errs.Reset()
	if code := CheckCall(ctx, append(args, "--at", "127.0.0.1:9"), &out, &errs); code != 1 || !strings.Contains(errs.String(), "does not answer at this address") || !strings.Contains(errs.String(), "ne répond pas") {
		t.Errorf("nobody there: %d %s", code, errs.String())
	}
	if a.canaries.current() != nil {
		t.Error("a call that failed leaves its room")
	}
	for _, bad := range [][]string{{"--for", "0s"}, {"--for", "1h"}, {"--nothing"}} {
		if code := CheckCall(t.Context(), bad, &out, &errs); code != 2 {
			t.Errorf("%q: %d", bad, code)
		}
	}
}
