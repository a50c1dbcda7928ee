package sframe

import (
	"bytes"
	"fmt"
	"testing"
)

func makeHeaders() frameVectors {
	var v frameVectors
	// Every length that a counter of a call can have, and its neighbours.
	counters := []uint64{0, 7, 8, 255, 256, 1<<16 - 1, 1 << 16, 1<<24 - 1, 1 << 24, MaxCounter}
	for _, at := range []struct {
		context Context
		leaf    uint32
		epoch   uint64
	}{
		{0, 0, 0}, {0, 0, 7}, {0, 0, 8}, {0, 0, 255}, {0, 0, 256}, {1, 0, 1}, {0, 1, 0}, {1, 127, 255}, {1, 128, 256},
		{2, 65535, 255}, {3, 65535, 256}, {127, 65535, 511}, {128, 0, 0}, {255, 65535, 255}, {255, 65535, 1<<40 + 255},
	} {
		for _, ctr := range counters {
			kid, err := NewKID(at.context, at.leaf, at.epoch)
			if err != nil {
				panic(err) // the table is within the limits
			}
			v.Headers = append(v.Headers, headerVector{
				at.context, at.leaf, at.epoch, kid, ctr, Header{KID: kid, CTR: ctr}.Append(nil),
			})
		}
	}
	for _, bad := range []struct {
		note, bytes, reason string
	}{
		{"nothing", "", "no-header"},
		{"KID's byte missing", "\x80", "no-header"},
		{"KID cut short", "\xb0\x01\x02\x03", "no-header"},
		{"CTR's byte missing", "\x08", "no-header"},
		{"CTR cut short behind a KID", "\x99\x01\x23\x45", "no-header"},
		{"KID below 8 in a byte", "\x80\x07", "bad-header"},
		{"CTR below 8 in a byte", "\x08\x07", "bad-header"},
		{"CTR of zero in a byte", "\x08\x00", "bad-header"},
		{"KID with a leading zero", "\x90\x00\xff", "bad-header"},
		{"CTR with a leading zero", "\x09\x00\xff", "bad-header"},
		{"CTR with seven leading zeros", "\x0f\x00\x00\x00\x00\x00\x00\x00\x08", "bad-header"},
		{"KID of 33 bits", "\xc0\x01\x00\x00\x00\x00", "wrong-kid"},
		{"KID of 64 bits", "\xf0\xff\xff\xff\xff\xff\xff\xff\xff", "wrong-kid"},
		{"CTR of 33 bits", "\x0c\x01\x00\x00\x00\x00", "wrong-kid"},
		{"CTR beyond what a double holds", "\x0e\x20\x00\x00\x00\x00\x00\x01", "wrong-kid"},
		{"CTR of 64 bits", "\x0f\xff\xff\xff\xff\xff\xff\xff\xff", "wrong-kid"},
	} {
		v.BadHeaders = append(v.BadHeaders, badHeaderVector{bad.note, octetString(bad.bytes), bad.reason})
	}
	return v
}

