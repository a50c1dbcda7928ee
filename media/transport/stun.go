package transport

import (
	"bytes"
	"crypto/sha1" // RFC 8489 §14.5: MESSAGE-INTEGRITY is HMAC-SHA1
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"net/netip"
)

// The part of STUN (RFC 8489) that an ICE-lite agent (RFC 8445 §2.5) needs: it
// answers Binding requests and sends none.
const (
	stunHeader      = 20
	stunCookie      = 0x2112a442
	stunRequest     = 0x0001
	stunIndication  = 0x0011
	stunSuccess     = 0x0101
	attrUsername    = 0x0006
	attrIntegrity   = 0x0008
	attrXORMapped   = 0x0020
	attrPriority    = 0x0024
	attrUseCandidat = 0x0025
	attrFingerprint = 0x8028
	fingerprintXOR  = 0x5354554e
	integritySize   = sha1.Size
	maxUfrag        = 64 // ours are of 12 characters
)

var errSTUN = errors.New("transport: malformed STUN message")

// binding is a Binding request or indication whose shape is right. Who sent it
// is known only after verify.
type binding struct {
	raw          []byte
	request      bool
	transaction  [12]byte
	username     []byte
	integrityAt  int // offset of the attribute
	useCandidate bool
	priority     uint32 // of the far candidate
}

// parseBinding reads a message without copying it. ICE wants both
// MESSAGE-INTEGRITY and FINGERPRINT on requests (RFC 8445 §7.1); the last one
// is checked here, because it costs no key.
func parseBinding(b []byte) (binding, error) {
	m := binding{raw: b}
	if len(b) < stunHeader || len(b) > maxDatagram || binary.BigEndian.Uint32(b[4:]) != stunCookie {
		return m, errSTUN
	}
	switch binary.BigEndian.Uint16(b) {
	case stunRequest:
		m.request = true
	case stunIndication:
	default:
		return m, errSTUN
	}
	if int(binary.BigEndian.Uint16(b[2:])) != len(b)-stunHeader || len(b)%4 != 0 {
		return m, errSTUN
	}
	copy(m.transaction[:], b[8:20])
	printed := false
	for at := stunHeader; at < len(b); {
		if len(b)-at < 4 || printed {
			return m, errSTUN
		}
		kind, size := binary.BigEndian.Uint16(b[at:]), int(binary.BigEndian.Uint16(b[at+2:]))
		if len(b)-at-4 < size {
			return m, errSTUN
		}
		value := b[at+4 : at+4+size]
		switch {
		case kind == attrFingerprint:
			if size != 4 || binary.BigEndian.Uint32(value) != crc32.ChecksumIEEE(b[:at])^fingerprintXOR {
				return m, errSTUN
			}
			printed = true
		case m.integrityAt != 0:
			// RFC 8489 §14.5: what follows MESSAGE-INTEGRITY is ignored.
		case kind == attrUsername:
			m.username = value
		case kind == attrUseCandidat:
			m.useCandidate = true
		case kind == attrPriority:
			if size != 4 {
				return m, errSTUN
			}
			m.priority = binary.BigEndian.Uint32(value)
		case kind == attrIntegrity:
			if size != integritySize {
				return m, errSTUN
			}
			m.integrityAt = at
		}
		at += 4 + (size+3)&^3
	}
	if m.request && (!printed || m.integrityAt == 0 || len(m.username) == 0) {
		return m, errSTUN
	}
	return m, nil
}

// ufrag is our part of the username (RFC 8445 §7.2.2), nil if there is none.
func (m *binding) ufrag() []byte {
	own, _, ok := bytes.Cut(m.username, []byte{':'})
	if !ok || len(own) > maxUfrag {
		return nil
	}
	return own
}

// verify checks MESSAGE-INTEGRITY with the short-term password. It allocates nothing: until it says yes, the message is a
// stranger's, and strangers are many. How long it takes depends on the message's length only.
func (m *binding) verify(password string) bool {
	if m.integrityAt == 0 {
		return false
	}
	is := integrity(m.raw[:m.integrityAt], password)
	return subtle.ConstantTimeCompare(m.raw[m.integrityAt+4:m.integrityAt+4+integritySize], is[:]) == 1
}

// integrity computes MESSAGE-INTEGRITY over a message's beginning, whose length field counts up to and with that attribute
// (RFC 8489 §14.5): HMAC (RFC 2104) of SHA-1, from arrays on the stack, where crypto/hmac makes two hashes and two buffers for
// each message. b is at most maxDatagram long.
func integrity(b []byte, password string) [integritySize]byte {
	var inner [sha1.BlockSize + maxDatagram]byte
	var outer [sha1.BlockSize + sha1.Size]byte
	if len(password) <= sha1.BlockSize {
		copy(inner[:], password)
	} else {
		short := sha1.Sum([]byte(password))
		copy(inner[:], short[:])
	}
	for i, octet := range inner[:sha1.BlockSize] {
		inner[i], outer[i] = octet^0x36, octet^0x5c
	}
	message := inner[sha1.BlockSize:][:copy(inner[sha1.BlockSize:], b)]
	binary.BigEndian.PutUint16(message[2:], uint16(len(b)-stunHeader+4+integritySize))
	sum := sha1.Sum(inner[:sha1.BlockSize+len(message)])
	copy(outer[sha1.BlockSize:], sum[:])
	return sha1.Sum(outer[:])
}

// success writes the answer to a request from an address.
func (m *binding) success(from netip.AddrPort, password string) []byte {
	b := make([]byte, stunHeader, 96)
	binary.BigEndian.PutUint16(b, stunSuccess)
	binary.BigEndian.PutUint32(b[4:], stunCookie)
	copy(b[8:], m.transaction[:])

	address := from.Addr().AsSlice()
	family := byte(1)
	if len(address) == 16 {
		family = 2
	}
	b = binary.BigEndian.AppendUint16(b, attrXORMapped)
	b = binary.BigEndian.AppendUint16(b, uint16(4+len(address)))
	b = append(b, 0, family)
	b = binary.BigEndian.AppendUint16(b, from.Port()^uint16(stunCookie>>16))
	for i, octet := range address {
		b = append(b, octet^b[4+i]) // cookie ‖ transaction
	}

	mac := integrity(b, password)
	b = binary.BigEndian.AppendUint16(b, attrIntegrity)
	b = binary.BigEndian.AppendUint16(b, integritySize)
	b = append(b, mac[:]...)

	binary.BigEndian.PutUint16(b[2:], uint16(len(b)-stunHeader+8))
	sum := crc32.ChecksumIEEE(b) ^ fingerprintXOR
	b = binary.BigEndian.AppendUint16(b, attrFingerprint)
	b = binary.BigEndian.AppendUint16(b, 4)
	return binary.BigEndian.AppendUint32(b, sum)
}
