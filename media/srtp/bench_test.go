package srtp

import (
	"encoding/binary"
	"testing"
)

// benchPayload is what a video packet carries, in octets.
const benchPayload = 1100

func benchPacket() []byte { return packet(7, 0, string(make([]byte, benchPayload))) }

// BenchmarkSeal seals one packet after the other: in place here, from one slice
// into another with pion, which parses the header before.
func BenchmarkSeal(b *testing.B) {
	for _, p := range profiles {
		b.Run("own/"+p.String(), func(b *testing.B) {
			s, _ := pair(b, p)
			plain, sequence := benchPacket(), uint16(0)
			b.SetBytes(benchPayload)
			b.ReportAllocs()
			for b.Loop() {
				sequence++
				binary.BigEndian.PutUint16(plain[2:], sequence)
				if _, err := s.SealRTP(plain); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("pion/"+p.String(), func(b *testing.B) {
			s := pionContext(b, p)
			plain, sequence := benchPacket(), uint16(0)
			sealed := make([]byte, 0, len(plain)+TagSize)
			b.SetBytes(benchPayload)
			b.ReportAllocs()
			for b.Loop() {
				sequence++
				binary.BigEndian.PutUint16(plain[2:], sequence)
				if _, err := s.EncryptRTP(sealed, plain, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkOpen opens 4,096 packets, then begins again with a new context. Both
// sides copy the sealed packet first, since it is opened where it stands.
func BenchmarkOpen(b *testing.B) {
	for _, p := range profiles {
		s, _ := pair(b, p)
		sealed := make([][]byte, 4096)
		for i := range sealed {
			plain := benchPacket()
			binary.BigEndian.PutUint16(plain[2:], uint16(i))
			var err error
			if sealed[i], err = s.SealRTP(plain); err != nil {
				b.Fatal(err)
			}
		}
		buffer := make([]byte, len(sealed[0]))
		b.Run("own/"+p.String(), func(b *testing.B) {
			var o *Opener
			b.SetBytes(benchPayload)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if i%len(sealed) == 0 {
					_, o = pair(b, p)
				}
				copy(buffer, sealed[i%len(sealed)])
				if _, err := o.OpenRTP(buffer); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("pion/"+p.String(), func(b *testing.B) {
			o := pionContext(b, p)
			b.SetBytes(benchPayload)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if i%len(sealed) == 0 {
					o = pionContext(b, p)
				}
				copy(buffer, sealed[i%len(sealed)])
				if _, err := o.DecryptRTP(buffer[:0], buffer, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
