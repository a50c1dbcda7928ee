package transport

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/rtp"

	"huisclos/media"
	"huisclos/media/gate"
)

// proxy is a narrow line between the server and one client: packets to the client wait in a queue of a quarter of a second for
// a rate, and are lost at random, both ways.
type proxy struct {
	t      testing.TB
	front  *net.UDPConn // the client's side
	back   *net.UDPConn // the server's
	server netip.AddrPort
	client atomic.Pointer[netip.AddrPort]

	mu     sync.Mutex
	random *rand.Rand
	rate   float64 // bit/s; 0 is none
	loss   float64
	free   time.Time
	lost   int
	queue  chan delayed
}

type delayed struct {
	b  []byte
	at time.Time
}

const proxyQueue = 250 * time.Millisecond

func newProxy(t testing.TB, server netip.AddrPort) *proxy {
	listen := func() *net.UDPConn {
		c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	p := &proxy{t: t, front: listen(), back: listen(), server: server, random: rand.New(rand.NewPCG(1, 2)), queue: make(chan delayed, 4096)}
	var ended sync.WaitGroup
	ended.Go(func() { p.up() })
	ended.Go(func() { p.down() })
	ended.Go(func() { p.deliver() })
	t.Cleanup(func() { p.front.Close(); p.back.Close(); ended.Wait() })
	return p
}

func (p *proxy) set(rate, loss float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rate, p.loss = rate, loss
}

// of is a description in which the server is at the proxy.
func (p *proxy) of(sdp string) string {
	return strings.ReplaceAll(sdp, fmt.Sprintf(" %s %d typ host", p.server.Addr(), p.server.Port()),
		fmt.Sprintf(" 127.0.0.1 %d typ host", p.front.LocalAddr().(*net.UDPAddr).Port))
}

func (p *proxy) drops() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.random.Float64() < p.loss
}

func (p *proxy) up() {
	b := make([]byte, 2000)
	for {
		n, from, err := p.front.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		p.client.Store(&from)
		if !p.drops() {
			_, _ = p.back.WriteToUDPAddrPort(b[:n], p.server)
		}
	}
}

func (p *proxy) down() {
	defer close(p.queue)
	for {
		b := make([]byte, 1600)
		n, _, err := p.back.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		if p.drops() {
			continue
		}
		now := time.Now()
		p.mu.Lock()
		if p.free.Before(now) {
			p.free = now
		}
		full := p.rate > 0 && p.free.Sub(now) > proxyQueue
		if full {
			p.lost++
		} else if p.rate > 0 {
			p.free = p.free.Add(time.Duration(float64(n+28) * 8 / p.rate * float64(time.Second)))
		}
		at := p.free
		p.mu.Unlock()
		if !full {
			p.queue <- delayed{b[:n], at}
		}
	}
}

func (p *proxy) deliver() {
	for d := range p.queue {
		time.Sleep(time.Until(d.at))
		if to := p.client.Load(); to != nil {
			_, _ = p.front.WriteToUDPAddrPort(d.b, *to)
		}
	}
}

// camera sends what a camera of 720 lines does: 25 frames a second on three layers, key frames when one is asked for, and sound.
func (c *client) camera() {
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(20 * time.Millisecond)
		defer ticker.Stop()
		asked := -1
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			case <-ticker.C:
			}
			c.sendAudio(c.seal(0, false, 60))
			if i%2 == 1 {
				continue
			}
			c.mu.Lock()
			key := c.pli != asked
			asked = c.pli
			c.mu.Unlock()
			for layer, size := range []int{750, 2500, 7500} {
				if key {
					size *= 3
				}
				c.sendVideo(layer, c.seal(1, key, size))
			}
		}
	}()
	c.t.Cleanup(func() { close(stop); <-ended })
}

// looked is what a receiver got of a camera in some time.
type looked struct {
	frames  int // complete
	octets  int // of the last second's frames, on average
	freeze  time.Duration
	silence time.Duration // the longest time without a packet of sound
}

