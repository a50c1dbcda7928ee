package session

import (
	"fmt"
	"slices"
	"time"

	"huisclos/crypto/mls"
	"huisclos/crypto/statement"
)

// Member is a leaf as people see it.
type Member struct {
	Leaf         mls.LeafIndex
	Account      mls.AccountID
	Device       mls.DeviceID
	Name         string
	SignatureKey []byte
	Since        time.Time // of the device's statement in the key log, by the server's clock
	Statement    uint64    // its number there, of which no clock knows
}

// View is what a member may show of the group.
type View struct {
	Group   []byte
	Epoch   uint64
	Own     mls.LeafIndex
	Room    mls.Room
	Members []Member
	Words   [mls.WordCount]uint16

	// Entered says that this device has just created or joined the group. Then
	// the rest is empty.
	Entered   bool
	AddOnly   bool
	Added     []Member
	Removed   []Member
	Committer mls.LeafIndex
	Hash      []byte
}

// View describes the current epoch and the commit that led to it.
func (s *Session) View() (View, error) {
	if s.group == nil {
		return View{}, ErrNoGroup
	}
	g := s.group
	room, err := g.Room()
	if err != nil {
		return View{}, err
	}
	v := View{
		Group: g.ID(), Epoch: g.Epoch(), Own: g.Own(), Room: room,
		Words: mls.Words(g.EpochAuthenticator()), Entered: s.entered,
		Committer: s.last.Committer, Hash: s.last.Hash,
	}
	if v.Members, err = people(g.Members()); err != nil {
		return View{}, err
	}
	added, removed := slices.Clip(s.last.Added), slices.Clip(s.last.Removed)
	for _, r := range s.last.Replaced {
		added, removed = append(added, r.After), append(removed, r.Before)
	}
	if v.Added, err = people(added); err != nil {
		return View{}, err
	}
	if v.Removed, err = people(removed); err != nil {
		return View{}, err
	}
	v.AddOnly = len(added) > 0 && len(removed) == 0 && !s.last.RoomChanged
	return v, nil
}

func people(members []mls.Member) ([]Member, error) {
	out := make([]Member, len(members))
	for i, m := range members {
		device, err := m.Device()
		if err != nil {
			return nil, fmt.Errorf("leaf %d: %w", m.Leaf, err)
		}
		name, err := m.Name()
		if err != nil {
			return nil, fmt.Errorf("leaf %d: %w", m.Leaf, err)
		}
		evidence, err := statement.EvidenceOf(m.Extensions)
		if err != nil {
			return nil, fmt.Errorf("leaf %d: %w", m.Leaf, err)
		}
		out[i] = Member{m.Leaf, device.Account, device.Device, name, m.SignatureKey, time.Unix(int64(evidence.Time), 0), device.Statement}
	}
	return out, nil
}

// Knocker is who a key package is of, as its device signed it.
type Knocker struct {
	Account      mls.AccountID
	Device       mls.DeviceID
	Name         string
	SignatureKey []byte
	Ref          []byte
	Since        time.Time // of the device's statement in the key log, by the server's clock
	Statement    uint64    // its number there, of which no clock knows
}

// Inspect verifies a key package, and that its device's statement is in the log.
func (s *Session) Inspect(keyPackage []byte, now time.Time) (Knocker, error) {
	kp, err := mls.ParseKeyPackage(keyPackage)
	if err != nil {
		return Knocker{}, err
	}
	if kp.Suite != Suite {
		return Knocker{}, fmt.Errorf("%w: suite %v", ErrNotThisCall, kp.Suite)
	}
	if err := kp.Verify(now); err != nil {
		return Knocker{}, err
	}
	leaf := kp.Leaf()
	device, err := mls.ParseDeviceCredential(leaf.Credential.Identity)
	if err != nil || leaf.Credential.Type != mls.CredentialBasic {
		return Knocker{}, fmt.Errorf("%w: not a device's credential", ErrNotThisCall)
	}
	name, err := mls.NameOf(leaf.Extensions)
	if err != nil {
		return Knocker{}, err
	}
	shown, err := s.log.checker.Leaf(leaf.Credential.Identity, leaf.SignatureKey, leaf.Extensions)
	if err != nil {
		return Knocker{}, err
	}
	return Knocker{device.Account, device.Device, name, leaf.SignatureKey, kp.Ref(), time.Unix(int64(shown.Time), 0), device.Statement}, nil
}
