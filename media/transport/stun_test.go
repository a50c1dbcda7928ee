package transport

import (
	"encoding/binary"
	"hash/crc32"
	"net/netip"
	"slices"
	"testing"

	"github.com/pion/stun/v4"
)

const testPassword = "a-password-of-32-characters-long"

// request builds a check with an independent implementation.
func request(t testing.TB, setters ...stun.Setter) []byte {
	t.Helper()
	m, err := stun.Build(append([]stun.Setter{stun.BindingRequest, stun.TransactionID}, setters...)...)
	if err != nil {
		t.Fatal(err)
	}
	return m.Raw
}

type attr struct {
	kind  stun.AttrType
	value []byte
}

func (a attr) AddTo(m *stun.Message) error { m.Add(a.kind, a.value); return nil }

func TestBinding(t *testing.T) {
	name := stun.NewUsername("server:client")
	key := stun.NewShortTermIntegrity(testPassword)
	priority := attr{stun.AttrPriority, []byte{0x6e, 0, 1, 0xff}}
	nominate := attr{stun.AttrUseCandidate, nil}
	long := attr{stun.AttrSoftware, []byte("a browser of some kind")}
	whole := request(t, name, priority, nominate, long, key, stun.Fingerprint)

	m, err := parseBinding(whole)
	if err != nil || !m.request || string(m.username) != "server:client" || !m.useCandidate || m.priority != 0x6e0001ff {
		t.Fatalf("%+v, %v", m, err)
	}
	if !m.verify(testPassword) || m.verify(testPassword+"x") || m.verify("") {
		t.Fatal("integrity is not told")
	}

	for _, test := range []struct {
		name string
		b    []byte
		ok   bool
	}{
		{"plain", request(t, name, key, stun.Fingerprint), true},
		{"no fingerprint", request(t, name, key), false},
		{"no integrity", request(t, name, stun.Fingerprint), false},
		{"no username", request(t, key, stun.Fingerprint), false},
		{"cut short", whole[:len(whole)-4], false},
		{"one byte more", append(slices.Clone(whole), 0), false},
		{"only a header", whole[:20], false},
		{"empty", nil, false},
		{"priority of two bytes", request(t, name, attr{stun.AttrPriority, []byte{1, 2}}, key, stun.Fingerprint), false},
		{"success response", func() []byte { b := slices.Clone(whole); b[0] = 1; return b }(), false},
		{"wrong fingerprint", func() []byte { b := slices.Clone(whole); b[len(b)-1] ^= 1; return b }(), false},
		{"wrong cookie", func() []byte { b := slices.Clone(whole); b[4] ^= 1; return b }(), false},
		{"attribute behind the fingerprint", func() []byte {
			b := append(slices.Clone(whole), 0x80, 0x22, 0, 0)
			binary.BigEndian.PutUint16(b[2:], uint16(len(b)-20))
			return b
		}(), false},
		{"attribute longer than the message", func() []byte {
			b := slices.Clone(whole)
			binary.BigEndian.PutUint16(b[22:], 2000)
			return b
		}(), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, err := parseBinding(test.b); (err == nil) != test.ok {
				t.Fatalf("%v", err)
			}
		})
	}

	t.Run("a changed byte breaks integrity", func(t *testing.T) {
		for at := 20; at < m.integrityAt; at++ {
			b := slices.Clone(whole)
			b[at] ^= 0x40
			// Mend the fingerprint, so that only integrity is left to tell.
			binary.BigEndian.PutUint32(b[len(b)-4:], crc32.ChecksumIEEE(b[:len(b)-8])^fingerprintXOR)
			if changed, err := parseBinding(b); err == nil && changed.verify(testPassword) {
				t.Fatalf("byte %d is not covered", at)
			}
		}
	})
}

func TestSuccess(t *testing.T) {
	for _, from := range []string{"192.0.2.7:50000", "[2001:db8::1234]:1"} {
		at := netip.MustParseAddrPort(from)
		raw := request(t, stun.NewUsername("a:b"), stun.NewShortTermIntegrity(testPassword), stun.Fingerprint)
		m, err := parseBinding(raw)
		if err != nil {
			t.Fatal(err)
		}
		answer := &stun.Message{Raw: m.success(at, testPassword)}
		if err := answer.Decode(); err != nil {
			t.Fatal(err)
		}
		var mapped stun.XORMappedAddress
		if err := mapped.GetFrom(answer); err != nil {
			t.Fatal(err)
		}
		ip, _ := netip.AddrFromSlice(mapped.IP)
		if ip.Unmap() != at.Addr() || mapped.Port != int(at.Port()) || answer.Type != stun.BindingSuccess || answer.TransactionID != m.transaction {
			t.Fatalf("%s comes back as %v", from, mapped)
		}
		if err := stun.NewShortTermIntegrity(testPassword).Check(answer); err != nil {
			t.Fatal(err)
		}
		if err := stun.Fingerprint.Check(answer); err != nil {
			t.Fatal(err)
		}
		if len(answer.Raw) > 2*len(raw) {
			t.Fatalf("%d bytes answer %d", len(answer.Raw), len(raw))
		}
	}
}

func FuzzSTUN(f *testing.F) {
	f.Add(request(f, stun.NewUsername("a:b"), stun.NewShortTermIntegrity(testPassword), stun.Fingerprint))
	f.Add(request(f))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := parseBinding(b)
		if err != nil {
			return
		}
		if m.request && (m.integrityAt < 20 || m.integrityAt+24 > len(b) || len(m.username) == 0) {
			t.Fatalf("%+v", m)
		}
		// What is accepted here is accepted by another reader.
		other := &stun.Message{Raw: slices.Clone(b)}
		if err := other.Decode(); err != nil {
			t.Fatalf("another reader says %v", err)
		}
		if m.verify(testPassword) && stun.NewShortTermIntegrity(testPassword).Check(other) != nil {
			t.Fatal("another reader finds integrity broken")
		}
		m.success(netip.MustParseAddrPort("192.0.2.1:9"), testPassword)
	})
}
