package mls

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"sync"
	"time"
)

// Group is one member's view of a group at one epoch. Handshakes don't change
// it: [Group.Commit] and [Group.Process] return the next epoch's Group, and the
// caller erases the old one when it has no more use for it. Application
// messages advance the secret tree in place. A Group may be used by several
// goroutines, except for Erase.
type Group struct {
	publicState
	own    LeafIndex
	signer Signer
	rand   io.Reader
	policy PolicyFunc
	psks   PSKStore

	keys     map[nodeIndex]keyPair // own leaf and ancestors (RFC 9420 §4.2)
	secrets  *epochSecrets
	messages *secretTree
	past     map[uint64][]byte // resumption PSKs of earlier epochs

	restored bool
	closed   bool // by a ReInit

	// opening makes deriving a message key, verifying with it and consuming it
	// one step. No signer is called under it.
	opening sync.Mutex

	mu       sync.Mutex              // owns what follows
	received map[string]SentProposal // by reference
	order    []string                // of arrival
	updates  map[string]keyPair      // by public key, for own Update proposals
}

// maxPast bounds the resumption PSKs that a group without a policy keeps
// (RFC 9420 §8.6 leaves the limit to the application).
const maxPast = 64

// GroupOptions create a group.
type GroupOptions struct {
	Suite      CipherSuite
	GroupID    []byte
	Identity   Identity
	Extensions []Extension // of the group context
	Rand       io.Reader
	Policy     PolicyFunc // nil: none
	PSKs       PSKStore   // nil: only the group's own resumption PSKs
}

// NewGroup creates a group of one (RFC 9420 §11).
func NewGroup(o GroupOptions) (*Group, error) {
	s, err := suiteOf(o.Suite)
	if err != nil {
		return nil, err
	}
	if err := checkDistinct(o.Extensions); err != nil {
		return nil, err
	}
	key, err := s.generateKeyPair(o.Rand)
	if err != nil {
		return nil, err
	}
	leaf, err := newLeaf(o.Identity, key.public, o.Rand)
	if err != nil {
		return nil, err
	}
	// The creator's leaf comes from no key package that somebody could expire.
	leaf.Source, leaf.Lifetime = SourceKeyPackage, Lifetime{0, 1<<64 - 1}
	if err := leaf.sign(o.Identity.Signer, o.GroupID, 0); err != nil {
		return nil, err
	}
	if err := leaf.checkSelf(s, o.Extensions); err != nil {
		return nil, err
	}
	g := &Group{
		signer: o.Identity.Signer, rand: o.Rand, policy: o.Policy, psks: o.PSKs,
		keys: map[nodeIndex]keyPair{0: key}, past: map[uint64][]byte{},
	}
	g.publicState = publicState{suite: s, tree: newTree(s, leaf), context: groupContext{
		suite: o.Suite, groupID: clone(o.GroupID), confirmed: []byte{}, extensions: cloneExtensions(o.Extensions)}}
	g.context.treeHash = g.tree.rootHash()
	epoch, err := random(o.Rand, s.size)
	if err != nil {
		return nil, err
	}
	defer wipe(epoch)
	g.enter(s.epochSecrets(epoch))
	g.confirmationTag = s.mac(g.secrets.confirmation, g.context.confirmed)
	g.interim = s.interimTranscript(g.context.confirmed, g.confirmationTag)
	return g, nil
}

// enter installs an epoch's secrets.
func (g *Group) enter(secrets *epochSecrets) {
	g.secrets = secrets
	g.messages = newSecretTree(g.suite, g.tree.leaves(), secrets.encryption)
	g.received, g.updates = map[string]SentProposal{}, map[string]keyPair{}
}

// next is the group that a staged commit leads to, without secrets.
func (g *Group) next(s *staged) *Group {
	n := &Group{
		publicState: s.next, own: g.own, signer: g.signer, rand: g.rand, policy: g.policy, psks: g.psks,
		keys: s.next.tree.retain(g.keys), past: map[uint64][]byte{}, restored: g.restored, closed: s.reinit != nil,
	}
	// Calls use no PSK of their own past, so they keep none.
	if g.policy == nil {
		maps.Copy(n.past, g.past)
		n.past[g.context.epoch] = clone(g.secrets.resumption)
		if g.context.epoch >= maxPast {
			delete(n.past, g.context.epoch-maxPast)
		}
	}
	return n
}

