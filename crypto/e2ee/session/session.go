// Package session is one device's side of a sealed call, on top of crypto/mls:
// the group it is in, the commit that waits for the server's answer, the key
// packages that wait for a Welcome, and the resumption secrets that let a call
// start again.
//
// It decides in which order these may follow each other and what a joiner
// demands of the group that it is welcomed to. Which commits are acceptable is
// [mls.Policy]'s business. It never sees sockets, clocks, storage or media, and
// the device's private key stays behind [mls.Signer].
package session

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"huisclos/crypto/mls"
)

const (
	// Suite is the suite of every call.
	Suite = mls.Default

	frameLabel   = "SFrame 1.0 Base Key" // RFC 9605 §5.2
	frameKeySize = 32                    // Nk of AES_256_GCM_SHA512_128

	// A knocker may wait long in a lobby; its key package must not end there.
	lifetime = 24 * time.Hour
	// maxWaiting bounds the key packages whose private keys are kept.
	maxWaiting = 8
	// maxResumptions is how many epochs back a call can start again from.
	maxResumptions = 16
)

// Refusal is a rule of this package that was broken. Rule is a stable token.
type Refusal struct{ Rule, Detail string }

func (r *Refusal) Error() string { return r.Rule + ": " + r.Detail }

var (
	ErrNoGroup     = errors.New("not in a group")
	ErrPending     = errors.New("a commit waits for its answer")
	ErrNoPending   = errors.New("no commit waits for an answer")
	ErrNoWaiting   = errors.New("the welcome is for no key package of this device")
	ErrNotThisCall = errors.New("not a key package for calls")
)

// Device is who this session is in its calls.
type Device struct {
	Signer  mls.Signer
	Account mls.AccountID
	ID      mls.DeviceID
	Name    string
	// Verify checks the leaves of a tree that the device joins; nil: in Go.
	Verify mls.VerifyFunc
	// Log is what the device knows of the key log; every call goes by that log.
	Log Log
}

// Session is used by one caller at a time.
type Session struct {
	identity mls.Identity
	verify   mls.VerifyFunc
	rand     io.Reader
	log      *watch

	group   *mls.Group
	entered bool              // the current epoch is the first that this device saw of the group
	last    mls.CommitSummary // of the commit that led to the current epoch; zero if entered
	pending *mls.Pending

	waiting     []*mls.KeyPackageBundle // oldest first
	resumptions []resumption            // oldest first
}

type resumption struct {
	group  []byte
	epoch  uint64
	secret []byte
}

// Restart names an epoch of a group that could not go on. Who holds its
// resumption secret may enter the group that follows (RFC 9420 §8.6).
type Restart struct {
	Group []byte
	Epoch uint64
}

func New(d Device, rand io.Reader) (*Session, error) {
	name, err := mls.NameExtension(d.Name)
	if err != nil {
		return nil, fmt.Errorf("making a session: %w", err)
	}
	log, err := newWatch(d)
	if err != nil {
		return nil, fmt.Errorf("making a session: %w", err)
	}
	credential := mls.DeviceCredential{Account: d.Account, Device: d.ID, Statement: d.Log.Index}
	return &Session{
		identity: mls.Identity{Signer: d.Signer, Credential: credential.Credential(), Extensions: []mls.Extension{name, d.Log.Evidence.Extension()}},
		verify:   d.Verify,
		rand:     rand,
		log:      log,
	}, nil
}

// Create makes the group of a call, of which this device is the one member.
// Without an id it draws one.
func (s *Session) Create(room mls.Room, group []byte) error {
	if s.pending != nil {
		return ErrPending
	}
	if len(group) == 0 {
		group = make([]byte, 16)
		if _, err := io.ReadFull(s.rand, group); err != nil {
			return fmt.Errorf("drawing a group id: %w", err)
		}
	}
	if !room.IsHost(room.Owner) {
		return &Refusal{"creator-not-owner", "the room's owner is not among its hosts"}
	}
	room.Checkpoint = s.log.seen.Marshal()
	g, err := mls.NewCallGroup(room, s.identity, Suite, group, s.rand, s.log.checker.Policy)
	if err != nil {
		return fmt.Errorf("creating a group: %w", err)
	}
	s.enter(g)
	return nil
}

// KeyPackage makes a key package for one entry.
func (s *Session) KeyPackage(now time.Time) (*mls.KeyPackage, error) {
	b, err := mls.NewKeyPackage(Suite, s.identity, mls.LifetimeFrom(now, lifetime), s.rand)
	if err != nil {
		return nil, fmt.Errorf("making a key package: %w", err)
	}
	s.waiting = append(s.waiting, b)
	if len(s.waiting) > maxWaiting {
		s.waiting[0].Erase()
		s.waiting = slices.Delete(s.waiting, 0, 1)
	}
	return b.KeyPackage, nil
}

