package meetings

import (
	"context"
	"crypto/rand"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"huisclos/audit"
	"huisclos/crypto/mls"
)

// fakeMedia is the media plane as the Hall sees it.
type fakeMedia struct {
	published netip.Addr // via which the last Publish came
	mu        sync.Mutex
	admitted  map[PeerID]mls.LeafIndex
	cut       map[PeerID]int
	epochs    []uint64
	open      map[CallID]bool
	hold      chan struct{} // Publish waits for it
	entered   chan PeerID
	asked     []string
	busy      bool
}

func newFakeMedia() *fakeMedia {
	return &fakeMedia{admitted: map[PeerID]mls.LeafIndex{}, cut: map[PeerID]int{}, open: map[CallID]bool{}, entered: make(chan PeerID, 16)}
}

func (f *fakeMedia) locked(do func()) { f.mu.Lock(); defer f.mu.Unlock(); do() }

func (f *fakeMedia) Open(call CallID, epoch uint64) {
	f.locked(func() { f.open[call] = true; f.epochs = append(f.epochs, epoch) })
}
func (f *fakeMedia) SetEpoch(_ CallID, epoch uint64, _ time.Time) {
	f.locked(func() { f.epochs = append(f.epochs, epoch) })
}
func (f *fakeMedia) CloseCall(call CallID) {
	f.locked(func() { delete(f.open, call); clear(f.admitted) })
}
func (f *fakeMedia) Admit(_ CallID, peer PeerID, leaf mls.LeafIndex) {
	f.locked(func() { f.admitted[peer] = leaf })
}
func (f *fakeMedia) Cut(_ CallID, peer PeerID) {
	f.locked(func() { delete(f.admitted, peer); f.cut[peer]++ })
}
func (f *fakeMedia) Busy() (busy bool) {
	f.locked(func() { busy = f.busy })
	return busy
}
func (f *fakeMedia) Stats(CallID) (s MediaStats) {
	f.locked(func() {
		s.Forwarded, s.Refused = 7, map[string]uint64{"replayed": 2}
		for peer := range f.admitted {
			s.Peers = append(s.Peers, PeerStats{Peer: peer, Transport: "udp", Received: 3})
		}
	})
	return s
}

func (f *fakeMedia) Publish(ctx context.Context, _ CallID, peer PeerID, via netip.Addr, offer string, _ []Stream) (string, error) {
	f.locked(func() { f.published = via })
	f.entered <- peer
	if f.hold != nil {
		select {
		case <-f.hold:
		case <-ctx.Done():
		}
	}
	if offer == "bad" {
		return "", errors.New("bad offer")
	}
	return "answer to " + offer, nil
}
func (f *fakeMedia) note(s string) error {
	f.locked(func() { f.asked = append(f.asked, s) })
	return nil
}
func (f *fakeMedia) Subscribe(_ CallID, _ PeerID, via netip.Addr, _ bool) error {
	return f.note("subscribe via " + via.String())
}
func (f *fakeMedia) Answer(_ CallID, _ PeerID, a string) error  { return f.note("answer " + a) }
func (f *fakeMedia) Wants(_ CallID, _ PeerID, w []Want) error   { return f.note("wants") }
func (f *fakeMedia) RestartSubscriber(_ CallID, _ PeerID) error { return f.note("restart") }

type oneCard Card

func (c oneCard) Card(id mls.RoomID) (Card, error) {
	if id != c.ID {
		return Card{}, ErrNoRoom
	}
	return Card(c), nil
}

type journal struct {
	mu     sync.Mutex
	events []audit.Event
}

func (j *journal) Write(e audit.Event) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.events = append(j.events, e)
	return nil
}

// seat is a connection that keeps what it is sent.
type seat struct {
	messages chan Message
	closed   chan CloseCode
}

func newSeat() *seat { return &seat{make(chan Message, 1024), make(chan CloseCode, 1)} }

func (s *seat) Send(m Message) {
	if shared, ok := m.(*Shared); ok {
		m = shared.Message
	}
	s.messages <- m
}
func (s *seat) Close(code CloseCode, _ string) { s.closed <- code }

// await returns the next message of a type.
func await[M Message](t *testing.T, s *seat) M {
	t.Helper()
	timeout := time.After(10 * time.Second)
	for {
		select {
		case m := <-s.messages:
			if m, ok := m.(M); ok {
				return m
			}
		case <-timeout:
			var m M
			t.Fatalf("no %T", m)
		}
	}
}

