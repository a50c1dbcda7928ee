package sframe

import (
	"errors"
	"math/bits"
)

// MaxHeaderSize is the length of a header with two eight-byte values.
const MaxHeaderSize = 1 + 8 + 8

var (
	// ErrNoHeader says that the bytes end before the header does.
	ErrNoHeader = errors.New("sframe: header is cut short")
	// ErrBadHeader says that a value is not in its shortest form.
	ErrBadHeader = errors.New("sframe: header is not minimal")
)

// Header is the SFrame header (RFC 9605 §4.3).
type Header struct {
	KID KID
	CTR uint64
}

// Append appends the one encoding that ParseHeader accepts.
func (h Header) Append(dst []byte) []byte {
	kid, ctr := uint64(h.KID), h.CTR
	config := len(dst)
	dst = append(dst, 0)
	if kid < 8 {
		dst[config] |= byte(kid) << 4
	} else {
		n := octets(kid)
		dst[config] |= 0x80 | byte(n-1)<<4
		dst = appendUint(dst, kid, n)
	}
	if ctr < 8 {
		dst[config] |= byte(ctr)
	} else {
		n := octets(ctr)
		dst[config] |= 0x08 | byte(n-1)
		dst = appendUint(dst, ctr, n)
	}
	return dst
}

// ParseHeader reads the header that b begins with and returns its length. RFC
// 9605 §4.3 wants the shortest encoding; any other is refused, so that a header
// has one form and a KID can't be spelled in two ways.
func ParseHeader(b []byte) (h Header, n int, err error) {
	if len(b) == 0 {
		return Header{}, 0, ErrNoHeader
	}
	config, n := b[0], 1
	kid, n, err := value(b, n, config>>4)
	if err != nil {
		return Header{}, 0, err
	}
	ctr, n, err := value(b, n, config)
	if err != nil {
		return Header{}, 0, err
	}
	return Header{KID: KID(kid), CTR: ctr}, n, nil
}

// value decodes one half of the config byte: a value below 8, or the length of
// the value that stands at b[at:].
func value(b []byte, at int, half byte) (v uint64, next int, err error) {
	if half&8 == 0 {
		return uint64(half & 7), at, nil
	}
	n := int(half&7) + 1
	if len(b)-at < n {
		return 0, 0, ErrNoHeader
	}
	for _, octet := range b[at : at+n] {
		v = v<<8 | uint64(octet)
	}
	if v < 8 || octets(v) != n {
		return 0, 0, ErrBadHeader
	}
	return v, at + n, nil
}

func octets(v uint64) int { return (bits.Len64(v) + 7) / 8 }

func appendUint(dst []byte, v uint64, n int) []byte {
	for i := n - 1; i >= 0; i-- {
		dst = append(dst, byte(v>>(8*i)))
	}
	return dst
}
