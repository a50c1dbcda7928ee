package reach

import (
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Listening says at which addresses of this machine sockets of the port are open (proc(5), /proc/net/tcp and its like).
type Listening struct {
	Known    bool // /proc could be read
	TCP, UDP []netip.Addr
	Second   []netip.Addr // UDP at the second port
}

// The states of sockets that take what comes (include/net/tcp_states.h): TCP_LISTEN, and TCP_CLOSE for UDP without a peer.
const (
	stateListen = "0A"
	stateUDP    = "07"
)

// ReadListening reads the network namespace that this process is in. proc is "/proc".
func ReadListening(proc string, port, second int) (l Listening) {
	read := func(name, state string, port int) (out []netip.Addr) {
		text, err := os.ReadFile(filepath.Join(proc, "net", name))
		if err != nil {
			return nil
		}
		l.Known = true
		return parseSockets(string(text), state, port)
	}
	l.TCP = append(read("tcp", stateListen, port), read("tcp6", stateListen, port)...)
	l.UDP = append(read("udp", stateUDP, port), read("udp6", stateUDP, port)...)
	if second != 0 {
		l.Second = append(read("udp", stateUDP, second), read("udp6", stateUDP, second)...)
	}
	return l
}

// parseSockets gives the local addresses of the sockets in a state on a port.
func parseSockets(text, state string, port int) (out []netip.Addr) {
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 4 || f[3] != state {
			continue
		}
		host, number, ok := strings.Cut(f[1], ":")
		n, err := strconv.ParseUint(number, 16, 16)
		raw, bad := hex.DecodeString(host)
		if !ok || err != nil || bad != nil || int(n) != port || len(raw) != 4 && len(raw) != 16 {
			continue
		}
		// Words of four octets, each in the machine's own order.
		for i := 0; i < len(raw); i += 4 {
			binary.NativeEndian.PutUint32(raw[i:], binary.BigEndian.Uint32(raw[i:]))
		}
		if a, ok := netip.AddrFromSlice(raw); ok && !slices.Contains(out, a.Unmap()) {
			out = append(out, a.Unmap())
		}
	}
	return out
}

// covers reports whether one of the sockets takes what is sent to an address. One on :: takes IPv4 as well, as Linux and
// systemd have it unless told otherwise (net.ipv6.bindv6only).
func covers(sockets []netip.Addr, a netip.Addr) bool {
	return slices.ContainsFunc(sockets, func(s netip.Addr) bool {
		return s == a || s == netip.IPv6Unspecified() || s == netip.IPv4Unspecified() && a.Is4()
	})
}
