package transport

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"huisclos/media"
	"huisclos/media/forward"
)

var testIDs = extensionIDs{mid: 4, rid: 10, repaired: 11, twcc: 3}

func TestRTP(t *testing.T) {
	for _, twoBytes := range []bool{false, true} {
		p := &rtp.Packet{Header: rtp.Header{Version: 2, Marker: true, PayloadType: 96, SequenceNumber: 7, Timestamp: 9, SSRC: 11, CSRC: []uint32{1, 2}},
			Payload: []byte("payload")}
		if twoBytes {
			p.Header.Extension, p.Header.ExtensionProfile = true, rtp.ExtensionProfileTwoByte
		}
		for id, value := range map[uint8]string{4: "mid-1", 10: "h", 11: "m", 3: "\x12\x34", 5: "unknown"} {
			if err := p.Header.SetExtension(id, []byte(value)); err != nil {
				t.Fatal(err)
			}
		}
		b, err := p.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		got, err := parseRTP(b, testIDs)
		if err != nil || !got.Marker || got.payloadType != 96 || got.Sequence != 7 || got.Timestamp != 9 || got.SSRC != 11 ||
			string(got.mid) != "mid-1" || string(got.rid) != "h" || string(got.repaired) != "m" || !got.hasTWCC || got.twcc != 0x1234 ||
			string(got.Payload) != "payload" {
			t.Fatalf("%+v, %v", got, err)
		}
		if none, err := parseRTP(b, extensionIDs{}); err != nil || len(none.mid) != 0 || none.hasTWCC {
			t.Fatalf("what was not negotiated is read: %+v, %v", none, err)
		}
	}
}

// CVE-2025-49140: a padding length beyond the payload must not reach anything.
func TestPadding(t *testing.T) {
	for size := 0; size <= 300; size += 1 + size/8 {
		for padding := range 256 {
			b := append([]byte{0xa0, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3}, bytes.Repeat([]byte{7}, size)...)
			if size > 0 {
				b[len(b)-1] = byte(padding)
			}
			p, err := parseRTP(b, testIDs)
			ok := size > 0 && padding > 0 && padding <= size
			if (err == nil) != ok {
				t.Fatalf("padding %d of %d: %v", padding, size, err)
			}
			if ok && len(p.Payload) != size-padding {
				t.Fatalf("padding %d of %d leaves %d", padding, size, len(p.Payload))
			}
		}
	}
}

func TestRTPRefused(t *testing.T) {
	for name, b := range map[string][]byte{
		"empty":                   nil,
		"cut short":               make([]byte, 11),
		"version 1":               {0x40, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3},
		"CSRCs beyond the end":    {0x8f, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 1, 1, 1, 1},
		"extension beyond":        {0x90, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0xbe, 0xde, 0xff, 0xff},
		"extension without size":  {0x90, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0xbe, 0xde},
		"one-byte element beyond": {0x90, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0xbe, 0xde, 0, 1, 0x4f, 1, 1, 1},
		"two-byte element beyond": {0x90, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0x10, 0, 0, 1, 4, 200, 1, 1},
	} {
		if _, err := parseRTP(b, testIDs); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

func TestAppendRTP(t *testing.T) {
	for i, mid := range []string{"", "0", "12", "123", "1234", "sixteen-octets-!", ""} {
		e := extensions{mid: mid}
		if mid != "" {
			e.midID = 4
		}
		want := ""
		if i >= 3 {
			e.twccID, e.twcc, want = 5, 0x1234, "\x12\x34"
		}
		b := appendRTP(nil, 97, true, 65535, 1<<31, 0xdeadbeef, e)
		if len(b) != 12+e.size() {
			t.Fatalf("%q: %d octets of header, not %d", mid, len(b), 12+e.size())
		}
		b = append(b, "body"...)
		var p rtp.Packet
		if err := p.Unmarshal(b); err != nil {
			t.Fatal(err)
		}
		if p.PayloadType != 97 || !p.Marker || p.SequenceNumber != 65535 || p.Timestamp != 1<<31 || p.SSRC != 0xdeadbeef ||
			string(p.Payload) != "body" || string(p.GetExtension(4)) != mid || string(p.GetExtension(5)) != want {
			t.Fatalf("%q: %+v", mid, p)
		}
	}
}

func FuzzRTPHeader(f *testing.F) {
	f.Add([]byte{0xb1, 0xe0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 9, 0xbe, 0xde, 0, 2, 0x31, 1, 2, 0xa0, 'h', 0x41, 'a', 'b', 1, 2, 3, 2, 2})
	f.Add([]byte{0x90, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0x10, 0, 0, 1, 4, 1, 'a', 0, 9})
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := parseRTP(b, testIDs)
		if err != nil {
			return
		}
		if len(p.Payload) > len(b)-12 || p.SSRC != binary.BigEndian.Uint32(b[8:]) {
			t.Fatalf("%+v", p)
		}
		// Where another reader agrees that it is RTP, it finds the same payload.
		var other rtp.Packet
		if other.Unmarshal(slices.Clone(b)) == nil && !bytes.Equal(other.Payload, p.Payload) && b[0]&0x20 == 0 {
			t.Fatalf("%x here, %x there", p.Payload, other.Payload)
		}
	})
}

