package mls

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrMalformed is wrapped by every decoding error.
var ErrMalformed = errors.New("malformed mls encoding")

// maxMessage bounds every outside input before it is parsed. In a group of
// 1,000 with the default suite a commit is up to 1.2 MiB and the tree 4 MiB.
const maxMessage = 16 << 20

// Bounds on lists, so that a decoded message stays within a small multiple of
// its encoding.
const (
	maxProposals  = 8192
	maxPathNodes  = 32
	maxListed     = 1024 // values in a list of capabilities
	maxExtensions = 256
	maxPSKs       = 256
)

// maxVector is the largest length that RFC 9420 §2.1.2 can express.
const maxVector = 1<<30 - 1

// decoder reads the TLS presentation language. The first error sticks; after
// it every read returns a zero value, so callers check once, at the end.
type decoder struct {
	b   []byte
	err error
}

func (d *decoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, args...))
	}
	d.b = nil
}

func (d *decoder) take(n int) []byte {
	if d.err != nil {
		return nil
	}
	if n < 0 || len(d.b) < n {
		d.fail("%d bytes wanted, %d left", n, len(d.b))
		return nil
	}
	v := d.b[:n:n]
	d.b = d.b[n:]
	return v
}

func (d *decoder) u8() uint8 {
	if v := d.take(1); v != nil {
		return v[0]
	}
	return 0
}

func (d *decoder) u16() uint16 {
	if v := d.take(2); v != nil {
		return binary.BigEndian.Uint16(v)
	}
	return 0
}

func (d *decoder) u32() uint32 {
	if v := d.take(4); v != nil {
		return binary.BigEndian.Uint32(v)
	}
	return 0
}

func (d *decoder) u64() uint64 {
	if v := d.take(8); v != nil {
		return binary.BigEndian.Uint64(v)
	}
	return 0
}

// length reads a variable-size vector header.
//
// RFC 9420 §2.1.2: the prefix 11 is invalid and the encoding must be minimal.
func (d *decoder) length() int {
	first := d.u8()
	v := uint32(first & 0x3f)
	switch first >> 6 {
	case 0:
	case 1:
		v = v<<8 | uint32(d.u8())
		if v < 1<<6 {
			d.fail("vector length is not minimal")
		}
	case 2:
		v = v<<8 | uint32(d.u8())
		v = v<<16 | uint32(d.u16())
		if v < 1<<14 {
			d.fail("vector length is not minimal")
		}
	default:
		d.fail("vector length prefix 11")
	}
	if d.err != nil {
		return 0
	}
	return int(v)
}

// vec reads opaque<V>. The result aliases the input.
func (d *decoder) vec() []byte { return d.take(d.length()) }

// each reads a vector of at most most elements. Every element must consume at
// least one byte.
func (d *decoder) each(most int, read func(*decoder)) {
	sub := decoder{b: d.vec()}
	for n := 0; d.err == nil && len(sub.b) > 0; n++ {
		if n >= most {
			d.fail("more than %d elements", most)
			return
		}
		before := len(sub.b)
		read(&sub)
		if sub.err != nil {
			d.err, d.b = sub.err, nil
			return
		}
		if len(sub.b) == before {
			d.fail("empty vector element")
		}
	}
}

// optional reads the presence octet of RFC 9420 §2.1.1.
func (d *decoder) optional() bool {
	switch v := d.u8(); v {
	case 0:
		return false
	case 1:
		return true
	default:
		d.fail("presence octet %d", v)
		return false
	}
}

// done reports the first error, or bytes left over.
func (d *decoder) done() error {
	if d.err == nil && len(d.b) > 0 {
		d.fail("%d bytes after the end", len(d.b))
	}
	return d.err
}

// decodeAll parses the whole of b. It works on a copy: decoded values alias
// the copy, never the caller's buffer.
func decodeAll(b []byte, read func(*decoder)) error {
	if len(b) > maxMessage {
		return fmt.Errorf("%w: %d bytes is more than the %d allowed", ErrMalformed, len(b), maxMessage)
	}
	d := decoder{b: clone(b)}
	read(&d)
	return d.done()
}

// encoder writes the TLS presentation language.
type encoder struct{ b []byte }

func (e *encoder) u8(v uint8)   { e.b = append(e.b, v) }
func (e *encoder) u16(v uint16) { e.b = binary.BigEndian.AppendUint16(e.b, v) }
func (e *encoder) u32(v uint32) { e.b = binary.BigEndian.AppendUint32(e.b, v) }
func (e *encoder) u64(v uint64) { e.b = binary.BigEndian.AppendUint64(e.b, v) }
func (e *encoder) raw(v []byte) { e.b = append(e.b, v...) }

func (e *encoder) length(n int) {
	switch {
	case n < 1<<6:
		e.u8(uint8(n))
	case n < 1<<14:
		e.u16(uint16(n) | 1<<14)
	case n <= maxVector:
		e.u32(uint32(n) | 2<<30)
	default:
		panic("mls: vector longer than 2^30 bytes: every input is bounded far below")
	}
}

func (e *encoder) vec(v []byte) {
	e.length(len(v))
	e.raw(v)
}

// nested writes a vector whose content is written by f.
func (e *encoder) nested(f func(*encoder)) {
	inner := encoder{}
	f(&inner)
	e.vec(inner.b)
}

func (e *encoder) optional(present bool) {
	if present {
		e.u8(1)
	} else {
		e.u8(0)
	}
}

// encoded returns the bytes that f writes.
func encoded(f func(*encoder)) []byte {
	e := encoder{}
	f(&e)
	return e.b
}

func clone(b []byte) []byte {
	if b == nil {
		return nil
	}
	return append(make([]byte, 0, len(b)), b...)
}

// wipe zeroes a secret in place. Copies made by the runtime are out of reach.
func wipe(b []byte) { clear(b) }
