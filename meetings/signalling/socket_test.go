package signalling

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"huisclos/crypto/mls"
	"huisclos/crypto/statement"
	"huisclos/crypto/statement/statementtest"
	"huisclos/meetings"
)

type quietMedia struct{}

func (quietMedia) Open(meetings.CallID, uint64)                                       {}
func (quietMedia) SetEpoch(meetings.CallID, uint64, time.Time)                        {}
func (quietMedia) CloseCall(meetings.CallID)                                          {}
func (quietMedia) Admit(meetings.CallID, meetings.PeerID, mls.LeafIndex)              {}
func (quietMedia) Cut(meetings.CallID, meetings.PeerID)                               {}
func (quietMedia) Stats(meetings.CallID) meetings.MediaStats                          { return meetings.MediaStats{} }
func (quietMedia) Busy() bool                                                         { return false }
func (quietMedia) Subscribe(meetings.CallID, meetings.PeerID, netip.Addr, bool) error { return nil }
func (quietMedia) Answer(meetings.CallID, meetings.PeerID, string) error              { return nil }
func (quietMedia) RestartSubscriber(meetings.CallID, meetings.PeerID) error           { return nil }
func (quietMedia) Wants(meetings.CallID, meetings.PeerID, []meetings.Want) error {
	return nil
}
func (quietMedia) Publish(context.Context, meetings.CallID, meetings.PeerID, netip.Addr, string, []meetings.Stream) (string, error) {
	return "answer", nil
}

var office = mls.RoomID{9}

type cards struct{}

func (cards) Card(id mls.RoomID) (meetings.Card, error) {
	if id != office {
		return meetings.Card{}, meetings.ErrNoRoom
	}
	return meetings.Card{ID: office, Name: "Office", Owner: mls.AccountID{1}}, nil
}

// keyLog is what the calls in these tests go by.
var keyLog = statementtest.New()

// site serves rooms on loopback; ?room picks another one, ?account who it is.
func site(t *testing.T, o Options) (address string, hall *meetings.Hall) {
	t.Helper()
	hall = meetings.NewHall(meetings.HallOptions{Statements: statement.NewChecker(keyLog.Public()), Records: cards{}, Media: quietMedia{}, Plane: quietMedia{}})
	o.Origins = []string{"https://meet.example.org"}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		room := office
		if r.URL.Query().Has("room") {
			room = mls.RoomID{1}
		}
		Serve(w, r, hall, room, meetings.Visitor{Account: mls.AccountID{1}, Name: "Ann", Session: "s"}, o)
	}))
	t.Cleanup(func() {
		hall.Close()
		server.Close()
	})
	return "ws" + strings.TrimPrefix(server.URL, "http"), hall
}

func dial(t *testing.T, address, origin string, protocols ...string) (*websocket.Conn, *http.Response, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	h := http.Header{}
	if origin != "" {
		h.Set("Origin", origin)
	}
	c, response, err := websocket.Dial(ctx, address, &websocket.DialOptions{HTTPHeader: h, Subprotocols: protocols})
	if c != nil {
		c.SetReadLimit(-1)
		t.Cleanup(func() { c.CloseNow() })
	}
	return c, response, err
}

func open(t *testing.T, address string) *websocket.Conn {
	t.Helper()
	c, _, err := dial(t, address, "https://meet.example.org", Subprotocol)
	if err != nil {
		t.Fatal(err)
	}
	if c.Subprotocol() != Subprotocol {
		t.Fatalf("subprotocol %q", c.Subprotocol())
	}
	return c
}

func say(t *testing.T, c *websocket.Conn, text string) {
	t.Helper()
	if err := c.Write(t.Context(), websocket.MessageText, []byte(text)); err != nil {
		t.Fatal(err)
	}
}

// hear reads the next message, which must be of a type, into m.
func hear(t *testing.T, c *websocket.Conn, name string, m any) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, raw, err := c.Read(ctx)
	if err != nil {
		t.Fatalf("waiting for %s: %v", name, err)
	}
	if !strings.HasPrefix(string(raw), `{"type":"`+name+`"`) {
		t.Fatalf("got %.100s, want %s", raw, name)
	}
	if m != nil {
		if err := json.Unmarshal(raw, m); err != nil {
			t.Fatal(err)
		}
	}
}

// closed reads until the other side closes, and returns its code.
func closed(t *testing.T, c *websocket.Conn) websocket.StatusCode {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for {
		if _, _, err := c.Read(ctx); err != nil {
			return websocket.CloseStatus(err)
		}
	}
}

func hello(key string) string {
	return fmt.Sprintf(`{"type":"hello","protocol":2,"device":%s,"signatureKey":%q}`, id16, key)
}

