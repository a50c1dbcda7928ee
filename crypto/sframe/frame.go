package sframe

import "errors"

// Codec is what a stream is encoded with. Only codecs whose packetisers leave a
// sealed payload alone are known; there is no form for any other.
type Codec uint8

const (
	Opus Codec = 1
	VP8  Codec = 2
	VP9  Codec = 3
)

// VP8's (de)packetisers look into the payload for the frame tag (RFC 6386
// §9.1). The prefixes are valid tags, constant, and say key or delta only: the
// key's 640×480 is nobody's picture size.
const (
	PrefixVP8Key   = "\x10\x00\x00\x9d\x01\x2a\x80\x02\xe0\x01"
	PrefixVP8Delta = "\x11\x00\x00"
)

const (
	// TagSize is the length of every tag that calls use; none is truncated.
	TagSize = 16
	// MaxCounter is the last counter of a KID. The browser counts in doubles
	// and must refuse long before they round; at 1,000 frames a second this is
	// 49 days.
	MaxCounter = 1<<32 - 1

	innerKey     = 1 << 0
	innerPadding = 1 << 1
	// SoundSize is what sealed frames of sound are filled up to where a call's
	// profile asks for that, in bytes: twice what 20 ms of Opus have at 40 kbit/s,
	// with all that stands around it, because an encoder that takes no wish for a
	// constant rate has peaks. What is larger still gets a multiple.
	SoundSize = 240
	// MaxPadding is what the two-byte length before the padding can say.
	MaxPadding = 1<<16 - 1
)

var (
	ErrBadPrefix = errors.New("sframe: frame does not begin with its codec's prefix")
	ErrBadKID    = errors.New("sframe: KID or counter is outside the layout of calls")
	ErrTooShort  = errors.New("sframe: frame has no room for a tag")
	ErrBadInner  = errors.New("sframe: inner frame is malformed")
)

// FrameHeader is what stands in the clear at the beginning of a sealed frame.
type FrameHeader struct {
	Header
	// Key says that the prefix is the one of a key frame; false for audio and VP9,
	// which have none.
	Key bool
	// Prefix and Size are the lengths of the clear prefix, and of prefix and
	// SFrame header together.
	Prefix, Size int
}

// Prefix is the clear prefix of a frame.
func Prefix(codec Codec, key bool) string {
	switch {
	case codec == VP8 && key:
		return PrefixVP8Key
	case codec == VP8:
		return PrefixVP8Delta
	}
	return ""
}

// ParseFrameHeader reads the beginning of a frame, as it stands in the first
// packet behind the codec's payload descriptor. Only the beginning need be
// there; whether a tag fits is for who knows the whole length ([Fits]).
func ParseFrameHeader(codec Codec, b []byte) (FrameHeader, error) {
	var f FrameHeader
	switch codec {
	case Opus, VP9:
	case VP8:
		switch {
		case hasPrefix(b, PrefixVP8Key):
			f.Prefix, f.Key = len(PrefixVP8Key), true
		case hasPrefix(b, PrefixVP8Delta):
			f.Prefix = len(PrefixVP8Delta)
		default:
			return FrameHeader{}, ErrBadPrefix
		}
	default:
		return FrameHeader{}, ErrBadPrefix
	}
	h, n, err := ParseHeader(b[f.Prefix:])
	if err != nil {
		return FrameHeader{}, err
	}
	if !h.KID.Valid() || h.CTR > MaxCounter {
		return FrameHeader{}, ErrBadKID
	}
	f.Header, f.Size = h, f.Prefix+n
	return f, nil
}

// Fits says whether a frame of this length can hold the inner kind byte and a
// tag behind its header.
func (f FrameHeader) Fits(length int) bool { return length >= f.Size+1+TagSize }

func hasPrefix(b []byte, prefix string) bool {
	return len(b) >= len(prefix) && string(b[:len(prefix)]) == prefix
}

// metadata is the authenticated data that a frame has besides its header.
func metadata(dst []byte, kind Kind, prefix []byte) []byte {
	return append(append(dst, byte(kind)), prefix...)
}

// appendInner lays out the plaintext: kind byte, padding if any (its length in
// two bytes, then zeros), encoder frame.
func appendInner(dst []byte, key bool, padding int, frame []byte) []byte {
	var kind byte
	if key {
		kind |= innerKey
	}
	if padding == 0 {
		return append(append(dst, kind), frame...)
	}
	dst = append(dst, kind|innerPadding, byte(padding>>8), byte(padding))
	for range padding {
		dst = append(dst, 0)
	}
	return append(dst, frame...)
}

// parseInner is strict: an unknown bit, padding that is announced and empty, or
// padding that is not zero is refused, so that a frame has one plaintext.
func parseInner(b []byte) (key bool, frame []byte, err error) {
	if len(b) == 0 || b[0]&^(innerKey|innerPadding) != 0 {
		return false, nil, ErrBadInner
	}
	key = b[0]&innerKey != 0
	if b[0]&innerPadding == 0 {
		return key, b[1:], nil
	}
	if len(b) < 3 {
		return false, nil, ErrBadInner
	}
	padding := int(b[1])<<8 | int(b[2])
	b = b[3:]
	if padding == 0 || len(b) < padding {
		return false, nil, ErrBadInner
	}
	for _, octet := range b[:padding] {
		if octet != 0 {
			return false, nil, ErrBadInner
		}
	}
	return key, b[padding:], nil
}
