package load

import (
	"encoding/binary"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/stun/v4"
	"golang.org/x/sys/unix"

	"huisclos/media/gate"
	"huisclos/media/srtp"
)

func description(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile("../../../media/transport/testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestDescription(t *testing.T) {
	for _, name := range []string{"chromium-offer.sdp", "chromium-answer.sdp", "firefox-offer.sdp", "firefox-answer.sdp"} {
		f, err := readDescription(description(t, name))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		kinds := map[string]bool{}
		for _, s := range f.sections {
			kinds[s.kind] = true
			if s.kind == "video" && strings.Contains(name, "offer") && (s.vp8 == 0 || s.rtx == 0 || !s.has("nack") || s.twccID == 0) {
				t.Errorf("%s: VP8 %d repaired by %d, %q", name, s.vp8, s.rtx, s.feedback)
			}
		}
		if f.lite || !kinds["video"] {
			t.Errorf("%s: %+v", name, f)
		}
	}
	for _, bad := range []string{"", "v=0\r\n", "m=audio 9", "v=0\r\nm=a\r\n", strings.ReplaceAll(description(t, "chromium-offer.sdp"), "a=fingerprint", "a=x")} {
		if _, err := readDescription(bad); err == nil {
			t.Errorf("%.40q was read", bad)
		}
	}
}

// TestOffer: what a client says is read as what it is.
func TestOffer(t *testing.T) {
	n := near{ufrag: "abcdefgh", password: strings.Repeat("p", 32), fingerprint: strings.TrimSuffix(strings.Repeat("AB:", 32), ":")}
	f, err := readDescription(n.offer(11, 22, 33))
	if err != nil {
		t.Fatal(err)
	}
	if len(f.sections) != 2 || f.ufrag != n.ufrag || f.password != n.password {
		t.Fatalf("%+v", f)
	}
	sound, video := f.sections[0], f.sections[1]
	if sound.opus != opusType || !slices.Equal(sound.ssrcs, []uint32{11}) || !sound.sends() {
		t.Errorf("sound: %+v", sound)
	}
	if video.vp8 != vp8Type || video.rtx != rtxType || !slices.Equal(video.ssrcs, []uint32{22, 33}) || video.twccID != twccID || !video.has("nack pli") {
		t.Errorf("video: %+v", video)
	}
	f, err = readDescription(n.answer(f, 1))
	if err != nil {
		t.Fatal(err)
	}
	if len(f.sections) != 2 || f.sections[0].direction != "recvonly" || f.sections[1].rtx != rtxType || f.sections[1].mid != "1" || f.sections[1].midID != midID {
		t.Errorf("answer: %+v", f.sections)
	}
}

func FuzzDescription(f *testing.F) {
	for _, name := range []string{"chromium-offer.sdp", "firefox-answer.sdp"} {
		f.Add(description(f, name))
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := readDescription(text)
		if err != nil {
			return
		}
		if answer := (near{}).answer(d, 1); strings.Count(answer, "\r\nm=") != len(d.sections) {
			t.Fatalf("%d sections answered by %q", len(d.sections), answer)
		}
	})
}

func FuzzTransportNumber(f *testing.F) {
	f.Add([]byte{0x90, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0xbe, 0xde, 0, 1, 0x31, 0x12, 0x34, 0}, uint8(3))
	f.Fuzz(func(t *testing.T, b []byte, id uint8) {
		if len(b) < 12 {
			return
		}
		number, ok := transportNumber(b, id)
		var p rtp.Packet
		if !ok || id == 0 || p.Unmarshal(b) != nil || p.ExtensionProfile != 0xbede {
			return
		}
		if v := p.GetExtension(id); len(v) == 2 && binary.BigEndian.Uint16(v) != number {
			t.Fatalf("%x: number %d, pion reads %x", b, number, v)
		}
	})
}