// look watches a receiver for some time.
func (c *client) look(leaf uint32, during time.Duration) (l looked) {
	picture, sound := track(leaf, 1), track(leaf, 0)
	at, heard := c.count(picture), c.count(sound)
	lastFrame, lastSound, last := time.Now(), time.Now(), time.Now()
	frames := make(map[uint32]*parts)
	var sizes []int
	for end := time.Now().Add(during); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		now := time.Now()
		if n := c.count(sound); n > heard {
			l.silence, lastSound, heard = max(l.silence, now.Sub(lastSound)), now, n
		}
		packets := c.packets(picture)
		for _, p := range packets[at:] {
			f := frames[p.Timestamp]
			if f == nil {
				f = &parts{seen: make(map[uint16]bool)}
				frames[p.Timestamp] = f
			}
			if whole, err := f.add(p); err != nil {
				c.t.Error(err)
				return l
			} else if whole {
				l.frames++
				l.freeze, lastFrame = max(l.freeze, now.Sub(lastFrame)), now
				sizes = append(sizes, f.size)
			}
		}
		at, last = len(packets), now
	}
	l.freeze, l.silence = max(l.freeze, last.Sub(lastFrame)), max(l.silence, last.Sub(lastSound))
	for _, s := range sizes[max(0, len(sizes)-20):] {
		l.octets += s / min(20, len(sizes))
	}
	return l
}

// parts is what came of a frame, in any order.
type parts struct {
	seen            map[uint16]bool
	first, last     uint16
	started, marked bool
	size            int
	done            bool
}

// add says whether the packet makes the frame whole.
func (f *parts) add(p *rtp.Packet) (whole bool, err error) {
	if len(p.Payload) == 0 || f.seen[p.SequenceNumber] {
		return false, nil
	}
	d, err := gate.ParseDescriptor(p.Payload)
	if err != nil {
		return false, err
	}
	f.seen[p.SequenceNumber] = true
	f.size += len(p.Payload)
	if d.Start {
		f.started, f.first = true, p.SequenceNumber
	}
	if p.Marker {
		f.marked, f.last = true, p.SequenceNumber
	}
	whole = f.started && f.marked && !f.done && len(f.seen) == int(f.last-f.first)+1
	f.done = f.done || whole
	return whole, nil
}

func (l looked) String() string {
	return fmt.Sprintf("%d frames of %d octets, longest freeze %v, longest silence %v", l.frames, l.octets, l.freeze.Round(time.Millisecond), l.silence.Round(time.Millisecond))
}

// unhurried plays a scene in real time, up to three times: on a machine that is busy with something else, what is late may be
// late because of that. What goes wrong each time is wrong.
func unhurried(t *testing.T, scene func(t *testing.T, wrong func(string, ...any))) {
	if testing.Short() {
		t.Skip("half a minute of real time")
	}
	for try := 1; ; try++ {
		var faults []string
		t.Run(fmt.Sprint("try ", try), func(t *testing.T) {
			scene(t, func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) })
			for _, f := range faults {
				t.Log("wrong: ", f)
			}
		})
		if len(faults) == 0 || t.Failed() {
			return
		}
		if try == 3 {
			t.Fatalf("each of %d times: %s", try, strings.Join(faults, "; "))
		}
	}
}

// A receiver behind 300 kbit/s keeps sound and gets the low layer within three seconds, while another one keeps 720 lines; when
// the limit is lifted, the top layer is back within ten seconds, and no change freezes the picture for a second.
func TestOneReceiverOnANarrowLine(t *testing.T) { unhurried(t, oneReceiverOnANarrowLine) }

