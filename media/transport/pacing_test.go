package transport

import (
	"net"
	"slices"
	"testing"
	"time"

	"huisclos/media"
	"huisclos/media/forward"
	"huisclos/media/gate"
	"huisclos/media/pace"
	paceline "huisclos/media/pace/line"
	"huisclos/media/srtp"
)

// narrowed is a lone link whose line has a limit of 150 kbit/s, and a clock to set.
func narrowed(t *testing.T) (l *link, in *turn, far *net.UDPConn, opener *srtp.Opener, clock *time.Time) {
	t.Helper()
	l, in, far, opener = lone(t)
	now := time.Unix(1000, 0)
	l.now = func() time.Time { return now }
	l.pacing = newPacing(l)
	if !l.pacing.report(0.5, 100_000, now) || !l.pacing.limited() {
		t.Fatal("half of the packets lost make no limit")
	}
	return l, in, far, opener, &now
}

// arrived reads what came to the far end: sequence number and first octet of each payload.
func arrived(t *testing.T, far *net.UDPConn, opener *srtp.Opener) (numbers []int, firsts []byte, padding int) {
	t.Helper()
	b := make([]byte, maxDatagram)
	for {
		_ = far.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		n, err := far.Read(b)
		if err != nil {
			return numbers, firsts, padding
		}
		plain, err := opener.OpenRTP(b[:n])
		if err != nil {
			t.Fatal(err)
		}
		r, err := parseRTP(plain, extensionIDs{})
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Payload) == 0 {
			padding++
			continue
		}
		numbers, firsts = append(numbers, int(r.Sequence)), append(firsts, r.Payload[0])
	}
}

// A frame that is too large for the line at once leaves little by little, in its order, with the payload that it came with;
// sound passes it.
func TestPacketsWaitForALine(t *testing.T) {
	l, in, far, opener, clock := narrowed(t)
	camera := &outlet{link: l, mid: "1", ssrc: 9, rtx: 10, agreed: agreed{codecs: codecs{codec: codec{payloadType: 96, rtx: 97}}}, sent: midPackets}
	voice := &outlet{link: l, mid: "0", ssrc: 11, agreed: agreed{codecs: codecs{codec: codec{payloadType: 111}}}, sent: midPackets}
	memory := make([]byte, 10*1000)
	for i := range 10 {
		payload := memory[1000*i:][:1000]
		payload[0] = byte(i)
		in.add(l, job{outlet: camera, down: new(media.Down), class: pace.Speaker, numbers: forward.Numbers{Sequence: uint16(100 + i)},
			packet: in.share(&gate.Packet{Sequence: uint16(i), Payload: payload, Start: i == 0, Key: i == 0})})
	}
	in.add(l, job{outlet: voice, down: new(media.Down), class: pace.Sound, numbers: forward.Numbers{Sequence: 500}, packet: in.share(&gate.Packet{Payload: []byte{77}})})
	in.flush()
	clear(memory) // the turn's goes on to the next turn
	numbers, _, _ := arrived(t, far, opener)
	if len(numbers) < 2 || len(numbers) > 4 || numbers[len(numbers)-1] != 500 {
		t.Fatalf("at once came %v", numbers)
	}
	begun := len(numbers) - 1
	all := slices.Clone(numbers[:begun])
	for range 120 {
		*clock = clock.Add(paceEvery)
		in.mu.Lock()
		more := l.release(in, *clock)
		in.flush()
		in.mu.Unlock()
		if !more {
			t.Fatal("a limited line isn't watched any more")
		}
	}
	numbers, firsts, _ := arrived(t, far, opener)
	all = append(all, numbers...)
	if want := []int{100, 101, 102, 103, 104, 105, 106, 107, 108, 109}; !slices.Equal(all, want) {
		t.Fatalf("came %v", all)
	}
	for i, b := range firsts {
		if int(b) != begun+i {
			t.Fatalf("packet %d has the payload of %d", begun+i, b)
		}
	}
	if l.pacing.waiting != nil {
		t.Fatal("memory of the queue stays")
	}
}

// What waited when its stream was stopped does not keep the key frame waiting with which it goes on.
func TestAKeyFrameWaitsForNothingThatIsDropped(t *testing.T) {
	l, in, far, opener, _ := narrowed(t)
	camera := &outlet{link: l, mid: "1", ssrc: 9, rtx: 10, agreed: agreed{codecs: codecs{codec: codec{payloadType: 96, rtx: 97}}}, sent: midPackets}
	add := func(first, n int, run uint32) {
		for i := range n {
			in.add(l, job{outlet: camera, down: new(media.Down), class: pace.Speaker, run: run, numbers: forward.Numbers{Sequence: uint16(first + i)},
				packet: in.share(&gate.Packet{Sequence: uint16(first + i), Payload: make([]byte, 1000), Start: i == 0, Key: i == 0})})
		}
		in.flush()
	}
	add(100, 6, 7) // of a run that is over
	if len(l.pacing.waiting) == 0 {
		t.Fatal("nothing waits")
	}
	before, _, _ := arrived(t, far, opener)
	add(200, 1, 0)
	if after, _, _ := arrived(t, far, opener); !slices.Equal(after, []int{200}) || l.pacing.waiting != nil {
		t.Fatalf("after %v came %v, and %d wait", before, after, len(l.pacing.waiting))
	}
}