// TestPackets: what a publisher sends is RTP, and the gate takes it.
func TestPackets(t *testing.T) {
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
	const profile = srtp.AEADAES128GCM
	key := srtp.Master{Key: random(profile.KeyLength()), Salt: random(profile.SaltLength())}
	if err := l.key(profile, key, key); err != nil {
		t.Fatal(err)
	}
	opener, err := srtp.NewOpener(profile, key.Key, key.Salt, 4)
	if err != nil {
		t.Fatal(err)
	}
	p := newPublisher(l, 7)
	p.midID, p.twccID = midID, twccID
	before := time.Now()
	const frames = 3
	for range frames {
		for !p.sendVideo(1) {
		}
		p.sendSound(1)
	}
	var epochs gate.Epochs
	epochs.Set(epoch, before)
	gates := map[uint8]*gate.Gate{vp8Type: gate.New(gate.Binding{Video: true, Leaf: 7, Context: video}), opusType: gate.New(gate.Binding{Leaf: 7, Context: sound})}
	b := make([]byte, 2048)
	_ = server.SetReadDeadline(before.Add(10 * time.Second))
	passed := 0
	for i := range frames * (FramePackets + 1) {
		n, err := server.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		plain, err := opener.OpenRTP(b[:n])
		if err != nil {
			t.Fatal(err)
		}
		var packet rtp.Packet
		if err := packet.Unmarshal(plain); err != nil {
			t.Fatal(err)
		}
		if number, ok := transportNumber(plain, twccID); !ok || number != uint16(i) {
			t.Errorf("packet %d has transport-wide number %d", i, number)
		}
		if size := map[uint8]int{vp8Type: VideoPayload, opusType: SoundPayload}[packet.PayloadType]; len(packet.Payload) != size {
			t.Errorf("payload of %d octets", len(packet.Payload))
		}
		leaf, sent, ok := opened(plain)
		if at := time.Unix(0, sent); !ok || leaf != 7 || at.Before(before) || at.After(time.Now()) {
			t.Errorf("trailer: leaf %d, sent %v, %v", leaf, at, ok)
		}
		v := gates[packet.PayloadType].Check(gate.Packet{SSRC: packet.SSRC, Timestamp: packet.Timestamp, Sequence: packet.SequenceNumber,
			Marker: packet.Marker, Payload: packet.Payload}, &epochs, before)
		if v.Refused != "" || v.Held {
			t.Errorf("packet %d: %+v", i, v)
		}
		passed += len(v.Forward)
		if key := len(v.Forward) > 0 && v.Forward[0].Key; key != (i == 0) {
			t.Errorf("packet %d begins a key frame: %v", i, key)
		}
	}
	if passed != frames*(FramePackets+1) {
		t.Errorf("%d packets passed", passed)
	}
}

func TestMark(t *testing.T) {
	f := &flow{highest: 1<<16 + 65533}
	for i, step := range []struct {
		sequence    uint16
		fresh, late bool
	}{{65534, true, false}, {65535, true, false}, {2, true, false}, {0, true, true}, {0, false, true}, {2, false, false}, {1, true, true},
		{3, true, false}, {65535, false, true}, {2000, true, false}, {1999, true, true}} {
		if fresh, late := f.mark(step.sequence); fresh != step.fresh || late != step.late {
			t.Errorf("step %d, %d: fresh %v, late %v", i, step.sequence, fresh, late)
		}
	}
	if f.highest != 2<<16+2000 {
		t.Errorf("highest %d", f.highest)
	}
}

