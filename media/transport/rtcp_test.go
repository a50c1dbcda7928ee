package transport

import (
	"fmt"
	"slices"
	"testing"

	"github.com/pion/rtcp"
)

// What we read of a compound packet is what pion reads.
func TestControl(t *testing.T) {
	b, err := rtcp.Marshal([]rtcp.Packet{
		&rtcp.ReceiverReport{SSRC: 2, Reports: []rtcp.ReceptionReport{{SSRC: 3, FractionLost: 99}, {SSRC: 4, FractionLost: 1}}},
		&rtcp.SourceDescription{Chunks: []rtcp.SourceDescriptionChunk{{Source: 1, Items: []rtcp.SourceDescriptionItem{{Type: rtcp.SDESCNAME, Text: "x"}}}}},
		&rtcp.TransportLayerNack{SenderSSRC: 1, MediaSSRC: 3, Nacks: []rtcp.NackPair{{PacketID: 65534, LostPackets: 0x8003}, {PacketID: 9}}},
		&rtcp.PictureLossIndication{SenderSSRC: 1, MediaSSRC: 5},
		&rtcp.FullIntraRequest{SenderSSRC: 1, FIR: []rtcp.FIREntry{{SSRC: 6}, {SSRC: 7, SequenceNumber: 1}}},
		&rtcp.SenderReport{SSRC: 9, Reports: []rtcp.ReceptionReport{{SSRC: 8, FractionLost: 7}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	n := 0
	for c, rest, ok := nextControl(b); ok; c, rest, ok = nextControl(rest) {
		n++
		switch {
		case c.feedback(rtcpTransport, formatNACK):
			got = append(got, fmt.Sprint("nack ", c.media(), c.lost(nil)))
		case c.feedback(rtcpPayload, formatPLI):
			got = append(got, fmt.Sprint("pli ", c.media()))
		case c.feedback(rtcpPayload, formatFIR):
			c.keyFrames(func(ssrc uint32) { got = append(got, fmt.Sprint("fir ", ssrc)) })
		default:
			c.reports(func(r rtcp.ReceptionReport) { got = append(got, fmt.Sprint("report ", r.SSRC, " ", r.FractionLost)) })
		}
	}
	want := []string{"report 3 99", "report 4 1", "nack 3 [65534 65535 0 14 9]", "pli 5", "fir 6", "fir 7", "report 8 7"}
	if n != 6 || !slices.Equal(got, want) {
		t.Fatalf("%d packets:\n%q, want\n%q", n, got, want)
	}
}

// A NACK of any length asks for a bounded number, and what is cut short asks for nothing.
func TestControlBounds(t *testing.T) {
	long := make([]byte, 12+4*2000)
	long[0], long[1] = 0x80|formatNACK, rtcpTransport
	long[2], long[3] = byte((len(long)/4-1)>>8), byte(len(long)/4-1)
	for i := 12; i < len(long); i++ {
		long[i] = 0xff
	}
	c, rest, ok := nextControl(long)
	if !ok || len(rest) != 0 || len(c.lost(nil)) != maxNACKs {
		t.Fatalf("%v, %d left, %d numbers", ok, len(rest), len(c.lost(nil)))
	}
	for size := range 12 {
		short := slices.Clone(long[:size])
		if size >= 4 {
			short[2], short[3] = 0, byte(size/4-1)
		}
		for c, rest, ok := nextControl(short); ok; c, rest, ok = nextControl(rest) {
			if c.feedback(rtcpTransport, formatNACK) {
				t.Fatalf("%d octets are taken for feedback", size)
			}
		}
	}
	if _, _, ok := nextControl(long[:len(long)-1]); ok {
		t.Fatal("a packet that goes on beyond the datagram is read")
	}
}
