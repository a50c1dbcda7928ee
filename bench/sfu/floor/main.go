// Floor is what forwarding costs at least in Go on this machine: recvmmsg, one AEAD to open, one AEAD for each receiver to seal a
// copy, sendmmsg with segments where a receiver gets several packets. No ICE, no DTLS, no gate, no rewriting, no feedback: it is told
// addresses and keys.
//
//	floor [-listen 127.0.0.1:0] [-cpuprofile FILE]
//
// It prints one line of JSON, {"media": "…:…"}, reads one line of JSON, the legs, prints "{}" and forwards until its standard input
// ends.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"runtime/pprof"

	"huisclos/bench/sfu/load"
	"huisclos/media/srtp"
	"huisclos/media/transport/batch"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "address of the UDP port")
	cpu := flag.String("cpuprofile", "", "write a CPU profile to this file")
	flag.Parse()
	if err := run(*listen, *cpu); err != nil {
		fmt.Fprintln(os.Stderr, "floor:", err)
		os.Exit(1)
	}
}

func run(listen, cpu string) error {
	conn, err := net.ListenPacket("udp4", listen)
	if err != nil {
		return err
	}
	defer conn.Close()
	udp := conn.(*net.UDPConn)
	_ = udp.SetReadBuffer(4 << 20) // as much as the kernel grants, like the plane's
	_ = udp.SetWriteBuffer(4 << 20)
	fmt.Printf("{\"media\": %q}\n", conn.LocalAddr())
	in := bufio.NewReader(os.Stdin)
	line, err := in.ReadBytes('\n')
	if err != nil {
		return err
	}
	var told load.Told
	if err := json.Unmarshal(line, &told); err != nil {
		return err
	}
	f, err := newFloor(udp, told)
	if err != nil {
		return err
	}
	if cpu != "" {
		file, err := os.Create(cpu)
		if err != nil {
			return err
		}
		defer file.Close()
		if err := pprof.StartCPUProfile(file); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	ended := make(chan error, 1)
	go func() { ended <- f.run() }()
	fmt.Println("{}")
	_, err = io.Copy(io.Discard, in)
	conn.Close()
	<-ended
	return err
}

// floor is the loop's state; one goroutine owns it.
type floor struct {
	reader *batch.Reader
	writer *batch.Writer
	from   map[netip.AddrPort]*source
	to     []*destination
	turn   []*source // those that something came from in this turn
}

type party struct{ meeting, peer string }

type source struct {
	party
	opener  *srtp.Opener
	packets [][]byte // opened, of this turn
}

type destination struct {
	party
	address netip.AddrPort
	sealer  *srtp.Sealer // one for all that it gets: SSRCs tell it apart
}

func newFloor(udp *net.UDPConn, told load.Told) (*floor, error) {
	conn, err := batch.New(udp)
	if err != nil {
		return nil, err
	}
	f := &floor{writer: conn.NewWriter(batch.DefaultArena), from: map[netip.AddrPort]*source{}}
	if f.reader, err = conn.NewReader(); err != nil {
		return nil, err
	}
	for _, leg := range told.Legs {
		of := party{leg.Meeting, leg.Peer}
		if leg.Publishes {
			s := &source{party: of}
			if s.opener, err = srtp.NewOpener(told.Profile, leg.Key, leg.Salt, 16); err != nil {
				return nil, err
			}
			f.from[leg.Address] = s
			continue
		}
		d := &destination{party: of, address: leg.Address}
		if d.sealer, err = srtp.NewSealer(told.Profile, leg.Key, leg.Salt); err != nil {
			return nil, err
		}
		f.to = append(f.to, d)
	}
	return f, nil
}

func (f *floor) run() error {
	for {
		packets, err := f.reader.Read()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return nil
			}
			return err
		}
		for _, p := range packets {
			s := f.from[p.From]
			if s == nil || len(p.Data) < 2 || p.Data[1] >= 192 && p.Data[1] <= 223 {
				continue // feedback is not forwarded
			}
			plain, err := s.opener.OpenRTP(p.Data)
			if err != nil {
				continue
			}
			if len(s.packets) == 0 {
				f.turn = append(f.turn, s)
			}
			s.packets = append(s.packets, plain)
		}
		if len(f.turn) == 0 {
			continue
		}
		// What one destination gets in a turn stands side by side, so that it leaves as segments of one send.
		for _, d := range f.to {
			for _, s := range f.turn {
				if s.meeting == d.meeting && s.peer != d.peer {
					f.forward(s, d)
				}
			}
		}
		for _, s := range f.turn {
			s.packets = s.packets[:0]
		}
		f.turn = f.turn[:0]
		if err := f.writer.Flush(); err != nil && !errors.Is(err, net.ErrClosed) {
			return err
		}
	}
}

func (f *floor) forward(s *source, d *destination) {
	for _, plain := range s.packets {
		room := f.writer.Reserve(len(plain) + srtp.TagSize)
		n := copy(room, plain)
		if sealed, err := d.sealer.SealRTP(room[:n]); err == nil {
			f.writer.Queue(d.address, sealed)
		}
	}
}
