package mls

import (
	"errors"
	"fmt"
	"io"
)

type (
	PSKType            uint8
	ResumptionPSKUsage uint8
)

const (
	PSKExternal   PSKType = 1
	PSKResumption PSKType = 2

	UsageApplication ResumptionPSKUsage = 1
	UsageReInit      ResumptionPSKUsage = 2
	UsageBranch      ResumptionPSKUsage = 3
)

// ErrNoPSK says that a pre-shared key that a message names is not here.
var ErrNoPSK = errors.New("pre-shared key not available")

// PreSharedKeyID is RFC 9420 §8.4 PreSharedKeyID.
type PreSharedKeyID struct {
	Type    PSKType
	ID      []byte // external
	Usage   ResumptionPSKUsage
	GroupID []byte // resumption
	Epoch   uint64 // resumption
	Nonce   []byte
}

// PSKStore finds pre-shared keys. A group knows its own resumption PSKs.
type PSKStore interface {
	PSK(id PreSharedKeyID) (secret []byte, ok bool)
}

// PSKFunc is a PSKStore.
type PSKFunc func(PreSharedKeyID) ([]byte, bool)

// PSK calls f.
func (f PSKFunc) PSK(id PreSharedKeyID) ([]byte, bool) { return f(id) }

func (p *PreSharedKeyID) decode(d *decoder) {
	p.Type = PSKType(d.u8())
	switch p.Type {
	case PSKExternal:
		p.ID = d.vec()
	case PSKResumption:
		p.Usage = ResumptionPSKUsage(d.u8())
		if d.err == nil && (p.Usage < UsageApplication || p.Usage > UsageBranch) {
			d.fail("resumption psk usage %d", p.Usage)
		}
		p.GroupID, p.Epoch = d.vec(), d.u64()
	default:
		d.fail("psk type %d", p.Type)
	}
	p.Nonce = d.vec()
}

func (p *PreSharedKeyID) encode(e *encoder) {
	e.u8(uint8(p.Type))
	if p.Type == PSKExternal {
		e.vec(p.ID)
	} else {
		e.u8(uint8(p.Usage))
		e.vec(p.GroupID)
		e.u64(p.Epoch)
	}
	e.vec(p.Nonce)
}

// pskSecret is RFC 9420 §8.4: the PSKs chained in the order given.
func (s *suite) pskSecret(ids []PreSharedKeyID, secrets [][]byte) []byte {
	out := s.zero()
	for i := range ids {
		label := encoded(func(e *encoder) {
			ids[i].encode(e)
			e.u16(uint16(i))
			e.u16(uint16(len(ids)))
		})
		input := s.expandWithLabel(s.extract(s.zero(), secrets[i]), "derived psk", label, s.size)
		out = s.extract(input, out)
		wipe(input)
	}
	return out
}

// collectPSKs looks the secrets up; own answers for the group's past epochs.
func collectPSKs(ids []PreSharedKeyID, own PSKFunc, store PSKStore) ([][]byte, error) {
	var out [][]byte
	for _, id := range ids {
		secret, ok := own(id)
		if !ok && store != nil {
			secret, ok = store.PSK(id)
		}
		if !ok {
			return nil, fmt.Errorf("%w: type %d, epoch %d", ErrNoPSK, id.Type, id.Epoch)
		}
		out = append(out, secret)
	}
	return out, nil
}

// NewResumptionPSKID names the resumption PSK of another group's epoch, for
// the first commit of the group that takes a call over (RFC 9420 §8.6).
func NewResumptionPSKID(suite CipherSuite, groupID []byte, epoch uint64, rand io.Reader) (PreSharedKeyID, error) {
	s, err := suiteOf(suite)
	if err != nil {
		return PreSharedKeyID{}, err
	}
	nonce, err := random(rand, s.size)
	if err != nil {
		return PreSharedKeyID{}, err
	}
	return PreSharedKeyID{Type: PSKResumption, Usage: UsageApplication, GroupID: clone(groupID), Epoch: epoch, Nonce: nonce}, nil
}
