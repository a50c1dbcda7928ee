package srtp

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	pion "github.com/pion/srtp/v3"
)

var profiles = []Profile{AEADAES128GCM, AEADAES256GCM}

// masters are a master key and salt for tests.
func masters(p Profile) (key, salt []byte) {
	key, salt = make([]byte, p.KeyLength()), make([]byte, p.SaltLength())
	r := rand.New(rand.NewPCG(uint64(p), 7))
	for _, b := range [][]byte{key, salt} {
		for i := range b {
			b[i] = byte(r.Uint32())
		}
	}
	return key, salt
}

func pair(t testing.TB, p Profile) (*Sealer, *Opener) {
	t.Helper()
	key, salt := masters(p)
	s, err := NewSealer(p, key, salt)
	if err != nil {
		t.Fatal(err)
	}
	o, err := NewOpener(p, key, salt, 64)
	if err != nil {
		t.Fatal(err)
	}
	return s, o
}

func pionContext(t testing.TB, p Profile) *pion.Context {
	t.Helper()
	key, salt := masters(p)
	c, err := pion.CreateContext(key, salt, pion.ProtectionProfile(p), pion.SRTPReplayProtection(1024), pion.SRTCPReplayProtection(1024))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// randomRTP makes a packet with whatever a header may have.
func randomRTP(t testing.TB, r *rand.Rand, ssrc uint32, sequence uint16) []byte {
	t.Helper()
	p := rtp.Packet{Header: rtp.Header{Version: 2, Marker: r.IntN(2) == 0, PayloadType: uint8(r.IntN(128)),
		SequenceNumber: sequence, Timestamp: r.Uint32(), SSRC: ssrc}}
	for range r.IntN(16) {
		p.CSRC = append(p.CSRC, r.Uint32())
	}
	var err error
	switch r.IntN(4) {
	case 0:
		err = p.SetExtension(uint8(1+r.IntN(14)), make([]byte, 1+r.IntN(16))) // RFC 8285 one-byte
	case 1:
		p.Header.Extension, p.Header.ExtensionProfile = true, 0x1000 // two-byte
		err = p.SetExtension(uint8(1+r.IntN(255)), make([]byte, r.IntN(200)))
	case 2:
		p.Header.Extension, p.Header.ExtensionProfile = true, 0xabcd // RFC 3550
		err = p.SetExtension(0, make([]byte, 4*r.IntN(20)))
	}
	if err != nil {
		t.Fatal(err)
	}
	p.Payload = make([]byte, r.IntN(1100))
	for i := range p.Payload {
		p.Payload[i] = byte(r.Uint32())
	}
	if r.IntN(3) == 0 {
		p.Header.Padding, p.PaddingSize = true, byte(1+r.IntN(255))
	}
	b, err := p.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// journey is packets of eight SSRCs on their way: sequence numbers that wrap
// around, losses of up to 79 together, packets that overtake others.
func journey(t testing.TB, seed uint64) [][]byte {
	r := rand.New(rand.NewPCG(seed, 1))
	var sequences [8]uint16
	for i := range sequences {
		sequences[i] = uint16(60000 + r.IntN(5000))
	}
	var packets [][]byte
	for range 6000 {
		i := r.IntN(len(sequences))
		sequences[i] += uint16(1 + r.IntN(80)) // enough for the way around the corner
		packets = append(packets, randomRTP(t, r, uint32(i)*0x1f1f1f1f, sequences[i]))
	}
	return packets
}

// overtake exchanges neighbours. The first packets stay: a stream's first
// packet sets its rollover counter.
func overtake(packets [][]byte, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 2))
	for i := 200; i < len(packets); i++ {
		if j := i - r.IntN(5); j >= 200 {
			packets[i], packets[j] = packets[j], packets[i]
		}
	}
}

func TestRTPWithPion(t *testing.T) {
	for _, p := range profiles {
		t.Run(fmt.Sprint("to pion, ", p), func(t *testing.T) {
			s, _ := pair(t, p)
			theirs := pionContext(t, p)
			packets, sealed := journey(t, 1), [][]byte{}
			for _, b := range packets {
				out, err := s.SealRTP(withRoom(b))
				if err != nil {
					t.Fatal(err)
				}
				sealed = append(sealed, out)
			}
			overtake(packets, 1)
			overtake(sealed, 1)
			for i, b := range sealed {
				if i%7 == 3 {
					continue // lost
				}
				opened, err := theirs.DecryptRTP(nil, b, nil)
				if err != nil || !bytes.Equal(opened, packets[i]) {
					t.Fatalf("packet %d: %x, %v", i, opened, err)
				}
			}
			if roc, _ := theirs.ROC(0); roc == 0 {
				t.Error("no rollover")
			}
		})
		t.Run(fmt.Sprint("from pion, ", p), func(t *testing.T) {
			_, o := pair(t, p)
			theirs := pionContext(t, p)
			packets, sealed := journey(t, 2), [][]byte{}
			for _, b := range packets {
				out, err := theirs.EncryptRTP(nil, b, nil)
				if err != nil {
					t.Fatal(err)
				}
				sealed = append(sealed, out)
			}
			overtake(packets, 2)
			overtake(sealed, 2)
			for i, b := range sealed {
				if i%7 == 3 {
					continue
				}
				opened, err := o.OpenRTP(bytes.Clone(b))
				if err != nil || !bytes.Equal(opened, packets[i]) {
					t.Fatalf("packet %d: %x, %v", i, opened, err)
				}
				if _, err := o.OpenRTP(b); err != ErrReplayed {
					t.Fatalf("packet %d again: %v", i, err)
				}
			}
		})
	}
}

