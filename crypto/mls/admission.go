package mls

import (
	"fmt"
	"time"
)

const (
	admissionLabel   = "HuisClosAdmission"
	admissionVersion = 1
)

// Admission is a host's signed word that one key package may enter one group
// until a time. It travels in the authenticated data of the commit that adds.
type Admission struct {
	GroupID       []byte
	KeyPackageRef []byte
	Expiry        uint64 // seconds since 1970
	Host          LeafIndex
	Signature     []byte
}

func (a *Admission) tbs() []byte {
	return encoded(func(e *encoder) {
		e.u8(admissionVersion)
		e.vec(a.GroupID)
		e.vec(a.KeyPackageRef)
		e.u64(a.Expiry)
	})
}

// Admit signs an admission. This member's account must be a host.
func (g *Group) Admit(kp *KeyPackage, expiry time.Time) (Admission, error) {
	if err := g.canSend(); err != nil {
		return Admission{}, err
	}
	room, err := g.Room()
	if err != nil {
		return Admission{}, err
	}
	own, _ := g.Member(g.own)
	if !room.isHostMember(own) {
		return Admission{}, &PolicyError{Rule: "not-host"}
	}
	a := Admission{GroupID: g.ID(), KeyPackageRef: kp.Ref(), Expiry: uint64(max(0, expiry.Unix())), Host: g.own}
	if a.KeyPackageRef == nil || kp.Suite != g.suite.id {
		return Admission{}, fmt.Errorf("%w: key package", ErrSuite)
	}
	a.Signature, err = signWithLabel(g.signer, admissionLabel, a.tbs())
	return a, err
}

func (r Room) isHostMember(m Member) bool {
	device, err := m.Device()
	return err == nil && r.IsHost(device.Account)
}

// MarshalAdmissions writes the authenticated data of a commit; none is empty.
func MarshalAdmissions(list []Admission) []byte {
	if len(list) == 0 {
		return nil
	}
	return encoded(func(e *encoder) {
		e.u8(admissionVersion)
		e.nested(func(e *encoder) {
			for _, a := range list {
				e.vec(a.GroupID)
				e.vec(a.KeyPackageRef)
				e.u64(a.Expiry)
				e.u32(uint32(a.Host))
				e.vec(a.Signature)
			}
		})
	})
}

// ParseAdmissions reads what MarshalAdmissions writes, at most [MaxAdds].
func ParseAdmissions(b []byte) (list []Admission, err error) {
	if len(b) == 0 {
		return nil, nil
	}
	err = decodeAll(b, func(d *decoder) {
		if v := d.u8(); v != admissionVersion {
			d.fail("admission version %d", v)
		}
		d.each(MaxAdds, func(d *decoder) {
			list = append(list, Admission{d.vec(), d.vec(), d.u64(), LeafIndex(d.u32()), d.vec()})
		})
		if d.err == nil && len(list) == 0 {
			d.fail("empty list of admissions")
		}
	})
	if err != nil {
		return nil, fmt.Errorf("admissions: %w", err)
	}
	return list, nil
}