// Admit signs that a key package may enter the group until expiry.
func (s *Session) Admit(keyPackage []byte, expiry time.Time) ([]byte, error) {
	if s.group == nil {
		return nil, ErrNoGroup
	}
	kp, err := mls.ParseKeyPackage(keyPackage)
	if err != nil {
		return nil, err
	}
	a, err := s.group.Admit(kp, expiry)
	if err != nil {
		return nil, err
	}
	return mls.MarshalAdmissions([]mls.Admission{a}), nil
}

// Add is a key package to add, with a host's admission where one is needed.
type Add struct{ KeyPackage, Admission []byte }

// Change is what a host changes of the room; nil leaves a thing as it is.
type Change struct {
	Locked        *bool
	Hosts, Admits *[]mls.AccountID
}

// Commit is what a commit is to do.
type Commit struct {
	Adds    []Add
	Removes []mls.LeafIndex
	Change  *Change
	// Restart carries the resumption secret of another group's epoch into the
	// first commit of this one.
	Restart *Restart
}

// Commit makes a commit. The group stays where it is until the server's answer.
func (s *Session) Commit(c Commit, now time.Time) (*mls.Pending, error) {
	if s.group == nil {
		return nil, ErrNoGroup
	}
	if s.pending != nil {
		return nil, ErrPending
	}
	o := mls.CommitOptions{Removes: c.Removes, Now: now}
	var admissions []mls.Admission
	for i, add := range c.Adds {
		kp, err := mls.ParseKeyPackage(add.KeyPackage)
		if err != nil {
			return nil, fmt.Errorf("key package %d: %w", i, err)
		}
		o.Adds = append(o.Adds, kp)
		if len(add.Admission) == 0 {
			continue
		}
		list, err := mls.ParseAdmissions(add.Admission)
		if err != nil {
			return nil, fmt.Errorf("admission %d: %w", i, err)
		}
		admissions = append(admissions, list...)
	}
	o.AuthenticatedData = mls.MarshalAdmissions(admissions)
	if c.Change != nil {
		extensions, err := s.changed(*c.Change)
		if err != nil {
			return nil, err
		}
		o.GroupContextExtensions = extensions
	}
	if c.Restart != nil {
		id, err := mls.NewResumptionPSKID(Suite, c.Restart.Group, c.Restart.Epoch, s.rand)
		if err != nil {
			return nil, err
		}
		o.PSKs, o.PSKStore = []mls.PreSharedKeyID{id}, mls.PSKFunc(s.resumption)
	}
	p, err := s.group.Commit(o)
	if err != nil {
		return nil, err
	}
	s.pending = p
	return p, nil
}

// changed is the group context with another room extension.
func (s *Session) changed(c Change) ([]mls.Extension, error) {
	room, err := s.group.Room()
	if err != nil {
		return nil, err
	}
	if c.Locked != nil {
		room.Locked = *c.Locked
	}
	if c.Hosts != nil {
		room.Hosts = *c.Hosts
	}
	if c.Admits != nil {
		room.Admits = *c.Admits
	}
	// Joiners check the group against the owner in the room's link.
	if !room.IsHost(room.Owner) {
		return nil, &Refusal{"creator-not-owner", "the room's owner stays a host"}
	}
	extensions := slices.Clone(s.group.GroupContextExtensions())
	for i, e := range extensions {
		if e.Type == mls.ExtensionRoom {
			extensions[i] = room.Extension()
		}
	}
	return extensions, nil
}

// Accepted goes to the epoch of the pending commit.
func (s *Session) Accepted() error {
	if s.pending == nil {
		return ErrNoPending
	}
	p := s.pending
	s.pending = nil
	s.advance(p.Next, p.Summary)
	return nil
}

// Refused drops the pending commit.
func (s *Session) Refused() {
	if s.pending != nil {
		s.pending.Next.Erase()
		s.pending = nil
	}
}

// Process takes a commit that the server accepted. When it fails the group
// stays at its epoch. The server says which of two commits won by sending it:
// a pending one is dropped, unless it is this one.
func (s *Session) Process(commit []byte, now time.Time) error {
	if s.group == nil {
		return ErrNoGroup
	}
	if s.pending != nil && bytes.Equal(s.pending.Commit, commit) {
		return s.Accepted()
	}
	next, summary, err := s.group.Process(commit, now)
	if err != nil {
		return err
	}
	s.Refused()
	s.advance(next, *summary)
	return nil
}

// Expect is what a joiner demands of the group.
type Expect struct {
	Room    mls.RoomID
	Owner   mls.AccountID // from the room's link
	Restart *Restart
}

