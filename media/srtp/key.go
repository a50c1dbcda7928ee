package srtp

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"io"
)

// The labels of the key derivation (RFC 3711 §4.3.1, §4.3.2). Those of the
// authentication keys have no use with an AEAD.
const (
	labelRTPKey   = 0
	labelRTPSalt  = 2
	labelRTCPKey  = 3
	labelRTCPSalt = 5
)

// sessionKey is a session key and salt, and the room in which a packet's nonce
// and associated data are laid out: what is handed to a cipher.AEAD escapes, so
// it lives here and not on the stack. It does not print itself.
type sessionKey struct {
	aead  cipher.AEAD // nil until it is used for the first time: most ends only receive, or only send, one of RTP and RTCP
	key   []byte      // until then
	salt  [saltSize]byte
	nonce [saltSize]byte
	aad   [rtcpHeader + 4]byte
}

// newSessionKey keeps the key, and copies the salt. The key's length is a profile's.
func newSessionKey(key, salt []byte) sessionKey {
	return sessionKey{key: key, salt: [saltSize]byte(salt)}
}

func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("srtp: making a session key: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("srtp: making a session key: %w", err)
	}
	return aead, nil
}

// cipher is the key's, made when it is first asked for.
func (k *sessionKey) cipher() cipher.AEAD {
	if k.aead == nil {
		var err error
		if k.aead, err = newAEAD(k.key); err != nil {
			panic(err) // AES takes keys of all profiles
		}
		clear(k.key)
		k.key = nil
	}
	return k.aead
}

// sessionKeys derives what one direction seals with from its master key and
// master salt (RFC 3711 §4.3, key_derivation_rate 0). It keeps neither.
func sessionKeys(p Profile, masterKey, masterSalt []byte) (rtp, rtcp sessionKey, err error) {
	if p.KeyLength() == 0 {
		return rtp, rtcp, fmt.Errorf("srtp: %v is not known", p)
	}
	if len(masterKey) != p.KeyLength() || len(masterSalt) != p.SaltLength() {
		return rtp, rtcp, fmt.Errorf("srtp: master key of %d and salt of %d octets, %v wants %d and %d",
			len(masterKey), len(masterSalt), p, p.KeyLength(), p.SaltLength())
	}
	block, err := aes.NewCipher(masterKey)
	if err != nil {
		return rtp, rtcp, fmt.Errorf("srtp: deriving keys: %w", err)
	}
	session := func(keyLabel, saltLabel byte) sessionKey {
		key, salt := make([]byte, p.KeyLength()), make([]byte, p.SaltLength())
		defer clear(salt)
		derive(block, masterSalt, keyLabel, key)
		derive(block, masterSalt, saltLabel, salt)
		return newSessionKey(key, salt)
	}
	return session(labelRTPKey, labelRTPSalt), session(labelRTCPKey, labelRTCPSalt), nil
}

// derive fills key by the pseudo-random function AES-CM under the master key
// (RFC 3711 §4.3.3; RFC 7714 §11 with RFC 6188 §3 for 256 bits). A 96-bit salt
// is the left of the 112 bits that the function takes, the rest is zero.
func derive(master cipher.Block, salt []byte, label byte, key []byte) {
	var iv [aes.BlockSize]byte
	copy(iv[:14], salt)
	iv[7] ^= label // the key_id's 56 bits end where the 112 bits do
	clear(key)
	cipher.NewCTR(master, iv[:]).XORKeyStream(key, key)
}

// rtpNonce lays out the nonce of an RTP packet: 16 zero bits, SSRC, ROC and SEQ,
// XOR the salt (RFC 7714 §8.1).
func (k *sessionKey) rtpNonce(ssrc uint32, index uint64) []byte {
	binary.BigEndian.PutUint16(k.nonce[0:], 0)
	binary.BigEndian.PutUint32(k.nonce[2:], ssrc)
	binary.BigEndian.PutUint16(k.nonce[6:], uint16(index>>32))
	binary.BigEndian.PutUint32(k.nonce[8:], uint32(index))
	return k.salted()
}

// rtcpNonce lays out the nonce of an RTCP packet: 16 zero bits, SSRC, 16 zero
// bits and the SRTCP index, XOR the salt (RFC 7714 §9.1).
func (k *sessionKey) rtcpNonce(ssrc, index uint32) []byte {
	return k.rtpNonce(ssrc, uint64(index))
}

func (k *sessionKey) salted() []byte {
	low := binary.LittleEndian.Uint64(k.nonce[:]) ^ binary.LittleEndian.Uint64(k.salt[:])
	high := binary.LittleEndian.Uint32(k.nonce[8:]) ^ binary.LittleEndian.Uint32(k.salt[8:])
	binary.LittleEndian.PutUint64(k.nonce[:], low)
	binary.LittleEndian.PutUint32(k.nonce[8:], high)
	return k.nonce[:]
}

// rtcpAAD lays out the associated data of an RTCP packet: its first 8 octets and
// the word of E-bit and index (RFC 7714 §9.2).
func (k *sessionKey) rtcpAAD(packet []byte, word uint32) []byte {
	copy(k.aad[:rtcpHeader], packet)
	binary.BigEndian.PutUint32(k.aad[rtcpHeader:], word)
	return k.aad[:]
}

const sealedName = "[SRTP session key]"

func (sessionKey) String() string { return sealedName }

// Format keeps the key out of every verb.
func (sessionKey) Format(f fmt.State, _ rune) { io.WriteString(f, sealedName) }
