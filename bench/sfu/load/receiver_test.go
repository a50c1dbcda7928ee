package load

import (
	"encoding/binary"
	"net"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"golang.org/x/sys/unix"

	"huisclos/media/srtp"
)

// TestFeedback: what a receiver says of what it got, as a server reads it.
func TestFeedback(t *testing.T) {
	server, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	l := newLeg(identity{})
	if err := l.dial(server.LocalAddr().(*net.UDPAddr).AddrPort()); err != nil {
		t.Fatal(err)
	}
	defer l.close()
	const profile = srtp.AEADAES256GCM
	out, in := srtp.Master{Key: random(32), Salt: random(12)}, srtp.Master{Key: random(32), Salt: random(12)}
	if err := l.key(profile, out, in); err != nil {
		t.Fatal(err)
	}
	sealer, err := srtp.NewSealer(profile, in.Key, in.Salt)
	if err != nil {
		t.Fatal(err)
	}
	opener, err := srtp.NewOpener(profile, out.Key, out.Salt, 4)
	if err != nil {
		t.Fatal(err)
	}

	r := newReceiver(l, 1, true)
	r.expect(far{sections: []farSection{{kind: "video", vp8: vp8Type, rtx: rtxType, twccID: twccID, feedback: []string{"transport-cc", "goog-remb"}}}})
	r.begin()
	const packets, lostOne = 400, 50
	sent := time.Now()
	for i := range packets {
		if i == lostOne {
			continue
		}
		b := append(make([]byte, 0, 256), 0x90, vp8Type, byte(i>>8), byte(i), 0, 0, 0, 0, 0, 0, 0, 9, 0xbe, 0xde, 0, 1, twccID<<4|1, byte(i>>8), byte(i), 0)
		b = binary.BigEndian.AppendUint32(append(b, "sealed octets"...), trailerMagic)
		b = binary.BigEndian.AppendUint32(b, 2) // the leaf
		b = binary.BigEndian.AppendUint64(b, uint64(i))
		b = binary.BigEndian.AppendUint64(b, uint64(sent.UnixNano()))
		sealed, err := sealer.SealRTP(b)
		if err != nil {
			t.Fatal(err)
		}
		r.onRTP(sealed, at(sent.Add(time.Duration(i)*time.Millisecond)))
	}
	r.complain(time.Now().Add(time.Second)) // all that is due by then

	count, delays := r.counted()
	if count.Media != packets-1 || count.Missing != 1 || count.Late != 0 || count.Wrong != 0 || count.Opened == 0 || count.NACKs != 3 || count.Reports != 1 {
		t.Errorf("%+v", count)
	}
	if len(delays) != int(count.Opened) || delays[1] < 15_000 || delays[1] > 18_000 {
		t.Errorf("delays %v", delays)
	}

	received, nacks, reports, rembs := 0, 0, 0, 0
	b := make([]byte, 2048)
	for {
		_ = server.SetReadDeadline(time.Now().Add(200 * time.Millisecond)) // all is in the buffer
		n, err := server.Read(b)
		if err != nil {
			break
		}
		plain, err := opener.OpenRTCP(b[:n])
		if err != nil {
			t.Fatal(err)
		}
		all, err := rtcp.Unmarshal(plain)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range all {
			switch p := p.(type) {
			case *rtcp.TransportLayerCC:
				received += len(p.RecvDeltas)
			case *rtcp.TransportLayerNack:
				nacks++
			case *rtcp.ReceiverReport:
				reports++
			case *rtcp.ReceiverEstimatedMaximumBitrate:
				rembs++
			}
		}
	}
	// What came after the last feedback of 60 ms waits for the next.
	if received < packets-1-61 || received > packets-1 || nacks != 3 || reports != 1 || rembs < 1 {
		t.Errorf("feedback of %d packets, %d NACKs, %d receiver reports, %d REMB", received, nacks, reports, rembs)
	}
}

// at is a control message as the kernel writes it.
func at(t time.Time) arrival {
	b := make([]byte, 32)
	binary.NativeEndian.PutUint64(b, 32)
	binary.NativeEndian.PutUint32(b[8:], unix.SOL_SOCKET)
	binary.NativeEndian.PutUint32(b[12:], unix.SCM_TIMESTAMPNS)
	binary.NativeEndian.PutUint64(b[16:], uint64(t.Unix()))
	binary.NativeEndian.PutUint64(b[24:], uint64(t.Nanosecond()))
	return arrival{b}
}