// Packets of one line leave by several turns, the pacer's and the readers': what one turn sealed is with the kernel before
// another can seal what follows.
func TestTurnsKeepTheOrderOfALine(t *testing.T) {
	l, in, far, opener, clock := narrowed(t)
	camera := &outlet{link: l, mid: "1", ssrc: 9, rtx: 10, agreed: agreed{codecs: codecs{codec: codec{payloadType: 96, rtx: 97}}}, sent: midPackets}
	for i := range 10 {
		in.add(l, job{outlet: camera, down: new(media.Down), class: pace.Speaker, numbers: forward.Numbers{Sequence: uint16(100 + i)},
			packet: in.share(&gate.Packet{Payload: make([]byte, 1000), Start: i == 0, Key: i == 0})})
	}
	l.sendJobs(in, l.jobs[0]) // without the flush that ends a turn
	begun, _, _ := arrived(t, far, opener)
	if len(begun) == 0 || begun[0] != 100 {
		t.Fatalf("before the turn's end came %v", begun)
	}
	*clock = clock.Add(time.Second)
	l.release(in, *clock)
	rest, _, _ := arrived(t, far, opener)
	if all := append(begun, rest...); len(rest) == 0 || !slices.IsSorted(all) {
		t.Fatalf("before the pacer's end came %v", all)
	}
}

// What is far too much is dropped up to the next key frame, which is asked for once.
func TestPicturesGiveWayToALine(t *testing.T) {
	l, in, far, opener, clock := narrowed(t)
	camera := &outlet{link: l, mid: "1", ssrc: 9, rtx: 10, agreed: agreed{codecs: codecs{codec: codec{payloadType: 96, rtx: 97}}}, sent: midPackets}
	seq := uint16(0)
	frame := func(packets int, key bool) (from int) {
		from = int(seq)
		for i := range packets {
			in.add(l, job{outlet: camera, down: new(media.Down), class: pace.Thumbnail, numbers: forward.Numbers{Sequence: seq},
				packet: in.share(&gate.Packet{Payload: make([]byte, 1000), Start: i == 0, Key: key && i == 0})})
			seq++
		}
		return from
	}
	frame(60, true) // 480 kbit: more than a second and a half
	l.sendJobs(in, l.jobs[0])
	if !camera.stalled || len(in.stalled) != 1 {
		t.Fatalf("stalled %v, told %d times", camera.stalled, len(in.stalled))
	}
	l.jobs[0], in.links, in.jobs, in.stalled = nil, nil, 0, nil
	frame(2, false)
	l.sendJobs(in, l.jobs[0])
	l.jobs[0], in.links, in.jobs = nil, nil, 0
	if len(in.stalled) != 0 {
		t.Fatal("told again")
	}
	*clock = clock.Add(5 * time.Second)
	from := frame(2, true)
	l.sendJobs(in, l.jobs[0])
	l.jobs[0], in.links, in.jobs = nil, nil, 0
	if camera.stalled {
		t.Fatal("the key frame does not go on")
	}
	for range 100 {
		*clock = clock.Add(paceEvery)
		l.release(in, *clock)
	}
	in.send()
	numbers, _, _ := arrived(t, far, opener)
	if !slices.Contains(numbers, from) || !slices.Contains(numbers, from+1) {
		t.Fatalf("the key frame %d did not arrive: %v", from, numbers)
	}
	for _, n := range numbers {
		if n == 60 || n == 61 {
			t.Fatalf("a frame without its reference was sent: %v", numbers)
		}
	}
}

// The pacer looks after a link for as long as there is something to look after, and ends with the port.
func TestPacerSleeps(t *testing.T) {
	l, _, _, _, _ := narrowed(t)
	p := l.port
	p.done = make(chan struct{})
	if links := p.pacer.take(); len(links) != 1 || links[0] != l {
		t.Fatalf("%d links are watched", len(links))
	}
	l.pacing.line = paceline.Line{}
	if left := p.releaseAll([]*link{l}); len(left) != 0 {
		t.Fatal("a line without a limit is watched")
	}
	l.pacing.watch()
	if links := p.pacer.take(); len(links) != 1 {
		t.Fatal("it isn't watched again")
	}
	l.end()
	if left := p.releaseAll([]*link{l}); len(left) != 0 {
		t.Fatal("a link that ended is watched")
	}
}

// A receiver that agreed to feedback and gives none is not held to what its line was taken to carry: the router hears of it.
func TestAnAssumptionEnds(t *testing.T) {
	l, in, _, _ := lone(t)
	now := time.Unix(1000, 0)
	l.now = func() time.Time { return now }
	l.pacing = newPacing(l)
	l.pacing.line.Sent(100, now)
	l.pacing.assume()
	if limit, _ := l.pacing.state(); limit != assumed || !l.pacing.limited() {
		t.Fatalf("a line begins with %d", limit)
	}
	for range 700 {
		now = now.Add(paceEvery)
		l.release(in, now)
	}
	if !l.pacing.limited() {
		t.Fatal("nobody would tell the router that there is no limit any more")
	}
	if limit, _ := l.pacing.state(); limit != 0 || l.pacing.limited() {
		t.Fatalf("after three and a half seconds without feedback the limit is %d", limit)
	}
}
