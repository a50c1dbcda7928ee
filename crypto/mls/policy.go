package mls

import (
	"bytes"
	"time"
)

// MaxAdds bounds the adds of one commit.
const MaxAdds = 50

// PolicyInput is what a rule about commits may look at: the public state
// before the commit, and the commit.
type PolicyInput struct {
	GroupID           []byte
	Suite             CipherSuite
	Epoch             uint64
	Extensions        []Extension // of the group context, before
	SenderType        SenderType
	Sender            LeafIndex // of a member
	Proposals         []SentProposal
	Path              *LeafNode // nil if the commit has no path
	AuthenticatedData []byte
	Now               time.Time

	before *publicState
}

// PolicyFunc refuses commits by returning an error.
type PolicyFunc func(PolicyInput) error

// Member looks a leaf of the tree before the commit up.
func (in PolicyInput) Member(l LeafIndex) (Member, bool) { return in.before.Member(l) }

// Members lists the tree before the commit.
func (in PolicyInput) Members() []Member { return in.before.Members() }

func refuse(rule, detail string) error { return &PolicyError{rule, detail} }

// Policy is the product's rule about commits. Server, native and browser
// clients run this function on the same input, so that an honest race never
// forks people. It refuses with a [PolicyError].
func Policy(in PolicyInput) error {
	room, err := RoomOf(in.Extensions)
	if err != nil {
		return refuse("room", err.Error())
	}
	if in.SenderType != SenderMember {
		return refuse("external-commit", "")
	}
	committer, ok := in.Member(in.Sender)
	if !ok {
		return refuse("not-member", "")
	}
	if err := checkPathLeaf(in); err != nil {
		return err
	}
	if err := checkProposals(in); err != nil {
		return err
	}
	after, err := checkRoomChange(in, room, committer)
	if err != nil {
		return err
	}
	return checkAdds(in, after)
}

// checkPathLeaf: a commit renews its committer's keys and nothing else of it.
func checkPathLeaf(in PolicyInput) error {
	if in.Path == nil {
		return refuse("no-path", "")
	}
	old := in.before.tree.leaf(in.Sender)
	if !bytes.Equal(in.Path.SignatureKey, old.SignatureKey) {
		return refuse("path-leaf", "signature key")
	}
	if !in.Path.Credential.Equal(old.Credential) {
		return refuse("path-leaf", "credential")
	}
	if !sameExtensions(in.Path.Extensions, old.Extensions) {
		return refuse("path-leaf", "extensions")
	}
	return nil
}

// checkProposals says which proposals exist in calls at all.
func checkProposals(in PolicyInput) error {
	adds := 0
	for i := range in.Proposals {
		p := &in.Proposals[i]
		if p.ByReference {
			return refuse("by-reference", "")
		}
		switch p.Type {
		case ProposalAdd:
			if adds++; adds > MaxAdds {
				return refuse("too-many-adds", "")
			}
		case ProposalRemove:
			if p.Remove == in.Sender {
				return refuse("remove-self", "")
			}
			if _, ok := in.Member(p.Remove); !ok {
				return refuse("remove-blank", "")
			}
		case ProposalGroupContextExtensions:
		case ProposalPSK:
			// A call that restarts in a new group is joined with a PSK of the
			// last good epoch (RFC 9420 §8.6): only the creator's first commit.
			if in.Epoch != 0 || p.PSK.Type != PSKResumption || p.PSK.Usage != UsageApplication {
				return refuse("psk", "")
			}
		case ProposalUpdate:
			return refuse("update", "")
		case ProposalReInit:
			return refuse("reinit", "")
		case ProposalExternalInit:
			return refuse("external-init", "")
		default:
			return refuse("proposal-type", "")
		}
	}
	return nil
}

// checkRoomChange returns the room after the commit. RFC 9420 §12.3: new
// extensions govern the commit's own adds.
func checkRoomChange(in PolicyInput, room Room, committer Member) (Room, error) {
	after := room
	for i := range in.Proposals {
		p := &in.Proposals[i]
		if p.Type != ProposalGroupContextExtensions {
			continue
		}
		if !room.isHostMember(committer) {
			return Room{}, refuse("not-host", "")
		}
		var err error
		if after, err = RoomOf(p.Extensions); err != nil {
			return Room{}, refuse("room", err.Error())
		}
		if after.ID != room.ID || after.Version != room.Version || after.Profile != room.Profile || after.Owner != room.Owner ||
			!bytes.Equal(after.Checkpoint, room.Checkpoint) {
			return Room{}, refuse("room-fixed", "")
		}
		// Everything but the room stays as it was.
		if len(p.Extensions) != len(in.Extensions) {
			return Room{}, refuse("extensions", "")
		}
		for _, x := range in.Extensions {
			data, ok := findExtension(p.Extensions, x.Type)
			if !ok || x.Type != ExtensionRoom && !bytes.Equal(data, x.Data) {
				return Room{}, refuse("extensions", "")
			}
		}
	}
	return after, nil
}

