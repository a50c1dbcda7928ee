package relay

import (
	"testing"

	"github.com/pion/stun/v4"
)

// TestRefusals: what we do not have is refused with the code of RFC 8656, to those who know the password.
func TestRefusals(t *testing.T) {
	family := func(n uint32) stun.Setter { return number(stun.AttrRequestedAddressFamily, n<<24) }
	tests := []struct {
		name  string
		with  []stun.Setter
		code  stun.ErrorCode
		after bool // an allocation
		ask   stun.Method
	}{
		{name: "TCP allocation", with: []stun.Setter{number(stun.AttrRequestedTransport, 6<<24)}, code: stun.CodeUnsupportedTransProto, ask: stun.MethodAllocate},
		{name: "SCTP allocation", with: []stun.Setter{number(stun.AttrRequestedTransport, 132<<24)}, code: stun.CodeUnsupportedTransProto, ask: stun.MethodAllocate},
		{name: "no transport", code: stun.CodeBadRequest, ask: stun.MethodAllocate},
		{name: "even port", with: []stun.Setter{transportUDP, attribute{stun.AttrEvenPort, []byte{0x80}}}, code: stun.CodeInsufficientCapacity, ask: stun.MethodAllocate},
		{name: "reservation", with: []stun.Setter{transportUDP, attribute{stun.AttrReservationToken, make([]byte, 8)}}, code: stun.CodeInsufficientCapacity, ask: stun.MethodAllocate},
		{name: "don't fragment", with: []stun.Setter{transportUDP, attribute{stun.AttrDontFragment, nil}}, code: stun.CodeUnknownAttribute, ask: stun.MethodAllocate},
		{name: "unknown attribute", with: []stun.Setter{transportUDP, attribute{0x7fff, []byte{1}}}, code: stun.CodeUnknownAttribute, ask: stun.MethodAllocate},
		{name: "no such family", with: []stun.Setter{transportUDP, family(7)}, code: stun.CodeAddrFamilyNotSupported, ask: stun.MethodAllocate},
		{name: "no lifetime", with: []stun.Setter{transportUDP, number(stun.AttrLifetime, 0)}, code: stun.CodeInsufficientCapacity, ask: stun.MethodAllocate},
		{name: "refresh of nothing", code: stun.CodeAllocMismatch, ask: stun.MethodRefresh},
		{name: "permission of nothing", with: []stun.Setter{peerOf(at(own4))}, code: stun.CodeAllocMismatch, ask: stun.MethodCreatePermission},
		{name: "channel of nothing", with: []stun.Setter{peerOf(at(own4)), number(stun.AttrChannelNumber, 0x4000<<16)}, code: stun.CodeAllocMismatch, ask: stun.MethodChannelBind},
		{name: "a second allocation", with: []stun.Setter{transportUDP}, code: stun.CodeAllocMismatch, after: true, ask: stun.MethodAllocate},
		{name: "permission for nobody", code: stun.CodeBadRequest, after: true, ask: stun.MethodCreatePermission},
		{name: "peer of the other family", with: []stun.Setter{peerOf(at(own6))}, code: stun.CodePeerAddrFamilyMismatch, after: true, ask: stun.MethodCreatePermission},
		{name: "channel 0x3fff", with: []stun.Setter{peerOf(at(own4)), number(stun.AttrChannelNumber, 0x3fff<<16)}, code: stun.CodeBadRequest, after: true, ask: stun.MethodChannelBind},
		{name: "channel 0x5000", with: []stun.Setter{peerOf(at(own4)), number(stun.AttrChannelNumber, 0x5000<<16)}, code: stun.CodeBadRequest, after: true, ask: stun.MethodChannelBind},
		{name: "channel for nobody", with: []stun.Setter{number(stun.AttrChannelNumber, 0x4000<<16)}, code: stun.CodeBadRequest, after: true, ask: stun.MethodChannelBind},
		{name: "channel for two", with: []stun.Setter{peerOf(at(own4)), peerOf(at(private)), number(stun.AttrChannelNumber, 0x4000<<16)}, code: stun.CodeBadRequest, after: true, ask: stun.MethodChannelBind},
	}
	eachWay(t, func(t *testing.T, way string) {
		s := newStage(t, Limits{})
		for _, tt := range tests {
			c, n := s.raw(way, "alice"), 0
			if tt.after {
				if code := c.allocate(); code != 0 {
					t.Fatal(code)
				}
				n = 1
			}
			if _, code := c.request(tt.ask, tt.with...); code != tt.code {
				t.Errorf("%s: %d, want %d", tt.name, code, tt.code)
			}
			if got := s.relay.Allocations(); got != n {
				t.Errorf("%s: %d allocations", tt.name, got)
			}
			// The same from somebody who does not know the password tells nothing.
			stranger := s.raw(way, "alice")
			stranger.password = "guess"
			if _, code := stranger.request(tt.ask, tt.with...); code != stun.CodeUnauthorized {
				t.Errorf("%s, by a stranger: %d", tt.name, code)
			}
			if n > 0 {
				if _, code := c.request(stun.MethodRefresh, number(stun.AttrLifetime, 0)); code != 0 {
					t.Fatalf("giving back: %d", code)
				}
				until(t, "it is given back", func() bool { return s.relay.Allocations() == 0 })
			}
		}
	})
}

