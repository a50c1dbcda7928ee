package reach

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"
)

// The lines are those of a machine with a little-endian processor, as /proc/net/tcp and its like show them.
const procTCP = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:01BB 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   1: 0A0200C0:20FB 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2 1 0 100 0 0 10 0
   2: 0A0200C0:01BB 0B0200C0:C001 01 00000000:00000000 00:00000000 00000000     0        0 3 1 0 100 0 0 10 0
`

const procTCP6 = `  sl  local_address                         remote_address                        st
   0: 00000000000000000000000000000000:01BB 00000000000000000000000000000000:0000 0A 0
   1: B80D0120000000000000000010000000:20FB 00000000000000000000000000000000:0000 0A 0
`

func TestListening(t *testing.T) {
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		t.Skip("the samples are those of a little-endian processor")
	}
	at := netip.MustParseAddr
	for _, tt := range []struct {
		text string
		port int
		want []netip.Addr
	}{
		{procTCP, 443, []netip.Addr{at("0.0.0.0")}}, {procTCP, 8443, []netip.Addr{at("192.0.2.10")}}, {procTCP, 80, nil},
		{procTCP6, 443, []netip.Addr{at("::")}}, {procTCP6, 8443, []netip.Addr{at("2001:db8::10")}}, {"", 443, nil},
	} {
		if got := parseSockets(tt.text, stateListen, tt.port); !slices.Equal(got, tt.want) {
			t.Errorf("port %d: %v, want %v", tt.port, got, tt.want)
		}
	}
	for _, tt := range []struct {
		socket, addr string
		want         bool
	}{{"::", "192.0.2.1", true}, {"::", "2001:db8::1", true}, {"0.0.0.0", "192.0.2.1", true}, {"0.0.0.0", "2001:db8::1", false}, {"192.0.2.1", "192.0.2.1", true}, {"192.0.2.1", "192.0.2.2", false}} {
		if covers([]netip.Addr{at(tt.socket)}, at(tt.addr)) != tt.want {
			t.Errorf("%+v", tt)
		}
	}
}

// answer makes the success response as a server would: XOR-MAPPED-ADDRESS, then MESSAGE-INTEGRITY, then FINGERPRINT.
func answer(p Probe, transaction [12]byte) []byte {
	b := make([]byte, stunHeader)
	binary.BigEndian.PutUint16(b, stunSuccess)
	binary.BigEndian.PutUint32(b[4:], stunCookie)
	copy(b[8:], transaction[:])
	b = attribute(b, 0x0020, []byte{0, 1, 1, 2, 3, 4, 5, 6})
	b = attribute(b, attrIntegrity, integrity(b, p.Password))
	return attribute(b, attrPrint, []byte{1, 2, 3, 4})
}

func TestAnswers(t *testing.T) {
	p, transaction := Probe{Ufrag: "u", Password: "a password"}, [12]byte{1, 2, 3}
	good := answer(p, transaction)
	if err := p.answers(good, transaction); err != nil {
		t.Error(err)
	}
	for name, b := range map[string][]byte{
		"another's": answer(Probe{Password: "another"}, transaction), "of another request": answer(p, [12]byte{9}), "cut": good[:len(good)-4], "empty": nil,
		"changed": func() []byte { c := bytes.Clone(good); c[26] ^= 1; return c }(), "no integrity": good[:32], "our own request": p.request(transaction),
	} {
		if p.answers(b, transaction) == nil {
			t.Errorf("%s is taken for the answer", name)
		}
	}
}

func FuzzAnswers(f *testing.F) {
	p, transaction := Probe{Ufrag: "u", Password: "a password"}, [12]byte{1, 2, 3}
	good := answer(p, transaction)
	f.Add(good)
	f.Add(p.request(transaction))
	f.Fuzz(func(t *testing.T, b []byte) {
		// What is taken begins as the one answer that was made with the password, up to its integrity.
		if p.answers(b, transaction) == nil && len(b) >= 56 && !bytes.Equal(b[20:56], good[20:56]) {
			t.Errorf("taken: %x", b)
		}
	})
}

func FuzzSockets(f *testing.F) {
	f.Add(procTCP)
	f.Add(procTCP6)
	f.Fuzz(func(t *testing.T, text string) {
		for _, a := range parseSockets(text, stateListen, 443) {
			if !a.IsValid() || a.Is4In6() {
				t.Errorf("%v", a)
			}
		}
	})
}