// advance runs the key schedule into n's epoch and returns the joiner and the
// welcome secret (RFC 9420 §8).
func (g *Group) advance(n *Group, init, commit []byte, psks []PreSharedKeyID, store PSKStore) (joiner, welcome []byte, err error) {
	secrets, err := collectPSKs(psks, g.pastPSK, store)
	if err != nil {
		return nil, nil, err
	}
	context := n.context.bytes()
	joiner = g.suite.joinerSecret(init, commit, context)
	epoch, welcome := g.suite.epochFromJoiner(joiner, g.suite.pskSecret(psks, secrets), context)
	n.enter(epoch)
	return joiner, welcome, nil
}

func (g *Group) pastPSK(id PreSharedKeyID) ([]byte, bool) {
	if id.Type != PSKResumption || string(id.GroupID) != string(g.context.groupID) {
		return nil, false
	}
	if id.Epoch == g.context.epoch {
		return g.secrets.resumption, true
	}
	secret, ok := g.past[id.Epoch]
	return secret, ok
}

// Own is this member's leaf.
func (g *Group) Own() LeafIndex { return g.own }

// EpochAuthenticator is equal for members with the same view (RFC 9420 §8.7).
func (g *Group) EpochAuthenticator() []byte { return clone(g.secrets.authenticator) }

// ResumptionPSK proves membership of this epoch later (RFC 9420 §8.6).
func (g *Group) ResumptionPSK() []byte { return clone(g.secrets.resumption) }

// Export is MLS-Exporter (RFC 9420 §8.5).
func (g *Group) Export(label string, context []byte, n int) ([]byte, error) {
	return g.suite.export(g.secrets.exporter, label, context, n)
}

// GroupInfo describes this epoch, signed by this member. Groups with a policy
// leave external_pub out: in calls everybody refuses external commits.
func (g *Group) GroupInfo(withTree bool) ([]byte, error) {
	info, err := g.groupInfo(withTree)
	if err != nil {
		return nil, err
	}
	return encoded((&message{groupInfo: info}).encode), nil
}

func (g *Group) groupInfo(withTree bool) (*groupInfo, error) {
	info := &groupInfo{context: g.context, confirmationTag: g.confirmationTag, signer: g.own}
	if withTree {
		info.extensions = append(info.extensions, Extension{ExtensionRatchetTree, g.tree.bytes()})
	}
	if g.policy == nil {
		external, err := g.suite.deriveKeyPair(g.secrets.external)
		if err != nil {
			return nil, err
		}
		info.extensions = append(info.extensions, Extension{ExtensionExternalPub,
			encoded(func(e *encoder) { e.vec(external.public) })})
	}
	return info, info.sign(g.signer)
}

// Erase zeroes what can be zeroed. HPKE private keys are only dropped; the
// collector and the runtime's copies are a documented residual risk.
func (g *Group) Erase() {
	for _, secret := range g.secrets.all() {
		wipe(secret)
	}
	for _, secret := range g.past {
		wipe(secret)
	}
	g.messages.erase()
	clear(g.keys)
	clear(g.past)
	g.mu.Lock()
	defer g.mu.Unlock()
	clear(g.updates)
	clear(g.received)
	g.restored = true
}

func (g *Group) canSend() error {
	if g.closed {
		return ErrReinitialised
	}
	if g.restored {
		return ErrRestored
	}
	return nil
}

// content frames what this member sends in this epoch.
func (g *Group) content(kind contentType, authenticated []byte) framedContent {
	return framedContent{
		groupID: g.context.groupID, epoch: g.context.epoch,
		sender: sender{SenderMember, uint32(g.own)}, authenticated: clone(authenticated), kind: kind,
	}
}

// open turns a received handshake message into authenticated content.
func (g *Group) open(m *message) (*authenticatedContent, error) {
	switch {
	case m.public != nil:
		c := &m.public.content
		// Told apart before the tag, which another epoch's key can't verify.
		if string(c.groupID) != string(g.context.groupID) {
			return nil, ErrGroup
		}
		if c.epoch != g.context.epoch {
			return nil, fmt.Errorf("%w: %d, the group is at %d", ErrEpoch, c.epoch, g.context.epoch)
		}
		if err := m.public.checkTag(g.suite, g.secrets.membership, g.context.bytes()); err != nil {
			return nil, err
		}
		a := &m.public.authenticatedContent
		return a, g.authenticate(a)
	case m.private != nil:
		if string(m.private.groupID) != string(g.context.groupID) {
			return nil, ErrGroup
		}
		if m.private.epoch != g.context.epoch {
			return nil, fmt.Errorf("%w: %d, the group is at %d", ErrEpoch, m.private.epoch, g.context.epoch)
		}
		g.opening.Lock()
		defer g.opening.Unlock()
		return m.private.unprotect(g.suite, g.messages, g.secrets.senderData, g.hearFrom, g.authenticate)
	}
	return nil, invalid("not a framed message")
}