// TestCheck: the roles of ICE, and that only who knows the password is believed.
func TestCheck(t *testing.T) {
	n := near{ufrag: "ours", password: "our password"}
	f := far{ufrag: "theirs", password: "their password"}
	for _, test := range []struct {
		answers, lite, controls bool
	}{{false, true, true}, {false, false, true}, {true, true, true}, {true, false, false}} {
		n.answers, f.lite = test.answers, test.lite
		b, err := check(n, f, 1)
		if err != nil {
			t.Fatal(err)
		}
		m := stun.New()
		if err := stun.Decode(b, m); err != nil {
			t.Fatal(err)
		}
		var name stun.Username
		if err := name.GetFrom(m); err != nil || name.String() != "theirs:ours" {
			t.Errorf("username %s, %v", name, err)
		}
		if m.Contains(attrUseCandidate) != test.controls || m.Contains(attrICEControlling) != test.controls || m.Contains(attrICEControlled) == test.controls {
			t.Errorf("%+v: %v", test, m)
		}
		if err := stun.NewShortTermIntegrity(f.password).Check(m); err != nil {
			t.Error(err)
		}
	}
	at := netip.MustParseAddrPort("192.0.2.1:3478")
	for _, password := range []string{"our password", "another"} {
		request, err := build(stun.TransactionID, stun.BindingRequest, stun.NewUsername("ours:theirs"), stun.NewShortTermIntegrity(password), stun.Fingerprint)
		if err != nil {
			t.Fatal(err)
		}
		if _, answer := onSTUN(request.Raw, n, f, at); (answer != nil) != (password == n.password) {
			t.Errorf("password %q: answer of %d octets", password, len(answer))
		}
	}
	for _, password := range []string{"their password", "another"} {
		response, err := build(stun.TransactionID, stun.BindingSuccess, stun.NewShortTermIntegrity(password), stun.Fingerprint)
		if err != nil {
			t.Fatal(err)
		}
		if ok, _ := onSTUN(response.Raw, n, f, at); ok != (password == f.password) {
			t.Errorf("password %q: %v", password, ok)
		}
	}
}

// TestProcess: a burning process shows, and packets that no buffer took are counted by whose they are.
func TestProcess(t *testing.T) {
	before, err := cpuOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for start := time.Now(); time.Since(start) < 50*time.Millisecond; {
	}
	after, err := cpuOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if used := after.sub(before).Total; used <= 0 {
		t.Errorf("%v used", used)
	}
	if n, err := memoryOf([]int{os.Getpid()}); err != nil || n.All < 1<<20 || n.File <= 0 || n.File > n.All {
		t.Errorf("%d octets, %v", n, err)
	}
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetReadBuffer(1) // as little as the kernel has
	port := map[uint16]bool{uint16(conn.LocalAddr().(*net.UDPAddr).Port): true}
	none, othersBefore := drops(port)
	for range 200 {
		if _, err := conn.WriteToUDPAddrPort(make([]byte, 1000), conn.LocalAddr().(*net.UDPAddr).AddrPort()); err != nil {
			t.Fatal(err)
		}
	}
	ours, _ := drops(port)
	_, others := drops(nil)
	if none != 0 || ours == 0 || others < othersBefore+ours {
		t.Errorf("dropped: %d before, %d ours, %d others'", none, ours, others)
	}
}

func TestArrival(t *testing.T) {
	b := make([]byte, 32)
	binary.NativeEndian.PutUint64(b, 32)
	binary.NativeEndian.PutUint32(b[8:], unix.SOL_SOCKET)
	binary.NativeEndian.PutUint32(b[12:], unix.SCM_TIMESTAMPNS)
	binary.NativeEndian.PutUint64(b[16:], 5)
	binary.NativeEndian.PutUint64(b[24:], 7)
	if at := (arrival{b}).time(); at != 5_000_000_007 {
		t.Errorf("%d", at)
	}
	for _, bad := range [][]byte{nil, b[:31], make([]byte, 32)} {
		if at := (arrival{bad}).time(); at != 0 {
			t.Errorf("%x: %d", bad, at)
		}
	}
}

func TestScenario(t *testing.T) {
	mesh := Scenario{Meetings: 2, Mesh: 10, Rate: 1}
	if mesh.PeersReceiving() != 20 || mesh.Flows() != 9 || mesh.Forwarded() != 36000 {
		t.Errorf("%d peers, %d flows, %g packets", mesh.PeersReceiving(), mesh.Flows(), mesh.Forwarded())
	}
	fan := Scenario{Meetings: 1, Publishers: 1, Receivers: 100, Rate: 0.5}
	if fan.PeersReceiving() != 100 || fan.Flows() != 1 || fan.Forwarded() != 10000 {
		t.Errorf("%d peers, %d flows, %g packets", fan.PeersReceiving(), fan.Flows(), fan.Forwarded())
	}
}