func makeSeals(t *testing.T) frameVectors {
	var v frameVectors
	add := func(c sealVector) {
		c.Base = baseKey(c.Note)
		c.Sealed = sealAt(t, c)
		v.Seal = append(v.Seal, c)
	}
	opus := bytes.Repeat([]byte{0x78, 0x5a}, 20)
	picture := bytes.Repeat([]byte{0x50, 0x1e, 0x00, 0x9d}, 30)
	add(sealVector{Note: "microphone of leaf 0", Codec: "opus", Context: 0, Leaf: 0, Epoch: 1, Frame: opus})
	add(sealVector{Note: "microphone of leaf 65535", Codec: "opus", Context: 0, Leaf: 65535, Epoch: 1, Frame: opus})
	add(sealVector{Note: "camera, key frame", Codec: "vp8", Context: 1, Leaf: 3, Epoch: 9, Key: true, Frame: picture})
	add(sealVector{Note: "camera, delta frame", Codec: "vp8", Context: 1, Leaf: 3, Epoch: 9, CTR: 1, Frame: picture})
	add(sealVector{Note: "camera in VP9, lowest layer of a key picture", Codec: "vp9", Context: 1, Leaf: 3, Epoch: 9, CTR: 2, Key: true, Frame: picture})
	add(sealVector{Note: "camera in VP9, a layer above", Codec: "vp9", Context: 1, Leaf: 3, Epoch: 9, CTR: 3, Frame: picture})
	add(sealVector{Note: "first screen, key frame", Codec: "vp8", Context: 2, Leaf: 3, Epoch: 9, Key: true, Frame: picture})
	add(sealVector{Note: "first screen's sound", Codec: "opus", Context: 3, Leaf: 3, Epoch: 9, Frame: opus})
	add(sealVector{Note: "second screen, delta frame", Codec: "vp8", Context: 4, Leaf: 3, Epoch: 9, Frame: picture})
	add(sealVector{Note: "last context, leaf and epoch byte", Codec: "opus", Context: 255, Leaf: 65535, Epoch: 255, Frame: opus})
	add(sealVector{Note: "epoch 255", Codec: "vp8", Context: 1, Leaf: 65535, Epoch: 255, Frame: picture})
	add(sealVector{Note: "epoch 256", Codec: "vp8", Context: 1, Leaf: 65535, Epoch: 256, Frame: picture})
	for _, ctr := range []uint64{0, 7, 8, 255, 256, 1<<16 - 1, 1 << 16, 1<<24 - 1, 1 << 24, MaxCounter} {
		add(sealVector{Note: fmt.Sprintf("counter %d", ctr), Codec: "opus", Context: 0, Leaf: 5, Epoch: 2, CTR: ctr, Frame: opus})
	}
	add(sealVector{Note: "empty frame", Codec: "opus", Context: 0, Leaf: 5, Epoch: 2, Frame: octetString{}})
	add(sealVector{Note: "one byte of padding", Codec: "opus", Context: 0, Leaf: 5, Epoch: 2, Padding: 1, Frame: opus})
	add(sealVector{Note: "padding of 300 bytes", Codec: "vp8", Context: 1, Leaf: 5, Epoch: 2, Key: true, Padding: 300, Frame: picture})
	return v
}

