package reach

import (
	"crypto/hmac"
	"crypto/sha1" // RFC 8489 §14.5: MESSAGE-INTEGRITY is HMAC-SHA1
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash/crc32"
)

// The asking half of a STUN Binding transaction (RFC 8489) with a short-term credential; media/transport has the answering one.
const (
	stunHeader     = 20
	stunCookie     = 0x2112a442
	stunRequest    = 0x0001
	stunSuccess    = 0x0101
	attrUsername   = 0x0006
	attrIntegrity  = 0x0008
	attrPrint      = 0x8028
	fingerprintXOR = 0x5354554e
	maxAnswer      = 1500 // of a datagram that is read
)

var errSTUN = errors.New("reach: not the answer to the request")

// Proof is what the health page answers to whoever names a probe that it knows, and to nobody else.
func (p Probe) Proof() string {
	mac := hmac.New(sha256.New, []byte(p.Password))
	mac.Write([]byte("huisclos health 1"))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// request writes a Binding request of a transaction.
func (p Probe) request(transaction [12]byte) []byte {
	b := make([]byte, stunHeader, 160)
	binary.BigEndian.PutUint16(b, stunRequest)
	binary.BigEndian.PutUint32(b[4:], stunCookie)
	copy(b[8:], transaction[:])
	b = attribute(b, attrUsername, []byte(p.Ufrag+":check"))
	b = attribute(b, attrIntegrity, integrity(b, p.Password))
	setLength(b, 8)
	return attribute(b, attrPrint, binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(b)^fingerprintXOR))
}

// answers checks that b is the success response to a transaction, made by somebody who knows the password.
func (p Probe) answers(b []byte, transaction [12]byte) error {
	if len(b) < stunHeader || len(b) > maxAnswer || len(b)%4 != 0 || binary.BigEndian.Uint16(b) != stunSuccess ||
		int(binary.BigEndian.Uint16(b[2:])) != len(b)-stunHeader || binary.BigEndian.Uint32(b[4:]) != stunCookie || [12]byte(b[8:20]) != transaction {
		return errSTUN
	}
	for at := stunHeader; len(b)-at >= 4; {
		kind, size := binary.BigEndian.Uint16(b[at:]), int(binary.BigEndian.Uint16(b[at+2:]))
		if len(b)-at-4 < size {
			return errSTUN
		}
		if kind == attrIntegrity {
			if !hmac.Equal(b[at+4:at+4+size], integrity(b[:at], p.Password)) {
				return errSTUN
			}
			return nil
		}
		at += 4 + (size+3)&^3
	}
	return errSTUN
}

func attribute(b []byte, kind uint16, value []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, kind)
	b = binary.BigEndian.AppendUint16(b, uint16(len(value)))
	b = append(b, value...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	setLength(b, 0)
	return b
}

// setLength writes the length field, counting more octets that are to come.
func setLength(b []byte, more int) { binary.BigEndian.PutUint16(b[2:], uint16(len(b)-stunHeader+more)) }

// integrity is MESSAGE-INTEGRITY over a message's beginning, whose length field counts up to and with that attribute.
func integrity(b []byte, password string) []byte {
	var head [4]byte
	copy(head[:], b[:2])
	binary.BigEndian.PutUint16(head[2:], uint16(len(b)-stunHeader+4+sha1.Size))
	mac := hmac.New(sha1.New, []byte(password))
	mac.Write(head[:])
	mac.Write(b[4:])
	return mac.Sum(nil)
}
