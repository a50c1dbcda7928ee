// Package ogg reads and writes Opus in Ogg: pages (RFC 3533 §6), the two
// headers and the granule positions of Opus (RFC 7845), and how long a packet
// of Opus is (RFC 6716 §3.1).
//
// It decides what a whole file of one stream is. It never decodes sound.
package ogg

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"
)

const (
	pageHeaderSize = 27
	maxSegments    = 255
	// MaxPacket bounds a packet: 120 ms of 510 kbit/s are 7,650 bytes, twice
	// that for two streams, and some air.
	MaxPacket = 64 << 10
	// maxTags bounds the comment header, which may hold a picture (RFC 7845
	// §5.2); it is read and left alone.
	maxTags = 16 << 20

	continued = 1 << 0 // header type flags (RFC 3533 §6)
	first     = 1 << 1
	last      = 1 << 2
)

// ErrFormat says that the bytes are not an Ogg file of one Opus stream.
var ErrFormat = errors.New("ogg: not an Ogg file of one Opus stream")

// crcTable is that of the polynomial 0x04c11db7, not reflected (RFC 3533 §6).
func crcTable() (t [256]uint32) {
	for i := range t {
		r := uint32(i) << 24
		for range 8 {
			if r&(1<<31) != 0 {
				r = r<<1 ^ 0x04c11db7
			} else {
				r <<= 1
			}
		}
		t[i] = r
	}
	return t
}

func crc(table *[256]uint32, b []byte) (sum uint32) {
	for _, octet := range b {
		sum = sum<<8 ^ table[byte(sum>>24)^octet]
	}
	return sum
}

// Duration is how much sound a packet of Opus is (RFC 6716 §3.1, §3.2); false
// where it is none.
func Duration(packet []byte) (time.Duration, bool) {
	if len(packet) == 0 {
		return 0, false
	}
	config := packet[0] >> 3
	var frame time.Duration
	switch {
	case config < 12: // SILK
		frame = []time.Duration{10, 20, 40, 60}[config&3] * time.Millisecond
	case config < 16: // hybrid
		frame = []time.Duration{10, 20}[config&1] * time.Millisecond
	default: // CELT
		frame = 2500 * time.Microsecond << (config & 3)
	}
	n := 1
	switch packet[0] & 3 {
	case 1, 2:
		n = 2
	case 3:
		if len(packet) < 2 {
			return 0, false
		}
		n = int(packet[1] & 0x3f)
	}
	d := frame * time.Duration(n)
	return d, n > 0 && d <= 120*time.Millisecond
}

// Samples is a duration in the 48 kHz that granule positions count in.
func Samples(d time.Duration) uint64 { return uint64(d * 48 / time.Millisecond) }

// Silence is a packet that stands for one that is missing: a frame of no bytes
// of the same kind (RFC 7845 §4.1), which decoders conceal.
func Silence(like []byte) []byte { return []byte{like[0] &^ 3} }

// Header is the identification header (RFC 7845 §5.1), of mapping family 0.
type Header struct {
	Channels uint8
	PreSkip  uint16 // samples at 48 kHz
	Rate     uint32 // of the sound before it was encoded
}

func (h Header) packet() []byte {
	b := append([]byte("OpusHead\x01"), h.Channels)
	b = binary.LittleEndian.AppendUint16(b, h.PreSkip)
	b = binary.LittleEndian.AppendUint32(b, h.Rate)
	return append(b, 0, 0, 0) // gain, mapping family 0
}

func parseHeader(b []byte) (Header, error) {
	// The version's upper half is the incompatible one.
	if len(b) < 19 || string(b[:8]) != "OpusHead" || b[8]>>4 != 0 || b[18] != 0 || b[9] < 1 || b[9] > 2 {
		return Header{}, ErrFormat
	}
	return Header{b[9], binary.LittleEndian.Uint16(b[10:]), binary.LittleEndian.Uint32(b[12:])}, nil
}

// Reader reads the packets of a file.
type Reader struct {
	Header
	r       io.Reader
	table   [256]uint32
	serial  uint32
	number  uint32
	begun   bool
	ended   bool
	packets [][]byte // whole ones of the page
	partial []byte   // begun on a page before
	limit   int
}

// NewReader reads the two headers.
func NewReader(r io.Reader) (*Reader, error) {
	o := &Reader{r: r, table: crcTable(), limit: maxTags}
	head, err := o.Next()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	if o.Header, err = parseHeader(head); err != nil {
		return nil, err
	}
	tags, err := o.Next()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	if len(tags) < 8 || string(tags[:8]) != "OpusTags" {
		return nil, ErrFormat
	}
	o.limit = MaxPacket
	return o, nil
}

// Next reads a packet; io.EOF after the last one.
func (o *Reader) Next() ([]byte, error) {
	for len(o.packets) == 0 {
		if o.ended {
			return nil, io.EOF
		}
		if err := o.page(); err != nil {
			return nil, err
		}
	}
	p := o.packets[0]
	o.packets = o.packets[1:]
	return p, nil
}

// page reads a page and the packets that end on it (RFC 3533 §6).
func (o *Reader) page() error {
	fail := func(why string) error { return fmt.Errorf("%w: %s", ErrFormat, why) }
	var h [pageHeaderSize + maxSegments]byte
	switch _, err := io.ReadFull(o.r, h[:pageHeaderSize]); {
	case errors.Is(err, io.EOF) && o.begun && o.partial == nil:
		o.ended = true // the last page was not marked; everything is there
		return nil
	case err != nil:
		return fail("cut short")
	}
	if string(h[:4]) != "OggS" || h[4] != 0 {
		return fail("no page")
	}
	n := int(h[26])
	if _, err := io.ReadFull(o.r, h[pageHeaderSize:pageHeaderSize+n]); err != nil {
		return fail("cut short")
	}
	lacing, size := h[pageHeaderSize:pageHeaderSize+n], 0
	for _, l := range lacing {
		size += int(l)
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(o.r, body); err != nil {
		return fail("cut short")
	}
	flags, serial, number := h[5], binary.LittleEndian.Uint32(h[14:]), binary.LittleEndian.Uint32(h[18:])
	want := binary.LittleEndian.Uint32(h[22:])
	clear(h[22:26])
	if crc(&o.table, append(h[:pageHeaderSize+n:pageHeaderSize+n], body...)) != want {
		return fail("checksum")
	}
	switch {
	case !o.begun && flags&first == 0, o.begun && (flags&first != 0 || serial != o.serial):
		return fail("more than one stream")
	case o.begun && number != o.number+1:
		return fail("a page is missing")
	case (flags&continued != 0) != (o.partial != nil):
		return fail("a packet without its beginning")
	}
	o.begun, o.serial, o.number, o.ended = true, serial, number, flags&last != 0
	for _, l := range lacing {
		if len(o.partial)+int(l) > o.limit {
			return fail("a packet that is too large")
		}
		o.partial = append(o.partial, body[:l]...)
		body = body[l:]
		if l < 255 {
			if o.partial == nil {
				o.partial = []byte{}
			}
			o.packets, o.partial = append(o.packets, o.partial), nil
		}
	}
	if o.ended && o.partial != nil {
		return fail("a packet without an end")
	}
	return nil
}
