// Plane serves the media plane alone, composed as the appliance does it (one UDP port, the gate on), for the load generator of
// bench/sfu. Signalling is HTTP on loopback.
//
//	plane [-listen 127.0.0.1:0] [-sockets 1] [-cpuprofile FILE] [-memprofile FILE]
//
// It prints one line of JSON, {"signalling": "http://…", "media": "…:…"}, and serves until its standard input ends.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"runtime"
	"runtime/pprof"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"huisclos/hardening"
	"huisclos/media/transport"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "address of the UDP port")
	sockets := flag.Int("sockets", 1, "UDP sockets that share the port (SO_REUSEPORT)")
	cpu := flag.String("cpuprofile", "", "write a CPU profile to this file")
	memory := flag.String("memprofile", "", "write a heap profile to this file each time that the memory is asked for")
	verbose := flag.Bool("v", false, "log to standard error")
	flag.Parse()
	hardening.CollectEarly()
	if err := profiled(*cpu, func() error { return run(*listen, *sockets, *memory, *verbose) }); err != nil {
		fmt.Fprintln(os.Stderr, "plane:", err)
		os.Exit(1)
	}
}

// profiled runs something under the profile that is asked for.
func profiled(cpu string, do func() error) error {
	if cpu == "" {
		return do()
	}
	file, err := os.Create(cpu)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := pprof.StartCPUProfile(file); err != nil {
		return err
	}
	defer pprof.StopCPUProfile()
	return do()
}

func run(listen string, sockets int, profile string, verbose bool) error {
	if profile != "" {
		runtime.MemProfileRate = 4096
	}
	at, err := netip.ParseAddrPort(listen)
	if err != nil {
		return err
	}
	log := slog.New(slog.DiscardHandler)
	if verbose {
		log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	p, err := newPlane(at, sockets, profile, log)
	if err != nil {
		return err
	}
	line, err := json.Marshal(p.where())
	if err != nil {
		return err
	}
	fmt.Println(string(line))
	_, err = io.Copy(io.Discard, os.Stdin) // until the generator is gone
	p.close()
	return err
}

// plane is the media plane with its signalling.
type plane struct {
	server *transport.Server
	media  netip.AddrPort
	web    net.Listener
	http   *http.Server
	done   chan struct{}
}

// udpBuffer is the appliance's (appliance/network.go).
const udpBuffer = 4 << 20

func newPlane(at netip.AddrPort, sockets int, profile string, log *slog.Logger) (*plane, error) {
	udp, media, err := openUDP(at, sockets)
	if err != nil {
		return nil, err
	}
	s := newSignalling()
	s.profile = profile
	s.server, err = transport.New(transport.Config{UDP: udp, Events: s, Log: log, Now: time.Now,
		Addresses: func(netip.Addr) []netip.Addr { return []netip.Addr{media.Addr()} }})
	if err != nil {
		return nil, err
	}
	web, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.server.Close()
		return nil, err
	}
	p := &plane{server: s.server, media: media, web: web, http: &http.Server{Handler: s.handler(), ReadHeaderTimeout: 5 * time.Second},
		done: make(chan struct{})}
	go p.http.Serve(web)
	go hardening.TendHeap(p.done)
	return p, nil
}

// openUDP opens the sockets as the appliance has them from its service manager: one, or several of one port.
func openUDP(at netip.AddrPort, sockets int) (udp []net.PacketConn, media netip.AddrPort, err error) {
	shared := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var failed error
		err := c.Control(func(fd uintptr) { failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1) })
		return errors.Join(err, failed)
	}}
	if sockets == 1 {
		shared.Control = nil
	}
	for range sockets {
		conn, err := shared.ListenPacket(context.Background(), "udp", at.String())
		if err != nil {
			return nil, media, err
		}
		u := conn.(*net.UDPConn)
		_ = u.SetReadBuffer(udpBuffer) // as much as the kernel grants
		_ = u.SetWriteBuffer(udpBuffer)
		at = u.LocalAddr().(*net.UDPAddr).AddrPort() // the first one chooses the port
		udp = append(udp, conn)
	}
	return udp, netip.AddrPortFrom(at.Addr().Unmap(), at.Port()), nil
}

// where is what the plane prints.
type where struct {
	Signalling string `json:"signalling"`
	Media      string `json:"media"`
}

func (p *plane) where() where { return where{"http://" + p.web.Addr().String(), p.media.String()} }

func (p *plane) close() {
	close(p.done)
	_ = p.http.Close() // what is under way is of no use any more
	p.server.Close()
}