func TestHall(t *testing.T) {
	media, notes := newFakeMedia(), &journal{}
	w := newWorld(t, Limits{}) // only for its clients
	w.now = time.Now()
	h := NewHall(HallOptions{Statements: w.rules, Records: oneCard(w.card()), Media: media, Plane: media, Audit: notes,
		Limits: Limits{Batch: time.Millisecond}})
	if _, err := h.Connect(mls.RoomID{1}, Visitor{}, newSeat()); !errors.Is(err, ErrNoRoom) {
		t.Fatalf("error %v", err)
	}
	room := w.card().ID
	enter := func(c *client) (*seat, *Line) {
		s := newSeat()
		line, err := h.Connect(room, Visitor{Account: c.account, Name: c.name, Session: "s" + c.name, Via: netip.MustParseAddr("192.0.2.1")}, s)
		if err != nil {
			t.Fatal(err)
		}
		line.Receive(&Hello{Protocol: ProtocolVersion, Device: ID(c.device), SignatureKey: c.id.Signer.PublicKey()})
		return s, line
	}
	host, second := w.client(1, 1), w.client(1, 2)
	hostSeat, hostLine := enter(host)
	if s := await[*RoomStatus](t, hostSeat); s.State != StateEmpty || s.You.Connection != string(hostLine.ID()) {
		t.Fatalf("status %+v", s)
	}
	hostLine.Receive(host.created(host.rules()))
	created := await[*Created](t, hostSeat)
	secondSeat, secondLine := enter(second)
	bundle := second.newPackage()
	secondLine.Receive(&Knock{KeyPackage: bundle.KeyPackage.Marshal()})

	request := await[*CommitRequest](t, hostSeat)
	kp, err := mls.ParseKeyPackage(request.Adds[0].KeyPackage)
	if err != nil {
		t.Fatal(err)
	}
	p, err := host.group.Commit(mls.CommitOptions{Adds: []*mls.KeyPackage{kp}, Now: w.now})
	if err != nil {
		t.Fatal(err)
	}
	hostLine.Receive(&Commit{Epoch: 0, Commit: p.Commit, Welcomes: []Bytes{p.Welcomes[0]}, GroupInfo: p.GroupInfo})
	if c := await[*Committed](t, hostSeat); c.Epoch != 1 {
		t.Fatalf("epoch %d", c.Epoch)
	}
	welcome := await[*Welcome](t, secondSeat)
	tree, ok := h.Tree(room, welcome.Epoch, second.account)
	if !ok {
		t.Fatal("no tree")
	}
	if _, ok := h.Tree(room, welcome.Epoch, account(9)); ok {
		t.Fatal("a tree for somebody outside")
	}
	g, err := mls.JoinWelcome(welcome.Welcome, bundle, mls.JoinOptions{Tree: tree, Rand: rand.Reader, Policy: w.rules.Policy, Now: w.now})
	if err != nil {
		t.Fatal(err)
	}
	if g.Own() != welcome.Leaf {
		t.Fatal("other leaf")
	}

	calls := h.Calls()
	if len(calls) != 1 || len(calls[0].Members) != 2 || calls[0].Epoch != 1 || calls[0].Forwarded != 7 ||
		calls[0].Members[1].Transport != "udp" || calls[0].Members[1].Name != second.name || !calls[0].Members[1].Connected {
		t.Fatalf("calls %+v", calls)
	}
	if n, live := h.Live(room); n != 2 || !live {
		t.Fatalf("%d people, %v", n, live)
	}

	// Negotiation.
	call := CallID(encodeID(created.Group))
	secondLine.Receive(&Publish{Offer: "one", Streams: []Stream{{"0", "audio", 0}}})
	peer := <-media.entered
	if a := await[*Published](t, secondSeat); a.Answer != "answer to one" || len(a.Streams) != 1 {
		t.Fatalf("answer %+v", a)
	}
	secondLine.Receive(&Publish{Offer: "bad"})
	<-media.entered
	if f := await[*Failure](t, secondSeat); f.Code != "media" || f.Request != "publish" {
		t.Fatalf("failure %+v", f)
	}
	for _, q := range []Request{&Subscribe{}, &Answer{"a"}, &Wants{}, &RestartICE{}} {
		secondLine.Receive(q)
	}
	h.MediaOffer(call, peer, "offer", nil)
	if o := await[*Offer](t, secondSeat); o.Offer != "offer" || o.Tracks == nil {
		t.Fatalf("offer %+v", o)
	}
	h.MediaConnected(call, peer, true, "tcp")
	if m := await[*MediaLink](t, secondSeat); m.Transport != "tcp" || m.Direction != "publish" {
		t.Fatalf("link %+v", m)
	}
	h.MediaFailed(call, peer, false)
	if m := await[*MediaLink](t, secondSeat); m.Transport != "" || m.Direction != "subscribe" {
		t.Fatalf("link %+v", m)
	}
	h.MediaLayers(call, peer, []StreamLayers{{Context: 1, Layers: []string{"l", "m"}}})
	if m := await[*Layers](t, secondSeat); len(m.Streams) != 1 || m.Streams[0].Context != 1 || len(m.Streams[0].Layers) != 2 {
		t.Fatalf("told %+v", m)
	}
	h.MediaRefused(call, peer, map[string]uint64{"old-epoch": 1})
	await[*MediaRefused](t, secondSeat)
	h.MediaOffer("elsewhere", peer, "offer", nil) // of no call: dropped
	secondLine.Receive(&Publish{Offer: "two"})
	<-media.entered
	await[*Published](t, secondSeat)
	media.locked(func() {
		if !slices.Equal(media.asked, []string{"subscribe via 192.0.2.1", "answer a", "wants", "restart"}) {
			t.Errorf("asked %q", media.asked)
		}
		if media.published != netip.MustParseAddr("192.0.2.1") {
			t.Errorf("published via %v", media.published)
		}
	})

	// A cut that overtakes a Publish: what the Publish opened is cut after it.
	media.hold = make(chan struct{})
	secondLine.Receive(&Publish{Offer: "late"})
	if p := <-media.entered; p != peer {
		t.Fatal("another peer")
	}
	secondLine.Gone()
	media.locked(func() {
		if _, ok := media.admitted[peer]; ok {
			t.Error("still admitted")
		}
	})

	// Its session over, the host's connection goes; with it the call.
	h.Renamed(room, "Other name")
	if s := h.Calls(); s[0].Name != "Other name" {
		t.Fatalf("name %q", s[0].Name)
	}
	h.EndSessions(host.account, "another")
	if n, _ := h.Live(room); n != 1 {
		t.Fatal("a session that is not the connection's")
	}
	h.End(room, account(9))
	if e := await[*Ended](t, hostSeat); e.Reason != "ended" {
		t.Fatalf("ended %+v", e)
	}
	h.EndSessions(host.account)
	if code := <-hostSeat.closed; code != CloseSession {
		t.Fatalf("closed with %d", code)
	}
	fourth, _ := enter(w.client(4, 1))
	h.Deleted(room)
	if code := <-fourth.closed; code != CloseRoomDeleted {
		t.Fatalf("closed with %d", code)
	}
	third, _ := enter(w.client(3, 1))
	h.Close()
	if code := <-third.closed; code != CloseRestarting {
		t.Fatalf("closed with %d", code)
	}
	if _, err := h.Connect(room, Visitor{}, newSeat()); !errors.Is(err, ErrClosed) {
		t.Fatalf("error %v", err)
	}
	media.locked(func() {
		if media.cut[peer] != 2 {
			t.Errorf("cut %d times", media.cut[peer])
		}
		if len(media.open) != 0 || !slices.Equal(media.epochs, []uint64{0, 1}) {
			t.Errorf("open %v, epochs %v", media.open, media.epochs)
		}
	})
	var actions []audit.Action
	for _, e := range notes.events {
		actions = append(actions, e.Action)
	}
	if !slices.Equal(actions, []audit.Action{audit.CallStarted, audit.CallMemberAdded, audit.CallEnded}) {
		t.Errorf("audit %v", actions)
	}
}

