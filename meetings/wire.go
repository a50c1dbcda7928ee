package meetings

import (
	"encoding/binary"
	"errors"
)

// The two headers that the server reads by itself. Everything else of MLS is
// read by crypto/mls.

var errHeader = errors.New("message header is malformed")

// header is a cursor over the start of an MLSMessage (RFC 9420 §6).
type header struct {
	b   []byte
	bad bool
}

func (h *header) take(n int) []byte {
	if h.bad || n < 0 || n > len(h.b) {
		h.bad = true
		return nil
	}
	out := h.b[:n]
	h.b = h.b[n:]
	return out
}

func (h *header) uint(n int) (v uint64) {
	for _, c := range h.take(n) {
		v = v<<8 | uint64(c)
	}
	return v
}

// vector reads opaque<V>: RFC 9420 §2.1.2, a QUIC length of 1, 2 or 4 bytes in
// its shortest form.
func (h *header) vector() []byte {
	if h.bad || len(h.b) == 0 {
		h.bad = true
		return nil
	}
	size := 1 << (h.b[0] >> 6)
	if size == 8 {
		h.bad = true
		return nil
	}
	length := h.uint(size) & (1<<(8*size-2) - 1)
	if (size == 2 && length < 1<<6) || (size == 4 && length < 1<<14) {
		h.bad = true
	}
	return h.take(int(length))
}

const (
	mlsVersion         = 1 // mls10, RFC 9420 §6
	wirePrivateMessage = 2
	wireGroupInfo      = 4
	contentApplication = 1
)

// privateHeader reads group and epoch of an application PrivateMessage
// (RFC 9420 §6.3). Handshakes never come as PrivateMessage.
func privateHeader(message []byte) (group []byte, epoch uint64, err error) {
	h := &header{b: message}
	version, format := h.uint(2), h.uint(2)
	group, epoch = h.vector(), h.uint(8)
	content := h.uint(1)
	authenticated, sender, ciphertext := h.vector(), h.vector(), h.vector()
	_ = authenticated
	if h.bad || len(h.b) != 0 || version != mlsVersion || format != wirePrivateMessage ||
		content != contentApplication || len(sender) == 0 || len(ciphertext) == 0 {
		return nil, 0, errHeader
	}
	return group, epoch, nil
}

// groupHeader is the part of a GroupInfo's context that tells two states of a
// group apart. It is read before, and instead of, a costly verification: what
// it says is the sender's claim.
type groupHeader struct {
	group      []byte
	epoch      uint64
	transcript []byte
}

// peekGroupInfo reads the GroupContext at the start of a GroupInfo message
// (RFC 9420 §8.1, §12.4.3).
func peekGroupInfo(message []byte) (groupHeader, error) {
	h := &header{b: message}
	version, format := h.uint(2), h.uint(2)
	inner, _ := h.uint(2), h.uint(2) // version, suite
	g := groupHeader{group: h.vector(), epoch: h.uint(8)}
	h.vector() // tree_hash
	g.transcript = h.vector()
	if h.bad || version != mlsVersion || inner != mlsVersion || format != wireGroupInfo {
		return groupHeader{}, errHeader
	}
	return g, nil
}

// key is a map key for one state of one group.
func (g groupHeader) key() string {
	return string(binary.BigEndian.AppendUint64(nil, g.epoch)) +
		string(binary.BigEndian.AppendUint32(nil, uint32(len(g.group)))) + string(g.group) + string(g.transcript)
}
