// Package sframe seals whole encoded media frames (RFC 9605) in the way that
// calls of Huis Clos lay them out.
//
// It decides what a sealed frame looks like from its first byte to its tag,
// which keys open it, which counters were seen. It never sees packets, clocks,
// names or the group that its base keys come from.
//
// A frame on the wire is
//
//	clear prefix ‖ SFrame header ‖ ciphertext ‖ tag
//
// The prefix is constant per codec and frame kind and says nothing but key or
// delta; Opus and VP9 have none: each layer of a VP9 picture is a frame of its own. The SFrame header names the key (KID) and the counter
// (CTR). What is sealed is one byte of kind, optional padding and the encoder's
// frame. The header, the stream's kind and the prefix are authenticated.
//
// The server's gate reads headers with [ParseFrameHeader] and keeps a [Window];
// it holds no key. The browser's frame worker is the TypeScript twin of this
// package and reads the same vectors (crypto/testdata/frames).
package sframe
