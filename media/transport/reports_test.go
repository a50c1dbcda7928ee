package transport

import (
	"testing"
	"time"

	"github.com/pion/rtcp"

	"huisclos/media/forward"
)

// The sender reports of a link's streams leave as few packets, none larger than paths carry, and each report once.
func TestReportsLeaveTogether(t *testing.T) {
	l, in, far, opener := lone(t)
	const streams = 100 // 28 octets each
	for i := range streams {
		(&outlet{link: l, ssrc: uint32(i + 1)}).Report(forward.SenderReport{Wall: time.Unix(1_700_000_000, 0), RTP: uint32(i), Packets: 7, Octets: 8})
	}
	in.mu.Lock()
	l.sendReports(in)
	l.sendReports(in) // nothing is left
	in.send()
	in.mu.Unlock()
	seen, packets := make(map[uint32]bool), 0
	b := make([]byte, maxDatagram)
	for len(seen) < streams {
		_ = far.SetReadDeadline(time.Now().Add(5 * time.Second))
		n, err := far.Read(b)
		if err != nil {
			t.Fatalf("after %d reports: %v", len(seen), err)
		}
		plain, err := opener.OpenRTCP(b[:n])
		if err != nil || len(plain) > maxCompound {
			t.Fatalf("%d octets, %v", len(plain), err)
		}
		all, err := rtcp.Unmarshal(plain)
		if err != nil {
			t.Fatal(err)
		}
		packets++
		for _, p := range all {
			r, ok := p.(*rtcp.SenderReport)
			if !ok || seen[r.SSRC] || r.RTPTime != r.SSRC-1 || r.PacketCount != 7 {
				t.Fatalf("%+v", p)
			}
			seen[r.SSRC] = true
		}
	}
	if packets != 3 {
		t.Errorf("%d packets", packets)
	}
	_ = far.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if n, err := far.Read(b); err == nil {
		t.Errorf("%d octets more", n)
	}
}