func oneReceiverOnANarrowLine(t *testing.T, wrong func(string, ...any)) {
	s := newStage(t)
	a := s.join("a", 1)
	narrow := newProxy(t, netip.AddrPortFrom(s.at, uint16(s.port)))
	receive := func(id media.PeerID, leaf uint32, o clientOptions) *client {
		c := s.client(id, leaf)
		s.server.Admit(testCall, id, leaf)
		c.subscribe(o)
		s.server.Wants(testCall, id, []media.Want{{Leaf: 1, Context: 1, Height: 720}})
		return c
	}
	b := receive("b", 2, clientOptions{feedback: true, through: narrow})
	c := receive("c", 3, clientOptions{feedback: true})
	a.camera()
	until(t, "pictures", func() bool { return b.count(track(1, 1)) > 5 && c.count(track(1, 1)) > 5 })
	wide := b.look(1, 4*time.Second)
	if wide.octets < 5000 {
		t.Fatalf("on a wide line: %v", wide)
	}
	narrow.set(300_000, 0)
	var first, others looked
	both := sync.WaitGroup{}
	both.Go(func() { first = b.look(1, 3*time.Second) })
	both.Go(func() { others = c.look(1, 3*time.Second) })
	both.Wait()
	t.Logf("narrow, the first 3 s: %v; the other one: %v", first, others)
	if others.frames < 60 || others.octets < 5000 || others.freeze > 300*time.Millisecond {
		wrong("the other one gets %v", others)
	}
	then := b.look(1, 5*time.Second)
	t.Logf("narrow, then 5 s: %v", then)
	if then.octets > 1500 || then.frames < 60 || then.freeze > time.Second || then.silence > 400*time.Millisecond {
		wrong("three seconds after the limit: %v", then)
	}
	if first.freeze > time.Second {
		wrong("the step down froze the picture: %v", first)
	}
	narrow.set(0, 0)
	lifted := time.Now()
	until(t, "the top layer is back", func() bool { return b.look(1, 500*time.Millisecond).octets > 5000 })
	took := time.Since(lifted)
	t.Logf("the top layer is back after %v", took.Round(time.Millisecond))
	if took > 10*time.Second {
		wrong("the top layer is back after %v", took)
	}
	if after := b.look(1, 3*time.Second); after.octets < 5000 || after.freeze > time.Second {
		wrong("on the wide line again: %v", after)
	}
}

// With 5 % of the packets lost on both lines and in both directions, pictures stay above twenty frames a second of the
// twenty-five that are sent, and of sound at most three packets in a row are missing, the last of which the encoder's own
// repair gives back.
func TestLossOnBothLines(t *testing.T) { unhurried(t, lossOnBothLines) }

func lossOnBothLines(t *testing.T, wrong func(string, ...any)) {
	s := newStage(t)
	at := netip.AddrPortFrom(s.at, uint16(s.port))
	from, to := newProxy(t, at), newProxy(t, at)
	a := s.client("a", 1)
	a.through = from
	s.server.Admit(testCall, "a", 1)
	a.open(clientOptions{})
	if err := a.publish(nil); err != nil {
		t.Fatal(err)
	}
	b := s.client("b", 2)
	s.server.Admit(testCall, "b", 2)
	b.subscribe(clientOptions{feedback: true, through: to})
	s.server.Wants(testCall, "b", []media.Want{{Leaf: 1, Context: 1, Height: 720}})
	until(t, "a publishes", func() bool { return s.told(&s.connected, "a publishing udp") })
	a.camera()
	until(t, "the top layer", func() bool { return b.look(1, 500*time.Millisecond).octets > 5000 })
	from.set(0, 0.05)
	to.set(0, 0.05)
	b.look(1, 2*time.Second)
	began := b.count(track(1, 0))
	const during = 15 * time.Second
	l := b.look(1, during)
	t.Log(l)
	if fps := float64(l.frames) / during.Seconds(); fps < 20 {
		wrong("%.1f frames a second", fps)
	}
	if l.octets < 5000 || l.freeze > time.Second {
		wrong("pictures: %v", l)
	}
	heard := make(map[uint16]bool)
	sounds := b.packets(track(1, 0))[began:]
	for _, p := range sounds {
		heard[p.SequenceNumber] = true
	}
	run, longest, missing := 0, 0, 0
	for n := sounds[0].SequenceNumber; n != sounds[len(sounds)-1].SequenceNumber; n++ {
		if run++; heard[n] {
			run = 0
		} else {
			missing++
		}
		longest = max(longest, run)
	}
	t.Logf("%d of %d packets of sound are missing, at most %d in a row", missing, len(heard)+missing, longest)
	if longest > 3 {
		wrong("%d packets of sound in a row are missing", longest)
	}
}