// TestUnknownIsDropped: methods and classes that we do not have get no answer.
func TestUnknownIsDropped(t *testing.T) {
	eachWay(t, func(t *testing.T, way string) {
		s := newStage(t, Limits{})
		c := s.raw(way, "alice")
		if code := c.allocate(); code != 0 {
			t.Fatal(code)
		}
		for _, kind := range []stun.MessageType{
			stun.NewType(stun.MethodConnect, stun.ClassRequest), stun.NewType(stun.MethodConnectionBind, stun.ClassRequest),
			stun.NewType(stun.MethodConnectionAttempt, stun.ClassIndication), stun.NewType(stun.MethodData, stun.ClassIndication),
			stun.NewType(stun.MethodAllocate, stun.ClassSuccessResponse), stun.NewType(stun.MethodBinding, stun.ClassIndication),
			stun.NewType(0x00f, stun.ClassRequest), stun.NewType(stun.MethodAllocate, stun.ClassIndication),
		} {
			m, err := stun.Build(stun.TransactionID, kind, peerOf(at(own4)), stun.NewUsername(c.username), stun.NewRealm(Realm), c.nonce,
				stun.NewLongTermIntegrity(c.username, Realm, c.password))
			must(t, err)
			c.write(m.Raw)
		}
		// The next answer is the next request's: request checks the transaction.
		if _, code := c.request(stun.MethodRefresh); code != 0 {
			t.Errorf("refresh: %d", code)
		}
	})
}

func TestQuotas(t *testing.T) {
	// ASVS 17.1.2
	eachWay(t, func(t *testing.T, way string) {
		s := newStage(t, Limits{Allocations: 5, PerAccount: 3})
		var alice []*raw
		for range 3 {
			c := s.raw(way, "alice")
			if code := c.allocate(); code != 0 {
				t.Fatal(code)
			}
			alice = append(alice, c)
		}
		over := s.raw(way, "alice")
		if code := over.allocate(); code != stun.CodeAllocQuotaReached {
			t.Errorf("the fourth of an account: %d", code)
		}
		for range 2 {
			if code := s.raw(way, "bob").allocate(); code != 0 {
				t.Errorf("somebody else: %d", code)
			}
		}
		if code := s.raw(way, "carol").allocate(); code != stun.CodeInsufficientCapacity {
			t.Errorf("the sixth in all: %d", code)
		}
		if _, code := alice[0].request(stun.MethodRefresh, number(stun.AttrLifetime, 0)); code != 0 {
			t.Fatal(code)
		}
		if code := over.allocate(); code != 0 {
			t.Errorf("after one was given back: %d", code)
		}
	})
}