// hearFrom: RFC 9420 §6.3.2, the sender's leaf is not blank; and a member does
// not decrypt its own messages.
func (g *Group) hearFrom(l LeafIndex) error {
	if l == g.own {
		return ErrOwnMessage
	}
	if g.tree.leaf(l) == nil {
		return invalid("sender leaf %d is blank", l)
	}
	return nil
}

// AppMessage is an opened application message.
type AppMessage struct {
	Sender            LeafIndex
	Data              []byte
	AuthenticatedData []byte
	Epoch             uint64
}

// Seal encrypts and signs application data for the group (RFC 9420 §15).
func (g *Group) Seal(plaintext, authenticatedData []byte) ([]byte, error) {
	if err := g.canSend(); err != nil {
		return nil, err
	}
	a := &authenticatedContent{wireFormat: wirePrivateMessage, content: g.content(contentApplication, authenticatedData)}
	a.content.application = plaintext
	if err := a.sign(g.signer, g.context.bytes()); err != nil {
		return nil, err
	}
	m, err := a.protectPrivate(g.suite, g.messages, g.secrets.senderData, g.rand)
	if err != nil {
		return nil, err
	}
	return encoded((&message{private: m}).encode), nil
}

// Open decrypts an application message of this epoch. Every generation of a
// sender opens once, and none more than 8,192 ahead.
func (g *Group) Open(b []byte) (AppMessage, error) {
	m, err := parseMessage(b)
	if err != nil {
		return AppMessage{}, err
	}
	if m.private == nil || m.private.kind != contentApplication {
		return AppMessage{}, invalid("not an application message")
	}
	a, err := g.open(m)
	if err != nil {
		return AppMessage{}, err
	}
	return AppMessage{LeafIndex(a.content.sender.index), a.content.application, a.content.authenticated, a.content.epoch}, nil
}

// Process checks a commit and returns the next epoch's group; g stays as it
// was. For a commit that removes this member it returns the summary and
// [ErrRemoved].
func (g *Group) Process(commit []byte, now time.Time) (*Group, *CommitSummary, error) {
	if g.closed {
		return nil, nil, ErrReinitialised
	}
	m, err := parseMessage(commit)
	if err != nil {
		return nil, nil, err
	}
	a, err := g.open(m)
	if errors.Is(err, ErrOwnMessage) {
		err = ErrOwnCommit
	}
	if err != nil {
		return nil, nil, err
	}
	return g.process(a, commitHash(commit), now)
}

func (g *Group) process(a *authenticatedContent, hash []byte, now time.Time) (*Group, *CommitSummary, error) {
	from := a.content.sender
	if from.kind == SenderMember && LeafIndex(from.index) == g.own {
		return nil, nil, ErrOwnCommit
	}
	s, err := g.stage(a, g.lookup, g.policy, now)
	if err != nil {
		return nil, nil, err
	}
	for _, m := range s.removed {
		if m.Leaf == g.own {
			return nil, s.summary(hash), ErrRemoved
		}
	}
	n := g.next(s)
	g.adoptUpdate(n)
	commitSecret := g.suite.zero()
	if s.path != nil {
		context := s.next.context.bytes()
		fresh, secret, err := n.tree.openPath(g.own, n.keys, s.steps, s.path, s.added, context)
		if err != nil {
			return nil, nil, err
		}
		maps.Copy(n.keys, fresh)
		commitSecret = secret
	}
	defer wipe(commitSecret)
	init := g.secrets.init
	if s.externalInit != nil {
		if init, err = g.externalInit(s.externalInit); err != nil {
			return nil, nil, err
		}
		defer wipe(init)
	}
	s.finish(&g.publicState, a)
	n.publicState = s.next
	joiner, welcomeSecret, err := g.advance(n, init, commitSecret, s.psks, g.psks)
	if err != nil {
		return nil, nil, err
	}
	wipe(joiner)
	wipe(welcomeSecret)
	if !n.confirmed(a.confirmationTag) {
		return nil, nil, ErrConfirmation
	}
	return n, s.summary(hash), nil
}

// adoptUpdate gives n the private key of this member's own Update, if the
// commit put it into the tree.
func (g *Group) adoptUpdate(n *Group) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if leaf := n.tree.leaf(g.own); leaf != nil {
		if key, ok := g.updates[string(leaf.EncryptionKey)]; ok {
			n.keys[g.own.node()] = key
		}
	}
}
