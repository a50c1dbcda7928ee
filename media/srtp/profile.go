package srtp

import "fmt"

// Profile is an SRTP protection profile by the number that DTLS-SRTP has for it
// (RFC 7714 §14.2).
type Profile uint16

const (
	AEADAES128GCM Profile = 0x0007
	AEADAES256GCM Profile = 0x0008
)

const (
	// TagSize is what sealing adds to an RTP packet, in octets (RFC 7714 §13.2:
	// no profile truncates the tag).
	TagSize = 16
	// RTCPOverhead is what sealing adds to an RTCP packet, in octets: the tag,
	// and the word of E-bit and SRTCP index (RFC 7714 §9.2).
	RTCPOverhead = TagSize + 4

	saltSize = 12 // also the nonce's size (RFC 7714 §8.1)
)

// KeyLength is the length of the master and the session key in octets, 0 for a
// profile that this package doesn't know (RFC 7714 §12).
func (p Profile) KeyLength() int {
	switch p {
	case AEADAES128GCM:
		return 16
	case AEADAES256GCM:
		return 32
	}
	return 0
}

// SaltLength is the length of the master and the session salt in octets, 0 for
// a profile that this package doesn't know (RFC 7714 §12).
func (p Profile) SaltLength() int {
	if p.KeyLength() == 0 {
		return 0
	}
	return saltSize
}

// String is the profile's name in RFC 7714 §14.2.
func (p Profile) String() string {
	switch p {
	case AEADAES128GCM:
		return "SRTP_AEAD_AES_128_GCM"
	case AEADAES256GCM:
		return "SRTP_AEAD_AES_256_GCM"
	}
	return fmt.Sprintf("SRTP profile %#04x", uint16(p))
}