// Join enters by a Welcome. A group of another room or owner is refused, and,
// where a call starts again, one whose creator did not hold the secret of the
// epoch that it follows.
func (s *Session) Join(welcome, tree []byte, want Expect, now time.Time) error {
	used := false
	psks := mls.PSKFunc(func(id mls.PreSharedKeyID) ([]byte, bool) {
		if want.Restart == nil || id.Epoch != want.Restart.Epoch || !bytes.Equal(id.GroupID, want.Restart.Group) {
			return nil, false
		}
		secret, ok := s.resumption(id)
		used = used || ok
		return secret, ok
	})
	for i, bundle := range s.waiting {
		g, err := mls.JoinWelcome(welcome, bundle, mls.JoinOptions{
			Tree: tree, PSKs: psks, Identity: s.identity, Rand: s.rand, Policy: s.log.checker.Policy, Verify: s.verify, Now: now,
		})
		if errors.Is(err, mls.ErrNotWelcome) {
			continue
		}
		// A Welcome is for one use, whatever came of it.
		bundle.Erase()
		s.waiting = slices.Delete(s.waiting, i, i+1)
		if err != nil {
			return fmt.Errorf("joining: %w", err)
		}
		if err := s.check(g, want, used); err != nil {
			g.Erase()
			return err
		}
		s.Refused()
		s.enter(g)
		return nil
	}
	return ErrNoWaiting
}

func (s *Session) check(g *mls.Group, want Expect, resumed bool) error {
	room, err := g.Room()
	if err != nil {
		return fmt.Errorf("joining: %w", err)
	}
	switch {
	case room.ID != want.Room:
		return &Refusal{"wrong-room", "the group is of room " + room.ID.String()}
	case room.Owner != want.Owner || !room.IsHost(want.Owner):
		return &Refusal{"creator-not-owner", "the group is not of the owner in the room's link"}
	case want.Restart != nil && !resumed:
		return &Refusal{"restart-without-secret", "the group does not follow the one that it claims to"}
	}
	return s.log.checker.Group(room, g.Members())
}

// Seal encrypts application data for the group; nothing is sealed in an epoch
// that the pending commit ends, since the server would refuse it.
func (s *Session) Seal(data []byte) ([]byte, error) {
	if s.group == nil {
		return nil, ErrNoGroup
	}
	return s.group.Seal(data, nil)
}

func (s *Session) Open(message []byte) (mls.AppMessage, error) {
	if s.group == nil {
		return mls.AppMessage{}, ErrNoGroup
	}
	return s.group.Open(message)
}

// Public is the group's public state, for a server that has lost it.
func (s *Session) Public() (groupInfo, tree []byte, err error) {
	if s.group == nil {
		return nil, nil, ErrNoGroup
	}
	info, err := s.group.GroupInfo(false)
	if err != nil {
		return nil, nil, err
	}
	return info, s.group.Tree(), nil
}

// FrameKey is the current epoch's base key for SFrame.
func (s *Session) FrameKey() ([]byte, error) {
	if s.group == nil {
		return nil, ErrNoGroup
	}
	return s.group.Export(frameLabel, nil, frameKeySize)
}

// Leave erases everything that belongs to calls. The device goes on.
func (s *Session) Leave() {
	s.Refused()
	if s.group != nil {
		s.group.Erase()
	}
	for _, b := range s.waiting {
		b.Erase()
	}
	for _, r := range s.resumptions {
		clear(r.secret)
	}
	*s = Session{identity: s.identity, verify: s.verify, rand: s.rand, log: s.log}
}

func (s *Session) enter(g *mls.Group) {
	s.replace(g)
	s.log.entered(g)
	s.entered, s.last = true, mls.CommitSummary{}
}

func (s *Session) advance(g *mls.Group, summary mls.CommitSummary) {
	s.replace(g)
	s.log.moved(summary)
	s.entered, s.last = false, summary
}

func (s *Session) replace(g *mls.Group) {
	if s.group != nil {
		s.group.Erase()
	}
	s.group = g
	s.resumptions = append(s.resumptions, resumption{g.ID(), g.Epoch(), g.ResumptionPSK()})
	if n := len(s.resumptions) - maxResumptions; n > 0 {
		for _, r := range s.resumptions[:n] {
			clear(r.secret)
		}
		s.resumptions = slices.Delete(s.resumptions, 0, n)
	}
}

func (s *Session) resumption(id mls.PreSharedKeyID) ([]byte, bool) {
	if id.Type != mls.PSKResumption {
		return nil, false
	}
	for _, r := range s.resumptions {
		if r.epoch == id.Epoch && bytes.Equal(r.group, id.GroupID) {
			return slices.Clone(r.secret), true
		}
	}
	return nil, false
}