func TestServeACall(t *testing.T) {
	address, hall := site(t, Options{Ping: 20 * time.Millisecond, Dead: 2 * time.Second})
	signer, err := mls.GenerateSigner(mls.Default, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	name, err := mls.NameExtension("Ann")
	if err != nil {
		t.Fatal(err)
	}
	view, index, evidence := keyLog.Vouch(mls.AccountID{1}, mls.DeviceID{}, signer.PublicKey())
	identity := mls.Identity{Signer: signer, Credential: mls.DeviceCredential{Account: mls.AccountID{1}, Statement: index}.Credential(), Extensions: []mls.Extension{name, evidence.Extension()}}
	rules := mls.Room{ID: office, Hosts: []mls.AccountID{{1}}, Profile: mls.Standard(), Owner: mls.AccountID{1}, Checkpoint: view.Marshal()}
	group, err := mls.NewCallGroup(rules, identity, mls.Default, make([]byte, 16), rand.Reader, mls.Policy)
	if err != nil {
		t.Fatal(err)
	}
	info, err := group.GroupInfo(false)
	if err != nil {
		t.Fatal(err)
	}
	c := open(t, address)
	text := func(b []byte) string {
		raw, err := meetings.Bytes(b).MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	say(t, c, hello(text(signer.PublicKey())))
	var status meetings.RoomStatus
	hear(t, c, "room", &status)
	if status.State != meetings.StateEmpty || status.Room.Name != "Office" || status.You.Name != "Ann" {
		t.Fatalf("status %+v", status)
	}
	say(t, c, fmt.Sprintf(`{"type":"create","groupInfo":%q,"tree":%q}`, text(info), text(group.Tree())))
	var created meetings.Position
	hear(t, c, "created", &created)
	if string(created.Group) != string(group.ID()) {
		t.Fatal("another group")
	}
	hear(t, c, "roster", nil)
	hear(t, c, "lobby", nil)
	say(t, c, `{"type":"publish","offer":"o","streams":[{"mid":"0","kind":"audio","context":0}]}`)
	var published meetings.Published
	hear(t, c, "published", &published)
	if published.Answer != "answer" || len(published.Streams) != 1 {
		t.Fatalf("published %+v", published)
	}
	// A second tab of the device.
	second := open(t, address)
	say(t, second, hello(text(signer.PublicKey())))
	hear(t, second, "deviceBusy", nil)
	say(t, second, strings.Replace(hello(text(signer.PublicKey())), `"protocol":2`, `"protocol":2,"replace":true`, 1))
	if code := closed(t, c); code != 4002 {
		t.Fatalf("first tab closed with %d", code)
	}
	// Its tab held the only keys of the call, which ends between the two messages.
	hear(t, second, "room", &status)
	if status.State != meetings.StateCall {
		t.Fatalf("status %+v", status)
	}
	hear(t, second, "room", &status)
	if status.State != meetings.StateEmpty {
		t.Fatalf("status %+v", status)
	}
	// What the hall says of all rooms is counted after the messages have left.
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		if _, live := hall.Live(office); !live {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the call does not end")
		}
	}
	say(t, second, `{"type":"leave"}`)
	if code := closed(t, second); code != websocket.StatusNormalClosure {
		t.Fatalf("closed with %d", code)
	}
}

func TestServeRefuses(t *testing.T) {
	// ASVS 4.4.2, 5.2.1, 17.3.1
	address, _ := site(t, Options{Hello: 50 * time.Millisecond})
	for _, origin := range []string{"", "null", "https://evil.example.org", "http://meet.example.org", "https://meet.example.org.evil.example"} {
		if _, response, err := dial(t, address, origin, Subprotocol); err == nil || response == nil || response.StatusCode != http.StatusForbidden {
			t.Errorf("origin %q: %v %v", origin, response, err)
		}
	}
	if _, response, err := dial(t, address+"?room", "https://meet.example.org", Subprotocol); err == nil || response == nil || response.StatusCode != http.StatusNotFound {
		t.Errorf("no room: %v %v", response, err)
	}
	for _, protocols := range [][]string{nil, {"huisclos.1"}, {"other", "huisclos.0"}} {
		c, _, err := dial(t, address, "https://meet.example.org", protocols...)
		if err != nil {
			t.Errorf("%v: %v", protocols, err)
			continue
		}
		if code := closed(t, c); code != 4001 {
			t.Errorf("%v: closed with %d", protocols, code)
		}
	}
	devices := 0
	for name, tc := range map[string]struct {
		code websocket.StatusCode
		do   func(c *websocket.Conn, hello string) error
	}{
		"silence":       {4006, func(*websocket.Conn, string) error { return nil }},
		"no hello":      {4006, func(c *websocket.Conn, hello string) error { return write(c, `{"type":"leave"}`) }},
		"other version": {4001, func(c *websocket.Conn, hello string) error { return write(c, `{"type":"hello","protocol":1}`) }},
		"binary": {4006, func(c *websocket.Conn, hello string) error {
			return c.Write(context.Background(), websocket.MessageBinary, []byte(hello))
		}},
		"garbage":   {4006, func(c *websocket.Conn, hello string) error { return write(c, `{"type":"nothing"}`) }},
		"two hello": {4006, func(c *websocket.Conn, hello string) error { return errors.Join(write(c, hello), write(c, hello)) }},
		"flood": {4006, func(c *websocket.Conn, hello string) error {
			err := write(c, hello)
			for range messagesBurst + messagesPerSecond {
				err = errors.Join(err, write(c, `{"type":"refresh"}`))
			}
			return err
		}},
		"too big": {websocket.StatusMessageTooBig, func(c *websocket.Conn, hello string) error {
			return errors.Join(write(c, hello), write(c, `{"type":"leave","x":"`+strings.Repeat("x", MaxMessage)+`"}`))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			c := open(t, address)
			// A device of its own: one whose connection before is not over yet is told that it is connected already.
			devices++
			own := hello(fmt.Sprintf("BAA%d", devices))
			own = strings.Replace(own, id16, fmt.Sprintf(`"AAAAAAAAAAAAAAAAAAAA%dA"`, devices), 1)
			if err := tc.do(c, own); err != nil && name != "too big" && name != "flood" {
				t.Fatal(err)
			}
			if code := closed(t, c); code != tc.code {
				t.Fatalf("closed with %d, want %d", code, tc.code)
			}
		})
	}
}

// While others flood, or send what cannot be read, an honest connection is answered.
func TestOthersGoOnInAFlood(t *testing.T) {
	// ASVS 17.3.1, 17.3.2
	address, _ := site(t, Options{})
	for name, text := range map[string]string{
		"flood":     `{"type":"refresh"}`,
		"malformed": `{"type":"remove","leaf":99999999999}`,
		"deep":      `{` + strings.Repeat(`"type":{`, 5000),
	} {
		t.Run(name, func(t *testing.T) {
			stop := make(chan struct{})
			var attackers sync.WaitGroup
			var rounds atomic.Int64
			for range 4 {
				attackers.Go(func() {
					for {
						select {
						case <-stop:
							return
						default:
						}
						ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
						c, _, err := websocket.Dial(ctx, address, &websocket.DialOptions{
							HTTPHeader: http.Header{"Origin": {"https://meet.example.org"}}, Subprotocols: []string{Subprotocol}})
						if err == nil {
							err = write(c, hello("BAAA"))
							for range 2 * messagesBurst {
								if err = errors.Join(err, write(c, text)); err != nil {
									break
								}
							}
							_, _, _ = c.Read(ctx)
							rounds.Add(1)
							c.CloseNow()
						}
						cancel()
					}
				})
			}
			for i := 0; i < 10 || rounds.Load() < 4; i++ {
				c := open(t, address)
				say(t, c, fmt.Sprintf(`{"type":"hello","protocol":2,"device":"AAAAAAAAAAAAAAAAAAA%02dA","signatureKey":"BAAB","replace":true}`, 10+i%90))
				hear(t, c, "room", nil)
				c.CloseNow()
			}
			close(stop)
			attackers.Wait()
		})
	}
}

func write(c *websocket.Conn, text string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return c.Write(ctx, websocket.MessageText, []byte(text))
}

// A client that does not answer pings is dead; its room learns of it.
func TestDeadClient(t *testing.T) {
	address, hall := site(t, Options{Ping: 100 * time.Millisecond, Dead: time.Second})
	c := open(t, address)
	say(t, c, hello("BAAA"))
	hear(t, c, "room", nil)
	// Not reading, it does not answer: the library answers pings while it reads.
	for deadline := time.Now().Add(10 * time.Second); ; {
		if hall.Rooms() == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the room still has the connection")
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func TestQueueOverflow(t *testing.T) {
	s := newSocket(Options{}.withDefaults())
	for range queueMessages {
		s.Send(&meetings.Denied{})
	}
	if s.closing {
		t.Fatal("closed within the bound")
	}
	s.Send(&meetings.Denied{})
	if queue, closing := s.take(); !closing || s.code != meetings.CloseSlow || len(queue) != 0 {
		t.Fatalf("%d queued, closing %v with %d", len(queue), closing, s.code)
	}
	s.Close(meetings.CloseRemoved, "later")
	if s.code != meetings.CloseSlow {
		t.Fatal("a later reason counts")
	}
	s.Send(&meetings.Denied{})
	if queue, _ := s.take(); len(queue) != 0 {
		t.Fatal("queued after the close")
	}
	s = newSocket(Options{}.withDefaults())
	big := &meetings.Posted{Data: make(meetings.Bytes, queueBytes/4)}
	for range 3 {
		s.Send(big)
	}
	if !s.closing {
		t.Fatal("bytes without a bound")
	}
}

func TestBucket(t *testing.T) {
	// ASVS 2.4.1
	now := time.Unix(0, 0)
	b := newBucket(10, 5, now)
	for i := range 5 {
		if !b.take(1, now) {
			t.Fatalf("refused the %dth", i)
		}
	}
	if b.take(1, now) {
		t.Fatal("more than the burst")
	}
	if !b.take(1, now.Add(100*time.Millisecond)) || b.take(1, now.Add(100*time.Millisecond)) {
		t.Fatal("not ten a second")
	}
	if b.take(1, now.Add(-time.Hour)) {
		t.Fatal("a clock that goes back gives tokens")
	}
	if !b.take(5, now.Add(time.Hour)) || b.take(1, now.Add(time.Hour)) {
		t.Fatal("saved up more than the burst")
	}
}
