package appliance

import (
	"encoding/binary"
	"net/netip"
	"testing"
)

// TestToldAddressesAreOurs: what no client was told is nobody's peer.
func TestToldAddressesAreOurs(t *testing.T) {
	via, other := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	list := newTold(func(via netip.Addr) []netip.Addr { return []netip.Addr{via, netip.MustParseAddr("2001:db8::1")} })
	if list.has(via) {
		t.Error("an address that nobody was told")
	}
	if got := list.candidates(netip.MustParseAddr("::ffff:192.0.2.1")); len(got) != 2 {
		t.Errorf("%v", got)
	}
	if !list.has(via) || !list.has(netip.MustParseAddr("2001:db8::1")) || list.has(other) || list.has(netip.MustParseAddr("127.0.0.1")) {
		t.Errorf("%v", list.set)
	}
	for i := range uint32(3 * maxTold) {
		list.candidates(netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, 0x0a000000+i))))
	}
	if len(list.set) > maxTold {
		t.Errorf("%d addresses are remembered", len(list.set))
	}
}
