package meetings

import (
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"time"

	"huisclos/crypto/mls"
)

// fakeRelay counts credentials, and notes what is revoked.
type fakeRelay struct {
	mu      sync.Mutex
	n       int
	revoked []string
}

func (f *fakeRelay) Credential(account mls.AccountID, session string, now time.Time) (username, password string, expires time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.n++
	return fmt.Sprint(account, " ", session, " ", f.n), "secret", now.Add(time.Hour)
}

func (f *fakeRelay) Revoke(account mls.AccountID, _ time.Time, sessions ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.revoked = append(f.revoked, fmt.Sprint(account, " ", sessions))
}

// TestRelayCredentials: a member gets one when its media is admitted, and when it asks; nobody else does, and the end of a
// session ends them.
func TestRelayCredentials(t *testing.T) {
	media, relay := newFakeMedia(), &fakeRelay{}
	w := newWorld(t, Limits{}) // only for its clients
	h := NewHall(HallOptions{Statements: w.rules, Records: oneCard(w.card()), Media: media, Plane: media, Relay: relay})
	defer h.Close()
	enter := func(c *client) (*seat, *Line) {
		s := newSeat()
		line, err := h.Connect(w.card().ID, Visitor{Account: c.account, Name: c.name, Session: "here", Via: netip.MustParseAddr("192.0.2.1")}, s)
		if err != nil {
			t.Fatal(err)
		}
		line.Receive(&Hello{Protocol: ProtocolVersion, Device: ID(c.device), SignatureKey: c.id.Signer.PublicKey()})
		await[*RoomStatus](t, s)
		return s, line
	}
	host, stranger := w.client(1, 1), w.client(2, 1)
	seat, line := enter(host)
	line.Receive(&WantRelay{})
	if f := await[*Failure](t, seat); f.Code != "not-member" || f.Request != "relay" {
		t.Errorf("before the call: %+v", f)
	}
	line.Receive(host.created(host.rules()))
	await[*Created](t, seat)
	for n := 1; n <= 2; n++ {
		want := Relay{Username: fmt.Sprint(host.account, " here ", n), Credential: "secret", LifetimeMs: 3_600_000}
		if got := await[*Relay](t, seat); *got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
		line.Receive(&WantRelay{})
	}
	waiting, other := enter(stranger)
	other.Receive(&WantRelay{})
	if f := await[*Failure](t, waiting); f.Code != "not-member" {
		t.Errorf("in the lobby: %+v", f)
	}
	h.EndSessions(host.account, "here")
	h.EndSessions(stranger.account)
	relay.mu.Lock()
	defer relay.mu.Unlock()
	if got, want := fmt.Sprint(relay.revoked), fmt.Sprint([]string{fmt.Sprint(host.account, " [here]"), fmt.Sprint(stranger.account, " []")}); got != want {
		t.Errorf("revoked %s, want %s", got, want)
	}
}

// TestNoRelay: without one nothing is promised.
func TestNoRelay(t *testing.T) {
	media := newFakeMedia()
	w := newWorld(t, Limits{})
	h := NewHall(HallOptions{Statements: w.rules, Records: oneCard(w.card()), Media: media, Plane: media})
	defer h.Close()
	host, s := w.client(1, 1), newSeat()
	line, err := h.Connect(w.card().ID, Visitor{Account: host.account, Name: host.name}, s)
	if err != nil {
		t.Fatal(err)
	}
	line.Receive(&Hello{Protocol: ProtocolVersion, Device: ID(host.device), SignatureKey: host.id.Signer.PublicKey()})
	line.Receive(host.created(host.rules()))
	await[*Created](t, s)
	line.Receive(&WantRelay{})
	if f := await[*Failure](t, s); f.Code != "media" || f.Request != "relay" {
		t.Errorf("%+v", f)
	}
}
