package mls

import (
	"bytes"
	"time"
)

// CheckAdmission says whether an admission lets a key package in at this
// epoch, by the same rule as [Policy]. The server asks before it queues a
// joiner, so that a bad admission is its signer's fault and not the committer's.
func (p *publicState) CheckAdmission(a Admission, kp *KeyPackage, now time.Time) error {
	room, err := p.Room()
	if err != nil {
		return err
	}
	if !bytes.Equal(a.KeyPackageRef, kp.Ref()) {
		return refuse("admission-key-package", "")
	}
	return checkAdmission(PolicyInput{GroupID: p.context.groupID, Now: now, before: p}, room, a)
}
