package gate

import (
	"bytes"
	"testing"

	"huisclos/crypto/sframe"
)

func TestVP9Descriptor(t *testing.T) {
	for _, test := range []struct {
		name string
		b    []byte
		ok   bool
		want Descriptor
	}{
		{"begin and end", []byte{0x0c, 9}, true, Descriptor{Size: 1, Start: true, End: true}},
		{"continuation", []byte{0x40, 9}, true, Descriptor{Size: 1, Predicted: true}},
		{"short picture", []byte{0x88, 0x7f, 9}, true, Descriptor{Size: 2, Start: true, HasPicture: true, Picture: 0x7f, pictureAt: 1}},
		{"layers with TL0PICIDX", []byte{0xec, 0x81, 0x00, 0x54, 0x33, 9}, true, Descriptor{Size: 5, Start: true, End: true, Predicted: true, HasPicture: true,
			LongPicture: true, Picture: 0x100, HasTL0: true, TL0: 0x33, Temporal: 2, Sync: true, Spatial: 2, pictureAt: 1, tl0At: 4}},
		{"flexible, three references", []byte{0xf8, 0x81, 0x00, 0x02, 0x03, 0x05, 0x06, 9}, true, Descriptor{Size: 7, Start: true, Predicted: true,
			HasPicture: true, LongPicture: true, Picture: 0x100, Spatial: 1, pictureAt: 1}},
		{"structure: sizes and pictures", []byte{0x8a, 0x01, 0x38, 1, 2, 3, 4, 5, 6, 7, 8, 2, 0x04, 1, 0x08, 1, 2, 9}, true,
			Descriptor{Size: 17, Start: true, HasPicture: true, Picture: 1, pictureAt: 1}},
		{"empty", nil, false, Descriptor{}},
		{"nothing follows", []byte{0x0c}, false, Descriptor{}},
		{"no picture byte", []byte{0x88}, false, Descriptor{}},
		{"no second picture byte", []byte{0x88, 0x80}, false, Descriptor{}},
		{"flexible without a picture", []byte{0x18, 9, 9}, false, Descriptor{}},
		{"no TL0PICIDX", []byte{0x28, 0x00}, false, Descriptor{}},
		{"a fourth spatial layer", []byte{0x28, 0x06, 0, 9}, false, Descriptor{}},
		{"a fifth temporal layer", []byte{0x28, 0x80, 0, 9}, false, Descriptor{}},
		{"the lowest layer needs one below", []byte{0x28, 0x01, 0, 9}, false, Descriptor{}},
		{"four references", []byte{0xf8, 0x01, 0x00, 3, 3, 3, 2, 9}, false, Descriptor{}},
		{"sizes cut short", []byte{0x0a, 0x30, 1, 2, 3, 4, 5, 6, 7}, false, Descriptor{}},
		{"references cut short", []byte{0x0a, 0x08, 1, 0x0c, 1}, false, Descriptor{}},
		{"pictures cut short", []byte{0x0a, 0x08, 200, 0, 0}, false, Descriptor{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			d, err := ParseVP9(test.b)
			if (err == nil) != test.ok || test.ok && d != test.want {
				t.Fatalf("%+v, %v", d, err)
			}
		})
	}
}

// vp9 puts a descriptor in front of a part of a layer's frame.
func vp9(first byte, spatial uint8, body []byte) []byte {
	return append([]byte{0xa0 | first, 0x81, 0x23, spatial << 1, 0x45}, body...)
}

func TestLayersOfOnePictureAreFrames(t *testing.T) {
	const begin, end, predicted = 0x08, 0x04, 0x40
	g, e := videoGate(), epochAt(1, start)
	frame := func(ctr uint64) []byte { return sealed("", kid(camera, leaf, 1), ctr, 40) }
	more := bytes.Repeat([]byte{9}, 40)
	for i, s := range []struct {
		seq     uint16
		payload []byte
		marker  bool
		forward int
		held    bool
		refused Reason
		key     bool
	}{
		{seq: 1, payload: vp9(begin, 0, frame(0)), forward: 1, key: true},
		{seq: 2, payload: vp9(end, 0, more), forward: 1},
		{seq: 4, payload: vp9(end, 1, more), held: true},
		{seq: 3, payload: vp9(begin, 1, frame(1)), forward: 2},
		{seq: 5, payload: vp9(end, 1, more), refused: NoFirstPacket}, // behind its frame's last
		{seq: 6, payload: vp9(begin|end, 1, frame(2)), refused: Replayed},
		{seq: 7, payload: vp9(begin|end, 2, frame(1)), refused: Replayed}, // layers share the counter
	} {
		v := g.Check(Packet{SSRC: 1, Timestamp: 7, Sequence: s.seq, Marker: s.marker, VP9: true, Payload: s.payload}, e, start)
		if len(v.Forward) != s.forward || v.Held != s.held || v.Refused != s.refused || s.forward > 0 && v.Forward[0].Key != s.key {
			t.Fatalf("step %d: %+v", i, v)
		}
	}
	v := g.Check(Packet{SSRC: 1, Timestamp: 8, Sequence: 9, VP9: true, Payload: vp9(begin|end|predicted, 0, frame(9))}, e, start)
	if len(v.Forward) != 1 || v.Forward[0].Key {
		t.Fatalf("a predicted picture: %+v", v)
	}
	prefixed := append([]byte(sframe.PrefixVP8Delta), frame(3)...)
	if v := g.Check(Packet{SSRC: 1, Timestamp: 10, Sequence: 11, VP9: true, Payload: vp9(begin, 0, prefixed)}, e, start); v.Refused != WrongKID {
		t.Fatalf("a frame of VP8: %+v", v)
	}
	// A frame of one packet holds the whole tag, marker or none.
	short := sealed("", kid(camera, leaf, 1), 10, 16)
	if v := g.Check(Packet{SSRC: 1, Timestamp: 9, Sequence: 10, VP9: true, Payload: vp9(begin|end, 0, short)}, e, start); v.Refused != NoRoomForTag {
		t.Fatalf("%+v", v)
	}
}

func FuzzVP9Descriptor(f *testing.F) {
	f.Add([]byte{0xec, 0x81, 0x00, 0x54, 0x33, 9}, uint16(7), uint8(9))
	f.Add([]byte{0xf8, 0x81, 0x00, 0x02, 0x03, 0x05, 0x06, 9}, uint16(0x7fff), uint8(255))
	f.Add([]byte{0x8a, 0x01, 0x38, 1, 2, 3, 4, 5, 6, 7, 8, 2, 0x04, 1, 0x08, 1, 2, 9}, uint16(0), uint8(0))
	f.Fuzz(func(t *testing.T, b []byte, picture uint16, tl0 uint8) {
		d, err := ParseVP9(b)
		if err != nil {
			return
		}
		if d.Size < 1 || d.Size >= len(b) || d.Spatial >= maxSpatial || d.Temporal > maxTemporal {
			t.Fatalf("%+v of %d bytes", d, len(b))
		}
		body := bytes.Clone(b[d.Size:])
		d.Rewrite(b, picture&0x7fff, tl0)
		again, err := ParseVP9(b)
		if err != nil || again.Size != d.Size || again.Start != d.Start || again.Spatial != d.Spatial || !bytes.Equal(b[again.Size:], body) {
			t.Fatalf("rewritten: %+v, %v", again, err)
		}
	})
}
