//go:build linux && (amd64 || arm64)

package batch

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"
)

// Offsets of what a socket filter of a UDP socket sees (the UDP header is at 0), and of the IP header (SKF_NET_OFF, linux/filter.h).
const (
	filterPort    = 0 // source port, RFC 768
	filterPayload = 8
	filterNetwork = 0xfff00000
	filterIPv4    = filterNetwork + 12 // source address, RFC 791
	filterIPv6    = filterNetwork + 8  // source address, RFC 8200
	filterRandom  = 0xfffff000 + 56    // a random number, SKF_AD_RANDOM
	filterMost    = 4096               // instructions, BPF_MAXINSNS
	filterMix     = 0x9e3779b1         // odd, so that no two IPv4 addresses of one port fall together
	stunCookie    = 0x2112a442         // RFC 8489 §5
	firstChannel  = 64                 // first octets of ChannelData, RFC 7983 §7
	lastChannel   = 79
)

// MaxAdmitted and MaxBarred are how many addresses and sources Admit takes.
const (
	MaxAdmitted = 1500
	MaxBarred   = 16
)

// BarredOf: one check of so many is heard from a barred source, whatever its address: who repeats theirs, as ICE does, gets through
// although others flood from behind the same address, or forge it.
const BarredOf = 128

// ErrTooMany says that there are more addresses than a filter holds.
var ErrTooMany = errors.New("batch: too many addresses for a filter")

// Admit makes the kernel drop, before it costs the process anything, what a stranger sends: from now on only these addresses
// are heard, and of all others only STUN (a first octet of 0 to 3, RFC 7983 §7, and the magic cookie), TURN's methods included, and
// with channels TURN's ChannelData (64 to 79); of barred sources (IPv4 addresses, IPv6 prefixes of 64 bits) only some of that. It is a classic BPF program on the socket (socket(7), SO_ATTACH_FILTER), for
// which no privilege is needed. An address that is not meant may pass, and a source may be barred
// with another one, if 32 bits of it fall together with those of one that is meant; an address that is meant always passes.
func (c *Conn) Admit(addresses []netip.AddrPort, barred []netip.Addr, channels bool) error {
	if len(addresses) > MaxAdmitted || len(barred) > MaxBarred {
		return ErrTooMany
	}
	program := admit(addresses, barred, channels)
	return c.control("filter", func(fd int) error {
		return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]})
	})
}

// Dropped is how many datagrams came to the socket and were never there to be read, because of the filter or of a full buffer; it
// begins anew after 2^32. Zero on kernels that don't say it (before 4.12).
func (c *Conn) Dropped() (n uint32) {
	_ = c.control("drops", func(fd int) error {
		info, err := getMemoryInfo(fd)
		n = info[len(info)-1]
		return err
	})
	return n
}

// AdmitAll takes the filter away, if there is one.
func (c *Conn) AdmitAll() error {
	return c.control("no filter", func(fd int) error {
		err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DETACH_FILTER, 0)
		if errors.Is(err, unix.ENOENT) {
			return nil
		}
		return err
	})
}

func (c *Conn) control(what string, do func(fd int) error) error {
	var failed error
	if err := errors.Join(c.raw.Control(func(fd uintptr) { failed = do(int(fd)) }), failed); err != nil {
		return fmt.Errorf("batch: %s: %w", what, err)
	}
	return nil
}

// filterKey is what the program compares of an address, barKey of a source.
func filterKey(a netip.AddrPort) uint32 { return mixed(a.Addr().Unmap().AsSlice()) ^ uint32(a.Port()) }

func barKey(a netip.Addr) uint32 {
	b := a.Unmap().AsSlice()
	return mixed(b[:min(len(b), 8)])
}

func mixed(b []byte) (key uint32) {
	for ; len(b) >= 4; b = b[4:] {
		key = (key ^ binary.BigEndian.Uint32(b)) * filterMix
	}
	return key
}

func statement(code uint16, k uint32) unix.SockFilter { return unix.SockFilter{Code: code, K: k} }

func jump(code uint16, k uint32, yes, no uint8) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_JMP | code, Jt: yes, Jf: no, K: k}
}

