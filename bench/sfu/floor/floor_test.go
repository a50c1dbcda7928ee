package main

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"huisclos/bench/sfu/load"
	"huisclos/media/srtp"
)

// here is the floor in the generator's process.
type here struct {
	udp   *net.UDPConn
	ended chan error
}

func (h *here) Media() netip.AddrPort { return h.udp.LocalAddr().(*net.UDPAddr).AddrPort() }

func (h *here) Open(context.Context, string) error { return errors.ErrUnsupported }

func (h *here) Join(context.Context, string, load.Peer) (load.Session, error) {
	return nil, errors.ErrUnsupported
}

func (h *here) Start(_ context.Context, profile srtp.Profile, legs []load.BareLeg) error {
	f, err := newFloor(h.udp, load.Told{Profile: profile, Legs: legs})
	if err != nil {
		return err
	}
	go func() { h.ended <- f.run() }()
	return nil
}

func TestFloor(t *testing.T) {
	for _, s := range []load.Scenario{
		{Name: "1 to 3", Meetings: 1, Publishers: 1, Receivers: 3, Arrival: load.Burst},
		{Name: "meshes of 3", Meetings: 2, Mesh: 3, Arrival: load.Spaced},
	} {
		t.Run(s.Name, func(t *testing.T) {
			udp, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
			if err != nil {
				t.Fatal(err)
			}
			_ = udp.SetReadBuffer(4 << 20) // as the program has it
			h := &here{udp, make(chan error, 1)}
			s.Rate, s.Window = 1, time.Second
			r, err := load.Run(t.Context(), s, load.Under{Contender: h, On: -1})
			udp.Close()
			if ended := <-h.ended; err != nil || ended != nil {
				t.Fatal(err, ended)
			}
			if r.ServerDrops+r.GeneratorDrops > 0 {
				t.Skipf("this machine stood still so long that sockets dropped %d packets", r.ServerDrops+r.GeneratorDrops)
			}
			if r.Sent == 0 || r.Media != r.Expected || r.Missing != 0 || r.Late != 0 || r.Opened == 0 || r.Wrong != 0 || r.BadPackets != 0 {
				t.Errorf("%+v", r)
			}
		})
	}
}
