package srtp

import (
	"fmt"
	"io"
)

// ExporterLabel is the label under which DTLS exports the master keys (RFC 5764 §4.2). There is no context value.
const ExporterLabel = "EXTRACTOR-dtls_srtp"

// Master is the master key and master salt of one direction. It does not print itself.
type Master struct{ Key, Salt []byte }

// ExporterLength is how many octets the exporter has to give, 0 for a profile that this package doesn't know.
func (p Profile) ExporterLength() int { return 2 * (p.KeyLength() + p.SaltLength()) }

// Split takes apart what the exporter gave: client is what the DTLS client sends with, server what the DTLS server does
// (RFC 5764 §4.2: both keys, then both salts). The results are parts of material, which the caller clears once a [Sealer]
// and an [Opener] are made. It fails when the length isn't [Profile.ExporterLength].
func (p Profile) Split(material []byte) (client, server Master, err error) {
	if p.KeyLength() == 0 {
		return client, server, fmt.Errorf("srtp: %v is not known", p)
	}
	if len(material) != p.ExporterLength() {
		return client, server, fmt.Errorf("srtp: %d octets of keying material, %v wants %d", len(material), p, p.ExporterLength())
	}
	key, salt := p.KeyLength(), p.SaltLength()
	keys, salts := material[:2*key], material[2*key:]
	return Master{keys[:key:key], salts[:salt:salt]}, Master{keys[key:], salts[salt:]}, nil
}

const masterName = "[SRTP master key]"

func (Master) String() string { return masterName }

// Format keeps the key out of every verb.
func (Master) Format(f fmt.State, _ rune) { io.WriteString(f, masterName) }
