package contender

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/netip"

	"huisclos/bench/sfu/load"
	"huisclos/media/srtp"
)

// Floor is bench/sfu/floor.
type Floor struct {
	process *process
	media   netip.AddrPort
}

// StartFloor runs the program with arguments.
func StartFloor(at Place, log io.Writer, program string, arguments ...string) (*Floor, error) {
	p, err := start(at, log, program, arguments...)
	if err != nil {
		return nil, err
	}
	f := &Floor{process: p}
	var where struct{ Media string }
	if err = p.line(&where); err == nil {
		f.media, err = netip.ParseAddrPort(where.Media)
	}
	if err != nil {
		_ = p.stop() // the first error says more
		return nil, err
	}
	return f, nil
}

func (f *Floor) Media() netip.AddrPort { return f.media }
func (f *Floor) PIDs() []int           { return []int{f.process.pid()} }
func (f *Floor) Err() error            { return nil }
func (f *Floor) Close() error          { return f.process.stop() }

func (f *Floor) Start(_ context.Context, profile srtp.Profile, legs []load.BareLeg) error {
	if err := json.NewEncoder(f.process.stdin).Encode(load.Told{Profile: profile, Legs: legs}); err != nil {
		return err
	}
	var ready struct{}
	return f.process.line(&ready)
}

var errBare = errors.New("contender: the floor has no signalling")

func (f *Floor) Open(context.Context, string) error { return errBare }

func (f *Floor) Join(context.Context, string, load.Peer) (load.Session, error) {
	return nil, errBare
}
