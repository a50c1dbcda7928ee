package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"huisclos/media"
	"huisclos/media/transport"
)

const callID = media.CallID("call")

// udpBuffer is the appliance's (appliance/network.go).
const udpBuffer = 4 << 20

// ready is what the server says when it serves: where its signalling is, and its UDP port.
type ready struct {
	Signalling string
	Port       int
}

// usage is what the server says of itself.
type usage struct {
	CPU        time.Duration // user and system
	Forwarded  uint64
	Failed     int // connections that ended by themselves
	Moved      int // connections that were told a second time
	Heap       uint64
	Goroutines int
}

type plane struct {
	server *transport.Server
	mu     sync.Mutex
	offers map[media.PeerID]chan string
	failed int
	told   map[string]int
}

func (p *plane) offersOf(peer media.PeerID) chan string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.offers[peer] == nil {
		p.offers[peer] = make(chan string, 16)
	}
	return p.offers[peer]
}

func (p *plane) Offer(_ media.CallID, peer media.PeerID, offer string, _ []media.Track) {
	p.offersOf(peer) <- offer
}
func (p *plane) Connected(_ media.CallID, peer media.PeerID, publishing bool, _ string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.told[fmt.Sprint(peer, publishing)]++
}
func (p *plane) Failed(media.CallID, media.PeerID, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failed++
}
func (*plane) Layers(media.CallID, media.PeerID, []media.StreamLayers)              {}
func (p *plane) Refused(media.CallID, media.PeerID, map[media.RefusedReason]uint64) {}

// serve runs the media plane until its input ends.
func serve(in io.Reader, out io.Writer) error {
	if err := pin(0); err != nil {
		return err
	}
	udp, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return err
	}
	_ = udp.SetReadBuffer(udpBuffer)  // as much as the kernel grants, as in the appliance
	_ = udp.SetWriteBuffer(udpBuffer) // likewise
	p := &plane{offers: make(map[media.PeerID]chan string), told: make(map[string]int)}
	p.server, err = transport.New(transport.Config{UDP: []net.PacketConn{udp}, Events: p,
		Addresses: func(netip.Addr) []netip.Addr { return []netip.Addr{netip.MustParseAddr("127.0.0.1")} }})
	if err != nil {
		return err
	}
	defer p.server.Close()
	p.server.Open(callID, 1)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer ln.Close()
	go func() { _ = http.Serve(ln, p.routes()) }() // until the listener is closed
	if err := json.NewEncoder(out).Encode(ready{ln.Addr().String(), udp.LocalAddr().(*net.UDPAddr).Port}); err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, in) // its end is all that it says
	return nil
}

// said is a request of the signalling.
type said struct {
	Peer    media.PeerID
	Leaf    uint32
	SDP     string
	Streams []media.Stream
}

func (p *plane) routes() http.Handler {
	mux := http.NewServeMux()
	handle := func(path string, do func(context.Context, said) (any, error)) {
		mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
			var s said
			err := json.NewDecoder(r.Body).Decode(&s)
			var answer any
			if err == nil {
				answer, err = do(r.Context(), s)
			}
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			_ = json.NewEncoder(w).Encode(answer) // the client is gone otherwise
		})
	}
	handle("/publish", func(ctx context.Context, s said) (any, error) {
		p.server.Admit(callID, s.Peer, s.Leaf)
		return p.server.Publish(ctx, callID, s.Peer, netip.Addr{}, s.SDP, s.Streams)
	})
	handle("/subscribe", func(_ context.Context, s said) (any, error) {
		p.server.Admit(callID, s.Peer, s.Leaf)
		p.server.Subscribe(callID, s.Peer, netip.Addr{}, false)
		return true, nil
	})
	handle("/offer", func(ctx context.Context, s said) (any, error) {
		select {
		case offer := <-p.offersOf(s.Peer):
			return offer, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	})
	handle("/answer", func(_ context.Context, s said) (any, error) { return true, p.server.Answer(callID, s.Peer, s.SDP) })
	handle("/usage", func(context.Context, said) (any, error) { return p.usage() })
	return mux
}

func (p *plane) usage() (usage, error) {
	var r unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &r); err != nil {
		return usage{}, err
	}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	u := usage{CPU: time.Duration(r.Utime.Nano() + r.Stime.Nano()), Forwarded: p.server.Stats(callID).Forwarded, Heap: m.HeapAlloc, Goroutines: runtime.NumGoroutine()}
	p.mu.Lock()
	defer p.mu.Unlock()
	u.Failed = p.failed
	for _, n := range p.told {
		u.Moved += n - 1
	}
	return u, nil
}

// socketDrops is what the kernel dropped at a UDP socket of the port, for want of room or by its filter (proc(5), /proc/net/udp, last column).
func socketDrops(port int) (n uint64) {
	b, err := os.ReadFile("/proc/net/udp")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		fields := strings.Fields(line)
		if len(fields) < 13 || !strings.HasSuffix(fields[1], fmt.Sprintf(":%04X", port)) {
			continue
		}
		var dropped uint64
		if _, err := fmt.Sscan(fields[12], &dropped); err == nil {
			n += dropped
		}
	}
	return n
}