// Timers come from effects: a call that everybody left ends by itself.
func TestHallTimers(t *testing.T) {
	media := newFakeMedia()
	w := newWorld(t, Limits{})
	h := NewHall(HallOptions{Statements: w.rules, Records: oneCard(w.card()), Media: media, Plane: media, Limits: Limits{Absence: 20 * time.Millisecond}})
	defer h.Close()
	host := w.client(1, 1)
	s := newSeat()
	line, err := h.Connect(w.card().ID, Visitor{Account: host.account, Name: host.name}, s)
	if err != nil {
		t.Fatal(err)
	}
	line.Receive(&Hello{Protocol: ProtocolVersion, Device: ID(host.device), SignatureKey: host.id.Signer.PublicKey()})
	line.Receive(host.created(host.rules()))
	await[*Created](t, s)
	l := h.find(w.card().ID)
	line.Gone()
	deadline := time.After(10 * time.Second)
	for {
		l.mu.Lock()
		over := l.over
		l.mu.Unlock()
		if over {
			break
		}
		select {
		case <-deadline:
			t.Fatal("the room's goroutine goes on")
		case <-time.After(time.Millisecond):
		}
	}
	line.Receive(&Leave{}) // after the end: no answer, no wait
	if _, live := h.Live(w.card().ID); live || len(h.Calls()) != 0 {
		t.Fatal("the call goes on")
	}
}

func TestHallBounds(t *testing.T) {
	// ASVS 2.3.2
	media := newFakeMedia()
	w := newWorld(t, Limits{})
	h := NewHall(HallOptions{Statements: w.rules, Records: oneCard(w.card()), Media: media, Plane: media})
	defer h.Close()
	for range maxAccountConnections {
		if _, err := h.Connect(w.card().ID, Visitor{Account: account(3)}, newSeat()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := h.Connect(w.card().ID, Visitor{Account: account(3)}, newSeat()); !errors.Is(err, ErrFull) {
		t.Fatalf("error %v", err)
	}
	if _, err := h.Connect(w.card().ID, Visitor{Account: account(4)}, newSeat()); err != nil {
		t.Fatal(err)
	}
}
