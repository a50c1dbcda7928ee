package main

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"huisclos/bench/sfu/contender"
)

// find lists the servers that there are.
func (b *bench) find() error {
	for _, name := range []string{"plane", "floor"} {
		if _, err := os.Stat(filepath.Join(b.programs, name)); err != nil {
			return fmt.Errorf("%s is not beside this program: make bench-sfu builds it", name)
		}
	}
	if b.servers != nil {
		b.names = b.servers
		return nil
	}
	b.names = []string{"plane", "floor"}
	for _, peer := range peers {
		if err := peer.find(); err != nil {
			fmt.Fprintf(os.Stderr, "%s is not measured: %v\n", peer.name, err)
			continue
		}
		b.names = append(b.names, peer.name)
	}
	return nil
}

type peer struct {
	name string
	find func() error // what is missing
}

// peers are other servers, measured where they are found.
var peers = []peer{{"livekit", onPath("livekit-server")}, {"galene", onPath("galene")}, {"mediasoup", contender.FindMediasoup}}

func onPath(program string) func() error {
	return func() error {
		_, err := exec.LookPath(program)
		return err
	}
}

func (b *bench) start(name, row string) (server, error) {
	var log io.Writer = io.Discard
	if b.verbose {
		log = os.Stderr
	}
	switch name {
	case "plane":
		arguments := []string{"-sockets", fmt.Sprint(b.sockets)}
		if b.profiles != "" {
			file := filepath.Join(b.profiles, strings.NewReplacer(" ", "-", "→", "-to-", "×", "x", ",", "").Replace(row))
			arguments = append(arguments, "-cpuprofile", file+".cpu", "-memprofile", file+".heap")
		}
		if b.verbose {
			arguments = append(arguments, "-v")
		}
		return contender.StartPlane(b.place(b.options.server), log, filepath.Join(b.programs, "plane"), arguments...)
	case "floor":
		return contender.StartFloor(b.place(b.options.server), log, filepath.Join(b.programs, "floor"))
	}
	switch {
	case b.shared && slices.ContainsFunc(peers, func(p peer) bool { return p.name == name }):
		return nil, errors.New("its ports are fixed, so it is measured in a network namespace only")
	case name == "livekit":
		return contender.StartLiveKit(b.place(b.options.server), log, "livekit-server")
	case name == "mediasoup":
		return contender.StartMediasoup(b.place(b.options.server), log)
	case name == "galene":
		return startWithAddress(func() (*contender.Galene, error) {
			return contender.StartGalene(b.place(b.options.server), log, "galene", benchAddress)
		})
	}
	return nil, fmt.Errorf("no such server: %s", name)
}

// benchAddress (RFC 5737) is that of an interface of the run's network namespace, for a server that uses no loopback addresses. Packets
// to it never leave the loopback interface either.
var benchAddress = netip.MustParseAddr("192.0.2.1")

// network prepares the namespace.
func network() error { return ip("link set lo up") }

func ip(commands ...string) error {
	for _, c := range commands {
		if out, err := exec.Command("ip", strings.Fields(c)...).CombinedOutput(); err != nil {
			return fmt.Errorf("network namespace: ip %s: %w: %s", c, err, out)
		}
	}
	return nil
}

// withAddress is a server with benchAddress, which no other server should find: each interface costs some of them something.
type withAddress struct{ server }

func startWithAddress(start func() (*contender.Galene, error)) (server, error) {
	if err := ip("link add bench0 type veth peer name bench1", "link set bench0 addrgenmode none up", "link set bench1 addrgenmode none up",
		"address add "+benchAddress.String()+"/32 dev bench0"); err != nil {
		return nil, err
	}
	s, err := start()
	if err != nil {
		return nil, errors.Join(err, ip("link delete bench0"))
	}
	return withAddress{s}, nil
}

func (w withAddress) Close() error { return errors.Join(w.server.Close(), ip("link delete bench0")) }