func checkAdds(in PolicyInput, room Room) error {
	admissions, err := ParseAdmissions(in.AuthenticatedData)
	if err != nil {
		return refuse("authenticated-data", err.Error())
	}
	removed := map[LeafIndex]bool{}
	adds := false
	for i := range in.Proposals {
		switch p := &in.Proposals[i]; p.Type {
		case ProposalRemove:
			removed[p.Remove] = true
		case ProposalAdd:
			adds = true
		}
	}
	if !adds {
		return nil
	}
	if room.Profile.Members != 0 && membersAfter(in) > int(room.Profile.Members) {
		return refuse("profile-members", "")
	}
	keys, devices := map[string]bool{}, map[DeviceID]bool{}
	gone := map[string]*LeafNode{} // removed leaves by signature key
	in.before.tree.members(func(l LeafIndex, leaf *LeafNode) bool {
		if removed[l] {
			gone[string(leaf.SignatureKey)] = leaf
			return true
		}
		keys[string(leaf.SignatureKey)] = true
		if c, err := ParseDeviceCredential(leaf.Credential.Identity); err == nil {
			devices[c.Device] = true
		}
		return true
	})
	for i := range in.Proposals {
		p := &in.Proposals[i]
		if p.Type != ProposalAdd {
			continue
		}
		device, err := checkJoiner(in, p.Add)
		if err != nil {
			return err
		}
		key := string(p.Add.leaf.SignatureKey)
		if keys[key] {
			return refuse("duplicate-key", "")
		}
		if devices[device.Device] {
			return refuse("duplicate-device", "")
		}
		keys[key], devices[device.Device] = true, true
		old := gone[key]
		if err := mayEnter(in, room, p.Add, device.Account, old, admissions); err != nil {
			return err
		}
	}
	return nil
}

// membersAfter counts the leaves after the commit.
func membersAfter(in PolicyInput) int {
	n := len(in.Members())
	for i := range in.Proposals {
		switch in.Proposals[i].Type {
		case ProposalAdd:
			n++
		case ProposalRemove:
			n--
		}
	}
	return n
}

// checkJoiner looks at a key package by itself.
func checkJoiner(in PolicyInput, kp *KeyPackage) (DeviceCredential, error) {
	leaf := kp.leaf
	if kp.Suite != in.Suite {
		return DeviceCredential{}, refuse("suite", "")
	}
	if leaf.Credential.Type != CredentialBasic {
		return DeviceCredential{}, refuse("credential", "type")
	}
	device, err := ParseDeviceCredential(leaf.Credential.Identity)
	if err != nil {
		return DeviceCredential{}, refuse("credential", err.Error())
	}
	if _, err := NameOf(leaf.Extensions); err != nil {
		return DeviceCredential{}, refuse("name", err.Error())
	}
	life := leaf.Lifetime
	if !life.covers(in.Now, Leeway) || life.NotAfter < life.NotBefore ||
		life.NotAfter-life.NotBefore > uint64((MaxLifetime+2*Leeway).Seconds()) {
		return DeviceCredential{}, refuse("lifetime", "")
	}
	return device, nil
}

// mayEnter is the door: re-entry and hosts pass a lock, everybody else needs
// an open room and a host's word.
func mayEnter(in PolicyInput, room Room, kp *KeyPackage, account AccountID, old *LeafNode, admissions []Admission) error {
	if old != nil && old.Credential.Equal(kp.leaf.Credential) {
		return nil
	}
	if room.IsHost(account) {
		return nil
	}
	if room.Locked {
		return refuse("locked", "")
	}
	if room.AdmitsAccount(account) {
		return nil
	}
	ref := kp.Ref()
	verdict := refuse("add-without-admission", "")
	for _, a := range admissions {
		if !bytes.Equal(a.KeyPackageRef, ref) {
			continue
		}
		if verdict = checkAdmission(in, room, a); verdict == nil {
			return nil
		}
	}
	return verdict
}

func checkAdmission(in PolicyInput, room Room, a Admission) error {
	if !bytes.Equal(a.GroupID, in.GroupID) {
		return refuse("admission-group", "")
	}
	if now := in.Now.Add(-Leeway).Unix(); now > 0 && uint64(now) > a.Expiry {
		return refuse("admission-expired", "")
	}
	host, ok := in.Member(a.Host)
	if !ok || !room.isHostMember(host) {
		return refuse("admission-not-host", "")
	}
	if err := in.before.suite.verifyWithLabel(host.SignatureKey, admissionLabel, a.tbs(), a.Signature); err != nil {
		return refuse("admission-signature", "")
	}
	return nil
}