func makeReceives(t *testing.T) frameVectors {
	var v frameVectors
	opus := []byte("an opus packet")
	picture := []byte("a picture")
	frame := func(name, codec string, context Context, leaf uint32, epoch, ctr uint64, key bool) octetString {
		body := opus
		if codec == "vp8" {
			body = picture
		}
		return sealAt(t, sealVector{Base: baseKey(name), Codec: codec, Context: context, Leaf: leaf, Epoch: epoch, CTR: ctr, Key: key, Frame: body})
	}

	const replay = "replay"
	at := func(ctr uint64) octetString { return frame(replay, "opus", 0, 7, 4, ctr, false) }
	v.Receive = append(v.Receive, receiveVector{
		Note: "replay window", Base: baseKey(replay), Codec: "opus", Context: 0, Leaf: 7, Own: 1, Epoch: 4,
		Frames: []received{
			{"first", at(10), "ok", opus},
			{"again", at(10), "replayed", nil},
			{"older, unseen", at(3), "ok", opus},
			{"older, again", at(3), "replayed", nil},
			{"far ahead", at(2000), "ok", opus},
			{"1,023 behind the newest", at(977), "ok", opus},
			{"1,024 behind the newest", at(976), "replayed", nil},
			{"seen, long ago", at(10), "replayed", nil},
			{"just below the newest", at(1999), "ok", opus},
			{"newest again", at(2000), "replayed", nil},
			{"slot of a seen one, one window on", at(977 + 1024), "ok", opus},
			{"last counter", at(MaxCounter), "ok", opus},
			{"everything is behind now", at(2002), "replayed", nil},
		},
	})

	const other = "other streams"
	v.Receive = append(v.Receive, receiveVector{
		Note: "frames of other streams", Base: baseKey(other), Codec: "opus", Context: 0, Leaf: 7, Own: 1, Epoch: 255,
		Frames: []received{
			{"expected", frame(other, "opus", 0, 7, 255, 0, false), "ok", opus},
			{"another leaf", frame(other, "opus", 0, 8, 255, 0, false), "wrong-kid", nil},
			{"another stream of the leaf", frame(other, "opus", 3, 7, 255, 0, false), "wrong-kid", nil},
			{"reflected: own microphone", frame(other, "opus", 0, 1, 255, 0, false), "own-kid", nil},
			{"an old epoch", frame(other, "opus", 0, 7, 200, 0, false), "old-epoch", nil},
		},
	})

	const seals = "broken seals"
	good := frame(seals, "vp8", 1, 7, 9, 40, false)
	key := frame(seals, "vp8", 1, 7, 9, 41, true)
	v.Receive = append(v.Receive, receiveVector{
		Note: "broken seals", Base: baseKey(seals), Codec: "vp8", Context: 1, Leaf: 7, Own: 1, Epoch: 9,
		Frames: []received{
			{"a changed tag", flip(good, len(good)-1), "bad-tag", nil},
			{"a changed ciphertext", flip(good, len(PrefixVP8Delta)+6), "bad-tag", nil},
			{"another base key", frame("a stranger", "vp8", 1, 7, 9, 40, false), "bad-tag", nil},
			{"delta dressed as key", append(octetString(PrefixVP8Key), good[len(PrefixVP8Delta):]...), "bad-tag", nil},
			{"key dressed as delta", append(octetString(PrefixVP8Delta), key[len(PrefixVP8Key):]...), "bad-tag", nil},
			{"tag cut off", good[:len(good)-TagSize], "no-room-for-tag", nil},
			{"prefix of another picture size", flip(key, 7), "bad-prefix", nil},
			{"no prefix", good[len(PrefixVP8Delta):], "bad-prefix", nil},
			{"half a prefix", octetString(PrefixVP8Key[:9]), "bad-prefix", nil},
			{"nothing", octetString{}, "bad-prefix", nil},
			{"prefix alone", octetString(PrefixVP8Delta), "no-header", nil},
			{"plain media", append(octetString{0x31, 0x42, 0x00}, picture...), "bad-prefix", nil},
			// None of the above may have marked its counter.
			{"the good frame at last", good, "ok", picture},
			{"the key frame at last", key, "ok", picture},
			{"and not twice", good, "replayed", nil},
		},
	})

	// A key frame of VP9 is told from others by what is sealed alone.
	const layers = "layers of VP9"
	layer := func(ctr uint64, key bool) octetString { return frame(layers, "vp9", 1, 7, 9, ctr, key) }
	v.Receive = append(v.Receive, receiveVector{
		Note: layers, Base: baseKey(layers), Codec: "vp9", Context: 1, Leaf: 7, Own: 1, Epoch: 9,
		Frames: []received{
			{"lowest layer of a key picture", layer(0, true), "ok", opus},
			{"highest layer, the one between left out on the way", layer(2, false), "ok", opus},
			{"the one between after all", layer(1, false), "ok", opus},
			{"and not twice", layer(1, false), "replayed", nil},
			{"a changed tag", flip(layer(3, false), len(layer(3, false))-1), "bad-tag", nil},
			{"one of VP8", frame(layers, "vp8", 1, 7, 9, 4, false), "wrong-kid", nil},
			{"next picture", layer(3, false), "ok", opus},
		},
	})

	const inner = "malformed inner frames"
	v.Receive = append(v.Receive, receiveVector{
		Note: inner, Base: baseKey(inner), Codec: "vp8", Context: 1, Leaf: 7, Own: 1, Epoch: 9,
		Frames: []received{
			{"empty plaintext", rawInner(t, inner, 0, nil), "no-room-for-tag", nil},
			{"unknown bit", rawInner(t, inner, 1, []byte{4, 1, 2}), "bad-inner", nil},
			{"delta prefix, key inside", rawInner(t, inner, 2, []byte{1, 1, 2}), "bad-inner", nil},
			{"padding without length", rawInner(t, inner, 3, []byte{2, 0}), "bad-inner", nil},
			{"padding of length zero", rawInner(t, inner, 4, []byte{2, 0, 0, 9}), "bad-inner", nil},
			{"padding longer than the frame", rawInner(t, inner, 5, []byte{2, 0, 3, 0, 0}), "bad-inner", nil},
			{"padding that is not zero", rawInner(t, inner, 6, []byte{2, 0, 2, 0, 1, 9}), "bad-inner", nil},
			{"padding alone", rawInner(t, inner, 7, []byte{2, 0, 2, 0, 0}), "ok", octetString{}},
		},
	})
	return v
}

func flip(b octetString, at int) octetString {
	b = bytes.Clone(b)
	b[at] ^= 1
	return b
}

// rawInner seals any plaintext as a delta frame of leaf 7's camera in epoch 9.
func rawInner(t *testing.T, name string, ctr uint64, plaintext []byte) octetString {
	t.Helper()
	kid, err := NewKID(1, 7, 9)
	if err != nil {
		t.Fatal(err)
	}
	k, err := newCipherKey(AES256GCM, baseKey(name), kid)
	if err != nil {
		t.Fatal(err)
	}
	header := Header{KID: kid, CTR: ctr}.Append(nil)
	aad := metadata(bytes.Clone(header), Camera, []byte(PrefixVP8Delta))
	iv := nonce(k.salt, ctr)
	return k.aead.Seal(append([]byte(PrefixVP8Delta), header...), iv[:], plaintext, aad)
}
