package relay

import (
	"bytes"
	"crypto/rand"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/stun/v4"
)

// seeds are messages of every kind that a client sends.
func seeds(f *testing.F, r *Relay) (list [][]byte) {
	username, password, _ := r.Credential("alice", "session", time.Now())
	credentials := []stun.Setter{stun.NewUsername(username), stun.NewRealm(Realm), stun.NewNonce("0123456789"), stun.NewLongTermIntegrity(username, Realm, password), stun.Fingerprint}
	for _, method := range []stun.Method{stun.MethodAllocate, stun.MethodRefresh, stun.MethodCreatePermission, stun.MethodChannelBind, stun.MethodBinding, stun.MethodConnect} {
		for _, with := range [][]stun.Setter{nil, {transportUDP}, {peerOf(at(own4)), number(stun.AttrChannelNumber, 0x4000<<16)},
			{peerOf(at(own6)), number(stun.AttrLifetime, 600)}, {number(stun.AttrRequestedTransport, 6<<24), attribute{stun.AttrEvenPort, []byte{0x80}}}} {
			setters := append([]stun.Setter{stun.TransactionID, stun.NewType(method, stun.ClassRequest)}, with...)
			list = append(list, stun.MustBuild(setters...).Raw, stun.MustBuild(append(setters, credentials...)...).Raw)
		}
	}
	list = append(list, stun.MustBuild(stun.TransactionID, stun.NewType(stun.MethodSend, stun.ClassIndication), peerOf(at(own4)), attribute{stun.AttrData, []byte("data!")}).Raw,
		[]byte{0x40, 0, 0, 5, 1, 2, 3, 4, 5, 0, 0, 0}, []byte{0x40, 0, 0, 5, 1, 2, 3, 4, 5}, bytes.Repeat([]byte{0}, 40))
	for _, b := range list {
		f.Add(b)
	}
	return list
}

// FuzzMessage: what the gate reads, pion's parser reads the same; a message has one meaning.
func FuzzMessage(f *testing.F) {
	r := fuzzRelay(f)
	seeds(f, r)
	f.Fuzz(func(t *testing.T, b []byte) {
		var m message
		if m.parse(b) != nil {
			return
		}
		if m.isChannelData {
			if m.channel < firstChannel || m.channel > lastChannel {
				t.Fatalf("channel %x", m.channel)
			}
			return
		}
		if size := frameSize([4]byte(b)); size != len(b) {
			t.Fatalf("%d octets, framed as %d", len(b), size)
		}
		theirs := &stun.Message{Raw: bytes.Clone(b)}
		if err := theirs.Decode(); err != nil {
			t.Fatalf("let through, and refused by the other parser: %v", err)
		}
		if uint16(theirs.Type.Method) != m.method || uint8(theirs.Type.Class) != m.class || theirs.TransactionID != m.transaction ||
			theirs.Contains(stun.AttrMessageIntegrity) != m.integrity {
			t.Fatalf("%v is read as method %x class %d", theirs, m.method, m.class)
		}
		var username stun.Username
		if err := username.GetFrom(theirs); (err == nil) != (m.username != nil) || err == nil && string(username) != string(m.username) {
			t.Fatalf("USERNAME %q is read as %q", username, m.username)
		}
		n := 0
		_ = theirs.ForEach(stun.AttrXORPeerAddress, func(one *stun.Message) error {
			var peer stun.XORMappedAddress
			if err := peer.GetFromAs(one, stun.AttrXORPeerAddress); err != nil {
				t.Fatalf("peer %d: %v", n, err)
			}
			a, _ := netip.AddrFromSlice(peer.IP)
			if n >= len(m.peers) || a.Unmap() != m.peers[n].Addr().Unmap() || peer.Port != int(m.peers[n].Port()) {
				t.Fatalf("peer %d is %v, read as %v", n, peer, m.peers)
			}
			n++
			return nil
		})
		if n != len(m.peers) {
			t.Fatalf("%d peers, read as %v", n, m.peers)
		}
	})
}

func fuzzRelay(f *testing.F) *Relay {
	r, err := New(Config{Ports: []int{mediaPort}, Own: func(a netip.Addr) bool { return a == own4 || a == own6 }, Random: rand.Reader})
	must(f, err)
	f.Cleanup(r.Close)
	return r
}

// member gives a relay a client with an allocation, permissions and a channel.
func member(f *testing.F, r *Relay, ask func([]byte)) {
	username, password, _ := r.Credential("alice", "session", time.Now())
	nonce := nonceOf(f, r)
	for _, with := range [][]stun.Setter{
		{stun.NewType(stun.MethodAllocate, stun.ClassRequest), transportUDP},
		{stun.NewType(stun.MethodChannelBind, stun.ClassRequest), peerOf(at(own4)), number(stun.AttrChannelNumber, 0x4000<<16)},
	} {
		setters := append([]stun.Setter{stun.TransactionID}, with...)
		ask(stun.MustBuild(append(setters, stun.NewUsername(username), stun.NewRealm(Realm), nonce, stun.NewLongTermIntegrity(username, Realm, password))...).Raw)
	}
}

// nonceOf asks the UDP side, whose nonces are its own.
func nonceOf(f *testing.F, r *Relay) stun.Nonce {
	out := &countingSocket{}
	r.FromClient(stun.MustBuild(stun.TransactionID, stun.NewType(stun.MethodAllocate, stun.ClassRequest)).Raw, netip.MustParseAddrPort("198.51.100.7:7"), out)
	until(f, "a nonce", func() bool { return out.count() == 1 })
	m := &stun.Message{Raw: out.last}
	must(f, m.Decode())
	var nonce stun.Nonce
	must(f, nonce.GetFrom(m))
	return nonce
}

// FuzzDatagram: whatever comes over UDP, from a stranger or from a client with an allocation and a channel, stops nothing.
func FuzzDatagram(f *testing.F) {
	r := fuzzRelay(f)
	seeds(f, r)
	out := &countingSocket{}
	client, stranger := netip.MustParseAddrPort("198.51.100.8:8"), netip.MustParseAddrPort("203.0.113.8:8")
	member(f, r, func(b []byte) {
		n := out.count()
		r.FromClient(b, client, out)
		until(f, "an answer", func() bool { return out.count() > n })
	})
	if r.Allocations() != 1 {
		f.Fatal("no allocation")
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, from := range []netip.AddrPort{client, stranger} {
			r.FromClient(b, from, out)
		}
		for len(r.media.queue) > 0 {
			_, from, err := r.Media().ReadFrom(make([]byte, 2048))
			must(t, err)
			_, err = r.Media().WriteTo(b[:min(len(b), maxPayload)], from)
			must(t, err)
		}
		if n := r.Allocations(); n > 1 {
			t.Fatalf("%d allocations", n)
		}
	})
}

// FuzzStream: whatever comes over a connection, in whatever pieces, ends in an answer or in its end.
func FuzzStream(f *testing.F) {
	r := fuzzRelay(f)
	list := seeds(f, r)
	f.Add(bytes.Join(list, nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		c := newFakeConn(pieces{bytes.NewReader(b)})
		r.ServeConn(c)
		select {
		case <-c.closed:
		case <-time.After(10 * time.Second):
			t.Fatal("still there")
		}
		if r.Allocations() != 0 {
			t.Fatal("an allocation for a stranger")
		}
	})
}

// pieces reads three octets at a time.
type pieces struct{ r *bytes.Reader }

func (p pieces) Read(b []byte) (int, error) { return p.r.Read(b[:min(len(b), 3)]) }

var _ net.PacketConn = (*countingSocket)(nil)