func TestSealingOutOfOrderWithPion(t *testing.T) {
	s, o := pair(t, AEADAES256GCM)
	theirs := pionContext(t, AEADAES256GCM)
	packets := journey(t, 3)
	overtake(packets, 3)
	for i, b := range packets {
		want, err := theirs.EncryptRTP(nil, b, nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.SealRTP(withRoom(b))
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("packet %d: %v", i, err)
		}
		if opened, err := o.OpenRTP(got); err != nil || !bytes.Equal(opened, b) {
			t.Fatalf("packet %d opened: %v", i, err)
		}
	}
}

// TestRolloversWithPion takes a stream through many rollovers, in steps as large
// as the estimate bears (RFC 3711 §3.3.1).
func TestRolloversWithPion(t *testing.T) {
	s, o := pair(t, AEADAES128GCM)
	in, out := pionContext(t, AEADAES128GCM), pionContext(t, AEADAES128GCM)
	r := rand.New(rand.NewPCG(4, 4))
	var index uint64
	for range 2000 {
		plain := randomRTP(t, r, 7, uint16(index))
		sealed, err := s.SealRTP(withRoom(plain))
		if err != nil {
			t.Fatal(err)
		}
		if want, err := out.EncryptRTP(nil, plain, nil); err != nil || !bytes.Equal(sealed, want) {
			t.Fatalf("index %#x: sealed differently, %v", index, err)
		}
		if opened, err := in.DecryptRTP(nil, sealed, nil); err != nil || !bytes.Equal(opened, plain) {
			t.Fatalf("index %#x: pion: %v", index, err)
		}
		if opened, err := o.OpenRTP(sealed); err != nil || !bytes.Equal(opened, plain) {
			t.Fatalf("index %#x: %v", index, err)
		}
		index += 1 + r.Uint64N(1<<15-1)
	}
	if got := s.streams[7].used.next; got < 300<<16 {
		t.Errorf("only %#x indices", got)
	}
}

func TestRTCPWithPion(t *testing.T) {
	for _, p := range profiles {
		t.Run(p.String(), func(t *testing.T) {
			s, o := pair(t, p)
			in, out := pionContext(t, p), pionContext(t, p)
			r := rand.New(rand.NewPCG(3, 3))
			for i := range 500 {
				ssrc := uint32(i % 5)
				compound, err := rtcp.Marshal([]rtcp.Packet{
					&rtcp.SenderReport{SSRC: ssrc, NTPTime: r.Uint64(), Reports: make([]rtcp.ReceptionReport, r.IntN(5))},
					&rtcp.TransportLayerNack{SenderSSRC: ssrc, MediaSSRC: r.Uint32(), Nacks: make([]rtcp.NackPair, 1+r.IntN(9))},
				})
				if err != nil {
					t.Fatal(err)
				}
				if i%9 == 0 {
					compound = binary.BigEndian.AppendUint32([]byte{0x80, 201, 0, 1}, ssrc) // nothing is secret in it
				}
				sealed, err := s.SealRTCP(withRoom(compound))
				if err != nil {
					t.Fatal(err)
				}
				if opened, err := in.DecryptRTCP(nil, sealed, nil); err != nil || !bytes.Equal(opened, compound) {
					t.Fatalf("packet %d to pion: %x, %v", i, opened, err)
				}
				if sealed, err = out.EncryptRTCP(nil, compound, nil); err != nil {
					t.Fatal(err)
				}
				if opened, err := o.OpenRTCP(bytes.Clone(sealed)); err != nil || !bytes.Equal(opened, compound) {
					t.Fatalf("packet %d from pion: %x, %v", i, opened, err)
				}
				if _, err := o.OpenRTCP(sealed); err != ErrReplayed {
					t.Fatalf("packet %d again: %v", i, err)
				}
			}
		})
	}
}