// incomingCall is a publisher without sockets: what comes after SRTP.
func incomingCall(t testing.TB) *publisher {
	in := &port{log: discard(), pacer: newPacer(), now: time.Now}
	in.turns = []*turn{newTurn(in, 0)}
	s := &Server{port: in, events: newEvents(&stage{}, func(string) {})}
	s.cfg.Now = time.Now
	t.Cleanup(s.events.close)
	c := &call{id: testCall, router: media.NewRouter(1, time.Now())}
	p := &publisher{server: s, call: c, peer: "p", byMID: make(map[string]*incoming), bySSRC: make(map[uint32]bound)}
	p.link = &link{port: s.port, done: make(chan struct{}), now: time.Now, jobs: make([][]job, 1)}
	streams := []media.Stream{{MID: "0", Kind: media.Audio}, {MID: "1", Kind: media.Video, Context: 1}}
	if err := c.router.Admit("p", 1, time.Now()); err != nil {
		t.Fatal(err)
	}
	sources, err := c.router.Publish("p", p, streams)
	if err != nil {
		t.Fatal(err)
	}
	p.accept([]accepted{
		{stream: streams[0], codecs: codecs{codec: codec{payloadType: 111}}, extensions: testIDs, ssrcs: []uint32{77}},
		{stream: streams[1], codecs: codecs{codec: codec{payloadType: 96, rtx: 97}, vp9: codec{payloadType: 98, rtx: 99}}, extensions: testIDs, rids: layerRIDs[:]},
	}, sources)
	return p
}

func packetOf(t testing.TB, ssrc uint32, pt uint8, seq uint16, payload []byte, extensions map[uint8]string) []byte {
	p := &rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: pt, SequenceNumber: seq, Timestamp: 5, SSRC: ssrc}, Payload: payload}
	for id, value := range extensions {
		if err := p.Header.SetExtension(id, []byte(value)); err != nil {
			t.Fatal(err)
		}
	}
	b, err := p.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestSSRCsFindTheirPlace(t *testing.T) {
	p, now := incomingCall(t), time.Now()
	sort := func(b []byte) (mid string, l forward.Layer, ssrc uint32, seq uint16, ok bool) {
		in, l, packet, _, ok := p.sort(b, now)
		if ok {
			mid = in.stream.MID
		}
		return mid, l, packet.SSRC, packet.Sequence, ok
	}
	body := []byte("some payload")
	for _, step := range []struct {
		name string
		b    []byte
		want string
	}{
		{"nobody knows", packetOf(t, 1, 96, 1, body, nil), "- 0 0 0"},
		{"a mid that is not there", packetOf(t, 1, 96, 1, body, map[uint8]string{4: "9"}), "- 0 0 0"},
		{"a rid that is not there", packetOf(t, 1, 96, 1, body, map[uint8]string{4: "1", 10: "x"}), "- 0 0 0"},
		{"no rid yet", packetOf(t, 1, 96, 1, body, map[uint8]string{4: "1"}), "- 0 0 0"},
		{"RTX of what was never seen", packetOf(t, 5, 97, 1, body, map[uint8]string{4: "1", 11: "h"}), "- 0 0 0"},
		{"top layer", packetOf(t, 1, 96, 1, body, map[uint8]string{4: "1", 10: "h"}), "1 2 1 1"},
		{"top layer, known now", packetOf(t, 1, 96, 2, body, nil), "1 2 1 2"},
		{"its RTX", packetOf(t, 5, 97, 900, append([]byte{0, 2}, body...), map[uint8]string{4: "1", 11: "h"}), "1 2 1 2"},
		{"its RTX, known now", packetOf(t, 5, 97, 901, append([]byte{0, 1}, body...), nil), "1 2 1 1"},
		{"an RTX probe without an original", packetOf(t, 5, 97, 902, []byte{0, 1}, nil), "- 0 0 0"},
		{"low layer", packetOf(t, 2, 96, 50, body, map[uint8]string{4: "1", 10: "l"}), "1 0 2 50"},
		{"an audio payload type on video", packetOf(t, 2, 111, 51, body, nil), "- 0 0 0"},
		{"RED on audio", packetOf(t, 77, 63, 1, body, nil), "- 0 0 0"},
		{"audio by what the offer declared", packetOf(t, 77, 111, 1, body, nil), "0 0 77 1"},
		{"the top layer's encoder is replaced", packetOf(t, 9, 96, 3, body, map[uint8]string{4: "1", 10: "h"}), "1 2 9 3"},
		{"the old one", packetOf(t, 1, 96, 4, body, nil), "- 0 0 0"},
		{"RTX goes to the new one", packetOf(t, 5, 97, 903, append([]byte{0, 3}, body...), nil), "1 2 9 3"},
		{"a bandwidth probe on SSRC 0", packetOf(t, 0, 97, 1, body, map[uint8]string{3: "\x00\x01"}), "- 0 0 0"},
	} {
		mid, l, ssrc, seq, ok := sort(step.b)
		got := "- 0 0 0"
		if ok {
			got = fmt.Sprint(mid, " ", l, " ", ssrc, " ", seq)
		}
		if got != step.want {
			t.Fatalf("%s: %s, want %s", step.name, got, step.want)
		}
	}
	if p.arrivals.feedback(1) == nil {
		t.Fatal("the probe is not in the feedback")
	}
}

