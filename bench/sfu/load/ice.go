package load

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"

	"github.com/pion/stun/v4"
)

// One end of ICE (RFC 8445) with one pair of candidates: it checks at once, and repeats the check for as long as it consents to receive
// (RFC 7675). It is the controlling end, and nominates, unless it answers a server that is not lite (§6.1.1). Such a server checks as
// well, and is answered.

const (
	attrPriority       = stun.AttrType(0x0024)
	attrUseCandidate   = stun.AttrType(0x0025)
	attrICEControlled  = stun.AttrType(0x8029)
	attrICEControlling = stun.AttrType(0x802a)

	// hostPriority is that of the first host candidate of component 1 over UDP (RFC 8445 §5.1.2.1).
	hostPriority = 126<<24 | 65535<<8 | 255
)

type attribute struct {
	kind  stun.AttrType
	value []byte
}

func (a attribute) AddTo(m *stun.Message) error {
	m.Add(a.kind, a.value)
	return nil
}

func iceText(octets int) string {
	b := make([]byte, octets)
	rand.Read(b) // never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(b)
}

// check writes a Binding request.
func check(n near, f far, tieBreaker uint64) ([]byte, error) {
	setters := []stun.Setter{stun.TransactionID, stun.BindingRequest, stun.NewUsername(f.ufrag + ":" + n.ufrag),
		attribute{attrPriority, binary.BigEndian.AppendUint32(nil, hostPriority)}}
	tie := binary.BigEndian.AppendUint64(nil, tieBreaker)
	if n.answers && !f.lite {
		setters = append(setters, attribute{attrICEControlled, tie})
	} else {
		setters = append(setters, attribute{attrICEControlling, tie}, attribute{attrUseCandidate, nil})
	}
	m, err := build(append(setters, stun.NewShortTermIntegrity(f.password), stun.Fingerprint)...)
	if err != nil {
		return nil, err
	}
	return m.Raw, nil
}

func build(setters ...stun.Setter) (*stun.Message, error) {
	m, err := stun.Build(setters...)
	if err != nil {
		return nil, fmt.Errorf("load: STUN message: %w", err)
	}
	return m, nil
}

// onSTUN says whether a message is a success response of the server that knows the password, and what to answer to a request.
func onSTUN(b []byte, n near, f far, from netip.AddrPort) (succeeded bool, answer []byte) {
	m := stun.New()
	if err := stun.Decode(b, m); err != nil {
		return false, nil
	}
	switch m.Type {
	case stun.BindingSuccess:
		return stun.NewShortTermIntegrity(f.password).Check(m) == nil, nil
	case stun.BindingRequest:
		if stun.NewShortTermIntegrity(n.password).Check(m) != nil {
			return false, nil
		}
		response, err := build(stun.NewTransactionIDSetter(m.TransactionID), stun.BindingSuccess,
			&stun.XORMappedAddress{IP: net.IP(from.Addr().AsSlice()), Port: int(from.Port())},
			stun.NewShortTermIntegrity(n.password), stun.Fingerprint)
		if err != nil {
			return false, nil
		}
		return false, response.Raw
	}
	return false, nil
}