const (
	loadWord  = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
	loadHalf  = unix.BPF_LD | unix.BPF_H | unix.BPF_ABS
	loadOctet = unix.BPF_LD | unix.BPF_B | unix.BPF_ABS
)

func admit(addresses []netip.AddrPort, barred []netip.Addr, channels bool) []unix.SockFilter {
	var stun []unix.SockFilter // behind the cookie, or the octet of a channel; what falls out of it goes on as any other packet does
	if len(barred) > 0 {
		stun = source(2)
		for i, b := range barred {
			stun = append(stun, jump(unix.BPF_JEQ, barKey(b), uint8(len(barred)-i), 0))
		}
		stun = append(stun, pass(), statement(loadWord, filterRandom), jump(unix.BPF_JGE, math.MaxUint32/BarredOf, 1, 0))
	}
	stun = append(stun, pass())
	var channel []unix.SockFilter
	if channels {
		channel = []unix.SockFilter{jump(unix.BPF_JGE, firstChannel, 0, uint8(1+len(stun))), jump(unix.BPF_JGT, lastChannel, uint8(len(stun)), 0)}
	}
	other := uint8(3) // to what is behind the drop: a channel's octet, or else past STUN
	if !channels {
		other += uint8(len(stun))
	}
	p := []unix.SockFilter{
		statement(loadOctet, filterPayload),
		jump(unix.BPF_JGT, 3, other, 0),
		statement(loadWord, filterPayload+4),
		jump(unix.BPF_JEQ, stunCookie, uint8(1+len(channel)), 0),
		drop(),
	}
	p = append(append(p, channel...), stun...)
	p = append(p, source(4)...)
	p = append(p, statement(loadHalf, filterPort), statement(unix.BPF_ALU|unix.BPF_XOR|unix.BPF_X, 0))
	keys := make([]uint32, 0, len(addresses))
	for _, a := range addresses {
		keys = append(keys, filterKey(a))
	}
	slices.SortFunc(keys, cmp.Compare)
	return append(p, search(slices.Compact(keys))...)
}

// source makes A and X the mixed words of the source address, of an IPv6 one so many as are asked for. A packet of neither
// family is from nobody.
func source(words uint32) []unix.SockFilter {
	mix := func(at uint32) []unix.SockFilter {
		return []unix.SockFilter{statement(loadWord, at), statement(unix.BPF_ALU|unix.BPF_XOR|unix.BPF_X, 0),
			statement(unix.BPF_ALU|unix.BPF_MUL|unix.BPF_K, filterMix), statement(unix.BPF_MISC|unix.BPF_TAX, 0)}
	}
	var six []unix.SockFilter
	for i := range words {
		six = append(six, mix(filterIPv6+4*i)...)
	}
	four := mix(filterIPv4)
	p := []unix.SockFilter{
		statement(unix.BPF_LDX|unix.BPF_IMM, 0),
		statement(loadOctet, filterNetwork),
		statement(unix.BPF_ALU|unix.BPF_AND|unix.BPF_K, 0xf0),
		jump(unix.BPF_JEQ, 0x40, uint8(1+len(six)+1), 0),
		jump(unix.BPF_JEQ, 0x60, 0, uint8(len(six)+1+len(four))),
	}
	p = append(append(p, six...), unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JA, K: uint32(len(four))})
	return append(p, four...)
}

func drop() unix.SockFilter { return statement(unix.BPF_RET|unix.BPF_K, 0) }

func pass() unix.SockFilter { return statement(unix.BPF_RET|unix.BPF_K, math.MaxUint32) }

// search is a binary search for A, as a tree: BPF has no loops.
func search(keys []uint32) (p []unix.SockFilter) {
	if len(keys) <= 4 {
		for i, key := range keys {
			p = append(p, jump(unix.BPF_JEQ, key, uint8(len(keys)-i), 0))
		}
		return append(p, drop(), pass())
	}
	low, high := search(keys[:len(keys)/2]), search(keys[len(keys)/2:])
	// A conditional jump reaches 255 instructions, an unconditional one any.
	p = append(p, jump(unix.BPF_JGE, keys[len(keys)/2], 0, 1), unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JA, K: uint32(len(low))})
	return append(append(p, low...), high...)
}