// A client may change SSRCs at will; what is remembered of them is bounded.
func TestSSRCsAreBounded(t *testing.T) {
	p, now := incomingCall(t), time.Now()
	for ssrc := range uint32(10000) {
		p.sort(packetOf(t, ssrc+1000, 96, 1, []byte("x"), map[uint8]string{4: "1", 10: layerRIDs[ssrc%3]}), now)
	}
	if len(p.bySSRC) > maxSSRCs {
		t.Fatalf("%d SSRCs are remembered", len(p.bySSRC))
	}
}

func FuzzIncomingRTP(f *testing.F) {
	f.Add(packetOf(f, 1, 96, 1, []byte{0x10, 0x10, 0, 0}, map[uint8]string{4: "1", 10: "h"}))
	f.Add(packetOf(f, 5, 97, 1, []byte{0, 1, 9}, map[uint8]string{4: "1", 11: "h"}))
	f.Fuzz(func(t *testing.T, b []byte) {
		p := incomingCall(t)
		p.rtp(packetOf(t, 1, 96, 1, []byte("first"), map[uint8]string{4: "1", 10: "h"}), p.server.port.aside(), time.Now())
		for range 3 {
			p.rtp(slices.Clone(b), p.server.port.aside(), time.Now())
		}
		p.tick(time.Now())
	})
}

func FuzzRTCP(f *testing.F) {
	for _, packets := range [][]rtcp.Packet{
		{&rtcp.SenderReport{SSRC: 1, NTPTime: 1 << 40, RTPTime: 9}},
		{&rtcp.ReceiverReport{SSRC: 2, Reports: []rtcp.ReceptionReport{{SSRC: 3, FractionLost: 99}}}},
		{&rtcp.TransportLayerNack{MediaSSRC: 3, Nacks: []rtcp.NackPair{{PacketID: 65535, LostPackets: 0xffff}}}},
		{&rtcp.TransportLayerCC{Header: rtcp.Header{Count: 15, Type: 205, Length: 5}, MediaSSRC: 3, PacketStatusCount: 1, ReferenceTime: 9,
			PacketChunks: []rtcp.PacketStatusChunk{&rtcp.RunLengthChunk{PacketStatusSymbol: 1, RunLength: 1}}, RecvDeltas: []*rtcp.RecvDelta{{Type: 1, Delta: 250}}}},
		{&rtcp.PictureLossIndication{MediaSSRC: 3}, &rtcp.FullIntraRequest{FIR: []rtcp.FIREntry{{SSRC: 3}}}},
	} {
		b, err := rtcp.Marshal(packets)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p := incomingCall(t)
		p.rtp(packetOf(t, 1, 96, 1, []byte("first"), map[uint8]string{4: "1", 10: "h"}), p.server.port.aside(), time.Now())
		p.rtcp(b, p.server.port.aside(), time.Now())
		sub := &subscriber{server: p.server, call: p.call, peer: "q", link: p.link}
		p.link.pacing = newPacing(p.link)
		sub.lines = []*subscribed{{line: line{mid: "0", kind: media.Video, used: true, ssrc: 3, leaf: 1, context: 1}}}
		if err := p.call.router.Admit("q", 2, time.Now()); err != nil {
			t.Fatal(err)
		}
		o := &outlet{link: p.link, ssrc: 3, rtx: 4, agreed: agreed{codecs: codecs{codec: codec{payloadType: 96, rtx: 97}}}}
		o.down = p.call.router.Attach("q", 1, 1, o, time.Now())
		sub.lines[0].outlet = o
		sub.rtcp(b, p.server.port.aside(), time.Now())
	})
}
